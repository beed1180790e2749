"""The resources that the sandbox keeps, as rows: their columns, filters and relationships.

A resource is stored as the finished JSON text of its attributes, beside the columns that are
filtered, sorted or followed. A new plain resource is a row here (or in `kinds_*`) and a line in
the seed.
"""

from __future__ import annotations

from collections.abc import Mapping

from klaviyo_sandbox.kind import (
    Kind,
    backwards,
    groups,
    linked,
    members,
    one,
    owned,
)
from klaviyo_sandbox.kinds_commerce import COMMERCE
from klaviyo_sandbox.kinds_content import CONTENT
from klaviyo_sandbox.kinds_objects import CUSTOM_OBJECTS

SUPPRESSION = "subscriptions.email.marketing.suppression"
LIST_SUPPRESSIONS = "subscriptions.email.marketing.list_suppressions"

PEOPLE_AND_MARKETING = (
    Kind("account", "accounts"),
    Kind(
        "profile",
        "profiles",
        text=("email", "phone_number", "external_id"),
        dates=("created", "updated", "suppressed_at", "list_suppressed_at"),
        given=("kx", "push_token", "suppression_reason", "list_suppression_reason"),
        extra=("list_suppression_list", "subscriptions", "predictive_analytics"),
        paths={"suppressed_at": "", "list_suppressed_at": ""},
        filters={
            "_kx": "kx",
            f"{SUPPRESSION}.reason": "suppression_reason",
            f"{SUPPRESSION}.timestamp": "suppressed_at",
            f"{LIST_SUPPRESSIONS}.reason": "list_suppression_reason",
            f"{LIST_SUPPRESSIONS}.timestamp": "list_suppressed_at",
            f"{LIST_SUPPRESSIONS}.list_id": "list_suppression_list",
        },
        relations=(
            groups("lists", "list"),
            groups("segments", "segment"),
            owned("push-tokens", "push-token", "push_tokens", "profile_id"),
            owned("conversations", "conversation", "conversations", "profile_id"),
        ),
        indexes=("email", "phone_number", "external_id", "updated, id", "created, id"),
    ),
    Kind(
        "event",
        "events",
        dates=("datetime",),
        given=("profile_id", "metric_id", "unique_id"),
        filters={"timestamp": "datetime", "profile": "profile_id", "metric": "metric_id"},
        relations=(
            one("events", "profile", "profile"),
            one("events", "metric", "metric"),
            owned("attributions", "attribution", "attributions", "event_id"),
        ),
        indexes=("datetime, id", "profile_id, datetime, id", "metric_id, datetime, id"),
    ),
    Kind(
        "attribution",
        "attributions",
        given=("event_id", "attributed_event_id", "campaign_id", "campaign_message_id", "flow_id"),
        relations=(
            one("attributions", "event", "event"),
            one("attributions", "attributed-event", "event"),
            one("attributions", "campaign", "campaign"),
            one("attributions", "campaign-message", "campaign-message"),
            one("attributions", "flow", "flow"),
        ),
        indexes=("event_id",),
        only_included=True,
    ),
    Kind(
        "metric",
        "metrics",
        text=("name", "integration_name", "integration_category"),
        paths={
            "integration_name": "integration.name",
            "integration_category": "integration.category",
        },
        filters={
            "integration.name": "integration_name",
            "integration.category": "integration_category",
        },
        relations=(
            owned("flow-triggers", "flow", "flows", "trigger_id"),
            owned("metric-properties", "metric-property", "metric_properties", "metric_id"),
        ),
        indexes=("name",),
    ),
    Kind(
        "list",
        "lists",
        text=("name",),
        dates=("created", "updated"),
        relations=(
            members("list"),
            linked("list", "tags", "tag"),
            owned("flow-triggers", "flow", "flows", "trigger_id"),
        ),
    ),
    Kind(
        "segment",
        "segments",
        text=("name",),
        dates=("created", "updated"),
        flags=("is_active", "is_starred"),
        relations=(
            members("segment"),
            linked("segment", "tags", "tag"),
            owned("flow-triggers", "flow", "flows", "trigger_id"),
        ),
    ),
    Kind(
        "campaign",
        "campaigns",
        text=("name", "status"),
        dates=("created_at", "scheduled_at", "updated_at"),
        flags=("archived",),
        given=("channel",),
        filters={"messages.channel": "channel"},
        relations=(
            owned("campaign-messages", "campaign-message", "campaign_messages", "campaign_id"),
            linked("campaign", "tags", "tag"),
        ),
        hidden_when_archived=True,
    ),
    Kind(
        "campaign-message",
        "campaign-messages",
        given=("campaign_id", "template_id", "image_id"),
        relations=(
            one("campaign_messages", "campaign", "campaign"),
            one("campaign_messages", "template", "template"),
            one("campaign_messages", "image", "image"),
        ),
        indexes=("campaign_id",),
    ),
    Kind(
        "flow",
        "flows",
        text=("name", "status", "trigger_type"),
        dates=("created", "updated"),
        flags=("archived",),
        given=("trigger_id",),
        extra=("definition",),
        relations=(
            owned("flow-actions", "flow-action", "flow_actions", "flow_id"),
            linked("flow", "tags", "tag"),
        ),
        indexes=("trigger_id",),
        hidden_when_archived=True,
    ),
    Kind(
        "flow-action",
        "flow-actions",
        text=("action_type", "status"),
        dates=("created", "updated"),
        given=("flow_id",),
        paths={"action_type": "definition.type", "status": "definition.data.status"},
        relations=(
            one("flow_actions", "flow", "flow"),
            owned("flow-messages", "flow-message", "flow_messages", "flow_action_id"),
        ),
        indexes=("flow_id",),
    ),
    Kind(
        "flow-message",
        "flow-messages",
        text=("name",),
        dates=("created", "updated"),
        given=("flow_action_id", "template_id"),
        paths={"name": "definition.name"},
        relations=(
            one("flow_messages", "flow-action", "flow-action"),
            one("flow_messages", "template", "template"),
        ),
        indexes=("flow_action_id",),
    ),
    Kind("campaign-recipient-estimation", "campaign-recipient-estimations"),
    Kind(
        "tag",
        "tags",
        text=("name",),
        given=("tag_group_id",),
        relations=(
            one("tags", "tag-group", "tag-group"),
            backwards("list", "lists", "tags"),
            backwards("segment", "segments", "tags"),
            backwards("campaign", "campaigns", "tags"),
            backwards("flow", "flows", "tags"),
        ),
    ),
    Kind(
        "tag-group",
        "tag-groups",
        text=("name",),
        flags=("exclusive", "is_default"),
        paths={"is_default": "default"},
        filters={"default": "is_default"},
        relations=(owned("tags", "tag", "tags", "tag_group_id"),),
    ),
    Kind("template", "templates", text=("name",), dates=("created", "updated")),
    Kind(
        "profile-bulk-import-job",
        "profile-bulk-import-jobs",
        text=("status",),
        dates=("created_at",),
        relations=(
            linked("profile-bulk-import-job", "lists", "list"),
            linked("profile-bulk-import-job", "profiles", "profile"),
            owned("import-errors", "import-error", "import_errors", "job_id"),
        ),
    ),
    Kind("import-error", "import-errors", given=("job_id",), indexes=("job_id",)),
)
ROWS = (*PEOPLE_AND_MARKETING, *COMMERCE, *CONTENT, *CUSTOM_OBJECTS)
KINDS: Mapping[str, Kind] = {kind.type: kind for kind in ROWS}
BY_COLLECTION: Mapping[str, Kind] = {kind.collection: kind for kind in ROWS}
