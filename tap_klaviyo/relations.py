"""Records that are relations: pairs of ids, or resources that come only with another one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from operator import itemgetter
from typing import Any

import msgspec

from klaviyo_client.operations import operation
from klaviyo_client.query import Query
from tap_klaviyo.records import (
    Record,
    RecordShape,
    Resource,
    flat_record,
    page_included,
    page_resources,
)
from tap_klaviyo.spec import WHOLE, Parent, Rows, StreamSpec

ID = {"type": "string"}
NAME = {"type": ["string", "null"]}


def linked(
    name: str,
    operation_id: str,
    relation: str,
    columns: tuple[str, str],
    partitions: tuple[str | None, ...] = WHOLE,
) -> StreamSpec:
    """The stream of all pairs that a relation of a collection makes, read with its pages.

    `columns` are those of the resource's id and of the related one's.
    """
    own, other = columns
    known = operation(operation_id)
    # Nothing is wanted of either side but its id: one small field does, of every revision.
    fields = {
        kind: ("created_at",) if "created_at" in names else names[:1]
        for kind, names in known.fields.items()
    }
    return StreamSpec(
        name,
        operation_id,
        primary_keys=(own, other),
        partitions=partitions,
        columns={own: ID, other: ID},
        rows=pair_rows(own, relation, other),
        asks=Query(include=(relation,), fields=fields),
    )


def linked_with_names(
    name: str, operation_id: str, relation: str, columns: tuple[str, str], names: tuple[str, str]
) -> StreamSpec:
    """The same, with the names of both sides, by which another account knows them too."""
    own, other = columns
    spec = linked(name, operation_id, relation, columns)
    fields = dict.fromkeys(operation(operation_id).fields, ("name",))
    return replace(
        spec,
        columns={**(spec.columns or {}), **dict.fromkeys(names, NAME)},
        rows=pair_rows(own, relation, other, names),
        asks=Query(include=(relation,), fields=fields),
    )


def identifiers(name: str, operation_id: str, parent: Parent, other: str) -> StreamSpec:
    """The stream of all pairs of a parent and what one of its relationships names."""
    return StreamSpec(
        name,
        operation_id,
        primary_keys=(parent.column, other),
        parent=parent,
        columns={other: ID},
        rows=column_rows(other, itemgetter("id")),
        asks=Query(),
    )


def alone(
    name: str, operation_id: str, parent: Parent, attribute: str, schema: Mapping[str, object]
) -> StreamSpec:
    """The stream of an attribute that Klaviyo shows only where one resource is asked for."""
    known = operation(operation_id)
    kind = known.resource or ""
    fields = {kind: (attribute,)}
    additional = fields if attribute in known.additional_fields.get(kind, ()) else {}
    return StreamSpec(
        name,
        operation_id,
        primary_keys=(parent.column,),
        parent=parent,
        columns={attribute: schema},
        rows=column_rows(attribute, partial(attribute_of, attribute)),
        asks=Query(fields=fields, additional_fields=additional),
    )


def column_rows(column: str, value: Callable[[Resource], Any]) -> Rows:
    """Makes a record of one value of each resource; the parent's id comes with the scan."""

    def rows(
        shape: RecordShape,  # noqa: ARG001
        data: msgspec.Raw,
        included: msgspec.Raw,  # noqa: ARG001
    ) -> Iterator[Record]:
        for resource in page_resources(data):
            yield {column: value(resource)}

    return rows


def pair_rows(own: str, relation: str, other: str, names: tuple[str, ...] = ()) -> Rows:
    """Makes the pairs of a page; `names` are columns of the names of both sides."""

    def rows(
        shape: RecordShape,  # noqa: ARG001 - what is not selected is taken out later
        data: msgspec.Raw,
        included: msgspec.Raw,
    ) -> Iterator[Record]:
        by_key = page_included(included) if names else {}
        for resource in page_resources(data):
            for target in targets(resource, relation):
                ends = (resource, by_key.get((target["type"], target["id"]), {}))
                called = zip(names, (attribute_of("name", one) for one in ends), strict=False)
                yield {own: resource["id"], other: target["id"], **dict(called)}

    return rows


def attribute_of(name: str, resource: Mapping[str, Any]) -> Any:
    """An attribute of a resource, if it has one and was asked for."""
    return (resource.get("attributes") or {}).get(name)


def included_rows(relation: str, own: str) -> Rows:
    """Makes a record of each included resource; `own` is the column of whose it is."""

    def rows(shape: RecordShape, data: msgspec.Raw, included: msgspec.Raw) -> Iterator[Record]:
        by_key = page_included(included)
        for resource in page_resources(data):
            for target in targets(resource, relation):
                found = by_key.get((target["type"], target["id"]))
                if found is None:  # named, but not sent along
                    continue
                record = flat_record(shape, found, ())
                record[own] = resource["id"]
                yield record

    return rows


def targets(resource: Resource, relation: str) -> list[dict[str, Any]]:
    """What a to-many relation of a resource names."""
    found = ((resource.get("relationships") or {}).get(relation) or {}).get("data")
    return found if isinstance(found, list) else []
