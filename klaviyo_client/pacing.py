"""Rate limits kept before Klaviyo has to enforce them.

Klaviyo counts requests in fixed windows whose start nobody outside knows. So the pacer keeps
sliding ones: never more than the limit in any second and any minute, hence in no fixed window
either. A request counts from when it is sent until a window's length after its answer came, the
latest moment at which the server may have counted it.
"""

from __future__ import annotations

import logging
import re
import threading
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from klaviyo_client.clock import Clock
from klaviyo_client.errors import WaitTooLongError
from klaviyo_client.operations import Rate

logger = logging.getLogger(__name__)

SECOND, MINUTE, DAY = 1, 60, 86_400
# How soon to look again when only requests under way fill a window.
RECHECK_SECONDS = 0.01
# A shorter wait is the ordinary course of things.
WORTH_SAYING_SECONDS = 5.0
WINDOW_LIMIT = re.compile(r"(\d+)\s*;\s*w=(\d+)")


@dataclass(slots=True)
class Window:
    """Requests answered within the last `length` seconds, and how many are allowed."""

    length: int
    limit: int
    answered: deque[float] = field(default_factory=deque)

    def used(self, under_way: int, now: float) -> int:
        """Requests that may count in this window now."""
        while self.answered and self.answered[0] + self.length <= now:
            self.answered.popleft()
        return under_way + len(self.answered)

    def delay(self, under_way: int, now: float) -> float:
        """Seconds until one more request fits."""
        surplus = self.used(under_way, now) - self.limit
        if surplus < 0:
            return 0.0
        if surplus < len(self.answered):
            return self.answered[surplus] + self.length - now
        return RECHECK_SECONDS


