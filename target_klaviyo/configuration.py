"""What the settings mean, and what their schema cannot check."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

import pendulum
import phonenumbers
from pendulum import Timezone

from klaviyo_client.errors import ConfigurationError
from klaviyo_client.filters import nearest
from target_klaviyo.mapping import StreamMapping
from target_klaviyo.outcomes import RejectedRowError
from target_klaviyo.plans import StreamRules
from target_klaviyo.report import Policy
from target_klaviyo.times import moment
from target_klaviyo.values import Locale

# Klaviyo refuses events from before then in any reading of its documents.
FLOOR = datetime(1990, 1, 1, tzinfo=timezone.utc)
YEAR, DAY = timedelta(days=365), timedelta(days=1)


def locale(config: Mapping[str, Any]) -> Locale:
    """How open values are read.

    Raises:
        ConfigurationError: there is no such time zone or region.
    """
    return Locale(
        zone(config.get("default_timezone")),
        region(config.get("default_phone_region")),
        config["decimal_format"],
    )


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


def stream_rules(
    mapping: StreamMapping,
    keys: Sequence[str],
    config: Mapping[str, Any],
    now: datetime,
    notice: Callable[[str, str], None],
) -> StreamRules:
    """What a builder needs to know of a stream in a run that began `now`."""
    return StreamRules(
        keys=keys,
        earliest=earliest_event(config),
        latest=now + YEAR,
        now=now,
        recent=now - DAY,
        clear_nulls=config["null_policy"] == "clear",
        immediate=mapping.immediate,
        notice=notice,
    )


def mirror_ratio(config: Mapping[str, Any]) -> float:
    """The least share of what was there before that the rows of a mirror must make up.

    Raises:
        ConfigurationError: it is no number from 0 to 1.
    """
    try:
        ratio = float(config["mirror_min_ratio"])
    except ValueError:
        ratio = -1.0
    if not 0 <= ratio <= 1:
        raise ConfigurationError("mirror_min_ratio must be a number from 0 to 1")
    return ratio


def policy(config: Mapping[str, Any]) -> Policy:
    """When refused rows end the run.

    Raises:
        ConfigurationError: dead letters are wanted, but have no place.
    """
    letters = config["on_error"] == "dead_letter"
    if letters and not config.get("dead_letter_path"):
        raise ConfigurationError("on_error is dead_letter: set dead_letter_path to a file")
    return Policy(stop=not letters, max_errors=config.get("max_errors"))
