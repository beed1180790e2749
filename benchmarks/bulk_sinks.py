"""The scenario of large loads: what they take by sink, and what a nightly one with few changes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from reading import DELAYS, MOST_MB, Bench
from results import Claim, Section
from running import Run, run
from servers import Server, progress
from writing import EMPTY, STREAMS, Rows, profile, singer_file, target_command

HEADER = ("Rows", "Seconds", "Rows/s", "Requests", "Jobs", "Peak MB")
SUMMARY = re.compile(r"accepted (\d+),.*requests (\d+), jobs (\d+)")
CHANGED, SYNCED = 1_000, 1_000_000


def item(number: int) -> dict[str, Any]:
    """A thing of a shop."""
    return {
        "external_id": f"thing-{number}",
        "title": f"Thing {number}",
        "description": "x" * 200,
        "url": f"https://klaviyo-sandbox.dev/things/{number}",
        "price": number % 100,
    }


def member(number: int) -> dict[str, Any]:
    """A customer on a list, named by address."""
    return {"list_name": "Everybody", "email": profile(number)["email"]}


# Members are people that the first of these has made.
LOADS: tuple[tuple[Rows, int], ...] = (
    (STREAMS[0], 100_000),
    (STREAMS[1], 100_000),
    (Rows("catalog_items", {"price": "number"}, item, "catalog-item"), 10_000),
    (Rows("list_profiles", {}, member, "profile"), 100_000),
)


def load_in_bulk(bench: Bench) -> list[Section]:
    """Large loads at each delay, then the nightly one."""
    return [*(loads(bench, delay) for delay in DELAYS), nightly(bench)]


def loads(bench: Bench, delay: int) -> Section:
    """Every load into one account, one after the other."""
    lines, claims = [], []
    with bench.accounts.serve(EMPTY, delay_ms=delay) as server:
        for rows, count in LOADS:
            wanted = bench.sized(count)
            progress(f"{wanted:,} {rows.stream} loaded, answers {delay} ms late")
            file = singer_file(bench.folder, rows, wanted)
            outcome, said = loaded(bench, server, file, {}, wanted)
            claims.append(
                Claim(
                    f"{wanted:,} {rows.stream}: peak memory", outcome.peak_mb, "<=", MOST_MB, " MB"
                )
            )
            lines.append(line(f"{wanted:,} {rows.stream}", wanted, outcome, said))
    return Section(f"Loads in bulk, {delay} ms of delay", ("Load", *HEADER), lines, claims)


def nightly(bench: Bench) -> Section:
    """A large table of which little has changed, with `change_store`; beside reading it only."""
    count, changed = bench.sized(SYNCED), bench.sized(CHANGED)
    store = {"TARGET_KLAVIYO_CHANGE_STORE": str(bench.folder / "changes.sqlite")}
    nowhere = {"TARGET_KLAVIYO_STREAMS": '{"profiles": {"sink": null}}'}
    rows = replace(STREAMS[0], keys=("email",))

    def later(number: int) -> dict[str, Any]:
        one = profile(number)
        return {**one, "score": 101} if number % (count // changed) == 0 else one

    first = singer_file(bench.folder, rows, count, "first")
    second = singer_file(bench.folder, replace(rows, make=later), count, "second")
    with bench.accounts.serve(EMPTY) as server:
        whole = loaded(bench, server, first, store, count)
        night = loaded(bench, server, second, store, changed)
        alone = loaded(bench, server, second, nowhere, 0)
    ratio = night[0].seconds / alone[0].seconds
    named = {"first sync": whole, f"{changed:,} rows changed": night, "only read": alone}
    return Section(
        f"{count:,} profiles with change_store",
        ("Run", *HEADER),
        [line(name, count, *figures) for name, figures in named.items()],
        [Claim("a nightly run: times as long as reading it", ratio, "<=", 1.5)],
    )


def loaded(
    bench: Bench, server: Server, file: Path, settings: Mapping[str, str], wanted: int
) -> tuple[Run, tuple[int, int]]:
    """A run of the target, and its requests and jobs.

    Raises:
        SystemExit: It has not written as many rows as wanted.
    """
    command = target_command(server, file)
    log = bench.folder / "target.log"
    outcome = run(replace(command, environ={**command.environ, **settings}, log=log))
    found = SUMMARY.search(log.read_text())
    accepted, requests, jobs = map(int, found.groups() if found else (0, 0, 0))
    if accepted != wanted:
        raise SystemExit(f"the target wrote {accepted} rows of {wanted}")
    return outcome, (requests, jobs)


def line(name: str, count: int, outcome: Run, said: tuple[int, int]) -> list[str]:
    """A row of the table."""
    requests, jobs = said
    figures = [f"{outcome.seconds:.1f}", f"{count / outcome.seconds:,.0f}"]
    return [name, f"{count:,}", *figures, f"{requests:,}", str(jobs), f"{outcome.peak_mb:.0f}"]
