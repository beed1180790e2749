"""What the user selected decides what is asked of Klaviyo."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from klaviyo_client.operations import Operation, operation
from klaviyo_client.query import Query
from tap_klaviyo.records import EXTRA, RELATION
from tap_klaviyo.specs import StreamSpec

Mask = Mapping[tuple[str, ...], bool]
# A breadcrumb is ("properties", column), and longer inside a column.
TOP_LEVEL = 2


def selected_columns(marked: Mapping[str, Any], mask: Mask) -> tuple[str, ...]:
    """The selected columns of a stream, in the schema's order."""
    return tuple(name for name in marked["properties"] if mask["properties", name])


def deselects_nested(mask: Mask) -> bool:
    """Whether something inside a selected column is not selected."""
    return any(
        not chosen and mask[breadcrumb[:-2]]
        for breadcrumb, chosen in mask.items()
        if len(breadcrumb) > TOP_LEVEL
    )


def selection_query(spec: StreamSpec, marked: Mapping[str, Any], columns: tuple[str, ...]) -> Query:
    """Includes, sparse fields and additional fields for these columns, sorted for reading."""
    known = operation(spec.operation)
    largest = known.page.maximum if known.page else None
    if spec.asks is not None:
        return replace(spec.asks, sort=sort_field(spec, known), page_size=largest)
    kind = known.resource or ""
    includes = wanted_includes(spec, marked, columns)
    additional = tuple(name for name in known.additional_fields.get(kind, ()) if name in columns)
    sparse = sparse_fields(spec, known, marked, columns) if spec.sparse else ()
    fields = {kind: sparse} if sparse else {}
    if includes:
        fields |= included_fields(spec, known, columns)
    query = Query(
        sort=sort_field(spec, known),
        page_size=largest,
        include=includes,
        fields=fields,
        additional_fields={kind: additional} if additional else {},
    )
    return both(query, spec.params) if spec.params else query


def both(query: Query, asked: Query) -> Query:
    """A query that asks for what the user wants too."""
    return replace(
        query,
        sort=asked.sort or query.sort,
        page_size=asked.page_size or query.page_size,
        include=tuple(sorted({*query.include, *asked.include})),
        fields={**query.fields, **asked.fields},
        additional_fields={**query.additional_fields, **asked.additional_fields},
        parameters=asked.parameters,
    )


def wanted_includes(
    spec: StreamSpec, marked: Mapping[str, Any], columns: tuple[str, ...]
) -> tuple[str, ...]:
    """Relations that some selected column needs."""
    properties = marked["properties"]
    needed = {properties[name].get(RELATION) for name in columns}
    needed |= {spec.derived[name].include for name in columns if name in spec.derived}
    return tuple(sorted(name for name in needed if name))


def sparse_fields(
    spec: StreamSpec, known: Operation, marked: Mapping[str, Any], columns: tuple[str, ...]
) -> tuple[str, ...]:
    """The attributes to ask for, or nothing where all that come by default are selected."""
    kind = known.resource or ""
    extra = known.additional_fields.get(kind, ())
    attributes = [
        name
        for name, part in marked["properties"].items()
        if name in known.fields.get(kind, ()) and RELATION not in part
    ]
    if all(name in columns or name in extra for name in attributes) and EXTRA in columns:
        return ()
    wanted = {*columns, spec.replication_key, "id"}
    # An event's message may have to be read from its properties.
    if spec.complete and spec.derived.keys() & set(columns):
        wanted.update(spec.complete.looks)
    return tuple(name for name in attributes if name in wanted)


def included_fields(
    spec: StreamSpec, known: Operation, columns: tuple[str, ...]
) -> dict[str, tuple[str, ...]]:
    """The smallest fieldset of every other type, so that an include costs little."""
    derived = [spec.derived[name] for name in columns if name in spec.derived]
    needed = {kind: list(names) for kind, names in spec.include_fields.items()}
    for one in derived:
        if one.field and one.include:
            needed.setdefault(one.include, []).append(one.field)
    return {
        kind: tuple(needed.get(kind) or [smallest(fields)])
        for kind, fields in known.fields.items()
        if kind != known.resource
    }


def smallest(fields: tuple[str, ...]) -> str:
    """The field that costs least."""
    return "id" if "id" in fields else min(fields, key=lambda name: (len(name), name))


def sort_field(spec: StreamSpec, known: Operation) -> str | None:
    """The field to sort by: that of the time bounds, else the id; None where nothing sorts."""
    wanted = (spec.time_field, "id")
    return next((name for name in wanted if name and name in known.sort), None)
