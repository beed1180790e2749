"""Rows on lines that are nearly JSON: as Python writes NaN, or JavaScript half of an emoji."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from klaviyo_sandbox.sandbox import Sandbox
from target_klaviyo.lines import LENIENT
from tests.target.running import profiles, records, run_here, schema, state, text

DECLARED = schema("profiles", "email", "title", keys=["email"])
GOOD = [{"email": f"{name}@shop.org", "title": "Ms"} for name in ("ann", "bob")]


def odd(value: str) -> str:
    row = {"email": "eve@shop.org", "title": "HERE"}
    return text(records("profiles", [row])).replace('"HERE"', value)


@pytest.mark.parametrize("change_store", [True, False])
@pytest.mark.parametrize(
    "value", ["NaN", "-Infinity", '"\\ud83d"', '[NaN, 99999999999999999999, "\\udc00 \\u00fc"]']
)
def test_such_a_row_is_refused_and_kept_as_it_came(
    sandbox: Sandbox, tmp_path: Path, value: str, change_store: bool
) -> None:
    first, second = (text(records("profiles", [one])) for one in GOOD)
    letters, receipts = tmp_path / "letters", tmp_path / "receipts"
    settings = {
        "on_error": "dead_letter",
        "dead_letter_path": str(letters),
        "receipts_path": str(receipts),
        "change_store": str(tmp_path / "store") if change_store else None,
    }
    content = text([DECLARED]) + first + odd(value) + second + text([state({"at": 1})])
    done = run_here(tmp_path, sandbox.url, content, **settings)
    assert (done.code, done.states) == (0, [{"at": 1}]), done.log
    assert f"rejected 1: {LENIENT} (first: row 2)" in done.log
    assert set(profiles(sandbox)) == {"ann@shop.org", "bob@shop.org"}
    (refused,) = (one for one in receipts.read_text().splitlines() if '"rejected"' in one)
    assert json.loads(refused)["keys"] == {"email": "eve@shop.org"}
    kept = letters.read_text().splitlines()[1]
    assert kept.startswith(odd(value).strip().removesuffix("}") + ',"_rejected":{"row":2,')

    mended = {"on_error": "dead_letter", "dead_letter_path": str(tmp_path / "again")}
    again = run_here(tmp_path, sandbox.url, letters.read_text(), **mended)
    assert again.figures("profiles")["rejected"] == 1
    again = run_here(tmp_path, sandbox.url, letters.read_text().replace(value, '"Dr"', 1), **mended)
    assert again.figures("profiles")["accepted"] == 1
    assert profiles(sandbox)["eve@shop.org"]["title"] == "Dr"


def test_it_stops_the_run_where_refused_rows_do(sandbox: Sandbox, tmp_path: Path) -> None:
    done = run_here(tmp_path, sandbox.url, text([DECLARED]) + odd("NaN") + text([state(1)]))
    assert (done.code, done.states) == (1, [])
    (error,) = done.errors
    assert f"row 1 rejected: {LENIENT}" in error
