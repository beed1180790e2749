"""Time as a parameter, so that nothing under test ever really waits."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """What pacing, retries and polling need of time."""

    def monotonic(self) -> float:
        """Seconds from an arbitrary start, never going back."""

    def sleep(self, seconds: float) -> None:
        """Wait for `seconds`."""


class SystemClock:
    """The machine's clock."""

    def monotonic(self) -> float:
        """Seconds since some moment in the past."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Block this thread."""
        time.sleep(seconds)
