"""The scenario of the target: many rows in bulk jobs, beside a POST for each."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from plain_ways import BIN, HERE
from reading import DELAYS, MOST_MB, Bench
from results import Claim, Section
from running import Command, Run, run
from servers import KEY, Server, Size, progress

ROWS = 100_000
# One POST after the other takes the same time for each row, so some are enough.
SAMPLES = {0: 1_000, 300: 100}
SETTLED_SECONDS = 60
HEADER = ("Way", "Rows", "Seconds", "Rows/s", "100,000 rows take", "Peak MB")
EMPTY = Size(100, 0)


def profile(number: int) -> dict[str, Any]:
    """A profile as a warehouse holds it."""
    return {
        "email": f"customer{number}@klaviyo-sandbox.dev",
        "first_name": "Ada",
        "last_name": f"Customer {number}",
        "plan": ("free", "pro", "team")[number % 3],
        "score": number % 100,
        "note": "x" * 100,
    }


def event(number: int) -> dict[str, Any]:
    """An order as a warehouse holds it."""
    return {
        "email": f"customer{number % 5_000}@klaviyo-sandbox.dev",
        "metric": "Placed Order In Shop",
        "time": f"2026-08-{number % 28 + 1:02}T08:00:00Z",
        "value": float(number % 250),
        "unique_id": f"order-{number}",
        "properties": {"order": number, "note": "x" * 500},
    }


@dataclass(frozen=True, slots=True)
class Rows:
    """What is written: a stream, its columns, its rows, and the resource that becomes of one."""

    stream: str
    types: Mapping[str, str]
    make: Callable[[int], dict[str, Any]]
    resource: str
    keys: tuple[str, ...] = ()


STREAMS = (
    Rows("profiles", {"score": "integer"}, profile, "profile"),
    Rows("events", {"value": "number", "properties": "object"}, event, "event"),
)


def write_rows(bench: Bench) -> list[Section]:
    """Profiles and events, at each delay."""
    return [written(bench, rows, delay) for rows in STREAMS for delay in DELAYS]


def written(bench: Bench, rows: Rows, delay: int) -> Section:
    """The target beside single requests."""
    count, sample = bench.sized(ROWS), min(SAMPLES[delay], bench.sized(ROWS))
    progress(f"{count:,} {rows.stream} written, answers {delay} ms late")
    file = singer_file(bench.folder, rows, count)
    with bench.accounts.serve(EMPTY, delay_ms=delay) as server:
        before = held(server, rows.resource)
        target = run(target_command(server, file))
        target = Run(target.seconds, settled(server, rows.resource, before, count), target.peak_mb)
    with bench.accounts.serve(EMPTY, delay_ms=delay) as server:
        program = [sys.executable, str(HERE / "row_by_row.py")]
        single = run(Command([*program, server.url, rows.stream, str(file), str(sample)]))
    progress(f"  target {target.rate:,.0f} rows/s, one by one {single.rate:,.0f} rows/s")
    title = f"{count:,} {rows.stream} written, {delay} ms of delay"
    claims = [
        Claim(f"{title}: times a POST for each row", target.rate / single.rate, ">=", 1),
        Claim(f"{title}: peak memory", target.peak_mb, "<=", MOST_MB, " MB"),
    ]
    return Section(
        title,
        HEADER,
        [line("target-klaviyo", target), line("a POST for each row", single)],
        claims,
        [f"The single requests are a sample of {sample:,}; the time for all is worked out."],
    )


def singer_file(folder: Path, rows: Rows, count: int, name: str = "all") -> Path:
    """A file of Singer messages."""
    file = folder / f"{rows.stream}-{name}-{count}.jsonl"
    if not file.exists():
        columns = {name: {"type": rows.types.get(name, "string")} for name in rows.make(0)}
        schema = {"type": "object", "properties": columns}
        head = {"type": "SCHEMA", "stream": rows.stream, "schema": schema}
        with file.open("w") as lines:
            lines.write(json.dumps({**head, "key_properties": rows.keys}) + "\n")
            for one in range(count):
                record = {"type": "RECORD", "stream": rows.stream, "record": rows.make(one)}
                lines.write(json.dumps(record) + "\n")
            lines.write(json.dumps({"type": "STATE", "value": {"done": True}}) + "\n")
    return file


def target_command(server: Server, file: Path) -> Command:
    """The target as a user runs it."""
    given = {"TARGET_KLAVIYO_API_URL": server.url, "TARGET_KLAVIYO_API_KEY": KEY}
    return Command([str(BIN / "target-klaviyo"), "--config=ENV"], given, standard_input=file)


def settled(server: Server, resource: str, before: int, count: int) -> int:
    """How many rows have arrived: Klaviyo takes a while after it has accepted them.

    Raises:
        SystemExit: They do not all arrive.
    """
    deadline = time.monotonic() + SETTLED_SECONDS
    while time.monotonic() < deadline:
        if (arrived := held(server, resource) - before) == count:
            return arrived
        time.sleep(1)
    raise SystemExit(f"the target wrote {arrived} rows of {count}")


def held(server: Server, resource: str) -> int:
    """How many resources of a type the account holds; another process counts, see `running`."""
    code = "import json, sys, urllib.request as u; print(len(json.load(u.urlopen(sys.argv[1]))))"
    command = [sys.executable, "-c", code, f"{server.url}/sandbox/resources/{resource}"]
    return int(subprocess.run(command, capture_output=True, check=True, text=True).stdout)


def line(name: str, outcome: Run) -> list[str]:
    """A row of the table."""
    seconds = ROWS / outcome.rate
    whole = f"{seconds:.0f} s" if seconds < 600 else f"{seconds / 60:.0f} min"  # noqa: PLR2004
    return [
        name,
        f"{outcome.records:,}",
        f"{outcome.seconds:.1f}",
        f"{outcome.rate:,.0f}",
        whole,
        f"{outcome.peak_mb:.0f}",
    ]
