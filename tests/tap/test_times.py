from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_klaviyo.times import are_wanted, normalise_times, parse_time, rfc3339, time_tree


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        ("2026-09-04T13:38:55+00:00", "2026-09-04T13:38:55+00:00"),
        ("2026-09-04T13:38:55Z", "2026-09-04T13:38:55+00:00"),
        ("2026-07-30 12:00:00+00:00", "2026-07-30T12:00:00+00:00"),
        ("2026-07-30 12:00:00", "2026-07-30T12:00:00+00:00"),
        ("2026-09-04T08:38:55-05:00", "2026-09-04T13:38:55+00:00"),
        ("2026-09-04T13:38:55.437000+00:00", "2026-09-04T13:38:55.437000+00:00"),
        ("2026-09-04T13:38:55.437Z", "2026-09-04T13:38:55.437000+00:00"),
        ("2026-09-04", "2026-09-04T00:00:00+00:00"),
    ],
)
def test_every_form_becomes_the_one_form(written: str, wanted: str) -> None:
    assert rfc3339(written) == wanted


@pytest.mark.parametrize(
    "text",
    ["", "yesterday", "2026-13-01", "2026-01-01T25:00:00Z", "12", "12:00", "now", "2026-W01"],
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a date"):
        parse_time(text)


@given(
    st.datetimes(datetime(1990, 1, 1), datetime(2035, 1, 1)),  # noqa: DTZ001 - made aware below
    st.integers(-12 * 60, 14 * 60),
)
def test_texts_of_moments_sort_as_the_moments_do(moment: datetime, minutes: int) -> None:
    aware = moment.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    later = aware + timedelta(microseconds=1)
    assert rfc3339(aware.isoformat()) < rfc3339(later.isoformat())
    assert datetime.fromisoformat(rfc3339(aware.isoformat())) == aware


def test_times_inside_objects_and_lists_are_found_by_the_schema() -> None:
    time = {"type": ["string", "null"], "format": "date-time"}
    schema = {
        "properties": {
            "consent": {"properties": {"at": time, "note": {"type": "string"}}},
            "suppressions": {"items": {"properties": {"timestamp": time}}},
        }
    }
    value = {
        "consent": {"at": "2026-07-30 12:00:00+00:00", "note": "2026-07-30 12:00:00+00:00"},
        "suppressions": [{"timestamp": "2026-07-30T12:00:00Z"}, {"timestamp": None}],
    }
    normalise_times(value, time_tree(schema))
    assert value == {
        "consent": {"at": "2026-07-30T12:00:00+00:00", "note": "2026-07-30 12:00:00+00:00"},
        "suppressions": [{"timestamp": "2026-07-30T12:00:00+00:00"}, {"timestamp": None}],
    }


@pytest.mark.parametrize("day", ["2026-02-30", "2026-13-01", "2026-01-00"])
def test_a_day_that_no_calendar_has_is_refused_in_the_one_form_too(day: str) -> None:
    with pytest.raises(ValueError, match="not a date or date-time"):
        parse_time(f"{day}T00:00:00+00:00")


def test_a_text_of_two_lines_is_no_time() -> None:
    """Many are looked at as lines of one text."""
    good = "2026-01-01T00:00:00+00:00"
    assert are_wanted([good, None, good])
    assert not are_wanted([f"{good}\n{good}", None])
    assert not are_wanted([f"{good}\n"])


@pytest.mark.parametrize(
    "odd",
    [
        "2026-01-01 00:00:00+00:00",
        "2026-01-01T00:00:00+01:00",
        "2026-01-01T00:00:00-00:00",
        "2026-01-01T00:00:00Z",
        "\uff12026-01-01T00:00:00+00:00",
        "2026-01-01T00:00:00.5+00:00",
        "",
    ],
)
def test_one_odd_time_among_many_is_seen(odd: str) -> None:
    good = "2026-01-01T00:00:00+00:00"
    assert not are_wanted([good, odd, good])
    assert are_wanted([good, "2026-01-01T00:00:00.500000+00:00", good])
