"""Declarations of reports: what is refused, and what becomes of the others."""

from __future__ import annotations

import json
from typing import Any

import pytest

from klaviyo_client.errors import ConfigurationError
from klaviyo_sandbox import Sandbox
from tap_klaviyo.reports_declared import Report, all_reports
from tap_klaviyo.reports_kinds import KINDS
from tests import processes
from tests.tap.running import environment

CAMPAIGNS = {"name": "days", "kind": "campaign_values"}
ORDERS = {"name": "orders", "kind": "metric_aggregates", "metrics": ["Placed Order"]}
SEGMENTS = {"name": "sizes", "kind": "segment_series"}


def one(**given: Any) -> Report:
    (report,) = all_reports({"reports": [given]}, ())
    return report


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (CAMPAIGNS | {"kind": "campaign_value"}, "did you mean 'campaign_values'?"),
        (CAMPAIGNS | {"kind": "campaign_series"}, "kinds: campaign_values, flow_values"),
        (CAMPAIGNS | {"statistic": ["opens"]}, "unknown field 'statistic' (did you mean 'stat"),
        (CAMPAIGNS | {"statistics": ["open_rates"]}, "did you mean 'open_rate'?"),
        (CAMPAIGNS | {"statistics": ["opens", "opens"]}, "statistics names something twice"),
        (CAMPAIGNS | {"statistics": "opens"}, "statistics must be of type list"),
        (CAMPAIGNS | {"group_by": ["campaign_id"]}, "needs campaign_message_id"),
        (CAMPAIGNS | {"group_by": ["flow"]}, "campaign_values has: campaign_id, campaign_mess"),
        (CAMPAIGNS | {"interval": "hourly"}, "campaign_values has: daily, weekly, monthly"),
        (CAMPAIGNS | {"interval": "dayly"}, "did you mean 'daily'?"),
        (CAMPAIGNS | {"metrics": ["Placed Order"]}, "metrics is nothing for campaign_values"),
        (CAMPAIGNS | {"conversion_metric": {"title": "x"}}, "id, name, integration"),
        (CAMPAIGNS | {"timezone": "UTC"}, "Klaviyo takes the account's"),
        (CAMPAIGNS | {"timeframe": "last_8_days"}, "did you mean 'last_7_days'?"),
        (CAMPAIGNS | {"timeframe": {"start": "soon"}}, "timeframe.start must be a day"),
        (CAMPAIGNS | {"timeframe": {"from": "2026-01-01"}}, "start and end, not 'from'"),
        (
            CAMPAIGNS | {"timeframe": {"start": "2026-02-01", "end": "2026-01-01"}},
            "timeframe.end lies before",
        ),
        (CAMPAIGNS | {"timeframe": "today", "rolling_days": 3}, "exclude each other"),
        (CAMPAIGNS | {"rolling_days": 0}, "rolling_days must lie between 1 and 3650"),
        (CAMPAIGNS | {"lookback_days": 91}, "lookback_days must lie between 0 and 90"),
        (CAMPAIGNS | {"filter": "equals(campaign,'a')"}, "did you mean 'campaign_id'?"),
        (CAMPAIGNS | {"filter": 'any(campaign_id,["a"])'}, "takes contains-any or equals, not any"),
        (CAMPAIGNS | {"filter": "equals(campaign_id"}, "cannot be read"),
        (
            CAMPAIGNS | {"filter": f"contains-any(campaign_id,{json.dumps(['a'] * 101)})"},
            "more than 100 values",
        ),
        (
            CAMPAIGNS | {"filter": 'equals(campaign_id,"a"),equals(campaign_id,"b")'},
            "only one condition for each field",
        ),
        (SEGMENTS | {"group_by": ["segment_id"]}, "segment_series has: none"),
        (ORDERS | {"metrics": []}, "metrics must name at least one"),
        (ORDERS | {"statistics": ["sum_values"]}, "did you mean 'sum_value'?"),
        (ORDERS | {"group_by": ["$mesage"]}, "did you mean '$message'?"),
        (ORDERS | {"timezone": "Europe/Berln"}, "did you mean 'Europe/Berlin'?"),
        (ORDERS | {"filter": "less-than(datetime,2026-01-01)"}, "the time is the tap's own"),
        (CAMPAIGNS | {"name": "X y"}, "name must be of small letters"),
        (CAMPAIGNS | {"name": "events"}, "there is a stream of that name already"),
    ],
)
def test_what_is_wrong_names_the_report_and_the_choice(given: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        all_reports({"reports": [given]}, ["events"])
    assert f"reports.{given['name']}: " in str(refused.value)
    assert words in str(refused.value)


def test_every_mistake_is_said_at_once() -> None:
    given = [CAMPAIGNS | {"interval": "x"}, CAMPAIGNS, {"kind": "flow_series"}]
    with pytest.raises(ConfigurationError) as refused:
        all_reports({"reports": given}, ())
    lines = str(refused.value).splitlines()
    assert [one.partition(": ")[0] for one in lines] == ["reports.days", "reports.days", "reports"]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_needs_no_more_than_its_name_and_metrics(kind: str) -> None:
    metrics = {"metrics": ["Placed Order"]} if kind == "metric_aggregates" else {}
    report = one(name="one", kind=kind, **metrics)
    assert set(report.kind.statistics) <= set(report.kind.known_statistics)
    assert set(report.kind.needed) <= set(report.groups)
    assert report.keys[0] == "date"
    assert all(part["type"] != "array" for part in report.columns.values())


def test_keys_are_ids_and_what_has_none() -> None:
    groups = ["flow_id", "flow_message_id", "flow_name", "tag_name", "variation_name"]
    report = one(name="flows", kind="flow_series", group_by=groups)
    assert report.keys == ("date", "flow_id", "flow_message_id", "tag_name", "variation_name")
    by = ["$message", "Campaign Name", "URL"]
    report = one(**ORDERS, group_by=by)
    assert report.keys == ("date", "metric_id", "message", "campaign_name", "url")


def test_discovery_has_reports_by_default_but_does_not_select_them() -> None:
    assert selected(discovered()) == {
        "campaign_values": False,
        "flow_series": False,
        "form_series": False,
        "segment_series": False,
        "metric_aggregates": False,
    }


def test_discovery_names_the_scope_for_looking_up_metrics() -> None:
    by_id = CAMPAIGNS | {"name": "by_id", "conversion_metric": {"id": "ABC123"}}
    scopes = {
        one["tap_stream_id"]: one["metadata"][-1]["metadata"]["required-scopes"]
        for one in discovered(CAMPAIGNS, by_id)
    }
    assert scopes["days"] == ["campaigns:read", "metrics:read"]
    assert scopes["by_id"] == ["campaigns:read"]


def test_the_connection_test_asks_for_declared_reports_only() -> None:
    with Sandbox(profiles=5, events=10, limits=False, raised=1_000) as sandbox:
        settings = {"api_url": sandbox.url, "api_key": "pk_test"}
        asked = []
        for reports in ({}, {"reports": json.dumps([CAMPAIGNS, ORDERS])}):
            done = processes.run("tap_klaviyo", "--test", env=environment(settings | reports))
            assert done.returncode == 0, done.stderr
            asked.append([one.operation for one in sandbox.requests if "query" in one.operation])
    assert asked == [[], ["query_campaign_values", "query_metric_aggregates"]]
    assert "Stream days: readable" in done.stderr


def test_declared_reports_are_selected_and_take_the_place_of_the_defaults() -> None:
    assert selected(discovered(CAMPAIGNS, ORDERS)) == {"days": True, "orders": True}


def discovered(*reports: dict[str, Any]) -> list[dict[str, Any]]:
    """The catalog's streams where these reports are declared."""
    settings = {"reports": json.dumps(reports)} if reports else {}
    done = processes.run("tap_klaviyo", "--discover", env=environment(settings))
    return list(json.loads(done.stdout)["streams"])


def selected(streams: list[dict[str, Any]]) -> dict[str, bool]:
    """Which of the streams with a report's key are selected."""
    roots = {one["tap_stream_id"]: one["metadata"][-1]["metadata"] for one in streams}
    return {
        name: bool(root["selected-by-default"])
        for name, root in roots.items()
        if root["table-key-properties"][0] == "date"
    }
