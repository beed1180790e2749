"""The tap's settings: their schema, and what JSON Schema cannot check."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from typing import Any

from singer_sdk import typing as th
from singer_sdk.singerlib import Catalog

from klaviyo_client.client_settings import KLAVIYO
from klaviyo_client.errors import ConfigurationError
from klaviyo_client.filters import nearest
from klaviyo_client.operations import facts_revision
from tap_klaviyo.times import parse_time

AT_LEAST_ONE = th.IntegerType(minimum=1)
METRIC_LIST = th.ArrayType(th.CustomType({"type": ["string", "object"]}))
STREAM_OPTIONS = th.ObjectType(
    th.Property("filter", th.StringType, description="A Klaviyo filter, added to the tap's own."),
    th.Property("page_size", th.IntegerType, description="Records a page; default the largest."),
    th.Property("lookback_days", th.IntegerType, description="Days to read again in each run."),
    th.Property("parents", th.StringType, description="all, or changed ones only."),
    th.Property("full_refresh_days", th.IntegerType, description="Days between full re-reads."),
    th.Property("columns", th.ArrayType(th.StringType), description="Columns that cost extra."),
    th.Property("late_pass_days", th.IntegerType, description="Age of what is read once more."),
    th.Property(
        "metrics",
        th.ObjectType(th.Property("include", METRIC_LIST), th.Property("exclude", METRIC_LIST)),
        description="For events: metrics by id, name or integration.",
    ),
)
CUSTOM_STREAM = th.ObjectType(
    th.Property("name", th.StringType, required=True),
    th.Property("path", th.StringType),
    th.Property("operation", th.StringType),
    th.Property("primary_keys", th.ArrayType(th.StringType)),
    th.Property("replication_key", th.StringType),
    th.Property("params", th.ObjectType(additional_properties=True)),
)
# What is in it is checked by `reports_declared`, whose messages name the report and the choice.
REPORT = th.CustomType({"type": "object"})
DECLARED = th.ObjectType(
    additional_properties=th.CustomType({"type": ["string", "object"]}),
)
OAUTH = th.ObjectType(
    th.Property("client_id", th.StringType, required=True),
    th.Property("client_secret", th.StringType, required=True, secret=True),
    th.Property("refresh_token", th.StringType, required=True, secret=True),
    th.Property("access_token", th.StringType, secret=True),
)
SETTINGS: dict[str, Any] = th.PropertiesList(
    th.Property(
        "api_key",
        th.StringType,
        secret=True,
        title="API key",
        description="A private API key (starts with pk_) with read scopes.",
    ),
    th.Property(
        "oauth",
        OAUTH,
        secret=True,
        title="OAuth credentials",
        description="client_id, client_secret and refresh_token of an OAuth app, instead of a key.",
    ),
    th.Property(
        "start_date",
        th.StringType,
        title="Start date",
        description="Read incremental streams from this date or date-time on (UTC without offset).",
    ),
    th.Property(
        "end_date",
        th.StringType,
        title="End date",
        description="Read incremental streams up to, not including, this date or date-time.",
    ),
    th.Property(
        "stream_options",
        th.ObjectType(additional_properties=STREAM_OPTIONS),
        title="Stream options",
        description="By stream name: filter, page_size, lookback_days, metrics, parents, "
        "full_refresh_days, late_pass_days, columns (to read what is left out by itself).",
    ),
    th.Property(
        "stages",
        th.ArrayType(th.ArrayType(th.StringType)),
        title="Stages",
        description="Lists of stream names: only these streams are read, those of one list side "
        "by side, and the next list when they have ended.",
    ),
    th.Property(
        "custom_streams",
        th.ArrayType(CUSTOM_STREAM),
        title="Custom streams",
        description="Any other endpoint as a stream: name, path (or operation), primary_keys, "
        "replication_key, params.",
    ),
    th.Property(
        "reports",
        th.ArrayType(REPORT),
        title="Reports",
        description="Reports as streams: name, kind, statistics, conversion_metric or metrics, "
        "group_by, interval, filter, timeframe or rolling_days, lookback_days, timezone.",
    ),
    th.Property(
        "report_lookback_days",
        th.IntegerType(minimum=0, maximum=90),
        default=5,
        title="Look-back of reports",
        description="Days that every run reads again of reports, as attribution changes them.",
    ),
    th.Property(
        "max_report_requests",
        AT_LEAST_ONE,
        default=225,
        title="Report requests",
        description="Requests that a run may make of each report endpoint; Klaviyo answers 225 "
        "a day.",
    ),
    th.Property(
        "on_report_overrun",
        th.StringType,
        default="fail",
        allowed_values=["fail", "spread"],
        title="On too many report requests",
        description="When reports need more requests than that: fail, or spread them over runs.",
    ),
    th.Property(
        "profile_properties",
        DECLARED,
        title="Profile properties",
        description="Custom properties of profiles that become typed columns, by key: a type, or "
        "an object of type and column.",
    ),
    th.Property(
        "event_properties",
        DECLARED,
        title="Event properties",
        description="The same for properties of events.",
    ),
    th.Property(
        "on_missing_scope",
        th.StringType,
        default="fail",
        allowed_values=["fail", "skip"],
        title="On missing scope",
        description="What to do with a stream whose scope the key lacks: fail, or skip and warn.",
    ),
    th.Property(
        "on_stream_error",
        th.StringType,
        default="finish",
        allowed_values=["finish", "stop"],
        title="On stream error",
        description="When a stream fails: finish the others, or stop them too. Both exit with 1.",
    ),
    th.Property(
        "emit_activate_version_messages",
        th.BooleanType,
        default=False,
        title="Activate-version messages",
        description="Tell loaders to drop the rows that a stream which is read whole has no more.",
    ),
    th.Property(
        "api_url",
        th.StringType,
        default=KLAVIYO,
        title="API URL",
        description="Klaviyo's address; point it at a klaviyo-sandbox to try things out.",
    ),
    th.Property(
        "revision",
        th.StringType,
        default=facts_revision(),
        title="API revision",
        description="Revision of Klaviyo's API, as YYYY-MM-DD.",
    ),
    th.Property(
        "user_agent",
        th.StringType,
        title="User agent",
        description="What to call ourselves in requests; default tap-klaviyo and its version.",
    ),
    th.Property(
        "max_wait_seconds",
        AT_LEAST_ONE,
        default=600,
        title="Longest wait",
        description="Seconds; a rate limit that asks for a longer wait ends the stream instead.",
    ),
    th.Property(
        "max_parallel_requests",
        AT_LEAST_ONE,
        default=64,
        title="Parallel requests",
        description="How many requests of a stream may be under way at once.",
    ),
    th.Property(
        "max_buffer_mb",
        AT_LEAST_ONE,
        default=64,
        title="Buffer",
        description="Megabytes of pages to read ahead of the loader, by all streams together.",
    ),
    th.Property(
        "progress",
        th.StringType,
        default="auto",
        allowed_values=["auto", "live", "log", "none"],
        title="Progress",
        description="On stderr: live, a log line a minute and stream (log), none, or auto: live "
        "where stderr is a terminal and stdout is not, else log.",
    ),
    th.Property(
        "max_tries",
        AT_LEAST_ONE,
        default=8,
        title="Tries of a request",
        description="How often a request that fails on the way is tried before the run ends.",
    ),
).to_dict()

# Klaviyo is younger than this.
FIRST_DATE = datetime(2000, 1, 1, tzinfo=timezone.utc)


def date_setting(config: Mapping[str, Any], name: str) -> datetime | None:
    """A date setting as a moment in UTC.

    Raises:
        ConfigurationError: it is no date.
    """
    value = config.get(name)
    if value is None:
        return None
    try:
        return parse_time(str(value))
    except ValueError:
        raise ConfigurationError(
            f"{name} is no date: write it as 2026-01-31 or 2026-01-31T08:00:00Z",
        ) from None


def check_dates(start: datetime | None, end: datetime | None, now: datetime) -> None:
    """Refuse a range that holds nothing.

    Raises:
        ConfigurationError: it ends before it starts, or has not begun.
    """
    if start and start > now:
        raise ConfigurationError(f"start_date lies in the future: it is {now:%Y-%m-%d %H:%M} (UTC)")
    if start and start < FIRST_DATE:
        raise ConfigurationError("start_date must be 2000-01-01 or later")
    if start and end and end <= start:
        raise ConfigurationError("end_date must be later than start_date")


def checked_state(state: Any) -> Any:
    """The state to continue from; a whole STATE message counts as its value.

    Raises:
        ConfigurationError: it is no Singer state.
    """
    if isinstance(state, dict) and state.get("type") == "STATE":
        state = state.get("value")
    if state is None:
        return None
    bookmarks = state.get("bookmarks", {}) if isinstance(state, dict) else None
    if not isinstance(bookmarks, dict) or not all(isinstance(b, dict) for b in bookmarks.values()):
        raise ConfigurationError("the state is no Singer state: an object with bookmarks by stream")
    return state


def check_catalog(catalog: Catalog | None, known: Iterable[str]) -> None:
    """Refuse a catalog that selects streams of another tap.

    Raises:
        ConfigurationError: it does.
    """
    names = set(known)
    for entry in catalog.streams if catalog else ():
        if entry.tap_stream_id not in names and entry.metadata.root.selected:
            raise ConfigurationError(
                f"the catalog selects the unknown stream {entry.tap_stream_id!r}"
                f"{nearest(entry.tap_stream_id, names)}; run --discover for a new catalog",
            )


def left_out(catalog: Catalog | None, config: Mapping[str, Any]) -> list[str]:
    """Streams that the user adds by settings, and that a catalog from before does not have."""
    added = [*(config.get("custom_streams") or ()), *(config.get("reports") or ())]
    names = [str(one["name"]) for one in added]
    return [] if catalog is None else [name for name in names if catalog.get_stream(name) is None]
