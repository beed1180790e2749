"""From what Klaviyo answers to rows: one for each interval and group; pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, time
from typing import Any

from tap_klaviyo.records import Record
from tap_klaviyo.reports_declared import Report
from tap_klaviyo.reports_kinds import HOURLY
from tap_klaviyo.reports_planning import Window
from tap_klaviyo.reports_timeframes import MIDNIGHT
from tap_klaviyo.times import parse_time

Attributes = Mapping[str, Any]


def rows(report: Report, window: Window, metric: str, pages: Sequence[Attributes]) -> list[Record]:
    """The rows of one window in the order of their times, from all pages of its answer."""
    make = MAKERS.get(report.kind.name.rpartition("_")[2], value_rows)
    found = [row for page in pages for row in make(report, window, page)]
    for row in found:
        if report.kind.asks:
            row["metric_id" if report.kind.asks == "metrics" else "conversion_metric_id"] = metric
    return sorted(found, key=lambda row: str(row["date"]))


def value_rows(report: Report, window: Window, page: Attributes) -> Iterator[Record]:
    """The rows of values: the window is the interval."""
    start = midnight(window)
    for result in page.get("results") or ():
        yield row(report, start, groups(report, result), result.get("statistics") or {})


def series_rows(report: Report, window: Window, page: Attributes) -> Iterator[Record]:
    """The rows of a series."""
    starts = [interval_start(report, text) for text in page.get("date_times") or ()]
    for result in page.get("results") or ():
        found = groups(report, result)
        for place, start in enumerate(starts):
            if belongs(report, window, start):
                yield row(report, start, found, at(place, result.get("statistics") or {}))


def aggregate_rows(report: Report, window: Window, page: Attributes) -> Iterator[Record]:
    """The rows of aggregates; events that lack what they are grouped by have '' there."""
    starts = [interval_start(report, text) for text in page.get("dates") or ()]
    for result in page.get("data") or ():
        values = [*(result.get("dimensions") or ()), *[""] * len(report.groups)]
        found = dict(zip(report.group_columns, map(text_of, values), strict=False))
        for place, start in enumerate(starts):
            if belongs(report, window, start):
                yield row(report, start, found, at(place, result.get("measurements") or {}))


Maker = Callable[[Report, Window, Attributes], Iterator[Record]]
MAKERS: Mapping[str, Maker] = {"series": series_rows, "aggregates": aggregate_rows}


def row(report: Report, start: str, found: Record, statistics: Attributes) -> Record:
    """One row; a statistic that did not come is null."""
    return {"date": start, **found, **{name: statistics.get(name) for name in report.statistics}}


def at(place: int, statistics: Attributes) -> Record:
    """What stands at one place of every statistic's list."""
    return {
        name: values[place] if isinstance(values, list) and place < len(values) else None
        for name, values in statistics.items()
    }


def groups(report: Report, result: Attributes) -> Record:
    """The groups of a result as columns. Loaders want no null in a key: '' stands there."""
    found = result.get("groupings") or {}
    keys = report.keys
    columns = zip(report.groups, report.group_columns, strict=True)
    return {
        column: None if found.get(name) is None and column not in keys else text_of(found.get(name))
        for name, column in columns
    }


def text_of(value: Any) -> str:
    """A group as text; several values of one group, which are no keys for loaders, with commas."""
    if isinstance(value, list):
        return ",".join(sorted(map(str, value)))
    return "" if value is None else str(value)


def midnight(window: Window) -> str:
    """The beginning of a window, in the one form of times."""
    return datetime.combine(window.start, MIDNIGHT).isoformat()


def interval_start(report: Report, text: str) -> str:
    """When an interval begins.

    Hours are moments. Days and longer are those of a calendar: what a clock shows there, whether
    Klaviyo writes that itself or the moment in UTC.
    """
    moment = parse_time(text)
    if report.interval == HOURLY:
        return moment.isoformat()
    shown = datetime.fromisoformat(text[:19].replace(" ", "T"))
    if shown.time() != time(0):
        shown = moment.astimezone(report.zone)
    return datetime.combine(shown.date(), MIDNIGHT).isoformat()


def belongs(report: Report, window: Window, start: str) -> bool:
    """Whether an interval is the window's own; those asked for on its sides are half ones.

    Hours go by their day in UTC: each is in one window, whatever the time zone.
    """
    if not report.kind.asides.get(report.interval):
        return True
    return window.start.isoformat() <= start[:10] < window.end.isoformat()
