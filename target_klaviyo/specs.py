"""The sinks, one row each: what they take, how it becomes a request, and what settles that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from target_klaviyo.events import build_event, plan_events
from target_klaviyo.lists import build_list, plan_lists
from target_klaviyo.memberships import build_membership, plan_memberships
from target_klaviyo.plans import Build, MakePlan
from target_klaviyo.profiles import build_profile, plan_profiles

IDENTIFIERS = {"email": "email", "phone_number": "phone", "external_id": "string"}
LOCATION = (
    "address1",
    "address2",
    "city",
    "country",
    "region",
    "zip",
    "timezone",
    "ip",
    "latitude",
    "longitude",
)


@dataclass(frozen=True, slots=True)
class TapForm:
    """How tap-klaviyo's records of a resource differ from rows made for this sink.

    Attributes:
        marks: Columns that only such a record has.
        names: Field by column, where the names differ.
        read_only: Columns that Klaviyo works out itself or takes elsewhere; they are left out.
    """

    marks: frozenset[str] = frozenset()
    names: Mapping[str, str] = field(default_factory=dict)
    read_only: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class SinkSpec:
    """One sink.

    Attributes:
        name: The stream that goes here by itself.
        fields: What a row can fill, and the kind of each value (see `values.conversion`); a dot
            leads into an object.
        needs: Of each group, a row must fill at least one.
        build: Makes an item of an accepted record, or refuses the row.
        plan: Arranges the items of a batch into requests.
        properties: Whether columns that fill no field become custom properties; else they are
            left out.
        explicit: Fields that a column fills only when the mapping says so, not by its name.
        after: Sinks whose pending rows must be written first.
        batch_rows: Rows to gather before sending, unless `batch_size_rows` says otherwise.
        tap: tap-klaviyo's records of this resource.
    """

    name: str
    fields: Mapping[str, str]
    needs: tuple[tuple[str, ...], ...]
    build: Build
    plan: MakePlan
    properties: bool = False
    explicit: frozenset[str] = frozenset()
    after: tuple[str, ...] = ()
    batch_rows: int = 10_000
    tap: TapForm = TapForm()


SINKS: tuple[SinkSpec, ...] = (
    SinkSpec(
        "profiles",
        fields={
            "id": "string",
            **IDENTIFIERS,
            "first_name": "string",
            "last_name": "string",
            "organization": "string",
            "locale": "string",
            "title": "string",
            "image": "string",
            "location": "json",
            **{f"location.{name}": "string" for name in LOCATION},
            "properties": "json",
        },
        needs=(("email", "phone_number", "external_id", "id", "source_id"),),
        build=build_profile,
        plan=plan_profiles,
        properties=True,
        # A shop's own `id` column is far more common than one of Klaviyo's profile ids.
        explicit=frozenset({"id"}),
        batch_rows=20_000,
        tap=TapForm(
            frozenset({"extra_attributes", "last_event_date", "predictive_analytics"}),
            {"id": "source_id"},
            frozenset(
                {
                    "conversation_ids",
                    "created",
                    "extra_attributes",
                    "joined_group_at",
                    "last_event_date",
                    "list_ids",
                    "predictive_analytics",
                    "push_token_ids",
                    "segment_ids",
                    "subscriptions",
                    "updated",
                }
            ),
        ),
    ),
    SinkSpec(
        "events",
        fields={
            "profile_id": "string",
            **IDENTIFIERS,
            "metric": "string",
            "time": "date-time",
            "value": "number",
            "value_currency": "string",
            "unique_id": "string",
            "backfill": "boolean",
            "properties": "json",
        },
        needs=(
            ("email", "phone_number", "external_id", "profile_id"),
            ("metric",),
            ("time",),
        ),
        build=build_event,
        plan=plan_events,
        properties=True,
        # Events make people too: those of the rows before must be there first.
        after=("profiles",),
        tap=TapForm(
            frozenset({"event_properties", "metric_name"}),
            {
                "metric_name": "metric",
                "datetime": "time",
                "event_properties": "properties",
                "id": "unique_id",
            },
            frozenset(
                {
                    "attribution_ids",
                    "campaign_id",
                    "campaign_message_id",
                    "extra_attributes",
                    "flow_id",
                    "flow_message_id",
                    "metric_id",
                    "timestamp",
                    "uuid",
                }
            ),
        ),
    ),
    SinkSpec(
        "lists",
        fields={"name": "string", "opt_in_process": "string"},
        needs=(("name",),),
        build=build_list,
        plan=plan_lists,
    ),
    SinkSpec(
        "list_profiles",
        fields={"list_id": "string", "list_name": "string", "id": "string", **IDENTIFIERS},
        needs=(("list_id", "list_name"), ("id", *IDENTIFIERS)),
        build=build_membership,
        plan=plan_memberships,
        after=("profiles", "lists"),
    ),
)


def sink_spec(name: str) -> SinkSpec | None:
    """The sink called `name`, or None."""
    return next((spec for spec in SINKS if spec.name == name), None)


def sink_names() -> list[str]:
    """The names of all sinks."""
    return [spec.name for spec in SINKS]