@dataclass(slots=True)
class Bucket:
    """What one limit of Klaviyo counts: the windows of an operation or of a parameter value."""

    windows: list[Window]
    under_way: int = 0
    blocked_until: float = float("-inf")
    # What the last answer left of a minute or a day, less the requests that it may not have
    # counted yet; None where another window binds.
    spare: int | None = None
    # Requests of a second that are left to others, once they have been in the way.
    left_to_others: int = 0
    refused_at: float = float("-inf")

    def delay(self, now: float) -> float:
        """Seconds until one more request fits all windows."""
        shortest, *longer = self.windows
        left_to_others = min(self.left_to_others, shortest.limit // 4)
        waits = [shortest.delay(self.under_way + left_to_others, now)]
        waits += [window.delay(self.under_way, now) for window in longer]
        # Others use the account too: with nothing to spare, the answers under way tell more.
        crowded = self.spare is not None and self.spare <= 0 and self.under_way > 0
        return max(self.blocked_until - now, RECHECK_SECONDS if crowded else 0.0, *waits)

    def sent(self) -> None:
        """Count a request that is being sent."""
        self.under_way += 1
        if self.spare is not None:
            self.spare -= 1

    def refused(self, now: float) -> None:
        """Leave others one request more in each second, up to a quarter of them."""
        if now >= self.refused_at + SECOND:
            self.refused_at = now
            self.left_to_others += 1

    def answered(self, now: float) -> None:
        """Count a request that has been answered."""
        self.under_way -= 1
        for window in self.windows:
            window.answered.append(now)


@dataclass(frozen=True, slots=True)
class Ticket:
    """The right to send one request, held until its answer."""

    operation_id: str
    buckets: tuple[Bucket, ...]


def bucket(rate: Rate) -> Bucket:
    """An unused bucket of that rate."""
    limits = ((SECOND, rate.burst), (MINUTE, rate.steady), (DAY, rate.daily))
    return Bucket([Window(length, limit) for length, limit in limits if limit is not None])


class Pacer:
    """Hands out tickets so that no bucket overflows; shared by all threads of a client."""

    def __init__(self, clock: Clock, max_wait_seconds: float) -> None:
        """Wait by `clock`, but never longer than `max_wait_seconds` for one ticket."""
        self._clock = clock
        self._max_wait_seconds = max_wait_seconds
        self._buckets: dict[str, Bucket] = {}
        self._waits: dict[str, float] = {}
        self._lock = threading.Lock()

    def acquire(self, operation_id: str, rates: Mapping[str, Rate]) -> Ticket:
        """Wait until a request that counts in these buckets may be sent.

        Raises:
            WaitTooLongError: that takes longer than `max_wait_seconds`.
        """
        while True:
            with self._lock:
                held = tuple(
                    self._buckets.setdefault(name, bucket(rate)) for name, rate in rates.items()
                )
                now = self._clock.monotonic()
                delay = max(one.delay(now) for one in held)
                if delay <= 0:
                    for one in held:
                        one.sent()
                    return Ticket(operation_id, held)
            if delay > self._max_wait_seconds:
                raise WaitTooLongError(operation_id, delay, self._max_wait_seconds)
            if delay > WORTH_SAYING_SECONDS:
                logger.info("Waiting %.0f s for the rate limit of %s", delay, operation_id)
            self._waits[operation_id] = now + delay
            self._clock.sleep(delay)

    def waiting(self) -> dict[str, float]:
        """For how many more seconds operations wait, by id; without those that do not."""
        now = self._clock.monotonic()
        # Copied whole, in one step: who acquires must not wait for who asks.
        return {name: until - now for name, until in self._waits.copy().items() if until > now}

    def release(self, ticket: Ticket, headers: Mapping[str, str]) -> None:
        """Count the request as answered and learn from the answer's rate headers.

        Call it exactly once for each ticket, with no headers where no answer came.
        """
        with self._lock:
            now = self._clock.monotonic()
            for one in ticket.buckets:
                one.answered(now)
            self._learn(ticket.buckets, headers, now)

    def defer(self, ticket: Ticket, seconds: float, *, refused: bool = False) -> None:
        """Let no request into the ticket's buckets for that long (429, or a failing server).

        Where it was a 429 (`refused`), others use the account in the same second.
        """
        with self._lock:
            now = self._clock.monotonic()
            for one in ticket.buckets:
                one.blocked_until = max(one.blocked_until, now + seconds)
                if refused:
                    one.refused(now)

    def _learn(self, held: tuple[Bucket, ...], headers: Mapping[str, str], now: float) -> None:
        """Take over the server's limits, and count requests that others have sent."""
        limits = headers.get("ratelimit-limit", "")
        stated = {int(length): max(1, int(limit)) for limit, length in WINDOW_LIMIT.findall(limits)}
        one = bucket_of(held, stated)
        if one is None:
            return
        for window in one.windows:
            window.limit = stated.get(window.length, window.limit)
        remaining = leading_number(headers.get("ratelimit-remaining"))
        binding = binding_window(one.windows, leading_number(limits))
        if remaining is None or binding is None:
            return
        one.spare = remaining - one.under_way if binding.length > SECOND else None
        others = binding.limit - remaining - binding.used(one.under_way, now)
        binding.answered.extend([now] * others)


def bucket_of(held: tuple[Bucket, ...], stated: Mapping[int, int]) -> Bucket | None:
    """The bucket that the headers speak of; None where several were charged and none fits.

    Taking the limits of a costly parameter for those of its operation would slow down every
    request without the parameter.
    """
    if len(held) == 1:
        return held[0]
    return next((b for b in held if {w.length: w.limit for w in b.windows} == stated), None)


def binding_window(windows: Iterable[Window], limit: int | None) -> Window | None:
    """The window that the headers speak of: the shortest with that limit."""
    return next((window for window in windows if window.limit == limit), None)


def leading_number(text: str | None) -> int | None:
    """The integer at the start of a header value, or None."""
    match = re.match(r"\s*(\d+)", text or "")
    return int(match[1]) if match else None
