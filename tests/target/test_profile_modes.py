"""Profiles as a stream's mode has it, property by property, through the real command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from klaviyo_client.auth import PrivateKey
from klaviyo_client.client import KlaviyoClient
from klaviyo_client.client_settings import ClientSettings
from klaviyo_sandbox.sandbox import Sandbox
from target_klaviyo.courier import Courier
from target_klaviyo.outcomes import ACCEPTED, Row
from target_klaviyo.plans import shipped
from target_klaviyo.profile_modes import CREATE, PRESENT, build_new_profile
from tests.target.running import (
    Run,
    held,
    load,
    profiles,
    records,
    run_target,
    schema,
    sent,
    state,
    stream_rules,
)

STREAM = "profiles"
PHONE = "+14155550123"
COLUMNS = ("email", "phone_number", "external_id", "first_name", "note")


def rows_of(*rows: dict[str, Any], stream: str = STREAM, **typed: Any) -> list[Any]:
    return [schema(stream, *COLUMNS, **typed), *records(stream, rows), state({"n": 1})]


def in_mode(mode: str, folder: Path | None = None, **others: Any) -> dict[str, Any]:
    letters = {"on_error": "dead_letter", "dead_letter_path": str(folder / "l")} if folder else {}
    return {"streams": {STREAM: {"mode": mode}}, **letters, **others}


def figures(run: Run, stream: str = STREAM) -> dict[str, int]:
    found = run.figures(stream)
    names = ("rows", "accepted", "skipped", "rejected", "unknown")
    assert found["rows"] == sum(found[name] for name in names[1:])
    return {name: found[name] for name in names if found[name]}


@pytest.fixture
def people(sandbox: Sandbox) -> dict[str, dict[str, Any]]:
    rows = [
        {"email": "ada@shop.org", "external_id": "1", "first_name": "Ada"},
        {"email": "ben@shop.org", "phone_number": PHONE, "first_name": "Ben"},
        {"external_id": "3", "email": "cy@shop.org"},
    ]
    assert load(sandbox, rows_of(*rows)).error is None
    sandbox.requests.clear()
    return profiles(sandbox)


def names(sandbox: Sandbox) -> dict[str, str | None]:
    return {one["email"]: one["first_name"] for one in profiles(sandbox).values()}


def test_update_only_never_makes_a_profile(
    sandbox: Sandbox, people: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    rows = [
        {"email": "ADA@shop.org", "first_name": "Augusta"},
        {"external_id": "1", "note": "by number"},
        {"phone_number": PHONE, "first_name": "Benjamin"},
        {"email": "new@shop.org", "first_name": "New"},
        {"external_id": "3", "email": "new@shop.org"},
        {"external_id": "1", "email": "ben@shop.org", "first_name": "Both"},
        {"email": "no address"},
        {"email": "cy@shop.org", "note": "x" * 100_001},
    ]
    run = run_target(sandbox.url, rows_of(*rows), **in_mode("update_only", tmp_path))
    assert run.code == 0, run.log
    assert figures(run) == {"rows": 8, "accepted": 3, "skipped": 2, "rejected": 3}
    assert "no profile has these identifiers" in run.log, "\n".join(run.log.splitlines()[-9:])
    assert "its identifiers belong to different profiles" in run.log
    assert names(sandbox) == {
        "ada@shop.org": "Augusta",
        "ben@shop.org": "Benjamin",
        "new@shop.org": None,
    }
    found = profiles(sandbox)
    assert found["ada@shop.org"]["properties"] == {"note": "by number"}
    assert found["new@shop.org"]["id"] == people["cy@shop.org"]["id"]


def test_identities_of_an_update_are_looked_up_100_at_a_time(sandbox: Sandbox) -> None:
    rows = [{"email": f"p{number}@shop.org", "note": "x"} for number in range(250)]
    run = run_target(sandbox.url, rows_of(*rows), **in_mode("update_only"))
    assert figures(run) == {"rows": 250, "skipped": 250}
    assert sent(sandbox, "get_profiles") == [200, 200, 200]
    assert sandbox.account.count("profile") == 0


@pytest.mark.usefixtures("people")
def test_create_only_leaves_known_people_as_they_are(sandbox: Sandbox, tmp_path: Path) -> None:
    rows = [
        {"email": "ada@shop.org", "first_name": "Changed"},
        {"email": "other@shop.org", "external_id": "3", "first_name": "Changed"},
        {"email": "dee@shop.org", "first_name": "De"},
        {"email": "dee@shop.org", "first_name": "Dee"},
        {"email": "eve@shop.org", "note": "x" * 100_001},
        {"email": "no address"},
    ]
    run = run_target(sandbox.url, rows_of(*rows), **in_mode("create_only", tmp_path))
    assert run.code == 0, run.log
    assert figures(run) == {"rows": 6, "accepted": 1, "skipped": 3, "rejected": 2}
    assert names(sandbox) == {
        "ada@shop.org": "Ada",
        "ben@shop.org": "Ben",
        "cy@shop.org": None,
        "dee@shop.org": "Dee",
    }
    assert sent(sandbox, "create_profile") == [201]


@pytest.mark.usefixtures("people")
def test_somebody_created_since_the_look_up_is_left_alone(sandbox: Sandbox) -> None:
    """Klaviyo's 409 says that they were there after all."""
    rows = [{"email": "ada@shop.org", "first_name": "Changed"}, {"email": "zoe@shop.org"}]
    lines = [Row(1, json.dumps({"record": one})) for one in rows]
    items = [
        build_new_profile(one, row, stream_rules()) for one, row in zip(rows, lines, strict=True)
    ]
    with KlaviyoClient(PrivateKey("pk_test"), ClientSettings(base_url=sandbox.url)) as client:
        courier = Courier(client, 1, 10.0)
        delivery = courier.deliver(shipped(CREATE, items), STREAM)
        courier.close()
    assert [one.outcome for one in delivery.settled] == [PRESENT, ACCEPTED]
    assert sent(sandbox, "create_profile") == [409, 201]
    assert names(sandbox)["ada@shop.org"] == "Ada"


