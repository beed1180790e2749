"""The query string of a read, checked against what its operation takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from klaviyo_sandbox.contract import Operation
from klaviyo_sandbox.filters import Condition, conditions
from klaviyo_sandbox.messages import invalid_parameter

FIXED_PAGE = 200
"""Rows in a page of the operations that page without `page[size]`."""

Parameters = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Query:
    """What a read asks for. `fields` and `additional` are by resource type."""

    conditions: tuple[Condition, ...] = ()
    sort: str | None = None
    size: int = FIXED_PAGE
    cursor: str | None = None
    include: tuple[str, ...] = ()
    fields: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    additional: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def read_query(operation: Operation, pairs: tuple[tuple[str, str], ...]) -> Query:
    """The query of a request to `operation`.

    Raises:
        Refusal: 400, an unknown or repeated parameter, or a value that it does not take.
    """
    parameters = unique(pairs)
    check_names(operation, parameters)
    return Query(
        read_filter(operation, parameters),
        one_of(parameters, "sort", operation.sort),
        page_size(operation, parameters),
        parameters.get("page[cursor]"),
        several_of(parameters, "include", operation.include),
        by_type(parameters, "fields", operation.fields),
        by_type(parameters, "additional-fields", operation.additional_fields),
    )


def unique(pairs: tuple[tuple[str, str], ...]) -> dict[str, str]:
    """The parameters by name; one given twice is refused."""
    parameters: dict[str, str] = {}
    for name, value in pairs:
        if name in parameters:
            raise invalid_parameter(f"'{name}' is given more than once.", name)
        parameters[name] = value
    return parameters


def check_names(operation: Operation, parameters: Parameters) -> None:
    """Refuse parameters that the operation does not have."""
    for name in parameters:
        if name not in known_names(operation):
            raise invalid_parameter(f"'{name}' is not a valid parameter for this request.", name)


def known_names(operation: Operation) -> set[str]:
    """The query parameters of an operation."""
    names = set(operation.parameters)
    names |= {f"fields[{kind}]" for kind in operation.fields}
    names |= {f"additional-fields[{kind}]" for kind in operation.additional_fields}
    present = {
        "page[cursor]": operation.cursor,
        "page[size]": operation.page,
        "sort": operation.sort,
        "filter": operation.filters,
        "include": operation.include,
    }
    return names | {name for name, fact in present.items() if fact}


def read_filter(operation: Operation, parameters: Parameters) -> tuple[Condition, ...]:
    """The conditions of `filter`, where given."""
    text = parameters.get("filter")
    if text is not None:
        return conditions(text, operation.filters)
    if operation.filter_required:
        raise invalid_parameter("A filter is required for this request.", "filter")
    return ()


def page_size(operation: Operation, parameters: Parameters) -> int:
    """The number of rows in a page, within the operation's bounds."""
    if operation.page is None:
        return FIXED_PAGE
    text = parameters.get("page[size]", str(operation.page.default))
    size = int(text) if text.isascii() and text.isdigit() else 0
    if not 1 <= size <= operation.page.maximum:
        detail = f"Page size must be an integer between 1 and {operation.page.maximum}."
        raise invalid_parameter(detail, "page[size]")
    return size


def one_of(parameters: Parameters, name: str, allowed: tuple[str, ...]) -> str | None:
    """The value of `sort`: a field, or a field after a minus sign."""
    value = parameters.get(name)
    if value is not None and value.removeprefix("-") not in allowed:
        detail = f"'{value}' is not an allowed value for {name}. Allowed: {', '.join(allowed)}"
        raise invalid_parameter(detail, name)
    return value


def several_of(parameters: Parameters, name: str, allowed: tuple[str, ...]) -> tuple[str, ...]:
    """The values of a comma-separated parameter, without repetitions."""
    text = parameters.get(name, "")
    values = tuple(dict.fromkeys(text.split(","))) if text else ()
    for value in values:
        if value not in allowed:
            detail = f"'{value}' is not an allowed value for {name}."
            raise invalid_parameter(detail, name)
    return values


def by_type(
    parameters: Parameters, prefix: str, allowed: Mapping[str, tuple[str, ...]]
) -> dict[str, tuple[str, ...]]:
    """The values of `prefix[type]` by type, for the types that are given."""
    names = {kind: f"{prefix}[{kind}]" for kind in allowed}
    return {
        kind: several_of(parameters, name, allowed[kind])
        for kind, name in names.items()
        if name in parameters
    }
