"""The target's settings: their schema, and what JSON Schema cannot check."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

import pendulum
import phonenumbers
from pendulum import Timezone
from singer_sdk import typing as th

from klaviyo_client.auth import Credentials, OAuth, OAuthCredentials, PrivateKey
from klaviyo_client.client import KLAVIYO, ClientSettings
from klaviyo_client.clock import Clock
from klaviyo_client.errors import ConfigurationError
from klaviyo_client.filters import nearest
from klaviyo_client.operations import facts_revision
from target_klaviyo.outcomes import RejectedRowError
from target_klaviyo.report import Policy
from target_klaviyo.times import moment
from target_klaviyo.values import Locale

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
            "By stream name: sink, columns (field: column name, or an object with column and "
            "format, or with constant), types (column: string, integer, number, boolean, "
            "date-time, json), ignore_columns, immediate (profiles only: one request a row). "
            "Columns that fill no field become custom properties."
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
        "max_errors",
        th.IntegerType,
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
        default=4,
        title="Parallel requests",
        description="How many requests may be under way at once.",
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
        description="A rate limit that asks for a longer wait than this ends the run instead.",
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

# Klaviyo refuses events from before then in any reading of its documents.
FLOOR = datetime(1990, 1, 1, tzinfo=timezone.utc)
YEAR = timedelta(days=365)
# Settings that the SDK announces for every target and that have no meaning here.
MEANINGLESS = ("add_record_metadata", "load_method")


def check_names(config: Mapping[str, Any], known: Mapping[str, Any]) -> None:
    """Refuse settings that do not exist.

    Raises:
        ConfigurationError: with one line for each.
    """
    errors = [
        f"unknown setting {name!r}{nearest(name, known)}" for name in config if name not in known
    ]
    if errors:
        raise ConfigurationError("\n".join(errors))


def client_settings(config: Mapping[str, Any], version: str) -> ClientSettings:
    """How to reach Klaviyo."""
    return ClientSettings(
        base_url=config["api_url"],
        revision=config["revision"],
        user_agent=config.get("user_agent") or f"target-klaviyo/{version}",
        max_wait_seconds=float(config["max_wait_seconds"]),
    )


def credentials(config: Mapping[str, Any], clock: Clock) -> Credentials:
    """The key or OAuth tokens to use.

    Raises:
        ConfigurationError: there are none, or both.
    """
    key, oauth = config.get("api_key"), config.get("oauth")
    if bool(key) == bool(oauth):
        raise ConfigurationError(
            "set either api_key or oauth, not both"
            if key
            else "the setting api_key is missing: give a private API key (starts with pk_), "
            "for example in the environment variable TARGET_KLAVIYO_API_KEY",
        )
    if oauth:
        fields = ("client_id", "client_secret", "refresh_token", "access_token")
        tokens = OAuthCredentials(*(oauth.get(name) for name in fields))
        return OAuth(tokens, config["api_url"].rstrip("/"), clock=clock)
    return PrivateKey(str(key).strip())


def locale(config: Mapping[str, Any]) -> Locale:
    """How open values are read.

    Raises:
        ConfigurationError: there is no such time zone or region.
    """
    return Locale(zone(config.get("default_timezone")), region(config.get("default_phone_region")))


def zone(name: str | None) -> Timezone | None:
    """A time zone by its name."""
    if not name:
        return None
    known = pendulum.timezones()
    if name not in known:
        raise ConfigurationError(
            f"default_timezone: there is no time zone {name!r}{nearest(name, known)}; write it "
            "as Europe/London or UTC",
        )
    return Timezone(name)


def region(code: str | None) -> str | None:
    """A phone region."""
    if code and code.upper() not in phonenumbers.SUPPORTED_REGIONS:
        raise ConfigurationError(
            f"default_phone_region: there is no region {code!r}; write it as two letters, such as "
            "US",
        )
    return code.upper() if code else None


def earliest_event(config: Mapping[str, Any]) -> datetime:
    """The first moment at which an event may have been.

    Raises:
        ConfigurationError: the setting is no date, or before 1990.
    """
    try:
        earliest = moment(config["earliest_event_time"], None, Timezone("UTC"))
    except RejectedRowError:
        raise ConfigurationError("earliest_event_time is no date: write it as 2000-01-01") from None
    if earliest < FLOOR:
        raise ConfigurationError("earliest_event_time: Klaviyo takes no events from before 1990")
    return earliest


def policy(config: Mapping[str, Any]) -> Policy:
    """When refused rows end the run.

    Raises:
        ConfigurationError: dead letters are wanted, but have no place.
    """
    letters = config["on_error"] == "dead_letter"
    if letters and not config.get("dead_letter_path"):
        raise ConfigurationError("on_error is dead_letter: set dead_letter_path to a file")
    return Policy(stop=not letters, max_errors=config.get("max_errors"))
