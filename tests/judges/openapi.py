"""Judges what went over the wire by Klaviyo's own OpenAPI file, where that is given.

`assert_ledger_valid(sandbox)` checks every request body and every answer that a sandbox started
with `keep_answers=True` remembers.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from klaviyo_sandbox import Sandbox
from klaviyo_sandbox.ledger import Entry

VARIABLE = "KLAVIYO_OPENAPI_FILE"
PROJECT = Path(__file__).resolve().parents[2]
MEDIA = "application/vnd.api+json"


# What Klaviyo was seen to answer, and what its file says instead.
RECORDED = {("merge_profiles", 202): "201"}


def openapi_file() -> Path | None:
    """Klaviyo's OpenAPI file, or None."""
    if given := os.environ.get(VARIABLE):
        return Path(given)
    return max((PROJECT.parent / "shared" / "klaviyo").glob("openapi-*.json"), default=None)


def needed_file() -> Path:
    """Klaviyo's OpenAPI file. Skips without it."""
    path = openapi_file()
    if path is None:
        pytest.skip(f"Klaviyo's OpenAPI file is not here: set {VARIABLE}")
    return path


def assert_ledger_valid(sandbox: Sandbox) -> None:
    """Every remembered request and answer is what the OpenAPI file says. Skips without it."""
    path = needed_file()
    problems = [problem for entry in sandbox.requests for problem in wrong(entry, path)]
    assert not problems, "\n".join(problems[:20])


def judged(entry: Entry, answer: bytes) -> list[str]:
    """What the OpenAPI file has against an answer to a request. Skips without it."""
    path = needed_file()
    return list(complaints(path, entry, ("responses", str(entry.status)), answer, "answer"))


def wrong(entry: Entry, path: Path) -> Iterable[str]:
    """What the OpenAPI file has against a request and its answer."""
    described = descriptions(path).get(entry.operation)
    if described is None or entry.fault:
        return
    if entry.body and entry.status < 400:
        yield from complaints(path, entry, ("requestBody",), entry.body, "request")
    said = RECORDED.get((entry.operation, entry.status), str(entry.status))
    if entry.status < 400 and said not in described["responses"]:
        yield f"{entry.operation}: status {entry.status} is not described"
        return
    status = said if entry.status < 400 else f"{entry.status // 100}XX"
    content = described["responses"][status].get("content")
    if bool(content) != bool(entry.answer):
        yield f"{entry.operation}: {status} has {len(entry.answer)} bytes"
    elif content:
        yield from complaints(path, entry, ("responses", status), entry.answer, "answer")


def complaints(
    path: Path, entry: Entry, keys: tuple[str, ...], body: bytes, name: str
) -> Iterable[str]:
    """What a schema has against a body."""
    # Sparse fields leave out what the file calls required.
    sparse = any(parameter.startswith("fields[") for parameter in entry.parameters)
    judge = validator(path, entry.operation, keys, sparse=sparse)
    for error in judge.iter_errors(json.loads(body)):
        place = "/".join(str(part) for part in error.instance_path)
        yield f"{entry.operation} {entry.status} {name} /{place}: {error.message[:300]}"


@cache
def document(path: Path) -> dict[str, Any]:
    """The OpenAPI file."""
    return dict(json.loads(path.read_text(encoding="utf-8")))


@cache
def descriptions(path: Path) -> dict[str, dict[str, Any]]:
    """The file's operations by id."""
    return {
        operation["operationId"]: operation | {"responses": responses(path, operation)}
        for methods in document(path)["paths"].values()
        for operation in methods.values()
        if isinstance(operation, dict) and "operationId" in operation
    }


def responses(path: Path, operation: dict[str, Any]) -> dict[str, Any]:
    """The answers of an operation, those shared by several looked up."""
    shared = document(path)["components"].get("responses", {})
    return {
        status: shared.get(part.get("$ref", "").rpartition("/")[2], part)
        for status, part in operation["responses"].items()
    }


@cache
def components(path: Path, *, sparse: bool) -> dict[str, Any]:
    """The file's schemas as plain JSON Schema."""
    schemas = document(path)["components"]["schemas"]
    return {
        name: undemanding(mended(schema)) if sparse else mended(schema)
        for name, schema in schemas.items()
    }


def undemanding(schema: Any) -> Any:
    """A schema none of whose resources must have any attribute."""
    if isinstance(schema, list):
        return [undemanding(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    made = {name: undemanding(part) for name, part in schema.items()}
    attributes = made.get("properties", {}).get("attributes") if made.get("properties") else None
    if isinstance(attributes, dict):
        attributes.pop("required", None)
    return made


@cache
def validator(path: Path, operation: str, keys: tuple[str, ...], *, sparse: bool) -> Any:
    """The compiled schema of one body of an operation."""
    part = descriptions(path)[operation]
    for key in keys:
        part = part[key]
    schema = mended(part["content"][MEDIA]["schema"])
    root = {"components": {"schemas": components(path, sparse=sparse)}, **schema}
    return jsonschema_rs.Draft202012Validator(root, validate_formats=True)


def mended(schema: Any) -> Any:
    """A schema of the OpenAPI file as JSON Schema.

    `nullable` becomes a choice; `oneOf` becomes `anyOf`, since some of its choices are the same
    twice; `next` and `prev` may be null, which the file does not say and the API does.
    """
    if isinstance(schema, list):
        return [mended(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    made = {name: mended(part) for name, part in schema.items() if name != "nullable"}
    if isinstance(made.get("oneOf"), list):
        made["anyOf"] = made.pop("oneOf")
    for name in ("next", "prev"):
        if isinstance(made.get("properties"), dict) and "self" in made["properties"]:
            link = made["properties"].get(name)
            made["properties"] |= {name: nullable(link)} if link else {}
    return nullable(made) if schema.get("nullable") is True else made


def nullable(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema that takes null too."""
    return {"anyOf": [schema, {"type": "null"}]}
