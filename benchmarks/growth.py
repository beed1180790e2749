"""The scenario of ever more events: time per record and memory stay flat."""

from __future__ import annotations

from comparison import Outcome, Way, compare
from plain_ways import Selection, tap_command
from reading import MOST_MB, TAP, Bench
from results import Claim, Section
from running import run
from servers import Size, progress

COUNTS = (10_000, 100_000, 1_000_000)
HEADER = ("Events", "Seconds", "Events/s", "Microseconds per event", "Peak MB", "Rounds")
SAME = 1.1
SLOW = 300
IN_BURSTS = 200_000
BURSTS = (1, 8, 32)


def read_more_and_more(bench: Bench) -> list[Section]:
    """Events of ever larger accounts."""
    found: dict[int, Outcome] = {}
    for count in map(bench.sized, COUNTS):
        found[count] = read_events(bench, count)
    rows = [row(count, outcome) for count, outcome in found.items()]
    _, before, last = found.values()
    claims = [
        Claim(f"{max(found):,} events: peak memory", last.peak_mb, "<=", MOST_MB, " MB"),
        Claim("growth: memory for ten times the events", last.peak_mb / before.peak_mb, "<=", SAME),
        Claim(
            "growth: time per event with ten times the events", before.rate / last.rate, "<=", SAME
        ),
    ]
    return [
        Section("More and more events, 0 ms of delay", HEADER, rows, claims),
        read_more_slowly(bench),
        read_in_bursts(bench),
    ]


def read_more_slowly(bench: Bench) -> Section:
    """Events of larger accounts, where each answer takes a while."""
    counts = [bench.sized(count) for count in COUNTS[1:]]
    found = {count: read_events(bench, count, SLOW) for count in counts}
    before, last = found.values()
    claim = Claim(
        f"growth, {SLOW} ms: time per event with ten times the events",
        before.rate / last.rate,
        "<=",
        SAME,
    )
    rows = [row(count, outcome) for count, outcome in found.items()]
    return Section(f"More and more events, {SLOW} ms of delay", HEADER, rows, [claim])


def read_in_bursts(bench: Bench) -> Section:
    """Events of which half come in ever more bursts over a year, as campaigns go out."""
    count = bench.sized(IN_BURSTS)
    found = {bursts: read_events(bench, count, SLOW, bursts) for bursts in BURSTS}
    rows = [[str(bursts), *row(count, outcome)] for bursts, outcome in found.items()]
    title = f"Half of the events in bursts over the year, {SLOW} ms of delay"
    return Section(title, ("Bursts", *HEADER), rows, [])


def read_events(bench: Bench, count: int, delay_ms: float = 0, bursts: int = 0) -> Outcome:
    """Events of an account of that many."""
    progress(f"{count:,} events, {delay_ms:g} ms, {bursts} bursts")
    size = Size(1_000, count, bursts=bursts)
    with bench.accounts.serve(size, delay_ms=delay_ms) as server:
        command = tap_command(server, bench.folder, Selection(["events"]))
        way = Way(TAP, lambda: run(command), needed=True, wanted=count)
        return compare([way], bench.rounds)[TAP]


def row(count: int, outcome: Outcome) -> list[str]:
    """A row of the table."""
    return [
        f"{count:,}",
        f"{count / outcome.rate:.1f}",
        f"{outcome.rate:,.0f}",
        f"{1e6 / outcome.rate:.1f}",
        f"{outcome.peak_mb:.0f}",
        str(len(outcome.runs)),
    ]
