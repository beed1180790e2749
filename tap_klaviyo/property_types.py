"""Values of any kind as values of one type: databases want one for each column."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from tap_klaviyo.times import rfc3339

# Of 64 bits, as databases keep them.
LARGEST = 2**63
WHOLE = re.compile(r"[+-]?\d+")


def as_text(value: Any) -> str:
    """A text as it is, anything else as JSON."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def as_texts(value: Any) -> list[str | None] | None:
    """A list, with each item as text."""
    if not isinstance(value, list):
        return None
    return [None if one is None else as_text(one) for one in value]


def as_number(value: Any) -> float | None:
    """A number, or a text that is one."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    if isinstance(value, str) and "_" in value:  # a number in Python only
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def as_integer(value: Any) -> int | None:
    """A whole number, or a text that is one; none that is too large for a database."""
    number = as_number(value)
    if number is None or not number.is_integer() or abs(number) > LARGEST:
        return None
    # Long ones, as the ids of orders are, lose digits as a fraction.
    exact = value if isinstance(value, int) or WHOLE.fullmatch(str(value).strip()) else number
    return int(exact) if -LARGEST <= int(exact) < LARGEST else None


def as_boolean(value: Any) -> bool | None:
    """True or false, also as a text."""
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.strip().lower())
    return value if isinstance(value, bool) else None


def as_time(value: Any) -> str | None:
    """A date or date-time in the one form; what has no date is none."""
    try:
        return rfc3339(value) if isinstance(value, str) else None
    except ValueError:
        return None


def as_object(value: Any) -> dict[str, Any] | None:
    """An object."""
    return value if isinstance(value, dict) else None


# By the name of a type: how a value becomes one, and the column's schema.
TYPES: Mapping[str, tuple[Callable[[Any], Any], Mapping[str, object]]] = {
    "string": (as_text, {"type": ["string", "null"]}),
    "integer": (as_integer, {"type": ["integer", "null"]}),
    "number": (as_number, {"type": ["number", "null"]}),
    "boolean": (as_boolean, {"type": ["boolean", "null"]}),
    "date-time": (as_time, {"type": ["string", "null"], "format": "date-time"}),
    "object": (as_object, {"type": ["object", "null"], "additionalProperties": True}),
    "array": (as_texts, {"type": ["array", "null"], "items": {"type": ["string", "null"]}}),
}


def typed(kind: str, value: Any) -> Any:
    """A value as the type, or None where it is none of it."""
    return None if value is None else TYPES[kind][0](value)
