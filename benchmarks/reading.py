"""The scenarios that read collections as fast as they can."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from comparison import HEADER, Outcome, Way, compare, notes, rows
from plain_ways import Selection, ceiling, minimal_loop, tap_command
from results import Claim, Section
from rivals import Environments
from running import Run, run
from servers import Accounts, Server, Size, progress

TAP, ONE_WORKER, LOOP, CEILING = (
    "tap-klaviyo",
    "tap-klaviyo, one request at a time",
    "minimal loop",
    "ceiling: decode and encode",
)
DELAYS = (0, 300)
MOST_MB = 200


@dataclass(frozen=True, slots=True)
class Bench:
    """What scenarios run with: `scale` shrinks every account, `rounds` is how often to measure."""

    folder: Path
    accounts: Accounts
    rivals: Environments
    rounds: int
    scale: float

    def sized(self, count: int) -> int:
        """A number of records, as many as this run wants."""
        return max(100, round(count * self.scale))


@dataclass(frozen=True, slots=True)
class Collection:
    """A collection that is read whole: its stream, its account, the loop's query."""

    stream: str
    path: str
    query: str
    profiles: int
    events: int

    def size(self, bench: Bench) -> Size:
        """The account."""
        return Size(bench.sized(self.profiles), bench.sized(self.events) if self.events else 0)

    def records(self, size: Size) -> int:
        """How many records there are to read."""
        return size.events if self.stream == "events" else size.profiles


EVENTS = Collection("events", "events", "page%5Bsize%5D=1000&sort=datetime", 1_000, 200_000)
PROFILES = Collection("profiles", "profiles", "page%5Bsize%5D=100&sort=updated", 50_000, 0)


def ways(bench: Bench, collection: Collection, server: Server, delay: int) -> list[Way]:
    """The tap and what it is compared with."""
    selection = Selection([collection.stream])
    wanted = collection.records(collection.size(bench))
    # What waits 300 ms for every page takes long, and does not vary.
    slow = 1 if delay else bench.rounds

    def tap(**settings: int) -> Callable[[], Run]:
        return lambda: run(tap_command(server, bench.folder, selection, **settings))

    loop = minimal_loop(server, collection.path, collection.query)
    return [
        Way(TAP, tap(), needed=True, wanted=wanted),
        Way(ONE_WORKER, tap(max_parallel_requests=1), slow, needed=True, wanted=wanted),
        Way(LOOP, lambda: run(loop), slow, needed=True, wanted=wanted),
    ]


def compare_delays(bench: Bench, collection: Collection) -> dict[int, dict[str, Outcome]]:
    """The ways compared at each delay."""
    outcomes = {}
    for delay in DELAYS:
        progress(f"{collection.stream}, answers {delay} ms late")
        with bench.accounts.serve(collection.size(bench), delay_ms=delay) as server:
            found = ways(bench, collection, server, delay)
            if not delay:
                measure = ceiling(server, bench.folder, collection.path, collection.query)
                found.append(Way(CEILING, measure))
            slow = 1 if delay else bench.rounds
            found += bench.rivals.ways(server, bench.folder, collection.stream, slow)
            outcomes[delay] = compare(found, bench.rounds)
    return outcomes


def sections(
    collection: Collection, size: Size, outcomes: dict[int, dict[str, Outcome]]
) -> list[Section]:
    """A table for each delay."""
    count = f"{collection.records(size):,} {collection.stream}"
    return [
        Section(
            f"{count}, {delay} ms of delay",
            HEADER,
            rows(found),
            claims(collection.stream, delay, outcomes),
            notes(found),
        )
        for delay, found in outcomes.items()
    ]


def claims(stream: str, delay: int, outcomes: dict[int, dict[str, Outcome]]) -> list[Claim]:
    """What was promised of a table."""
    found, name = outcomes[delay], f"{stream}, {delay} ms"
    kept = [Claim(f"{name}: peak memory", found[TAP].peak_mb, "<=", MOST_MB, " MB")]
    if stream == "events" and not delay:
        kept += [
            Claim(f"{name}: times the minimal loop", found[TAP].times(found[LOOP]), ">=", 2.5),
            Claim(f"{name}: of the ceiling", found[TAP].times(found[CEILING]), ">=", 0.27),
        ]
    if stream == "events" and delay:
        still = found[TAP].rate / outcomes[0][TAP].rate
        kept.append(Claim(f"{name}: of the speed at 0 ms", still, ">=", 0.9))
    return kept


def read_collection(bench: Bench, collection: Collection) -> list[Section]:
    """The scenario of one collection."""
    return sections(collection, collection.size(bench), compare_delays(bench, collection))
