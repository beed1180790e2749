from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import requests

from klaviyo_client.errors import ConfigurationError
from klaviyo_sandbox import Sandbox
from tap_klaviyo.custom_streams import all_specs
from tests import processes
from tests.tap.running import RunTap, environment


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(profiles=60, events=400, limits=False, raised=1_000, traps=False) as running:
        yield running


def discover(**settings: Any) -> dict[str, Any]:
    """The catalog's streams by name, with these settings."""
    texts = {name: json.dumps(value) for name, value in settings.items()}
    done = processes.run("tap_klaviyo", "--discover", env=environment(texts))
    return {one["tap_stream_id"]: one for one in json.loads(done.stdout)["streams"]}


def chosen(streams: dict[str, Any], *names: str) -> dict[str, Any]:
    """A catalog of which only these streams are selected."""
    for name, stream in streams.items():
        stream["metadata"][-1]["metadata"]["selected"] = name in names
    return {"streams": list(streams.values())}


def test_any_endpoint_by_its_path(sandbox: Sandbox, run_tap: RunTap) -> None:
    flow = sandbox.account.ids("flow")[2]
    custom = [{"name": "actions_of_one", "path": f"/api/flows/{flow}/flow-actions"}]
    catalog = chosen(discover(custom_streams=custom), "actions_of_one")
    run = run_tap(sandbox.url, catalog_content=catalog, custom_streams=custom)
    assert run.code == 0, run.errors
    actions = sandbox.account.resources("flow-action")
    wanted = {one["id"] for one in actions if one["relationships"]["flow"]["data"]["id"] == flow}
    assert {one["id"] for one in run.records("actions_of_one")} == wanted
    assert all(one["definition"] for one in run.records("actions_of_one"))


def test_an_operation_with_parameters_that_is_incremental(
    sandbox: Sandbox, run_tap: RunTap
) -> None:
    metric = sandbox.account.ids("metric")[0]
    params = {"filter": f'equals(metric_id,"{metric}")', "include": ["profile"], "page[size]": 100}
    custom = [
        {
            "name": "orders",
            "operation": "get_events",
            "replication_key": "datetime",
            "params": params,
        }
    ]
    catalog = chosen(discover(custom_streams=custom), "orders")
    first = run_tap(sandbox.url, catalog_content=catalog, custom_streams=custom)
    assert first.code == 0, first.errors
    events = sandbox.account.resources("event")
    wanted = {one["id"] for one in events if one["relationships"]["metric"]["data"]["id"] == metric}
    assert {one["id"] for one in first.records("orders")} == wanted
    second = run_tap(sandbox.url, catalog_content=catalog, custom_streams=custom, state=first.state)
    # As the stream events does, it reads the last days again: events come late.
    newest = max(one["datetime"] for one in first.records("orders"))
    lately = f"{datetime.fromisoformat(newest) - timedelta(days=7):%Y-%m-%dT%H:%M:%S+00:00}"
    times = [one["datetime"] for one in first.records("orders")]
    again = [one["datetime"] for one in second.records("orders")]
    assert sorted(again) == sorted(one for one in times if one >= lately)
    assert newest in again
    assert len(again) < len(times)


def test_what_is_known_of_an_order_counts_for_custom_streams_too() -> None:
    params = {"filter": 'equals(messages.channel,"sms")'}
    given = {"name": "texts", "operation": "get_campaigns", "params": params}
    (spec,) = [
        spec
        for spec in all_specs({"custom_streams": [given | {"replication_key": "updated_at"}]})
        if spec.name == "texts"
    ]
    assert not spec.resumable, "Klaviyo has been seen to sort campaigns wrongly"


