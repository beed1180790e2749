"""The events sink: rows become events, 1,000 a request or one, each with a unique id."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from typing import Any

from target_klaviyo.chunks import Envelope, Limits
from target_klaviyo.duplicates import Mark, marked
from target_klaviyo.items import CANONICAL, ENCODER, Item
from target_klaviyo.outcomes import (
    DUPLICATE,
    Outcome,
    RejectedRowError,
    Row,
)
from target_klaviyo.people import IDENTIFIERS, person_of, strangers_apart
from target_klaviyo.plans import (
    MEGABYTE,
    Accepted,
    Directory,
    Plan,
    Settled,
    StreamRules,
    Transport,
    shipped,
)

BULK = Transport(
    "bulk_create_events",
    Limits(items=1_000, body_bytes=5 * MEGABYTE, item_bytes=5 * MEGABYTE),
    Envelope(
        b'{"data":{"type":"event-bulk-create-job","attributes":{"events-bulk-create":{"data":[',
        b"]}}}}",
        "/data/attributes/events-bulk-create/data",
        b'{"type":"event-bulk-create","attributes":{"profile":{"data":',
        b'},"events":{"data":[',
        b"]}}}",
        "/attributes/events/data",
    ),
)
# Has taken effect sooner than a bulk request: for streams that are `immediate`.
SINGLE = Transport(
    "create_event",
    Limits(items=1, body_bytes=5 * MEGABYTE, item_bytes=5 * MEGABYTE),
    Envelope(b'{"data":', b"}", "/data"),
)
# Klaviyo answers 202 to events of these and drops them.
DROPPED_DOMAINS = ("example.com", "test.com")
LONGEST_UNIQUE_ID = 255
CONTRADICTING = Outcome(
    "skipped",
    "unique_id was sent before in this run with other content, and Klaviyo keeps the first",
)
COPIED = ("value", "value_currency")


def build_event(accepted: Accepted, row: Row, rules: StreamRules) -> Item:
    """An event with its profile as the group, or inside of it where it is to travel alone.

    Raises:
        RowError: the row is refused.
    """
    properties, attributes = split_values(accepted)
    check_domain(accepted.get("email"))
    attributes["time"] = checked_time(accepted, rules)
    if accepted.get("backfill") is not None:
        attributes["backfill"] = accepted["backfill"]
    record = row.message["record"]
    content = CANONICAL.encode(record)
    attributes["unique_id"] = unique_id(accepted, record, rules.keys, content)
    attributes["properties"] = properties
    metric = {"type": "metric", "attributes": {"name": accepted["metric"]}}
    attributes["metric"] = {"data": metric}
    person = meant(accepted)
    resource = person_of(person)
    group = ENCODER.encode(resource)
    if rules.immediate:
        attributes["profile"] = {"data": resource}
    names = (accepted["metric"].encode(), attributes["unique_id"].encode())
    key = b"\0".join((folded(resource, group), *names))
    body = ENCODER.encode({"type": "event", "attributes": attributes})
    about = {"profile_id": person.get("profile_id"), "mark": marked(key, content)}
    return Item((row,), body, group, content=about, single=rules.immediate)


def folded(person: Mapping[str, Any], group: bytes) -> bytes:
    """A person as Klaviyo tells people apart: e-mail addresses without regard to case."""
    email = person["attributes"].get("email") or ""
    if email == email.lower():
        return group
    return ENCODER.encode(
        {**person, "attributes": {**person["attributes"], "email": email.lower()}}
    )


def meant(accepted: Accepted) -> Accepted:
    """Who a row is about; a copied record's own profile id means nothing in another account.

    It is the last resort, as it is of copied profiles.
    """
    if any(accepted.get(name) for name in ("profile_id", *IDENTIFIERS)):
        return accepted
    return {**accepted, "profile_id": accepted.get("source_id")}


def split_values(accepted: Accepted) -> tuple[dict[str, Any], dict[str, Any]]:
    """Custom properties, and value and currency, which Klaviyo keeps among them on reading.

    Nulls and empty strings, which Klaviyo ignores, are left out.
    """
    properties = {
        name: value
        for name, value in (accepted.get("properties") or {}).items()
        if value is not None and value != ""
    }
    attributes: dict[str, Any] = {}
    for name in COPIED:
        copied = properties.pop(f"${name}", None)
        value = accepted.get(name)
        if value is not None or copied is not None:
            attributes[name] = copied if value is None else value
    return properties, attributes


def check_domain(email: str | None) -> None:
    """Refuse addresses whose events Klaviyo would drop without a word."""
    if email and email.lower().endswith(tuple(f"@{domain}" for domain in DROPPED_DOMAINS)):
        raise RejectedRowError(
            "Klaviyo silently drops events of @example.com and @test.com addresses"
        )


def checked_time(accepted: Accepted, rules: StreamRules) -> str:
    """The event's time, inside what Klaviyo takes."""
    text: str = accepted["time"]
    time = datetime.fromisoformat(text)
    if time < rules.earliest:
        raise RejectedRowError(f"time is before earliest_event_time ({rules.earliest:%Y-%m-%d})")
    if time > rules.latest:
        raise RejectedRowError("time is more than a year ahead")
    if time < rules.recent and accepted.get("backfill") is None:
        rules.notice(
            "old events",
            "holds events older than a day without backfill: they can start flows and send "
            'messages; map "backfill": {"constant": true} for history, false to silence this',
        )
    return text


