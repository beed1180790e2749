"""Sending one request and settling each of its items, whatever Klaviyo answers.

Pure of threads and files. A generator of outcomes may end with an error: what it has not settled
by then was not sent.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from klaviyo_client.client import KlaviyoClient
from klaviyo_client.errors import (
    ApiError,
    ConflictError,
    ConnectionFailedError,
    ErrorDetail,
    JobFailedError,
    KlaviyoError,
    PayloadTooLargeError,
    ServerError,
)
from klaviyo_client.jobs import PollRule, import_errors, settled_job
from klaviyo_client.wire import Answer
from target_klaviyo.chunks import body, rows_named
from target_klaviyo.items import Item
from target_klaviyo.outcomes import ACCEPTED, Outcome
from target_klaviyo.plans import JobRule, Settled, Shipment

# Requests that may be spent on finding the bad items of one chunk.
ATTEMPTS = 100
REPEAT = "repeating the run is safe"
LOOK = "look in Klaviyo before sending it again"
INDEX = re.compile(r"/data/(\d+)(?:/|$)")
# Answers that speak of what was sent; any other one would come to the next request too.
ABOUT_ITEMS = (400, 404, 409, 413, 422)


@dataclass(slots=True)
class Attempts:
    """Requests left for one chunk, and what was sent so far."""

    left: int = ATTEMPTS
    requests: int = 0
    jobs: int = 0


def delivered(
    client: KlaviyoClient, shipment: Shipment, attempts: Attempts, job_timeout_seconds: float
) -> Iterator[Settled]:
    """Send a request; where Klaviyo refuses it for some items, send the others again.

    Raises:
        KlaviyoError: nothing more can be sent (wrong key, missing scope, server down).
    """
    attempts.left -= 1
    attempts.requests += 1
    try:
        answer = yield from written(client, shipment)
    except ApiError as error:
        if error.status not in ABOUT_ITEMS:
            raise
        refusal = error
    else:
        if answer is None:
            return
        # Outside of the `try`: Klaviyo has the items, so no later error may send them again.
        yield from taken(client, shipment, answer, attempts, job_timeout_seconds)
        return
    remaining, refused = parted(shipment, refusal)
    yield from refused
    if attempts.left <= 0:
        yield from (Settled(item, refused_outcome(refusal.errors, refusal)) for item in remaining)
        return
    for part in parts(remaining, halve=not refused):
        smaller = replace(shipment, items=part)
        yield from delivered(client, smaller, attempts, job_timeout_seconds)


def parts(items: Sequence[Item], *, halve: bool) -> Iterator[tuple[Item, ...]]:
    """What to send next: everything, or each half."""
    middle = len(items) // 2 if halve else 0
    for part in (items[:middle], items[middle:]):
        if part:
            yield tuple(part)


def parted(shipment: Shipment, error: ApiError) -> tuple[Sequence[Item], list[Settled]]:
    """The items to send again, and those that the answer names or that are left alone."""
    items, conflict = shipment.items, shipment.transport.conflict
    if len(items) == 1:
        outcome = conflict if duplicate_of(error) else None
        return (), [Settled(items[0], outcome or refused_outcome(error.errors, error))]
    if isinstance(error, PayloadTooLargeError):
        return items, []
    reasons: dict[int, list[ErrorDetail]] = {}
    for detail in error.errors:
        for index in rows_named(shipment.transport.envelope, detail.pointer, items):
            reasons.setdefault(index, []).append(detail)
    refused = [
        Settled(items[index], refused_outcome(details, error)) for index, details in reasons.items()
    ]
    return [item for index, item in enumerate(items) if index not in reasons], refused


def refused_outcome(details: Sequence[ErrorDetail], error: ApiError) -> Outcome:
    """Why Klaviyo refused an item: codes and fields as reason, its own words apart."""
    named = (f"{one.code}{field_named(one.pointer)}" for one in details)
    codes = ", ".join(dict.fromkeys(named)) or "no error code"
    words = " ".join(dict.fromkeys(one.detail for one in details)) or None
    other = duplicate_of(error)
    if other:
        return Outcome("rejected", OTHERS, f"{words or ''} The other profile: {other}".strip())
    return Outcome("rejected", f"Klaviyo answered {error.status} ({codes})", words)


def duplicate_of(error: ApiError) -> str | None:
    """The profile that, says a 409, has an identifier of the item already."""
    return error.duplicate_profile_id if isinstance(error, ConflictError) else None


OTHERS = "another profile has one of its identifiers (409; the detail has the profile's id)"


def field_named(pointer: str | None) -> str:
    """The field that a pointer ends in, as ` at location.city`: what follows its last index."""
    names: list[str] = []
    for part in (pointer or "").split("/"):
        names = [] if part.isdecimal() else [*names, part]
    shown = ".".join(name for name in names if name not in ("", "data", "attributes"))
    return f" at {shown}" if shown else ""


def written(client: KlaviyoClient, shipment: Shipment) -> Generator[Settled, None, Answer | None]:
    """Send a request; items whose fate a lost answer hides are unknown.

    Returns:
        None where the answer got lost of what must not be repeated: that may be a single
        mishap, so the run goes on.

    Raises:
        KlaviyoError: refused; or lost again and again, so that nothing more can be sent.
    """
    transport = shipment.transport
    content = body(transport.envelope, shipment.items) or None
    safe = transport.repeat_safe
    try:
        return client.write(transport.operation, content, path=shipment.path, repeat_safe=safe)
    except (ConnectionFailedError, ServerError) as error:
        if isinstance(error, ConnectionFailedError) and not error.sent:
            raise
        lost = Outcome("unknown", f"no answer came, it may have been written; {advice(safe)}")
        yield from (Settled(item, lost) for item in shipment.items)
        if safe:
            raise
        return None


def advice(safe: bool) -> str:
    """What to do about a row whose fate is unknown."""
    return REPEAT if safe else LOOK


def taken(
    client: KlaviyoClient,
    shipment: Shipment,
    answer: Answer,
    attempts: Attempts,
    job_timeout_seconds: float,
) -> Iterator[Settled]:
    """Settle all items of a request that Klaviyo took."""
    job = shipment.transport.job
    if job is None:
        yield from (Settled(item, ACCEPTED) for item in shipment.items)
        return
    attempts.jobs += 1
    job_id = str(answer.json()["data"]["id"])
    yield from settled_by_job(client, job, job_id, shipment, job_timeout_seconds)


def settled_by_job(
    client: KlaviyoClient, job: JobRule, job_id: str, shipment: Shipment, timeout_seconds: float
) -> Iterator[Settled]:
    """Wait for a job and read which items it refused."""
    rule = PollRule(job.state, timeout_seconds=timeout_seconds)
    try:
        attributes = settled_job(client, rule, job_id)
        errors = errors_of(client, job, job_id, attributes)
    except KlaviyoError as error:
        failed = isinstance(error, JobFailedError)
        told = advice(shipment.transport.repeat_safe)
        lost = Outcome("unknown", f"{error if failed else UNREAD}; {told}", job_id=job_id)
        yield from (Settled(item, lost) for item in shipment.items)
        if failed:
            return
        raise
    taken_over = unrefused(attributes, job_id)
    yield from job_outcomes(shipment, taken_over, errors, failures(attributes))


UNREAD = "Klaviyo took the job, but its result could not be read"


def errors_of(
    client: KlaviyoClient, job: JobRule, job_id: str, attributes: Mapping[str, Any]
) -> Sequence[Mapping[str, Any]]:
    """What a finished job has refused."""
    if job.errors is None:
        return list(attributes.get("errors") or ())
    return list(import_errors(client, job.errors, job_id)) if failures(attributes) else []


def failures(attributes: Mapping[str, Any]) -> int:
    """How many items a job says that it refused."""
    return int(attributes.get("failed_count") or 0)


def unrefused(attributes: Mapping[str, Any], job_id: str) -> Outcome:
    """The outcome of whatever a finished job did not refuse; some jobs skip rows."""
    skipped = int(attributes.get("skipped_count") or 0)
    if skipped and skipped >= int(attributes.get("total_count") or 0):
        return Outcome("skipped", "Klaviyo's job skipped it, as nothing to change", job_id=job_id)
    return Outcome("accepted", SKIPPED_SOME if skipped else None, job_id=job_id)


SKIPPED_SOME = "its job skipped some rows, as nothing to change, without saying which"


def job_outcomes(
    shipment: Shipment, taken_over: Outcome, errors: Sequence[Mapping[str, Any]], failed: int
) -> Iterator[Settled]:
    """The outcome of each item of a finished job; `taken_over` is that of the good ones."""
    job_id = str(taken_over.job_id)
    reasons: dict[int | None, list[Mapping[str, Any]]] = {}
    for error in errors:
        reasons.setdefault(item_meant(shipment, error), []).append(error)
    # A refusal that cannot be laid at any item's door leaves all the others in doubt.
    doubtful = None in reasons or failed > len(reasons)
    rest = Outcome("unknown", UNNAMED, job_id=job_id) if doubtful else None
    for index, item in enumerate(shipment.items):
        if index in reasons:
            yield Settled(item, job_refusal(reasons[index], job_id))
        else:
            yield Settled(item, rest or taken_over)


UNNAMED = "Klaviyo's job refused rows without saying which; look at its import errors"


def job_refusal(errors: Sequence[Mapping[str, Any]], job_id: str) -> Outcome:
    """Why a job refused an item."""
    named = (
        f"{one.get('code')}{field_named((one.get('source') or {}).get('pointer'))}"
        for one in errors
    )
    codes = ", ".join(dict.fromkeys(named))
    words = " ".join(str(one.get("detail") or "") for one in errors)
    return Outcome("rejected", f"Klaviyo's job refused it ({codes})", words, job_id)


def item_meant(shipment: Shipment, error: Mapping[str, Any]) -> int | None:
    """The item that an import error is about: by its pointer, else by what was sent."""
    pointer = (error.get("source") or {}).get("pointer")
    named = rows_named(shipment.transport.envelope, pointer, shipment.items)
    if named:
        return named[0]
    payload = error.get("original_payload")
    if isinstance(payload, Mapping):
        sent_by = set(payload_identities(payload))
        for index, item in enumerate(shipment.items):
            if sent_by & set(item.identities):
                return index
    match = INDEX.search(pointer or "")
    index = int(match[1]) if match else len(shipment.items)
    return index if index < len(shipment.items) else None


def payload_identities(payload: Mapping[str, Any]) -> Iterator[str]:
    """Who a refused payload is about, in the words of `Item.identities`."""
    data = payload.get("data")
    resource = data if isinstance(data, Mapping) else payload
    attributes = resource.get("attributes")
    values = {**resource, **(attributes if isinstance(attributes, Mapping) else {})}
    for name in ("email", "phone_number", "external_id", "id"):
        if isinstance(values.get(name), str):
            value = values[name].lower() if name == "email" else values[name]
            yield f"{name}:{value}"
