from collections.abc import Sequence
from typing import Any

import pytest

from klaviyo_client.errors import ConfigurationError
from klaviyo_sandbox import event_writes
from klaviyo_sandbox.sandbox import Sandbox
from target_klaviyo.errors import RowsFailedError
from tests.target.running import Load, held, load, profiles, records, schema, sent, state

MAPPING: dict[str, Any] = {
    "sink": "events",
    "columns": {
        "external_id": "customer",
        "metric": {"constant": "Placed Order"},
        "time": {"column": "date", "format": "YYYYMMDD"},
        "value": "total",
        "backfill": {"constant": True},
    },
    "types": {"items": "integer"},
}
COLUMNS = ("customer", "email", "date", "total", "items", "note", "row")


def load_orders(
    sandbox: Sandbox, *rows: dict[str, Any], keys: Sequence[str] = (), **settings: Any
) -> Load:
    settings = {"streams": {"orders": MAPPING}, "default_timezone": "UTC", **settings}
    messages = [schema("orders", *COLUMNS, keys=keys), *records("orders", rows), state({"n": 1})]
    return load(sandbox, messages, **settings)


ORDER = {"customer": "7", "date": "20260110", "total": "9.50", "items": "3", "note": "gift"}


def test_rows_become_events(sandbox: Sandbox) -> None:
    loaded = load_orders(sandbox, ORDER)
    assert loaded.error is None
    (event,) = held(sandbox, "get_events")
    assert event["datetime"].replace(" ", "T").startswith("2026-01-10T00:00:00")
    found = event["event_properties"]
    assert (found["$value"], found["items"], found["note"]) == (9.5, 3, "gift")
    (entry,) = sandbox.requests.of("bulk_create_events")
    (group,) = entry.json["data"]["attributes"]["events-bulk-create"]["data"]
    (sent_event,) = group["attributes"]["events"]["data"]
    assert b'"value":9.50' in entry.body
    assert sent_event["attributes"]["backfill"] is True
    assert len(sent_event["attributes"]["unique_id"]) == 64


def test_immediate_rows_go_one_by_one(sandbox: Sandbox) -> None:
    streams = {"orders": {**MAPPING, "immediate": True}}
    rows = [{**ORDER, "row": str(number)} for number in range(3)]
    far = {**ORDER, "row": "4", "date": "21000101"}
    rich = {**ORDER, "row": "5", "note": "x" * 100_001}
    letters = {"on_error": "dead_letter", "dead_letter_path": "/dev/null"}
    sandbox.faults.add("create_event", "lost_response")
    loaded = load_orders(
        sandbox, *rows, far, rich, rows[0], keys=["row"], streams=streams, **letters
    )
    assert loaded.counts("orders") == {
        "accepted": 3,
        "skipped: duplicate": 1,
        "rejected: time is more than a year ahead": 1,
        "rejected: properties.note is longer than 100000 characters": 1,
    }
    assert sent(sandbox, "create_event") == [202] * 4
    assert not sent(sandbox, "bulk_create_events")
    assert [one["event_properties"]["$value"] for one in held(sandbox, "get_events")] == [9.5] * 3
    (person,) = held(sandbox, "get_profiles")
    assert person["external_id"] == "7"


@pytest.mark.parametrize("form", ["setting", "column"])
def test_decimals_are_read_as_declared(sandbox: Sandbox, form: str) -> None:
    columns = dict(MAPPING["columns"])
    settings: dict[str, Any] = {"decimal_format": "1.234,56"}
    if form == "column":
        columns["value"] = {"column": "total", "format": settings.pop("decimal_format")}
    rows = [{**ORDER, "total": "1.234,50"}, {**ORDER, "total": "1234.50"}]
    streams = {"orders": {**MAPPING, "columns": columns}}
    loaded = load_orders(sandbox, *rows, streams=streams, **settings)
    assert loaded.counts("orders") == {
        "accepted": 1,
        "rejected: column 'total' is no number; write it as 1.234,56, or set decimal_format": 1,
    }
    assert [one["event_properties"]["$value"] for one in held(sandbox, "get_events")] == [1234.5]


