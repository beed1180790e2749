"""Reports that the user declares, checked; and what there is where none is declared."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from klaviyo_client.errors import ConfigurationError, InvalidRequestError
from klaviyo_client.filters import nearest, parse, split
from tap_klaviyo.metric_choice import MetricPattern, pattern, patterns
from tap_klaviyo.reports_kinds import DAILY, KINDS, ReportKind
from tap_klaviyo.reports_timeframes import Timeframe
from tap_klaviyo.spec import StreamSpec

NAME = re.compile(r"[a-z][a-z0-9_]*")
# Klaviyo credits a message with what happens in the five days after, unless set otherwise.
LOOKBACK_DAYS, MOST_LOOKBACK_DAYS = 5, 90
MOST_ROLLING_DAYS = 3650
MOST_FILTER_VALUES = 100
PLACED_ORDER = "Placed Order"
# How far back the first run of a default report goes where each day is a request of its own.
FIRST_DAYS = 30
PARTS: Mapping[str, tuple[type, ...]] = {
    "name": (str,),
    "kind": (str,),
    "statistics": (list,),
    "conversion_metric": (str, dict),
    "metrics": (list,),
    "group_by": (list,),
    "interval": (str,),
    "filter": (str,),
    "timeframe": (str, dict),
    "rolling_days": (int,),
    "lookback_days": (int,),
    "timezone": (str,),
}
NUMBER: Mapping[str, object] = {"type": ["number", "null"]}
RATE: Mapping[str, object] = {**NUMBER, "description": "A fraction, from 0 to 1."}
TEXT: Mapping[str, object] = {"type": "string"}
OPTIONAL: Mapping[str, object] = {"type": ["string", "null"]}
DATE: Mapping[str, object] = {
    "type": "string",
    "format": "date-time",
    "description": "When the interval begins. Days, weeks and months are those of the account's "
    "time zone, or of the report's, and written as if they were UTC.",
}


@dataclass(frozen=True, slots=True)
class Report:
    """One report, as it is read.

    Attributes:
        name: The stream's.
        kind: Its kind.
        statistics: Its columns of numbers.
        groups: What its rows are grouped by, in Klaviyo's words.
        interval: How long the time of a row is.
        metrics: The conversion metric, or the metrics that are aggregated.
        filter: What narrows it down.
        timeframe: Which days it is about.
        lookback_days: How many days before the last one read are read again.
        timezone: Of the days of aggregates.
        by_default: Whether nobody has declared it; then it is read only when selected.
    """

    name: str
    kind: ReportKind
    statistics: tuple[str, ...]
    groups: tuple[str, ...]
    interval: str
    metrics: tuple[MetricPattern, ...]
    filter: str | None
    timeframe: Timeframe
    lookback_days: int
    timezone: str
    by_default: bool = False

    @property
    def zone(self) -> ZoneInfo:
        """The time zone of aggregates."""
        return ZoneInfo(self.timezone)

    @property
    def names_metrics(self) -> bool:
        """Whether the account's metrics must be looked up: some are not given by id."""
        return any(one.id is None for one in self.metrics)

    @property
    def group_columns(self) -> tuple[str, ...]:
        """The columns of its groups."""
        return tuple(column_of(name) for name in self.groups)

    @property
    def keys(self) -> tuple[str, ...]:
        """What names a row: its time and groups, but no name of something that has an id."""
        metric = ("metric_id",) if self.kind.asks == "metrics" else ()
        groups = (one for one in self.group_columns if not self.is_mere_name(one))
        return ("date", *metric, *groups)

    def is_mere_name(self, column: str) -> bool:
        """Whether a column says only what its neighbour, an id, is called at the moment."""
        subject = column.removesuffix("_name")
        known = {subject, f"{subject}_id"} & set(self.group_columns)
        return self.kind.asks != "metrics" and subject != column and bool(known)

    @property
    def columns(self) -> Mapping[str, Mapping[str, object]]:
        """The columns of its rows."""
        keys = dict.fromkeys(self.keys, TEXT)
        groups = {one: OPTIONAL for one in self.group_columns if one not in keys}
        metric = {"conversion_metric_id": TEXT} if self.kind.asks == "conversion_metric" else {}
        numbers = {one: RATE if one.endswith("_rate") else NUMBER for one in self.statistics}
        return {**keys, "date": DATE, **groups, **metric, **numbers}

    @property
    def spec(self) -> StreamSpec:
        """What a stream's row would say of it."""
        return StreamSpec(
            self.name,
            self.kind.operation,
            primary_keys=self.keys,
            replication_key="date",
            looks_up=("get_metrics",) if self.names_metrics else (),
            lookback_days=self.lookback_days,
            columns=self.columns,
        )


