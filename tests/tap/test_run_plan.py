"""What is read again: by changed parents only, once more in full, and late."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from klaviyo_sandbox import Sandbox
from tap_klaviyo.options import StreamOptions
from tap_klaviyo.run_plan import RunTimes, run_plan
from tap_klaviyo.scans import Bounds
from tap_klaviyo.specs import STREAMS
from tests.tap.running import RunTap
from tests.tap.test_custom_streams import chosen, discover

NOW = datetime(2026, 11, 20, tzinfo=timezone.utc)
SPECS = {spec.name: spec for spec in STREAMS}


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(profiles=40, events=300, limits=False, raised=1_000, traps=False) as running:
        yield running


def counts(sandbox: Sandbox, *operations: str) -> list[int]:
    """Requests of each operation since the ledger was cleared."""
    found = [len(sandbox.requests.of(operation)) for operation in operations]
    sandbox.requests.clear()
    return found


def test_children_of_changed_parents_only(sandbox: Sandbox, run_tap: RunTap) -> None:
    names = ("campaign_messages", "flow_messages", "form_versions")
    reads = ("get_messages_for_campaign", "get_flow_action_messages", "get_versions_for_form")
    options = {name: {"parents": "changed"} for name in names}
    catalog = chosen(discover(stream_options=options), *names)

    def run(state: dict[str, Any] | None) -> Any:
        done = run_tap(sandbox.url, catalog_content=catalog, stream_options=options, state=state)
        assert done.code == 0, done.errors
        return done

    account = sandbox.account
    first = run(None)
    everything = [account.count("campaign"), account.count("flow-action"), account.count("form")]
    assert counts(sandbox, *reads) == everything
    assert len(first.records("campaign_messages")) == account.count("campaign-message")
    second = run(first.state)
    assert counts(sandbox, *reads) == [0, 0, 0]
    lately = datetime.now(tz=timezone.utc).isoformat()
    parts = {
        "campaign": ("updated_at", {"channel": "sms"}),
        "flow": ("updated", {}),
        "form": ("updated_at", {}),
    }
    for kind, (name, columns) in parts.items():
        one = account.resources(kind)[0]
        account.put(kind, one["id"], {**one["attributes"], name: lately}, columns=columns)
    run(second.state)
    assert counts(sandbox, *reads) == [1, 2, 1]


def test_by_default_no_change_of_a_child_is_missed(sandbox: Sandbox, run_tap: RunTap) -> None:
    first = run_tap(sandbox.url, "campaign_messages")
    account = sandbox.account
    message = account.resources("campaign-message")[0]
    campaign = message["relationships"]["campaign"]["data"]["id"]
    attributes = {**message["attributes"], "send_times": []}
    account.put("campaign-message", message["id"], attributes, columns={"campaign_id": campaign})
    second = run_tap(sandbox.url, "campaign_messages", state=first.state)
    records = {one["id"]: one for one in second.records("campaign_messages")}
    assert records[message["id"]]["send_times"] == []
    assert len(records) == account.count("campaign-message")


def test_a_full_re_read_leaves_the_bookmark(sandbox: Sandbox, run_tap: RunTap) -> None:
    options = {"profiles": {"full_refresh_days": 7}}
    first = run_tap(sandbox.url, "profiles", stream_options=options)
    second = run_tap(sandbox.url, "profiles", stream_options=options, state=first.state)
    assert len(second.records("profiles")) < 5
    state = json.loads(json.dumps(second.state))
    state["bookmarks"]["profiles"]["full_refreshed_at"] = "2026-10-01T00:00:00+00:00"
    third = run_tap(sandbox.url, "profiles", stream_options=options, state=state)
    found = {one["id"] for one in third.records("profiles")}
    assert found == set(sandbox.account.ids("profile"))
    before, after = (one.state["bookmarks"]["profiles"] for one in (first, third))
    assert after["replication_key_value"] == before["replication_key_value"]
    assert after["full_refreshed_at"] > "2026-10-01"


def test_what_came_late_is_found_by_the_second_pass(sandbox: Sandbox, run_tap: RunTap) -> None:
    options = {"events": {"late_pass_days": 17, "lookback_days": 1}}
    first = run_tap(sandbox.url, "events", stream_options=options)
    state = json.loads(json.dumps(first.state))
    assert state["bookmarks"]["events"]["read_again_until"] > "2026"
    state["bookmarks"]["events"]["read_again_until"] = "2026-07-01T00:00:00+00:00"
    example = sandbox.account.resources("event")[0]
    moment = "2026-08-01T00:00:00+00:00"
    attributes = {**example["attributes"], "datetime": moment, "timestamp": 1_785_542_400}
    related = {
        f"{name}_id": example["relationships"][name]["data"]["id"] for name in ("profile", "metric")
    }
    sandbox.account.put("event", "lateevent00", attributes, columns=related)
    second = run_tap(sandbox.url, "events", stream_options=options, state=state)
    assert second.code == 0, second.errors
    assert "lateevent00" in [one["id"] for one in second.records("events")]
    assert len(second.records("events")) < sandbox.account.count("event")
    before, after = (one.state["bookmarks"]["events"] for one in (first, second))
    assert after["replication_key_value"] == before["replication_key_value"]
    third = run_tap(sandbox.url, "events", stream_options=options, state=second.state)
    assert "lateevent00" not in [one["id"] for one in third.records("events")]


def planned(options: StreamOptions, bookmark: datetime | None, state: dict[str, str]) -> Any:
    return run_plan(SPECS["events"], options, RunTimes(NOW), bookmark, state)


def test_the_second_pass_ends_before_what_the_first_one_reads() -> None:
    options = StreamOptions(late_pass_days=17)
    long_ago, recently = NOW - timedelta(days=60), NOW - timedelta(days=1)
    state = {"read_again_until": (NOW - timedelta(days=40)).isoformat()}
    plan = planned(options, recently, state)
    assert plan.late == Bounds(NOW - timedelta(days=40), NOW - timedelta(days=17))
    assert plan.bounds.start == NOW - timedelta(days=8)
    assert planned(options, long_ago, state).late is None
    assert planned(options, None, {}).late is None
    assert planned(options, recently, {"read_again_until": "soon"}).late is None


def test_a_run_that_ends_in_the_past_leaves_no_note() -> None:
    times = RunTimes(NOW, end_date=NOW - timedelta(days=30))
    plan = run_plan(SPECS["events"], StreamOptions(late_pass_days=17), times, None, {})
    assert not plan.notes


def test_an_end_in_the_future_is_no_end_for_klaviyo(run_tap: RunTap) -> None:
    """Klaviyo refuses flows up to a time to come; events of such a time are left out."""
    dates = {"start_date": "2020-01-01", "end_date": "2030-01-01"}
    with Sandbox(profiles=10, events=60, limits=False, raised=1_000) as sandbox:
        run = run_tap(sandbox.url, "flows", "flow_actions", "events", **dates)
        assert run.code == 0, run.errors
        assert {one["id"] for one in run.records("flows")} == set(sandbox.account.ids("flow"))
        events = sandbox.account.resources("event")
        times = {one["id"]: one["attributes"]["datetime"] for one in events}
        assert max(times.values()) > "2030", "an event of the future"
        wanted = {one for one, moment in times.items() if moment < "2030"}
        assert {one["id"] for one in run.records("events")} == wanted


def test_parents_count_as_read_only_where_nothing_of_theirs_was_left_out() -> None:
    options = StreamOptions(parents="changed")
    for end, noted in ((NOW - timedelta(days=30), False), (None, True)):
        times = RunTimes(NOW, end_date=end)
        plan = run_plan(SPECS["campaign_messages"], options, times, None, {})
        assert bool(plan.notes) == noted


def test_the_second_pass_doubles_nothing_where_klaviyo_has_no_upper_bound(
    sandbox: Sandbox, run_tap: RunTap
) -> None:
    first = run_tap(sandbox.url, "lists")
    times = sorted(one["updated"] for one in first.records("lists"))
    state = json.loads(json.dumps(first.state))
    state["bookmarks"]["lists"]["read_again_until"] = times[0]
    options = {"lists": {"late_pass_days": 30}}
    second = run_tap(sandbox.url, "lists", stream_options=options, state=state)
    assert second.code == 0, second.errors
    found = [one["id"] for one in second.records("lists")]
    assert len(found) == len(set(found)) == sandbox.account.count("list")