def test_some_fields_only_and_still_incremental(sandbox: Sandbox, run_tap: RunTap) -> None:
    params = {"fields[event]": "uuid"}
    custom = [{"name": "ids", "operation": "get_events", "params": params}]
    custom[0]["replication_key"] = "datetime"
    catalog = chosen(discover(custom_streams=custom), "ids")
    run = run_tap(sandbox.url, catalog_content=catalog, custom_streams=custom)
    assert run.code == 0, run.errors
    assert all(one["uuid"] and one["datetime"] for one in run.records("ids"))
    assert run.state["bookmarks"]["ids"]["replication_key_value"]


def test_a_record_without_its_key_is_named_before_a_loader_chokes(run_tap: RunTap) -> None:
    custom = [{"name": "people", "path": "profiles", "primary_keys": ["phone_number"]}]
    catalog = chosen(discover(custom_streams=custom), "people")
    with Sandbox(profiles=20, events=0, limits=False) as sandbox:
        run = run_tap(sandbox.url, catalog_content=catalog, custom_streams=custom)
    assert run.code == 1
    assert "people has a record without phone_number, which is one of its primary_keys" in (
        run.errors
    )
    assert all(one["phone_number"] for one in run.records("people"))


def test_declared_properties_are_columns_of_custom_streams_too(
    sandbox: Sandbox, run_tap: RunTap
) -> None:
    group = sandbox.account.ids("list")[0]
    own = {
        "custom_streams": [{"name": "vips", "path": f"lists/{group}/profiles"}],
        "profile_properties": {"favourite colour": "string"},
    }
    run = run_tap(sandbox.url, catalog_content=chosen(discover(**own), "vips"), **own)
    assert run.code == 0, run.errors
    colours = {
        one["id"]: one["attributes"]["properties"].get("favourite colour")
        for one in sandbox.account.resources("profile")
    }
    assert run.records("vips")
    for record in run.records("vips"):
        assert record["property_favourite_colour"] == colours[record["id"]]


def test_a_relation_to_none_is_an_empty_stream(sandbox: Sandbox, run_tap: RunTap) -> None:
    message = sandbox.account.ids("campaign-message")[0]
    path = f"campaign-messages/{message}/relationships/image"
    headers = {"Authorization": "Klaviyo-API-Key pk_test", "revision": "2026-07-15"}
    answer = requests.get(f"{sandbox.url}/api/{path}", headers=headers, timeout=9)
    assert answer.json()["data"] is None
    custom = [{"name": "image", "path": path}]
    catalog = chosen(discover(custom_streams=custom), "image")
    run = run_tap(sandbox.url, catalog_content=catalog, custom_streams=custom)
    assert run.code == 0, run.errors
    assert not run.records("image")


def test_a_stream_that_the_catalog_does_not_have_yet_is_named(
    sandbox: Sandbox, run_tap: RunTap
) -> None:
    own: dict[str, Any] = {"custom_streams": [{"name": "vips", "path": "lists"}]}
    own["reports"] = [{"name": "signups", "kind": "form_series"}]
    run = run_tap(sandbox.url, "tags", **own)
    assert run.code == 0, run.errors
    for name in ("vips", "signups"):
        assert f"Stream {name} is not in the catalog: discover anew to read it" in run.errors
    catalog = chosen(discover(**own), "tags")
    assert "not in the catalog" not in run_tap(sandbox.url, catalog_content=catalog, **own).errors


def test_columns_that_are_newer_than_the_catalog_stand_in_the_schema_too(
    sandbox: Sandbox, run_tap: RunTap
) -> None:
    report: dict[str, Any] = {"name": "days", "kind": "form_series", "statistics": ["submits"]}
    report["rolling_days"] = 3
    catalog = chosen(discover(reports=[report]), "profiles", "days")
    own: dict[str, Any] = {"profile_properties": {"favourite colour": "string"}}
    own["reports"] = [report | {"statistics": ["submits", "submit_rate"]}]
    run = run_tap(sandbox.url, catalog_content=catalog, **own)
    assert run.code == 0, run.errors
    schemas = {one["stream"]: one["schema"] for one in run.messages if one["type"] == "SCHEMA"}
    for name, column in (("profiles", "property_favourite_colour"), ("days", "submit_rate")):
        assert any(one[column] for one in run.records(name))
        assert all(set(one) <= set(schemas[name]["properties"]) for one in run.records(name))


