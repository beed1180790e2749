"""The scenarios of many streams: members of 300 lists, and whole accounts."""

from __future__ import annotations

import sys

import requests
from comparison import HEADER, Outcome, Way, compare, notes, rows
from minimal_loop import HEADERS
from plain_ways import HERE, Selection, stream_names, tap_command
from reading import DELAYS, LOOP, MOST_MB, ONE_WORKER, TAP, Bench
from results import Claim, Section
from running import Command, run
from servers import Server, Size, progress

LISTS, PEOPLE = 300, 600
WHOLE_PROFILES, WHOLE_EVENTS = 1_000, 50_000


def many_lists(server: Server) -> None:
    """Lists with members: most fit on one page, every tenth needs five."""
    people = [profile["id"] for profile in server.control("resources/profile")]
    with requests.Session() as session:
        session.headers.update({**HEADERS, "Content-Type": "application/vnd.api+json"})
        for number in range(LISTS):
            asked = {"data": {"type": "list", "attributes": {"name": f"List of {number}"}}}
            made = session.post(f"{server.url}/api/lists", json=asked)
            made.raise_for_status()
            count = 500 if number % 10 == 0 else 60
            members = [{"type": "profile", "id": one} for one in people[:count]]
            address = f"{server.url}/api/lists/{made.json()['data']['id']}/relationships/profiles"
            session.post(address, json={"data": members}).raise_for_status()


def read_lists(bench: Bench) -> list[Section]:
    """The members of many lists."""
    size = Size(PEOPLE, 0, many_lists)
    found = []
    for delay in DELAYS:
        progress(f"members of {LISTS} lists, answers {delay} ms late")
        with bench.accounts.serve(size, delay_ms=delay) as server:
            ways = tap_ways(bench, server, ["list_profiles"], delay)
            if not delay:
                ways.append(members_loop(server))
            outcomes = compare(ways, bench.rounds)
        name = f"Members of {LISTS} lists, {delay} ms of delay"
        found.append(section(name, outcomes))
    return found


def members_loop(server: Server) -> Way:
    """A loop over lists and their pages."""
    command = Command([sys.executable, str(HERE / "members_loop.py"), server.url])
    return Way(LOOP, lambda: run(command), needed=True)


def read_account(bench: Bench) -> list[Section]:
    """Everything that an account holds."""
    size = Size(bench.sized(WHOLE_PROFILES), bench.sized(WHOLE_EVENTS))
    found = []
    for delay in DELAYS:
        progress(f"whole account, answers {delay} ms late")
        with bench.accounts.serve(size, delay_ms=delay) as server:
            ways = tap_ways(bench, server, stream_names(server), delay)
            outcomes = compare(ways, bench.rounds)
        held = f"{size.profiles:,} profiles, {size.events:,} events"
        found.append(section(f"Whole account ({held}), {delay} ms of delay", outcomes))
    return found


def slow_rounds(bench: Bench, delay: int) -> int:
    """How often to measure what waits for every page: it takes long, and does not vary."""
    return 1 if delay else bench.rounds


def tap_ways(bench: Bench, server: Server, streams: list[str], delay: int) -> list[Way]:
    """The tap with many requests at once and with one."""
    selection = Selection(streams)
    many = tap_command(server, bench.folder, selection)
    one = tap_command(server, bench.folder, selection, max_parallel_requests=1)
    return [
        Way(TAP, lambda: run(many), needed=True),
        Way(ONE_WORKER, lambda: run(one), slow_rounds(bench, delay), needed=True),
    ]


def section(name: str, outcomes: dict[str, Outcome]) -> Section:
    """A table.

    Raises:
        SystemExit: The ways read different numbers of records.
    """
    counts = {way: {run.records for run in one.runs.values()} for way, one in outcomes.items()}
    if len(set().union(*counts.values())) != 1:
        raise SystemExit(f"{name}: the ways read different numbers of records: {counts}")
    peak = Claim(f"{name}: peak memory", outcomes[TAP].peak_mb, "<=", MOST_MB, " MB")
    return Section(name, HEADER, rows(outcomes), [peak], notes(outcomes))
