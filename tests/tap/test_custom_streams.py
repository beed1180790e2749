from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

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
    newest = max(one["datetime"] for one in first.records("orders"))
    assert {one["datetime"] for one in second.records("orders")} == {newest}


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


def test_the_connection_test_tells_a_plan_from_a_scope(sandbox: Sandbox) -> None:
    sandbox.faults.add(operation="get_webhooks", kind="status", status=403, code="forbidden")
    settings = {"api_url": sandbox.url, "api_key": "pk_test"}
    done = processes.run("tap_klaviyo", "--test", env=environment(settings))
    assert done.returncode == 1
    assert "Stream webhooks: " in done.stderr
    assert "plan does not include get_webhooks" in done.stderr
    assert "Stream webhook_topics: readable" in done.stderr
    assert "scope needed" not in done.stderr
