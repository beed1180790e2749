"""POST /api/metric-aggregates: what events of a metric add up to, by interval and dimension."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from klaviyo_sandbox.clock import MICROSECONDS
from klaviyo_sandbox.cursors import bad_cursor
from klaviyo_sandbox.filters import FilterReader, Literal, Term
from klaviyo_sandbox.messages import Response, json_response
from klaviyo_sandbox.report_questions import clock_time, refusal
from klaviyo_sandbox.report_units import clock_in
from klaviyo_sandbox.reports import NEXT, begin
from klaviyo_sandbox.writing import Writing

INTERVALS = {"hour": "hourly", "day": "daily", "week": "weekly", "month": "monthly"}
YEAR = timedelta(days=366)
PAGE = 500
EVENTS = "SELECT profile_id, datetime, attributes FROM events WHERE metric_id = ? ORDER BY id"
Dimensions = tuple[str, ...]


@dataclass(slots=True)
class Cell:
    """What happened in one interval."""

    count: int = 0
    sum_value: float = 0.0
    people: set[str] = field(default_factory=set)

    def measured(self) -> dict[str, float]:
        """The measurements by name."""
        people = float(len(self.people))
        return {"count": float(self.count), "sum_value": self.sum_value, "unique": people}


@dataclass(frozen=True, slots=True)
class Asked:
    """A checked query; `start` and `end` are clock times of its zone."""

    attributes: Mapping[str, Any]
    start: datetime
    end: datetime
    zone: ZoneInfo
    terms: tuple[Term, ...]

    @property
    def by(self) -> tuple[str, ...]:
        """The dimensions to group by."""
        return tuple(self.attributes.get("by") or ())

    @property
    def interval(self) -> str:
        """The interval, as reports call it."""
        return INTERVALS[self.attributes.get("interval") or "day"]


def answer(writing: Writing) -> Response:
    """The answer to a query.

    Raises:
        Refusal: 400, Klaviyo would not answer it.
    """
    asked = read(writing)
    edges = all_edges(asked)
    cells = counted(writing, asked)
    rows = sorted(cells) or ([()] if not asked.by else [])
    start = offset(asked.attributes.get("page_cursor"))
    end = start + (asked.attributes.get("page_size") or PAGE)
    here = writing.request.base + writing.request.path
    data = [line(asked, edges, row, cells.get(row, {})) for row in rows[start:end]]
    content = {"dates": [f"{edge.isoformat()}+00:00" for edge in edges], "data": data}
    cursor = base64.urlsafe_b64encode(str(end).encode()).decode() if end < len(rows) else None
    links = {
        "self": here,
        "next": f"{here}?{urlencode({'page_cursor': cursor})}" if cursor else None,
    }
    found = {
        "type": "metric-aggregate",
        "id": f"{writing.random.getrandbits(64):016x}",
        "attributes": content,
        "links": {"self": here},
    }
    return json_response(200, {"data": found, "links": links})


def read(writing: Writing) -> Asked:
    """The query of a request, checked."""
    attributes = writing.content["attributes"]
    if not writing.store.first("SELECT 1 FROM metrics WHERE id = ?", (attributes["metric_id"],)):
        raise refusal("Metric not found.", "metric_id")
    try:
        zone = ZoneInfo(attributes.get("timezone") or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        raise refusal("Not a valid timezone.", "timezone") from None
    terms = [term for text in attributes["filter"] for term in FilterReader(text).read()]
    start, end = bound(terms, "greater-or-equal"), bound(terms, "less-than")
    if end <= start or end - start > YEAR:
        raise refusal("The time range must be between 0 and 1 year.", "filter")
    others = tuple(term for term in terms if term.field != "datetime")
    return Asked(attributes, start, end, zone, others)


def bound(terms: list[Term], operator: str) -> datetime:
    """One of the two bounds that every query must have, as a clock time of its zone."""
    for term in terms:
        literal = term.values
        if (term.field, term.operator) == ("datetime", operator) and isinstance(literal, Literal):
            return clock_time(literal.text)
    raise refusal(f"A {operator} filter on datetime is required.", "filter")


def all_edges(asked: Asked) -> list[datetime]:
    """Where each interval begins."""
    found, edge = [], begin(asked.interval, asked.start)
    while edge < asked.end:
        found.append(edge)
        edge = NEXT[asked.interval](edge)
    return found


def counted(writing: Writing, asked: Asked) -> dict[Dimensions, dict[datetime, Cell]]:
    """What happened, by dimensions and interval."""
    found: dict[Dimensions, dict[datetime, Cell]] = {}
    for person, when, text in writing.store.all(EVENTS, (asked.attributes["metric_id"],)):
        moment = clock_in(asked.zone, when / MICROSECONDS)
        properties = msgspec.json.decode(text).get("event_properties") or {}
        if not asked.start <= moment < asked.end or not suits(asked.terms, properties):
            continue
        row = tuple(str(properties.get(name) or "") for name in asked.by)
        cell = found.setdefault(row, {}).setdefault(begin(asked.interval, moment), Cell())
        cell.count += 1
        cell.sum_value += float(properties.get("$value") or 0)
        cell.people.add(person)
    return found


def suits(terms: tuple[Term, ...], properties: Mapping[str, Any]) -> bool:
    """Whether an event has the values that are asked for."""
    return all(
        isinstance(term.values, Literal) and str(properties.get(term.field)) == term.values.text
        for term in terms
    )


def line(
    asked: Asked, edges: list[datetime], row: Dimensions, cells: Mapping[datetime, Cell]
) -> dict[str, Any]:
    """One entry of the answer."""
    measured = [cells.get(edge, Cell()).measured() for edge in edges]
    names = asked.attributes["measurements"]
    return {
        "dimensions": row,
        "measurements": {name: [x[name] for x in measured] for name in names},
    }


def offset(cursor: str | None) -> int:
    """How many rows the pages before had."""
    try:
        return int(base64.urlsafe_b64decode(cursor)) if cursor else 0
    except (binascii.Error, ValueError):
        raise bad_cursor() from None


HANDLERS = {"query_metric_aggregates": answer}
