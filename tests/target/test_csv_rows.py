"""`klaviyo-csv`, and our sample of orders through it into the sandbox."""

from __future__ import annotations

import json
import os
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from klaviyo_sandbox.sandbox import Sandbox
from target_klaviyo.csv_rows import main
from tests import processes
from tests.target.running import PROJECT, environment, held

ORDERS = PROJECT / "tests" / "data" / "orders.csv"


def told(capfdbinary: pytest.CaptureFixture[bytes], *arguments: str) -> list[dict[str, Any]]:
    main(arguments)
    return [json.loads(line) for line in capfdbinary.readouterr().out.splitlines()]


def refused(capfd: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 1
    return capfd.readouterr().err


def file(folder: Path, content: bytes) -> str:
    path = folder / "file.csv"
    path.write_bytes(content)
    return f"people={path}"


def test_every_column_is_a_string(tmp_path: Path, capfdbinary: Any) -> None:
    given = file(
        tmp_path, '\ufeffid,name,note\n007,"Ada, Countess",\n8,Bob,"two\nlines"\n'.encode()
    )
    assert told(capfdbinary, given, "--key", "id") == [
        {
            "type": "SCHEMA",
            "stream": "people",
            "schema": {
                "type": "object",
                "properties": {name: {"type": "string"} for name in ("id", "name", "note")},
            },
            "key_properties": ["id"],
        },
        {
            "type": "RECORD",
            "stream": "people",
            "record": {"id": "007", "name": "Ada, Countess", "note": ""},
        },
        {
            "type": "RECORD",
            "stream": "people",
            "record": {"id": "8", "name": "Bob", "note": "two\nlines"},
        },
        {"type": "STATE", "value": {"finished": {"people": True}}},
    ]


def test_row_numbers_become_the_key(tmp_path: Path, capfdbinary: Any) -> None:
    messages = told(capfdbinary, file(tmp_path, b"a\nx\ny\n"), "--row-number", "row")
    assert messages[0]["key_properties"] == ["row"]
    assert [one["record"]["row"] for one in messages[1:3]] == ["1", "2"]


def test_delimiter_and_encoding(tmp_path: Path, capfdbinary: Any) -> None:
    given = file(tmp_path, "naïve;b\né;2\n".encode("cp1252"))
    messages = told(capfdbinary, given, "--delimiter", ";", "--encoding", "cp1252")
    assert messages[1]["record"] == {"naïve": "é", "b": "2"}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "line 1: there is no header"),
        (b"a,,c\n", "line 1: column 2 has no name"),
        (b"a,b,a\n", "line 1: two columns are called 'a'"),
        (b"a,b\n1,2\n3\n", "line 3: 1 cells, but the header names 2 columns"),
        (b'a,b\n1,"2\n', "line 2: unexpected end of data"),
        (b"a,b\n1,2\n\xff,2\n", "byte 0xff is no utf-8-sig"),
    ],
)
def test_what_is_no_table(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], content: bytes, expected: str
) -> None:
    error = refused(capfd, file(tmp_path, content))
    assert expected in error
    assert "file.csv" in error
    assert len(error.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("people=/nowhere.csv",), "/nowhere.csv: No such file"),
        (("people.csv",), "write it as STREAM=FILE"),
        ((f"orders={ORDERS}", "--key", "id"), "--key: there is no column 'id'"),
        ((f"orders={ORDERS}", "--row-number", "date"), "there is a column 'date' already"),
        ((f"orders={ORDERS}", "--encoding", "utf-9"), "--encoding: there is no 'utf-9'"),
        ((f"orders={ORDERS}", "--delimiter", "::"), "--delimiter must be one character"),
    ],
)
def test_wrong_arguments(
    capfd: pytest.CaptureFixture[str], arguments: tuple[str, ...], expected: str
) -> None:
    assert expected in refused(capfd, *arguments)


MAPPING = {
    "orders": {
        "sink": "events",
        "columns": {
            "external_id": "customer_id",
            "metric": {"constant": "Placed Order"},
            "time": {"column": "date", "format": "YYYYMMDD"},
            "value": "total",
            "backfill": {"constant": True},
        },
        "types": {"items": "integer"},
    }
}


def piped(sandbox: Sandbox, *arguments: str) -> str:
    """The log of `klaviyo-csv | target-klaviyo`."""
    settings = {"streams": MAPPING, "default_timezone": "UTC"}
    variables = environment(sandbox.url, settings)
    words = [f"orders={ORDERS}", *arguments]
    with (
        processes.start("target_klaviyo.csv_rows", *words, env=variables) as source,
        processes.start("target_klaviyo", env=variables, stdin=source.stdout.fileno()) as process,
    ):
        source.stdout.close()
        log = process.stderr.read().decode()
        states = process.stdout.read()
    assert (source.returncode, process.returncode) == (0, 0), log
    assert json.loads(states) == {"finished": {"orders": True}}
    return log


def lines() -> list[str]:
    return ORDERS.read_text().splitlines()[1:]


def total(sandbox: Sandbox) -> Decimal:
    values = (one["event_properties"]["$value"] for one in held(sandbox, "get_events"))
    return sum((Decimal(str(value)) for value in values), Decimal(0))


def test_orders_by_row_number_twice(sandbox: Sandbox) -> None:
    rows = lines()
    for _ in range(2):
        log = piped(sandbox, "--row-number", "row_number")
        assert f"rows {len(rows)}, accepted {len(rows)}, skipped 0" in log
        assert len(held(sandbox, "get_events")) == len(rows)
    assert len(held(sandbox, "get_profiles")) == len({row.split(",")[0] for row in rows})
    assert total(sandbox) == sum(Decimal(row.split(",")[3]) for row in rows)


def test_orders_without_a_key_collapse_only_exact_repetitions(sandbox: Sandbox) -> None:
    counts = Counter(lines())
    repeated = sum(counts.values()) - len(counts)
    assert repeated
    log = piped(sandbox)
    assert f"accepted {len(counts)}, skipped {repeated}" in log
    assert f"skipped {repeated}: duplicate" in log
    assert len(held(sandbox, "get_events")) == len(counts)
    assert total(sandbox) == sum(Decimal(row.split(",")[3]) for row in counts)


@pytest.mark.parametrize(("between", "other"), [(";", ","), ("\t", ","), ("|", ","), (",", ";")])
def test_a_header_of_another_delimiter_is_said(
    tmp_path: Path, capfd: Any, between: str, other: str
) -> None:
    given = file(tmp_path, f"email{between}name\na@x.org{between}A\n".encode())
    error = refused(capfd, given, "--delimiter", other)
    assert "line 1: there is one column, 'email" in error
    assert f"give its --delimiter, perhaps {between!r}" in error


def test_a_reader_that_stops_ends_the_extractor_quietly(tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    path.write_text("a\n" + "x\n" * 200_000)
    words = ["target_klaviyo.csv_rows", f"rows={path}"]
    with processes.start(*words, env=os.environ) as source:
        source.stdout.close()
        assert source.stderr.read() == b""
        assert source.wait() == 1


def test_rows_are_counted_on_from_file_to_file(tmp_path: Path, capfdbinary: Any) -> None:
    paths = [tmp_path / name for name in ("january.csv", "february.csv")]
    for path in paths:
        path.write_text("id\nx\ny\n")
    given = [f"orders={path}" for path in paths]
    rows = [
        one["record"]["n"]
        for one in told(capfdbinary, *given, "--row-number", "n")
        if one["type"] == "RECORD"
    ]
    assert rows == ["1", "2", "3", "4"]