def test_a_repeated_load_changes_nothing(sandbox: Sandbox) -> None:
    rows = [{**ORDER, "row": str(number)} for number in range(5)]
    for _ in range(2):
        assert load_orders(sandbox, *rows, keys=["row"]).counts("orders") == {"accepted": 5}
    assert len(held(sandbox, "get_events")) == 5


def test_without_a_key_exact_duplicates_collapse_and_are_counted(sandbox: Sandbox) -> None:
    loaded = load_orders(sandbox, ORDER, ORDER, {**ORDER, "total": "1"}, ORDER)
    assert loaded.counts("orders") == {"accepted": 2, "skipped: duplicate": 2}
    assert len(held(sandbox, "get_events")) == 2


def test_one_key_with_other_content_is_told_apart(sandbox: Sandbox) -> None:
    first, second = {**ORDER, "row": "1"}, {**ORDER, "row": "1", "total": "1"}
    loaded = load_orders(sandbox, first, second, first, keys=["row"])
    assert loaded.counts("orders") == {
        "accepted": 1,
        "skipped: unique_id was sent before in this run with other content, and Klaviyo keeps "
        "the first": 1,
        "skipped: duplicate": 1,
    }


def test_one_person_in_two_spellings_is_one_person(sandbox: Sandbox) -> None:
    """Klaviyo refuses a whole request that holds one unique id of one person twice."""
    columns = {**MAPPING["columns"], "unique_id": "row"}
    del columns["external_id"]
    rows = [{**ORDER, "row": "1", "email": email} for email in ("Ann@shop.org", "ann@SHOP.org")]
    loaded = load_orders(sandbox, *rows, streams={"orders": {**MAPPING, "columns": columns}})
    assert loaded.error is None
    counts = loaded.counts("orders")
    assert (counts.pop("accepted"), *counts.values()) == (1, 1)
    (entry,) = sandbox.requests.of("bulk_create_events")
    assert entry.body.count(b'"unique_id"') == 1


def test_bad_rows_are_rejected_one_by_one(sandbox: Sandbox, tmp_path: Any) -> None:
    rows = [
        ORDER,
        {**ORDER, "customer": ""},
        {**ORDER, "date": ""},
        {**ORDER, "date": "1997"},
        {**ORDER, "date": "19991231"},
        {**ORDER, "date": "20990101"},
        {**ORDER, "total": "9,50"},
        {**ORDER, "items": "three"},
        {**ORDER, "email": "ada@example.com"},
    ]
    letters = str(tmp_path / "letters.jsonl")
    loaded = load_orders(sandbox, *rows, on_error="dead_letter", dead_letter_path=letters)
    assert loaded.error is None
    assert loaded.counts("orders") == {
        "accepted": 1,
        "rejected: has no email or phone_number or external_id or profile_id": 1,
        "rejected: has no time": 1,
        "rejected: column 'date' does not fit the format of its mapping": 1,
        "rejected: time is before earliest_event_time (2000-01-01)": 1,
        "rejected: time is more than a year ahead": 1,
        "rejected: column 'total' is no number; write it as 1234.56, or set decimal_format": 1,
        "rejected: column 'items' is no integer": 1,
        "rejected: Klaviyo silently drops events of @example.com and @test.com addresses": 1,
    }


def test_a_date_needs_a_time_zone(sandbox: Sandbox) -> None:
    loaded = load_orders(sandbox, ORDER, default_timezone=None)
    (reason,) = loaded.counts("orders")
    assert "set default_timezone" in reason
    assert isinstance(loaded.error, RowsFailedError)
    assert loaded.states == []


def test_2500_events_are_three_requests(sandbox: Sandbox) -> None:
    rows = [{**ORDER, "customer": str(n % 40), "row": str(n)} for n in range(2_500)]
    loaded = load_orders(sandbox, *rows, keys=["row"])
    assert loaded.tallies["orders"].requests == 3
    assert len(held(sandbox, "get_events")) == 2_500
    assert len(held(sandbox, "get_profiles")) == 40


