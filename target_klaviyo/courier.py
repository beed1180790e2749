"""Sends the requests of a batch, several at once, and comes back when all have settled."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

from klaviyo_client.client import KlaviyoClient
from klaviyo_client.errors import KlaviyoError
from target_klaviyo.chunks import body
from target_klaviyo.delivery import Attempts, delivered
from target_klaviyo.outcomes import ACCEPTED
from target_klaviyo.plans import Plan, Settled, Shipment

Value = TypeVar("Value")
Result = TypeVar("Result")


@dataclass(slots=True)
class Delivery:
    """What became of a batch. Items that are not in `settled` were not sent, because of `error`."""

    settled: list[Settled] = field(default_factory=list)
    requests: int = 0
    jobs: int = 0
    error: KlaviyoError | None = None

    def add(self, other: Delivery) -> None:
        """Take in what became of another part; the first error is the one that counts."""
        self.settled.extend(other.settled)
        self.requests += other.requests
        self.jobs += other.jobs
        self.error = self.error or other.error


class Courier:
    """Owns the threads; everything else it does is in `delivery`."""

    def __init__(self, client: KlaviyoClient, parallel: int, job_timeout_seconds: float) -> None:
        """Send at most `parallel` requests at once."""
        self._client = client
        self._job_timeout_seconds = job_timeout_seconds
        self._pool = ThreadPoolExecutor(parallel, thread_name_prefix="klaviyo")

    def close(self) -> None:
        """Let the threads end."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def together(
        self, function: Callable[[Value], Result], values: Sequence[Value]
    ) -> Iterable[Result]:
        """`map`, several at once."""
        return self._pool.map(function, values)

    def deliver(self, plan: Plan, stream: str) -> Delivery:  # noqa: ARG002 - as `Rehearsal`
        """Send a plan and its sequels; returns when everything sent has settled."""
        return with_sequels(plan, self._sent)

    def _sent(self, plan: Plan) -> Delivery:
        """Send wave after wave."""
        total = Delivery(list(plan.settled), error=plan.error)
        stopped = threading.Event()
        for wave in () if plan.error else plan.waves:
            for part in self._pool.map(lambda one: self._part(one, stopped), wave):
                total.add(part)
            if total.error:
                break
        return total

    def _part(self, shipment: Shipment, stopped: threading.Event) -> Delivery:
        """One request, unless an earlier one has shown that nothing can be sent."""
        part = Delivery()
        if stopped.is_set():
            return part
        attempts = Attempts()
        try:
            for one in delivered(self._client, shipment, attempts, self._job_timeout_seconds):
                part.settled.append(one)
        except KlaviyoError as error:
            stopped.set()
            part.error = error
        part.requests, part.jobs = attempts.requests, attempts.jobs
        return part


def with_sequels(plan: Plan, send: Callable[[Plan], Delivery]) -> Delivery:
    """What became of a plan, and of all the plans that follow from it."""
    total = send(plan)
    while total.error is None and plan.then is not None:
        try:
            plan = plan.then(total.settled)
        except KlaviyoError as error:
            total.error = error
            return total
        rest = send(plan)
        rest.requests += total.requests
        rest.jobs += total.jobs
        total = rest
    return total


class Rehearsal:
    """A courier that sends nothing: `dry_run`."""

    def __init__(self, show: Callable[[str, str, str], Any]) -> None:
        """Show the first body of each stream and operation through `show`."""
        self._show = show
        self._shown: set[tuple[str, str]] = set()

    def close(self) -> None:
        """There are no threads."""

    def deliver(self, plan: Plan, stream: str) -> Delivery:
        """What would become of a plan and its sequels."""
        return with_sequels(plan, lambda one: self._rehearsed(one, stream))

    def _rehearsed(self, plan: Plan, stream: str) -> Delivery:
        """What would be sent."""
        total = Delivery(list(plan.settled), error=plan.error)
        for shipment in (one for wave in plan.waves for one in wave):
            operation = shipment.transport.operation
            if (stream, operation) not in self._shown:
                self._shown.add((stream, operation))
                content = body(shipment.transport.envelope, shipment.items[:1])
                self._show(stream, operation, content.decode())
            total.settled.extend(Settled(item, ACCEPTED) for item in shipment.items)
            total.requests += 1
        return total
