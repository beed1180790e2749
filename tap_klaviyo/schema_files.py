"""Finds record schemas: inside the wheel, or in `schemas/streams` of a checkout."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from klaviyo_client.operations import operation
from tap_klaviyo.descriptions import describe
from tap_klaviyo.records import EXTRA, RELATION
from tap_klaviyo.specs import StreamSpec

HERE = Path(__file__).resolve().parent
SHIPPED, CHECKOUT = HERE / "schemas", HERE.parent / "schemas" / "streams"


@cache
def schema_text(name: str) -> bytes:
    """The text of a record schema file.

    Raises:
        FileNotFoundError: there is none of that name.
    """
    shipped = SHIPPED / f"{name}.json"
    return (shipped if shipped.is_file() else CHECKOUT / f"{name}.json").read_bytes()


def marked_schema(spec: StreamSpec) -> dict[str, Any]:
    """A stream's schema with its relations still marked by `x-klaviyo-relationship`."""
    schema = record_schema(spec)
    properties = schema["properties"]
    extra = properties.pop(EXTRA, None)
    properties |= {parent.column: {"type": "string"} for parent in spec.parents}
    for parent in spec.parents:
        properties |= {column: {"type": ["string", "null"]} for column in parent.names.values()}
    includable = operation(spec.operation).include
    for name, part in list(properties.items()):
        if RELATION in part and part[RELATION] not in includable:
            del properties[name]
    properties |= {name: dict(column.schema) for name, column in spec.derived.items()}
    if extra:
        properties[EXTRA] = extra
    if spec.replication_key:
        properties[spec.replication_key]["format"] = "date-time"
    schema["required"] = list(spec.primary_keys)
    describe(spec.name, schema)
    return schema


def record_schema(spec: StreamSpec) -> dict[str, Any]:
    """The schema of a stream's records as they come from Klaviyo."""
    if spec.columns is not None:
        columns = {name: dict(column) for name, column in spec.columns.items()}
        return {"type": "object", "properties": columns}
    record = spec.record or operation(spec.operation).record or spec.name
    schema: dict[str, Any] = msgspec.json.decode(schema_text(record))
    return schema


def singer_schema(marked: dict[str, Any]) -> dict[str, Any]:
    """The schema as Singer messages carry it, without our marks."""
    properties = {
        name: {word: value for word, value in part.items() if word != RELATION}
        for name, part in marked["properties"].items()
    }
    return {**marked, "properties": properties}
