"""The per-stream options of the setting `stream_options`, checked before anything is read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from klaviyo_client.errors import ConfigurationError, InvalidRequestError
from klaviyo_client.filters import check_filter, joined, nearest
from klaviyo_client.operations import operation
from klaviyo_client.query import check_page_size
from tap_klaviyo.metric_choice import MetricChoice, metric_choice
from tap_klaviyo.specs import STREAMS, StreamSpec


@dataclass(frozen=True, slots=True)
class StreamOptions:
    """What the user wants of one stream.

    Attributes:
        filter: A filter beside the tap's own.
        page_size: Records a page; None for the most.
        lookback_days: How many days to read again; None for the stream's default.
        parents: Whether `all` parents are asked for what hangs on them, or those `changed`.
        full_refresh_days: After how many days everything is read once more; None for never.
        late_pass_days: How old a window is when it is read once more; None for never.
        metrics: Which metrics' events.
        columns: Columns to read that are left out unless they are selected.
    """

    filter: str | None = None
    page_size: int | None = None
    lookback_days: int | None = None
    parents: str = "all"
    full_refresh_days: int | None = None
    late_pass_days: int | None = None
    metrics: MetricChoice = field(default_factory=MetricChoice)
    columns: tuple[str, ...] = ()

    def days_again(self, spec: StreamSpec) -> int:
        """How many days before its bookmark a stream is read again."""
        return spec.lookback_days if self.lookback_days is None else self.lookback_days


MOST_DAYS = 3650
ALL, CHANGED = "all", "changed"
OPTIONS: Mapping[str, tuple[type, ...]] = {
    "filter": (str,),
    "page_size": (int,),
    "lookback_days": (int,),
    "parents": (str,),
    "full_refresh_days": (int,),
    "late_pass_days": (int,),
    "metrics": (dict,),
    "columns": (list,),
}


def stream_options(
    config: Mapping[str, Any], rows: Iterable[StreamSpec] = STREAMS
) -> dict[str, StreamOptions]:
    """The options of every stream by its name.

    Raises:
        ConfigurationError: with one line for each mistake, naming stream and option.
    """
    given = config.get("stream_options") or {}
    specs = {spec.name: spec for spec in rows}
    reports = {str(one.get("name")) for one in config.get("reports") or ()}
    errors = [
        f"stream_options names the report {name!r}: its options stand in its entry of reports"
        if name in reports
        else f"stream_options names the unknown stream {name!r}{nearest(name, specs)}; "
        f"streams: {', '.join(specs)}"
        for name in given
        if name not in specs
    ]
    for name, spec in specs.items():
        errors.extend(
            f"stream_options.{name}: {error}" for error in option_errors(spec, given.get(name, {}))
        )
    if errors:
        raise ConfigurationError("\n".join(errors))
    return {name: options_of(given.get(name, {})) for name in specs}


def options_of(given: Mapping[str, Any]) -> StreamOptions:
    """The options of one stream from checked settings."""
    plain = {key: value for key, value in given.items() if key not in {"metrics", "columns"}}
    metrics, columns = metric_choice(given.get("metrics", {})), tuple(given.get("columns", ()))
    return StreamOptions(**plain, metrics=metrics, columns=columns)


def option_errors(spec: StreamSpec, given: Any) -> Iterator[str]:
    """What is wrong with the options of one stream."""
    if not isinstance(given, dict):
        yield "must be an object of options"
        return
    for name, value in given.items():
        if name not in OPTIONS:
            yield f"unknown option {name!r}{nearest(name, OPTIONS)}; options: {', '.join(OPTIONS)}"
        elif not isinstance(value, OPTIONS[name]) or isinstance(value, bool):
            yield f"{name} must be of type {OPTIONS[name][0].__name__}"
        else:
            yield from value_errors(spec, name, value)


def value_errors(spec: StreamSpec, name: str, value: Any) -> Iterator[str]:
    """What is wrong with the value of one option, whose type is right."""
    try:
        if name == "filter":
            check_filter(operation(spec.operation), joined(value, *spec.partitions))
        elif name == "page_size":
            check_page_size(operation(spec.operation), value)
        elif name == "metrics":
            metric_choice(value)
    except (InvalidRequestError, ConfigurationError) as error:
        yield f"{name}: {error}"
    if name == "lookback_days" and not 0 <= value <= MOST_DAYS:
        yield f"lookback_days must lie between 0 and {MOST_DAYS}"
    if name == "lookback_days" and spec.replication_key is None:
        yield "lookback_days needs a stream that is incremental"
    yield from extent_errors(spec, name, value)
    if name == "columns":
        yield from column_errors(spec, value)
    if name == "metrics" and spec.name != "events":
        yield "only events can be chosen by metric"


def column_errors(spec: StreamSpec, columns: list[Any]) -> Iterator[str]:
    """What is wrong with columns to be read beside those that are read anyway."""
    for column in columns:
        if column not in spec.unselected:
            known = ", ".join(spec.unselected) or "none"
            yield (
                f"columns: {column!r} is no column that is left out by itself"
                f"{nearest(str(column), spec.unselected)}; such columns: {known}"
            )


def extent_errors(spec: StreamSpec, name: str, value: Any) -> Iterator[str]:
    """What is wrong with an option of how much is read again."""
    if name == "parents" and value not in {ALL, CHANGED}:
        yield f"parents must be {ALL} or {CHANGED}"
    elif name == "parents" and not any(parent.changed for parent in spec.parents):
        yield "only what hangs on campaigns, flows or forms can be read by changed parents"
    elif name == "parents" and value == CHANGED and spec.replication_key is None:
        yield "Klaviyo says of none of its records when they changed: all parents must be read"
    if name in {"full_refresh_days", "late_pass_days"}:
        if not 1 <= value <= MOST_DAYS:
            yield f"{name} must lie between 1 and {MOST_DAYS}"
        if spec.replication_key is None or spec.parent:
            yield f"{name} needs a stream that is incremental and hangs on no other"
