"""Moments in the words of a source, read exactly: nothing about zone or format is guessed."""

from __future__ import annotations

import re
from datetime import date, datetime, timezone
from decimal import Decimal
from typing import Any

import pendulum
from pendulum import Timezone
from pendulum.parsing.exceptions import ParserError

from target_klaviyo.outcomes import RejectedRowError

ZONED = re.compile(r".*\d(?:\s*Z|\s*[+-]\d{2}(?::?\d{2})?)$", re.IGNORECASE)
DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
DATE_TIME = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}.*")
# Tokens of a format that fix the zone: an offset, a zone's name, seconds since 1970.
ZONE_TOKENS = re.compile(r"Z|z|X|x")
ESCAPED = re.compile(r"\[[^\]]*\]")
LEADING_ZEROS = re.compile(r"(?<!\d)0+(?=\d)")
FIRST_YEAR = 1000
NO_ZONE = "has no time zone; set default_timezone, such as Europe/London"


def moment(value: Any, pattern: str | None, zone: Timezone | None) -> datetime:
    """A value of a source as a moment in UTC.

    Args:
        value: Text in ISO 8601 or in `pattern`; `datetime` and `date` are taken too.
        pattern: A pendulum format such as `YYYYMMDD` or `DD/MM/YYYY HH:mm`.
        zone: Where values without a zone belong.

    Raises:
        RejectedRowError: it is no time, or needs a zone that is not set.
    """
    if isinstance(value, datetime):
        return in_utc(value, zone)
    if isinstance(value, date):
        return in_utc(datetime(value.year, value.month, value.day), zone)  # noqa: DTZ001
    if isinstance(value, (int, Decimal)) and pattern and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise RejectedRowError("is no time; give its format in the mapping (X for seconds)")
    return utc(formatted(value, pattern, zone) if pattern else iso(value, zone))


def in_utc(value: datetime, zone: Timezone | None) -> datetime:
    """A moment in UTC, with `zone` where it has none."""
    if value.tzinfo is None:
        if zone is None:
            raise RejectedRowError(NO_ZONE)
        value = value.replace(tzinfo=zone)
    return utc(value)


def utc(value: datetime) -> datetime:
    """The same moment in UTC; years 1 and 9999, which stand for no date, may have none."""
    try:
        return value.astimezone(timezone.utc)
    except OverflowError:
        raise RejectedRowError("is no time that a calendar holds") from None


def iso(text: str, zone: Timezone | None) -> datetime:
    """Text in ISO 8601."""
    if not (DATE.fullmatch(text) or DATE_TIME.fullmatch(text)):
        raise RejectedRowError("is no time in ISO 8601; give its format in the mapping")
    if not DATE.fullmatch(text) and ZONED.fullmatch(text):
        zone = Timezone("UTC")
    elif zone is None:
        raise RejectedRowError(NO_ZONE)
    try:
        read = pendulum.parse(text, tz=zone)
    except (ParserError, ValueError):
        raise RejectedRowError("is no time in ISO 8601; give its format in the mapping") from None
    if not isinstance(read, datetime):
        raise RejectedRowError("is no time in ISO 8601; give its format in the mapping")
    return read


def formatted(text: str, pattern: str, zone: Timezone | None) -> datetime:
    """Text in a given format."""
    if zone is None:
        if not ZONE_TOKENS.search(ESCAPED.sub("", pattern)):
            raise RejectedRowError(NO_ZONE)
        zone = Timezone("UTC")
    try:
        read = pendulum.from_format(text, pattern, tz=zone)
    except ValueError:
        read = None
    if read is None or not faithful(read, text, pattern):
        raise RejectedRowError("does not fit the format of its mapping")
    return read


def faithful(read: pendulum.DateTime, text: str, pattern: str) -> bool:
    """Whether `text` was understood as a whole: pendulum reads 1997 as YYYYMMDD, in the year 19."""
    if ZONE_TOKENS.search(ESCAPED.sub("", pattern)):
        return True
    written = (LEADING_ZEROS.sub("", one.casefold()) for one in (read.format(pattern), text))
    return read.year >= FIRST_YEAR and len(set(written)) == 1


def rfc3339(value: datetime) -> str:
    """A moment in UTC as Klaviyo writes it."""
    return value.isoformat()