def test_a_conflict_that_names_no_profile_is_a_refusal(sandbox: Sandbox) -> None:
    sandbox.faults.add("create_profile", "status", status=409)
    run = run_target(sandbox.url, rows_of({"email": "zoe@shop.org"}), **in_mode("create_only"))
    assert figures(run) == {"rows": 1, "rejected": 1}
    assert "Klaviyo answered 409 (conflict)" in run.log


@pytest.mark.usefixtures("people")
def test_a_conflict_names_the_other_profile(sandbox: Sandbox, tmp_path: Path) -> None:
    """In the detail of the dead letter, which holds the row anyway."""
    single = {"streams": {"profiles": {"immediate": True}}}
    both = {"email": "ada@shop.org", "phone_number": PHONE}
    letters = tmp_path / "letters.jsonl"
    chosen = {"on_error": "dead_letter", "dead_letter_path": str(letters)}
    run = run_target(sandbox.url, rows_of(both, {"email": "zoe@shop.org"}), **single, **chosen)
    assert figures(run) == {"rows": 2, "accepted": 1, "rejected": 1}
    assert "rejected 1: another profile has one of its identifiers" in run.log
    _, letter = map(json.loads, letters.read_text().splitlines())
    ids = {one["id"] for one in held(sandbox, "get_profiles")}
    assert letter["_rejected"]["detail"].rpartition(" ")[2] in ids


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize("stream", ["profiles", "profile_deletions"])
def test_deletions(sandbox: Sandbox, tmp_path: Path, stream: str) -> None:
    rows = [
        {"email": "Ada@shop.org"},
        {"email": "ada@shop.org", "external_id": "1"},
        {"external_id": "3"},
        {"external_id": "nobody"},
        {"email": "no address"},
        {"email": "x" * 99 + "@shop.org"},
    ]
    settings = in_mode("delete", tmp_path)
    if stream == "profile_deletions":
        del settings["streams"]
    run = run_target(sandbox.url, rows_of(*rows, stream=stream), **settings)
    assert run.code == 0, run.log
    assert figures(run, stream) == {"rows": 6, "accepted": 2, "skipped": 2, "rejected": 2}
    assert sent(sandbox, "request_profile_deletion") == [202, 202]
    assert set(names(sandbox)) == {"ben@shop.org"}


@pytest.mark.usefixtures("people")
def test_nobody_is_deleted_in_a_dry_run(sandbox: Sandbox) -> None:
    rows = rows_of({"email": "ada@shop.org"})
    run = run_target(sandbox.url, rows, **in_mode("delete", dry_run=True))
    assert "first payload of request_profile_deletion" in run.log
    assert len(names(sandbox)) == 3


OPERATIONS = {
    "email": "email",
    "properties.size": "size",
    "append.tags": "tag",
    "unappend.tags": "gone",
    "unset.old": "drop_old",
}


def patched(*rows: dict[str, Any], **others: Any) -> tuple[list[Any], dict[str, Any]]:
    columns = ("email", "size", "tag", "gone", "drop_old")
    messages = [
        schema("people", *columns, tag={"type": ["array", "string", "null"]}),
        *records("people", rows),
        state({"n": 1}),
    ]
    return messages, {"streams": {"people": {"sink": "profiles", "columns": OPERATIONS}}, **others}


