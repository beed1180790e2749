"""Which of Klaviyo's operations the sandbox serves."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from klaviyo_sandbox.contract import Operation, operations
from klaviyo_sandbox.handlers import HANDLERS
from klaviyo_sandbox.reads import place_of


@cache
def served() -> Mapping[str, Operation]:
    """The served operations by `operationId`: every read of what is kept, and the writes."""
    return {
        operation.id: operation
        for operation in operations().values()
        if operation.id in HANDLERS or is_served_read(operation)
    }


def is_served_read(operation: Operation) -> bool:
    """Whether an operation reads something that the sandbox keeps."""
    if operation.method != "GET" or not operation.path.startswith("/api/"):
        return False
    return place_of(operation) is not None


def served_operations() -> tuple[str, ...]:
    """The ids of the served operations, in alphabetical order."""
    return tuple(sorted(served()))
