"""One account copied into another by the commands of the README, twice, and both compared."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from klaviyo_sandbox import Sandbox
from tests.copy.accounts import PEOPLE, furnish
from tests.copy.comparing import LATEST, LEFT_OUT, Streams, comparable, consents, person
from tests.judges.openapi import assert_ledger_valid
from tests.tap.running import run_in
from tests.target.running import run_target

PROJECT = Path(__file__).resolve().parents[2]
TAP = json.loads((PROJECT / "examples" / "copy_tap.json").read_text())
STREAMS = [name for stage in TAP["stages"] for name in stage]
IDENTIFIERS = "email or phone_number or external_id"
UNPRICED = "is not in the catalogue, and a new catalog variant needs price"
GIVEN, TAKEN, NEVER = "SUBSCRIBED", "UNSUBSCRIBED", "NEVER_SUBSCRIBED"
WRITES = re.compile("create_|bulk_|add_|tag_lists|update_")
# Upserts that are sent again, and change nothing; a code that is there is refused by its job.
AGAIN = {
    "add_profiles_to_list",
    "bulk_create_coupon_codes",
    "bulk_create_events",
    "bulk_import_profiles",
    "bulk_suppress_profiles",
    "bulk_update_catalog_categories",
    "bulk_update_catalog_items",
    "bulk_update_catalog_variants",
    "update_coupon",
}


@dataclass(frozen=True)
class Copying:
    """A copy: what its log said, and what it left in the files beside it."""

    log: str
    refused: Counter[tuple[str, str]]
    operations: list[str]


def account(**others: Any) -> Sandbox:
    """A sandbox in which everything is over at once."""
    return Sandbox(limits=False, raised=1_000, time_scale=1_000, keep_answers=True, **others)


def readme_commands() -> str:
    """The commands that copy an account, as a reader finds them."""
    section = (PROJECT / "README.md").read_text().split("## Copy an account\n")[1]
    return section.split("```sh\n")[1].split("```")[0]


def copied(folder: Path, source: Sandbox, target: Sandbox, **changes: Any) -> Copying:
    """Run the commands in a folder that has the examples, with `changes` of the tap's."""
    shutil.copytree(PROJECT / "examples", folder / "examples")
    (folder / "examples" / "copy_tap.json").write_text(json.dumps({**TAP, **changes}))
    before = len(list(target.requests))
    own = {name: value for name, value in os.environ.items() if "KLAVIYO_" not in name}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    urls = {"TAP_KLAVIYO_API_URL": source.url, "TARGET_KLAVIYO_API_URL": target.url}
    done = subprocess.run(
        ["/bin/bash", "-e", "-c", readme_commands()],
        cwd=folder,
        env={**own, **urls, "PATH": path},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert (folder / "states.jsonl").read_text(), "state is written"
    letters = map(json.loads, (folder / "not_copied.jsonl").read_bytes().splitlines())
    refused = Counter(
        (one["stream"], one["_rejected"]["reason"]) for one in letters if one["type"] == "RECORD"
    )
    asked = [str(one.operation) for one in list(target.requests)[before:]]
    return Copying(done.stderr, refused, [one for one in asked if WRITES.match(one)])


def read(folder: Path, sandbox: Sandbox) -> Streams:
    """Everything that is copied, as the tap reads it."""
    folder.mkdir()
    settings = {name: TAP[name] for name in ("stages", "stream_options")}
    run = run_in(folder, sandbox.url, *STREAMS, **settings)
    assert run.code == 0, run.errors
    return {name: run.records(name) for name in STREAMS}


@dataclass(frozen=True)
class Accounts:
    """The first account, the copy, the copy after a second copy; and both copies."""

    source: Streams
    once: Streams
    twice: Streams
    first: Copying
    second: Copying
    target: Sandbox


@pytest.fixture(scope="module")
def accounts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Accounts]:
    folder = tmp_path_factory.mktemp("copies")
    with account(profiles=80, events=400) as source, account(empty=True) as target:
        furnish(source)
        first = copied(folder / "first", source, target)
        once = read(folder / "once", target)
        second = copied(folder / "second", source, target)
        twice = read(folder / "twice", target)
        streams = (read(folder / "source", source), once, twice)
        yield Accounts(*streams, first, second, target)


@pytest.mark.parametrize("stream", LEFT_OUT)
def test_both_accounts_hold_the_same(accounts: Accounts, stream: str) -> None:
    wanted = comparable(stream, accounts.source[stream])
    assert wanted, "the account must hold some"
    assert comparable(stream, accounts.once[stream]) == wanted
    assert comparable(stream, accounts.twice[stream]) == wanted, "and once more the same"


def test_consents_are_those_of_the_first_account(accounts: Accounts) -> None:
    source, copy = (
        consents(accounts.source["profile_consents"]),
        consents(accounts.once["profile_consents"]),
    )
    met = Counter(
        (one["consent"], one["channel"], one["message_type"], one["suppressed"])
        for one in source.values()
    )
    assert {word for word, *_ in met} == {GIVEN, TAKEN, NEVER}
    for key, one in source.items():
        now = copy.get(key, {"consent": NEVER})
        reachable = one["phone_number"] if key[1] in {"sms", "whatsapp"} else one["email"]
        elsewhere = one["channel_phone_number"] not in {None, one["phone_number"]}
        unwritable = key[1] == "mobile_push" or (
            key[2] == "conversational" and one["consent"] == GIVEN
        )
        lost = not reachable or elsewhere or unwritable or one["can_receive"] is False
        if lost and one["consent"] == GIVEN:
            assert now["consent"] == NEVER, key
        elif reachable and not unwritable:
            assert now["consent"] == one["consent"], key
        if now["consent"] == GIVEN:
            assert now["consent_timestamp"] == one["consent_timestamp"], key


