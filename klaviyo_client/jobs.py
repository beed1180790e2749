"""Bulk jobs: waiting until Klaviyo has finished one, and reading what it rejected."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from klaviyo_client.client import KlaviyoClient
from klaviyo_client.errors import JobFailedError
from klaviyo_client.query import Query

FINAL_STATES = ("complete", "cancelled")
# By how much each pause is longer than the one before: a job's end is seen at most half of its
# time too late, and one of an hour takes no more than 400 requests.
LONGER = 1.5


@dataclass(frozen=True, slots=True)
class PollRule:
    """How to wait for a job: the first pause, the longest pause, and when to give up."""

    operation_id: str
    first_seconds: float = 0.5
    longest_seconds: float = 10.0
    timeout_seconds: float = 3600.0


def settled_job(client: KlaviyoClient, rule: PollRule, job_id: str) -> Mapping[str, Any]:
    """The attributes of a job once it is complete.

    Raises:
        JobFailedError: it was cancelled, or is unfinished after `timeout_seconds`.
        KlaviyoError: the job could not be read.
    """
    deadline = client.clock.monotonic() + rule.timeout_seconds
    pause = rule.first_seconds
    while True:
        answer = client.get(rule.operation_id, path={"job_id": job_id})
        attributes: Mapping[str, Any] = answer.json()["data"]["attributes"]
        if attributes["status"] == "complete":
            return attributes
        if attributes["status"] in FINAL_STATES:
            raise JobFailedError(f"Klaviyo has {attributes['status']} a bulk job")
        if client.clock.monotonic() >= deadline:
            raise JobFailedError(
                f"a bulk job is still {attributes['status']} after {rule.timeout_seconds:.0f} s; "
                "Klaviyo may finish it later",
            )
        client.clock.sleep(pause)
        pause = min(rule.longest_seconds, pause * LONGER)


def import_errors(
    client: KlaviyoClient, operation_id: str, job_id: str
) -> Iterator[Mapping[str, Any]]:
    """The attributes (`code`, `detail`, `source`, `original_payload`) of each rejected row."""
    query = Query(page_size=100)
    for page in client.pages(operation_id, query, path={"id": job_id}):
        for resource in msgspec.json.decode(page.data):
            yield resource["attributes"]
