"""Rate limits: two fixed windows and, where Klaviyo has one, a daily quota for each bucket."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from klaviyo_sandbox.clock import Clock
from klaviyo_sandbox.contract import Operation, Rate
from klaviyo_sandbox.messages import throttled

Pairs = Iterable[tuple[str, str]]
Headers = tuple[tuple[str, str], ...]
BucketKey = tuple[str, str, str]
SECOND, MINUTE, DAY = 1, 60, 86_400


@dataclass(frozen=True, slots=True)
class Window:
    """A fixed window: its length in seconds, and the requests that it lets through."""

    seconds: int
    allowed: int


def windows(rate: Rate) -> tuple[Window, ...]:
    """The windows of a rate, shortest first."""
    both = (Window(SECOND, rate.burst), Window(MINUTE, rate.steady))
    return both if rate.daily is None else (*both, Window(DAY, rate.daily))


class Bucket:
    """Counts requests in the windows of one rate."""

    def __init__(self, rate: Rate) -> None:
        """Begin with nothing counted."""
        self.windows = windows(rate)
        self._counts = [(-1, 0)] * len(self.windows)

    def used(self, place: int, now: float) -> int:
        """Requests counted in the current window at `place`."""
        number, count = self._counts[place]
        return count if number == math.floor(now / self.windows[place].seconds) else 0

    def wait(self, now: float) -> float:
        """Seconds until every window has room, 0 when they have."""
        return max(
            self.resets_in(place, now) if self.used(place, now) >= window.allowed else 0
            for place, window in enumerate(self.windows)
        )

    def resets_in(self, place: int, now: float) -> float:
        """Seconds until the window at `place` begins anew."""
        seconds = self.windows[place].seconds
        return (math.floor(now / seconds) + 1) * seconds - now

    def count(self, now: float) -> None:
        """Count a request."""
        for place, window in enumerate(self.windows):
            used = self.used(place, now)
            self._counts[place] = (math.floor(now / window.seconds), used + 1)

    def binding(self, now: float) -> tuple[int, int]:
        """The place of the window with the least room, and that room."""
        left = [row.allowed - self.used(at, now) for at, row in enumerate(self.windows)]
        place = min(range(len(left)), key=left.__getitem__)
        return place, left[place]


def times(rate: Rate, factor: int) -> Rate:
    """A rate whose limits are `factor` times as high."""
    daily = None if rate.daily is None else rate.daily * factor
    return Rate(rate.burst * factor, rate.steady * factor, daily)


class Limiter:
    """The buckets of all callers."""

    def __init__(
        self, clock: Clock, operations: Mapping[str, Operation], *, on: bool, raised: int = 1
    ) -> None:
        """Count on `clock`; with `on` false nothing is refused, `raised` multiplies limits."""
        self._clock = clock
        self._on = on
        self._raised = raised
        self._buckets: dict[BucketKey, Bucket] = {}
        # An additional field costs the same wherever it can be asked for.
        self._shared = {
            (row.parameter, row.value): row.rate
            for operation in operations.values()
            for row in operation.parameter_rates
            if row.parameter.startswith("additional-fields")
        }

    def admit(self, account: str, operation: Operation, query: Pairs) -> Headers:
        """Count a request, and give the rate headers of its answer.

        Raises:
            Refusal: 429, a window is full. Nothing is counted then.
        """
        now = self._clock.now()
        buckets = [self._bucket(account, *key) for key in self._keys(operation, query)]
        if self._on:
            wait = max(bucket.wait(now) for bucket in buckets)
            if wait > 0:
                raise throttled(max(1, math.ceil(self._clock.real_seconds(wait))))
            for bucket in buckets:
                bucket.count(now)
        return self._headers(buckets, now)

    def _keys(self, operation: Operation, query: Pairs) -> list[tuple[str, str, Rate]]:
        rates = {(row.parameter, row.value): row.rate for row in operation.parameter_rates}
        rates = {**self._shared, **rates}
        keys = [("", operation.id, operation.rate)]
        for name, text in query:
            for value in text.split(","):
                rate = rates.get((name, value))
                keys += [(name, value, rate)] if rate is not None else []
        return keys

    def _bucket(self, account: str, name: str, value: str, rate: Rate) -> Bucket:
        return self._buckets.setdefault((account, name, value), Bucket(times(rate, self._raised)))

    def _headers(self, buckets: list[Bucket], now: float) -> Headers:
        bucket = min(buckets, key=lambda row: row.binding(now)[1])
        place, left = bucket.binding(now)
        window = bucket.windows[place]
        forms = "".join(f", {row.allowed};w={row.seconds}" for row in bucket.windows)
        reset = math.floor(self._clock.real_seconds(bucket.resets_in(place, now)))
        return (
            ("ratelimit-limit", f"{window.allowed}{forms}"),
            ("ratelimit-remaining", str(left)),
            ("ratelimit-reset", str(reset)),
        )
