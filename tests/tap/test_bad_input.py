from __future__ import annotations

import socket
import subprocess
import sys
from typing import Any

import pytest

from klaviyo_sandbox import Sandbox
from tests.tap.running import RunTap, environment

SECRET = "pk_secret_4711"  # noqa: S105 - made up, to be looked for in messages


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"api_key": ""}, "the setting api_key is missing"),
        ({"start_date": "last week"}, "start_date is no date"),
        ({"start_date": "2026-02-01", "end_date": "2026-01-01"}, "end_date must be later"),
        ({"api_kye": "x"}, "unknown setting 'api_kye' (did you mean 'api_key'?)"),
        ({"on_missing_scope": "maybe"}, "on_missing_scope"),
        ({"api_url": "http://klaviyo.example"}, "plain http only for a loopback address"),
        ({"oauth": SECRET}, "the setting oauth is malformed"),
        ({"oauth": {"client_id": SECRET}}, "the setting oauth is malformed"),
        ({"stream_options": {"evnts": {}}}, "unknown stream 'evnts' (did you mean 'events'?)"),
        ({"stream_options": {"events": {"pagesize": 1}}}, "unknown option 'pagesize'"),
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
    assert SECRET not in run.errors
    assert not [one for one in run.messages if one["type"] == "RECORD"]


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
        done = subprocess.run(
            [sys.executable, "-m", "tap_klaviyo", "--test"],
            text=True,
            capture_output=True,
            check=False,
            env=environment(settings),
        )
        assert done.returncode == 1
        assert "Stream lists: readable" in done.stderr
        assert "Stream events: readable" in done.stderr
        assert "Stream metrics: " in done.stderr
        for scope in ("metrics:read", "profiles:read", "flows:read"):
            assert f"scope needed: {scope}" in done.stderr
        assert done.stdout == ""


def test_a_server_that_is_down_is_named(run_tap: RunTap) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    run = run_tap(f"http://127.0.0.1:{port}", "lists", max_tries=1)
    assert run.code == 1
    assert "cannot be reached; check api_url and the network" in run.errors
    assert "Traceback" not in run.errors


def test_a_wait_that_is_too_long_ends_the_run(run_tap: RunTap) -> None:
    with Sandbox(profiles=5, events=0, limits=False) as sandbox:
        sandbox.faults.add(operation="get_lists", kind="status", status=429, retry_after=7200)
        run = run_tap(sandbox.url, "lists")
        assert run.code == 1
        assert "asks to wait 7200 s, more than max_wait_seconds (600)" in run.errors


def test_a_metric_that_the_account_lacks_is_named(run_tap: RunTap) -> None:
    with Sandbox(profiles=5, events=5, limits=False) as sandbox:
        options = {"events": {"metrics": {"include": ["Place Order"]}}}
        run = run_tap(sandbox.url, "events", stream_options=options)
        assert run.code == 1
        assert "no metric with name 'Place Order' (did you mean 'Placed Order'?)" in run.errors


def test_a_broken_bookmark_is_named(run_tap: RunTap) -> None:
    state = {"bookmarks": {"lists": {"replication_key": "updated", "replication_key_value": "?"}}}
    with Sandbox(profiles=5, events=0, limits=False) as sandbox:
        run = run_tap(sandbox.url, "lists", state=state)
        assert run.code == 1
        assert "the bookmark in the state is no time" in run.errors
