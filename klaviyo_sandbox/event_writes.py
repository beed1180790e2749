"""Writes of events: accepted at once, visible when they are processed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from random import Random
from typing import Any

import msgspec

from klaviyo_sandbox.bodies import check_count
from klaviyo_sandbox.clock import MICROSECONDS, iso_seconds, microseconds
from klaviyo_sandbox.identifiers import check_identifiers, is_dropped
from klaviyo_sandbox.kinds import KINDS
from klaviyo_sandbox.messages import Problem, Refusal, Response, invalid_problem
from klaviyo_sandbox.people import DuplicateProfileError, People, UnknownProfileError, without_nulls
from klaviyo_sandbox.seed_values import event_id, short_id, uuid_of_time
from klaviyo_sandbox.store import Resource, Store, insert_statement, row_of
from klaviyo_sandbox.writing import Writing

MOST_EVENTS = 1_000
MOST_PROPERTIES = 400
LONGEST_METRIC = 127
LONGEST_UNIQUE_ID = 255
LONGEST_STRING = 100_000
EARLIEST = microseconds("1990-01-01T00:00:00Z")
YEAR = 366 * 86_400
META_MOVED = "2026-10-15"
PEND = "INSERT INTO pending VALUES (?, ?, ?, ?)"
Row = Mapping[str, Any]
Placed = tuple[Row, Row, str]
"""An event's attributes, its profile, and the pointer to the event."""


def create(writing: Writing) -> Response:
    """POST /api/events: 202, empty."""
    attributes = writing.content["attributes"]
    profile = dict(attributes["profile"]["data"])
    check_identifiers([(profile, "/data/attributes/profile/data")])
    if writing.request.headers["revision"] < META_MOVED:
        # Until then the instructions for the profile stand among its attributes.
        profile["meta"] = profile["attributes"].get("meta")
    return accept(writing, [(attributes, profile, "/data")])


def bulk_create(writing: Writing) -> Response:
    """POST /api/event-bulk-create-jobs: 202, empty, and no job."""
    groups = writing.content["attributes"]["events-bulk-create"]["data"]
    base = "/data/attributes/events-bulk-create/data"
    check_count((event for _, event, _ in placed(groups, base)), MOST_EVENTS, base)
    check_identifiers(
        (group["attributes"]["profile"]["data"], f"{base}/{place}/attributes/profile/data")
        for place, group in enumerate(groups)
    )
    events = [(event, profile, pointer) for profile, event, pointer in placed(groups, base)]
    check_unique_ids(events)
    return accept(writing, events)


def placed(groups: Iterable[Row], base: str) -> Iterator[tuple[Row, Row, str]]:
    """Profile, event attributes and pointer of every event in a bulk request."""
    for place, group in enumerate(groups):
        attributes = group["attributes"]
        for number, event in enumerate(attributes["events"]["data"]):
            pointer = f"{base}/{place}/attributes/events/data/{number}"
            yield attributes["profile"]["data"], event["attributes"], pointer


def check_unique_ids(events: Iterable[Placed]) -> None:
    """Refuse (400) the request where a unique_id repeats for a profile and metric."""
    seen: set[tuple[str, ...]] = set()
    for event, profile, pointer in events:
        if event.get("unique_id"):
            who = msgspec.json.encode([profile.get("id"), profile["attributes"]]).decode()
            key = (who, *metric_key(event), event["unique_id"])
            if key in seen:
                detail = "The unique_id is repeated for the same profile and metric."
                problem = invalid_problem(detail, f"{pointer}/attributes/unique_id")
                raise Refusal(400, problem)
            seen.add(key)


def accept(writing: Writing, events: list[Placed]) -> Response:
    """Check every event, and process them now or later."""
    problems = [one for event, _, pointer in events for one in problems_in(event, pointer, writing)]
    if problems:
        raise Refusal(400, *problems[:100])
    rows = [stamped(event, profile, writing.now) for event, profile, _ in events]
    with writing.store.transaction():
        if writing.event_delay:
            content = msgspec.json.encode(rows)
            due = writing.now + writing.event_delay
            writing.store.run(PEND, (due, "process_events", "", content))
        else:
            process(writing.store, rows, writing.now, writing.random)
    return Response(202)


