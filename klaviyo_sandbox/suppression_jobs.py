"""Bulk suppression by hand, and its end: jobs that run on the clock and name no rows.

Taken, as Klaviyo does not say: an address that nobody has becomes a suppressed profile; a job
skips whomever it would not change.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from random import Random
from typing import Any

import msgspec

from klaviyo_sandbox.bodies import check_count
from klaviyo_sandbox.clock import iso_microseconds, iso_seconds
from klaviyo_sandbox.consents import suppressed, unsuppressed
from klaviyo_sandbox.identifiers import check_identifiers
from klaviyo_sandbox.kinds import KINDS
from klaviyo_sandbox.messages import Response, invalid, not_found
from klaviyo_sandbox.people import People
from klaviyo_sandbox.query import Query
from klaviyo_sandbox.reads import Reading, resource
from klaviyo_sandbox.seed_values import LETTERS, text_of
from klaviyo_sandbox.store import Resource, Store
from klaviyo_sandbox.writing import Writing

MOST = 100
POINTER = "/data/attributes/profiles/data"
QUEUED_SECONDS, WORKING_SECONDS = 1.0, 2.0
PEND = "INSERT INTO pending VALUES (?, ?, ?, ?)"
Row = Mapping[str, Any]


def create(writing: Writing) -> Response:
    """POST of either bulk job: 202 with the queued job, by addresses or by one list or segment."""
    kind = writing.content["type"]
    rows = (writing.content["attributes"].get("profiles") or {}).get("data")
    groups = checked_groups(writing)
    if (rows is None) == (not groups):
        raise invalid("Give either profiles, or one list or segment.", "/data")
    if rows is None:
        rows = members(writing.store, *groups)
    else:
        check_count(rows, MOST, POINTER)
        check_identifiers((row, f"{POINTER}/{place}") for place, row in enumerate(rows))
    job = text_of(writing.random, LETTERS, 32)
    attributes = {
        "status": "queued",
        "created_at": iso_microseconds(writing.now),
        "total_count": len(rows),
        "completed_count": 0,
        "completed_at": None,
        "skipped_count": 0,
    }
    content = msgspec.json.encode({"type": kind, "rows": rows})
    begin = writing.now + QUEUED_SECONDS
    with writing.store.transaction():
        writing.store.put([Resource(kind, job, attributes, links=dict(groups))])
        if writing.fault is not None and writing.fault.kind == "cancelled_job":
            writing.store.run(PEND, (begin, "cancel_suppressing", job, content))
        else:
            writing.store.run(PEND, (begin, "suppress", job, content))
            writing.store.run(PEND, (begin + WORKING_SECONDS, "end_suppressing", job, content))
    reading = Reading(writing.store, writing.request, writing.route, writing.now)
    return Response(202, resource(reading, KINDS[kind], Query(), job).body)


def checked_groups(writing: Writing) -> list[tuple[str, list[str]]]:
    """The list or the segment that a job is for, as a relationship of it."""
    relationships = writing.content.get("relationships") or {}
    named = [(name, (relationships.get(name) or {}).get("data")) for name in ("list", "segment")]
    groups = [(name, data["id"]) for name, data in named if data]
    if len(groups) > 1:
        raise invalid("Give a list or a segment, not both.", "/data/relationships")
    for name, group in groups:
        if not writing.store.exists(KINDS[name], group):
            raise not_found(name, group)
    return [(f"{name}s", [group]) for name, group in groups]


def members(store: Store, group: tuple[str, list[str]]) -> list[dict[str, Any]]:
    """The members of a group that have an address, as rows."""
    statement = (
        "SELECT email FROM profiles JOIN members ON members.profile_id = profiles.id "
        "WHERE group_id = ? AND email <> '' ORDER BY profiles.id"
    )
    found = store.all(statement, (group[1][0],))
    return [{"type": "profile", "attributes": {"email": row[0]}} for row in found]


def work(store: Store, job: str, due: float, content: bytes, random: Random) -> None:
    """Suppress, or lift it. Recorded: there is a `completed_at` while it still says processing."""
    decoded = msgspec.json.decode(content)
    creating = "create" in decoded["type"]
    changed = changed_people(store, decoded["rows"], creating, random, due)
    counts = {"completed_count": changed, "skipped_count": len(decoded["rows"]) - changed}
    moment = iso_microseconds(due)
    change(store, decoded["type"], job, {"status": "processing", "completed_at": moment, **counts})


def changed_people(
    store: Store,
    rows: Iterable[Row],
    creating: bool,
    random: Random,
    now: float,
) -> int:
    """Put the rows into effect; how many people that changed."""
    rows = list(rows)
    people = People(store, rows, random, now)
    count = 0
    for row in rows:
        person = people.find(row)
        if person is None and creating:
            person = people.create()
            people.merge(person, row)
        if person is None:
            continue
        state = person.subscriptions()
        after = suppressed(state, iso_seconds(now)) if creating else unsuppressed(state)
        if after is not None:
            people.subscribe(person, after)
            count += 1
    people.save()
    return count


def end(store: Store, job: str, content: bytes) -> None:
    """The job is complete."""
    change(store, msgspec.json.decode(content)["type"], job, {"status": "complete"})


def cancel(store: Store, job: str, content: bytes) -> None:
    """The job ends without having done anything."""
    change(store, msgspec.json.decode(content)["type"], job, {"status": "cancelled"})


def change(store: Store, kind: str, job: str, changes: Mapping[str, Any]) -> None:
    """Write new values over a job's attributes."""
    statement = f"SELECT attributes FROM {KINDS[kind].table} WHERE id = ?"  # noqa: S608
    row = store.first(statement, (job,))
    attributes = msgspec.json.decode(row[0] if row else b"{}")
    store.put([Resource(kind, job, {**attributes, **changes})])