def test_a_type_that_is_newer_than_the_catalog_stands_in_the_schema(
    sandbox: Sandbox, run_tap: RunTap
) -> None:
    before = {"profile_properties": {"favourite colour": "date-time"}}
    catalog = chosen(discover(**before), "profiles")
    now = {"profile_properties": {"favourite colour": "array"}}
    run = run_tap(sandbox.url, catalog_content=catalog, **now)
    assert run.code == 0, run.errors
    (schema,) = (one["schema"] for one in run.messages if one["type"] == "SCHEMA")
    column = schema["properties"]["property_favourite_colour"]
    assert column["type"] == ["array", "null"]
    assert "format" not in column


def test_a_name_of_a_report_by_default_may_be_taken(sandbox: Sandbox, run_tap: RunTap) -> None:
    custom = [{"name": "flow_series", "path": "flows"}]
    catalog = chosen(discover(custom_streams=custom), "flow_series")
    run = run_tap(sandbox.url, catalog_content=catalog, custom_streams=custom)
    assert run.code == 0, run.errors
    assert all(one["id"] and one["trigger_type"] for one in run.records("flow_series"))
    assert run.records("flow_series")


def test_a_path_that_leads_nowhere_is_named(sandbox: Sandbox, run_tap: RunTap) -> None:
    custom = [{"name": "vips", "path": "lists/NOSUCH/profiles"}]
    catalog = chosen(discover(custom_streams=custom), "vips")
    run = run_tap(sandbox.url, catalog_content=catalog, custom_streams=custom)
    assert run.code == 1
    assert "Stream vips (id NOSUCH) ends early: Klaviyo answered 404" in run.errors


def test_campaigns_of_a_later_revision_keep_the_filter_that_was_given(
    sandbox: Sandbox, run_tap: RunTap
) -> None:
    params = {"filter": "equals(archived,true)"}
    custom = [{"name": "old", "operation": "get_campaigns", "params": params}]
    settings: dict[str, Any] = {"custom_streams": custom, "revision": "2026-10-15"}
    texts = {"custom_streams": json.dumps(custom), "revision": "2026-10-15"}
    found = processes.run("tap_klaviyo", "--discover", env=environment(texts)).stdout
    streams = {one["tap_stream_id"]: one for one in json.loads(found)["streams"]}
    run = run_tap(sandbox.url, catalog_content=chosen(streams, "old"), **settings)
    assert run.code == 0, run.errors
    campaigns = sandbox.account.resources("campaign")
    wanted = {
        one["id"]: one["attributes"]["name"] for one in campaigns if one["attributes"]["archived"]
    }
    assert {one["id"]: one["name"] for one in run.records("old")} == wanted


