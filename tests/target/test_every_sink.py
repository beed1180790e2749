"""Every sink in every mode through the real command, its effect read back from the sandbox."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from klaviyo_sandbox.sandbox import Sandbox
from target_klaviyo.specs import SINKS
from tests.target import every_sink
from tests.target.cases_of_people import PEOPLE
from tests.target.cases_of_shops import SHOPS
from tests.target.every_sink import Case
from tests.target.running import Run, run_target

CASES = [*PEOPLE, *SHOPS]
account = every_sink.account
KINDS = {"a": "accepted", "s": "skipped", "r": "rejected", "u": "unknown"}


def every_case(function: Any) -> Any:
    return pytest.mark.parametrize("case", CASES, ids=[one.name for one in CASES])(function)


def run(sandbox: Sandbox, case: Case, folder: Path, messages: Any = None) -> tuple[Run, str]:
    """Run a case with dead letters and receipts; how its rows ended, a letter for each.

    Every row has one receipt, and the summary counts as the receipts do.
    """
    receipts, letters = folder / "receipts", folder / "letters"
    for one in (receipts, letters):
        one.unlink(missing_ok=True)
    ran = run_target(
        sandbox.url,
        messages or case.messages(),
        on_error="dead_letter",
        dead_letter_path=str(letters),
        receipts_path=str(receipts),
        **case.settings(),
    )
    told = [json.loads(line) for line in receipts.read_text().splitlines()]
    ends = {one["row"]: one["outcome"] for one in told if one["row"]}
    assert sorted(ends) == list(range(1, len(told) + 1)), ran.log
    figures = ran.figures(case.sink)
    counted = Counter(ends.values())
    assert {kind: figures[kind] for kind in KINDS.values()} == {
        k: counted[k] for k in KINDS.values()
    }
    assert figures["rows"] == len(told)
    return ran, "".join(ends[row][0] for row in sorted(ends))


def letters_in(folder: Path) -> list[dict[str, Any]]:
    lines = (json.loads(line) for line in (folder / "letters").read_text().splitlines())
    return [one for one in lines if one["type"] == "RECORD"]


def test_every_sink_and_mode_has_a_case() -> None:
    named = {(spec.name, mode) for spec in SINKS for mode in (spec.modes or (None,))}
    assert {(case.sink, case.mode) for case in CASES} == named


@every_case
def test_good_bad_repeated_and_oversize_rows(shop: Sandbox, case: Case, tmp_path: Path) -> None:
    ran, ends = run(shop, case, tmp_path)
    assert (ends, ran.code) == (case.ends, case.code), ran.log
    assert case.effect(shop) == case.left
    kept = [one["record"] for one in letters_in(tmp_path)]
    refused = [dict(row) for row, end in zip(case.rows, ends, strict=True) if end in "ru"]
    assert sorted(map(str, kept)) == sorted(map(str, refused))


@every_case
def test_dead_letters_can_be_fed_back(shop: Sandbox, case: Case, tmp_path: Path) -> None:
    """Klaviyo refuses everything once; what was set aside is then taken like the rows were."""
    shop.faults.add(case.write, "status", status=400, times=1_000)
    _, ends = run(shop, case, tmp_path)
    assert ends.count("r") > case.ends.count("r")
    shop.faults.clear()
    again = (tmp_path / "letters").read_text()
    ran, ends = run(shop, case, tmp_path, again)
    assert ran.code == case.code, ran.log
    assert ends.count("r") == case.ends.count("r")
    assert case.effect(shop) == case.left


@every_case
def test_a_lost_answer_loses_and_doubles_nothing(shop: Sandbox, case: Case, tmp_path: Path) -> None:
    """The request is repeated where that is safe, else its rows are in doubt."""
    shop.faults.add(case.write, "lost_response")
    _, ends = run(shop, case, tmp_path)
    assert ("u" in ends) == case.unknown
    # Of what a repeated request finds done Klaviyo says that there is nothing to do.
    instead = "u" if case.unknown else "s"
    assert all(end in (expected, instead) for end, expected in zip(ends, case.ends, strict=True))
    assert case.effect(shop) == case.left
