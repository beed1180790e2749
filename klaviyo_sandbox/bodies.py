"""Request bodies: size, JSON, and the schema that Klaviyo publishes for the operation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

import jsonschema_rs
import msgspec

from klaviyo_sandbox.contract import Operation, request_body_schemas
from klaviyo_sandbox.messages import Problem, Refusal, invalid, invalid_problem

MEGABYTE = 1_000_000
LARGEST = 5 * MEGABYTE
LARGEST_PROFILE = 100_000
OWN_LIMITS = {
    **dict.fromkeys(
        ("create_profile", "update_profile", "create_or_update_profile"), LARGEST_PROFILE
    ),
    "bulk_create_data_source_records": 4 * MEGABYTE,
}
MOST_PROBLEMS = 20
"""Errors in one answer; the facts give no number, a body may have thousands."""


def read_body(operation: Operation, body: bytes) -> Any:
    """The `data` of a valid body.

    Raises:
        Refusal: 413 too large, or 400 with the places that break the schema.
    """
    check_size(operation, body)
    try:
        content = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise invalid("The request body is not valid JSON.", "/data") from None
    check_schema(operation.body or "", content)
    return content["data"]


def check_size(operation: Operation, body: bytes) -> None:
    """Refuse (413) a body above the operation's limit."""
    most = OWN_LIMITS.get(operation.id, LARGEST)
    if len(body) > most:
        detail = f"The payload of {len(body)} bytes is larger than the allowed {most} bytes."
        raise Refusal(413, Problem("payload_too_large", "Payload too large.", detail))


def check_schema(component: str, content: Any) -> None:
    """Refuse (400) content that breaks the schema of `component`."""
    compiled = validator(component)
    if compiled.is_valid(content):
        return
    problems = []
    for error in compiled.iter_errors(content):
        path = "".join(f"/{part}" for part in error.instance_path)
        problems.append(invalid_problem(error.message, path or "/data"))
        if len(problems) == MOST_PROBLEMS:
            break
    raise Refusal(400, *problems)


@cache
def validator(component: str) -> Any:
    """The compiled schema of one request body."""
    schema = {"$ref": f"#/$defs/{component}", "$defs": strict_schemas()}
    return jsonschema_rs.validator_for(schema, validate_formats=True)


@cache
def strict_schemas() -> dict[str, Any]:
    """The schemas of all bodies, refusing attributes that no resource has, as Klaviyo does."""
    return {name: strict(schema) for name, schema in request_body_schemas()["$defs"].items()}


def strict(schema: Any) -> Any:
    """A schema whose `attributes` are closed, at any depth."""
    if isinstance(schema, list):
        return [strict(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    made = {name: strict(part) for name, part in schema.items()}
    members = made.get("properties")
    if isinstance(members, dict) and "properties" in members.get("attributes", {}):
        members["attributes"] = {**members["attributes"], "additionalProperties": False}
    return made


def check_count(rows: Iterable[Any], most: int, pointer: str) -> None:
    """Refuse (400) more than `most` rows, or none."""
    count = sum(1 for _ in rows)
    if not 1 <= count <= most:
        raise invalid(f"Between 1 and {most} items are allowed, not {count}.", pointer)


def check_sizes(rows: Iterable[Mapping[str, Any]], most: int, pointer: str) -> None:
    """Refuse (400) the request for any row larger than `most` bytes."""
    problems = [
        invalid_problem(f"An item may not be larger than {most} bytes.", f"{pointer}/{place}")
        for place, row in enumerate(rows)
        if len(msgspec.json.encode(row)) > most
    ]
    if problems:
        raise Refusal(400, *problems[:MOST_PROBLEMS])
