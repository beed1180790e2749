from __future__ import annotations

from typing import Any

import msgspec
import pytest

from klaviyo_client.operations import operations
from klaviyo_client.wire import Answer, read_page
from tap_klaviyo.records import page_records, record_shape
from tap_klaviyo.schema_files import marked_schema, singer_schema
from tap_klaviyo.specs import STREAMS, StreamSpec

SPECS = {spec.name: spec for spec in STREAMS}


def flat(name: str, resource: dict[str, Any], *included: dict[str, Any]) -> dict[str, Any]:
    marked = marked_schema(SPECS[name])
    shape = record_shape(marked, tuple(marked["properties"]), SPECS[name].complete)
    data, others = (msgspec.Raw(msgspec.json.encode(part)) for part in ([resource], included))
    (record,) = page_records(shape, data, others)
    return record


def event(**relationships: Any) -> dict[str, Any]:
    attributes = {
        "timestamp": 1756993135,
        "datetime": "2026-09-04 13:38:55+00:00",
        "event_properties": {"$value": 12.5, "when": "2026-09-04 13:38:55+00:00"},
        "uuid": "9b1d7c80-8995-11f0-8001-000000000000",
    }
    relations = {name: {"data": data, "links": {}} for name, data in relationships.items()}
    return {"type": "event", "id": "E1", "attributes": attributes, "relationships": relations}


def test_an_event_always_has_its_profile_and_metric_columns() -> None:
    record = flat("events", event())
    assert record["id"] == "E1"
    assert record["profile_id"] is record["metric_id"] is record["metric_name"] is None
    assert record["datetime"] == "2026-09-04T13:38:55+00:00"
    # The customer's own properties are passed on as they are.
    assert record["event_properties"]["when"] == "2026-09-04 13:38:55+00:00"


def test_an_event_takes_the_metric_name_and_attribution_from_what_is_included() -> None:
    metric = {"type": "metric", "id": "M1", "attributes": {"name": "Placed Order"}}
    credit = {
        "type": "attribution",
        "id": "A1",
        "relationships": {
            "campaign": {"data": {"type": "campaign", "id": "C1"}},
            "campaign-message": {"data": {"type": "campaign-message", "id": "CM1"}},
            "flow": {"data": None},
        },
    }
    resource = event(
        profile={"type": "profile", "id": "P1"},
        metric={"type": "metric", "id": "M1"},
        attributions=[{"type": "attribution", "id": "A1"}],
    )
    record = flat("events", resource, metric, credit)
    assert (record["profile_id"], record["metric_id"]) == ("P1", "M1")
    assert record["metric_name"] == "Placed Order"
    assert (record["campaign_id"], record["campaign_message_id"]) == ("C1", "CM1")
    assert record["flow_id"] is None
    assert record["attribution_ids"] == ["A1"]


@pytest.mark.parametrize(
    "properties",
    [{"$flow": "F1", "$message": "FM1"}, {"$attribution": {"$flow": "F1", "$message": "FM1"}}],
)
def test_an_event_of_a_flow_names_it_without_attribution(properties: dict[str, Any]) -> None:
    resource = event()
    resource["attributes"]["event_properties"] = properties
    record = flat("events", resource)
    assert (record["flow_id"], record["flow_message_id"]) == ("F1", "FM1")


def test_unknown_attributes_and_relations_are_kept_apart() -> None:
    resource = {
        "type": "profile",
        "id": "P1",
        "attributes": {"email": "a@x.org", "anonymous_id": None, "whatsapp_bsuid": "w"},
        "relationships": {"devices": {"data": [{"type": "device", "id": "D1"}]}},
    }
    record = flat("profiles", resource)
    assert record["extra_attributes"] == {
        "anonymous_id": None,
        "whatsapp_bsuid": "w",
        "devices": ["D1"],
    }
    assert "anonymous_id" not in record
    assert record["last_name"] is None


def test_a_time_that_is_none_does_not_reach_a_typed_column() -> None:
    resource = {"type": "list", "id": "L", "attributes": {"created": "soon", "updated": None}}
    record = flat("lists", resource)
    assert record["created"] is None
    assert record["extra_attributes"] == {"created": "soon"}


def test_a_single_resource_counts_as_a_page_of_one() -> None:
    marked = marked_schema(SPECS["accounts"])
    shape = record_shape(marked, tuple(marked["properties"]))
    data = msgspec.Raw(b'{"type":"account","id":"A","attributes":{"locale":"en-US"}}')
    assert [record["locale"] for record in page_records(shape, data, msgspec.Raw(b"null"))] == [
        "en-US"
    ]


SCALARS = {"string", "number", "integer", "boolean"}


def scalars_and_objects(schema: dict[str, Any]) -> list[set[str]]:
    found = [set(schema["type"] if isinstance(schema["type"], list) else [schema["type"]])]
    for part in schema.get("properties", {}).values():
        found += scalars_and_objects(part)
    return found + (scalars_and_objects(schema["items"]) if "items" in schema else [])


@pytest.mark.parametrize("spec", STREAMS, ids=lambda spec: spec.name)
def test_a_schema_is_one_that_every_loader_takes(spec: StreamSpec) -> None:
    schema = singer_schema(marked_schema(spec))
    assert "x-klaviyo-relationship" not in str(schema)
    for types in scalars_and_objects(schema):
        assert types, "a column without type crashes loaders"
        assert not (types & {"object", "array"} and types & SCALARS), "loaders lose such unions"
    for column in schema["properties"].values():
        assert len({*column["type"]} - {"null"} if isinstance(column["type"], list) else {1}) == 1
    assert set(spec.primary_keys) <= set(schema["properties"])
    for key in spec.primary_keys:
        assert schema["properties"][key]["type"] == "string"


@pytest.mark.parametrize("spec", STREAMS, ids=lambda spec: spec.name)
def test_a_row_agrees_with_the_endpoint_facts(spec: StreamSpec) -> None:
    known = operations()[spec.operation]
    assert known.method == "GET"
    columns = marked_schema(spec)["properties"]
    assert set(spec.unselected) <= set(columns)
    assert {column.include for column in spec.derived.values()} <= {*known.include, None}
    if spec.replication_key:
        assert spec.replication_key in columns
    if spec.time_field:
        assert known.filters[spec.time_field].value == "date-time"
        assert spec.time_field in known.sort or not spec.trust_order


def test_half_an_emoji_or_an_endless_number_does_not_stop_a_page() -> None:
    marked = marked_schema(SPECS["profiles"])
    shape = record_shape(marked, tuple(marked["properties"]))
    body = rb'{"data":[{"type":"profile","id":"P","attributes":{"title":"a\ud83d","properties":'
    body += rb'{"n":1e400,"\ud83d\ude00":[2]}}}],"links":{"next":null}}'
    page = read_page(Answer(200, {}, body), "get_profiles")
    (record,) = page_records(shape, page.data, page.included)
    assert record["title"] == "a\ufffd"
    assert record["properties"] == {"n": None, "\U0001f600": [2]}
