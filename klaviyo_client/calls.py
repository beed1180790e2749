"""Requests that are ready to send, from operations and queries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from klaviyo_client.operations import Rate, operation
from klaviyo_client.query import Query, query_parameters, request_rates
from klaviyo_client.wire import request_address


@dataclass(frozen=True, slots=True)
class Call:
    """A request that is ready to send."""

    operation_id: str
    method: str
    address: str
    rates: Mapping[str, Rate]
    scopes: tuple[str, ...] = ()
    body: bytes | None = None
    repeat_safe: bool = True


def reading_call(base: str, operation_id: str, query: Query, path: Mapping[str, str]) -> Call:
    """A GET call that the endpoint facts allow; `path` fills the placeholders of its path.

    Raises:
        UnknownOperationError: there is no such operation.
        InvalidRequestError: it takes no such query, or a placeholder is left.
    """
    known = operation(operation_id)
    parameters = query_parameters(known, query)
    address = request_address(base, known.path, path, parameters)
    return Call(known.id, known.method, address, request_rates(known, parameters), known.scopes)
