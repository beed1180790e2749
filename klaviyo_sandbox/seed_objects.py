"""Seeded custom objects."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

from klaviyo_sandbox.clock import iso_microseconds, iso_seconds
from klaviyo_sandbox.seed_shop import job_id
from klaviyo_sandbox.seed_values import words
from klaviyo_sandbox.store import Resource

DAY = 86_400
TYPES = ("pet", "appointment", "vehicle")
RECORDS, LOGS, SOURCES = 130, 60, 3
"""More than a page of records and of failures for the first type; the last has none."""


def object_resources(random: Random, end: float) -> Iterator[Resource]:
    """Sources, and types with their schemas, records and failures."""
    for number in range(SOURCES):
        attributes = {
            "title": f"Source {number}",
            "visibility": "private",
            "description": words(random, 30),
            "namespace": "custom-objects",
        }
        yield Resource("data-source", job_id(random, end), attributes)
    for number, title in enumerate(TYPES):
        yield from object_type(random, end, title, number)


def object_type(random: Random, end: float, title: str, number: int) -> Iterator[Resource]:
    """One type: a published schema, the first with an older one and a draft too."""
    type_id = job_id(random, end)
    statuses = ("active", "draft") if number == 0 else ("active",)
    schemas = {status: job_id(random, end) for status in statuses}
    for status, schema in schemas.items():
        mapping = job_id(random, end)
        yield Resource("source-mapping", mapping, source_mapping())
        columns = {"object_type_id": type_id, "source_mapping_id": mapping}
        yield Resource("object-schema", schema, schema_attributes(end, title, status), columns)
    attributes = {
        "title": title,
        "description": words(random, 30),
        "status": "active",
        "namespace": "custom-objects",
        "created_at": iso_microseconds(end - 100 * DAY),
        "updated_at": iso_microseconds(end - number * DAY),
    }
    columns = {"current_schema_id": schemas["active"], "draft_schema_id": schemas.get("draft", "")}
    yield Resource("object-type", type_id, attributes, columns)
    last = number == len(TYPES) - 1
    owner = {"object_type_id": type_id}
    for place in range(0 if last else RECORDS // (number + 1)):
        content = {"id": place, "name": words(random, 12), "weight": place / 4, "seen": None}
        name = f"{title}:::{place}"
        yield Resource("object-record", name, {"record_properties": content}, owner)
    for place in range(0 if last else LOGS // (number + 1)):
        about = {**owner, "object_record_id": f"{title}:::{place}" if place % 2 else ""}
        yield Resource("object-ingestion-log", job_id(random, end), failure(end, place), about)


def schema_attributes(end: float, title: str, status: str) -> dict[str, Any]:
    """What a version of a schema says."""
    properties = [
        {"id": place, "name": name, "type": kind, "description": None}
        for place, (name, kind) in enumerate((("id", "int"), ("name", "string")))
    ]
    return {
        "title": title,
        "description": "",
        "status": status,
        "properties": properties,
        "required": ["id"],
        "published_at": iso_seconds(end - 90 * DAY) if status == "active" else None,
        "visibility": "private",
    }


def source_mapping() -> dict[str, Any]:
    """Where the properties of a type come from."""
    return {"property_mappings": [], "relationship_mappings": []}


def failure(end: float, place: int) -> dict[str, Any]:
    """A record that could not be taken in."""
    problem = {
        "code": "wrong_type",
        "message": "Not a number",
        "property": "weight",
        "invalid_value": "heavy" if place % 2 else None,
    }
    return {
        "status": ("error", "warning")[place % 2],
        "event_type": "validation_error",
        "timestamp": iso_seconds(end - place * DAY / 10),
        "summary": "1 property is wrong",
        "errors": [problem],
    }
