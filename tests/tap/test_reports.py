"""Reports, read from a sandbox whose limits are Klaviyo's and whose time is a test's."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import date, datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace
from typing import Any, cast

import jsonschema
import pytest

from klaviyo_sandbox import ManualClock, Sandbox
from tap_klaviyo.reports_kinds import KINDS, ReportKind
from tests.judges.openapi import assert_ledger_valid
from tests.tap.reporting_runs import run_reports

DAY = 86_400.0
# When New York sets its clocks back.
WINTER = datetime(2025, 11, 2, 6, tzinfo=timezone.utc)
ORDERS = {"name": "Placed Order", "integration": "Shopify"}
NOW = datetime(2026, 2, 20, 15, tzinfo=timezone.utc)
CAMPAIGNS = {
    "name": "campaign_days",
    "kind": "campaign_values",
    "conversion_metric": "Placed Order",
}
FLOWS = {
    "name": "flow_days",
    "kind": "flow_series",
    "statistics": ["recipients", "opens", "open_rate", "conversion_value"],
    "conversion_metric": {"name": "Placed Order", "integration": "Shopify"},
}


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW.timestamp())


@pytest.fixture
def sandbox(clock: ManualClock) -> Iterator[Sandbox]:
    running = Sandbox(profiles=30, events=400, traps=False, clock=clock, keep_answers=True)
    with running as made:
        yield made


def day(text: str) -> str:
    return f"{text}T00:00:00+00:00"


def list_of_days(first: str, count: int, step: int = 1) -> list[str]:
    start = date.fromisoformat(first)
    return [str(start + timedelta(days=number * step)) for number in range(count)]


def asked(sandbox: Sandbox, operation: str) -> list[dict[str, Any]]:
    """What was answered of one endpoint, in order."""
    return [
        json.loads(one.body)["data"]["attributes"]
        for one in sandbox.requests
        if one.operation == operation and one.status == 200
    ]


def keyed(rows: list[dict[str, Any]], *names: str) -> dict[tuple[str, ...], dict[str, Any]]:
    """Rows by their keys, none of which comes twice with different content."""
    return {tuple(row[name] for name in names): row for row in rows}


KEYS = ("date", "campaign_id", "campaign_message_id", "send_channel")


def test_a_row_for_each_day_and_message_of_a_campaign(sandbox: Sandbox) -> None:
    run = run_reports(sandbox, CAMPAIGNS, start_date="2026-02-01")
    assert not run.error
    requests = asked(sandbox, "query_campaign_values")
    # The day of the run is read too.
    assert [one["timeframe"]["start"][:10] for one in requests] == list_of_days("2026-02-01", 20)
    rows = run.records("campaign_days")
    # The account's days are those of US/Eastern, five hours behind in winter.
    sent = {
        (one["id"], datetime.fromisoformat(one["attributes"]["send_time"]) - timedelta(hours=5))
        for one in sandbox.account.resources("campaign")
        if one["attributes"]["status"] == "Sent"
        and "2026-02-01T05" <= one["attributes"]["send_time"] < NOW.isoformat()
    }
    local = {(one, day(f"{moment:%Y-%m-%d}")) for one, moment in sent}
    assert {(one["campaign_id"], one["date"]) for one in rows} == local != set()
    assert len(keyed(rows, *KEYS)) == len(rows)
    assert {one["conversion_metric_id"] for one in rows} == {requests[0]["conversion_metric_id"]}
    assert run.bookmark("campaign_days") == day("2026-02-20")
    # The state is written after each day, with rows or without.
    states = [one["value"] for one in run.messages if one["type"] == "STATE"]
    seen = [one["bookmarks"]["campaign_days"].get("replication_key_value") for one in states]
    assert set(map(day, list_of_days("2026-02-01", 20))) <= set(seen)
    assert_ledger_valid(sandbox)


def test_the_attribution_window_is_read_again_and_nothing_else(
    sandbox: Sandbox, clock: ManualClock
) -> None:
    first = run_reports(sandbox, CAMPAIGNS, start_date="2026-01-30")
    clock.advance(2 * DAY)
    before = len(asked(sandbox, "query_campaign_values"))
    second = run_reports(sandbox, CAMPAIGNS, state=first.state, start_date="2026-01-30")
    again = asked(sandbox, "query_campaign_values")[before:]
    # Five days before the last one read, that one, and the two since.
    assert [one["timeframe"]["start"][:10] for one in again] == list_of_days("2026-02-15", 8)
    old, new = (keyed(run.records("campaign_days"), *KEYS) for run in (first, second))
    changed = {key for key in old.keys() & new.keys() if old[key]["opens"] < new[key]["opens"]}
    assert changed
    assert all(key[0] >= day("2026-02-15") for key in new)
    assert second.bookmark("campaign_days") == day("2026-02-22")


@pytest.mark.parametrize(("setting", "first"), [(0, "2026-02-19"), (30, "2026-01-21")])
def test_the_look_back_is_a_setting(sandbox: Sandbox, setting: int, first: str) -> None:
    own: dict[str, Any] = {"start_date": "2026-01-11", "report_lookback_days": setting}
    state = run_reports(sandbox, FLOWS, **own).state
    run = run_reports(sandbox, FLOWS, state=state, **own)
    assert min(one["date"] for one in run.records("flow_days")) == day(first)


def test_a_series_is_asked_for_in_parts_and_equals_what_its_days_are(sandbox: Sandbox) -> None:
    run = run_reports(sandbox, FLOWS, start_date="2025-09-27")
    requests = asked(sandbox, "query_flow_series")
    starts = [one["timeframe"]["start"][:10] for one in requests]
    assert starts == ["2025-09-27", "2025-11-26", "2026-01-25"]
    rows = run.records("flow_days")
    assert len(keyed(rows, "date", "flow_id", "flow_message_id", "send_channel")) == len(rows)
    assert {one["date"] for one in rows} <= set(map(day, list_of_days("2025-09-27", 147)))
    assert {one["date"] for one in rows} >= set(map(day, list_of_days("2025-11-26", 87)))
    values = FLOWS | {"name": "flow_values", "kind": "flow_values"}
    # Of days whose numbers do not change any more.
    run = run_reports(sandbox, values, start_date="2026-02-01", end_date="2026-02-12")
    one_by_one, settled = run.records("flow_values"), set(map(day, list_of_days("2026-02-01", 11)))
    wanted = [row for row in rows if row["date"] in settled and row["recipients"]]
    keys = ("date", "flow_message_id")
    assert keyed(one_by_one, *keys) == keyed(wanted, *keys) != {}
    assert_ledger_valid(sandbox)


def test_forms_and_segments_by_week_and_month(sandbox: Sandbox) -> None:
    weeks = {"name": "form_weeks", "kind": "form_series", "interval": "weekly"}
    versions = {
        "name": "versions",
        "kind": "form_values",
        "interval": "monthly",
        "group_by": ["form_id", "form_version_id"],
        "timeframe": {"start": "2025-12-01"},
    }
    months = {"name": "segment_months", "kind": "segment_series", "interval": "monthly"}
    run = run_reports(sandbox, weeks, versions, months, start_date="2026-01-16")
    assert not run.error
    starts = {one["date"] for one in run.records("form_weeks")}
    assert starts == set(map(day, list_of_days("2026-01-12", 6, 7)))
    starts = {one["date"] for one in run.records("versions")}
    assert starts == {day("2025-12-01"), day("2026-01-01"), day("2026-02-01")}
    ids = {one["form_version_id"] for one in run.records("versions")}
    assert ids == set(sandbox.account.ids("form-version"))
    rows = run.records("segment_months")
    assert len(rows) == 2 * len(sandbox.account.ids("segment"))
    assert all(one["total_members"] >= 100 for one in rows)
    assert_ledger_valid(sandbox)


def test_a_quota_that_is_used_up_keeps_what_was_read_and_the_next_run_goes_on(
    sandbox: Sandbox, clock: ManualClock
) -> None:
    """A run needs 200 of 225; somebody else has used 100 of them already."""
    days = {**CAMPAIGNS, "timeframe": {"start": "2025-08-05"}}
    others = {**CAMPAIGNS, "name": "others", "rolling_days": 99}
    assert not run_reports(sandbox, others).error
    first = run_reports(sandbox, days)
    assert "campaign_days ended early" in first.error
    done = asked(sandbox, "query_campaign_values")[100:]
    assert len(done) == 125
    last = done[-1]["timeframe"]["start"][:10]
    assert first.bookmark("campaign_days") == day(last)
    clock.advance(DAY)
    second = run_reports(sandbox, days, state=first.state)
    assert not second.error
    assert second.bookmark("campaign_days") == day(f"{NOW + timedelta(days=1):%Y-%m-%d}")
    begun = asked(sandbox, "query_campaign_values")[225]["timeframe"]["start"][:10]
    assert begun == f"{datetime.fromisoformat(last) + timedelta(days=1):%Y-%m-%d}"
    clock.advance(DAY)
    both = keyed(first.records("campaign_days") + second.records("campaign_days"), *KEYS)
    at_once = run_reports(sandbox, days)
    whole = keyed(at_once.records("campaign_days"), *KEYS)
    assert {key for key in whole if key[0] <= day("2026-02-20")} == {
        key for key in both if key[0] <= day("2026-02-20")
    }


def test_a_look_back_that_breaks_off_does_not_begin_again(
    sandbox: Sandbox, clock: ManualClock
) -> None:
    """Else a quota that others share would never suffice, and new days would never be read."""
    days = {**CAMPAIGNS, "lookback_days": 40}
    first = run_reports(sandbox, days, start_date="2026-02-01")
    clock.advance(2 * DAY)
    sandbox.faults.add("query_campaign_values", "status", status=429, retry_after=9000, after=15)
    broken = run_reports(sandbox, days, state=first.state, start_date="2026-02-01")
    assert "campaign_days ended early" in broken.error
    state = broken.state["bookmarks"]["campaign_days"]
    assert (state["begun_on"], state["read_to"]) == ("2026-02-22", "2026-02-15")
    clock.advance(DAY)
    before = len(asked(sandbox, "query_campaign_values"))
    third = run_reports(sandbox, days, state=broken.state, start_date="2026-02-01")
    again = asked(sandbox, "query_campaign_values")[before:]
    assert not third.error
    assert [one["timeframe"]["start"][:10] for one in again] == list_of_days("2026-02-16", 8)
    state = third.state["bookmarks"]["campaign_days"]
    assert (state["replication_key_value"], state["read_on"]) == (day("2026-02-23"), "2026-02-22")
    assert not state.keys() & {"begun_on", "read_to"}


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"statistics": ["opens", "recipients", "open_rate", "conversion_value"]}, False),
        ({"lookback_days": 9}, False),
        ({"statistics": ["recipients", "clicks"]}, True),
        ({"group_by": ["flow_id", "flow_message_id", "flow_name"]}, True),
        ({"interval": "weekly"}, True),
        ({"filter": 'equals(send_channel,"email")'}, True),
    ],
)
def test_rows_of_another_declaration_are_told_of(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture, changed: dict[str, Any], *, told: bool
) -> None:
    own: dict[str, Any] = {"start_date": "2026-01-11"}
    first = run_reports(sandbox, FLOWS, **own)
    caplog.clear()
    second = run_reports(sandbox, FLOWS | changed, state=first.state, **own)
    assert not second.error
    words = "Report flow_days is declared otherwise than when it was read last"
    assert (words in caplog.text) == told
    caplog.clear()
    run_reports(sandbox, FLOWS | changed, state=second.state, **own)
    assert words not in caplog.text, "once is enough"


def test_rolling_days_that_break_off_go_on_the_next_time(
    sandbox: Sandbox, clock: ManualClock
) -> None:
    days = {**CAMPAIGNS, "rolling_days": 20}
    sandbox.faults.add("query_campaign_values", "status", status=429, retry_after=9000, after=5)
    first = run_reports(sandbox, days)
    assert "campaign_days ended early" in first.error
    clock.advance(3600)
    second = run_reports(sandbox, days, state=first.state)
    third = run_reports(sandbox, days, state=second.state)
    starts = [one["timeframe"]["start"][:10] for one in asked(sandbox, "query_campaign_values")]
    assert starts == list_of_days("2026-01-31", 21) * 2
    assert third.bookmark("campaign_days") == day("2026-02-20")


@pytest.mark.parametrize("note", ["soon", "2031-01-01", ""])
def test_odd_notes_in_a_state_lead_to_more_reading_and_not_to_less(
    sandbox: Sandbox, note: str
) -> None:
    notes = {"read_on": note, "begun_on": note, "read_to": note}
    held = {"replication_key": "date", "replication_key_value": day("2026-02-19"), **notes}
    run = run_reports(sandbox, CAMPAIGNS, state={"bookmarks": {"campaign_days": held}})
    assert not run.error
    starts = [one["timeframe"]["start"][:10] for one in asked(sandbox, "query_campaign_values")]
    assert starts[-1] == "2026-02-20"
    assert starts[0] <= "2026-02-19"
    assert run.state["bookmarks"]["campaign_days"]["read_on"] == "2026-02-20"


def test_the_plan_is_said_before_and_refused_with_its_arithmetic(sandbox: Sandbox) -> None:
    run = run_reports(sandbox, CAMPAIGNS, FLOWS, start_date="2025-02-21")
    assert len(sandbox.requests) == 0
    assert "365 requests of query_campaign_values are needed" in run.error
    assert "campaign_days 365 (2025-02-21 to 2026-02-20, one for each daily row)" in run.error
    assert "A run may use 225" in run.error
    assert "on_report_overrun to spread: then 2 runs on 2 days read it" in run.error


def test_reports_of_one_endpoint_share_its_quota(sandbox: Sandbox) -> None:
    report: dict[str, Any] = CAMPAIGNS | {"rolling_days": 119}
    own = [report | {"name": name} for name in ("one", "two")]
    run = run_reports(sandbox, *own)
    assert "240 requests of query_campaign_values are needed: one 120 (" in run.error
    assert " + two 120 (" in run.error


def test_deselected_statistics_are_not_asked_for(sandbox: Sandbox) -> None:
    report = CAMPAIGNS | {"statistics": ["opens", "clicks"], "rolling_days": 20}
    run = run_reports(sandbox, report, deselected=("clicks",))
    assert {tuple(one["statistics"]) for one in asked(sandbox, "query_campaign_values")} == {
        ("opens",)
    }
    assert {name for row in run.records("campaign_days") for name in row} == {
        *KEYS,
        "conversion_metric_id",
        "opens",
    }


def test_the_day_of_the_run_ends_now(sandbox: Sandbox) -> None:
    run_reports(sandbox, FLOWS, start_date="2025-12-20")
    ends = [one["timeframe"]["end"] for one in asked(sandbox, "query_flow_series")]
    assert ends == ["2026-02-17T23:59:59+00:00", NOW.isoformat()]


def test_too_many_requests_spread_over_runs(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="tap-klaviyo")
    own: dict[str, Any] = {"start_date": "2025-12-12", "max_report_requests": 40}
    own["on_report_overrun"] = "spread"
    first = run_reports(sandbox, CAMPAIGNS, **own)
    assert not first.error
    assert first.bookmark("campaign_days") == day("2026-01-20")
    assert "31 more are left to later runs" in caplog.text
    second = run_reports(sandbox, CAMPAIGNS, state=first.state, **own)
    assert not second.error
    assert second.bookmark("campaign_days") == day("2026-02-20")
    assert len(asked(sandbox, "query_campaign_values")) == 40 + 31


def test_what_is_read_whole_is_not_spread_over_runs(sandbox: Sandbox) -> None:
    """Each run would begin anew, and a loader would drop the days that it leaves out."""
    own: dict[str, Any] = {"start_date": "2025-12-12", "max_report_requests": 40}
    own |= {"on_report_overrun": "spread", "emit_activate_version_messages": True}
    run = run_reports(sandbox, CAMPAIGNS, method="FULL_TABLE", **own)
    assert "Even what every run reads again needs 71" in run.error
    assert not run.messages
    own["max_report_requests"] = 71
    whole = run_reports(sandbox, CAMPAIGNS, method="FULL_TABLE", **own)
    assert not whole.error
    kinds = [one["type"] for one in whole.messages if one["type"] != "STATE"]
    assert kinds.index("ACTIVATE_VERSION") == len(kinds) - 1


def test_what_cannot_wait_long_enough_is_refused(sandbox: Sandbox) -> None:
    run = run_reports(sandbox, CAMPAIGNS, start_date="2026-02-09", max_wait_seconds=30)
    assert "waits up to 60 s, and max_wait_seconds is 30" in run.error
    assert len(sandbox.requests) == 0


def test_aggregates_of_several_metrics_by_day_and_dimension(sandbox: Sandbox) -> None:
    metrics = ["Opened Email", {"name": "Clicked Email", "integration": "Klaviyo"}]
    report = {
        "name": "engagement",
        "kind": "metric_aggregates",
        "metrics": metrics,
        "group_by": ["$message", "$flow"],
        "timezone": "America/New_York",
    }
    run = run_reports(sandbox, report, start_date="2024-02-11")
    assert not run.error
    requests = asked(sandbox, "query_metric_aggregates")
    assert len(requests) == 2 * 3  # three windows of less than a year for both metrics
    rows = run.records("engagement")
    assert len(keyed(rows, "date", "metric_id", "message", "flow")) == len(rows)
    ids = {one["attributes"]["name"]: one["id"] for one in sandbox.account.resources("metric")}
    wanted: dict[tuple[str, str, str], int] = {}
    for event in sandbox.account.resources("event"):
        relation = event["relationships"].get("metric", {}).get("data") or {}
        moment = datetime.fromisoformat(event["attributes"]["datetime"])
        local = moment - timedelta(hours=4 if moment < WINTER else 5)
        opened = relation.get("id") in (ids["Opened Email"], ids["Clicked Email"])
        if opened and local.date() <= NOW.date():
            message = event["attributes"]["event_properties"]["$message"]
            key = (day(f"{local:%Y-%m-%d}"), relation["id"], message)
            wanted[key] = wanted.get(key, 0) + 1
    found: dict[tuple[str, str, str], int] = {}
    for row in rows:
        if row["count"]:
            key = (row["date"], row["metric_id"], row["message"])
            found[key] = found.get(key, 0) + int(row["count"])
    assert found == wanted != {}
    assert {len(row) for row in rows} == {7}
    assert_ledger_valid(sandbox)


@pytest.mark.parametrize(
    ("interval", "end"),
    [("hourly", "2026-02-02"), ("weekly", "2026-02-02"), ("monthly", "2026-02-01")],
)
def test_aggregates_add_up_to_the_same_whatever_the_interval(
    sandbox: Sandbox, interval: str, end: str
) -> None:
    """December 2025 begins on a Monday."""
    report = {"name": "orders", "kind": "metric_aggregates", "metrics": ["Placed Order"]}
    own: dict[str, Any] = {"start_date": "2025-12-01", "end_date": end}
    by_day = run_reports(sandbox, report, **own).records("orders")
    others = run_reports(sandbox, report | {"interval": interval}, **own).records("orders")
    assert len(keyed(others, "date")) == len(others), "none comes twice"
    inside = [one for one in others if day("2025-12-01") <= one["date"] < day(end)]
    assert interval != "hourly" or inside == others
    assert sum(one["count"] for one in inside) == sum(one["count"] for one in by_day) > 0
    assert len(by_day) == (date.fromisoformat(end) - date(2025, 12, 1)).days


def test_a_metric_that_is_not_there_or_not_clear(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    wrong = CAMPAIGNS | {"name": "wrong", "conversion_metric": "Placed Ordr"}
    run = run_reports(sandbox, wrong, FLOWS)
    assert "wrong ended early" in run.error
    assert "reports.wrong.conversion_metric: the account has no metric" in caplog.text
    assert "did you mean 'Placed Order'" in caplog.text
    assert run.records("flow_days")
    run_reports(sandbox, CAMPAIGNS | {"conversion_metric": "Xyz"})
    assert "no metric with name 'Xyz'; it has: " in caplog.text
    integration = {"name": "Magento", "id": "1", "object": "integration", "category": "eCommerce"}
    twin = {"name": "Placed Order", "integration": integration}
    sandbox.account.put("metric", "TWIN01", twin)
    run_reports(sandbox, CAMPAIGNS)
    assert "several metrics with name 'Placed Order'" in caplog.text
    assert "TWIN01 of Magento" in caplog.text


def test_a_metric_that_klaviyo_refuses_is_named(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    metrics = ["Placed Order", {"id": "CUSTOM"}]
    report = {"name": "sums", "kind": "metric_aggregates", "metrics": metrics}
    run = run_reports(sandbox, report)
    assert "sums ended early" in run.error
    assert "Stream sums: Klaviyo does not answer for the metric CUSTOM" in caplog.text
    assert "(invalid) at /data/attributes/metric_id" in caplog.text


def test_a_filter_that_klaviyo_refuses_is_no_matter_of_the_metric(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    report = {"name": "sums", "kind": "metric_aggregates", "metrics": [ORDERS], "filter": "URL=x"}
    run = run_reports(sandbox, report)
    assert "sums ended early" in run.error
    assert "Klaviyo answered 400 (invalid) at filter to query_metric_aggregates" in caplog.text
    assert "does not answer for the metric" not in caplog.text


class OddAnswers(BaseHTTPRequestHandler):
    """Answers whatever is asked with a document of another form."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "12")
        self.end_headers()
        self.wfile.write(b'{"data": []}')

    def log_message(self, *_: Any) -> None:
        pass


