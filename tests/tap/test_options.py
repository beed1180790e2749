from __future__ import annotations

from typing import Any

import pytest

from klaviyo_client.errors import ConfigurationError
from tap_klaviyo.metric_choice import excluded_metrics, included_metrics, metric_choice
from tap_klaviyo.options import stream_options


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"event": {}}, r"unknown stream 'event' \(did you mean 'events'\?\)"),
        ({"events": {"page_sise": 5}}, r"events: unknown option 'page_sise' \(did you mean"),
        ({"events": {"page_size": 1001}}, "events: page_size: page size 1001 is outside 1 to 1000"),
        ({"events": {"page_size": "many"}}, "page_size must be of type int"),
        ({"events": {"lookback_days": -1}}, "lookback_days must lie between 0 and 3650"),
        ({"tags": {"lookback_days": 3}}, "lookback_days needs a stream that is incremental"),
        ({"events": {"filter": 'equals(colour,"red")'}}, "cannot be filtered by 'colour'"),
        ({"events": {"filter": "contains(datetime,2026)"}}, "'contains' is no operator"),
        ({"profiles": {"metrics": {"include": ["x"]}}}, "only events can be chosen by metric"),
        ({"events": {"metrics": {"only": ["x"]}}}, "unknown key 'only'"),
        ({"events": {"metrics": {"include": "x"}}}, "must be lists"),
        ({"events": {"metrics": {"include": [{"label": "x"}]}}}, "a metric is a text"),
        ({"events": {"metrics": {"exclude": [{"id": None}]}}}, "a metric is a text"),
        ({"events": []}, "events: must be an object"),
    ],
)
def test_a_mistake_is_named_with_stream_and_option(options: Any, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        stream_options({"stream_options": options})


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(ConfigurationError) as caught:
        stream_options({"stream_options": {"evnts": {}, "tags": {"page_size": 500}}})
    assert str(caught.value).count("\n") == 1


def test_a_filter_that_klaviyo_demands_comes_from_the_stream_itself() -> None:
    chosen = stream_options({"stream_options": {"campaigns": {"filter": 'contains(name,"a")'}}})
    assert chosen["campaigns"].filter == 'contains(name,"a")'


METRICS = [
    {"id": "AAA111", "attributes": {"name": "Placed Order", "integration": {"name": "Shopify"}}},
    {"id": "BBB222", "attributes": {"name": "Placed Order", "integration": {"name": "API"}}},
    {"id": "CCC333", "attributes": {"name": "Opened Email", "integration": None}},
]


@pytest.mark.parametrize(
    ("choice", "ids", "left_out"),
    [
        ({"include": ["Placed Order"]}, ["AAA111", "BBB222"], set()),
        ({"include": ["CCC333"]}, ["CCC333"], set()),
        ({"include": [{"name": "Placed Order", "integration": "API"}]}, ["BBB222"], set()),
        ({"exclude": [{"integration": "Shopify"}]}, None, {"AAA111"}),
        ({"include": ["Placed Order"], "exclude": [{"id": "AAA111"}]}, ["BBB222"], {"AAA111"}),
    ],
)
def test_metrics_are_chosen_by_id_name_or_integration(
    choice: Any, ids: list[str] | None, left_out: set[str]
) -> None:
    assert included_metrics(metric_choice(choice), METRICS) == ids
    assert excluded_metrics(metric_choice(choice), METRICS, ["metric_id"]) == left_out


def test_a_choice_of_nothing_is_refused() -> None:
    choice = metric_choice({"include": ["Placed Order"], "exclude": ["Placed Order"]})
    with pytest.raises(ConfigurationError, match="no metric is left to read"):
        included_metrics(choice, METRICS)


def test_a_metric_that_does_not_exist_is_named_with_the_nearest() -> None:
    with pytest.raises(
        ConfigurationError, match=r"no metric with name 'Place Order'.*did you mean"
    ):
        included_metrics(metric_choice({"include": ["Place Order"]}), METRICS)


@pytest.mark.parametrize(
    ("stream", "options", "reason"),
    [
        ("flow_actions", {"parents": "some"}, "all or changed"),
        ("list_profiles", {"parents": "changed"}, "campaigns, flows or forms"),
        ("campaign_recipient_estimations", {"parents": "changed"}, "all parents must be read"),
        ("profiles", {"full_refresh_days": 0}, "between 1 and"),
        ("tags", {"full_refresh_days": 7}, "incremental"),
        ("list_profiles", {"late_pass_days": 7}, "hangs on no other"),
    ],
)
def test_what_cannot_be_read_again_so(stream: str, options: dict[str, Any], reason: str) -> None:
    with pytest.raises(ConfigurationError, match=f"stream_options.{stream}") as error:
        stream_options({"stream_options": {stream: options}})
    assert reason in str(error.value)
