"""The query of a GET request, checked against the endpoint facts before it is sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from klaviyo_client.errors import InvalidRequestError
from klaviyo_client.filters import check_filter, nearest
from klaviyo_client.operations import Operation, ParameterRate, Rate


@dataclass(frozen=True, slots=True)
class Query:
    """What to ask of an operation; everything empty means the operation's defaults.

    `fields` and `additional_fields` are by resource type; `sort` may start with `-`;
    `parameters` holds what is none of JSON:API's (`company_id`).
    """

    filter: str | None = None
    sort: str | None = None
    page_size: int | None = None
    include: tuple[str, ...] = ()
    fields: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    additional_fields: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)


def query_parameters(operation: Operation, query: Query) -> dict[str, str]:
    """The query as parameter names and values.

    Raises:
        InvalidRequestError: the endpoint facts forbid some part of it; the message says which
            and what is allowed.
    """
    check_filter(operation, query.filter)
    check_page_size(operation, query.page_size)
    check_words(
        operation, "sort", [query.sort.removeprefix("-")] if query.sort else [], operation.sort
    )
    check_words(operation, "include", query.include, operation.include)
    check_typed(operation, "fields", query.fields, operation.fields)
    check_typed(
        operation, "additional-fields", query.additional_fields, operation.additional_fields
    )
    check_words(operation, "parameter", query.parameters, operation.parameters)
    return written(query)


def written(query: Query) -> dict[str, str]:
    """The query as it goes on the wire."""
    parameters = {
        f"additional-fields[{k}]": ",".join(v) for k, v in query.additional_fields.items()
    }
    parameters |= {f"fields[{kind}]": ",".join(names) for kind, names in query.fields.items()}
    optional = {
        "filter": query.filter,
        "include": ",".join(query.include),
        "page[size]": str(query.page_size or ""),
        "sort": query.sort,
    }
    parameters |= {name: value for name, value in optional.items() if value}
    return {**parameters, **query.parameters}


def check_page_size(operation: Operation, size: int | None) -> None:
    """Refuse a page size that the operation does not take."""
    if size is None:
        return
    if operation.page is None:
        raise InvalidRequestError(f"{operation.id} takes no page size")
    if not 1 <= size <= operation.page.maximum:
        raise InvalidRequestError(
            f"page size {size} is outside 1 to {operation.page.maximum} for {operation.id}",
        )


def check_typed(
    operation: Operation,
    parameter: str,
    asked: Mapping[str, tuple[str, ...]],
    known: Mapping[str, tuple[str, ...]],
) -> None:
    """Refuse unknown types and unknown fields of a type."""
    check_words(operation, parameter, asked, known)
    for kind, names in asked.items():
        check_words(operation, f"{parameter}[{kind}]", names, known[kind])


def check_words(
    operation: Operation, parameter: str, asked: Iterable[str], known: Iterable[str]
) -> None:
    """Refuse a word that the parameter does not know."""
    words = list(known)
    for word in asked:
        if word not in words:
            raise InvalidRequestError(
                f"{parameter} of {operation.id} does not know {word!r}{nearest(word, words)}; "
                f"allowed: {', '.join(words) or 'nothing'}",
            )


def request_rates(operation: Operation, parameters: Mapping[str, str]) -> dict[str, Rate]:
    """Every limit that a request counts against, by the name of its bucket; its own is first."""
    lowered = lowered_rates(operation, parameters)
    return {operation.id: operation.rate} | {f"{r.parameter}={r.value}": r.rate for r in lowered}


def lowered_rates(operation: Operation, parameters: Mapping[str, str]) -> tuple[ParameterRate, ...]:
    """The lower limits that a request with these parameters runs into."""
    return tuple(
        limit
        for limit in operation.parameter_rates
        if limit.value in parameters.get(limit.parameter, "").split(",")
    )
