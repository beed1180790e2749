"""Schemas: the shipped ones of what each sink takes, and checks compiled from any schema."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import jsonschema_rs

CHECKOUT = Path(__file__).resolve().parent.parent / "schemas" / "sinks"

Check = Callable[[Mapping[str, Any]], str | None]


def sink_schema(name: str) -> dict[str, Any]:
    """The schema of what a sink accepts: from the wheel, or from `schemas/sinks` of a checkout.

    Raises:
        FileNotFoundError: there is none of that name.
    """
    shipped = files("target_klaviyo").joinpath("schemas", f"{name}.json")
    source = shipped if shipped.is_file() else CHECKOUT / f"{name}.json"
    return dict(json.loads(source.read_text(encoding="utf-8")))


def compiled(schema: Mapping[str, Any]) -> Check:
    """A check of records: None where one fits, else what is wrong, without quoting values.

    The yes or no is compiled; only a refusal is worded, by the slower library.

    Raises:
        ValueError: `schema` is no JSON Schema.
    """
    fast = jsonschema_rs.Draft202012Validator(dict(schema))
    slow = jsonschema.Draft202012Validator(schema)

    def check(record: Mapping[str, Any]) -> str | None:
        if fast.is_valid(record):
            return None
        first = next(iter(slow.iter_errors(record)), None)
        return worded(first) if first else "does not fit its schema"

    return check


def worded(error: jsonschema.ValidationError) -> str:
    """A refusal that names place and rule, never the value: it may be personal data."""
    place = ".".join(str(part) for part in error.absolute_path)
    rules = {
        "type": f"must be {type_names(error.validator_value)}",
        "required": "lacks something required",
        "maxLength": f"is longer than {error.validator_value} characters",
        "minLength": "is empty",
        "maxProperties": f"has more than {error.validator_value} entries",
        "maxItems": f"has more than {error.validator_value} elements",
        "enum": f"must be one of {choices(error.validator_value)}",
    }
    rule = rules.get(str(error.validator), f"breaks the rule {error.validator!r} of its schema")
    return f"{place} {rule}" if place else rule


def choices(values: Any) -> str:
    """The values that an enum allows, as a list of words."""
    named = values if isinstance(values, list) else []
    return ", ".join("null" if one is None else str(one) for one in named)


def type_names(value: Any) -> str:
    """JSON types as words."""
    return " or ".join(map(str, value)) if isinstance(value, list) else str(value)
