"""Change-only syncing: what Klaviyo has accepted is not sent again, everything else is."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from klaviyo_sandbox.sandbox import Sandbox
from tests import processes
from tests.target.running import (
    Load,
    environment,
    held,
    load,
    profiles,
    records,
    run_here,
    run_target,
    schema,
    sent,
    state,
    text,
)
from tests.waiting import until

CUSTOMERS = schema("customers", "number", "email", "title", keys=["number"])
MAPPED: dict[str, Any] = {"customers": {"sink": "profiles"}}
UNCHANGED = "skipped: unchanged"
ROWS = [{"number": str(n), "email": f"p{n}@shop.org", "title": "Ms"} for n in range(6)]
PERSON = ROWS[0]


def customers(*rows: dict[str, Any]) -> list[Any]:
    return [CUSTOMERS, *records("customers", rows), state({"done": True})]


def sync(sandbox: Sandbox, store: Path, *rows: dict[str, Any], **settings: Any) -> Load:
    chosen = {"streams": MAPPED, "change_store": str(store), **settings}
    loaded = load(sandbox, customers(*rows), **chosen)
    counts = loaded.counts("customers")
    assert sum(counts.values()) == loaded.tallies["customers"].rows == len(rows)
    return loaded


def counted(sandbox: Sandbox, store: Path, *rows: dict[str, Any], **settings: Any) -> Any:
    loaded = sync(sandbox, store, *rows, **settings)
    assert loaded.error is None
    return loaded.counts("customers")


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "changes.db"


def titles(sandbox: Sandbox) -> dict[str, str]:
    return {email: one["title"] for email, one in profiles(sandbox).items()}


def test_only_what_changed_is_sent(sandbox: Sandbox, tmp_path: Path, store: Path) -> None:
    settings = {"streams": MAPPED, "change_store": str(store)}
    ran = run_target(sandbox.url, customers(*ROWS), **settings)
    assert ran.figures("customers")["accepted"] == 6
    changed = [{**one, "title": "Dr"} if one["number"] in "14" else one for one in ROWS]
    ran = run_target(
        sandbox.url, customers(*changed), receipts_path=str(tmp_path / "receipts"), **settings
    )
    assert (ran.code, ran.states) == (0, [{"done": True}])
    figures = ran.figures("customers")
    assert (figures["rows"], figures["accepted"], figures["skipped"]) == (6, 2, 4)
    assert "skipped 4: unchanged (first: row 1)" in ran.log
    assert (tmp_path / "receipts").read_text().count('"reason":"unchanged"') == 4
    assert titles(sandbox) == {one["email"]: one["title"] for one in changed}
    ran = run_target(sandbox.url, customers(*changed), **settings)
    assert ran.figures("customers")["skipped"] == 6
    assert ran.figures("customers")["requests"] == 0
    assert len(sent(sandbox, "bulk_import_profiles")) == 2


def test_refused_rows_are_tried_again(sandbox: Sandbox, tmp_path: Path, store: Path) -> None:
    bad = {"number": "9", "email": "no address", "title": ""}
    chosen = {"on_error": "dead_letter", "dead_letter_path": str(tmp_path / "letters")}
    sandbox.faults.add("bulk_import_profiles", "row_failure", row=2)
    counts = counted(sandbox, store, *ROWS, bad, **chosen)
    assert counts["accepted"] == 5
    assert sum(n for reason, n in counts.items() if reason.startswith("rejected")) == 2
    counts = counted(sandbox, store, *ROWS, bad, **chosen)
    assert counts == {
        UNCHANGED: 5,
        "accepted": 1,
        "rejected: column 'email' is no e-mail address": 1,
    }


def test_rows_of_unknown_fate_are_sent_again(sandbox: Sandbox, store: Path) -> None:
    counted(sandbox, store, *ROWS)
    changed = {**PERSON, "title": "Dr"}
    sandbox.faults.add("bulk_import_profiles", "cancelled_job")
    loaded = sync(sandbox, store, changed, *ROWS[1:])
    ((reason, _),) = [one for one in loaded.counts("customers").items() if one[0] != UNCHANGED]
    assert reason.startswith("unknown")
    # What was known of it before holds no longer either.
    assert counted(sandbox, store, *ROWS) == {"accepted": 1, UNCHANGED: 5}
    assert titles(sandbox)["p0@shop.org"] == "Ms"


def test_nothing_is_remembered_of_a_run_that_could_not_send(sandbox: Sandbox, store: Path) -> None:
    sandbox.faults.add("bulk_import_profiles", "status", status=401)
    assert sync_error(sandbox, store)
    assert counted(sandbox, store, *ROWS) == {"accepted": 6}


def sync_error(sandbox: Sandbox, store: Path, **settings: Any) -> str:
    chosen = {"streams": MAPPED, "change_store": str(store), **settings}
    loaded = load(sandbox, customers(*ROWS), **chosen)
    assert loaded.error is not None
    assert loaded.states == []
    return str(loaded.error)


def test_of_rows_with_one_key_the_last_counts(sandbox: Sandbox, store: Path) -> None:
    twice = [PERSON, {**PERSON, "title": "Dr"}]
    merged = {"accepted": 1, "skipped: merged into a later row of the same person or thing": 1}
    for _ in range(2):
        assert counted(sandbox, store, *twice) == merged
        assert titles(sandbox) == {"p0@shop.org": "Dr"}
    for _ in range(2):
        assert counted(sandbox, store, *twice, batch_size_rows=1) == {"accepted": 2}
        assert titles(sandbox) == {"p0@shop.org": "Dr"}
    assert counted(sandbox, store, twice[1]) == {UNCHANGED: 1}
    assert counted(sandbox, store, twice[0]) == {"accepted": 1}


@pytest.mark.parametrize(
    "settings",
    [
        {"null_policy": "clear"},
        {"default_phone_region": "US"},
        {"streams": {"customers": {"sink": "profiles", "ignore_columns": ["number"]}}},
        {"streams": {"customers": {"sink": "profiles", "types": {"number": "integer"}}}},
        {"api_key": "pk_other"},
    ],
)
def test_another_way_to_read_or_another_account_sends_all_again(
    store: Path, settings: dict[str, Any]
) -> None:
    # These keys may not read the account's id, so another one may be of another account.
    scopes = [f"{name}:{right}" for name in ("profiles", "lists") for right in ("read", "write")]
    keys = dict.fromkeys(("pk_test", "pk_other"), scopes)
    with Sandbox(profiles=0, events=0, limits=False, time_scale=100, keys=keys) as sandbox:
        counted(sandbox, store, *ROWS)
        assert counted(sandbox, store, *ROWS) == {UNCHANGED: 6}
        assert counted(sandbox, store, *ROWS, **settings) == {"accepted": 6}


def test_what_changes_no_payload_sends_nothing_again(sandbox: Sandbox, store: Path) -> None:
    counted(sandbox, store, *ROWS)
    others: dict[str, Any] = {"max_parallel_requests": 2, "api_key": "pk_new"}
    assert counted(sandbox, store, *ROWS, **others) == {UNCHANGED: 6}


def test_a_new_column_changes_only_rows_that_fill_it(sandbox: Sandbox, store: Path) -> None:
    counted(sandbox, store, *ROWS)
    wider = schema("customers", "number", "email", "title", "size", keys=["number"])
    rows = [ROWS[0], {**ROWS[1], "size": "L"}]
    loaded = load(
        sandbox,
        [wider, *records("customers", rows)],
        streams=MAPPED,
        change_store=str(store),
    )
    assert loaded.counts("customers") == {"accepted": 1, UNCHANGED: 1}


def test_streams_do_not_share_what_is_remembered(sandbox: Sandbox, store: Path) -> None:
    counted(sandbox, store, *ROWS)
    messages = [{**one, "stream": "buyers"} for one in customers(*ROWS) if "stream" in one]
    buyers = {"buyers": {"sink": "profiles"}}
    loaded = load(sandbox, messages, streams=buyers, change_store=str(store))
    assert loaded.counts("buyers") == {"accepted": 6}


def test_without_the_file_everything_is_sent_once(sandbox: Sandbox, store: Path) -> None:
    counted(sandbox, store, *ROWS)
    store.unlink()
    assert counted(sandbox, store, *ROWS) == {"accepted": 6}
    assert counted(sandbox, store, *ROWS) == {UNCHANGED: 6}


def test_a_stream_without_keys_is_sent_whole(sandbox: Sandbox, tmp_path: Path, store: Path) -> None:
    messages = [schema("profiles", "email"), *records("profiles", [{"email": "a@shop.org"}])]
    for _ in range(2):
        ran = run_here(tmp_path, sandbox.url, messages, change_store=str(store))
        assert ran.figures("profiles")["accepted"] == 1
        assert "has no key properties: change_store skips none of it" in ran.log


def test_a_mirror_sees_all_rows(sandbox: Sandbox, store: Path) -> None:
    people = [{"email": one["email"]} for one in ROWS]
    load(sandbox, [schema("profiles", "email"), *records("profiles", people)])
    told = schema("list_profiles", "list_name", "email", keys=["email"])
    listed = [{"list_name": "News", **one} for one in people]
    chosen = {"streams": {"list_profiles": {"mode": "mirror"}}, "change_store": str(store)}
    for _ in range(2):
        messages = [told, *records("list_profiles", listed), state({})]
        loaded = load(sandbox, messages, **chosen)
        assert loaded.error is None
        assert UNCHANGED not in loaded.counts("list_profiles")
    (news,) = [one["id"] for one in held(sandbox, "get_lists") if one["name"] == "News"]
    assert len(held(sandbox, "get_profiles_for_list", id=news)) == len(ROWS)


def test_another_mode_counts_as_a_change(sandbox: Sandbox, store: Path) -> None:
    people = [{"email": one["email"]} for one in ROWS]
    load(sandbox, [schema("profiles", "email"), *records("profiles", people)])
    told = schema("list_profiles", "list_name", "email", keys=["email"])
    messages = [told, *records("list_profiles", [{"list_name": "N", **one} for one in people])]
    for mode in ("add", "remove", "add"):
        chosen = {"streams": {"list_profiles": {"mode": mode}}, "change_store": str(store)}
        assert load(sandbox, messages, **chosen).counts("list_profiles") == {"accepted": 6}
        assert load(sandbox, messages, **chosen).counts("list_profiles") == {UNCHANGED: 6}


def test_a_row_with_an_empty_key_is_always_sent(sandbox: Sandbox, store: Path) -> None:
    nameless = {**PERSON, "number": ""}
    for _ in range(2):
        assert counted(sandbox, store, nameless) == {"accepted": 1}


def test_a_dry_run_changes_nothing(sandbox: Sandbox, store: Path) -> None:
    assert counted(sandbox, store, *ROWS, dry_run=True) == {"accepted": 6}
    assert not store.exists()
    counted(sandbox, store, *ROWS)
    changed = [{**PERSON, "title": "Dr"}, *ROWS[1:]]
    for _ in range(2):
        counts = counted(sandbox, store, *changed, dry_run=True)
        assert counts == {"accepted": 1, UNCHANGED: 5}
    assert counted(sandbox, store, *ROWS) == {UNCHANGED: 6}


def test_the_file_holds_no_data_and_is_its_owners(sandbox: Sandbox, store: Path) -> None:
    counted(sandbox, store, *ROWS)
    assert store.stat().st_mode & 0o777 == 0o600
    content = store.read_bytes()
    assert b"shop.org" not in content
    assert b"customers" not in content
    with closing(sqlite3.connect(store)) as connection:
        # Six rows, and which row has the last word on each of six people.
        assert connection.execute("SELECT count(*) FROM accepted").fetchone() == (12,)


def test_events_that_klaviyo_has_are_not_sent_again(sandbox: Sandbox, store: Path) -> None:
    told = schema("events", "id", "email", "metric", "time", keys=["id"])
    rows = [
        {"id": str(n), "email": "a@shop.org", "metric": "Called", "time": "2026-01-02T03:04:05Z"}
        for n in range(3)
    ]
    messages = [told, *records("events", [*rows, rows[0]])]
    loaded = load(sandbox, messages, change_store=str(store))
    assert loaded.counts("events") == {"accepted": 3, "skipped: duplicate": 1}
    loaded = load(sandbox, messages, change_store=str(store))
    assert loaded.counts("events") == {UNCHANGED: 4}
    assert sent(sandbox, "bulk_create_events") == [202]


def test_a_file_that_cannot_be_used_is_named(sandbox: Sandbox, tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("no database " * 100)
    assert "no database, or damaged; deleting it" in sync_error(sandbox, text)
    other = tmp_path / "other.db"
    with closing(sqlite3.connect(other)) as connection, connection:
        connection.execute("CREATE TABLE mine (id)")
    assert "is another program's database" in sync_error(sandbox, other)
    assert "No such file or directory" in sync_error(sandbox, tmp_path / "none" / "store.db")
    store = tmp_path / "store.db"
    counted(sandbox, store, *ROWS)
    holder = sqlite3.connect(store, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    assert "is in use by another run" in sync_error(sandbox, store)
    holder.close()
    assert counted(sandbox, store, *ROWS) == {UNCHANGED: 6}


CONSENTS = schema("log", "number", "email", "consent", "list_name", keys=["number"])
LOGGED: dict[str, Any] = {
    "log": {
        "sink": "subscriptions",
        "columns": {
            "channel": {"constant": "email"},
            "message_type": {"constant": "marketing"},
            "historical_import": {"constant": True},
            "consented_at": {"constant": "2024-01-01T00:00:00Z"},
        },
    }
}
YES = {"number": "1", "email": "ada@shop.org", "consent": "SUBSCRIBED"}
NO = {"number": "2", "email": "Ada@shop.org", "consent": "UNSUBSCRIBED"}


def consent(sandbox: Sandbox) -> str:
    (person,) = sandbox.account.resources("profile")
    found: str = person["attributes"]["subscriptions"]["email"]["marketing"]["consent"]
    return found


@pytest.mark.parametrize("rows_at_once", [10_000, 1])
def test_a_log_of_consents_never_brings_an_old_one_back(
    sandbox: Sandbox, store: Path, rows_at_once: int
) -> None:
    """A consent that a later row withdraws is not sent by the next run, nor when it is edited."""
    chosen = {"streams": LOGGED, "change_store": str(store), "batch_size_rows": rows_at_once}

    def run(*rows: dict[str, Any]) -> dict[str, int]:
        loaded = load(sandbox, [CONSENTS, *records("log", rows)], **chosen)
        assert loaded.error is None
        return loaded.counts("log")

    load(sandbox, [schema("profiles", "email"), *records("profiles", [{"email": YES["email"]}])])
    run(YES, NO)
    assert consent(sandbox) == "UNSUBSCRIBED"
    assert run(YES, NO) == {UNCHANGED: 2}
    edited = run({**YES, "list_name": "News"}, NO)
    assert UNCHANGED not in edited
    assert consent(sandbox) == "UNSUBSCRIBED"
    again = {"number": "3", "email": "ada@shop.org", "consent": "SUBSCRIBED"}
    assert run({**YES, "list_name": "News"}, NO, again) == {UNCHANGED: 2, "accepted": 1}
    assert consent(sandbox) == "SUBSCRIBED"


def test_a_run_that_ends_before_the_withdrawal_leaves_it_to_the_next(
    sandbox: Sandbox, store: Path
) -> None:
    """An edited consent goes out; the unchanged row that takes it back does not come any more."""
    chosen = {"streams": LOGGED, "change_store": str(store), "batch_size_rows": 1}

    def run(*rows: dict[str, Any]) -> dict[str, int]:
        loaded = load(sandbox, [CONSENTS, *records("log", rows)], **chosen)
        assert loaded.error is None
        return loaded.counts("log")

    run(YES, NO)
    edited = {**YES, "list_name": "News"}
    run(edited)
    assert consent(sandbox) == "SUBSCRIBED"
    assert run(edited, NO) == {UNCHANGED: 1, "accepted": 1}
    assert consent(sandbox) == "UNSUBSCRIBED"
    assert run(edited, NO) == {UNCHANGED: 2}


@pytest.mark.parametrize("keys", [["number"], []])
def test_a_withdrawal_of_another_stream_counts_too(
    sandbox: Sandbox, store: Path, keys: list[str]
) -> None:
    """As all streams of a sink take effect in the order of their rows."""
    streams = {"log": LOGGED["log"], "gone": LOGGED["log"]}
    given = {**CONSENTS, "key_properties": keys}
    gone = {**CONSENTS, "stream": "gone"}

    def run(told: dict[str, Any]) -> list[dict[str, int]]:
        messages = [given, *records("log", [told]), gone, *records("gone", [NO])]
        loaded = load(sandbox, messages, streams=streams, change_store=str(store))
        assert loaded.error is None
        assert consent(sandbox) == "UNSUBSCRIBED"
        return [loaded.counts(one) for one in streams]

    run(YES)
    edited = {**YES, "list_name": "News"}
    assert run(edited) == [{"accepted": 1}, {"accepted": 1}]
    assert run(edited) == [{UNCHANGED if keys else "accepted": 1}] * 2


@pytest.mark.parametrize(
    ("sink", "row", "undone"),
    [
        (
            "list_profiles",
            {"list_name": "News", "email": "ada@shop.org"},
            "remove_profiles_from_list",
        ),
        ("tag_links", {"list_name": "News", "tag_name": "Old"}, "remove_tag_from_lists"),
    ],
)
def test_what_one_stream_adds_and_another_takes_away_stays_away(
    sandbox: Sandbox, store: Path, sink: str, row: dict[str, str], undone: str
) -> None:
    made = {"profiles": "email", "lists": "name", "tags": "name"}
    for name, value in zip(made, ("ada@shop.org", "News", "Old"), strict=True):
        load(sandbox, [schema(name, made[name]), *records(name, [{made[name]: value}])])
    streams = {mode: {"sink": sink, "mode": mode} for mode in ("add", "remove")}

    def run(why: str) -> list[dict[str, int]]:
        messages = [
            message
            for mode in streams
            for message in (
                schema(mode, *row, "why", keys=["list_name"]),
                *records(mode, [{**row, "why": why if mode == "add" else ""}]),
            )
        ]
        loaded = load(sandbox, messages, streams=streams, change_store=str(store))
        assert loaded.error is None
        return [loaded.counts(mode) for mode in streams]

    run("born")
    assert run("edited") == [{"accepted": 1}, {"accepted": 1}]
    assert len(sent(sandbox, undone)) == 2
    assert run("edited") == [{UNCHANGED: 1}, {UNCHANGED: 1}]


def test_rows_of_one_person_do_not_send_each_other_again_for_ever(
    sandbox: Sandbox, store: Path
) -> None:
    first, second = PERSON, {**PERSON, "number": "99", "title": "Dr"}
    counted(sandbox, store, second, first)
    edited = {**second, "title": "Mx"}
    counts = [counted(sandbox, store, first, edited, batch_size_rows=1) for _ in range(4)]
    assert counts[-1] == {UNCHANGED: 2}
    assert titles(sandbox) == {PERSON["email"]: "Mx"}


def test_one_changed_consent_does_not_send_the_others_again(sandbox: Sandbox, store: Path) -> None:
    """Another consent of the same person may start a message when it is sent once more."""
    columns = {name: one for name, one in LOGGED["log"]["columns"].items() if name != "channel"}
    chosen = {
        "streams": {"log": {"sink": "subscriptions", "columns": columns}},
        "change_store": str(store),
    }
    told = schema("log", "number", "email", "phone_number", "channel", "consent", keys=["number"])
    email = {**YES, "phone_number": "+14155550123", "channel": "email"}
    sms = {**email, "number": "2", "channel": "sms"}
    assert load(sandbox, [told, *records("log", [email, sms])], **chosen).error is None
    changed = {**email, "consent": "UNSUBSCRIBED"}
    loaded = load(sandbox, [told, *records("log", [changed, sms])], **chosen)
    assert loaded.counts("log") == {"accepted": 1, UNCHANGED: 1}


def test_a_consent_that_is_taken_late_does_not_beat_the_withdrawal(
    sandbox: Sandbox, store: Path, tmp_path: Path
) -> None:
    """The first row is refused in the first run only; the second, unchanged, still counts."""
    letters = {"on_error": "dead_letter", "dead_letter_path": str(tmp_path / "letters")}
    chosen = {"streams": LOGGED, "change_store": str(store), "batch_size_rows": 1, **letters}
    messages = [CONSENTS, *records("log", [YES, NO])]
    sandbox.faults.add("bulk_subscribe_profiles", "status", status=400)
    assert load(sandbox, messages, **chosen).counts("log")["accepted"] == 1
    assert load(sandbox, messages, **chosen).counts("log") == {"accepted": 2}
    assert consent(sandbox) == "UNSUBSCRIBED"
    assert load(sandbox, messages, **chosen).counts("log") == {UNCHANGED: 2}


def test_of_two_rows_of_one_person_the_later_one_wins_in_every_run(
    sandbox: Sandbox, store: Path
) -> None:
    first, second = PERSON, {**PERSON, "number": "99", "title": "Dr"}
    assert counted(sandbox, store, first, second)["accepted"] == 1
    assert counted(sandbox, store, first, second) == {UNCHANGED: 2}
    assert UNCHANGED not in counted(sandbox, store, {**first, "title": "Mx"}, second)
    assert titles(sandbox) == {PERSON["email"]: "Dr"}


def test_a_kill_between_sending_and_remembering_sends_again(store: Path) -> None:
    """What was sent is forgotten first: a row changed back is not taken for unchanged."""
    changed = {**PERSON, "title": "Dr"}
    with Sandbox(profiles=0, events=0, limits=False, time_scale=100) as sandbox:
        assert counted(sandbox, store, PERSON) == {"accepted": 1}
        sandbox.faults.add("get_bulk_import_profiles_job", "held")
        own = {"streams": MAPPED, "change_store": str(store)}
        env = environment(sandbox.url, own)
        with processes.start("target_klaviyo", env=env, stdin=processes.PIPE) as process:
            process.stdin.write(text(customers(changed)).encode())
            process.stdin.close()
            until(lambda: bool(sandbox.faults.met()))
            process.kill()
        sandbox.faults.clear()
        # The job goes on without whoever waited for it.
        until(lambda: titles(sandbox) == {PERSON["email"]: "Dr"})
        assert counted(sandbox, store, PERSON) == {"accepted": 1}
        assert titles(sandbox) == {PERSON["email"]: "Ms"}
