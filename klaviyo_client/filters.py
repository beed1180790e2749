"""Filter text of Klaviyo's grammar: built from values, and read back to be checked.

    greater-or-equal(datetime,2026-01-01T00:00:00Z),equals(metric_id,"abc")

Grammar: https://developers.klaviyo.com/en/docs/filtering_ (`or` and `not` do not exist for GET).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timezone
from difflib import get_close_matches

from klaviyo_client.errors import InvalidRequestError
from klaviyo_client.operations import Operation

Value = str | int | float | bool | datetime | list[str] | None

CONDITION = re.compile(r"(?P<operator>[a-z]+(?:-[a-z]+)*)\((?P<arguments>.*)\)", re.DOTALL)
DATE_TIME = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?")
FIELD = re.compile(r"\w[\w.-]*")
NUMBER = re.compile(r"-?\d+(\.\d+)?")


@dataclass(frozen=True, slots=True)
class Condition:
    """One `operator(field,value)`; `value` is the literal as written, or None for `has`."""

    operator: str
    field: str
    value: str | None


def condition(operator: str, field: str, value: Value = None) -> str:
    """Text of one condition; a `datetime` is written in UTC with whole seconds."""
    if operator == "has":
        return f"has({field})"
    return f"{operator}({field},{literal(value)})"


def literal(value: Value) -> str:
    """A value as Klaviyo reads it: strings quoted, everything else bare."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise InvalidRequestError("a date-time in a filter needs a time zone")
        utc = value.astimezone(timezone.utc).replace(tzinfo=None)
        return utc.isoformat(timespec="seconds") + "Z"
    if isinstance(value, list):
        return "[" + ",".join(literal(item) for item in value) + "]"
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    return str(value)


def joined(*conditions: str | None) -> str | None:
    """All conditions together, or None where there is none."""
    return ",".join(part for part in conditions if part) or None


def check_filter(operation: Operation, text: str | None) -> None:
    """Refuse a filter that the endpoint facts forbid.

    Raises:
        InvalidRequestError: the grammar is broken, or the field, operator or kind of value is
            not allowed for `operation`.
    """
    if text is None:
        if operation.filter_required:
            fields = ", ".join(sorted(operation.filters))
            raise InvalidRequestError(f"{operation.id} needs a filter on one of: {fields}")
        return
    for one in parse(text):
        check_condition(operation, one)


def check_condition(operation: Operation, one: Condition) -> None:
    """Refuse a condition with a field, operator or value that `operation` does not take."""
    allowed = operation.filters.get(one.field)
    if allowed is None:
        raise InvalidRequestError(
            f"{operation.id} cannot be filtered by {one.field!r}"
            f"{nearest(one.field, operation.filters)}; "
            f"fields: {', '.join(sorted(operation.filters)) or 'none'}",
        )
    if one.operator not in allowed.operators:
        raise InvalidRequestError(
            f"{one.operator!r} is no operator of {one.field!r} in {operation.id}; "
            f"operators: {', '.join(sorted(allowed.operators))}",
        )
    if one.value is not None and not value_fits(one.value, allowed.value):
        raise InvalidRequestError(
            f"the value of {one.field!r} in the filter of {operation.id} must be "
            f"{DESCRIPTIONS.get(allowed.value or '', allowed.value)}",
        )


DESCRIPTIONS = {
    "string": 'a quoted string, such as "abc"',
    "date-time": "a bare ISO 8601 time, such as 2026-01-01T00:00:00Z",
    "boolean": "true or false",
    "number": "a bare number",
    "integer": "a bare number",
}


def value_fits(value: str, kind: str | None) -> bool:
    """Whether a literal is written as its field's type needs."""
    if value.startswith("["):
        return value.endswith("]") and all(value_fits(item, kind) for item in split(value[1:-1]))
    if kind == "date-time":
        return DATE_TIME.fullmatch(value) is not None
    if kind == "boolean":
        return value in ("true", "false")
    if kind in ("number", "integer"):
        return NUMBER.fullmatch(value) is not None
    return len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"


def nearest(word: str, known: Iterable[str]) -> str:
    """` (did you mean 'x'?)` where a known word is close."""
    close = get_close_matches(word, list(known), n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""


def parse(text: str) -> list[Condition]:
    """The conditions of a filter.

    Raises:
        InvalidRequestError: the text is not of the grammar.
    """
    conditions = []
    for part in split(text):
        match = CONDITION.fullmatch(part.strip())
        if match is None:
            raise broken(text)
        if match["operator"] == "and":
            conditions.extend(parse(match["arguments"]))
        else:
            conditions.append(read_condition(match["operator"], match["arguments"], text))
    if not conditions:
        raise broken(text)
    return conditions


def read_condition(operator: str, arguments: str, text: str) -> Condition:
    """One condition from its operator and what stands between its parentheses."""
    parts = [part.strip() for part in split(arguments)]
    # A field that is no bare word may be a value in the wrong place: it must not be shown.
    if len(parts) != (1 if operator == "has" else 2) or not FIELD.fullmatch(parts[0]):
        raise broken(text)
    if operator == "has":
        return Condition(operator, parts[0], None)
    return Condition(operator, parts[0], parts[1])


def broken(text: str) -> InvalidRequestError:
    """The error for text that cannot be read; the text may hold personal data and is not shown."""
    return InvalidRequestError(
        f"the filter of {len(text)} characters cannot be read; write it as "
        "operator(field,value), conditions joined by commas, strings in quotes",
    )


def split(text: str) -> list[str]:
    """Parts between the commas that stand outside quotes, brackets and parentheses."""
    parts, start, depth, quote = [], 0, 0, ""
    position = 0
    while position < len(text):
        character = text[position]
        if quote:
            if character == "\\":
                position += 1
            elif character == quote:
                quote = ""
        elif character in "\"'":
            quote = character
        elif character in "([":
            depth += 1
        elif character in ")]":
            depth -= 1
        elif character == "," and depth == 0:
            parts.append(text[start:position])
            start = position + 1
        position += 1
    if quote or depth:
        raise broken(text)
    return [*parts, text[start:]]
