"""The scenarios that read collections as fast as they can."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from comparison import HEADER, Outcome, Way, compare, notes, rows
from plain_ways import Selection, ceiling, minimal_loop, page_starts, tap_command, told_tap
from results import Claim, Section
from rivals import AIRBYTE, INGESTR, SINGER_IO, Environments
from running import Run, run
from servers import Accounts, Server, Size, progress

TAP, NOT_LATE, TOLD, ONE_WORKER, LOOP, BARE_LOOP, CEILING = (
    "tap-klaviyo",
    "tap-klaviyo, 0 ms of delay",
    "tap-klaviyo, told where to cut",
    "tap-klaviyo, one request at a time",
    "minimal loop",
    "minimal loop, without relations",
    "ceiling: decode and encode",
)
DELAYS = (0, 300)
Measure = Callable[[], Run]
MOST_MB = 200
# How many times as fast as a rival the tap is meant to be, where every answer waits.
FASTER = ((AIRBYTE, 20), (INGESTR, 20), (SINGER_IO, 100))


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
        return max(10, round(count * self.scale)) if count else 0


@dataclass(frozen=True, slots=True)
class Collection:
    """A collection that is read whole.

    Attributes:
        stream: Its name for the tap and in the API.
        query: What the tap asks for, and so the minimal loop.
        bare_query: The least that can be asked for, where that is less.
        profiles: How many the account holds.
        events: How many the account holds.
        share: The part of such an account that slow ways read. Their speed is the same, or for
            the time that a rival needs to start, less by what a user of a small account sees.
    """

    stream: str
    query: str
    profiles: int
    events: int
    share: float
    bare_query: str = ""

    def size(self, bench: Bench, share: float = 1) -> Size:
        """The account, or one that holds a part."""
        profiles = round(self.profiles * (1 if self.events else share))
        return Size(bench.sized(profiles), bench.sized(round(self.events * share)))

    def records(self, size: Size) -> int:
        """How many records there are to read."""
        return size.events if self.events else size.profiles


BARE_EVENTS = "page%5Bsize%5D=1000&sort=datetime"
# Without relations, nobody knows whose events they are, nor of which metric.
RELATIONS = (
    "&include=attributions,metric,profile"
    "&fields%5Battribution%5D=id&fields%5Bmetric%5D=name&fields%5Bprofile%5D=id"
)
EVENTS = Collection("events", BARE_EVENTS + RELATIONS, 1_000, 200_000, 0.25, BARE_EVENTS)
PROFILES_ASKED = "page%5Bsize%5D=100&sort=updated&additional-fields%5Bprofile%5D=subscriptions"
PROFILES = Collection("profiles", PROFILES_ASKED, 50_000, 0, 0.2)


@dataclass(frozen=True, slots=True)
class Account:
    """A server, and how much of a collection it holds."""

    server: Server
    records: int


def fast_ways(bench: Bench, collection: Collection, account: Account) -> list[Way]:
    """The tap, and what needs about as long, where answers come at once."""
    ways = [tap_way(bench, collection, account), *serial_ways(bench, collection, account)]
    if collection.bare_query:
        bare = minimal_loop(account.server, collection.stream, collection.bare_query)
        ways.append(Way(BARE_LOOP, lambda: run(bare), needed=True, wanted=account.records))
    pages = ceiling(account.server, bench.folder, collection.stream, collection.query)
    return [*ways, Way(CEILING, pages, needed=True)]


def late_ways(bench: Bench, collection: Collection, account: Account, quick: Account) -> list[Way]:
    """The tap where answers are late; of events also where they are not, and the best it could."""
    tap = tap_way(bench, collection, account)
    if not collection.events:
        return [tap]
    times = page_starts(quick.server, bench.folder)
    command = told_tap(account.server, bench.folder, Selection([collection.stream]), times)
    told = Way(TOLD, lambda: run(command), needed=True, wanted=account.records)
    return [tap, tap_way(bench, collection, quick, NOT_LATE), told]


def tap_way(bench: Bench, collection: Collection, account: Account, name: str = TAP) -> Way:
    """The tap."""
    return Way(name, tap(bench, collection, account), needed=True, wanted=account.records)


def serial_ways(
    bench: Bench, collection: Collection, account: Account, rounds: int = 99
) -> list[Way]:
    """What waits for one page before it asks for the next."""
    loop = minimal_loop(account.server, collection.stream, collection.query)
    one = tap(bench, collection, account, max_parallel_requests=1)
    return [
        Way(ONE_WORKER, one, rounds, needed=True, wanted=account.records),
        Way(LOOP, lambda: run(loop), rounds, needed=True, wanted=account.records),
    ]


def slow_ways(bench: Bench, collection: Collection, account: Account, delay: int) -> list[Way]:
    """What takes long: measured once."""
    serial = serial_ways(bench, collection, account, 1) if delay else []
    return [*serial, *bench.rivals.ways(account.server, bench.folder, collection.stream, 1)]


def tap(bench: Bench, collection: Collection, account: Account, **settings: int) -> Measure:
    """One run of the tap."""
    selection = Selection([collection.stream])
    command = tap_command(account.server, bench.folder, selection, **settings)
    return lambda: run(command)


def compare_delays(bench: Bench, collection: Collection) -> dict[int, dict[str, Outcome]]:
    """The ways compared at each delay."""
    whole, part = collection.size(bench), collection.size(bench, collection.share)
    outcomes = {}
    for delay in DELAYS:
        progress(f"{collection.stream}, answers {delay} ms late")
        with (
            bench.accounts.serve(whole) as at_once,
            bench.accounts.serve(whole, delay_ms=delay) as server,
            bench.accounts.serve(part, delay_ms=delay) as smaller,
        ):
            quick, late = (Account(one, collection.records(whole)) for one in (at_once, server))
            slow = Account(smaller, collection.records(part))
            ways = (
                late_ways(bench, collection, late, quick)
                if delay
                else fast_ways(bench, collection, quick)
            )
            ways += slow_ways(bench, collection, slow, delay)
            outcomes[delay] = compare(ways, bench.rounds)
    return outcomes


def sections(
    bench: Bench, collection: Collection, outcomes: dict[int, dict[str, Outcome]]
) -> list[Section]:
    """A table for each delay."""
    whole, part = collection.size(bench), collection.size(bench, collection.share)
    count = f"{collection.records(whole):,} {collection.stream}"
    smaller = f"What is measured once reads an account of {collection.records(part):,}."
    return [
        Section(
            f"{count}, {delay} ms of delay",
            HEADER,
            rows(found),
            claims(collection.stream, delay, found),
            [smaller, *notes(found)],
        )
        for delay, found in outcomes.items()
    ]


def claims(stream: str, delay: int, found: Mapping[str, Outcome]) -> list[Claim]:
    """What was promised of a table."""
    name = f"{stream}, {delay} ms"
    kept = [Claim(f"{name}: peak memory", found[TAP].peak_mb, "<=", MOST_MB, " MB")]
    if stream == "events" and not delay:
        kept += [
            *loop_claims(name, found),
            Claim(f"{name}: of the ceiling", found[TAP].times(found[CEILING]), ">=", 0.27),
        ]
    if stream == "events" and delay:
        still, told = (found[way].times(found[NOT_LATE]) for way in (TAP, TOLD))
        kept += [
            Claim(f"{name}: of the speed at 0 ms", still, ">=", 0.9),
            Claim(f"{name}: of the speed at 0 ms, told where to cut", told, ">=", 0.9),
            *rival_claims(name, found),
        ]
    return kept


def loop_claims(name: str, found: Mapping[str, Outcome]) -> list[Claim]:
    """What was promised beside a loop that gets the same pages, and beside one that gets less."""
    tap = found[TAP]
    return [
        Claim(f"{name}: times the minimal loop", tap.times(found[LOOP]), ">=", 2.5),
        Claim(f"{name}: times the {BARE_LOOP}", tap.times(found[BARE_LOOP]), ">=", 2.5),
    ]


def rival_claims(name: str, found: Mapping[str, Outcome]) -> list[Claim]:
    """What was promised beside the rivals that are there."""
    rivals = {rival: found[rival] for rival, _ in FASTER if rival in found and found[rival].runs}
    times = dict(FASTER)
    return [
        Claim(f"{name}: times {rival}", found[TAP].times(outcome), ">=", times[rival])
        for rival, outcome in rivals.items()
    ]


def read_collection(bench: Bench, collection: Collection) -> list[Section]:
    """The scenario of one collection."""
    return sections(bench, collection, compare_delays(bench, collection))