def unique_id(
    accepted: Accepted, record: Mapping[str, Any], keys: Sequence[str], content: bytes
) -> str:
    """What makes a repetition harmless: the mapped column, else the keys, else a hash.

    Without one, Klaviyo would take events of one second for the same.
    """
    if accepted.get("unique_id"):
        return str(accepted["unique_id"])
    values = [record.get(key) for key in keys]
    # A row whose key is empty has none: rows without a key are not the same row.
    if not values or any(value in (None, "") for value in values):
        return sha256(content).hexdigest()
    text = str(values[0]) if len(values) == 1 else CANONICAL.encode(values).decode()
    return text if 0 < len(text) <= LONGEST_UNIQUE_ID else sha256(text.encode()).hexdigest()


def plan_events(items: Sequence[Item], directory: Directory) -> Plan:
    """Events of one person together, people in order of their first event.

    One repetition fails a whole request of Klaviyo's: of the events of one unique id the first
    is sent, and only where Klaviyo refuses that, the next. Klaviyo answers 202 to an event of a
    profile id that it does not know, and drops it: ids are looked up first, since those of
    another account mean nobody here.
    """
    first: dict[bytes, Item] = {}
    waiting: list[Item] = []
    settled: list[Settled] = []
    for item in items:
        mark: Mark = item.content["mark"]
        same = directory.seen.before(mark)
        if same is not None:
            settled.append(Settled(item, DUPLICATE if same else CONTRADICTING))
        elif first.setdefault(mark.key, item) is not item:
            waiting.append(item)
    known, strangers = strangers_apart(list(first.values()), directory)
    people: dict[bytes, list[Item]] = {}
    for item in known:
        people.setdefault(item.group, []).append(item)
    grouped = [item for group in people.values() for item in group]
    plan = shipped(SINGLE if any(item.single for item in grouped) else BULK, grouped)
    return Plan(
        plan.waves,
        [*settled, *strangers, *plan.settled],
        then=lambda done: remaining_events(done, waiting, directory),
    )


def remaining_events(
    settled: Sequence[Settled], waiting: Sequence[Item], directory: Directory
) -> Plan:
    """What is left to send once Klaviyo has answered for the first event of each unique id."""
    refused: dict[Mark, Outcome] = {}
    for one in settled:
        mark: Mark = one.item.content["mark"]
        if one.outcome.kind == "accepted":
            directory.seen.note(mark)
        elif one.outcome.kind == "rejected":
            refused[mark] = one.outcome
    if not waiting:
        return Plan(settled=settled)
    # What is refused once is refused again: only another content is worth a request.
    again = [
        Settled(one, refused[mark]) for one in waiting if (mark := one.content["mark"]) in refused
    ]
    rest = [one for one in waiting if one.content["mark"] not in refused]
    plan = plan_events(rest, directory)
    return replace(plan, settled=[*settled, *again, *plan.settled])
