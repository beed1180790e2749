from __future__ import annotations

from singer_sdk.singerlib import SelectionMask

from klaviyo_client.query import Query
from tap_klaviyo.schema_files import marked_schema
from tap_klaviyo.selection import selected_columns, selection_query
from tap_klaviyo.specs import STREAMS

PERSON = ("email", "phone_number", "external_id")
SPECS = {spec.name: spec for spec in STREAMS}


def query_without(name: str, *deselected: str) -> Query:
    marked = marked_schema(SPECS[name])
    mask = SelectionMask({(): True} | {("properties", column): False for column in deselected})
    return selection_query(SPECS[name], marked, selected_columns(marked, mask))


def test_events_ask_for_their_relations_with_the_smallest_fieldsets() -> None:
    query = query_without("events", *PERSON)
    assert query.include == ("attributions", "metric", "profile")
    assert query.fields == {"attribution": ("id",), "metric": ("name",), "profile": ("id",)}
    assert query.sort == "datetime"
    assert query.page_size == 1000


def test_what_names_a_person_is_asked_for_as_far_as_it_is_selected() -> None:
    assert query_without("events").fields["profile"] == PERSON
    assert query_without("events", *PERSON[:2]).fields["profile"] == PERSON[2:]


def test_a_deselected_relation_is_not_included() -> None:
    attributed = ("campaign_id", "campaign_message_id", "flow_id", "flow_message_id")
    query = query_without("events", "profile_id", "attribution_ids", *attributed, *PERSON)
    assert query.include == ("metric",)
    assert query_without("lists", "tag_ids", "flow_trigger_ids").include == ()


def test_a_deselected_attribute_is_not_asked_for() -> None:
    query = query_without("profiles", "email", "properties", "location")
    asked = query.fields["profile"]
    assert "email" not in asked
    assert "properties" not in asked
    assert {"first_name", "updated", "id", "subscriptions"} <= set(asked)


def test_the_replication_key_is_asked_for_even_when_deselected() -> None:
    assert "updated" in query_without("profiles", "updated").fields["profile"]


def test_flow_ids_need_the_properties_even_when_those_are_deselected() -> None:
    assert "event_properties" in query_without("events", "event_properties").fields["event"]


def test_predictive_analytics_is_asked_for_only_when_selected() -> None:
    both = query_without("profiles").additional_fields["profile"]
    assert both == ("subscriptions", "predictive_analytics")
    one = query_without("profiles", "predictive_analytics").additional_fields["profile"]
    assert one == ("subscriptions",)


def test_nothing_deselected_leaves_the_fields_open_for_unknown_attributes() -> None:
    assert "profile" not in query_without("profiles", "predictive_analytics").fields
