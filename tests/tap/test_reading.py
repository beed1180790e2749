from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import jsonschema
import pytest

from klaviyo_sandbox import Sandbox
from tap_klaviyo.tap import TapKlaviyo
from tests.tap.account import account_ids, memberships
from tests.tap.late_answers import LATE
from tests.tap.running import Run, RunTap, catalog


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(profiles=150, events=3000, limits=False, raised=1_000) as running:
        yield running


@pytest.fixture(scope="module")
def full(sandbox: Sandbox, module_tap: RunTap) -> Run:
    return module_tap(sandbox.url)


def test_every_stream_holds_what_the_account_holds(sandbox: Sandbox, full: Run) -> None:
    assert full.code == 0, full.errors
    for stream, wanted in account_ids(sandbox.url).items():
        records = full.records(stream)
        assert {one["id"] for one in records} == wanted, stream
        assert len(records) == len(wanted), f"{stream}: a first run emits nothing twice"
    lists = {(one["list_id"], one["id"]) for one in full.records("list_profiles")}
    assert lists == memberships(sandbox.url, "lists")
    segments = {(one["segment_id"], one["id"]) for one in full.records("segment_profiles")}
    assert segments == memberships(sandbox.url, "segments")


def test_every_record_fits_its_schema_with_formats(full: Run) -> None:
    checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
    schemas = {one["stream"]: one["schema"] for one in full.messages if one["type"] == "SCHEMA"}
    validators = {
        name: jsonschema.Draft202012Validator(
            schema | {"additionalProperties": False}, format_checker=checker
        )
        for name, schema in schemas.items()
    }
    for message in full.messages:
        if message["type"] == "RECORD":
            validators[message["stream"]].validate(message["record"])


def test_a_schema_comes_before_its_records_and_the_state_last(full: Run) -> None:
    seen: set[str] = set()
    for message in full.messages:
        if message["type"] == "SCHEMA":
            seen.add(message["stream"])
        elif message["type"] == "RECORD":
            assert message["stream"] in seen
    assert full.messages[-1]["type"] == "STATE"


def test_date_times_are_utc_with_a_t_wherever_klaviyo_wrote_another_form(full: Run) -> None:
    for stream in ("events", "profiles", "campaigns", "list_profiles"):
        for record in full.records(stream):
            for name in ("datetime", "created", "updated", "updated_at", "joined_group_at"):
                value = record.get(name)
                assert value is None or (value[10] == "T" and value.endswith("+00:00"))
    texts = json.dumps([one["subscriptions"] for one in full.records("profiles")])
    assert '"consent_timestamp": "20' in texts
    assert "00 0" not in texts


def test_events_are_ordered_and_carry_their_relations(full: Run) -> None:
    events = full.records("events")
    times = [one["datetime"] for one in events]
    assert times == sorted(times)
    names = {one["id"]: one["name"] for one in full.records("metrics")}
    for event in events:
        assert {"profile_id", "metric_id", "metric_name", "campaign_id", "flow_id"} <= set(event)
        assert event["metric_name"] == names.get(event["metric_id"])
    assert any(one["metric_id"] is None for one in events), "the seed holds such an event"
    assert any(one["profile_id"] is None for one in events), "the seed holds such an event"
    assert any(one["attribution_ids"] for one in events)
    campaigns = {one["id"] for one in full.records("campaigns")}
    flows = {one["id"] for one in full.records("flows")}
    messages = {m for one in full.records("campaigns") for m in one["campaign_message_ids"]}
    for column, known in (
        ("campaign_id", campaigns),
        ("flow_id", flows),
        ("campaign_message_id", messages),
    ):
        named = {one[column] for one in events} - {None}
        assert named, column
        assert named <= known
    for event in events:
        own = event["event_properties"]
        if not event["attribution_ids"]:
            assert event["flow_id"] == own.get("$flow")
            in_flow = "$flow" in own
            assert event["flow_message_id"] == (own.get("$message") if in_flow else None)
            assert event["campaign_id"] == (None if in_flow else own.get("$message"))


def test_subscriptions_come_with_profiles_and_predictions_only_when_selected(full: Run) -> None:
    profiles = full.records("profiles")
    assert all(one["subscriptions"]["email"] for one in profiles)
    assert all("predictive_analytics" not in one for one in profiles)
    assert any("anonymous_id" in (one["extra_attributes"] or {}) for one in profiles)


def test_the_bookmark_does_not_pass_the_start_of_the_run(full: Run) -> None:
    newest = max(one["datetime"] for one in full.records("events"))
    bookmark = full.state["bookmarks"]["events"]["replication_key_value"]
    extracted = max(one["time_extracted"] for one in full.messages if one["type"] == "RECORD")
    assert newest > extracted, "the seed holds an event of the future"
    assert bookmark < extracted