def test_links_of_one_resource_are_ids(sandbox: Sandbox, run_tap: RunTap) -> None:
    group = sandbox.account.ids("list")[0]
    custom = [{"name": "vips", "path": f"lists/{group}/relationships/profiles"}]
    catalog = chosen(discover(custom_streams=custom), "vips")
    run = run_tap(sandbox.url, catalog_content=catalog, custom_streams=custom)
    assert run.code == 0, run.errors
    assert {one["id"] for one in run.records("vips")} == set(sandbox.account.members(group))


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"name": "X y", "operation": "get_lists"}, "small letters"),
        ({"name": "lists", "operation": "get_lists"}, "a stream lists already"),
        ({"name": "x"}, "a path or an operation"),
        ({"name": "x", "path": "/api/nothing"}, "nothing to GET at /api/nothing"),
        ({"name": "x", "operation": "get_list"}, "give the path /api/lists/{id}"),
        ({"name": "x", "path": "/api/lists?sort=id"}, "give the rest of it as params"),
        ({"name": "x", "path": "lists", "params": {"page[size]": "all"}}, "a whole number"),
        ({"name": "x", "path": "flow-series-reports"}, "nothing to GET"),
        ({"name": "x", "operation": "get_campaigns"}, "needs a filter on one of: archived"),
        ({"name": "x", "operation": "get_lits"}, "get_lists"),
        ({"name": "x", "operation": "create_list"}, "no GET operation"),
        ({"name": "x", "operation": "get_lists", "replication_key": "name"}, "by a time 'name'"),
        ({"name": "x", "operation": "get_lists", "primary_keys": ["key"]}, "no column 'key'"),
        ({"name": "x", "operation": "get_lists", "params": {"sort": "size"}}, "sort"),
        ({"name": "x", "operation": "get_lists", "params": {"filter": "equals(a,1)"}}, "a"),
        ({"name": "x", "operation": "get_lists", "parameters": {}}, "unknown"),
    ],
)
def test_what_cannot_be_is_refused_with_the_reason(given: dict[str, Any], reason: str) -> None:
    with pytest.raises(ConfigurationError, match=r"custom_streams") as error:
        all_specs({"custom_streams": [given]})
    assert reason in str(error.value)


def test_discovery_names_scopes_keys_and_methods() -> None:
    streams = discover()
    root = streams["flow_messages"]["metadata"][-1]["metadata"]
    assert root["required-scopes"] == ["flows:read"]
    assert root["valid-replication-keys"] == ["updated"]
    assert root["valid-replication-methods"] == ["INCREMENTAL", "FULL_TABLE"]
    root = streams["list_profiles"]["metadata"][-1]["metadata"]
    assert root["required-scopes"] == ["lists:read", "profiles:read"]
    assert root["table-key-properties"] == ["list_id", "id"]
    root = streams["tags"]["metadata"][-1]["metadata"]
    assert root["valid-replication-methods"] == ["FULL_TABLE"]
    columns = streams["events"]["schema"]["properties"]
    assert "$value" in columns["event_properties"]["description"]
    assert "seconds since 1970" in columns["timestamp"]["description"]


def connection_test(url: str, **settings: Any) -> str:
    """What `--test` says."""
    texts = {name: json.dumps(value) for name, value in settings.items()}
    own = environment({"api_url": url, "api_key": "pk_test", **texts})
    done = processes.run("tap_klaviyo", "--test", env=own)
    assert "Traceback" not in done.stderr
    return done.stderr


def test_the_connection_test_goes_on_after_what_concerns_one_stream(sandbox: Sandbox) -> None:
    report = {"name": "wrong", "kind": "flow_series", "conversion_metric": "Placed Ordr"}
    sandbox.faults.add(operation="get_tags", kind="status", status=400)
    said = connection_test(sandbox.url, reports=[report])
    assert "Stream wrong: reports.wrong.conversion_metric: the account has no metric" in said
    assert "Stream tags: Klaviyo answered 400" in said
    assert "Stream webhooks: readable" in said


def test_the_connection_test_says_where_there_was_nothing_to_ask_for() -> None:
    with Sandbox(profiles=5, events=0, limits=False, raised=1_000) as sandbox:
        for coupon in sandbox.account.ids("coupon"):
            sandbox.account.remove("coupon", coupon)
        said = connection_test(sandbox.url)
    assert "Stream coupon_codes: readable as far as can be told" in said
    assert "Stream coupons: readable\n" in said


def test_the_connection_test_tells_a_plan_from_a_scope(sandbox: Sandbox) -> None:
    sandbox.faults.add(operation="get_webhooks", kind="status", status=403, code="forbidden")
    settings = {"api_url": sandbox.url, "api_key": "pk_test"}
    done = processes.run("tap_klaviyo", "--test", env=environment(settings))
    assert done.returncode == 1
    assert "Stream webhooks: " in done.stderr
    assert "plan does not include get_webhooks" in done.stderr
    assert "Stream webhook_topics: readable" in done.stderr
    assert "scope needed" not in done.stderr
