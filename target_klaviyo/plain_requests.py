"""The sink requests: rows that are requests, for whatever has no sink of its own."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import unquote

from klaviyo_client.operations import Operation, operation_at
from target_klaviyo.chunks import Envelope
from target_klaviyo.items import ENCODER, Item
from target_klaviyo.outcomes import RejectedRowError, Row
from target_klaviyo.plans import (
    Accepted,
    Directory,
    Plan,
    Settled,
    Shipment,
    StreamRules,
    Transport,
    oversize,
)
from target_klaviyo.things import ALONE

METHODS = ("POST", "PATCH", "PUT", "DELETE")
PREFIX = "/api/"
# The row's body is the whole document.
AS_IT_IS = Envelope(b"", b"", "")


def build_request(accepted: Accepted, row: Row, rules: StreamRules) -> Item:  # noqa: ARG001
    """A request of a known operation, so that it is paced as that one is.

    Raises:
        RejectedRowError: it is no write that Klaviyo knows.
    """
    known = write_at(accepted["method"].upper(), accepted["path"])
    body = accepted.get("body")
    if known.body and body is None:
        raise RejectedRowError(f"has no body, which {known.id} needs")
    return Item(
        (row,),
        b"" if body is None else ENCODER.encode(body),
        path=path_values(known, accepted["path"]),
        content={"operation": known.id, "repeat_safe": bool(accepted.get("repeat_safe"))},
    )


def write_at(method: str, path: str) -> Operation:
    """The operation that a row means."""
    if method not in METHODS:
        raise RejectedRowError(f"method must be one of {', '.join(METHODS)}")
    if not path.startswith(PREFIX) or "?" in path:
        raise RejectedRowError("path must begin with /api/ and hold no query")
    known = operation_at(method, path.rstrip("/"))
    if known is None:
        raise RejectedRowError("Klaviyo has no operation of this method and path")
    return known


def path_values(known: Operation, path: str) -> tuple[tuple[str, str], ...]:
    """The values of the placeholders in an operation's path."""
    parts = zip(known.path.split("/"), path.rstrip("/").split("/"), strict=True)
    values = tuple((name[1:-1], unquote(part)) for name, part in parts if name.startswith("{"))
    if any(value in ("", ".", "..") for _, value in values):
        raise RejectedRowError("path lacks an id")
    return values


def plan_requests(items: Sequence[Item], directory: Directory) -> Plan:  # noqa: ARG001
    """One request after the other: what rows do may build upon the rows before."""
    waves: list[list[Shipment]] = []
    refused: list[Settled] = []
    for item in items:
        said = item.content
        transport = Transport(said["operation"], ALONE, AS_IT_IS, repeat_safe=said["repeat_safe"])
        too_large = oversize(transport, item)
        if too_large:
            refused.append(too_large)
        else:
            waves.append([Shipment(transport, (item,), dict(item.path))])
    return Plan(waves, refused)