def test_a_second_run_reads_only_the_look_back(
    sandbox: Sandbox, full: Run, run_tap: RunTap
) -> None:
    state = full.state
    bookmark = "2026-08-20T00:00:00+00:00"
    state["bookmarks"]["events"]["replication_key_value"] = bookmark
    again = run_tap(sandbox.url, "events", "profiles", state=state)
    assert again.code == 0, again.errors
    start = (datetime.fromisoformat(bookmark) - timedelta(days=7)).isoformat()
    wanted = [one["id"] for one in full.records("events") if one["datetime"] >= start]
    assert [one["id"] for one in again.records("events")] == wanted
    newest = max(one["updated"] for one in full.records("profiles"))
    assert {one["updated"] for one in again.records("profiles")} == {newest}
    assert again.state["bookmarks"]["profiles"] == state["bookmarks"]["profiles"]


@pytest.mark.parametrize("days", [0, 30])
def test_the_look_back_is_the_users(
    sandbox: Sandbox, full: Run, run_tap: RunTap, days: int
) -> None:
    bookmark = "2026-08-20T00:00:00+00:00"
    state = {
        "bookmarks": {"events": {"replication_key": "datetime", "replication_key_value": bookmark}}
    }
    options = {"events": {"lookback_days": days, "page_size": 200}}
    again = run_tap(sandbox.url, "events", state=state, stream_options=options)
    start = (datetime.fromisoformat(bookmark) - timedelta(days=days)).isoformat()
    wanted = sum(one["datetime"] >= start for one in full.records("events"))
    assert len(again.records("events")) == wanted


def test_start_and_end_bound_what_is_incremental_and_nothing_else(
    sandbox: Sandbox, full: Run, run_tap: RunTap
) -> None:
    bounded = run_tap(
        sandbox.url,
        "events",
        "lists",
        "metrics",
        start_date="2026-06-01",
        end_date="2026-07-01T00:00:00+00:00",
    )

    def inside(stream: str, key: str) -> set[str]:
        return {
            one["id"] for one in full.records(stream) if "2026-06-01" <= one[key] < "2026-07-01"
        }

    assert {one["id"] for one in bounded.records("events")} == inside("events", "datetime")
    assert {one["id"] for one in bounded.records("lists")} == inside("lists", "updated")
    assert len(bounded.records("metrics")) == len(full.records("metrics"))


def events_of(run: Run, *names: str) -> set[str]:
    return {one["id"] for one in run.records("events") if one["metric_name"] in names}


@pytest.mark.parametrize(
    ("metrics", "names"),
    [
        ({"include": ["Placed Order"]}, ("Placed Order",)),
        ({"include": [{"integration": "Shopify"}], "exclude": ["Placed Order"]}, None),
    ],
)
def test_events_are_chosen_by_metric(
    sandbox: Sandbox, full: Run, run_tap: RunTap, metrics: Any, names: tuple[str, ...] | None
) -> None:
    run = run_tap(sandbox.url, "events", stream_options={"events": {"metrics": metrics}})
    assert run.code == 0, run.errors
    if names is None:
        names = tuple(
            one["name"]
            for one in full.records("metrics")
            if one["integration"]["name"] == "Shopify" and one["name"] != "Placed Order"
        )
    wanted = events_of(full, *names)
    assert wanted
    assert {one["id"] for one in run.records("events")} == wanted


def test_a_filter_of_the_user_is_added_to_ours(
    sandbox: Sandbox, full: Run, run_tap: RunTap
) -> None:
    email = next(one["email"] for one in full.records("profiles") if one["email"])
    options = {"profiles": {"filter": f'equals(email,"{email}")'}}
    run = run_tap(sandbox.url, "profiles", stream_options=options, start_date="2020-01-01")
    assert [one["email"] for one in run.records("profiles")] == [email]
    sent = sandbox.requests.of("get_profiles")[-1].parameters["filter"]
    assert sent == f'greater-than(updated,2019-12-31T23:59:59Z),equals(email,"{email}")'


def test_a_map_changes_nothing_but_what_it_maps(
    sandbox: Sandbox, full: Run, run_tap: RunTap
) -> None:
    maps = {"events": {"doubled": "timestamp * 2"}, "profiles": {"email": "md5(id)"}}
    mapped = run_tap(sandbox.url, "events", "profiles", "campaigns", stream_maps=maps)
    assert mapped.code == 0, mapped.errors
    assert mapped.records("campaigns") == full.records("campaigns")
    events = [{**one, "doubled": one["timestamp"] * 2} for one in full.records("events")]
    assert mapped.records("events") == events
    emails = {one["email"] for one in mapped.records("profiles")}
    assert not any("@" in email for email in emails)


def test_flattening_finds_the_fields_inside(sandbox: Sandbox, full: Run, run_tap: RunTap) -> None:
    flat = run_tap(sandbox.url, "profiles", flattening_enabled=True, flattening_max_depth=2)
    assert flat.code == 0, flat.errors
    wanted = {one["id"]: (one["location"] or {}).get("city") for one in full.records("profiles")}
    assert {one["id"]: one.get("location__city") for one in flat.records("profiles")} == wanted


