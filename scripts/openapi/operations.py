"""Facts of each operation: paging, filters, sparse fields, rates, scopes, statuses."""

from __future__ import annotations

import re
from typing import Any

from openapi.document import MEDIA_TYPE, Document, Json, reference_name

PARAMETER_RATE = re.compile(
    r"Rate limits when using the `(?P<parameter>[^=`]+)=(?P<value>[^`]+)` parameter.*?"
    r"Burst: `(?P<burst>\d+)/s`<br>Steady: `(?P<steady>\d+)/m`",
    re.DOTALL,
)


def operation_facts(document: Document, path: str, method: str, operation: Json) -> Json:
    """One operation as a row; keys that do not apply are absent."""
    query = {p["name"]: p for p in operation["parameters"] if p["in"] == "query"}
    row: Json = {
        "id": operation["operationId"],
        "aliases": operation.get("x-klaviyo-operation-aliases"),
        "method": method,
        "path": path,
        "status": [int(status) for status in operation["responses"] if status.startswith("2")],
        "scopes": operation["x-klaviyo-scopes"],
        "rate": rate(operation["x-klaviyo-ratelimit"]),
        "parameter_rates": parameter_rates(operation["description"], query),
        "cursor": "page[cursor]" in query,
        "page": page_size(query),
        "sort": sort_fields(query),
        "filters": filters(operation.get("x-klaviyo-filters", {})),
        "filter_required": query.get("filter", {}).get("required", False),
        "include": enumeration(query.get("include")),
        "additional_fields": bracketed(query, "additional-fields"),
        "fields": bracketed(query, "fields"),
        "parameters": other_parameters(query),
        "body": body_name(operation),
        "multipart": "multipart/form-data" in operation.get("requestBody", {}).get("content", {}),
        "resource": resource_type(document, operation),
    }
    return {key: value for key, value in row.items() if value not in (None, [], {}, False)}


def rate(limits: Json) -> list[int]:
    """Requests per second, per minute and, where there is a quota, per day."""
    return [
        int(limits[window].split("/")[0])
        for window in ("burst", "steady", "daily")
        if window in limits
    ]


def parameter_rates(description: str, query: Json) -> list[Json]:
    """Lower limits that Klaviyo states only in prose, for expensive parameter values."""
    rows = []
    for match in PARAMETER_RATE.finditer(description):
        value = match["value"]
        known = enumeration(query.get(match["parameter"]))
        if not known:
            continue  # prose copied to a relationship operation that lacks the parameter
        # The prose says `include=list` where the parameter takes `lists`.
        value = value if value in known else value + "s"
        rate_pair = [int(match["burst"]), int(match["steady"])]
        rows.append({"parameter": match["parameter"], "value": value, "rate": rate_pair})
    return rows


def page_size(query: Json) -> list[int] | None:
    """Default and maximum of `page[size]`."""
    schema = query.get("page[size]", {}).get("schema")
    return [schema["default"], schema["maximum"]] if schema else None


def sort_fields(query: Json) -> list[str]:
    """Sortable fields; every one sorts both ways."""
    values = query.get("sort", {}).get("schema", {}).get("enum", [])
    return [value for value in values if not value.startswith("-")]


def filters(fields: Json) -> Json:
    """Per field: the value type and the operators that take one value, a list, or none."""
    rows = {}
    for field, fact in fields.items():
        value = fact.get("value", {})
        row: Json = {"value": value.get("format") or value.get("type")} if value else {}
        if "enum" in value:
            row["enum"] = value["enum"]
        rows[field] = row | {arity: names for arity, names in fact["operators"].items() if names}
    return rows


def enumeration(parameter: Json | None) -> list[str]:
    """The values that an array parameter takes."""
    return list(parameter["schema"]["items"].get("enum", [])) if parameter else []


def bracketed(query: Json, prefix: str) -> dict[str, list[str]]:
    """Values of `prefix[type]` parameters by type."""
    return {
        name[len(prefix) + 1 : -1]: enumeration(parameter)
        for name, parameter in query.items()
        if name.startswith(prefix + "[")
    }


def other_parameters(query: Json) -> list[str]:
    """Query parameters that are none of JSON:API's."""
    families = ("fields[", "additional-fields[", "page[")
    known = ("filter", "sort", "include")
    return [name for name in query if name not in known and not name.startswith(families)]


def body_name(operation: Json) -> str | None:
    """The component that describes the request body."""
    content = operation.get("requestBody", {}).get("content", {})
    return reference_name(content[MEDIA_TYPE]["schema"]) if MEDIA_TYPE in content else None


def resource_type(document: Document, operation: Json) -> str | None:
    """The JSON:API `type` of what the operation answers."""
    schema = document.success_schema(operation)
    data = (schema or {}).get("properties", {}).get("data")
    return type_of(document, data) if data else None


def type_of(document: Document, schema: Json) -> str | None:
    """The `type` constant of a resource schema, through arrays, references and `allOf`."""
    schema = document.resolve(schema)
    if "items" in schema:
        return type_of(document, schema["items"])
    for part in schema.get("allOf", []):
        found = type_of(document, part)
        if found:
            return found
    constant: Any = schema.get("properties", {}).get("type")
    return str(document.resolve(constant)["enum"][0]) if constant else None