def column_of(name: str) -> str:
    """The column of a group, in small letters: `From Number` is from_number, `$flow` is flow."""
    return re.sub(r"\W+", "_", name.strip("$")).lower()


def all_reports(config: Mapping[str, Any], taken: Iterable[str]) -> tuple[Report, ...]:
    """The declared reports, or those by default, beside streams whose names are `taken`.

    Raises:
        ConfigurationError: with a line for each mistake, naming report, field and what is possible.
    """
    days = int(config.get("report_lookback_days", LOOKBACK_DAYS))
    declared = config.get("reports")
    names = set(taken)
    if not declared:
        return tuple(one for one in default_reports(days) if one.name not in names)
    errors: list[str] = []
    for given in declared:
        name = given.get("name", "")
        place = f"reports.{name}" if name else "reports: a report without name"
        errors += [f"{place}: {error}" for error in mistakes(given, names)]
        names.add(str(name))
    if errors:
        raise ConfigurationError("\n".join(errors))
    return tuple(report(given, days) for given in declared)


def default_reports(lookback_days: int) -> Iterator[Report]:
    """What there is to select where nothing is declared."""
    for name in ("campaign_values", "flow_series", "form_series", "segment_series"):
        given = {"name": name, "kind": name}
        first = FIRST_DAYS if max(KINDS[name].steps.values()) == 1 else None
        yield report(given, lookback_days, Timeframe(first_days=first), by_default=True)
    name = "metric_aggregates"
    orders = {"name": name, "kind": name, "metrics": [PLACED_ORDER]}
    yield report(orders, lookback_days, by_default=True)


def report(
    given: Mapping[str, Any],
    lookback_days: int,
    timeframe: Timeframe | None = None,
    *,
    by_default: bool = False,
) -> Report:
    """A report from its declaration, which has been checked."""
    kind = KINDS[given["kind"]]
    metrics = patterns(given.get("metrics", []))
    if kind.asks == "conversion_metric":
        metrics = (pattern(given.get("conversion_metric", PLACED_ORDER)),)
    return Report(
        given["name"],
        kind,
        tuple(given.get("statistics") or kind.statistics),
        tuple(given.get("group_by") or kind.groups),
        given.get("interval", DAILY),
        metrics,
        given.get("filter"),
        timeframe or Timeframe.of(given.get("timeframe"), given.get("rolling_days")),
        given.get("lookback_days", lookback_days),
        given.get("timezone", "UTC"),
        by_default,
    )


def mistakes(given: Mapping[str, Any], taken: Collection[str]) -> Iterator[str]:
    """What is wrong with a declaration."""
    for part, value in given.items():
        if part not in PARTS:
            yield f"unknown field {part!r}{nearest(part, PARTS)}; fields: {', '.join(PARTS)}"
        elif not isinstance(value, PARTS[part]) or isinstance(value, bool):
            yield f"{part} must be of type {' or '.join(one.__name__ for one in PARTS[part])}"
    if any(part not in PARTS or not isinstance(given[part], PARTS[part]) for part in given):
        return
    if not NAME.fullmatch(given.get("name", "")):
        yield "name must be of small letters, digits and _"
    if given.get("name") in taken:
        yield "there is a stream of that name already"
    kind = KINDS.get(given.get("kind", ""))
    if kind is None:
        word = str(given.get("kind", ""))
        yield f"kind {word!r} is none{nearest(word, KINDS)}; kinds: {', '.join(KINDS)}"
        return
    yield from wrong_lists(kind, given)
    yield from wrong_metrics(kind, given)
    yield from wrong_times(kind, given)
    yield from wrong_filter(kind, given.get("filter"))


