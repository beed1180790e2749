"""What a row of `specs` says of a stream."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import msgspec

from klaviyo_client.query import Query
from tap_klaviyo.records import Completion, Record, RecordShape

Rows = Callable[[RecordShape, msgspec.Raw, msgspec.Raw], Iterator[Record]]
WHOLE: tuple[str | None, ...] = (None,)


@dataclass(frozen=True, slots=True)
class Parent:
    """The collection whose every member has a collection of this stream's records.

    Attributes:
        operation: Reads the parents.
        column: Where a record keeps its parent's id.
        partitions: Filters of the scans that together find every parent.
        changed: The field by which parents that changed can be found, where a change of what
            hangs on them may be expected to change them.
        parent: Set where the parents hang on another collection themselves; a record keeps
            the ids of all of them.
        names: By what else a record knows its parent: column by attribute; null where several
            parents have the same.
    """

    operation: str
    column: str
    partitions: tuple[str | None, ...] = WHOLE
    changed: str | None = None
    parent: Parent | None = None
    names: Mapping[str, str] = field(default_factory=dict)

    @property
    def line(self) -> tuple[Parent, ...]:
        """This parent, its own parent, and so on."""
        return (self, *(self.parent.line if self.parent else ()))


@dataclass(frozen=True, slots=True)
class Derived:
    """A column that Klaviyo does not have as such, and the relation it is worked out from.

    `field` is what has to be asked for of the related resource, beside what always is.
    """

    schema: Mapping[str, object]
    include: str | None = None
    field: str | None = None


@dataclass(frozen=True, slots=True)
class StreamSpec:
    """One stream.

    Attributes:
        name: Klaviyo's resource name in snake_case plural.
        operation: The `operationId` that reads it.
        primary_keys: Columns that name a record.
        replication_key: Column and filter field by which it is incremental; None reads it whole.
        filter_field: The field that bounds it in time, where that is not the replication key;
            '' where Klaviyo has none.
        changed_key: The replication key where only what hangs on changed parents is read.
        trust_order: Whether Klaviyo's sort by that field can be relied on. Where not, and where
            several scans make up the stream, the bookmark moves only at the end.
        timed: Whether every record has a time in that field, so that none lies outside of all
            time windows.
        lookback_days: How far back each run reads again, unless the user says otherwise.
        partitions: Filters of the scans that make up the stream.
        parent: Set where the collection hangs on another one.
        often_absent: Whether many parents have none, which is then no cause for a warning.
        record: The record schema, where it is not the operation's own.
        columns: All columns, where a record is no resource.
        rows: Makes records of a page, where a record is no resource.
        asks: What to ask for, where a record is no resource.
        looks_up: What is called before, beside the parents.
        path: What fills the placeholders of a path that names no parent.
        params: What to ask for beside what the selected columns need.
        sparse: Whether Klaviyo may be asked for some attributes only; its facts name them.
        unselected: Columns that cost extra and are read only when selected.
        include_fields: Fields of included resources that are needed beside their ids.
        derived: Columns added by `complete`.
        complete: Fills the derived columns of a record.
    """

    name: str
    operation: str
    primary_keys: tuple[str, ...] = ("id",)
    replication_key: str | None = None
    filter_field: str | None = None
    changed_key: str | None = None
    trust_order: bool = True
    timed: bool = False
    lookback_days: int = 0
    partitions: tuple[str | None, ...] = WHOLE
    parent: Parent | None = None
    often_absent: bool = False
    record: str | None = None
    columns: Mapping[str, Mapping[str, object]] | None = None
    rows: Rows | None = None
    asks: Query | None = None
    looks_up: tuple[str, ...] = ()
    path: Mapping[str, str] = field(default_factory=dict)
    params: Query | None = None
    sparse: bool = True
    unselected: tuple[str, ...] = ()
    include_fields: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    derived: Mapping[str, Derived] = field(default_factory=dict)
    complete: Completion | None = None

    @property
    def resumable(self) -> bool:
        """Whether the bookmark may move while the stream is being read."""
        return self.trust_order and self.parent is None and len(self.partitions) == 1

    @property
    def operations(self) -> tuple[str, ...]:
        """All that is called for it: its own operation, those of its parents, and others."""
        return (self.operation, *(one.operation for one in self.parents), *self.looks_up)

    @property
    def missing_level(self) -> int:
        """How loudly to say that a parent has none."""
        return logging.DEBUG if self.often_absent else logging.WARNING

    @property
    def time_field(self) -> str | None:
        """The field that bounds it in time, or None."""
        return self.replication_key if self.filter_field is None else self.filter_field or None

    @property
    def parents(self) -> tuple[Parent, ...]:
        """What it hangs on, the nearest first."""
        return self.parent.line if self.parent else ()
