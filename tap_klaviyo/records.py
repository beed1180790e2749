"""JSON:API resources as flat records, without any I/O.

id, attributes under their own names, `<name>_id` or `<name>_ids` for relations,
`extra_attributes` for whatever the schema does not know
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from klaviyo_client.mending import mended_json
from tap_klaviyo.times import TimeTree, normalise_times, rfc3339, time_tree

Resource = dict[str, Any]
Record = dict[str, Any]
Included = Sequence[Any]

RELATION = "x-klaviyo-relationship"
EXTRA = "extra_attributes"
ANYTHING = msgspec.json.Decoder()


@dataclass(frozen=True, slots=True)
class Rows:
    """What columns are filled from.

    Attributes:
        read: The columns of relations that are read.
        given: The columns of attributes that are looked into.
        looks: What turns a value of such a column, if it is not null, into what it holds.
        included: The page's included resources.
    """

    read: Sequence[Sequence[Any]]
    given: Mapping[str, Sequence[Any]]
    looks: Mapping[str, Callable[[Any], Any]]
    included: Included

    def looked_at(self, name: str) -> list[Any]:
        """What an attribute holds in every row."""
        look = self.looks[name]
        return [None if value is None else look(value) for value in self.given[name]]


@dataclass(frozen=True, slots=True)
class Completion:
    """How columns are filled that are no attributes: all rows of a page at once.

    Attributes:
        values: Their values, column by column, from what is read.
        columns: Their names.
        reads: Columns of relations that it reads.
        looks: The attributes that it reads, each with what turns the JSON text of one into what
            it looks at in there.
        included: Decodes what it looks at in the list of included resources.
    """

    values: Callable[[Rows], Sequence[Sequence[Any]]]
    columns: tuple[str, ...]
    reads: tuple[str, ...] = ()
    looks: Mapping[str, Callable[[msgspec.Raw], Any]] = field(default_factory=dict)
    included: msgspec.json.Decoder[Any] | None = None

    def resources(self, included: msgspec.Raw) -> Included:
        """The included resources of a page; none where none are looked at."""
        return decoded(included, self.included) or () if self.included else ()


@dataclass(frozen=True, slots=True)
class RecordShape:
    """How a resource becomes a record of one stream.

    Attributes:
        columns: Every column to fill, so that a value that is gone reads as null.
        attributes: Columns that are attributes of the resource.
        relations: Column of each relation by its name.
        times: Where date-times stand.
        complete: Fills columns that come from elsewhere.
        unwanted: Columns of the schema that are not selected.
    """

    columns: tuple[str, ...]
    attributes: frozenset[str]
    relations: Mapping[str, str]
    times: TimeTree
    complete: Completion | None = None
    unwanted: tuple[str, ...] = ()


def record_shape(
    schema: Mapping[str, Any], columns: tuple[str, ...], complete: Completion | None = None
) -> RecordShape:
    """The shape of records with these columns of a stream's schema (relations still marked)."""
    properties = schema["properties"]
    relations = {part[RELATION]: name for name, part in properties.items() if RELATION in part}
    attributes = set(properties) - set(relations.values()) - {"id", EXTRA}
    unwanted = tuple(name for name in properties if name not in columns)
    return RecordShape(
        columns, frozenset(attributes), relations, time_tree(schema), complete, unwanted
    )


def flat_record(shape: RecordShape, resource: Resource, included: Included) -> Record:
    """One record."""
    record: Record = dict.fromkeys(shape.columns)
    record["id"] = resource["id"]
    extra: dict[str, Any] = {}
    attributes = resource.get("attributes") or {}
    for name, value in attributes.items():
        (record if name in shape.attributes else extra)[name] = value
    for name, relation in (resource.get("relationships") or {}).items():
        if "data" in relation:
            column = shape.relations.get(name)
            ids = related_ids(relation["data"])
            if column:
                record[column] = ids
            else:
                extra[name] = ids
    normalise_record(record, extra, shape.times)
    if extra:
        record[EXTRA] = extra
    if shape.complete:
        read = [[record.get(name)] for name in shape.complete.reads]
        given = {name: [attributes.get(name)] for name in shape.complete.looks}
        looks = dict.fromkeys(given, as_it_is)
        values = shape.complete.values(Rows(read, given, looks, included))
        record |= {name: one for name, (one,) in zip(shape.complete.columns, values, strict=True)}
    return record


def as_it_is(value: Any) -> Any:
    """A value that is parsed already."""
    return value


def normalise_record(record: Record, extra: dict[str, Any], times: TimeTree) -> None:
    """Bring date-times into one form; what is none goes to `extra`, so that no loader chokes."""
    for name, below in times.items():
        value = record.get(name)
        if value is None:
            continue
        if below is not None:
            normalise_times(value, below)
            continue
        try:
            record[name] = rfc3339(value)
        except (ValueError, TypeError, AttributeError):
            record[name], extra[name] = None, value


def related_ids(data: Any) -> str | list[str] | None:
    """The id or ids in a relation's `data`."""
    if isinstance(data, list):
        return [one["id"] for one in data]
    return data["id"] if data else None


def page_resources(data: msgspec.Raw) -> list[Resource]:
    """The resources of a page; an operation that answers a single one, or none, gives a list."""
    resources = decoded(data)
    if resources is None:  # a relation to one that there is not
        return []
    return resources if isinstance(resources, list) else [resources]


def page_included(included: msgspec.Raw) -> Mapping[tuple[str, str], Resource]:
    """The included resources of a page by type and id."""
    return {(one["type"], one["id"]): one for one in decoded(included) or ()}


def decoded(text: msgspec.Raw, decoder: msgspec.json.Decoder[Any] = ANYTHING) -> Any:
    """Parsed JSON, whatever customers have put into their properties."""
    try:
        return decoder.decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return decoder.decode(mended_json(bytes(text)))


def page_records(shape: RecordShape, data: msgspec.Raw, included: msgspec.Raw) -> Iterator[Record]:
    """The records of a page, in its order."""
    found = shape.complete.resources(included) if shape.complete else ()
    for resource in page_resources(data):
        yield flat_record(shape, resource, found)