def test_rows_that_klaviyo_names_are_stripped_and_the_rest_is_sent_again(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_writes, "LONGEST_METRIC", 12)
    columns = {**MAPPING["columns"], "metric": "note"}
    streams = {"orders": {**MAPPING, "columns": columns}}
    rows = [{**ORDER, "customer": str(n % 2), "row": str(n)} for n in range(6)]
    rows[3]["note"] = rows[4]["note"] = "a metric of another length"
    loaded = load_orders(sandbox, *rows, keys=["row"], streams=streams)
    assert loaded.counts("orders") == {
        "accepted": 4,
        "rejected: Klaviyo answered 400 (invalid at metric.name)": 2,
    }
    assert "row 4 rejected" in str(loaded.error)
    assert sent(sandbox, "bulk_create_events") == [400, 202]
    assert len(held(sandbox, "get_events")) == 4


def test_a_400_that_names_no_row_is_narrowed_down(sandbox: Sandbox) -> None:
    sandbox.faults.add("bulk_create_events", "status", status=400, times=3)
    rows = [{**ORDER, "row": str(number)} for number in range(4)]
    loaded = load_orders(sandbox, *rows, keys=["row"])
    assert loaded.counts("orders") == {
        "accepted": 3,
        "rejected: Klaviyo answered 400 (invalid)": 1,
    }
    assert sent(sandbox, "bulk_create_events") == [400, 400, 400, 202, 202]


