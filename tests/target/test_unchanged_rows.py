"""Rows that are passed over many at a time are decided and counted as if one by one."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest

from klaviyo_sandbox.sandbox import Sandbox
from target_klaviyo.reader import BLOCK
from tests import processes
from tests.target.running import (
    environment,
    load,
    profiles,
    records,
    run_here,
    run_target,
    schema,
    state,
    text,
)
from tests.waiting import until

CUSTOMERS = schema("customers", "number", "email", "title", keys=["number"])
BUYERS = {**CUSTOMERS, "stream": "buyers"}
MAPPED = {"customers": {"sink": "profiles"}, "buyers": {"sink": "profiles"}}
UNCHANGED = "skipped: unchanged"


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "changes.db"


def rows(count: int, **changed: str) -> list[dict[str, Any]]:
    return [
        {"number": str(n), "email": f"p{n}@shop.org", "title": changed.get(f"row{n}", "Ms")}
        for n in range(count)
    ]


def test_more_rows_than_are_read_at_once(sandbox: Sandbox, store: Path) -> None:
    wide = [{**one, "title": "x" * 500} for one in rows(1_200)]
    assert len(text(records("customers", wide))) > 2 * BLOCK
    settings: dict[str, Any] = {"streams": MAPPED, "change_store": str(store)}
    first = run_target(sandbox.url, [CUSTOMERS, *records("customers", wide)], **settings)
    assert first.figures("customers")["accepted"] == 1_200
    changed = {5: "Dr", 700: "Mx", 1_199: "Ms"}
    for number, title in changed.items():
        wide[number]["title"] = title
    messages = [CUSTOMERS, *records("customers", wide), state({"at": 1})]
    # Its last line has no end; a batch goes out in the middle of what was read.
    again = run_target(sandbox.url, text(messages).rstrip(), batch_size_rows=2, **settings)
    figures = again.figures("customers")
    assert (figures["rows"], figures["accepted"], figures["skipped"]) == (1_200, 3, 1_197)
    assert again.states == [{"at": 1}]
    assert "(1 schemas, 1200 records" in again.log
    titles = {one["title"] for one in profiles(sandbox).values()}
    assert titles == {"x" * 500, "Dr", "Mx", "Ms"}


def test_rows_keep_their_numbers(sandbox: Sandbox, tmp_path: Path, store: Path) -> None:
    """Of two streams that take turns, with states between them."""
    settings: dict[str, Any] = {"streams": MAPPED, "change_store": str(store)}
    people = rows(6)
    run_here(tmp_path, sandbox.url, [CUSTOMERS, *records("customers", people)], **settings)
    bad = [*people[:4], {**people[4], "email": "no address"}, people[5]]
    turns: list[Any] = [CUSTOMERS, BUYERS]
    for number, (left, right) in enumerate(zip(bad, rows(6), strict=True)):
        turns += [*records("customers", [left]), *records("buyers", [right])]
        turns += [state({"at": number})] * (number % 2)
    receipts, letters = tmp_path / "receipts", tmp_path / "letters"
    chosen = {"on_error": "dead_letter", "dead_letter_path": str(letters)}
    ran = run_here(tmp_path, sandbox.url, turns, receipts_path=str(receipts), **chosen, **settings)
    assert ran.states == [{"at": 5}]
    assert ran.figures("customers") | {"accepted": 0, "skipped": 5, "rejected": 1} == ran.figures(
        "customers"
    )
    assert ran.figures("buyers")["accepted"] == 6
    assert "column 'email' is no e-mail address (first: row 5)" in ran.log
    written = [json.loads(line) for line in receipts.read_text().splitlines()]
    of_customers = [one for one in written if one["stream"] == "customers"]
    assert sorted(one["row"] for one in of_customers) == [1, 2, 3, 4, 5, 6]
    assert all(int(one["keys"]["number"]) == one["row"] - 1 for one in of_customers)


def test_a_line_that_is_no_message_is_named_by_its_number(
    sandbox: Sandbox, tmp_path: Path, store: Path
) -> None:
    settings: dict[str, Any] = {"streams": MAPPED, "change_store": str(store)}
    messages = [CUSTOMERS, *records("customers", rows(3))]
    run_here(tmp_path, sandbox.url, messages, **settings)
    wrong = '{"type": "RECORD", "stream": "customers", "record": 1}'
    for broken, number in (("{", 5), ("\n\n{", 7), (wrong, 5), ("[]", 5)):
        ran = run_here(tmp_path, sandbox.url, f"{text(messages)}{broken}\n", **settings)
        assert ran.code == 1
        assert f"line {number} of the input" in ran.errors[0]
        assert ran.figures("customers")["skipped"] == 3


def test_other_ways_to_write_a_row_change_nothing(
    sandbox: Sandbox, tmp_path: Path, store: Path
) -> None:
    """Order of keys, white space, escapes, and the columns that loaders add."""
    settings: dict[str, Any] = {"streams": MAPPED, "change_store": str(store)}
    run_here(tmp_path, sandbox.url, [CUSTOMERS, *records("customers", rows(3))], **settings)
    lines = [
        """{"stream":"customers","record":{"title":"Ms","email":"p0@shop.org","number":"0"},
        "type":"RECORD","time_extracted":"2026-01-01T00:00:00Z"}""".replace("\n", "\t"),
        """{"type": "RECORD", "stream": "customers",
        "record": {"number": "1", "email": "p1\\u0040shop.org", "title": "Ms"} }\r""".replace(
            "\n", " "
        ),
        json.dumps(
            {
                "type": "RECORD",
                "stream": "customers",
                "record": {**rows(3)[2], "_sdc_extracted_at": "2026-01-01T00:00:00Z"},
            }
        ),
    ]
    ran = run_here(tmp_path, sandbox.url, text([CUSTOMERS]) + "\n".join(lines), **settings)
    assert ran.figures("customers")["skipped"] == 3


@pytest.mark.parametrize(
    "settings",
    [
        {"stream_maps": {"customers": {"title": "'Dr'"}}},
        {"flattening_enabled": True, "flattening_max_depth": 1},
    ],
)
def test_rows_that_are_altered_on_their_way(
    sandbox: Sandbox, store: Path, settings: dict[str, Any]
) -> None:
    chosen = {"streams": MAPPED, "change_store": str(store), **settings}
    messages = [CUSTOMERS, *records("customers", rows(3))]
    for expected in ({"accepted": 3}, {UNCHANGED: 3}):
        assert load(sandbox, messages, **chosen).counts("customers") == expected


def test_a_stream_that_is_described_anew_keeps_who_must_be_sent(
    sandbox: Sandbox, store: Path
) -> None:
    """The later row of a person still has the last word, under another schema too."""
    chosen = {"streams": MAPPED, "change_store": str(store)}
    wider = schema("customers", "number", "email", "title", "size", keys=["number"])
    first, last = rows(1)[0], {**rows(1)[0], "number": "99", "title": "Dr"}
    for told in (first, {**first, "title": "Mx"}):
        messages = [CUSTOMERS, *records("customers", [told]), wider, *records("customers", [last])]
        assert load(sandbox, messages, **chosen).error is None
        assert profiles(sandbox)["p0@shop.org"]["title"] == "Dr"


def test_rows_that_are_passed_over_are_the_end_of_an_input_too(
    sandbox: Sandbox, store: Path
) -> None:
    """A mirror takes nobody away where rows come last, and no state: the input may be cut off."""
    chosen: dict[str, Any] = {
        "streams": {**MAPPED, "list_profiles": {"mode": "mirror"}},
        "change_store": str(store),
    }
    people = [CUSTOMERS, *records("customers", rows(3))]
    listed = schema("list_profiles", "list_name", "email", keys=["email"])
    members = [{"list_name": "News", "email": f"p{n}@shop.org"} for n in range(3)]
    whole = [listed, *records("list_profiles", members), state({"at": 1})]
    assert load(sandbox, [*people, *whole], **chosen).error is None
    ended = load(sandbox, [*whole, *people], **chosen)
    assert "may be cut off" in str(ended.error)
    assert ended.counts("customers") == {UNCHANGED: 3}


def test_a_signal_finds_passed_over_rows_counted(
    sandbox: Sandbox, store: Path, tmp_path: Path
) -> None:
    settings: dict[str, Any] = {"streams": MAPPED, "change_store": str(store)}
    messages = [CUSTOMERS, *records("customers", rows(6)), state({"at": 1})]
    run_here(tmp_path, sandbox.url, messages, **settings)
    later = schema("buyers", "email", "extra_attributes", keys=["email"])
    env = environment(sandbox.url, settings)
    with processes.start("target_klaviyo", env=env, stdin=processes.PIPE) as process:
        process.stdin.write(text([*messages, later]).encode())
        process.stdin.flush()
        # What came before this message has been read too.
        until(lambda: b"left out: extra_attributes" in process.stderr.readline())
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 0
        assert json.loads(process.stdout.read()) == {"at": 1}
        assert b"'customers': rows 6, accepted 0, skipped 6" in process.stderr.read()
        process.stdin.close()
