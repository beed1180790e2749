from __future__ import annotations

from datetime import datetime, timezone

from klaviyo_client.operations import operation
from tap_klaviyo.scans import Bounds, Scan, combined_scans, reading_start, scan_filter, time_filter

NOON = datetime(2026, 10, 1, 12, tzinfo=timezone.utc)


def test_greater_or_equal_is_used_where_it_exists() -> None:
    text = time_filter(operation("get_events"), "datetime", Bounds(NOON, None))
    assert text == "greater-or-equal(datetime,2026-10-01T12:00:00Z)"


def test_greater_than_is_one_second_earlier() -> None:
    text = time_filter(operation("get_profiles"), "updated", Bounds(NOON, None))
    assert text == "greater-than(updated,2026-10-01T11:59:59Z)"


def test_an_end_inside_a_second_keeps_that_second() -> None:
    end = NOON.replace(microsecond=500)
    text = time_filter(operation("get_events"), "datetime", Bounds(None, end))
    assert text == "less-than(datetime,2026-10-01T12:00:01Z)"


def test_no_upper_bound_where_the_endpoint_has_none() -> None:
    assert time_filter(operation("get_lists"), "updated", Bounds(None, NOON)) is None


def test_the_look_back_does_not_pass_the_start_date() -> None:
    start_date = datetime(2026, 9, 28, tzinfo=timezone.utc)
    assert reading_start(None, start_date, 7) == start_date
    assert reading_start(NOON, start_date, 7) == start_date
    assert reading_start(NOON, start_date, 2) == datetime(2026, 9, 29, 12, tzinfo=timezone.utc)
    assert reading_start(NOON, None, 0) == NOON
    assert reading_start(None, None, 7) is None


def test_scans_multiply_by_partition_and_metric() -> None:
    parents = [Scan(Bounds(NOON), path={"id": "L1"}, columns={"list_id": "L1"})]
    scans = list(combined_scans(parents, ("one", "two"), ["M1"]))
    known = operation("get_events")
    assert [scan_filter(known, "datetime", scan, "own") for scan in scans] == [
        'one,equals(metric_id,"M1"),greater-or-equal(datetime,2026-10-01T12:00:00Z),own',
        'two,equals(metric_id,"M1"),greater-or-equal(datetime,2026-10-01T12:00:00Z),own',
    ]
    assert {scan.metric_id for scan in scans} == {"M1"}
    assert all(scan.path == {"id": "L1"} for scan in scans)
