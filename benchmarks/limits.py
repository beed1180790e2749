"""The scenarios with Klaviyo's rate limits: how much of them the tap uses."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from math import floor
from pathlib import Path
from typing import Any

from plain_ways import HERE, Selection, stream_names, tap_command
from reading import MOST_MB, Bench
from report_text import number
from results import Claim, Section
from running import Run, run
from servers import Server, Size, end, progress

DELAY_MS = 300
MINUTE = 60
PROFILES = 50_000
STEADY, STEADY_PREDICTIVE = 750, 150
OTHERS = STEADY / 3
WHOLE = Size(15_000, 30_000)
OK, TOO_MANY = 200, 429
# Of many streams, only the slow ones are worth reading alone.
ALONE = 6
METRIC = re.compile(r"METRIC: (\{.*\})")
HEADER = (
    "Profiles",
    "Pages",
    "How full",
    "Seconds",
    "Pages a minute",
    "Of what there is",
    "429s",
    "Peak MB",
)


@dataclass(frozen=True, slots=True)
class Reading:
    """A long read under limits: a page size that makes it long enough, and who else reads."""

    name: str
    page_size: int
    steady: int
    columns: Sequence[str] = ()
    others: float = 0


READINGS = (
    Reading("profiles", 20, STEADY),
    Reading("profiles with predictive_analytics", 100, STEADY_PREDICTIVE, ["predictive_analytics"]),
    Reading("profiles while another client uses a third", 25, STEADY, (), OTHERS),
)


@dataclass(frozen=True, slots=True)
class Paced:
    """What the ledger says of a read: when pages were answered, ours and others', and refusals."""

    run: Run
    ours: list[float] = field(repr=False)
    others: list[float] = field(repr=False)
    refused: int = 0


def read_with_limits(bench: Bench) -> list[Section]:
    """Long reads of profiles. They wait more than they work, so they run side by side."""
    size = Size(bench.sized(PROFILES), 0)
    bench.accounts.make(size)
    progress(f"profiles with limits, three reads side by side, answers {DELAY_MS} ms late")
    with ThreadPoolExecutor(len(READINGS)) as pool:
        found = list(pool.map(lambda reading: paced(bench, size, reading), READINGS))
    rows, claims = [], []
    for reading, outcome in zip(READINGS, found, strict=True):
        share = used_of_the_rest(outcome) if reading.others else steady_share(reading, outcome)
        rows.append(row(reading, outcome, share))
        claims += promised(reading, outcome, share)
    return [Section("Profiles with Klaviyo's limits, 300 ms of delay", HEADER, rows, claims, NOTES)]


NOTES = (
    "Pages hold 20 and 25 profiles, so that the reads last for minutes.",
    (
        "The share is 60 s for as many pages as a minute allows, by the seconds from the first "
        "page to the first one after the last full minute's worth: the first burst counts once."
    ),
    "Beside another client, the share is of what it left in the sandbox's own whole minutes.",
)


def paced(bench: Bench, size: Size, reading: Reading) -> Paced:
    """Read profiles under limits."""
    options = json.dumps({"profiles": {"page_size": reading.page_size}})
    with bench.accounts.serve(size, delay_ms=DELAY_MS, limits=True) as server:
        selection = Selection(["profiles"], reading.columns)
        command = tap_command(server, bench.folder, selection, stream_options=options)
        outcome = beside(server, reading.others, lambda: run(command))
        if outcome.records != size.profiles:
            raise SystemExit(f"{reading.name}: {outcome.records} records of {size.profiles}")
        progress(f"  {reading.name}: {outcome.records:,} in {outcome.seconds:.1f} s")
        rows = server.control("requests", operation="get_profiles")
    ours = [one for one in rows if one["headers"].get("user-agent") != "other"]
    refused = sum(one["status"] == TOO_MANY for one in ours)
    answered = times(ours)
    return Paced(outcome, answered, times(one for one in rows if one not in ours), refused)


def times(rows: Any) -> list[float]:
    """When pages were given, in order."""
    return sorted(one["time"] for one in rows if one["status"] == OK)


def beside(server: Server, others: float, measure: Callable[[], Run]) -> Run:
    """Measure while another client reads at that pace, if at all."""
    if not others:
        return measure()
    command = [sys.executable, str(HERE / "other_client.py"), server.url, str(others)]
    with subprocess.Popen(command, text=True) as process:
        try:
            return measure()
        finally:
            end(process)


def steady_share(reading: Reading, outcome: Paced) -> float | None:
    """The part of the steady limit that was used; None for a read that is too short to tell.

    Both ends of what is measured are the beginning of a burst, if there are bursts.
    """
    minutes = (len(outcome.ours) - 1) // reading.steady
    if not minutes:
        return None
    return MINUTE * minutes / (outcome.ours[minutes * reading.steady] - outcome.ours[0])


