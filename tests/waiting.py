"""Waiting for what can be seen."""

from __future__ import annotations

import time
from collections.abc import Callable

# A wait that takes longer has failed, on the slowest machine.
LIMIT_SECONDS, PAUSE_SECONDS = 60, 0.002


def until(seen: Callable[[], bool]) -> None:
    """Wait until something is so.

    Raises:
        AssertionError: It never was.
    """
    end = time.monotonic() + LIMIT_SECONDS
    while not seen():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(PAUSE_SECONDS)
