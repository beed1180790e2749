from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

from klaviyo_client.auth import PrivateKey
from klaviyo_client.client import KlaviyoClient
from klaviyo_client.client_settings import ClientSettings
from klaviyo_sandbox import Sandbox
from tests import processes
from tests.tap.running import RunTap, environment

SECRET = "pk_secret_4711"  # noqa: S105 - made up, to be looked for in messages


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"api_key": ""}, "the setting api_key is missing"),
        ({"start_date": "last week"}, "start_date is no date"),
        ({"start_date": "now"}, "start_date is no date"),
        ({"start_date": "10:30"}, "start_date is no date"),
        ({"start_date": "2999-01-01"}, "start_date lies in the future"),
        ({"start_date": "0001-01-01"}, "start_date must be 2000-01-01 or later"),
        ({"max_tries": 0}, "max_tries"),
        ({"max_wait_seconds": -5}, "max_wait_seconds"),
        ({"stream_maps": {"lists": {"name": "no("}}}, "stream_maps"),
        ({"start_date": "2026-02-01", "end_date": "2026-01-01"}, "end_date must be later"),
        ({"api_kye": "x"}, "unknown setting 'api_kye' (did you mean 'api_key'?)"),
        ({"on_missing_scope": "maybe"}, "on_missing_scope"),
        ({"api_url": "http://klaviyo.example"}, "plain http only for a loopback address"),
        ({"oauth": SECRET}, "the setting oauth is malformed"),
        ({"oauth": {"client_id": SECRET}}, "the setting oauth is malformed"),
        ({"stream_options": {"evnts": {}}}, "unknown stream 'evnts' (did you mean 'events'?)"),
        ({"stream_options": {"events": {"pagesize": 1}}}, "unknown option 'pagesize'"),
        (
            {"reports": [{"name": "x", "kind": "form_series"}], "stream_options": {"x": {}}},
            "names the report 'x': its options stand in its entry of reports",
        ),
        ({"stream_options": ["events"]}, "not of type 'object', 'null' in config['stream_options"),
        ({"custom_streams": ["lists"]}, "not of type 'object' in config['custom_streams'][0]"),
        ({"reports": [None]}, "not of type 'object' in config['reports'][0]"),
        ({"reports": [{"name": ["x"]}]}, "name must be of type str"),
        ({"profile_properties": ["x"]}, "'object', 'null' in config['profile_properties']"),
        (
            {"stream_options": {"profiles": {"filter": "greater-or-equal(updated,2026-01-01)"}}},
            "'greater-or-equal' is no operator of 'updated' in get_profiles",
        ),
        ({"stream_options": {"lists": {"filter": 'equals(nam,"x")'}}}, "did you mean 'name'?"),
        ({"stream_options": {"lists": {"page_size": 100}}}, "page size 100 is outside 1 to 10"),
    ],
    ids=str,
)
def test_a_wrong_setting_is_named(run_tap: RunTap, settings: dict[str, Any], message: str) -> None:
    run = run_tap("http://127.0.0.1:9", "lists", **({"api_key": SECRET} | settings))
    assert run.code == 1
    assert message in run.errors
    assert "Traceback" not in run.errors
    assert "unhandled error" not in run.errors
    assert SECRET not in run.errors
    assert not [one for one in run.messages if one["type"] == "RECORD"]


@pytest.mark.parametrize("mode", ["--discover", "--test"])
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"custom_streams": '["lists"]'}, "in config['custom_streams'][0]"),
        ({"reports": '["x"]'}, "in config['reports'][0]"),
        ({"event_properties": '{"a": 5}'}, "in config['event_properties']['a']"),
    ],
)
def test_discovery_names_a_wrong_setting_too(
    settings: dict[str, str], message: str, mode: str
) -> None:
    done = processes.run("tap_klaviyo", mode, env=environment({"api_key": SECRET} | settings))
    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert SECRET not in done.stderr


