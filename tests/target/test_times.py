from datetime import date, datetime, timezone

import pytest
from pendulum import Timezone

from target_klaviyo.outcomes import RejectedRowError
from target_klaviyo.times import moment, rfc3339

UTC = Timezone("UTC")
LONDON = Timezone("Europe/London")


@pytest.mark.parametrize(
    ("text", "pattern", "zone", "expected"),
    [
        ("2026-01-31T08:00:00Z", None, None, "2026-01-31T08:00:00+00:00"),
        ("2026-01-31T08:00:00+02:00", None, LONDON, "2026-01-31T06:00:00+00:00"),
        ("2026-01-31 08:00:00+0200", None, None, "2026-01-31T06:00:00+00:00"),
        ("2026-07-31T08:00:00", None, LONDON, "2026-07-31T07:00:00+00:00"),
        ("2026-07-31", None, LONDON, "2026-07-30T23:00:00+00:00"),
        ("19970101", "YYYYMMDD", UTC, "1997-01-01T00:00:00+00:00"),
        ("31/07/2026 08:05", "DD/MM/YYYY HH:mm", LONDON, "2026-07-31T07:05:00+00:00"),
        ("1/7/2026", "DD/MM/YYYY", UTC, "2026-07-01T00:00:00+00:00"),
        ("3 Jul 2026 9:05 PM", "D MMM YYYY h:mm A", UTC, "2026-07-03T21:05:00+00:00"),
        ("1767225600", "X", None, "2026-01-01T00:00:00+00:00"),
        ("2026-01-31T08:00:00.250Z", None, None, "2026-01-31T08:00:00.250000+00:00"),
    ],
)
def test_moments(text: str, pattern: str | None, zone: Timezone | None, expected: str) -> None:
    assert rfc3339(moment(text, pattern, zone)) == expected


def test_typed_values() -> None:
    assert rfc3339(moment(1767225600, "X", None)) == "2026-01-01T00:00:00+00:00"
    assert rfc3339(moment(date(2026, 1, 1), None, UTC)) == "2026-01-01T00:00:00+00:00"
    aware = datetime(2026, 1, 1, tzinfo=timezone.utc)
    assert moment(aware, None, None) == aware


@pytest.mark.parametrize(
    ("text", "pattern"),
    [("2026-01-31", None), ("2026-01-31T08:00:00", None), ("19970101", "YYYYMMDD")],
)
def test_a_time_without_zone_needs_the_setting(text: str, pattern: str | None) -> None:
    with pytest.raises(RejectedRowError, match="set default_timezone"):
        moment(text, pattern, None)


@pytest.mark.parametrize(
    ("value", "pattern"),
    [
        ("yesterday", None),
        ("2026-13-01", None),
        ("2026-01-31T99:00:00Z", None),
        ("1997", "YYYYMMDD"),
        ("31/07/26", "DD/MM/YYYY"),
        (1767225600, None),
        (True, "X"),
        ({}, None),
    ],
)
def test_what_is_no_time(value: object, pattern: str | None) -> None:
    with pytest.raises(RejectedRowError):
        moment(value, pattern, UTC)


@pytest.mark.parametrize(
    ("text", "zone"),
    [("0001-01-01 00:00:00", Timezone("Europe/Berlin")), ("9999-12-31T23:59:59-23:00", None)],
)
def test_years_that_stand_for_no_date_are_refused(text: str, zone: Timezone | None) -> None:
    with pytest.raises(RejectedRowError, match="is no time"):
        moment(text, None, zone)
