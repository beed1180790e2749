"""Streams of profiles: who they are, what they did, where they belong, who is left out."""

from __future__ import annotations

from klaviyo_client.query import Query
from tap_klaviyo.consents import CONSENT_COLUMNS, CONSENT_IDENTIFIERS, consents
from tap_klaviyo.events import EVENT_COLUMNS, EVENT_COMPLETION
from tap_klaviyo.events import IDENTIFIERS as EVENT_IDENTIFIERS
from tap_klaviyo.relations import identifiers, included_rows
from tap_klaviyo.spec import Derived, Parent, StreamSpec
from tap_klaviyo.suppressions import (
    LIST_SUPPRESSION_COLUMNS,
    LIST_SUPPRESSION_FIELD,
    SUPPRESSION_COLUMNS,
    SUPPRESSION_FIELD,
    list_suppressions,
    suppressions,
)

LISTS = Parent("get_lists", "list_id", names={"name": "list_name"})
SEGMENTS = Parent("get_segments", "segment_id")
IMPORT_JOBS = Parent("get_bulk_import_profiles_jobs", "job_id")
# The timestamps of suppressions are asked for by themselves: Klaviyo sorts by none of several.
SUPPRESSED = Query(
    fields={"profile": ("email",)}, additional_fields={"profile": ("subscriptions",)}
)

PEOPLE: tuple[StreamSpec, ...] = (
    StreamSpec(
        "conversations",
        "get_profiles",
        record="profile_conversation",
        rows=included_rows("conversations", "profile_id"),
        asks=Query(include=("conversations",), fields={"profile": ("created",)}),
        derived={"profile_id": Derived({"type": ["string", "null"]})},
    ),
    StreamSpec(
        "events",
        "get_events",
        replication_key="datetime",
        timed=True,
        # Klaviyo's index of events is late by up to a week and more (Estuary's measurements).
        lookback_days=7,
        include_fields={"metric": ("name",)},
        derived={
            name: Derived({"type": ["string", "null"]}, include)
            for name, include in EVENT_COLUMNS.items()
        }
        | {
            name: Derived({"type": ["string", "null"]}, "profile", name)
            for name in EVENT_IDENTIFIERS
        },
        unselected=EVENT_IDENTIFIERS,
        complete=EVENT_COMPLETION,
    ),
    StreamSpec(
        "list_profiles",
        "get_profiles_for_list",
        primary_keys=("list_id", "id"),
        replication_key="joined_group_at",
        timed=True,
        lookback_days=1,
        parent=LISTS,
        unselected=("predictive_analytics", "subscriptions"),
    ),
    StreamSpec(
        "profile_import_errors", "get_errors_for_bulk_import_profiles_job", parent=IMPORT_JOBS
    ),
    StreamSpec("profile_bulk_import_jobs", "get_bulk_import_profiles_jobs"),
    identifiers(
        "profile_bulk_import_job_lists",
        "get_list_ids_for_bulk_import_profiles_job",
        IMPORT_JOBS,
        "list_id",
    ),
    identifiers(
        "profile_bulk_import_job_profiles",
        "get_profile_ids_for_bulk_import_profiles_job",
        IMPORT_JOBS,
        "profile_id",
    ),
    StreamSpec(
        "profile_list_suppressions",
        "get_profiles",
        primary_keys=("profile_id", "list_id", "reason"),
        replication_key="timestamp",
        filter_field=LIST_SUPPRESSION_FIELD,
        trust_order=False,
        lookback_days=1,
        columns=LIST_SUPPRESSION_COLUMNS,
        rows=list_suppressions,
        asks=SUPPRESSED,
    ),
    StreamSpec(
        "profile_consents",
        "get_profiles",
        primary_keys=("profile_id", "channel", "message_type"),
        columns=CONSENT_COLUMNS,
        rows=consents,
        asks=Query(
            fields={"profile": CONSENT_IDENTIFIERS},
            additional_fields={"profile": ("subscriptions",)},
        ),
    ),
    StreamSpec("profile_suppression_bulk_create_jobs", "get_bulk_suppress_profiles_jobs"),
    StreamSpec("profile_suppression_bulk_delete_jobs", "get_bulk_unsuppress_profiles_jobs"),
    StreamSpec(
        "profile_suppressions",
        "get_profiles",
        primary_keys=("profile_id", "reason"),
        replication_key="timestamp",
        filter_field=SUPPRESSION_FIELD,
        trust_order=False,
        lookback_days=1,
        columns=SUPPRESSION_COLUMNS,
        rows=suppressions,
        asks=SUPPRESSED,
    ),
    StreamSpec(
        "profiles",
        "get_profiles",
        replication_key="updated",
        unselected=("conversation_ids", "predictive_analytics", "push_token_ids"),
    ),
    StreamSpec("push_tokens", "get_push_tokens"),
    StreamSpec(
        "segment_profiles",
        "get_profiles_for_segment",
        primary_keys=("segment_id", "id"),
        replication_key="joined_group_at",
        timed=True,
        lookback_days=1,
        parent=SEGMENTS,
        unselected=("predictive_analytics", "subscriptions"),
    ),
)
