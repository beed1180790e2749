from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_klaviyo.scan_reading import span_of
from tap_klaviyo.scans import Bounds
from tap_klaviyo.windows import CAUTIOUS, SHORTEST, WindowPlan, cuts

START = datetime(2026, 1, 1, tzinfo=timezone.utc)
SPANS = st.timedeltas(timedelta(0), timedelta(days=3650))


@given(
    SPANS,
    st.timedeltas(timedelta(0), timedelta(days=400)),
    st.booleans(),
    st.lists(st.floats(0, 50), min_size=1, max_size=9),
    st.booleans(),
)
def test_windows_cover_the_span_without_gap_or_overlap(
    span: timedelta, length: timedelta, open_end: bool, held: list[float], early: bool
) -> None:
    plan = WindowPlan(START, START + span, max(length, span / 500), 2.0, open_end)
    if early:
        plan.take_off_last()
    windows = []
    for number, window in enumerate(plan):
        windows.append(window)
        plan.held(window, held[number % len(held)])
        plan.length = max(plan.length, span / 500)  # keep the example short
    edges = [one.start for one in windows] + [windows[-1].end if windows else None]
    assert [one.end for one in windows] == edges[1:]
    assert all(one.start and one.start < one.end for one in windows if one.end)
    if windows:
        assert windows[0].start == START
        assert windows[-1].end == (None if open_end else START + span)
    assert bool(windows) == (open_end or span > timedelta(0))


def test_the_last_window_is_known_and_says_nothing_of_the_others() -> None:
    days = timedelta(days=1)
    plan = WindowPlan(START, START + 90 * days, 10 * days, 2.0, open_end=True)
    plan.take_off_last()
    last = Bounds(START + 80 * days, START + 90 * days)
    assert plan.last == last
    plan.held(last, 100)
    assert plan.length == 10 * days
    assert list(plan)[-2:] == [last, Bounds(START + 90 * days, None)]


@pytest.mark.parametrize(("days", "groping"), [(4.9, False), (90, True)])
def test_of_few_windows_or_of_guesses_none_is_taken_off(days: float, groping: bool) -> None:
    end = START + timedelta(days=days)
    plan = WindowPlan(START, end, timedelta(days=1), 2.0, open_end=True, groping=groping)
    plan.take_off_last()
    assert plan.last is None


def test_the_last_window_reaches_back_no_further_than_there_are_dates() -> None:
    first = datetime(1, 1, 1, tzinfo=timezone.utc)
    plan = WindowPlan(first, START, (START - first) * 9, 9.9, open_end=True)
    plan.take_off_last()
    assert plan.last is None


@pytest.mark.parametrize("end", [START, START - timedelta(seconds=0.05)])
def test_the_last_window_is_not_empty_where_windows_are_shorter_than_a_second(
    end: datetime,
) -> None:
    plan = WindowPlan(START - timedelta(days=1), end, timedelta(seconds=0.9), 0.9, open_end=True)
    plan.take_off_last()
    assert plan.last is None or (plan.last.start or end) < end
    assert plan.end <= end


def test_a_heavy_window_makes_the_next_ones_shorter_and_an_empty_one_longer() -> None:
    plan = WindowPlan(START, START + timedelta(days=900), timedelta(days=10), 2.0, open_end=True)
    windows = iter(plan)
    plan.held(next(windows), 20)
    assert plan.length == timedelta(days=1)
    plan.held(next(windows), 0)
    assert plan.length == timedelta(days=8)


@given(SPANS, SPANS, st.integers(1, 16))
def test_cuts_lie_inside_in_order_and_on_whole_seconds(
    span: timedelta, step: timedelta, most: int
) -> None:
    points = cuts(START, START + span, step, most)
    assert len(points) <= most
    assert points == sorted(set(points))
    assert all(START + SHORTEST <= one < START + span and not one.microsecond for one in points)


def test_where_nothing_lies_few_windows_are_read_at_once() -> None:
    plan = WindowPlan(START, START + timedelta(days=900), timedelta(days=10), 2.0, open_end=True)
    windows = iter(plan)
    assert plan.at_once() is None
    plan.held(next(windows), 0)
    assert plan.at_once() == CAUTIOUS
    plan.held(next(windows), 1.5)
    assert plan.at_once() is None


def test_a_step_of_centuries_cuts_nothing() -> None:
    assert cuts(START, START + timedelta(days=1), timedelta(days=300_000), 48) == []
    first = datetime(1, 1, 1, tzinfo=timezone.utc)
    assert cuts(first, START, (START - first) * 10, 48) == [], "no step leads beyond the year 9999"


@pytest.mark.parametrize(
    "odd",
    [None, "", "soon", "2026-02-30T00:00:00+00:00", "0000-00-00T00:00:00+00:00", "9999-01-01"],
)
def test_no_span_is_known_where_a_time_is_odd(odd: str | None) -> None:
    good = "2026-01-01T00:00:00+00:00"
    known = span_of([good, "2026-01-01 00:01:00+00:00"])
    assert known
    assert known.last - known.first == timedelta(minutes=1)
    assert span_of([odd, good]) is None
    assert span_of([good, odd, good]) is None
