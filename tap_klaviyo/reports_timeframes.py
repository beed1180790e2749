"""Which days a report is about; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, time, timedelta, timezone
from typing import Any

from klaviyo_client.filters import nearest

DAY = timedelta(days=1)
MIDNIGHT = time(0, tzinfo=timezone.utc)
# Klaviyo's keys by how many days they go back; those of calendar weeks, months and years below.
LAST_DAYS: Mapping[str, int] = {
    "last_7_days": 7,
    "last_30_days": 30,
    "last_90_days": 90,
    "last_365_days": 365,
}
CALENDAR = (
    "today",
    "yesterday",
    "this_week",
    "last_week",
    "this_month",
    "last_month",
    "last_3_months",
    "last_12_months",
    "this_year",
    "last_year",
)
KEYS = (*LAST_DAYS, *CALENDAR)


@dataclass(frozen=True, slots=True)
class Timeframe:
    """From when to when, the last day included.

    Attributes:
        key: One of Klaviyo's words, which every run reads whole.
        start: The first day; None for the setting `start_date`.
        end: The last day; None for today.
        rolling_days: How many days before today every run reads whole.
        first_days: How far back the first run goes at most.
    """

    key: str | None = None
    start: date | None = None
    end: date | None = None
    rolling_days: int | None = None
    first_days: int | None = None

    @staticmethod
    def of(given: Any, rolling_days: int | None) -> Timeframe:
        """A timeframe as it is declared, and checked."""
        if isinstance(given, str):
            return Timeframe(key=given)
        days = {name: date.fromisoformat(text) for name, text in (given or {}).items()}
        return Timeframe(None, days.get("start"), days.get("end"), rolling_days)

    @staticmethod
    def mistakes(given: Any) -> Iterator[str]:
        """What is wrong with a declared timeframe."""
        if isinstance(given, str) and given not in KEYS:
            yield f"timeframe {given!r} is unknown{nearest(given, KEYS)}; there are: " + ", ".join(
                KEYS
            )
        if not isinstance(given, dict):
            return
        for name, text in given.items():
            if name not in {"start", "end"}:
                yield f"timeframe has start and end, not {name!r}"
            elif not is_day(text):
                yield f"timeframe.{name} must be a day, as 2026-01-31"
        both = set(given) == {"start", "end"} and all(map(is_day, given.values()))
        if both and given["end"] < given["start"]:
            yield "timeframe.end lies before timeframe.start"

    @property
    def whole(self) -> bool:
        """Whether every run reads all of it."""
        return bool(self.key or self.rolling_days)


def is_day(text: Any) -> bool:
    """Whether a value is a day as ISO 8601 has it."""
    try:
        date.fromisoformat(text)
    except (TypeError, ValueError):
        return False
    return True


def days_of(key: str, today: date) -> tuple[date, date]:
    """The first day of one of Klaviyo's timeframes, and the one after its last."""
    if key in LAST_DAYS:
        return today - LAST_DAYS[key] * DAY, today
    week, month, year = today - today.weekday() * DAY, today.replace(day=1), first_of_year(today)
    tomorrow = today + DAY
    return {
        "today": (today, tomorrow),
        "yesterday": (today - DAY, today),
        "this_week": (week, tomorrow),
        "last_week": (week - 7 * DAY, week),
        "this_month": (month, tomorrow),
        "last_month": (months_before(month, 1), month),
        "last_3_months": (months_before(month, 3), month),
        "last_12_months": (months_before(month, 12), month),
        "this_year": (year, tomorrow),
        "last_year": (first_of_year(year - DAY), year),
    }[key]


def first_of_year(day: date) -> date:
    """The first day of a day's year."""
    return day.replace(month=1, day=1)


def months_before(first: date, count: int) -> date:
    """The first day of the month so many months before one that begins on `first`."""
    months = first.year * 12 + first.month - 1 - count
    return date(months // 12, months % 12 + 1, 1)
