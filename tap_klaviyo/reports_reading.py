"""Asking Klaviyo for reports: bodies, pages, and the metrics that they are about."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec

from klaviyo_client.client import KlaviyoClient
from klaviyo_client.errors import ConfigurationError, PaginationError
from klaviyo_client.operations import operation
from tap_klaviyo.metric_choice import Metric, MetricPattern, matching
from tap_klaviyo.reports_declared import Report
from tap_klaviyo.reports_planning import Window
from tap_klaviyo.reports_timeframes import DAY, MIDNIGHT

Attributes = Mapping[str, Any]
CURSOR = "page_cursor"
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
INTERVALS = {"hourly": "hour", "daily": "day", "weekly": "week", "monthly": "month"}


def pages(
    client: KlaviyoClient, report: Report, window: Window, metric: str, now: datetime
) -> Iterator[Attributes]:
    """The attributes of every page of one answer.

    Raises:
        PaginationError: a cursor comes twice.
        KlaviyoError: see `klaviyo_client.errors`.
    """
    known, cursor, seen = operation(report.kind.operation), "", {""}
    asked = attributes(report, window, metric, now)
    while True:
        in_query = CURSOR in known.parameters
        more = {CURSOR: cursor} if cursor else {}
        content = {"type": known.resource, "attributes": asked | ({} if in_query else more)}
        body = msgspec.json.encode({"data": content})
        query = more if in_query else {}
        answer = client.write(known.id, body, parameters=query, repeat_safe=True).json()
        yield answer["data"]["attributes"]
        cursor = next_cursor(answer)
        if not cursor:
            return
        if cursor in seen:
            raise PaginationError(f"a cursor of {known.id} comes twice")
        seen.add(cursor)


def next_cursor(answer: Mapping[str, Any]) -> str:
    """What leads to the next page; '' on the last one."""
    links = answer.get("links") or {}
    link = str(links.get("next") or "")
    return parse_qs(urlsplit(link).query).get(CURSOR, [link])[0]


def attributes(report: Report, window: Window, metric: str, now: datetime) -> dict[str, Any]:
    """What to ask for one window by a run that began at `now`."""
    aside = report.kind.asides.get(report.interval, 0) * DAY
    start = max(window.start - aside, report.kind.first or date.min)
    end = max(window.end, min(window.end + aside, now.date() + DAY))
    if report.kind.asks == "metrics":
        return aggregate_attributes(report, start, end, metric)
    found: dict[str, Any] = {
        "statistics": list(report.statistics),
        "timeframe": {"start": f"{start}T00:00:00+00:00", "end": last_second(start, end, now)},
    }
    if max(report.kind.steps.values()) > 1:
        found["interval"] = report.interval
    if report.kind.known_groups:
        found["group_by"] = list(report.groups)
    if report.kind.asks:
        found["conversion_metric_id"] = metric
    return found | ({"filter": report.filter} if report.filter else {})


def last_second(start: date, end: date, now: datetime) -> str:
    """Where a timeframe ends.

    Klaviyo does not say whether the end is included, so it is the last second of a day; nor
    whether it may lie in the future, so the day of the run ends now.
    """
    first = datetime.combine(start, MIDNIGHT) + MINUTE
    return min(datetime.combine(end, MIDNIGHT) - SECOND, max(now, first)).isoformat()


def aggregate_attributes(report: Report, start: date, end: date, metric: str) -> dict[str, Any]:
    """What to ask for one window of aggregates."""
    bounds = [f"greater-or-equal(datetime,{start}T00:00:00)", f"less-than(datetime,{end}T00:00:00)"]
    found: dict[str, Any] = {
        "metric_id": metric,
        "measurements": list(report.statistics),
        "interval": INTERVALS[report.interval],
        "filter": [*bounds, *([report.filter] if report.filter else [])],
        "timezone": report.timezone,
    }
    return found | ({"by": list(report.groups)} if report.groups else {})


def metric_ids(report: Report, metrics: Sequence[Metric]) -> list[str]:
    """Ids of the metrics that a report is about; one empty text where it is about none.

    Raises:
        ConfigurationError: the account has none like it, or several where one is needed.
    """
    setting = f"reports.{report.name}.{report.kind.asks}"
    found = [one_id for one in report.metrics for one_id in ids_of(one, metrics, setting)]
    if report.kind.asks == "conversion_metric" and len(set(found)) > 1:
        choices = [
            f"{one['id']} of {(one['attributes'].get('integration') or {}).get('name')}"
            for one in metrics
            if one["id"] in found
        ]
        raise ConfigurationError(
            f"{setting}: the account has several metrics with {report.metrics[0]}: "
            f"{', '.join(choices)}; say which, by id or integration",
        )
    return list(dict.fromkeys(found)) or [""]


def ids_of(one: MetricPattern, metrics: Sequence[Metric], setting: str) -> list[str]:
    """Ids of the metrics that a pattern takes; an id that is given is taken as it is."""
    if one.id and not (one.name or one.integration):
        return [one.id]
    return sorted(matching([one], metrics, setting))
