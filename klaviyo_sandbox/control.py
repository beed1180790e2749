"""The control endpoints under /sandbox: the sandbox's own, without a key.

GET, POST, DELETE /sandbox/faults                the queue, with how often each was met
GET, DELETE       /sandbox/requests              the ledger (?operation=, ?after=)
GET               /sandbox/requests/{n}/body     a request's body as it came
GET               /sandbox/requests/{n}/answer   its answer, where answers are kept
GET               /sandbox/resources/{type}      everything the account holds of a type
GET               /sandbox/dropped-events        events accepted and then forgotten
GET               /sandbox/operations            the served operations
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from klaviyo_sandbox.account import Account
from klaviyo_sandbox.faults import FaultError, Faults
from klaviyo_sandbox.kinds import KINDS
from klaviyo_sandbox.ledger import Entry, Ledger
from klaviyo_sandbox.messages import Problem, Refusal, Request, Response, invalid
from klaviyo_sandbox.routing import split
from klaviyo_sandbox.served import served_operations

ROOT = "sandbox"
PLAIN = "application/json"


class Control:
    """Answers the control endpoints."""

    def __init__(self, faults: Faults, ledger: Ledger, account: Account) -> None:
        """Show and change these."""
        self._faults = faults
        self._ledger = ledger
        self._account = account
        self._routes: Mapping[tuple[str, str], Callable[[Request, list[str]], Response]] = {
            ("GET", "faults"): lambda _request, _rest: shown(self._faults.report()),
            ("POST", "faults"): self._add_faults,
            ("DELETE", "faults"): self._clear_faults,
            ("GET", "requests"): self._requests,
            ("DELETE", "requests"): self._clear_requests,
            ("GET", "resources"): self._resources,
            ("GET", "dropped-events"): lambda _request, _rest: shown(
                self._account.dropped_events()
            ),
            ("GET", "usage"): lambda _request, _rest: shown({"cpu_seconds": time.process_time()}),
            ("GET", "operations"): lambda _request, _rest: shown(list(served_operations())),
        }

    def answer(self, request: Request) -> Response:
        """The answer to a control request.

        Raises:
            Refusal: There is no such endpoint, or the content is wrong.
        """
        _, name, *rest = *split(request.path), ""
        handler = self._routes.get((request.method, name))
        if handler is None:
            raise no_endpoint(request)
        return handler(request, [part for part in rest if part])

    def _add_faults(self, request: Request, _rest: list[str]) -> Response:
        try:
            content = msgspec.json.decode(request.body, type=list[dict[str, Any]] | dict[str, Any])
            self._faults.add_all(content if isinstance(content, list) else [content])
        except (FaultError, msgspec.MsgspecError) as error:
            raise invalid(str(error)) from None
        return shown(self._faults.report(), 201)

    def _clear_faults(self, _request: Request, _rest: list[str]) -> Response:
        self._faults.clear()
        return Response(204)

    def _clear_requests(self, _request: Request, _rest: list[str]) -> Response:
        self._ledger.clear()
        return Response(204)

    def _requests(self, request: Request, rest: list[str]) -> Response:
        if rest:
            return self._part(request, rest)
        query = dict(request.query)
        after = int(query["after"]) if query.get("after", "").isdigit() else 0
        operation = query.get("operation")
        entries = (entry for entry in self._ledger if entry.number > after)
        return shown([line(e) for e in entries if operation in (None, e.operation)])

    def _part(self, request: Request, rest: list[str]) -> Response:
        number, *names = rest
        for entry in self._ledger:
            if str(entry.number) == number and names in (["body"], ["answer"]):
                content = entry.body if names == ["body"] else entry.answer
                return Response(200, content, (), PLAIN)
        raise no_endpoint(request)

    def _resources(self, request: Request, rest: list[str]) -> Response:
        if len(rest) != 1 or rest[0] not in KINDS:
            raise no_endpoint(request)
        return shown(self._account.resources(rest[0]))


def shown(content: Any, status: int = 200) -> Response:
    """An answer in plain JSON."""
    return Response(status, msgspec.json.encode(content), (), PLAIN)


def line(entry: Entry) -> dict[str, Any]:
    """A request as the ledger's endpoint shows it."""
    return {
        "number": entry.number,
        "time": entry.time,
        "method": entry.method,
        "path": entry.path,
        "operation": entry.operation,
        "query": entry.parameters,
        "status": entry.status,
        "headers": entry.headers,
        "body_size": entry.body_size,
        "fault": entry.fault,
    }


def no_endpoint(request: Request) -> Refusal:
    """404: the sandbox has no such control endpoint."""
    detail = f"The sandbox has no {request.method} {request.path}."
    return Refusal(404, Problem("not_found", "Not found.", detail, {"pointer": "/data/"}))