def problems_in(event: Row, pointer: str, writing: Writing) -> Iterator[Problem]:
    """What is wrong with an event beyond its schema."""
    attributes = f"{pointer}/attributes"
    if not 1 <= len(metric_key(event)[0]) <= LONGEST_METRIC:
        place = f"{attributes}/metric/data/attributes/name"
        yield invalid_problem("The metric name must have 1 to 127 characters.", place)
    if len(event["properties"]) > MOST_PROPERTIES:
        detail = f"An event may have at most {MOST_PROPERTIES} properties."
        yield invalid_problem(detail, f"{attributes}/properties")
    texts = (value for value in event["properties"].values() if isinstance(value, str))
    if any(len(text) > LONGEST_STRING for text in texts):
        yield invalid_problem("A property is too long.", f"{attributes}/properties")
    unique_id = event.get("unique_id")
    if unique_id is not None and not 1 <= len(unique_id) <= LONGEST_UNIQUE_ID:
        detail = "The unique_id must have 1 to 255 characters."
        yield invalid_problem(detail, f"{attributes}/unique_id")
    if event.get("time") and not in_range(event["time"], writing.now):
        yield invalid_problem("The time is too far in the past or future.", f"{attributes}/time")


def in_range(time: str, now: float) -> bool:
    """Whether an event may have happened at `time`."""
    return EARLIEST <= microseconds(time) <= (now + YEAR) * MICROSECONDS


def stamped(event: Row, profile: Row, now: float) -> dict[str, Any]:
    """An event as it is kept until it is processed: its time cut to the second."""
    moment = microseconds(event["time"]) // MICROSECONDS if event.get("time") else int(now)
    return {"event": event, "profile": profile, "seconds": moment}


def metric_key(event: Row) -> tuple[str, str]:
    """Name and service of an event's metric."""
    attributes = event["metric"]["data"]["attributes"]
    return attributes["name"], attributes.get("service") or "api"


def process(store: Store, rows: list[dict[str, Any]], now: float, random: Random) -> None:
    """Make accepted events visible, with the profiles and metrics that they bring."""
    dropped = [row for row in rows if is_dropped(row["profile"])]
    drop(store, dropped)
    rows = [row for row in rows if not is_dropped(row["profile"])]
    profiles = [without_nulls(row["profile"]) for row in rows]
    people = People(store, profiles, random, now)
    metrics = Metrics(store, random, now)
    made = []
    for row, profile in zip(rows, profiles, strict=True):
        try:
            person = people.find(profile) or people.create()
        except (DuplicateProfileError, UnknownProfileError):
            drop(store, [row])
            continue
        people.merge(person, profile)
        people.meet(person, row["seconds"])
        columns = {"profile_id": person.id, "metric_id": metrics.id_of(metric_key(row["event"]))}
        made.append(row_of(event_resource(row, columns, random)))
    people.save()
    # The unique index on profile, metric and unique_id lets the first one win.
    store.run_many(insert_statement(KINDS["event"], "INSERT OR IGNORE"), made)


def drop(store: Store, rows: Iterable[Row]) -> None:
    """Remember, for tests only, events that Klaviyo forgets."""
    contents = [(msgspec.json.encode(row).decode(),) for row in rows]
    store.run_many("INSERT INTO dropped VALUES (?)", contents)


def event_resource(row: Row, columns: dict[str, str], random: Random) -> Resource:
    """The event that an accepted row becomes."""
    event, seconds = row["event"], row["seconds"]
    unique_id = event.get("unique_id") or str(seconds)
    extra = {"$event_id": unique_id, "$value": event.get("value") or 0}
    if event.get("value_currency"):
        extra["$value_currency"] = event["value_currency"]
    attributes = {
        "timestamp": seconds,
        "event_properties": {**event["properties"], **extra},
        "datetime": iso_seconds(seconds),
        "uuid": uuid_of_time(random, seconds),
    }
    return Resource("event", event_id(random), attributes, {**columns, "unique_id": unique_id})


class Metrics:
    """The metrics by name and service; one that is missing comes into being."""

    def __init__(self, store: Store, random: Random, now: float) -> None:
        """Read the metrics that there are."""
        self._store = store
        self._random = random
        self._now = now
        rows = store.all("SELECT name, integration_name, id FROM metrics")
        self._ids: dict[tuple[str, str], str] = {
            (name, service.lower()): metric for name, service, metric in rows
        }

    def id_of(self, key: tuple[str, str]) -> str:
        """The id of a metric."""
        known = (key[0], key[1].lower())
        if known not in self._ids:
            metric_id = short_id(self._random)
            self._store.put([self._resource(key, metric_id)])
            self._ids[known] = metric_id
        return self._ids[known]

    def _resource(self, key: tuple[str, str], metric_id: str) -> Resource:
        moment = iso_seconds(self._now)
        name, service = key
        service = "API" if service == "api" else service
        integration = {"object": "integration", "id": "0eMvjm", "name": service, "category": "API"}
        attributes = {
            "name": name,
            "created": moment,
            "updated": moment,
            "integration": integration,
        }
        return Resource("metric", metric_id, attributes)
