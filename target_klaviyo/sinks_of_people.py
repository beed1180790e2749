"""The sinks of people: profiles, events, lists and their members."""

from __future__ import annotations

from target_klaviyo.consents import build_subscription
from target_klaviyo.copied_consents import build_copied, plan_copied
from target_klaviyo.events import build_event, plan_events
from target_klaviyo.lists import build_list, plan_lists
from target_klaviyo.memberships import (
    build_membership,
    mirror_removals,
    plan_memberships,
    plan_mirror,
    plan_removals,
)
from target_klaviyo.mirrors import Mirror
from target_klaviyo.profile_modes import (
    build_deletion,
    build_new_profile,
    plan_creations,
    plan_deletions,
    plan_updates,
)
from target_klaviyo.profiles import build_profile, plan_profiles
from target_klaviyo.sink_rows import Mode, SinkSpec, TapForm
from target_klaviyo.subscriptions import plan_subscriptions
from target_klaviyo.suppressions import build_suppression, plan_liftings, plan_suppressions
from target_klaviyo.withdrawals import Withdrawals

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

PEOPLE: tuple[SinkSpec, ...] = (
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
        operations={"append": "list", "unappend": "list", "unset": "boolean"},
        immediate=True,
        batch_rows=50_000,
        modes={
            "upsert": Mode(),
            "create_only": Mode(build_new_profile, plan_creations, (tuple(IDENTIFIERS),)),
            "update_only": Mode(plan=plan_updates, needs=(("id", *IDENTIFIERS),)),
            "delete": Mode(build_deletion, plan_deletions, (("id", *IDENTIFIERS),)),
        },
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
            ("email", "phone_number", "external_id", "profile_id", "source_id"),
            ("metric",),
            ("time",),
        ),
        build=build_event,
        plan=plan_events,
        properties=True,
        immediate=True,
        # Of two events of one unique id Klaviyo keeps the first, which has the same content.
        ordered=False,
        # Events make people too: those of the rows before must be there first.
        after=("profiles",),
        tap=TapForm(
            frozenset({"event_properties", "metric_name"}),
            {
                "metric_name": "metric",
                "profile_id": "source_id",
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
        fields={"name": "string", "opt_in_process": "string", "source_list_id": "string"},
        needs=(("name",),),
        explicit=frozenset({"source_list_id"}),
        build=build_list,
        plan=plan_lists,
    ),
    SinkSpec(
        "list_profiles",
        fields={
            "list_id": "string",
            "list_name": "string",
            "id": "string",
            **IDENTIFIERS,
            "source_list_id": "string",
            "source_subscriptions": "json",
        },
        needs=(("list_id", "list_name"), ("id", *IDENTIFIERS)),
        explicit=frozenset({"source_list_id", "source_subscriptions"}),
        build=build_membership,
        plan=plan_memberships,
        after=("profiles", "lists"),
        modes={
            "add": Mode(),
            "remove": Mode(plan=plan_removals),
            "mirror": Mode(plan=plan_mirror, mirror=Mirror(mirror_removals)),
        },
    ),
    SinkSpec(
        "profile_deletions",
        fields={"id": "string", **IDENTIFIERS},
        needs=(("id", *IDENTIFIERS),),
        build=build_deletion,
        plan=plan_deletions,
        explicit=frozenset({"id"}),
        # What is still on its way to a profile must not bring it back.
        after=("profiles", "events", "list_profiles", "subscriptions"),
    ),
    SinkSpec(
        "subscriptions",
        fields={
            "consent": "string",
            "channel": "string",
            "message_type": "string",
            "email": "email",
            "phone_number": "phone",
            "id": "string",
            "list_id": "string",
            "list_name": "string",
            "historical_import": "boolean",
            "consented_at": "date-time",
            "custom_source": "string",
            "age_gated_date_of_birth": "string",
            "suppressed": "boolean",
            "can_receive": "boolean",
            "valid_until": "string",
            "channel_phone_number": "phone",
            "push_token": "string",
            "push_platform": "string",
            "push_vendor": "string",
            "anonymous_id": "string",
        },
        needs=(
            ("consent",),
            ("channel",),
            ("message_type",),
            ("email", "phone_number", "id", "anonymous_id"),
        ),
        build=build_subscription,
        plan=plan_subscriptions,
        explicit=frozenset({"id"}),
        after=("profiles", "lists", "list_profiles"),
        modes={
            "change": Mode(),
            # Nobody is to come onto a list before it is known who may be written to.
            "copy": Mode(
                build_copied,
                plan_copied,
                (("channel",), ("message_type",)),
                after=("profiles",),
                before=("list_profiles",),
            ),
        },
        tap=TapForm(frozenset({"consent_timestamp"}), {"consent_timestamp": "consented_at"}),
        # As many as possible at once: of the changes in a batch only the last one is sent.
        batch_rows=100_000,
        refusals=Withdrawals,
    ),
    SinkSpec(
        "suppressions",
        fields={"email": "email"},
        needs=(("email",),),
        build=build_suppression,
        plan=plan_suppressions,
        after=("profiles", "subscriptions"),
        modes={
            "suppress": Mode(),
            "unsuppress": Mode(plan=plan_liftings),
            # Nobody is to be there unsuppressed, not even while the rest is copied.
            "copy": Mode(after=(), before=("profiles",)),
        },
    ),
)
