"""The reporting endpoints: what they refuse, what they count, their pages and limits."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from klaviyo_sandbox import ManualClock, Sandbox
from klaviyo_sandbox.clock import microseconds
from tests.judges.openapi import assert_ledger_valid
from tests.sandbox.asking import Asking

MONTH = {"start": "2026-03-01T00:00:00+00:00", "end": "2026-03-31T23:59:59+00:00"}
AGGREGATES = "/api/metric-aggregates"


def report(kind: str, timeframe: dict[str, str], **attributes: Any) -> tuple[str, dict[str, Any]]:
    """Path and content of a report request."""
    data = {"type": f"{kind}-report", "attributes": {"timeframe": timeframe, **attributes}}
    return f"/api/{kind}-reports", data


def found(ask: Asking, path: str, data: dict[str, Any], **query: str) -> dict[str, Any]:
    answer = ask("POST", path, query, data)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def metric(ask: Asking) -> str:
    return ask.sandbox.account.ids("metric")[0]


def campaign_values(ask: Asking, timeframe: dict[str, str], **more: Any) -> tuple[str, Any]:
    asked = {"statistics": ["recipients", "opens", "open_rate"], **more}
    return report("campaign-values", timeframe, conversion_metric_id=metric(ask), **asked)


def test_campaigns_are_counted_on_the_account_s_day_of_sending(ask: Asking) -> None:
    content = found(ask, *campaign_values(ask, MONTH))["data"]["attributes"]["results"]
    # The account is in US/Eastern: 5 hours behind in winter, 4 in summer.
    start, end = "2026-03-01T05:00:00+00:00", "2026-04-01T04:00:00+00:00"
    sent = {
        one["id"]
        for one in ask.sandbox.account.resources("campaign")
        if one["attributes"]["status"] == "Sent" and start <= one["attributes"]["send_time"] < end
    }
    assert {one["groupings"]["campaign_id"] for one in content} == sent != set()
    assert all(0 < one["statistics"]["open_rate"] < 1 for one in content)
    assert_ledger_valid(ask.sandbox)


def test_days_add_up_to_their_month(ask: Asking) -> None:
    asked = {"statistics": ["recipients", "conversion_value"], "conversion_metric_id": metric(ask)}
    timeframe = MONTH
    series = found(ask, *report("flow-series", timeframe, interval="daily", **asked))
    values = found(ask, *report("flow-values", timeframe, **asked))
    days = {str(one["groupings"]): one for one in series["data"]["attributes"]["results"]}
    assert len(series["data"]["attributes"]["date_times"]) == 31
    whole = values["data"]["attributes"]["results"]
    assert len(whole) == len(days) > 0
    for one in whole:
        added = days[str(one["groupings"])]["statistics"]
        assert {name: sum(numbers) for name, numbers in added.items()} == one["statistics"]


@pytest.mark.parametrize(
    ("kind", "statistics", "group"),
    [
        ("form", ["viewed_form", "submit_rate"], "form_id"),
        ("segment", ["total_members"], "segment_id"),
    ],
)
def test_forms_and_segments(ask: Asking, kind: str, statistics: list[str], group: str) -> None:
    for interval, count in (("daily", 31), ("weekly", 6), ("monthly", 1)):
        asked = report(f"{kind}-series", MONTH, statistics=statistics, interval=interval)
        content = found(ask, *asked)["data"]["attributes"]
        assert len(content["date_times"]) == count
        ids = {one["groupings"][group] for one in content["results"]}
        assert ids == set(ask.sandbox.account.ids(kind))
    one = min(ids)
    asked = report(
        f"{kind}-values", MONTH, statistics=statistics, filter=f'equals({group},"{one}")'
    )
    results = found(ask, *asked)["data"]["attributes"]["results"]
    assert [row["groupings"][group] for row in results] == [one]
    assert_ledger_valid(ask.sandbox)


def test_what_people_do_with_a_message_grows_for_days(ask: Asking, clock: ManualClock) -> None:
    account = ask.sandbox.account
    first = max(
        one["attributes"]["send_time"]
        for one in account.resources("campaign")
        if one["attributes"]["status"] == "Sent"
    )
    clock.advance(microseconds(first) / 1_000_000 + 86_400 - clock.now())
    opens = []
    for _ in range(3):
        year = {"start": "2026-01-01T00:00:00Z", "end": "2026-12-31T00:00:00Z"}
        results = found(ask, *campaign_values(ask, year))["data"]["attributes"]["results"]
        opens.append(sum(one["statistics"]["opens"] for one in results))
        clock.advance(5 * 86_400)
    assert opens[0] < opens[1] == opens[2]


@pytest.mark.parametrize(
    ("kind", "timeframe", "more", "place"),
    [
        (
            "flow-series",
            {"start": "2026-01-01", "end": "2026-01-20"},
            {"interval": "hourly"},
            "timeframe",
        ),
        (
            "flow-series",
            {"start": "2026-01-01", "end": "2026-04-01"},
            {"interval": "daily"},
            "timeframe",
        ),
        ("flow-values", {"start": "2024-01-01", "end": "2026-01-01"}, {}, "timeframe"),
        ("flow-values", {"start": "2026-01-02", "end": "2026-01-01"}, {}, "timeframe"),
        ("flow-values", MONTH, {"conversion_metric_id": "nobody"}, "conversion_metric_id"),
        ("flow-values", MONTH, {"group_by": ["flow_id"]}, "group_by"),
        ("flow-values", MONTH, {"filter": 'any(flow_id,["a"])'}, "filter"),
        ("flow-values", MONTH, {"filter": 'equals(flow_id,"a"),equals(flow_id,"b")'}, "filter"),
        ("campaign-values", MONTH, {"statistics": ["loves"]}, "statistics/0"),
        ("campaign-values", MONTH, {"statistics": []}, "statistics"),
    ],
)
def test_what_klaviyo_s_rules_refuse(
    ask: Asking, kind: str, timeframe: dict[str, str], more: dict[str, Any], place: str
) -> None:
    full = {name: text if "T" in text else f"{text}T00:00:00Z" for name, text in timeframe.items()}
    asked = {"statistics": ["opens"], "conversion_metric_id": metric(ask), **more}
    path, data = report(kind, full, **asked)
    error = ask.error("POST", path, 400, content=data)
    assert error["source"]["pointer"] == f"/data/attributes/{place}"


def test_segments_have_no_history_before_june_2023(ask: Asking) -> None:
    early = {"start": "2023-05-01T00:00:00Z", "end": "2023-07-01T00:00:00Z"}
    path, data = report("segment-values", early, statistics=["total_members"])
    assert "June 1st, 2023" in ask.error("POST", path, 400, content=data)["detail"]


def test_campaign_reports_have_pages(ask: Asking) -> None:
    send_time = "2026-03-10T12:00:00+00:00"
    attributes = {"name": "Many", "status": "Sent", "send_time": send_time}
    account = ask.sandbox.account
    for number in range(120):
        account.put("campaign", f"many{number}", attributes, columns={"channel": "email"})
        owner = {"campaign_id": f"many{number}"}
        account.put("campaign-message", f"message{number}", {}, columns=owner)
    day = {"start": "2026-03-10T00:00:00Z", "end": "2026-03-10T23:59:59Z"}
    path, data = campaign_values(ask, day)
    first = found(ask, path, data)
    cursor = parse_qs(urlsplit(first["links"]["next"]).query)["page_cursor"][0]
    second = found(ask, path, data, page_cursor=cursor)
    results = [page["data"]["attributes"]["results"] for page in (first, second)]
    ids = [one["groupings"]["campaign_id"] for page in results for one in page]
    assert len(results[0]) == 100
    assert len(ids) == len(set(ids)) >= 120
    assert second["links"]["next"] is None
    ask.error("POST", path, 400, content=data, query={"page_cursor": "x"})


def test_the_quota_is_225_a_day() -> None:
    clock = ManualClock(86_400.0 * 20_000)
    with Sandbox(profiles=0, events=0, clock=clock) as sandbox:
        ask = Asking(sandbox)
        path, data = report("form-values", {"key": "last_7_days"}, statistics=["submits"])
        for _ in range(225):
            assert ask("POST", path, content=data).status_code == 200
            clock.advance(31)
        refused = ask("POST", path, content=data)
        ask.session.close()
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) == 86_400 - 225 * 31


def query(ask: Asking, number: int = 0, **more: Any) -> dict[str, Any]:
    bounds = [
        "greater-or-equal(datetime,2026-01-01T00:00:00)",
        "less-than(datetime,2026-09-02T00:00:00)",
    ]
    asked = {
        "metric_id": ask.sandbox.account.ids("metric")[number],
        "measurements": ["count", "sum_value", "unique"],
        "filter": bounds,
        **more,
    }
    return {"type": "metric-aggregate", "attributes": asked}


@pytest.mark.parametrize("interval", ["hour", "day", "week", "month"])
def test_aggregates_count_the_events(ask: Asking, interval: str) -> None:
    content = found(ask, AGGREGATES, query(ask, interval=interval))["data"]["attributes"]
    wanted = query(ask)["attributes"]["metric_id"]
    events = [
        one
        for one in ask.sandbox.account.resources("event")
        if one["relationships"].get("metric", {}).get("data") == {"type": "metric", "id": wanted}
        and "2026-01-01" <= one["attributes"]["datetime"] < "2026-09-02"
    ]
    (row,) = content["data"]
    assert sum(row["measurements"]["count"]) == len(events) > 0
    values = sum(one["attributes"]["event_properties"]["$value"] for one in events)
    assert sum(row["measurements"]["sum_value"]) == pytest.approx(values)
    assert len(content["dates"]) == len(row["measurements"]["count"])
    assert_ledger_valid(ask.sandbox)


def test_aggregates_by_dimension_come_in_pages(ask: Asking) -> None:
    names = [one["attributes"]["name"] for one in ask.sandbox.account.resources("metric")]
    data = query(ask, names.index("Opened Email"), by=["$message"], page_size=2, interval="month")
    messages: list[str] = []
    while True:
        page = found(ask, AGGREGATES, data)
        messages += [one["dimensions"][0] for one in page["data"]["attributes"]["data"]]
        if page["links"]["next"] is None:
            break
        more = parse_qs(urlsplit(page["links"]["next"]).query)["page_cursor"]
        data["attributes"]["page_cursor"] = more[0]
    assert len(messages) == len(set(messages)) > 2


@pytest.mark.parametrize(
    ("more", "place"),
    [
        ({"metric_id": "nobody"}, "metric_id"),
        ({"filter": ["greater-or-equal(datetime,2026-01-01T00:00:00)"]}, "filter"),
        (
            {
                "filter": [
                    "greater-or-equal(datetime,2024-01-01T00:00:00)",
                    "less-than(datetime,2026-01-01T00:00:00)",
                ]
            },
            "filter",
        ),
        ({"timezone": "Mars/Phobos"}, "timezone"),
        ({"by": ["colour"]}, "by/0"),
    ],
)
def test_what_aggregates_refuse(ask: Asking, more: dict[str, Any], place: str) -> None:
    error = ask.error("POST", AGGREGATES, 400, content=query(ask, **more))
    assert error["source"]["pointer"] == f"/data/attributes/{place}"