def test_nobody_can_be_reached_who_must_not_be(accounts: Accounts) -> None:
    check_reach(accounts.source, accounts.once)
    check_reach(accounts.source, accounts.twice)


def check_reach(streams: Streams, copies: Streams) -> None:
    """Nobody can be written to in the copy who cannot be in the first account."""
    source = consents(streams["profile_consents"])
    for key, one in consents(copies["profile_consents"]).items():
        before = source.get(key, {"consent": NEVER, "suppressed": False})
        if one["consent"] == GIVEN:
            assert before["consent"] == GIVEN, key
        if before["suppressed"]:
            assert one["can_receive"] is False, key
            assert one["suppressed"] or one["consent"] == TAKEN, key
        if one["can_receive"] and one["channel"] != "email":
            assert before["consent"] == GIVEN, key
        if before["consent"] == TAKEN:
            assert not one["can_receive"], key


def test_nobody_comes_onto_a_list_before_consents_are_there(accounts: Accounts) -> None:
    order = accounts.first.operations
    joined = order.index("add_profiles_to_list")
    assert order.index("bulk_suppress_profiles") < order.index("bulk_import_profiles")
    for operation in ("bulk_subscribe_profiles", "bulk_unsubscribe_profiles"):
        assert order.index("bulk_import_profiles") < order.index(operation) < joined
        assert operation not in order[joined:]
    assert "bulk_suppress_profiles" not in order[joined:]


def test_the_second_copy_changes_nothing(accounts: Accounts) -> None:
    for stream in STREAMS:
        before, after = (
            [{**one, "updated": None} for one in streams[stream]]
            for streams in (accounts.once, accounts.twice)
        )
        assert sorted(map(str, before)) == sorted(map(str, after)), stream
    assert set(accounts.second.operations) <= AGAIN
    assert accounts.second.refused == accounts.first.refused


def test_what_is_not_copied_is_told_row_by_row(accounts: Accounts) -> None:
    source = accounts.source
    unpriced = sum(one["price"] is None for one in source["catalog_item_variants"])
    nameless = sum(person(one) is None for one in source["events"])
    unmeasured = sum(not one["metric_name"] for one in source["events"])
    late = sum(one["datetime"] >= LATEST for one in source["events"])
    assert all((unpriced, nameless, unmeasured, late)), "the account must hold some of each"
    assert accounts.first.refused == {
        ("profiles", f"has no {IDENTIFIERS} or id"): 1,
        ("list_profiles", f"has no id or {IDENTIFIERS}"): 1,
        ("events", f"has no {IDENTIFIERS} or profile_id"): nameless,
        ("events", "has no metric"): unmeasured,
        ("events", "time is more than a year ahead"): late,
        ("profile_consents", "the consent is for another phone_number than the profile's"): 1,
        ("catalog_item_variants", UNPRICED): unpriced,
    }


def test_everybody_of_the_test_is_there(accounts: Accounts) -> None:
    known = {person(one) for one in accounts.once["profiles"]}
    named = [next(iter(one.identifiers.values()), None) for one in PEOPLE]
    assert {one for one in named if one} <= known


def test_every_request_and_answer_fits_the_openapi_file(accounts: Accounts) -> None:
    assert_ledger_valid(accounts.target)


def test_a_copy_that_broke_off_is_begun_again(tmp_path: Path) -> None:
    settings = {name: TAP[name] for name in ("stages", "stream_options")}
    broken = json.loads((PROJECT / "examples" / "copy_target.json").read_text())
    broken["dead_letter_path"] = str(tmp_path / "letters")
    with account(profiles=40, events=60) as source, account(empty=True) as target:
        furnish(source)
        before = read(tmp_path / "source", source)
        told = run_in(tmp_path, source.url, *STREAMS, **settings).messages
        # In the middle of the consents, so that some of them are there and some are not.
        cut = [one.get("stream") for one in told].index("profile_consents") + 30
        done = run_target(target.url, told[:cut], **broken)
        assert done.code == 0, done.log
        half = read(tmp_path / "half", target)
        assert half["profiles"]
        assert half["list_profiles"] == [], "nobody is on a list yet"
        given = {key for key, one in consents(half["profile_consents"]).items() if is_given(one)}
        agreed = {key for key, one in consents(before["profile_consents"]).items() if is_given(one)}
        assert given
        assert given < agreed
        copied(tmp_path / "again", source, target)
        after = read(tmp_path / "copy", target)
    for stream in LEFT_OUT:
        assert comparable(stream, after[stream]) == comparable(stream, before[stream]), stream
    check_reach(before, after)


def is_given(record: dict[str, Any]) -> bool:
    return bool(record["consent"] == GIVEN)


def test_without_an_order_a_second_copy_completes_the_first(tmp_path: Path) -> None:
    stages = [[name for stage in reversed(TAP["stages"]) for name in stage]]
    with account(profiles=40, events=60) as source, account(empty=True) as target:
        furnish(source)
        before = read(tmp_path / "source", source)
        copied(tmp_path / "first", source, target, stages=stages)
        copied(tmp_path / "second", source, target, stages=stages)
        after = read(tmp_path / "copy", target)
    for stream in LEFT_OUT:
        assert comparable(stream, after[stream]) == comparable(stream, before[stream]), stream
    check_reach(before, after)