def test_an_answer_of_another_form_ends_its_report_only(
    clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    with HTTPServer(("127.0.0.1", 0), OddAnswers) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        signups = {"name": "signups", "kind": "form_series"}
        run = run_reports(cast(Sandbox, SimpleNamespace(url=url, clock=clock)), signups)
        server.shutdown()
    assert "signups ended early" in run.error
    assert "an answer to signups holds a resource of a form that is not known" in caplog.text


@pytest.mark.parametrize("kind", ["reset", "truncated"])
def test_a_report_is_asked_for_again_where_its_answer_is_lost(sandbox: Sandbox, kind: str) -> None:
    sandbox.faults.add("query_campaign_values", kind)
    run = run_reports(sandbox, CAMPAIGNS | {"timeframe": "last_7_days"})
    assert not run.error
    assert len([one for one in sandbox.requests if one.fault]) == 1
    assert run.bookmark("campaign_days") == day("2026-02-19")


def test_the_pages_of_one_day_are_read_to_the_end(sandbox: Sandbox) -> None:
    attributes = {"name": "Many", "status": "Sent", "send_time": "2026-02-19T12:00:00+00:00"}
    for number in range(230):
        sandbox.account.put("campaign", f"many{number}", attributes, columns={"channel": "email"})
        owner = {"campaign_id": f"many{number}"}
        sandbox.account.put("campaign-message", f"message{number}", {}, columns=owner)
    run = run_reports(sandbox, CAMPAIGNS | {"rolling_days": 1})
    ids = [one["campaign_id"] for one in run.records("campaign_days")]
    assert {one for one in ids if one.startswith("many")} == {f"many{n}" for n in range(230)}
    assert len(ids) == len(set(ids))
    pages = [one for one in sandbox.requests if "page_cursor" in one.parameters]
    assert len(pages) == 2


def test_aggregates_of_many_groups_are_read_to_their_last_page(sandbox: Sandbox) -> None:
    """Klaviyo gives 500 groups at once, and takes the cursor in the body."""
    account = sandbox.account
    names = {one["attributes"]["name"]: one["id"] for one in account.resources("metric")}
    example = account.resources("event")[0]["attributes"]
    columns = {"metric_id": names["Clicked Email"], "profile_id": account.ids("profile")[0]}
    for number in range(1_200):
        properties = {"event_properties": {"URL": f"https://shop.example/{number}"}}
        attributes = example | properties | {"datetime": "2026-02-18T12:00:00+00:00"}
        account.put("event", f"click{number}", attributes, columns=columns)
    metric = {"id": names["Clicked Email"]}
    report = {"name": "urls", "kind": "metric_aggregates", "metrics": [metric], "group_by": ["URL"]}
    run = run_reports(sandbox, report, start_date="2026-02-18", end_date="2026-02-19")
    assert not run.error
    rows = [one for one in run.records("urls") if one["url"]]
    assert {(one["date"], one["count"]) for one in rows} == {(day("2026-02-18"), 1)}
    assert len({one["url"] for one in rows}) == len(rows) == 1_200
    assert len(asked(sandbox, "query_metric_aggregates")) == 3
    assert_ledger_valid(sandbox)


def test_a_missing_scope_ends_the_report_and_says_which(clock: ManualClock) -> None:
    scopes = {"pk_test": ["campaigns:read"]}
    with Sandbox(profiles=5, events=10, clock=clock, keys=scopes) as sandbox:
        metric = sandbox.account.ids("metric")[0]
        flows = FLOWS | {"conversion_metric": {"id": metric}}
        campaigns = CAMPAIGNS | {"conversion_metric": {"id": metric}, "rolling_days": 3}
        run = run_reports(sandbox, flows, campaigns)
    assert "flow_days ended early" in run.error
    assert run.bookmark("campaign_days") == day("2026-02-20")


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_every_grouping_and_statistic_of_a_kind(sandbox: Sandbox, kind: ReportKind) -> None:
    """Klaviyo takes them all at once; a row's keys name it, and it fits its schema strictly."""
    report = {
        "name": "all",
        "kind": kind.name,
        "statistics": list(kind.known_statistics),
        "group_by": list(kind.known_groups),
        "interval": "weekly",
        "timeframe": {"start": "2025-12-01", "end": "2026-02-15"},
    }
    run = run_reports(sandbox, report | ({"metrics": [ORDERS]} if kind.asks == "metrics" else {}))
    assert not run.error
    (schema,) = [one for one in run.messages if one["type"] == "SCHEMA"]
    rows = run.records("all")
    assert len(keyed(rows, *schema["key_properties"])) == len(rows) > 0
    checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
    strict = {**schema["schema"], "additionalProperties": False}
    validator = jsonschema.Draft202012Validator(strict, format_checker=checker)
    for row in rows:
        validator.validate(row)
        assert all(isinstance(row[name], str) for name in schema["key_properties"])
        assert set(row) == set(strict["properties"])
    assert_ledger_valid(sandbox)
