"""The sandbox's time: everything that ages or expires asks a clock from here."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Protocol

MICROSECONDS = 1_000_000


class Clock(Protocol):
    """What the sandbox needs of time."""

    def now(self) -> float:
        """The present in the sandbox's seconds since 1970."""

    def real_seconds(self, seconds: float) -> float:
        """How long a client must wait for `seconds` of the sandbox's time to pass."""


class ScaledClock:
    """Starts at the present and runs `time_scale` times as fast as the world."""

    def __init__(self, time_scale: float = 1.0, source: Callable[[], float] = time.time) -> None:
        """Start now; `source` gives real seconds since 1970."""
        if time_scale <= 0:
            raise ValueError(f"time_scale must be greater than 0, not {time_scale}")
        self._scale = time_scale
        self._source = source
        self._start = source()

    def now(self) -> float:
        """The present in accelerated seconds since 1970."""
        return self._start + (self._source() - self._start) * self._scale

    def real_seconds(self, seconds: float) -> float:
        """Real seconds in which `seconds` of this clock pass."""
        return seconds / self._scale


class ManualClock:
    """Stands still until it is moved: for tests."""

    def __init__(self, start: float = 1_790_000_000.0) -> None:
        """Stand at `start` seconds since 1970."""
        self._now = start

    def now(self) -> float:
        """Where the clock stands."""
        return self._now

    def real_seconds(self, seconds: float) -> float:
        """The same number: this clock's seconds are the caller's."""
        return seconds

    def advance(self, seconds: float) -> None:
        """Move on by `seconds`."""
        self._now += seconds


def microseconds(text: str) -> int:
    """An ISO 8601 instant (UTC where it names no offset) as microseconds since 1970.

    Raises:
        ValueError: The text is no date-time.
    """
    moment = datetime.fromisoformat(normal_iso(text))
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    whole = math.floor(moment.replace(microsecond=0).timestamp())
    return whole * MICROSECONDS + moment.microsecond


def normal_iso(text: str) -> str:
    """`text` in the spelling that Python 3.10 parses: no Z, six or no fraction digits."""
    text = text[:-1] + "+00:00" if text.endswith(("Z", "z")) else text
    if "." not in text:
        return text
    head, _, rest = text.partition(".")
    digits = len(rest) - len(rest.lstrip("0123456789"))
    return f"{head}.{rest[:digits][:6].ljust(6, '0')}{rest[digits:]}"


def iso_seconds(seconds: float) -> str:
    """Seconds since 1970 as Klaviyo writes an instant of whole seconds."""
    return datetime.fromtimestamp(math.floor(seconds), timezone.utc).isoformat()


def iso_microseconds(seconds: float) -> str:
    """Seconds since 1970 as Klaviyo writes an instant with microseconds."""
    moment = datetime.fromtimestamp(seconds, timezone.utc)
    return moment.isoformat(timespec="microseconds")
