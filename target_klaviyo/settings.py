"""The target's settings as a schema; what it cannot check is in `configuration`."""

from __future__ import annotations

from typing import Any

from singer_sdk import typing as th

from klaviyo_client.client_settings import KLAVIYO
from klaviyo_client.operations import facts_revision
from target_klaviyo.decimals import FORMS, PLAIN

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
        description="A private API key (starts with pk_) with write scopes.",
    ),
    th.Property(
        "oauth",
        OAUTH,
        secret=True,
        title="OAuth credentials",
        description="client_id, client_secret and refresh_token of an OAuth app, instead of a key.",
    ),
    th.Property(
        "streams",
        th.ObjectType(additional_properties=True),
        default={},
        title="Streams",
        description=(
            "By stream name: sink, mode (see the sinks), columns (field: column name, or an "
            "object with column and format, or with constant), types (column: string, integer, "
            "number, boolean, date-time, json, or an object with type and format), ignore_columns, "
            "immediate (profiles and events: one request a row). Columns that fill no field become "
            "custom properties. A sink of null leaves a stream out."
        ),
    ),
    th.Property(
        "on_unknown_stream",
        th.StringType,
        default="fail",
        allowed_values=["fail", "skip"],
        title="On unknown stream",
        description="What to do with a stream that no sink takes: fail, or skip its rows.",
    ),
    th.Property(
        "on_error",
        th.StringType,
        default="fail",
        allowed_values=["fail", "dead_letter"],
        title="On error",
        description=(
            "What refused rows do: fail stops before the next state line; dead_letter writes "
            "them to dead_letter_path and goes on."
        ),
    ),
    th.Property(
        "dead_letter_path",
        th.StringType,
        title="Dead-letter file",
        description=(
            "File to which refused rows are added as Singer messages with the reason; after "
            "mending it can be fed to target-klaviyo again. Holds personal data; mode 0600."
        ),
    ),
    th.Property(
        "receipts_path",
        th.StringType,
        title="Receipts file",
        description=(
            "File to which one JSON line is added for each row: stream, row number, key "
            "properties, outcome, reason, job id."
        ),
    ),
    th.Property(
        "change_store",
        th.StringType,
        title="Change store",
        description=(
            "File that keeps fingerprints of what Klaviyo last accepted for each key, never the "
            "data: unchanged rows are then skipped. Deleting it costs one full sync; mode 0600."
        ),
    ),
    th.Property(
        "max_errors",
        th.IntegerType(minimum=0),
        title="Most errors",
        description="With on_error dead_letter: stop when more rows than this have failed.",
    ),
    th.Property(
        "dry_run",
        th.BooleanType,
        default=False,
        title="Dry run",
        description=(
            "Do everything but send writes; shows the counts and the first payload of each "
            "stream on stderr (which is personal data), and emits no state."
        ),
    ),
    th.Property(
        "null_policy",
        th.StringType,
        default="ignore",
        allowed_values=["ignore", "clear"],
        title="Null policy",
        description=(
            "What a null in a profile row does: ignore leaves the field as it is; clear empties "
            "it, which takes one request for each such row."
        ),
    ),
    th.Property(
        "create_lists",
        th.BooleanType,
        default=True,
        title="Create lists",
        description="Whether list_profiles creates the lists that its rows name and none has.",
    ),
    th.Property(
        "mirror_min_ratio",
        # The SDK leaves numbers of environment variables as text; `configuration` reads both.
        th.CustomType({"type": ["number", "string"]}),
        default=0.5,
        title="Least share of a mirror",
        description=(
            "In mode mirror: refuse to take anybody away when the rows are fewer than this share "
            "of what was there before."
        ),
    ),
    th.Property(
        "earliest_event_time",
        th.StringType,
        default="2000-01-01",
        title="Earliest event time",
        description="Events before this date (UTC without offset) are rejected; 1990 at the least.",
    ),
    th.Property(
        "default_timezone",
        th.StringType,
        title="Default time zone",
        description=(
            "Where times without zone, and dates, belong, such as Europe/London; without it such "
            "rows are rejected."
        ),
    ),
    th.Property(
        "decimal_format",
        th.StringType,
        default=PLAIN,
        allowed_values=list(FORMS),
        title="Decimal format",
        description=(
            "How numbers are written in text columns that the mapping reads as numbers, shown by "
            "an example; a column's own format wins."
        ),
    ),
    th.Property(
        "default_phone_region",
        th.StringType,
        title="Default phone region",
        description=(
            "Country, as two letters, of phone numbers without country code; without it such "
            "rows are rejected."
        ),
    ),
    th.Property(
        "max_parallel_requests",
        th.IntegerType(minimum=1, maximum=64),
        default=16,
        title="Parallel requests",
        description=(
            "How many requests may be under way at once; a job counts until it has settled."
        ),
    ),
    th.Property(
        "job_timeout_seconds",
        th.IntegerType(minimum=1),
        default=3600,
        title="Job timeout",
        description="How long to wait for a bulk job before its rows count as unknown.",
    ),
    th.Property(
        "max_wait_seconds",
        th.IntegerType(minimum=1),
        default=600,
        title="Longest wait",
        description="Seconds; a rate limit that asks for a longer wait ends the run instead.",
    ),
    th.Property(
        "max_tries",
        th.IntegerType(minimum=1),
        default=8,
        title="Tries of a request",
        description="How often a request that fails on the way is tried before the run ends.",
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
        description="What to call ourselves in requests; default target-klaviyo and its version.",
    ),
).to_dict()

# Settings that the SDK announces for every target and that have no meaning here.
MEANINGLESS = ("add_record_metadata", "load_method")
