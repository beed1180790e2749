"""What faults do to an answer, in place of it or afterwards."""

from __future__ import annotations

from dataclasses import replace

from klaviyo_sandbox.contract import Operation
from klaviyo_sandbox.faults import JOB_KINDS, PAGE_KINDS, Fault, job_operations
from klaviyo_sandbox.messages import Problem, Refusal, Request, Response, throttled

CHALLENGE = b"<!DOCTYPE html><html><head><title>Just a moment...</title></head></html>"
CODES = {
    429: "throttled",
    401: "authentication_failed",
    403: "permission_denied",
    404: "not_found",
    409: "conflict",
}


def fitting(request: Request, operation: Operation) -> frozenset[str]:
    """The kinds of faults that this request can meet."""
    kinds = {"status", "delay", "held", "reset", "truncated", "html_403"}
    if request.method != "GET":
        kinds.add("lost_response")
        return frozenset(kinds | JOB_KINDS if operation.id in job_operations() else kinds)
    if operation.cursor:
        kinds |= PAGE_KINDS
        if not any(name == "page[cursor]" for name, _ in request.query):
            kinds.discard("repeated_cursor")
    return frozenset(kinds | {"unknown_attribute"})


def instead(fault: Fault | None) -> Response | None:
    """The answer in place of the operation's own, which then never happens."""
    if fault is None:
        return None
    if fault.kind == "reset":
        return Response(502, broken="reset")
    if fault.kind == "html_403":
        headers = (("cf-mitigated", "challenge"),)
        return Response(403, CHALLENGE, headers, "text/html; charset=UTF-8")
    if fault.kind == "status":
        raise refusal(fault)
    return None


def refusal(fault: Fault) -> Refusal:
    """The error that a fault of the kind `status` asks for."""
    status = fault.status or 500
    if status == 429:  # noqa: PLR2004 - too many requests
        return throttled(fault.retry_after if fault.retry_after is not None else 1)
    code = fault.code or CODES.get(status, "invalid" if status < 500 else "error")  # noqa: PLR2004
    title = "A fault of the sandbox."
    headers = () if fault.retry_after is None else (("Retry-After", str(fault.retry_after)),)
    return Refusal(status, Problem(code, title, title, {"pointer": "/data"}), headers=headers)


def afterwards(response: Response, fault: Fault | None) -> Response:
    """The operation's answer as it leaves, bent by a fault of the way back."""
    if fault is None:
        return response
    if fault.kind == "delay":
        return replace(response, delay=response.delay + (fault.seconds or 0.0))
    if fault.kind == "truncated":
        return replace(response, broken="truncated")
    if fault.kind == "garbled":
        return replace(response, body=response.body.replace(b"{", b"{,", 1))
    if fault.kind == "lost_response":
        return replace(response, broken="reset")
    return response
