"""The reporting endpoints: values of a timeframe, and series of its intervals."""

from __future__ import annotations

import base64
import binascii
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import urlencode

from klaviyo_sandbox.cursors import bad_cursor
from klaviyo_sandbox.messages import Request, Response, json_response
from klaviyo_sandbox.report_questions import Question, fits, question, refusal
from klaviyo_sandbox.report_statistics import Unit, added_up, statistics
from klaviyo_sandbox.report_units import UNITS, Look, account_zone, clock_in
from klaviyo_sandbox.writing import Writing

DAY = timedelta(days=1)
PAGE = 100
"""Results on a page of the reports that have pages: Klaviyo gives no number."""

PAGED = frozenset(("campaign", "flow"))
Group = tuple[str | None, ...]


def answer(writing: Writing, subject: str) -> Response:
    """The answer to a report request.

    Raises:
        Refusal: 400, Klaviyo would not answer it.
    """
    zone = account_zone(writing.store)
    today = clock_in(zone, writing.now).replace(hour=0, minute=0, second=0, microsecond=0)
    asked = question(subject, writing.content["attributes"], today)
    check_metric(writing, asked)
    found = grouped(asked, UNITS[subject](Look(writing.store, asked, writing.now, zone)))
    start = offset(writing.request)
    end = start + PAGE if subject in PAGED else len(found)
    number = str(uuid.UUID(int=writing.random.getrandbits(128), version=4))
    data = {
        "type": writing.content["type"],
        "id": number,
        "attributes": content(asked, list(found.items())[start:end]),
    }
    links = page_links(writing.request, end if end < len(found) else None)
    return json_response(200, {"data": data, "links": links})


def check_metric(writing: Writing, asked: Question) -> None:
    """Refuse a conversion metric that the account does not have. Assumed: a 400."""
    known = "SELECT 1 FROM metrics WHERE id = ?"
    if asked.subject in PAGED and not writing.store.first(known, (asked.metric,)):
        raise refusal("Conversion metric not found.", "conversion_metric_id")


def content(asked: Question, rows: Iterable[tuple[Group, list[Unit]]]) -> dict[str, Any]:
    """The attributes of an answer."""
    if asked.interval is None:
        results = [result(asked, group, values(asked, units)) for group, units in rows]
        return {"results": results}
    edges = intervals(asked)
    results = [result(asked, group, series(asked, edges, units)) for group, units in rows]
    return {"results": results, "date_times": [f"{one.isoformat()}+00:00" for one in edges]}


def result(asked: Question, group: Group, found: dict[str, Any]) -> dict[str, Any]:
    """One entry of the results."""
    return {"groupings": dict(zip(asked.groups, group, strict=True)), "statistics": found}


def grouped(asked: Question, units: Iterator[Unit]) -> dict[Group, list[Unit]]:
    """The asked units by what they are grouped by; a unit of several tags is in several groups."""
    found: dict[Group, list[Unit]] = {}
    for unit in units:
        if asked.start <= unit.moment < asked.end and fits(asked.terms, unit.groupings):
            for group in groups_of([unit.groupings.get(name) for name in asked.groups]):
                found.setdefault(group, []).append(unit)
    return dict(sorted(found.items(), key=lambda row: str(row[0])))


def groups_of(parts: Sequence[str | list[str] | None]) -> set[Group]:
    """The groups of a unit: one for each of its tags, whose ids and names stand side by side."""
    many = max((len(part) for part in parts if isinstance(part, list)), default=1)
    return {
        tuple(part[place] if isinstance(part, list) else part for part in parts)
        for place in range(many)
    }


def values(asked: Question, units: list[Unit]) -> dict[str, float]:
    """The statistics of a whole timeframe."""
    return statistics(added_up(units), asked.statistics)


def series(asked: Question, edges: list[datetime], units: list[Unit]) -> dict[str, list[float]]:
    """The statistics of each interval."""
    by_edge: dict[datetime, list[Unit]] = {edge: [] for edge in edges}
    for unit in units:
        by_edge[begin(asked.interval or "", unit.moment)].append(unit)
    rows = [values(asked, by_edge[edge]) for edge in edges]
    return {name: [row[name] for row in rows] for name in asked.statistics}


def intervals(asked: Question) -> list[datetime]:
    """Where each interval of a series begins; the first may begin before the timeframe."""
    found = []
    edge = begin(asked.interval or "", asked.start)
    while edge < asked.end:
        found.append(edge)
        edge = NEXT[asked.interval or ""](edge)
    return found


def begin(interval: str, moment: datetime) -> datetime:
    """The beginning of the interval that a moment is in. Weeks begin on Mondays."""
    hour = moment.replace(minute=0, second=0, microsecond=0)
    day = hour.replace(hour=0)
    weekly = day - day.weekday() * DAY
    return {"hourly": hour, "daily": day, "weekly": weekly, "monthly": day.replace(day=1)}[interval]


NEXT: dict[str, Callable[[datetime], datetime]] = {
    "hourly": lambda edge: edge + timedelta(hours=1),
    "daily": lambda edge: edge + DAY,
    "weekly": lambda edge: edge + 7 * DAY,
    "monthly": lambda edge: (edge + 31 * DAY).replace(day=1),
}


def offset(request: Request) -> int:
    """How many results the pages before had.

    Raises:
        Refusal: 400, the cursor is none of ours.
    """
    text = dict(request.query).get("page_cursor")
    try:
        return int(base64.urlsafe_b64decode(text)) if text else 0
    except (binascii.Error, ValueError):
        raise bad_cursor() from None


def page_links(request: Request, more: int | None) -> dict[str, str | None]:
    """The links of an answer; `next` leads to the results from `more` on."""
    here = request.base + request.path
    if more is None:
        return {"self": here, "next": None, "prev": None}
    cursor = base64.urlsafe_b64encode(str(more).encode()).decode()
    return {"self": here, "next": f"{here}?{urlencode({'page_cursor': cursor})}", "prev": None}


HANDLERS = {
    f"query_{subject}_{form}": partial(answer, subject=subject)
    for subject in UNITS
    for form in ("values", "series")
    if (subject, form) != ("campaign", "series")
}
