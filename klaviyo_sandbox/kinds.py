"""The resources that the sandbox keeps, as rows: their columns, filters and relationships.

A resource is stored as the finished JSON text of its attributes, beside the columns that are
filtered, sorted or followed. A new plain resource is a row here and a line in the seed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Relation:
    """A relationship: `pairs` selects `source` and `target`, the ids on both sides.

    `column` is the column of the resource's own row that holds the target's id, where one does.
    """

    name: str
    target: str
    pairs: str
    many: bool = True
    column: str = ""


@dataclass(frozen=True, slots=True)
class Kind:
    """A resource type.

    `text`, `dates` and `flags` name columns; `paths` says which attribute fills a column where
    that is not the attribute of the same name; `filters` does the same for filter and sort
    fields. Columns without an attribute (`given`) are filled by whoever stores the resource.
    `only_included` kinds are read as included resources and no other way.
    """

    type: str
    collection: str
    text: tuple[str, ...] = ()
    dates: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    given: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    paths: Mapping[str, str] = field(default_factory=dict)
    filters: Mapping[str, str] = field(default_factory=dict)
    relations: tuple[Relation, ...] = ()
    indexes: tuple[str, ...] = ()
    hidden_when_archived: bool = False
    only_included: bool = False

    @property
    def table(self) -> str:
        """The SQL table."""
        return self.collection.replace("-", "_")

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column beyond `id` and `attributes`."""
        return (*self.text, *self.dates, *self.flags, *self.given, *self.extra)

    def relation(self, name: str) -> Relation | None:
        """The relationship called `name`, or None."""
        return next((row for row in self.relations if row.name == name), None)


def linked(source: str, name: str, target: str) -> Relation:
    """A relationship kept in the `links` table."""
    where = f"source_type = '{source}' AND name = '{name}'"
    return Relation(name, target, rows("source_id", "target_id", f"links WHERE {where}"))


def backwards(target: str, name: str, their_name: str) -> Relation:
    """The other side of a relationship that `target` keeps in the `links` table."""
    where = f"source_type = '{target}' AND name = '{their_name}'"
    return Relation(name, target, rows("target_id", "source_id", f"links WHERE {where}"))


def one(table: str, name: str, target: str) -> Relation:
    """A to-one relationship kept in the column `<name>_id`."""
    column = name.replace("-", "_") + "_id"
    pairs = rows("id", column, f"{table} WHERE {column} <> ''")
    return Relation(name, target, pairs, many=False, column=column)


def owned(name: str, target: str, table: str, column: str) -> Relation:
    """The resources in `table` whose `column` names this one."""
    return Relation(name, target, rows(column, "id", table))


def groups(name: str, target: str) -> Relation:
    """The lists or segments of a profile."""
    pairs = rows("profile_id", "group_id", f"members WHERE group_type = '{target}'")
    return Relation(name, target, pairs)


def members(group: str) -> Relation:
    """The profiles of a list or segment."""
    pairs = rows("group_id", "profile_id", f"members WHERE group_type = '{group}'")
    return Relation("profiles", "profile", pairs)


def none(name: str, target: str) -> Relation:
    """A relationship that has a place in the answers, and no content in the sandbox."""
    return Relation(name, target, rows("id", "id", "accounts WHERE 0"))


def rows(source: str, target: str, origin: str) -> str:
    """The SQL of a relationship's pairs, from names written in this module only."""
    return f"SELECT {source} AS source, {target} AS target FROM {origin}"  # noqa: S608


SUPPRESSION = "subscriptions.email.marketing.suppression"
LIST_SUPPRESSIONS = "subscriptions.email.marketing.list_suppressions"

ROWS = (
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
            none("push-tokens", "push-token"),
            none("conversations", "conversation"),
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
        relations=(owned("flow-triggers", "flow", "flows", "trigger_id"),),
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
        relations=(one("flow_actions", "flow", "flow"), none("flow-messages", "flow-message")),
        indexes=("flow_id",),
    ),
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
KINDS: Mapping[str, Kind] = {kind.type: kind for kind in ROWS}
BY_COLLECTION: Mapping[str, Kind] = {kind.collection: kind for kind in ROWS}
