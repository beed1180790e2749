import json
import os
from pathlib import Path
from typing import Any

import pytest

from klaviyo_client.errors import ConfigurationError
from target_klaviyo.courier import Delivery
from target_klaviyo.errors import RowsFailedError
from target_klaviyo.files import DeadLetters, LineFile
from target_klaviyo.items import Item
from target_klaviyo.outcomes import ACCEPTED, Outcome, Row
from target_klaviyo.plans import Settled
from target_klaviyo.report import Policy, Report
from tests.target.running import schema

SCHEMA = schema("people", "id", keys=["id"])
REFUSED = Outcome("rejected", "is no person", "quotes ada@shop.org", "job1")


def row(number: int) -> Row:
    return Row(
        number, json.dumps({"type": "RECORD", "stream": "people", "record": {"id": str(number)}})
    )


def report(policy: Policy | None = None, **files: Any) -> Report:
    times = iter(range(1_000))
    made = Report(policy or Policy(), lambda: float(next(times)), **files)
    made.describe("people", SCHEMA)
    return made


def test_rows_are_numbered_through_a_schema_change() -> None:
    made = report()
    assert [made.next_row("people"), made.next_row("people")] == [1, 2]
    made.describe("people", schema("people", "id", "name"))
    assert made.next_row("people") == 3


def test_summary() -> None:
    made = report()
    for number in range(1, 5):
        made.next_row("people")
        if number < 4:
            made.settle("people", row(number), ACCEPTED if number == 1 else REFUSED)
    made.delivered("people", Delivery(requests=2, jobs=1))
    first, second = made.summary()
    assert first == (
        "stream 'people': rows 4, accepted 1, skipped 0, rejected 2, unknown 0, not sent 1, "
        "requests 2, jobs 1, seconds 3.0, rows/s 1"
    )
    assert second == "stream 'people': rejected 2: is no person (first: row 2)"


def test_the_earlier_of_merged_rows_share_the_fate_of_the_last() -> None:
    made = report()
    item = Item((row(1), row(2)), b"")
    made.delivered("people", Delivery([Settled(item, ACCEPTED)]))
    made.delivered("people", Delivery([Settled(item, REFUSED)]))
    tally = made.totals()["people"]
    assert (tally.count("accepted"), tally.count("skipped"), tally.count("rejected")) == (1, 1, 2)


def test_policies() -> None:
    stopping = report()
    stopping.check()
    stopping.settle("people", row(2), REFUSED)
    with pytest.raises(RowsFailedError, match="first row 2 rejected: is no person"):
        stopping.check()
    lenient = report(Policy(stop=False, max_errors=1))
    lenient.settle("people", row(1), Outcome("unknown", "lost"))
    lenient.check()
    lenient.settle("people", row(2), REFUSED)
    with pytest.raises(RowsFailedError, match=r"more than max_errors \(1\)"):
        lenient.check()


def test_receipts_and_dead_letters(tmp_path: Path) -> None:
    receipts, letters = tmp_path / "receipts", tmp_path / "letters"
    made = report(
        Policy(stop=False),
        receipts=LineFile("receipts_path", str(receipts)),
        dead_letters=DeadLetters(LineFile("dead_letter_path", str(letters))),
    )
    made.settle("people", row(1), ACCEPTED)
    made.settle("people", row(2), REFUSED)
    made.settle("people", row(3), REFUSED)
    made.check()
    told = [json.loads(line) for line in receipts.read_text().splitlines()]
    assert told[1] == {
        "stream": "people",
        "row": 2,
        "keys": {"id": "2"},
        "outcome": "rejected",
        "reason": "is no person",
        "job_id": "job1",
    }
    assert len(told) == 3
    assert "ada@shop.org" not in receipts.read_text()
    kept = [json.loads(line) for line in letters.read_text().splitlines()]
    assert [one["type"] for one in kept] == ["SCHEMA", "RECORD", "RECORD"]
    assert kept[1]["_rejected"]["detail"] == "quotes ada@shop.org"
    made.close()


def test_what_is_being_read_is_not_written(tmp_path: Path, monkeypatch: Any) -> None:
    path = tmp_path / "letters"
    path.write_text("")
    with path.open() as stream:
        monkeypatch.setattr("sys.stdin", stream)
        with pytest.raises(ConfigurationError, match="is being read"):
            LineFile("dead_letter_path", str(path))


def test_a_file_of_earlier_runs_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "letters"
    for _ in range(2):
        file = LineFile("dead_letter_path", str(path))
        file.write({"n": 1})
        file.close()
    assert path.read_text() == '{"n":1}\n{"n":1}\n'
    assert os.stat(path).st_mode & 0o777 == 0o600  # noqa: PTH116
