"""Request bodies as plain JSON Schema: no prose, `nullable` rewritten."""

from __future__ import annotations

from typing import Any

from openapi.document import Document, Json

KEPT = ("type", "enum", "format", "required", "minimum", "maximum", "additionalProperties")


def body_components(document: Document, names: list[str]) -> Json:
    """Every component that the named request bodies reach, by name."""
    found: Json = {}
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = json_schema(document.component(name))
            waiting.extend(references(found[name]))
    return dict(sorted(found.items()))


def references(schema: Any) -> list[str]:
    """Names of the components that a rewritten schema refers to."""
    if isinstance(schema, list):
        return [name for part in schema for name in references(part)]
    if not isinstance(schema, dict):
        return []
    own = [schema["$ref"].rsplit("/", 1)[-1]] if isinstance(schema.get("$ref"), str) else []
    return own + [name for part in schema.values() for name in references(part)]


def json_schema(schema: Json) -> Json:
    """An OpenAPI 3.0 schema as JSON Schema, without descriptions and examples."""
    if "$ref" in schema:
        result: Json = {"$ref": "#/$defs/" + schema["$ref"].rsplit("/", 1)[-1]}
    else:
        result = {key: schema[key] for key in KEPT if key in schema}
        for key in ("oneOf", "anyOf", "allOf"):
            if key in schema:
                result[key] = [json_schema(part) for part in schema[key]]
        if "properties" in schema:
            result["properties"] = {k: json_schema(v) for k, v in schema["properties"].items()}
        if isinstance(schema.get("items"), dict):
            result["items"] = json_schema(schema["items"])
    return nullable(result) if schema.get("nullable") else result


def nullable(schema: Json) -> Json:
    """The same schema, taking null too."""
    if isinstance(schema.get("type"), str) and "enum" not in schema:
        return schema | {"type": [schema["type"], "null"]}
    return {"anyOf": [schema, {"type": "null"}]}
