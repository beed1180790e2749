"""The bulk jobs of a shop: queued, run on the clock, with their errors among their attributes.

Klaviyo says how many jobs of a kind it lets wait at once, not how it refuses one more: taken to be
by 429, like any other excess.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

import msgspec

from klaviyo_sandbox.bodies import check_count
from klaviyo_sandbox.clock import iso_microseconds
from klaviyo_sandbox.kinds import KINDS
from klaviyo_sandbox.messages import Response, throttled
from klaviyo_sandbox.query import Query
from klaviyo_sandbox.reads import Reading, resource
from klaviyo_sandbox.seed_values import LETTERS, text_of
from klaviyo_sandbox.store import Resource, Store
from klaviyo_sandbox.writing import Writing

QUEUED_SECONDS = 1.0
ROWS_PER_SECOND = 1_000
WEEK = 7 * 86_400
PEND = "INSERT INTO pending VALUES (?, ?, ?, ?)"


class RowRefused(Exception):  # noqa: N818 - an outcome of a row, not a failure of the sandbox
    """A row that a job does not take."""

    def __init__(self, code: str, detail: str) -> None:
        """`code` and `detail` are what the job's error says."""
        super().__init__(code)
        self.code = code
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Running:
    """What a row of a job works with."""

    store: Store
    now: float
    random: Random


@dataclass(frozen=True, slots=True)
class JobRule:
    """A kind of job.

    Its type, where its rows are, how many rows it takes, how many such jobs may be unfinished at
    once, and what a row does.
    """

    type: str
    rows: str
    most: int
    at_once: int
    run: Callable[[Running, Mapping[str, Any]], None]

    @property
    def pointer(self) -> str:
        """Where the rows stand in the body."""
        return f"/data/attributes/{self.rows}/data"


def create(writing: Writing, rule: JobRule) -> Response:
    """POST: 202 with the queued job."""
    rows = writing.content["attributes"][rule.rows]["data"]
    check_count(rows, rule.most, rule.pointer)
    if unfinished(writing.store, rule) >= rule.at_once:
        raise throttled(1)
    job = text_of(writing.random, LETTERS, 26)
    with writing.store.transaction():
        writing.store.put([queued(rule, job, len(rows), writing.now)])
        schedule(writing, rule, job, rows)
    reading = Reading(writing.store, writing.request, writing.route, writing.now)
    return Response(202, resource(reading, KINDS[rule.type], Query(), job).body)


def unfinished(store: Store, rule: JobRule) -> int:
    """How many jobs of a kind are still to be done."""
    table = KINDS[rule.type].table
    counted = f"SELECT count(*) FROM {table} JOIN pending ON target = id WHERE action = ?"  # noqa: S608
    (count,) = store.first(counted, ("run_bulk_job",)) or (0,)
    return int(count)


def queued(rule: JobRule, job: str, count: int, now: float) -> Resource:
    """A new job."""
    attributes = {
        "status": "queued",
        "created_at": iso_microseconds(now),
        "total_count": count,
        "completed_count": 0,
        "failed_count": 0,
        "completed_at": None,
        "errors": [],
        "expires_at": iso_microseconds(now + WEEK),
    }
    return Resource(rule.type, job, attributes)


def schedule(writing: Writing, rule: JobRule, job: str, rows: Sequence[Any]) -> None:
    """Put the rest of the job's life on the calendar."""
    begin = writing.now + QUEUED_SECONDS
    fault = writing.fault
    content: dict[str, Any] = {"type": rule.type, "rows": rows, "row": None, "cancelled": False}
    if fault is not None and fault.kind == "cancelled_job":
        content["cancelled"] = True
    if fault is not None and fault.kind == "row_failure":
        content["row"] = fault.row
    encoded = msgspec.json.encode(content)
    writing.store.run(PEND, (begin, "start_bulk_job", job, encoded))
    end = begin + 1 + len(rows) / ROWS_PER_SECOND
    writing.store.run(PEND, (end, "run_bulk_job", job, encoded))


def start(store: Store, job: str, content: bytes) -> None:
    """The job is processed from now on."""
    change(store, msgspec.json.decode(content)["type"], job, {"status": "processing"})


def run(rule: JobRule, running: Running, job: str, content: bytes) -> None:
    """Do what the rows say, and note which could not be done."""
    decoded = msgspec.json.decode(content)
    ended = {"completed_at": iso_microseconds(running.now)}
    if decoded["cancelled"]:
        change(running.store, rule.type, job, {"status": "cancelled", **ended})
        return
    errors = []
    for place, row in enumerate(decoded["rows"]):
        refused = INJECTED if place == decoded["row"] else refusal(rule, running, row)
        errors += [error_of(rule, running.random, place, refused)] if refused else []
    counts = {"completed_count": len(decoded["rows"]) - len(errors), "failed_count": len(errors)}
    done = {"status": "complete", "errors": errors, **ended, **counts}
    change(running.store, rule.type, job, done)


INJECTED = RowRefused("invalid", "The sandbox was asked to refuse this row.")


def refusal(rule: JobRule, running: Running, row: Mapping[str, Any]) -> RowRefused | None:
    """Do what a row says, or say why not."""
    try:
        rule.run(running, row)
    except RowRefused as refused:
        return refused
    return None


def error_of(rule: JobRule, random: Random, place: int, refused: RowRefused) -> dict[str, Any]:
    """An entry of a job's `errors`."""
    return {
        "id": text_of(random, LETTERS, 20),
        "code": refused.code,
        "title": "Invalid input.",
        "detail": refused.detail,
        "source": {"pointer": f"{rule.pointer}/{place}"},
    }


def change(store: Store, kind: str, job: str, changes: Mapping[str, Any]) -> None:
    """Write new values over a job's attributes."""
    store.put([Resource(kind, job, {**attributes_of(store, kind, job), **changes})])


def attributes_of(store: Store, kind: str, resource_id: str) -> dict[str, Any]:
    """The attributes of a resource that is there."""
    (row,) = store.rows_with(KINDS[kind], "id", [resource_id], ("attributes",))
    found: dict[str, Any] = msgspec.json.decode(row[0])
    return found
