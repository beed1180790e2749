"""The setting `stages`, columns asked for by a setting, and names that travel with records."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from klaviyo_sandbox import Sandbox
from tests.tap.running import RunTap, catalog


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(profiles=60, events=200, limits=False, raised=1_000) as running:
        yield running


def test_a_stage_begins_when_the_one_before_has_ended(sandbox: Sandbox, module_tap: RunTap) -> None:
    stages = [["lists", "profiles"], ["list_profiles"], ["tags"]]
    run = module_tap(sandbox.url, stages=stages)
    assert run.code == 0, run.errors
    seen = [one["stream"] for one in run.messages if one["type"] == "RECORD"]
    assert set(seen) == {"lists", "profiles", "list_profiles", "tags"}, "no other stream is read"
    numbers = {name: place for place, stage in enumerate(stages) for name in stage}
    order = [numbers[name] for name in seen]
    assert order == sorted(order)


def test_a_stage_leaves_out_what_the_catalog_leaves_out(
    sandbox: Sandbox, module_tap: RunTap
) -> None:
    run = module_tap(sandbox.url, "tags", stages=[["lists"], ["tags"]])
    assert {one["stream"] for one in run.messages if one["type"] == "RECORD"} == {"tags"}
    assert "Stream lists is in stages but not selected: it is not read" in run.errors


def test_nothing_selected_is_told_of(sandbox: Sandbox, module_tap: RunTap) -> None:
    run = module_tap(sandbox.url, stages=[["lists"]], catalog_content=catalog())
    assert run.code == 0
    assert "No stream is selected, so nothing is read" in run.errors


def test_no_stages_are_all_streams_at_once(sandbox: Sandbox, module_tap: RunTap) -> None:
    run = module_tap(sandbox.url, "lists", "tags", stages=[])
    assert run.code == 0, run.errors
    read = {one["stream"] for one in run.messages if one["type"] == "RECORD"}
    assert read == {"lists", "tags"}


def test_only_what_the_stages_name_is_tried(sandbox: Sandbox, module_tap: RunTap) -> None:
    run = module_tap(sandbox.url, stages=[["lists"], ["tags"]], arguments=("--test",))
    assert run.code == 0, run.errors
    assert re.findall(r"Stream (\w+): readable", run.errors) == ["lists", "tags"]


@pytest.mark.parametrize(("wish", "read"), [("finish", {"lists"}), ("stop", set())])
def test_a_stage_after_one_that_failed(
    sandbox: Sandbox, module_tap: RunTap, wish: str, read: set[str]
) -> None:
    sandbox.faults.add(operation="get_tags", kind="status", status=403)
    run = module_tap(sandbox.url, stages=[["tags"], ["lists"]], on_stream_error=wish)
    assert run.code == 1
    assert {one["stream"] for one in run.messages if one["type"] == "RECORD"} == read
    assert "not everything was read: tags ended early" in run.errors
    assert ("not begun: lists" in run.errors) == (wish == "stop")


def test_unknown_and_repeated_streams_are_refused(sandbox: Sandbox, module_tap: RunTap) -> None:
    run = module_tap(sandbox.url, stages=[["list", "tags"], ["tags"]])
    assert run.code == 1
    assert "stages names the unknown stream 'list'" in run.errors
    assert "stages names 'tags' twice" in run.errors


def test_events_name_their_person_when_asked_to(sandbox: Sandbox, module_tap: RunTap) -> None:
    columns = ["email", "phone_number", "external_id"]
    asked = module_tap(sandbox.url, "events", stream_options={"events": {"columns": columns}})
    people = {one["id"]: one["attributes"] for one in sandbox.account.resources("profile")}
    assert asked.records("events")
    for record in asked.records("events"):
        person = people.get(record["profile_id"], dict.fromkeys(columns))
        assert {name: record[name] for name in columns} == {name: person[name] for name in columns}
    plain = module_tap(sandbox.url, "events")
    assert not set(columns) & set(plain.records("events")[0])


def test_only_columns_that_are_left_out_can_be_asked_for(
    sandbox: Sandbox, module_tap: RunTap
) -> None:
    run = module_tap(sandbox.url, "events", stream_options={"events": {"columns": ["mail"]}})
    assert run.code == 1
    assert "columns: 'mail' is no column that is left out by itself" in run.errors


def test_members_name_their_list(sandbox: Sandbox, module_tap: RunTap) -> None:
    names = {one["id"]: one["attributes"]["name"] for one in sandbox.account.resources("list")}
    records = module_tap(sandbox.url, "list_profiles").records("list_profiles")
    assert records
    assert all(one["list_name"] == names[one["list_id"]] for one in records)


def test_a_name_of_several_lists_names_none(sandbox: Sandbox, module_tap: RunTap) -> None:
    first = sandbox.account.resources("list")[0]
    member = sandbox.account.ids("profile")[0]
    sandbox.account.put("list", "TwIn00", first["attributes"])
    sandbox.account.add_members("list", "TwIn00", {member: "2026-01-01T00:00:00+00:00"})
    records = module_tap(sandbox.url, "list_profiles").records("list_profiles")
    sandbox.account.remove("list", "TwIn00")
    twins = [one for one in records if one["list_id"] in {first["id"], "TwIn00"}]
    assert {one["list_id"] for one in twins} == {first["id"], "TwIn00"}
    assert all(one["list_name"] is None for one in twins)
    assert all(one["list_name"] for one in records if one not in twins)


def test_variants_of_items_name_their_item(sandbox: Sandbox, module_tap: RunTap) -> None:
    records = module_tap(sandbox.url, "catalog_item_variants").records("catalog_item_variants")
    shop = sandbox.account.resources("catalog-variant")
    items = {one["id"]: one["relationships"]["item"]["data"]["id"] for one in shop}
    assert {one["id"]: one["item_id"] for one in records} == items
