"""From answers to rows, in the forms that Klaviyo may give them."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from tap_klaviyo.reports_declared import Report, all_reports
from tap_klaviyo.reports_planning import Window
from tap_klaviyo.reports_rows import rows

WINDOW = Window(date(2026, 3, 7), date(2026, 3, 9))
MIDNIGHT = "2026-03-08T00:00:00+00:00"


def one(kind: str, **more: Any) -> Report:
    (report,) = all_reports({"reports": [{"name": "one", "kind": kind, **more}]}, ())
    return report


def orders(**more: Any) -> Report:
    return one("metric_aggregates", metrics=["A"], statistics=["count"], **more)


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-08T00:00:00+00:00",
        "2026-03-08T00:00:00",
        "2026-03-08 00:00:00+00:00",
        "2026-03-08T00:00:00-05:00",
        "2026-03-08T05:00:00Z",
        "2026-03-08T05:00:00+00:00",
    ],
)
def test_a_day_is_the_same_however_klaviyo_writes_its_beginning(text: str) -> None:
    page = {"dates": [text], "data": [{"dimensions": [], "measurements": {"count": [2.0]}}]}
    found = rows(orders(timezone="America/New_York"), WINDOW, "A", [page])
    assert found == [{"date": MIDNIGHT, "count": 2.0, "metric_id": "A"}]


def test_half_days_beside_a_window_are_left_out_and_hours_are_moments() -> None:
    dates = [f"2026-03-0{number}T00:00:00+00:00" for number in (6, 7, 8, 9)]
    page = {"dates": dates, "data": [{"dimensions": [], "measurements": {"count": [1, 2, 3, 4]}}]}
    assert [row["count"] for row in rows(orders(), WINDOW, "A", [page])] == [2, 3]
    page["dates"] = ["2026-03-08T01:00:00-05:00"]
    (row,) = rows(orders(interval="hourly"), WINDOW, "A", [page])
    assert row["date"] == "2026-03-08T06:00:00+00:00"


def test_hours_beside_a_window_belong_to_the_next_one_and_may_be_half_ones() -> None:
    """Hours of India begin at half past the hour in UTC."""
    dates = ["2026-03-06T23:30:00Z", "2026-03-07T00:30:00Z", "2026-03-08T23:30:00Z"]
    dates.append("2026-03-09T00:30:00Z")
    page = {"dates": dates, "data": [{"dimensions": [], "measurements": {"count": [1, 2, 3, 4]}}]}
    found = rows(orders(interval="hourly", timezone="Asia/Kolkata"), WINDOW, "A", [page])
    assert [row["count"] for row in found] == [2, 3]


def test_what_lacks_a_dimension_has_an_empty_text_there() -> None:
    data = [{"dimensions": [], "measurements": {"count": [1]}}]
    data.append({"dimensions": ["m"], "measurements": {"count": [2]}})
    page = {"dates": [MIDNIGHT], "data": data}
    found = rows(orders(group_by=["$message", "URL"]), WINDOW, "A", [page])
    assert [(row["message"], row["url"]) for row in found] == [("", ""), ("m", "")]


def test_nothing_is_made_up_where_something_is_missing() -> None:
    groups = ["flow_id", "flow_message_id", "flow_name", "tag_id", "variation"]
    report = one("flow_series", statistics=["opens", "open_rate"], group_by=groups)
    groupings = {"flow_id": "f", "flow_message_id": "m", "tag_id": ["b", "a"], "variation": None}
    result = {"groupings": groupings, "statistics": {"opens": [1], "other": [2]}}
    page = {"date_times": ["2026-03-07T00:00:00+00:00", MIDNIGHT], "results": [result]}
    first, second = rows(report, WINDOW, "M", [page, {"date_times": [], "results": []}])
    assert first == {
        "date": "2026-03-07T00:00:00+00:00",
        "flow_id": "f",
        "flow_message_id": "m",
        "flow_name": None,
        "tag_id": "a,b",
        "variation": "",
        "opens": 1,
        "open_rate": None,
        "conversion_metric_id": "M",
    }
    assert (second["opens"], second["open_rate"]) == (None, None)


def test_rows_of_several_pages_come_in_the_order_of_their_days() -> None:
    report = one("form_series", statistics=["submits"])
    pages = [
        {
            "date_times": [MIDNIGHT, "2026-03-07T00:00:00+00:00"],
            "results": [{"groupings": {"form_id": form}, "statistics": {"submits": [1, 2]}}],
        }
        for form in ("x", "y")
    ]
    found = [(row["date"][:10], row["form_id"]) for row in rows(report, WINDOW, "", pages)]
    days = ("2026-03-07", "2026-03-08")
    assert found == [(day, form) for day in days for form in ("x", "y")]