def wrong_lists(kind: ReportKind, given: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with the statistics and groups."""
    known = {"statistics": kind.known_statistics, "group_by": kind.known_groups}
    for part, allowed in known.items():
        for word in given.get(part) or ():
            if word not in allowed:
                choice = f"{kind.name} has: {', '.join(allowed) or 'none'}"
                yield f"{part} {word!r} is unknown{nearest(str(word), allowed)}; {choice}"
        if len(set(map(str, given.get(part) or ()))) < len(given.get(part) or ()):
            yield f"{part} names something twice"
    missing = [one for one in kind.needed if one not in (given.get("group_by") or kind.groups)]
    if missing:
        yield f"group_by of {kind.name} needs {', '.join(missing)}"


def wrong_metrics(kind: ReportKind, given: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with the metrics."""
    for part in ("conversion_metric", "metrics"):
        if part in given and kind.asks != part:
            yield f"{part} is nothing for {kind.name}"
    if kind.asks == "metrics" and not given.get("metrics"):
        yield "metrics must name at least one: an id, a name, or an object of name and integration"
    try:
        patterns(given.get("metrics", []))
        pattern(given.get("conversion_metric", PLACED_ORDER))
    except ConfigurationError as error:
        yield f"{kind.asks}: {error}"


def wrong_times(kind: ReportKind, given: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with interval, timeframe and time zone."""
    interval = given.get("interval", DAILY)
    if interval not in kind.steps:
        choice = f"{kind.name} has: {', '.join(kind.steps)}"
        yield f"interval {interval!r} is unknown{nearest(interval, kind.steps)}; {choice}"
    if "timeframe" in given and "rolling_days" in given:
        yield "timeframe and rolling_days exclude each other"
    if not 1 <= given.get("rolling_days", 1) <= MOST_ROLLING_DAYS:
        yield f"rolling_days must lie between 1 and {MOST_ROLLING_DAYS}"
    if not 0 <= given.get("lookback_days", 0) <= MOST_LOOKBACK_DAYS:
        yield f"lookback_days must lie between 0 and {MOST_LOOKBACK_DAYS}"
    yield from Timeframe.mistakes(given.get("timeframe"))
    zone = given.get("timezone", "UTC")
    if kind.asks != "metrics" and "timezone" in given:
        yield f"timezone is nothing for {kind.name}: Klaviyo takes the account's"
    elif zone not in available_timezones():
        yield f"timezone {zone!r} is unknown{nearest(zone, available_timezones())}"


def wrong_filter(kind: ReportKind, text: str | None) -> Iterator[str]:
    """What is wrong with the filter, as far as can be known."""
    if text is None:
        return
    if kind.filters is None:
        if "datetime" in text:
            yield "filter: the time is the tap's own; use timeframe"
        return
    try:
        conditions = parse(text)
    except InvalidRequestError as error:
        yield f"filter: {error}"
        return
    for one in conditions:
        operators = kind.filters.get(one.field)
        if operators is None:
            close = nearest(one.field, kind.filters)
            yield f"filter: {one.field!r} is unknown{close}; fields: {', '.join(kind.filters)}"
        elif one.operator not in operators:
            yield f"filter: {one.field} takes {' or '.join(sorted(operators))}, not {one.operator}"
        elif len(split((one.value or "").strip("[]"))) > MOST_FILTER_VALUES:
            yield f"filter: {one.field} has more than {MOST_FILTER_VALUES} values"
    if len({one.field for one in conditions}) < len(conditions):
        yield "filter: only one condition for each field"