def test_a_deselected_field_inside_an_object_is_left_out(
    sandbox: Sandbox, full: Run, run_tap: RunTap
) -> None:
    content = catalog("profiles")
    profiles = next(one for one in content["streams"] if one["tap_stream_id"] == "profiles")
    for row in profiles["metadata"]:
        if row["breadcrumb"] in (
            ["properties", "location", "properties", "city"],
            ["properties", "email"],
        ):
            row["metadata"]["selected"] = False
    run = run_tap(sandbox.url, catalog_content=content)
    assert run.code == 0, run.errors
    wanted = [
        {k: v for k, v in one.items() if k != "email"}
        | {
            "location": {k: v for k, v in (one["location"] or {}).items() if k != "city"}
            if one["location"] is not None
            else None
        }
        for one in full.records("profiles")
    ]
    found = run.records("profiles")
    # Sparse fields leave out what the schema does not know.
    for one in (*wanted, *found):
        one.pop("extra_attributes")
    assert found == wanted
    sent = sandbox.requests.of("get_profiles")[-1].parameters["fields[profile]"].split(",")
    assert "email" not in sent


def test_whole_lists_are_read_on_demand_whatever_the_start_date(
    sandbox: Sandbox, full: Run, run_tap: RunTap
) -> None:
    content = catalog("list_profiles")
    for stream in content["streams"]:
        stream["replication_method"] = "FULL_TABLE"
    run = run_tap(sandbox.url, catalog_content=content, start_date="2026-08-01")
    assert run.code == 0, run.errors
    assert len(run.records("list_profiles")) == len(full.records("list_profiles"))


def test_excluding_a_metric_keeps_events_without_one(
    sandbox: Sandbox, full: Run, run_tap: RunTap
) -> None:
    options = {"events": {"metrics": {"exclude": ["Placed Order"]}}}
    run = run_tap(sandbox.url, "events", stream_options=options)
    wanted = [one["id"] for one in full.records("events") if one["metric_name"] != "Placed Order"]
    assert [one["id"] for one in run.records("events")] == wanted
    assert any(one["metric_id"] is None for one in run.records("events"))


def test_a_sparse_catalog_has_the_defaults_of_ours(sandbox: Sandbox, run_tap: RunTap) -> None:
    content = catalog("profiles")
    for stream in content["streams"]:
        stream["metadata"] = [row for row in stream["metadata"] if not row["breadcrumb"]]
        for name in ("replication_key", "replication_method", "key_properties"):
            stream.pop(name, None)
        stream["metadata"][0]["metadata"] = {"selected": stream["tap_stream_id"] == "profiles"}
    run = run_tap(sandbox.url, catalog_content=content)
    assert run.code == 0, run.errors
    sent = sandbox.requests.of("get_profiles")[-1].parameters
    assert sent["additional-fields[profile]"] == "subscriptions"
    assert "include" not in sent
    assert run.state["bookmarks"]["profiles"]["replication_key"] == "updated"
    (schema,) = [one for one in run.messages if one["type"] == "SCHEMA"]
    assert schema["key_properties"] == ["id"], "loaders could not upsert without"


def test_predictions_are_read_when_selected(sandbox: Sandbox, run_tap: RunTap) -> None:
    content = catalog("profiles")
    for stream in content["streams"]:
        for row in stream["metadata"]:
            if row["breadcrumb"] == ["properties", "predictive_analytics"]:
                row["metadata"]["selected"] = True
    run = run_tap(sandbox.url, catalog_content=content)
    assert any(one["predictive_analytics"] for one in run.records("profiles"))


@pytest.mark.parametrize("module", ["tap_klaviyo", LATE])
@pytest.mark.parametrize(("workers", "delay"), [(1, 0.0), (16, 0.0), (4, 0.02), (16, 0.02)])
def test_reading_at_once_changes_nothing(
    full: Run, run_tap: RunTap, workers: int, delay: float, module: str
) -> None:
    with Sandbox(profiles=150, events=3000, limits=False, delay=delay) as slow:
        options = {"events": {"page_size": 100}, "profiles": {"page_size": 20}}
        run = run_tap(
            slow.url,
            "events",
            "profiles",
            "list_profiles",
            stream_options=options,
            max_parallel_requests=workers,
            max_buffer_mb=1,
            module=module,
        )
    assert run.code == 0, run.errors
    for stream in ("events", "profiles", "list_profiles"):
        key = "id" if stream != "list_profiles" else "list_id"
        found, wanted = run.records(stream), full.records(stream)
        assert [one[key] for one in found] == [one[key] for one in wanted]
        assert sorted(map(str, found)) == sorted(map(str, wanted))


def test_programs_get_records_of_streams_whose_pages_the_command_writes_whole(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TAP_KLAVIYO_API_URL", sandbox.url)
    tap = TapKlaviyo(config={"api_key": "pk_test"})
    events, lists = tap.streams["events"], tap.streams["lists"]
    found = {"events": events.get_records(None), "lists": lists._sync_records(write_messages=False)}
    for name, records in found.items():
        ids = {one["id"] for one in records if isinstance(one, dict)}
        assert ids == account_ids(sandbox.url)[name]