def test_properties_are_set_appended_to_taken_from_and_removed(sandbox: Sandbox) -> None:
    start = {"tags": ["a", "b"], "old": 1, "kept": True}
    told = schema("profiles", "email", properties={"type": "object"})
    rows = [{"email": "ada@shop.org", "properties": start}]
    assert load(sandbox, [told, *records("profiles", rows)]).error is None
    messages, settings = patched(
        {"email": "ada@shop.org", "size": "L", "tag": ["c", "d"]},
        {"email": "ada@shop.org", "gone": "a", "drop_old": "true"},
        {"email": "ada@shop.org", "size": "M", "tag": "e", "drop_old": "no"},
    )
    run = run_target(sandbox.url, messages, **settings)
    assert figures(run, "people") == {"rows": 3, "accepted": 3}
    assert profiles(sandbox)["ada@shop.org"]["properties"] == {
        "tags": ["b", "c", "d", "e"],
        "kept": True,
        "size": "M",
    }


def test_one_property_is_not_changed_in_two_ways(sandbox: Sandbox, tmp_path: Path) -> None:
    messages, settings = patched({"email": "ada@shop.org", "tag": "a", "gone": "b"})
    letters = {"on_error": "dead_letter", "dead_letter_path": str(tmp_path / "letters")}
    run = run_target(sandbox.url, messages, **settings, **letters)
    assert figures(run, "people") == {"rows": 1, "rejected": 1}
    assert "changes one property in two ways" in run.log


def test_an_append_is_not_repeated_when_its_answer_gets_lost(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    sandbox.faults.add("bulk_import_profiles", "lost_response")
    letters = tmp_path / "letters"
    messages, settings = patched({"email": "ada@shop.org", "tag": "a"})
    run = run_target(
        sandbox.url,
        messages,
        **settings,
        on_error="dead_letter",
        dead_letter_path=str(letters),
    )
    assert figures(run, "people") == {"rows": 1, "unknown": 1}
    assert len(sent(sandbox, "bulk_import_profiles")) == 1
    letter = json.loads(letters.read_text().splitlines()[-1])
    assert "look in Klaviyo before sending it again" in letter["_rejected"]["reason"]


def test_a_row_that_clears_an_identifier_keeps_its_place(sandbox: Sandbox) -> None:
    """Merged with the next row, it would leave the number with its person."""
    load(sandbox, rows_of({"email": "ada@shop.org", "external_id": "1"}))
    null = {"external_id": None}
    rows = rows_of({"email": "ada@shop.org", **null}, {"email": "ben@shop.org", "external_id": "1"})
    run = run_target(sandbox.url, rows, null_policy="clear")
    assert run.code == 0, run.log
    found = {one["email"]: one["external_id"] for one in held(sandbox, "get_profiles")}
    assert found == {"ada@shop.org": None, "ben@shop.org": "1"}


def test_rows_that_failed_together_say_so(sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.faults.add("bulk_import_profiles", "row_failure", row=0)
    letters = tmp_path / "letters"
    rows = rows_of(
        {"email": "ada@shop.org", "first_name": "Ada"},
        {"email": "ben@shop.org"},
        {"email": "ada@shop.org", "note": "x"},
    )
    settings = {"on_error": "dead_letter", "dead_letter_path": str(letters)}
    run = run_target(sandbox.url, rows, **settings)
    assert figures(run) == {"rows": 3, "accepted": 1, "rejected": 2}
    kept = [json.loads(line) for line in letters.read_text().splitlines()]
    reasons = [one["_rejected"] for one in kept if "_rejected" in one]
    assert [one["row"] for one in reasons] == [1, 3]
    assert all("sent as one with other rows" in one["reason"] for one in reasons)
    assert all("rows 1, 3" in one["detail"] for one in reasons)


def test_receipts_of_a_dry_run_say_so(sandbox: Sandbox, tmp_path: Path) -> None:
    receipts = tmp_path / "receipts"
    rows = rows_of({"email": "ada@shop.org"}, {"email": "no address"})
    for dry_run in (True, False):
        run_target(sandbox.url, rows, dry_run=dry_run, receipts_path=str(receipts))
    kept = [json.loads(line) for line in receipts.read_text().splitlines()]
    assert [(one["outcome"], one.get("dry_run")) for one in kept] == [
        ("rejected", True),
        ("accepted", True),
        ("rejected", None),
        ("accepted", None),
    ]


def test_a_dry_run_of_update_only_tells_who_would_be_new(sandbox: Sandbox) -> None:
    rows = [{"email": f"p{number}@shop.org"} for number in range(5)]
    load(sandbox, rows_of(*rows[:3]))
    before = profiles(sandbox)
    told = load(sandbox, rows_of(*rows), **in_mode("update_only", dry_run=True))
    absent = "skipped: no profile has these identifiers"
    assert told.counts(STREAM) == {"accepted": 3, absent: 2}
    assert told.tallies[STREAM].requests == 2, "one look-up, and the job that would be sent"
    assert profiles(sandbox) == before
