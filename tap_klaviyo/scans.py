"""Which scans make up a stream: time bounds, partitions, parents, metrics.

A scan is one walk over the pages of one collection with one filter. Several are read at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone

from klaviyo_client.filters import condition, joined
from klaviyo_client.operations import Operation

GRAIN = timedelta(seconds=1)
# Fields that most resources do not have. A bound, however early, leaves the others out.
NOT_OF_ALL = (".suppression.timestamp", ".list_suppressions.timestamp")
FIRST = datetime(2000, 1, 1, tzinfo=timezone.utc)


@dataclass(frozen=True, slots=True)
class Bounds:
    """Records from `start` on and before `end`; None is open."""

    start: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True, slots=True)
class Scan:
    """One walk.

    Attributes:
        bounds: The time bounds of its records.
        partition: A filter that sets it apart from the stream's other scans.
        path: Values for the placeholders of the path.
        columns: What every record gets beside its own.
        metric_id: The metric whose events it reads, or None for all.
        window: Whether it is one of several windows, so that its bounds have to be kept exactly.
    """

    bounds: Bounds = field(default_factory=Bounds)
    partition: str | None = None
    path: Mapping[str, str] = field(default_factory=dict)
    columns: Mapping[str, str | None] = field(default_factory=dict)
    metric_id: str | None = None
    window: bool = False

    def holds(self, value: str | None) -> bool:
        """Whether a record of that time belongs to this scan and not to the window beside it."""
        if not self.window or value is None:
            return True
        start, end = self.bounds.start, self.bounds.end
        # Times are written in one form, and compare as text.
        after = start is None or value >= start.isoformat()
        return after and (end is None or value < end.isoformat())


def reading_start(
    bookmark: datetime | None, start_date: datetime | None, lookback_days: int
) -> datetime | None:
    """Where to begin: the look-back before the bookmark, but not before `start_date`."""
    if bookmark is None:
        return start_date
    start = bookmark - timedelta(days=lookback_days)
    return max(start, start_date) if start_date else start


def has_bounds(operation: Operation, key: str | None) -> bool:
    """Whether Klaviyo can be asked for the records of a window of that field."""
    return bool(key) and "less-than" in operation.filters[key or ""].operators


def time_filter(operation: Operation, field_name: str, bounds: Bounds) -> str | None:
    """The bounds as a filter on one field.

    Klaviyo compares whole seconds, so both ends are widened to them. Where only greater-than
    exists, the bound lies one second earlier: records of the bookmark's own second come again
    rather than not at all.
    """
    operators = operation.filters[field_name].operators
    conditions = []
    earliest = bounds.start or (FIRST if field_name.endswith(NOT_OF_ALL) else None)
    if earliest is not None:
        start = second_of(earliest)
        if "greater-or-equal" in operators:
            conditions.append(condition("greater-or-equal", field_name, start))
        else:
            conditions.append(condition("greater-than", field_name, start - GRAIN))
    if bounds.end is not None and "less-than" in operators:
        end = second_of(bounds.end)
        end = end if end == bounds.end else end + GRAIN
        conditions.append(condition("less-than", field_name, end))
    return joined(*conditions)


def second_of(moment: datetime) -> datetime:
    """The second in which a moment lies."""
    return moment.astimezone(timezone.utc).replace(microsecond=0)


def scan_filter(
    operation: Operation, key: str | None, scan: Scan, own: str | None = None
) -> str | None:
    """The whole filter of a scan: partition, metric, time bounds, and the user's own."""
    metric = condition("equals", "metric_id", scan.metric_id) if scan.metric_id else None
    bounds = time_filter(operation, key, scan.bounds) if key else None
    return joined(scan.partition, metric, bounds, own)


def combined_scans(
    parents: Iterable[Scan], partitions: tuple[str | None, ...], metrics: list[str] | None
) -> Iterator[Scan]:
    """Each parent's scan, for each partition, for each metric (None: all metrics at once)."""
    for parent in parents:
        for partition in partitions:
            for metric_id in metrics if metrics is not None else [None]:
                yield replace(parent, partition=partition, metric_id=metric_id)
