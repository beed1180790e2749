"""The committed facts against Klaviyo's own OpenAPI file, read here a second, shorter way.

The file is Klaviyo's and not part of this project: name it in KLAVIYO_OPENAPI_FILE, or keep it as
`../shared/klaviyo/openapi-<revision>.json` beside the checkout.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from klaviyo_client.operations import Operation, facts_revision, operations

Json = dict[str, Any]
PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def openapi_file() -> Path:
    beside = PROJECT.parent / "shared" / "klaviyo" / f"openapi-{facts_revision()}.json"
    path = Path(os.environ.get("KLAVIYO_OPENAPI_FILE", beside))
    if not path.is_file():
        pytest.skip("no OpenAPI file of Klaviyo's: set KLAVIYO_OPENAPI_FILE to one")
    return path


@pytest.fixture(scope="module")
def document(openapi_file: Path) -> Json:
    return dict(json.loads(openapi_file.read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def stated(document: Json) -> dict[str, Json]:
    """What the file states of each operation, with method, path and query parameters by name."""
    return {
        operation["operationId"]: operation
        | {"method": method.upper(), "path": path}
        | {"query": {p["name"]: p for p in operation["parameters"] if p["in"] == "query"}}
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


def values(query: Json, name: str) -> list[str]:
    """What a list-valued query parameter may hold."""
    schema = query.get(name, {}).get("schema", {})
    return list(schema.get("items", schema).get("enum", []))


def bracketed(query: Json, prefix: str) -> dict[str, list[str]]:
    return {
        match[1]: values(query, name)
        for name in query
        if (match := re.fullmatch(rf"{prefix}\[(.+)\]", name))
    }


def stated_filters(operation: Json) -> Json:
    """Operators by arity, and the type of value, of each field that can be filtered."""
    return {
        name: (
            *(sorted(fact["operators"].get(arity, [])) for arity in ("single", "list", "none")),
            fact.get("value", {}).get("format", fact.get("value", {}).get("type")),
            fact.get("value", {}).get("enum", []),
        )
        for name, fact in operation.get("x-klaviyo-filters", {}).items()
    }


def committed_filters(row: Operation) -> Json:
    return {
        name: (sorted(one.single), sorted(one.list), sorted(one.none), one.value, list(one.enum))
        for name, one in row.filters.items()
    }


def stated_page(operation: Json) -> tuple[int, int] | None:
    schema = operation["query"].get("page[size]", {}).get("schema")
    return (schema["default"], schema["maximum"]) if schema else None


def stated_rate(operation: Json) -> list[str | None]:
    return [operation["x-klaviyo-ratelimit"].get(window) for window in ("burst", "steady", "daily")]


def committed_rate(row: Operation) -> list[str | None]:
    daily = f"{row.rate.daily}/d" if row.rate.daily else None
    return [f"{row.rate.burst}/s", f"{row.rate.steady}/m", daily]


FACTS: dict[str, tuple[Callable[[Json], Any], Callable[[Operation], Any]]] = {
    "method": (lambda o: o["method"], lambda row: row.method),
    "path": (lambda o: o["path"], lambda row: row.path),
    "rate": (stated_rate, committed_rate),
    "scopes": (lambda o: sorted(o["x-klaviyo-scopes"]), lambda row: sorted(row.scopes)),
    "status": (
        lambda o: [status for status in o["responses"] if status.startswith("2")],
        lambda row: [str(status) for status in row.status],
    ),
    "page": (stated_page, lambda row: (row.page.default, row.page.maximum) if row.page else None),
    "cursor": (lambda o: "page[cursor]" in o["query"], lambda row: row.cursor),
    "sort": (
        lambda o: sorted(values(o["query"], "sort")),
        lambda row: sorted([*row.sort, *(f"-{name}" for name in row.sort)]),
    ),
    "filters": (stated_filters, committed_filters),
    "filter required": (
        lambda o: o["query"].get("filter", {}).get("required", False),
        lambda row: row.filter_required,
    ),
    "include": (lambda o: values(o["query"], "include"), lambda row: list(row.include)),
    "fields": (
        lambda o: bracketed(o["query"], "fields"),
        lambda row: {kind: list(names) for kind, names in row.fields.items()},
    ),
    "additional fields": (
        lambda o: bracketed(o["query"], "additional-fields"),
        lambda row: {kind: list(names) for kind, names in row.additional_fields.items()},
    ),
}


def test_the_generator_finds_nothing_to_change(openapi_file: Path) -> None:
    command = [sys.executable, "scripts/generate_facts.py", str(openapi_file), "--check"]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_file_is_of_the_revision_of_the_facts(document: Json) -> None:
    assert document["info"]["version"] == facts_revision()


def test_every_operation_is_there(stated: dict[str, Json]) -> None:
    assert set(stated) == set(operations())
    assert len(stated) == 345


@pytest.mark.parametrize("fact", FACTS)
def test_facts_are_as_stated(stated: dict[str, Json], fact: str) -> None:
    read, committed = FACTS[fact]
    expected = {name: read(operation) for name, operation in stated.items()}
    assert {name: committed(row) for name, row in operations().items()} == expected


def test_every_costly_parameter_that_the_prose_names_is_known(stated: dict[str, Json]) -> None:
    """The prose writes `include=list` for `lists`, and is copied where the parameter is not."""
    named = {
        (name, parameter)
        for name, operation in stated.items()
        for parameter in re.findall(r"when using the `([^=`]+)=", operation["description"])
        if parameter in operation["query"]
    }
    known = {
        (row.id, one.parameter) for row in operations().values() for one in row.parameter_rates
    }
    assert known == named
    assert len(known) == 5