def test_old_events_without_backfill_warn_once(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    columns = {name: value for name, value in MAPPING["columns"].items() if name != "backfill"}
    streams = {"orders": {**MAPPING, "columns": columns}}
    load_orders(sandbox, ORDER, {**ORDER, "total": "2"}, streams=streams)
    warnings = [one.getMessage() for one in caplog.records if "backfill" in one.getMessage()]
    assert len(warnings) == 1
    assert "can start flows" in warnings[0]


def test_events_of_tap_klaviyo_are_taken(sandbox: Sandbox) -> None:
    load(sandbox, [schema("profiles", "email"), *records("profiles", [{"email": "ada@shop.org"}])])
    ada = profiles(sandbox)["ada@shop.org"]
    columns = ("id", "profile_id", "metric_name", "metric_id", "datetime", "uuid")
    told = schema("events", *columns, keys=["id"], event_properties={"type": "object"})
    record = {
        "id": "4yTEk",
        "profile_id": ada["id"],
        "metric_name": "Placed Order",
        "metric_id": "WqQ",
        "datetime": "2026-01-01T10:00:00+00:00",
        "uuid": "x",
        "event_properties": {"$value": 12.5, "Shop": "Bristol"},
    }
    loaded = load(sandbox, [told, *records("events", [record])])
    assert loaded.error is None
    (event,) = held(sandbox, "get_events")
    assert event["event_properties"] == {"$event_id": "4yTEk", "$value": 12.5, "Shop": "Bristol"}


def test_a_lost_answer_makes_no_doubles(sandbox: Sandbox) -> None:
    sandbox.faults.add("bulk_create_events", "lost_response")
    rows = [{**ORDER, "row": str(number)} for number in range(5)]
    assert load_orders(sandbox, *rows, keys=["row"]).counts("orders") == {"accepted": 5}
    assert len(held(sandbox, "get_events")) == 5
    assert len(sent(sandbox, "bulk_create_events")) == 2


def test_a_413_is_split(sandbox: Sandbox) -> None:
    sandbox.faults.add("bulk_create_events", "status", status=413)
    rows = [{**ORDER, "row": str(number)} for number in range(5)]
    assert load_orders(sandbox, *rows, keys=["row"]).counts("orders") == {"accepted": 5}
    assert sent(sandbox, "bulk_create_events") == [413, 202, 202]


def test_a_mapping_that_does_not_fit_stops_before_any_row(sandbox: Sandbox) -> None:
    streams = {"orders": {**MAPPING, "columns": {"external_id": "custmer"}}}
    loaded = load_orders(sandbox, ORDER, streams=streams)
    assert isinstance(loaded.error, ConfigurationError)
    assert "did you mean 'customer'?" in str(loaded.error)
    assert not list(sandbox.requests)


def test_events_of_people_of_another_account_are_refused(sandbox: Sandbox) -> None:
    columns = ("id", "profile_id", "metric_name", "datetime")
    told = schema("events", *columns, keys=["id"], event_properties={"type": "object"})
    record = {
        "id": "4yTEk",
        "profile_id": "01JB3JE500Q41N2XP5D12BWXRM",
        "metric_name": "Placed Order",
        "datetime": "2026-01-01T10:00:00+00:00",
        "event_properties": {},
    }
    loaded = load(sandbox, [told, *records("events", [record])])
    assert loaded.counts("events") == {
        "rejected: no profile of this account has this profile_id; give email, phone_number or "
        "external_id": 1
    }
    assert sent(sandbox, "bulk_create_events") == []


@pytest.mark.parametrize("key", ["", None])
def test_rows_whose_key_is_empty_are_not_the_same_row(sandbox: Sandbox, key: str | None) -> None:
    rows = [{**ORDER, "row": key, "total": str(number)} for number in range(4)]
    assert load_orders(sandbox, *rows, keys=["row"]).counts("orders") == {"accepted": 4}
    assert len(held(sandbox, "get_events")) == 4


def test_events_wait_for_the_people_that_came_before_them(sandbox: Sandbox) -> None:
    person = {"email": "ada@shop.org", "external_id": "7"}
    messages = [
        schema("profiles", "email", "external_id"),
        *records("profiles", [person]),
        schema("orders", *COLUMNS),
        *records("orders", [{**ORDER, "total": str(number)} for number in range(12)]),
    ]
    load(sandbox, messages, streams={"orders": MAPPING}, default_timezone="UTC", batch_size_rows=10)
    assert [one["external_id"] for one in profiles(sandbox).values()] == ["7"]
    order = [one.operation for one in sandbox.requests]
    assert order.index("bulk_import_profiles") < order.index("bulk_create_events")


def test_a_refused_event_does_not_stand_in_for_a_later_one(sandbox: Sandbox) -> None:
    """Both rows say 'row 1': Klaviyo refuses the first, and takes the second."""
    told = schema("orders", *COLUMNS)
    sandbox.faults.add("bulk_create_events", "status", status=400)
    rows: list[dict[str, Any]] = [
        {**ORDER, "row": "1", "note": "refused"},
        {**ORDER, "row": "1"},
        {**ORDER, "row": "1"},
        {**ORDER, "row": "1", "note": "other"},
    ]
    mapping = {**MAPPING, "columns": {**MAPPING["columns"], "unique_id": "row"}}
    loaded = load(
        sandbox,
        [told, *records("orders", rows), state({"n": 1})],
        streams={"orders": mapping},
        default_timezone="UTC",
    )
    counts = loaded.counts("orders")
    assert sum(counts.values()) == 4
    assert counts.pop("accepted") == 1
    assert counts.pop("skipped: duplicate") == 1
    contradicting, refused = sorted(counts, reverse=True)
    assert contradicting.startswith("skipped: unique_id was sent before")
    assert refused.startswith("rejected: Klaviyo answered 400")
    (event,) = held(sandbox, "get_events")
    assert event["event_properties"]["note"] == "gift"


def test_rows_that_are_refused_alike_are_sent_once(sandbox: Sandbox) -> None:
    sandbox.faults.add("bulk_create_events", "status", status=400)
    loaded = load_orders(sandbox, *([{**ORDER, "row": "1"}] * 2_000), keys=["row"])
    (reason,) = loaded.counts("orders")
    assert reason.startswith("rejected: Klaviyo answered 400")
    assert loaded.counts("orders")[reason] == 2_000
    assert sent(sandbox, "bulk_create_events") == [400]


def test_many_contradicting_rows_are_tried_in_turn(sandbox: Sandbox) -> None:
    count = 5
    sandbox.faults.add("bulk_create_events", "status", status=400, times=count - 1)
    rows = [{**ORDER, "row": "1", "note": str(number)} for number in range(count)]
    counts = load_orders(sandbox, *rows, keys=["row"]).counts("orders")
    assert counts["accepted"] == 1
    assert sum(counts.values()) == count
    (event,) = held(sandbox, "get_events")
    assert event["event_properties"]["note"] == str(count - 1)