def test_a_wrong_key_is_said_once_and_never_shown(run_tap: RunTap) -> None:
    with Sandbox(profiles=1, events=0, keys={"pk_right": ["lists:read"]}) as sandbox:
        run = run_tap(sandbox.url, "lists", api_key=SECRET)
        assert run.code == 1
        assert "check the setting api_key" in run.errors
        assert SECRET not in run.errors
        assert "Traceback" not in run.errors
        assert len(sandbox.requests) == 1, "a wrong key is not tried again"


def test_a_missing_scope_fails_with_its_name(run_tap: RunTap) -> None:
    with Sandbox(profiles=5, events=0, keys={"pk_test": ["lists:read"]}) as sandbox:
        run = run_tap(sandbox.url, "lists", "metrics")
        assert run.code == 1
        assert "scope needed: metrics:read" in run.errors
        assert "Traceback" not in run.errors


def test_a_missing_scope_can_be_skipped(run_tap: RunTap) -> None:
    with Sandbox(profiles=5, events=0, keys={"pk_test": ["tags:read"]}) as sandbox:
        run = run_tap(sandbox.url, "lists", "tags", on_missing_scope="skip")
        assert run.code == 0
        assert "Stream lists is skipped" in run.errors
        assert "lists:read" in run.errors
        assert run.records("tags")
        assert "replication_key_value" not in run.state["bookmarks"].get("lists", {})


def test_the_connection_test_names_every_missing_scope() -> None:
    with Sandbox(profiles=5, events=5, keys={"pk_test": ["lists:read", "events:read"]}) as sandbox:
        settings = {"api_url": sandbox.url, "api_key": "pk_test"}
        done = processes.run("tap_klaviyo", "--test", env=environment(settings))
        assert done.returncode == 1
        assert "Stream lists: readable" in done.stderr
        assert "Stream events: readable" in done.stderr
        assert "Stream metrics: " in done.stderr
        for scope in ("metrics:read", "profiles:read", "flows:read"):
            assert f"scope needed: {scope}" in done.stderr
        assert done.stdout == ""


def test_a_server_that_is_down_is_named(run_tap: RunTap) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))  # nobody else gets the port meanwhile
        port = silent.getsockname()[1]
        run = run_tap(f"http://127.0.0.1:{port}", "lists", max_tries=1)
    assert run.code == 1
    assert "cannot be reached; check api_url and the network" in run.errors
    assert "Traceback" not in run.errors


def test_a_wait_that_is_too_long_ends_the_run(run_tap: RunTap) -> None:
    with Sandbox(profiles=5, events=0, limits=False, raised=1_000) as sandbox:
        sandbox.faults.add(operation="get_lists", kind="status", status=429, retry_after=7200)
        run = run_tap(sandbox.url, "lists")
        assert run.code == 1
        assert "Stream lists ends early" in run.errors
        assert "asks to wait 7200 s, more than max_wait_seconds (600)" in run.errors


def test_a_metric_that_the_account_lacks_is_named(run_tap: RunTap) -> None:
    with Sandbox(profiles=5, events=5, limits=False, raised=1_000) as sandbox:
        options = {"events": {"metrics": {"include": ["Place Order"]}}}
        run = run_tap(sandbox.url, "events", stream_options=options)
        assert run.code == 1
        assert "no metric with name 'Place Order' (did you mean 'Placed Order'?)" in run.errors


def test_a_broken_bookmark_is_named(run_tap: RunTap) -> None:
    state = {"bookmarks": {"lists": {"replication_key": "updated", "replication_key_value": "?"}}}
    with Sandbox(profiles=5, events=0, limits=False, raised=1_000) as sandbox:
        run = run_tap(sandbox.url, "lists", state=state)
        assert run.code == 1
        assert (
            "the state of stream lists: its replication_key_value (updated) is no time"
            in run.errors
        )


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ([], "the state is no Singer state"),
        ({"bookmarks": None}, "the state is no Singer state"),
        ({"bookmarks": {"lists": None}}, "the state is no Singer state"),
    ],
)
def test_a_state_of_another_shape_is_refused(run_tap: RunTap, state: Any, message: str) -> None:
    run = run_tap("http://127.0.0.1:9", "lists", state=state)
    assert run.code == 1
    assert message in run.errors
    assert "Traceback" not in run.errors


