"""Requests, answers and refusals, as values. No socket, no state."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

JSON_API = "application/vnd.api+json"
RATE_LIMIT_PAGE = (
    "https://developers.klaviyo.com/en/docs/rate_limits_and_error_handling#rate-limits"
)


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it arrived.

    `headers` have lower-case names; `query` is decoded, in order; `base` is the scheme and
    host that the client used, on which every link of the answer is built.
    """

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    base: str = "http://127.0.0.1"


@dataclass(frozen=True, slots=True)
class Response:
    """An answer: status, body and headers beyond length and date.

    `delay` is in real seconds; an answer that waits `until` something leaves when that is set;
    `broken` says how the connection fails under the answer.
    """

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    content_type: str = JSON_API
    delay: float = 0.0
    until: threading.Event | None = None
    broken: Literal["", "reset", "truncated"] = ""


@dataclass(frozen=True, slots=True)
class Problem:
    """One entry of `errors` in a JSON:API error body."""

    code: str
    title: str
    detail: str
    source: Mapping[str, str] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)
    meta: Mapping[str, Any] = field(default_factory=dict)


class Refusal(Exception):  # noqa: N818 - an answer on its way, not a failure of the sandbox
    """The request is answered with `errors`."""

    def __init__(
        self, status: int, *problems: Problem, headers: tuple[tuple[str, str], ...] = ()
    ) -> None:
        """Hold the status, the errors and any headers of the answer."""
        super().__init__(status, problems)
        self.status = status
        self.problems = problems
        self.headers = headers


def json_response(status: int, content: Any) -> Response:
    """An answer whose body is `content` as JSON."""
    return Response(status, msgspec.json.encode(content))


def error_response(refusal: Refusal, error_id: Callable[[], str]) -> Response:
    """The JSON:API error body of `refusal`."""
    errors = [
        {
            "id": error_id(),
            "status": refusal.status,
            "code": problem.code,
            "title": problem.title,
            "detail": problem.detail,
            "source": problem.source,
            "links": problem.links,
            "meta": problem.meta,
        }
        for problem in refusal.problems
    ]
    body = msgspec.json.encode({"errors": errors})
    return Response(refusal.status, body, refusal.headers)


def invalid(detail: str, pointer: str = "/data") -> Refusal:
    """400: the body is wrong at `pointer`."""
    return Refusal(400, invalid_problem(detail, pointer))


def invalid_problem(detail: str, pointer: str) -> Problem:
    """One wrong place in a body."""
    return Problem("invalid", "Invalid input.", detail, {"pointer": pointer})


def invalid_parameter(detail: str, parameter: str) -> Refusal:
    """400: a query parameter is wrong."""
    return Refusal(400, Problem("invalid", "Invalid input.", detail, {"parameter": parameter}))


def not_found(resource: str, resource_id: str, pointer: str = "/data/") -> Refusal:
    """404: there is no such resource."""
    detail = f"A {resource} with id {resource_id} does not exist."
    return Refusal(404, Problem("not_found", "Not found.", detail, {"pointer": pointer}))


def throttled(seconds: int) -> Refusal:
    """429 with an integer `Retry-After`, and none of the rate headers."""
    unit = "second" if seconds == 1 else "seconds"
    problem = Problem(
        "throttled",
        "Request was throttled.",
        f"Request was throttled. Expected available in {seconds} {unit}.",
        {"pointer": "/data"},
        {"type": RATE_LIMIT_PAGE},
    )
    return Refusal(429, problem, headers=(("Retry-After", str(seconds)),))
