from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from klaviyo_sandbox import Sandbox
from tests.tap.account import account_ids, memberships, resources

PROJECT = Path(__file__).resolve().parent.parent
PROFILES, EVENTS = 100, 2_000


def demo(loader: Path, output: Path) -> str:
    script = PROJECT / "scripts" / "demo.py"
    command = [sys.executable, str(script), "--loader", str(loader), "--output", str(output)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def loader(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """target-jsonl in an environment of its own, as scripts/demo installs it."""
    folder = tmp_path_factory.mktemp("loader")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    pip: list[str | Path] = [sys.executable, "-m", "pip", "-qq", "--disable-pip-version-check"]
    pip += ["--python", folder / "bin" / "python"]
    subprocess.run([*pip, "install", "target-jsonl==0.1.4"], check=True)
    return folder / "bin" / "target-jsonl"


@pytest.fixture(scope="module")
def runs(loader: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, str]:
    output = tmp_path_factory.mktemp("demo")
    # The demo goes on with an account that is there: a smaller one than it would make.
    with Sandbox(db=str(output / "klaviyo.db"), profiles=PROFILES, events=EVENTS):
        pass
    return output, demo(loader, output), demo(loader, output)


@pytest.fixture(scope="module")
def sandbox(runs: tuple[Path, str, str]) -> Iterator[Sandbox]:
    """The account that the demo left behind."""
    with Sandbox(db=str(runs[0] / "klaviyo.db"), limits=False) as running:
        yield running


def rows(output: Path, statement: str) -> set[tuple[Any, ...]]:
    with duckdb.connect(str(output / "warehouse.duckdb"), read_only=True) as connection:
        return set(connection.execute(statement).fetchall())


def test_the_warehouse_holds_what_the_sandbox_holds(
    runs: tuple[Path, str, str], sandbox: Sandbox
) -> None:
    output = runs[0]
    for stream, wanted in account_ids(sandbox.url).items():
        held = rows(output, f"SELECT id, count(*) FROM {stream} GROUP BY id")
        assert held == {(one, 1) for one in wanted}, stream
    held = rows(output, "SELECT list_id, id FROM list_profiles")
    assert held == memberships(sandbox.url, "lists")
    held = rows(output, "SELECT segment_id, id FROM segment_profiles")
    assert held == memberships(sandbox.url, "segments")


def test_its_rows_say_the_same_as_the_sandboxs(
    runs: tuple[Path, str, str], sandbox: Sandbox
) -> None:
    profiles = {
        (one["id"], one["attributes"]["email"], json.dumps(one["attributes"]["properties"]))
        for one in resources(sandbox.url, "profiles", **{"page[size]": "100"})
    }
    held = rows(runs[0], "SELECT id, email, properties FROM profiles")
    assert {(a, b, json.dumps(json.loads(c))) for a, b, c in held} == profiles
    events = {
        (
            one["id"],
            one["attributes"]["timestamp"],
            one["attributes"]["event_properties"].get("$value"),
        )
        for one in resources(sandbox.url, "events", **{"page[size]": "1000"})
    }
    statement = """SELECT id, timestamp, CAST(event_properties->>'$."$value"' AS DOUBLE),
                   epoch(datetime) FROM events"""
    found = rows(runs[0], statement)
    assert {row[:3] for row in found} == events
    assert all(row[1] == row[3] for row in found)


def test_every_row_of_the_csv_files_has_its_outcome(runs: tuple[Path, str, str]) -> None:
    receipts = [json.loads(line) for line in (runs[0] / "receipts.jsonl").read_text().splitlines()]
    for name in ("customers", "orders"):
        lines = (PROJECT / "examples" / f"{name}.csv").read_text().splitlines()
        assert sum(one["stream"] == name for one in receipts) == len(lines) - 1
    outcomes = {(one["stream"], one["outcome"]) for one in receipts}
    assert outcomes == {
        ("customers", "accepted"),
        ("customers", "rejected"),
        ("orders", "accepted"),
        ("orders", "rejected"),
        ("orders", "skipped"),
    }


def test_the_second_run_continues_and_says_so(runs: tuple[Path, str, str]) -> None:
    _, first, second = runs
    assert "First run." in first
    assert "Continuing from the kept state" in second

    def numbers(text: str, stream: str) -> list[int]:
        line = next(one for one in text.splitlines() if one.split()[:1] == [stream])
        return [int(word) for word in line.split()[1:]]

    assert "flow_series" not in first, "a report is no table of nothing, as nobody selects it"
    before, again = numbers(first, "events"), numbers(second, "events")
    assert before[0] == EVENTS
    assert again[0] < EVENTS / 4, "the look-back only"
    assert again[2] == before[2], "loading the same files again has changed nothing"
    assert numbers(second, "profiles")[2] == numbers(first, "profiles")[2]
