"""Flat record schemas of every readable resource, in the form that the tap emits."""

from __future__ import annotations

from typing import Any

from openapi.document import Document, Json
from openapi.operations import enumeration, resource_type

SCALARS = ("string", "integer", "number", "boolean")
RELATION = "x-klaviyo-relationship"
# Attributes that are date-times although the file gives no format (metrics, push tokens).
UNMARKED_TIMES = ("created", "updated", "recorded_date")
OPEN_OBJECT: Json = {"type": ["object", "null"], "additionalProperties": True}


def record_schemas(document: Document) -> tuple[dict[str, Json], dict[str, str]]:
    """Schemas by record name, and the record name of each GET operation that has one.

    A view of a resource that an earlier operation describes (`/api/lists/{id}/tags`) shares
    its schema; one with attributes of its own (`/api/lists/{id}/profiles`) gets its own.
    """
    schemas: dict[str, Json] = {}
    names: dict[str, str] = {}
    by_type: dict[str | None, str] = {}
    for path, operation in readable(document):
        schema = record_schema(document, operation)
        if schema is None:
            continue
        known = by_type.setdefault(resource_type(document, operation), record_name(path))
        name = known if is_view(schema, schemas.get(known)) else record_name(path)
        properties = schemas.setdefault(name, schema)["properties"]
        properties |= relations(schema) | {"extra_attributes": properties.pop("extra_attributes")}
        names[operation["operationId"]] = name
    return dict(sorted(schemas.items())), names


def is_view(schema: Json, known: Json | None) -> bool:
    """Whether a schema has no attribute that the known one lacks or types otherwise."""
    if known is None:
        return False
    own = {name: column for name, column in schema["properties"].items() if RELATION not in column}
    return all(known["properties"].get(name) == column for name, column in own.items())


def relations(schema: Json) -> Json:
    """The columns of a record schema that hold ids of related resources."""
    return {name: column for name, column in schema["properties"].items() if RELATION in column}


def readable(document: Document) -> list[tuple[str, Json]]:
    """GET operations that answer whole resources: collections, then single ones, then views."""
    rows = [
        (path, operation)
        for path, method, operation in document.operations()
        if method == "GET" and "/relationships/" not in path and path.startswith("/api/")
    ]
    return sorted(rows, key=lambda row: ("{" in row[0], not row[0].endswith("}"), row[0]))


def record_name(path: str) -> str:
    """`/api/lists/{id}/profiles` is `list_profiles`; `/api/lists/{id}` is `lists`."""
    parts = name_parts(path)
    parents = [singular(part) for part in parts[:-1]]
    return "_".join([*parents, parts[-1]]).replace("-", "_")


def name_parts(path: str) -> list[str]:
    """The words of a path, without `api` and placeholders."""
    return [part for part in path.split("/") if part not in ("", "api") and part[0] != "{"]


def singular(word: str) -> str:
    """`catalog-categories` is `catalog-category`."""
    return word[:-3] + "y" if word.endswith("ies") else word.removesuffix("s")


def record_schema(document: Document, operation: Json) -> Json | None:
    """The flat schema of one record: id, attributes, ids of relations that can be included."""
    answer = document.success_schema(operation) or {}
    data = answer.get("properties", {}).get("data")
    if data is None:
        return None
    resource = merged(document, data.get("items", data))
    query = {p["name"]: p for p in operation["parameters"]}
    attributes = merged(document, resource["properties"].get("attributes", {})).get(
        "properties", {}
    )
    properties: Json = {"id": {"type": "string"}}
    properties |= {name: column(document, schema, ()) for name, schema in attributes.items()}
    for name in UNMARKED_TIMES:
        if "string" in properties.get(name, {}).get("type", ()):
            properties[name]["format"] = "date-time"
    properties |= relation_columns(document, resource, enumeration(query.get("include")))
    properties["extra_attributes"] = OPEN_OBJECT
    return {"type": "object", "properties": properties, "required": ["id"]}


def relation_columns(document: Document, resource: Json, includable: list[str]) -> Json:
    """`<name>_id` for a to-one relation, `<name>_ids` for a to-many."""
    relations = merged(document, resource["properties"].get("relationships", {}))
    columns = {}
    for name, relation in relations.get("properties", {}).items():
        if name not in includable:
            continue
        data = merged(document, relation)["properties"].get("data", {})
        word = name.replace("-", "_")
        if merged(document, data).get("type") == "array":
            columns[f"{singular(word)}_ids"] = {
                "type": ["array", "null"],
                "items": {"type": ["string", "null"]},
                RELATION: name,
            }
        else:
            columns[f"{word}_id"] = {"type": ["string", "null"], RELATION: name}
    return columns


def merged(document: Document, schema: Json) -> Json:
    """A schema with its reference followed and its `allOf` parts laid over each other."""
    schema = document.resolve(schema)
    if "allOf" not in schema:
        return schema
    result: Json = {"type": "object", "properties": {}}
    for part in reversed(schema["allOf"]):
        lay_over(document, result["properties"], merged(document, part).get("properties", {}))
    return result


def lay_over(document: Document, properties: Json, added: Json) -> None:
    """Put `added` into `properties`; nested objects of the same name are joined."""
    for name, schema in added.items():
        both = properties.get(name)
        if both and "properties" in both and "properties" in merged(document, schema):
            joined = {**both["properties"]}
            lay_over(document, joined, merged(document, schema)["properties"])
            properties[name] = {**both, "properties": joined}
        else:
            properties[name] = schema


def column(document: Document, schema: Json, trail: tuple[str, ...]) -> Json:
    """One attribute as a nullable JSON Schema that every loader can type."""
    reference = schema.get("$ref", "")
    if reference and reference in trail:
        return OPEN_OBJECT
    schema = merged(document, schema)
    trail = (*trail, reference) if reference else trail
    branches = schema.get("oneOf") or schema.get("anyOf")
    if branches:
        return union_column(document, branches, trail)
    kind = schema.get("type", "object")
    if kind == "array":
        items = column(document, schema.get("items", {"type": "object"}), trail)
        return {"type": ["array", "null"], "items": items}
    if kind in SCALARS:
        result: Json = {"type": [kind, "null"]}
        if schema.get("format") in ("date-time", "date"):
            result["format"] = schema["format"]
        return result
    return object_column(document, schema, trail)


def object_column(document: Document, schema: Json, trail: tuple[str, ...]) -> Json:
    """An object: open, with the properties that Klaviyo describes."""
    properties = {
        name: column(document, part, trail) for name, part in schema.get("properties", {}).items()
    }
    return {**OPEN_OBJECT, "properties": properties} if properties else OPEN_OBJECT


def union_column(document: Document, branches: list[Json], trail: tuple[str, ...]) -> Json:
    """A union: what its branches share, every scalar type, or else an open object.

    Loaders lose data on string-or-object unions, so none is ever declared.
    """
    columns: list[Any] = [column(document, branch, trail) for branch in branches]
    if all(one == columns[0] for one in columns):
        return dict(columns[0])
    kinds = {one["type"][0] for one in columns}
    if kinds <= {"integer", "number"}:
        return {"type": ["number", "null"]}
    if kinds <= set(SCALARS):
        return {"type": [*sorted(kinds), "null"]}
    if kinds == {"array"}:
        return {"type": ["array", "null"], "items": OPEN_OBJECT}
    return OPEN_OBJECT
