"""The streams, one row each: our choices. Klaviyo's facts stand in `klaviyo_client.operations`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tap_klaviyo.events import EVENT_COLUMNS, EVENT_COMPLETION
from tap_klaviyo.records import Completion

CHANNELS = ("email", "sms", "mobile_push")
# The plain answer leaves archived campaigns and flows out, so both kinds are asked for by name.
ARCHIVED = ("equals(archived,false)", "equals(archived,true)")


@dataclass(frozen=True, slots=True)
class Parent:
    """The collection whose every member has a collection of this stream's records.

    `column` is where a record keeps its parent's id.
    """

    operation: str
    column: str


@dataclass(frozen=True, slots=True)
class Derived:
    """A column that Klaviyo does not have as such, and the relation it is worked out from."""

    schema: Mapping[str, object]
    include: str | None = None


@dataclass(frozen=True, slots=True)
class StreamSpec:
    """One stream.

    Attributes:
        name: Klaviyo's resource name in snake_case plural.
        operation: The `operationId` that reads it.
        primary_keys: Columns that name a record.
        replication_key: Column and filter field by which it is incremental; None reads it whole.
        trust_order: Whether Klaviyo's sort by that field can be relied on. Where not, and where
            several scans make up the stream, the bookmark moves only at the end.
        lookback_days: How far back each run reads again, unless the user says otherwise.
        partitions: Filters of the scans that make up the stream.
        parent: Set where the collection hangs on another one.
        unselected: Columns that cost extra and are read only when selected.
        include_fields: Fields of included resources that are needed beside their ids.
        derived: Columns added by `complete`.
        complete: Fills the derived columns of a record.
    """

    name: str
    operation: str
    primary_keys: tuple[str, ...] = ("id",)
    replication_key: str | None = None
    trust_order: bool = True
    lookback_days: int = 0
    partitions: tuple[str | None, ...] = (None,)
    parent: Parent | None = None
    unselected: tuple[str, ...] = ()
    include_fields: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    derived: Mapping[str, Derived] = field(default_factory=dict)
    complete: Completion | None = None

    @property
    def resumable(self) -> bool:
        """Whether the bookmark may move while the stream is being read."""
        return self.trust_order and self.parent is None and len(self.partitions) == 1


STREAMS: tuple[StreamSpec, ...] = (
    StreamSpec("accounts", "get_accounts"),
    StreamSpec(
        "campaigns",
        "get_campaigns",
        replication_key="updated_at",
        # Seen out of order in spite of `sort` (Estuary's connector, MeltanoLabs' tap).
        trust_order=False,
        partitions=tuple(
            f'equals(messages.channel,"{channel}"),{archived}'
            for channel in CHANNELS
            for archived in ARCHIVED
        ),
    ),
    StreamSpec(
        "events",
        "get_events",
        replication_key="datetime",
        # Klaviyo's index of events is late by up to a week and more (Estuary's measurements).
        lookback_days=7,
        include_fields={"metric": ("name",)},
        derived={
            name: Derived({"type": ["string", "null"]}, include)
            for name, include in EVENT_COLUMNS.items()
        },
        complete=EVENT_COMPLETION,
    ),
    StreamSpec("flows", "get_flows", replication_key="updated", partitions=ARCHIVED),
    StreamSpec(
        "list_profiles",
        "get_profiles_for_list",
        primary_keys=("list_id", "id"),
        replication_key="joined_group_at",
        lookback_days=1,
        parent=Parent("get_lists", "list_id"),
        unselected=("predictive_analytics", "subscriptions"),
    ),
    StreamSpec("lists", "get_lists", replication_key="updated"),
    StreamSpec("metrics", "get_metrics"),
    StreamSpec(
        "profiles",
        "get_profiles",
        replication_key="updated",
        unselected=("conversation_ids", "predictive_analytics", "push_token_ids"),
    ),
    StreamSpec(
        "segment_profiles",
        "get_profiles_for_segment",
        primary_keys=("segment_id", "id"),
        replication_key="joined_group_at",
        lookback_days=1,
        parent=Parent("get_segments", "segment_id"),
        unselected=("predictive_analytics", "subscriptions"),
    ),
    StreamSpec("segments", "get_segments", replication_key="updated"),
    StreamSpec("tags", "get_tags"),
    StreamSpec("templates", "get_templates", replication_key="updated"),
)
