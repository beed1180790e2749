"""Custom properties that the user declares become typed columns, beside the whole object.

The settings `profile_properties` and `event_properties` name keys and their types.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from klaviyo_client.errors import ConfigurationError
from klaviyo_client.filters import nearest
from klaviyo_client.operations import operation
from tap_klaviyo.property_types import TYPES, typed
from tap_klaviyo.records import Completion, Rows
from tap_klaviyo.schema_files import marked_schema
from tap_klaviyo.spec import Derived, StreamSpec

# The setting, the attribute that holds the properties, and the resource that has it.
HOLDERS: Mapping[str, tuple[str, str]] = {
    "profile_properties": ("properties", "profile"),
    "event_properties": ("event_properties", "event"),
}
PROPERTIES = msgspec.json.Decoder(dict[str, Any] | None)


@dataclass(frozen=True, slots=True)
class DeclaredProperty:
    """A key of the properties, the type that its values are to have, and their column."""

    key: str
    type: str
    column: str


def with_declared(spec: StreamSpec, config: Mapping[str, Any]) -> StreamSpec:
    """The row with the columns that the user declares.

    Raises:
        ConfigurationError: a declaration names no type, or a column that is there already.
    """
    for setting, (attribute, resource) in HOLDERS.items():
        held = operation(spec.operation).resource == resource
        declared = declared_properties(setting, config) if held else []
        if declared and attribute in marked_schema(spec)["properties"]:
            check_columns(spec, setting, declared)
            columns = {one.column: Derived(TYPES[one.type][1]) for one in declared}
            complete = completion(spec.complete, attribute, declared)
            spec = replace(spec, derived={**spec.derived, **columns}, complete=complete)
    return spec


def check_columns(spec: StreamSpec, setting: str, declared: Sequence[DeclaredProperty]) -> None:
    """Refuse a column that would hide another.

    Raises:
        ConfigurationError: one would.
    """
    columns = {name.lower() for name in marked_schema(spec)["properties"]}
    for one in declared:
        if one.column.lower() in columns:  # most databases take both for one
            raise ConfigurationError(
                f"{setting}: {one.key!r} needs another column: "
                f"the stream {spec.name} has {one.column} already",
            )


def declared_properties(setting: str, config: Mapping[str, Any]) -> list[DeclaredProperty]:
    """What a setting declares: `{key: type}`, or `{key: {"type": ..., "column": ...}}`.

    Raises:
        ConfigurationError: a type is none, or two keys make the same column.
    """
    found = [declared_property(setting, *item) for item in (config.get(setting) or {}).items()]
    for place, one in enumerate(found):
        for other in found[:place]:
            if one.column.lower() == other.column.lower():
                raise ConfigurationError(
                    f"{setting}: {other.key!r} and {one.key!r} would share the column "
                    f'{one.column}; give one of them a name: {{"type": ..., "column": ...}}',
                )
    return found


def declared_property(setting: str, key: str, given: Any) -> DeclaredProperty:
    """One declaration.

    Raises:
        ConfigurationError: it is of another form.
    """
    parts = {"type": given} if isinstance(given, str) else given
    if not isinstance(parts, dict) or not parts.keys() <= {"type", "column"}:
        raise ConfigurationError(f"{setting}: {key!r} needs a type, or an object of type, column")
    kind = str(parts.get("type", "string"))
    if kind not in TYPES:
        raise ConfigurationError(
            f"{setting}: {key!r} has the unknown type {kind!r}{nearest(kind, TYPES)}; "
            f"types: {', '.join(TYPES)}",
        )
    plain = re.sub(r"\W+", "_", key.lower()).strip("_")
    return DeclaredProperty(key, kind, str(parts.get("column") or f"property_{plain}"))


def completion(
    before: Completion | None, attribute: str, declared: Sequence[DeclaredProperty]
) -> Completion:
    """Fills the declared columns, after what was filled before."""

    def values(rows: Rows) -> Sequence[Sequence[Any]]:
        first = before.values(rows) if before else ()
        return (*first, *declared_values(rows.looked_at(attribute), declared))

    return Completion(
        values,
        columns=(*(before.columns if before else ()), *(one.column for one in declared)),
        reads=before.reads if before else (),
        looks={**(before.looks if before else {}), attribute: PROPERTIES.decode},
        included=before.included if before else None,
    )


def declared_values(
    properties: Sequence[Any], declared: Sequence[DeclaredProperty]
) -> Iterator[list[Any]]:
    """The values of the declared columns."""
    held = [one if isinstance(one, dict) else {} for one in properties]
    return ([typed(column.type, one.get(column.key)) for one in held] for column in declared)