def used_of_the_rest(outcome: Paced) -> float | None:
    """The part of what the other client left that was used, in whole minutes of the clock.

    None for a read without such a minute.
    """
    first, last = floor(outcome.ours[0] / MINUTE) + 1, floor(outcome.ours[-1] / MINUTE)
    if last <= first:
        return None
    ours, others = (
        sum(first <= time / MINUTE < last for time in rows)
        for rows in (outcome.ours, outcome.others)
    )
    return ours / ((last - first) * STEADY - others)


def row(reading: Reading, outcome: Paced, share: float | None) -> list[str]:
    """A row of the table."""
    seconds = outcome.ours[-1] - outcome.ours[0]
    allowed = reading.steady - reading.others
    return [
        reading.name,
        f"{len(outcome.ours):,}",
        f"{outcome.run.records / len(outcome.ours) / reading.page_size:.0%}",
        f"{seconds:.0f}",
        "" if share is None else f"{share * allowed:.0f}",
        "too short" if share is None else f"{share:.1%}",
        str(outcome.refused),
        f"{outcome.run.peak_mb:.0f}",
    ]


def promised(reading: Reading, outcome: Paced, share: float | None) -> list[Claim]:
    """What was promised of a read."""
    name = f"{reading.name}, limits on"
    of = "what is left" if reading.others else f"{reading.steady} pages a minute"
    used = [] if share is None else [Claim(f"{name}: of {of}", 100 * share, ">=", 95, " %")]
    return [
        *used,
        Claim(f"{name}: refused with 429", outcome.refused, "<=", 10),
        Claim(f"{name}: peak memory", outcome.run.peak_mb, "<=", MOST_MB, " MB"),
    ]


def account_with_limits(bench: Bench) -> list[Section]:
    """A whole account, and its slow streams alone; every run has fresh limits."""
    size = Size(bench.sized(WHOLE.profiles), bench.sized(WHOLE.events))
    progress(f"whole account with limits, answers {DELAY_MS} ms late")
    with bench.accounts.serve(size) as server:
        names = stream_names(server)
    log = bench.folder / "whole-account.log"
    together = fresh(bench, size, names, log)
    seconds, records = stream_metrics(log, "sync_duration"), stream_metrics(log, "record_count")
    slow = sorted(names, key=lambda name: -seconds[name])[:ALONE]
    alone = {name: fresh(bench, size, [name]) for name in slow}
    for name, outcome in alone.items():
        if outcome.records != records[name]:
            raise SystemExit(f"{name}: {outcome.records} records alone, {records[name]} with all")
    return [account_section(together, alone)]


def stream_metrics(log: Path, metric: str) -> dict[str, float]:
    """What the tap says of its streams in its log: the sum of a metric for each."""
    found: dict[str, float] = defaultdict(float)
    for text in METRIC.findall(log.read_text(errors="replace")):
        point = json.loads(text)
        if point["metric"] == metric:
            found[point["tags"]["stream"]] += point["value"]
    return found


def fresh(bench: Bench, size: Size, names: Sequence[str], log: Path | None = None) -> Run:
    """Read streams from a sandbox that has answered nothing yet."""
    with bench.accounts.serve(size, delay_ms=DELAY_MS, limits=True) as server:
        command = tap_command(server, bench.folder, Selection(names))
        outcome = run(replace(command, log=log))
    what = names[0] if len(names) == 1 else f"{len(names)} streams"
    progress(f"  {what}: {outcome.records:,} in {outcome.seconds:.1f} s")
    return outcome


def account_section(together: Run, alone: Mapping[str, Run]) -> Section:
    """The table of a whole account beside its slow streams."""
    ordered = sorted(alone, key=lambda name: -alone[name].seconds)
    slowest = ordered[0]
    ratio = together.seconds / alone[slowest].seconds
    return Section(
        f"Whole account with Klaviyo's limits, {DELAY_MS} ms of delay",
        ("Streams", "Records", "Seconds", "Peak MB"),
        [line("all", together), *(line(f"`{name}` alone", alone[name]) for name in ordered)],
        [
            Claim(f"whole account, limits on: of its slowest stream, {slowest}", ratio, "<=", 1.15),
            Claim("whole account, limits on: peak memory", together.peak_mb, "<=", MOST_MB, " MB"),
        ],
        [f"Alone: the {len(alone)} streams that took longest among all."],
    )


def line(name: str, outcome: Run) -> list[str]:
    """A row of the whole account's table."""
    return [name, f"{outcome.records:,}", number(outcome.seconds), f"{outcome.peak_mb:.0f}"]
