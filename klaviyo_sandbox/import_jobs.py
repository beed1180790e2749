"""Bulk profile import: a job that is queued, runs on the clock, and reports row by row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

import msgspec

from klaviyo_sandbox.bodies import LARGEST_PROFILE, check_count, check_sizes
from klaviyo_sandbox.clock import MICROSECONDS, iso_seconds
from klaviyo_sandbox.identifiers import check_identifiers
from klaviyo_sandbox.kinds import KINDS
from klaviyo_sandbox.messages import Response, not_found
from klaviyo_sandbox.people import (
    DuplicateProfileError,
    People,
    UnknownProfileError,
    without_nulls,
)
from klaviyo_sandbox.query import Query
from klaviyo_sandbox.reads import Reading, resource
from klaviyo_sandbox.seed_values import LETTERS, text_of
from klaviyo_sandbox.store import LINK, MEMBER, Resource, Store
from klaviyo_sandbox.writing import Writing

JOB = "profile-bulk-import-job"
MOST_PROFILES = 10_000
POINTER = "/data/attributes/profiles/data"
QUEUED_SECONDS = 1.0
ROWS_PER_SECOND = 5_000
WEEK = 7 * 86_400
PEND = "INSERT INTO pending VALUES (?, ?, ?, ?)"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a row of a job was not imported."""

    row: int
    code: str
    title: str
    detail: str


def create(writing: Writing) -> Response:
    """POST /api/profile-bulk-import-jobs: 202 with the queued job."""
    content = writing.content
    rows = content["attributes"]["profiles"]["data"]
    check_count(rows, MOST_PROFILES, POINTER)
    if len(writing.request.body) > LARGEST_PROFILE:
        check_sizes(rows, LARGEST_PROFILE, POINTER)
    check_identifiers((row, f"{POINTER}/{place}") for place, row in enumerate(rows))
    lists = [one["id"] for one in lists_of(content)]
    for list_id in lists:
        if not writing.store.exists(KINDS["list"], list_id):
            raise not_found("list", list_id)
    job = text_of(writing.random, LETTERS, 32)
    with writing.store.transaction():
        writing.store.put([queued(job, len(rows), lists, writing.now)])
        schedule(writing, job, len(rows))
    reading = Reading(writing.store, writing.request, writing.route, writing.now)
    answer = resource(reading, KINDS[JOB], Query(), job)
    return Response(202, answer.body)


def lists_of(content: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The lists that the imported profiles join."""
    relationships = content.get("relationships") or {}
    return list((relationships.get("lists") or {}).get("data") or ())


def queued(job: str, count: int, lists: Sequence[str], now: float) -> Resource:
    """A new job."""
    attributes = {
        "status": "queued",
        "created_at": iso_seconds(now),
        "total_count": count,
        "completed_count": 0,
        "failed_count": 0,
        "completed_at": None,
        "expires_at": iso_seconds(now + WEEK),
        "started_at": None,
    }
    return Resource(JOB, job, attributes, links={"lists": lists})


def schedule(writing: Writing, job: str, count: int) -> None:
    """Put the rest of the job's life on the calendar."""
    begin = writing.now + QUEUED_SECONDS
    fault = writing.fault
    if fault is not None and fault.kind == "cancelled_job":
        writing.store.run(PEND, (begin, "cancel_job", job, b""))
        return
    failing = fault.row if fault is not None and fault.kind == "row_failure" else None
    content = msgspec.json.encode({"row": failing, "data": writing.content})
    writing.store.run(PEND, (begin, "start_job", job, b""))
    end = begin + 1 + count / ROWS_PER_SECOND
    writing.store.run(PEND, (end, "complete_job", job, content))


def start(store: Store, job: str, due: float) -> None:
    """The job is processed from now on."""
    change(store, job, {"status": "processing", "started_at": iso_seconds(due)})


def cancel(store: Store, job: str, due: float) -> None:
    """The job ends without having imported anything."""
    change(store, job, {"status": "cancelled", "completed_at": iso_seconds(due)})


def complete(store: Store, job: str, due: float, content: bytes, random: Random) -> None:
    """Import the rows, and say which could not be."""
    decoded = msgspec.json.decode(content)
    rows = decoded["data"]["attributes"]["profiles"]["data"]
    imported, failures = import_rows(store, rows, decoded["row"], random, due)
    store.run_many(LINK, [(JOB, job, "profiles", profile) for profile in imported])
    joined = int(due) * MICROSECONDS
    for one in lists_of(decoded["data"]):
        store.run_many(MEMBER, [("list", one["id"], profile, joined) for profile in imported])
    store.put(import_errors(job, rows, failures, random))
    counts = {"completed_count": len(rows) - len(failures), "failed_count": len(failures)}
    change(store, job, {"status": "complete", "completed_at": iso_seconds(due), **counts})


def import_rows(
    store: Store, rows: Sequence[Mapping[str, Any]], failing: int | None, random: Random, now: float
) -> tuple[list[str], list[Failure]]:
    """The ids of the imported profiles, and the failures; `failing` is a row that a fault hits."""
    rows = [without_nulls(row) for row in rows]
    people = People(store, rows, random, now)
    imported: dict[str, None] = {}
    failures = []
    for place, row in enumerate(rows):
        failure = injected(place) if place == failing else None
        try:
            person = None if failure else people.find(row) or people.create()
        except (DuplicateProfileError, UnknownProfileError) as error:
            failure, person = failure_of(place, error), None
        if person is not None:
            people.merge(person, row)
            imported[person.id] = None
        failures += [failure] if failure else []
    people.save()
    return list(imported), failures


def injected(row: int) -> Failure:
    """The failure that a fault asks for."""
    return Failure(row, "invalid", "Invalid input.", "The sandbox was asked to refuse this row.")


def failure_of(row: int, error: DuplicateProfileError | UnknownProfileError) -> Failure:
    """The failure that an error in finding the profile means."""
    if isinstance(error, UnknownProfileError):
        detail = f"A profile with id {error.profile_id} does not exist."
        return Failure(row, "not_found", "Not found.", detail)
    detail = f"The identifiers belong to different profiles: {error.profile_id} is another one."
    return Failure(row, "duplicate_profile", "Conflict.", detail)


def import_errors(
    job: str, rows: Sequence[Mapping[str, Any]], failures: Sequence[Failure], random: Random
) -> Iterator[Resource]:
    """The resources behind the job's `import-errors`, in the order of the rows."""
    for failure in failures:
        attributes = {
            "code": failure.code,
            "title": failure.title,
            "detail": failure.detail,
            "source": {"pointer": f"{POINTER}/{failure.row}/attributes"},
            "original_payload": rows[failure.row],
        }
        # Pages go by id: the row's number in front keeps the order.
        error_id = f"{failure.row:06d}-{text_of(random, LETTERS, 12)}"
        yield Resource("import-error", error_id, attributes, {"job_id": job})


def change(store: Store, job: str, changes: Mapping[str, Any]) -> None:
    """Write new values over a job's attributes."""
    row = store.first("SELECT attributes FROM profile_bulk_import_jobs WHERE id = ?", (job,))
    attributes = msgspec.json.decode(row[0] if row else b"{}")
    store.put([Resource(JOB, job, {**attributes, **changes})])
