"""Faults as a resource: queued per operation, met by requests, and counted.

What a fault does to a request is written where that part of the request is handled; here are
the kinds, what each needs, and the count of how often each was met.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

import jsonschema

from klaviyo_sandbox.contract import operations

ANY_OPERATION = "*"
TOKEN_OPERATION = "oauth_token"  # noqa: S105 - a name, no secret
OWN_NAMES = frozenset((ANY_OPERATION, TOKEN_OPERATION))
KINDS: Mapping[str, Mapping[str, Any]] = {
    "status": {"status": {"type": "integer", "minimum": 400, "maximum": 599}},
    "delay": {"seconds": {"type": "number", "minimum": 0}},
    "reset": {},
    "truncated": {},
    "garbled": {},
    "html_403": {},
    "lost_response": {},
    "held": {},
    "repeated_cursor": {},
    "unsorted": {},
    "empty_page": {},
    "unknown_attribute": {},
    "row_failure": {"row": {"type": "integer", "minimum": 0}},
    "cancelled_job": {},
}
"""Each kind of fault, and the members that it must have.

What is `held` waits for `clear`; what is `garbled` is whole, but no JSON.
"""

PAGE_KINDS = frozenset(
    ("repeated_cursor", "unsorted", "empty_page", "unknown_attribute", "garbled")
)
JOB_KINDS = frozenset(("row_failure", "cancelled_job"))


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that goes wrong: `times` times, after `after` requests went well.

    `status` and `retry_after` (seconds) are for the kind `status`; `seconds` for `delay`; `row`
    for `row_failure`. `operation` is Klaviyo's operationId, or `*` for all.
    """

    operation: str
    kind: str
    times: int = 1
    after: int = 0
    status: int | None = None
    retry_after: int | None = None
    code: str | None = None
    seconds: float | None = None
    row: int | None = None


class FaultError(ValueError):
    """A fault that cannot be: an unknown operation or kind, or a member too few or too many."""


class Queued:
    """A fault in the queue, with its counts."""

    def __init__(self, fault: Fault) -> None:
        """Begin with nothing seen and nothing met."""
        self.fault = fault
        self.seen = 0
        self.met = 0

    def take(self) -> bool:
        """Whether the request at hand meets the fault; counts it either way."""
        self.seen += 1
        meets = self.seen > self.fault.after and self.met < self.fault.times
        self.met += int(meets)
        return meets


class Faults:
    """The queue. Each request meets at most one fault: the first that is due."""

    def __init__(self) -> None:
        """Begin with an empty queue."""
        self._queue: list[Queued] = []
        self._lock = threading.Lock()
        self._cleared = threading.Event()

    def add(self, operation: str, kind: str, **members: Any) -> None:
        """Queue a fault; members as in `Fault`.

        Raises:
            FaultError: There is no such operation or kind, or the members do not fit.
        """
        self.add_all([{"operation": operation, "kind": kind, **members}])

    def add_all(self, content: Iterable[Mapping[str, Any]]) -> None:
        """Queue faults given as JSON objects: all of them, or none.

        Raises:
            FaultError: One of them cannot be.
        """
        faults = [checked(row) for row in content]
        with self._lock:
            self._queue += [Queued(fault) for fault in faults]

    def take(self, operation: str, kinds: Iterable[str]) -> Fault | None:
        """The fault that a request to `operation` meets, among the `kinds` that fit it."""
        fitting = frozenset(kinds)
        with self._lock:
            for queued in self._queue:
                fits = queued.fault.operation in (operation, ANY_OPERATION)
                if fits and queued.fault.kind in fitting and queued.take():
                    return queued.fault
        return None

    def report(self) -> list[dict[str, Any]]:
        """Every fault with `met`, how many requests met it."""
        with self._lock:
            return [
                {**{k: v for k, v in asdict(row.fault).items() if v is not None}, "met": row.met}
                for row in self._queue
            ]

    def met(self) -> int:
        """How many requests met a fault."""
        with self._lock:
            return sum(row.met for row in self._queue)

    @property
    def cleared(self) -> threading.Event:
        """Set when the faults of now are forgotten."""
        with self._lock:
            return self._cleared

    def clear(self) -> None:
        """Forget every fault and its count; answers that were held leave."""
        with self._lock:
            self._queue.clear()
            self._cleared.set()
            self._cleared = threading.Event()


def checked(content: Mapping[str, Any]) -> Fault:
    """A fault from its JSON object."""
    kind = content.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        raise FaultError(f"There is no fault {kind!r}. Faults: {', '.join(KINDS)}.")
    try:
        jsonschema.validate(dict(content), schema(kind))
    except jsonschema.ValidationError as error:
        raise FaultError(f"The fault {kind!r} is wrong: {error.message}") from None
    operation = content["operation"]
    if operation not in OWN_NAMES and operation not in operations():
        raise FaultError(f"Klaviyo has no operation {operation!r}.")
    if kind in JOB_KINDS and operation not in job_operations():
        raise FaultError(f"The fault {kind!r} is for bulk jobs only.")
    return Fault(**content)


@cache
def job_operations() -> frozenset[str]:
    """The operations that start a job which can be asked after."""
    read = {one.path for one in operations().values() if one.method == "GET"}
    return frozenset(
        one.id
        for one in operations().values()
        if one.method == "POST" and "-bulk-" in one.path and one.path in read
    )


def schema(kind: str) -> dict[str, Any]:
    """The JSON Schema of a fault of one kind."""
    needed = KINDS[kind]
    optional: dict[str, Any] = {
        "times": {"type": "integer", "minimum": 1},
        "after": {"type": "integer", "minimum": 0},
    }
    if kind == "status":
        optional["retry_after"] = {"type": "integer", "minimum": 0}
        optional["code"] = {"type": "string"}
    return {
        "type": "object",
        "properties": {
            "operation": {"type": "string"},
            "kind": {"const": kind},
            **needed,
            **optional,
        },
        "required": ["operation", "kind", *needed],
        "additionalProperties": False,
    }