def test_a_whole_state_message_counts_as_its_value(run_tap: RunTap) -> None:
    with Sandbox(profiles=5, events=0, limits=False, raised=1_000) as sandbox:
        first = run_tap(sandbox.url, "lists")
        again = run_tap(sandbox.url, "lists", state={"type": "STATE", "value": first.state})
        assert len(again.records("lists")) < len(first.records("lists"))


def test_a_bookmark_of_the_future_is_said_and_counts_as_now(run_tap: RunTap) -> None:
    future = {"replication_key": "updated", "replication_key_value": "2099-01-01T00:00:00+00:00"}
    with Sandbox(profiles=5, events=0, limits=False, raised=1_000) as sandbox:
        run = run_tap(sandbox.url, "lists", state={"bookmarks": {"lists": future}})
        assert run.code == 0
        assert "The bookmark of lists lay in the future" in run.errors
        assert run.state["bookmarks"]["lists"]["replication_key_value"] < "2099"


def test_partitions_of_another_taps_state_do_not_multiply_records(run_tap: RunTap) -> None:
    partitions = {"partitions": [{"context": {"filter": "a"}}, {"context": {"filter": "b"}}]}
    with Sandbox(profiles=5, events=0, limits=False, raised=1_000) as sandbox:
        plain = run_tap(sandbox.url, "campaigns")
        run = run_tap(sandbox.url, "campaigns", state={"bookmarks": {"campaigns": partitions}})
        assert run.records("campaigns") == plain.records("campaigns")
        assert "partitions" not in run.state["bookmarks"]["campaigns"]


@pytest.mark.parametrize("name", ["config", "state", "catalog"])
@pytest.mark.parametrize("content", [None, "", "{"])
def test_an_unreadable_file_is_named(tmp_path: Path, name: str, content: str | None) -> None:
    path = tmp_path / f"{name}.json"
    if content is not None:
        path.write_text(content)
    own = environment({"api_key": SECRET})
    done = processes.run("tap_klaviyo", f"--{name}", str(path), env=own)
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    assert "no JSON" in done.stderr or str(path) in done.stderr


def test_a_catalog_of_another_tap_is_refused(run_tap: RunTap) -> None:
    entry = {
        "tap_stream_id": "listperson",
        "stream": "listperson",
        "schema": {"type": "object"},
        "metadata": [{"breadcrumb": [], "metadata": {"selected": True}}],
    }
    run = run_tap("http://127.0.0.1:9", catalog_content={"streams": [entry]})
    assert run.code == 1
    assert "the catalog selects the unknown stream 'listperson'" in run.errors


@pytest.mark.parametrize("content", [None, b"[1]", b"\xe9", b"", b"[" * 50_000])
def test_a_file_of_settings_that_cannot_be_read(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "settings.json"
    if content is not None:
        path.write_bytes(content)
    done = processes.run("tap_klaviyo", "--config", str(path), env=environment({}))
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    said = "was not found" if content is None else "the file holds no JSON object in UTF-8"
    assert f"--config: {'File at' if content is None else said}" in done.stderr
    assert said in done.stderr


def test_a_record_too_deep_for_stream_maps_is_named(run_tap: RunTap) -> None:
    with Sandbox(profiles=0, events=0) as sandbox:
        create_profile(sandbox, b'{"a":' * 400 + b"1" + b"}" * 400)
        done = run_tap(sandbox.url, "profiles")
        assert (done.code, len(done.records("profiles"))) == (0, 1), "as long as nobody looks in"
        maps = {"profiles": {"more": "email"}}
        run = run_tap(sandbox.url, "profiles", stream_maps=maps)
    assert run.code == 1
    assert "nested too deeply to be worked on" in run.errors
    assert "Traceback" not in run.errors


def create_profile(sandbox: Sandbox, properties: bytes) -> None:
    """A profile with properties given as JSON text, which no encoder has to follow."""
    attributes = b'{"email": "ann@shop.org", "properties": %s}' % properties
    body = b'{"data": {"type": "profile", "attributes": %s}}' % attributes
    with KlaviyoClient(PrivateKey("pk_test"), ClientSettings(base_url=sandbox.url)) as client:
        client.write("create_profile", body)
