"""Windows and budgets of reports, without any account."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from klaviyo_client.errors import ConfigurationError
from tap_klaviyo.reports_declared import Report, all_reports
from tap_klaviyo.reports_kinds import KINDS
from tap_klaviyo.reports_planning import Plan, RunDays, beginning, fitting, plan
from tap_klaviyo.reports_timeframes import KEYS, days_of

TODAY = date(2026, 2, 20)
DAY = timedelta(days=1)
DAYS = st.dates(date(2023, 7, 1), TODAY)
CHOICES = [(kind, interval) for kind in KINDS for interval in KINDS[kind].steps]
# What Klaviyo answers at most, in days.
LONGEST = {"hourly": 7, "daily": 60, "weekly": 365, "monthly": 364}


def one(kind: str, **more: Any) -> Report:
    metrics = {"metrics": ["A", "B"]} if kind == "metric_aggregates" else {}
    (report,) = all_reports({"reports": [{"name": "one", "kind": kind, **metrics, **more}]}, ())
    return report


@given(st.sampled_from(CHOICES), DAYS)
def test_windows_follow_each_other_without_gap_and_none_is_too_long(
    choice: tuple[str, str], start: date
) -> None:
    kind, interval = choice
    report = one(kind, interval=interval)
    windows = plan(report, RunDays(TODAY, start)).windows
    assert windows[0].start == beginning(interval, start) <= start
    assert windows[-1].end == TODAY + DAY
    assert all(before.end == after.start for before, after in pairwise(windows))
    longest = 363 if kind == "metric_aggregates" else LONGEST[interval]
    aside = 2 * report.kind.asides.get(interval, 0)
    assert all((one.end - one.start).days + aside <= longest + 2 for one in windows)
    assert all(one.start == beginning(interval, one.start) for one in windows)


@given(st.sampled_from(CHOICES), DAYS, DAYS, st.integers(0, 90))
def test_every_run_reads_all_that_the_look_back_asks_for(
    choice: tuple[str, str], start: date, bookmark: date, lookback: int
) -> None:
    report = one(choice[0], interval=choice[1], lookback_days=lookback)
    found = plan(report, RunDays(TODAY, start, bookmark=bookmark))
    first = max(start, bookmark - max(lookback, 1) * DAY)
    assert found.windows[0].start == beginning(choice[1], first)
    assert found.windows[-1].end == TODAY + DAY


def test_what_was_read_long_after_it_happened_is_not_read_again() -> None:
    report = one("campaign_values", timeframe={"start": "2025-08-01", "end": "2026-02-19"})
    bookmark, yesterday = date(2026, 1, 5), TODAY - DAY
    found = plan(report, RunDays(TODAY, bookmark=bookmark, read_on=yesterday))
    assert found.windows[0].start == bookmark + DAY
    found = plan(report, RunDays(TODAY, bookmark=yesterday, read_on=yesterday))
    assert found.windows[0].start == yesterday - 5 * DAY
    done = RunDays(date(2026, 6, 2), bookmark=date(2026, 2, 19), read_on=date(2026, 6, 1))
    assert plan(report, done).windows == ()


def test_days_to_come_are_left_to_later_runs() -> None:
    report = one("campaign_values", timeframe={"start": "2026-02-01", "end": "2026-12-31"})
    found = plan(report, RunDays(TODAY))
    assert (found.requests, found.windows[-1].end) == (20, TODAY + DAY)
    later = plan(report, RunDays(TODAY + DAY, bookmark=TODAY, read_on=TODAY))
    assert later.windows[-1].end == TODAY + 2 * DAY
    assert plan(one("form_series", timeframe={"start": "2026-03-01"}), RunDays(TODAY)).windows == ()


@pytest.mark.parametrize("key", KEYS)
def test_klaviyo_s_words_for_timeframes(key: str) -> None:
    start, end = days_of(key, TODAY)
    assert start < end <= TODAY + DAY
    found = plan(one("flow_series", timeframe=key), RunDays(TODAY, bookmark=TODAY))
    assert (found.windows[0].start, found.windows[-1].end) == (start, end)


def test_rolling_days_are_read_whole_whatever_was_read_before() -> None:
    report = one("flow_values", rolling_days=10)
    found = plan(report, RunDays(TODAY, start=date(2020, 1, 1), bookmark=TODAY))
    assert (found.requests, found.again) == (11, 11)
    with pytest.raises(ConfigurationError, match="needs 11: lower lookback_days or rolling_days"):
        fitting([found], 10, 600, spread=True)


def test_segments_begin_when_klaviyo_began_to_count() -> None:
    found = plan(one("segment_series"), RunDays(TODAY, start=date(2020, 1, 1)))
    assert found.windows[0].start == date(2023, 6, 1)


def plans(*counts: int) -> list[Plan]:
    """Plans of so many daily requests each."""
    report = one("campaign_values")
    return [plan(report, RunDays(TODAY, TODAY - (count - 1) * DAY)) for count in counts]


@given(st.lists(st.integers(1, 300), min_size=1, max_size=5), st.integers(5, 300))
def test_spread_runs_never_ask_for_more_and_leave_nothing_out(counts: list[int], most: int) -> None:
    found = fitting(plans(*counts), most, 600, spread=True)
    assert sum(one.requests for one in found) == min(most, sum(counts))
    assert [len(one.windows) + one.left for one in found] == counts
    assert all(one.windows for one in found)


def test_what_every_run_reads_again_has_to_fit() -> None:
    report = one("campaign_values", lookback_days=90)
    days = RunDays(TODAY, date(2025, 1, 1), bookmark=date(2025, 8, 1))
    with pytest.raises(ConfigurationError, match="needs 91: lower lookback_days"):
        fitting([plan(report, days)], 50, 600, spread=True)


def test_aggregates_have_no_quota_of_a_day() -> None:
    found = plan(one("metric_aggregates"), RunDays(TODAY, date(2022, 1, 1)))
    assert found.requests == 2 * len(found.windows) > 1
    assert fitting([found], 1, 600, spread=False) == [found]
