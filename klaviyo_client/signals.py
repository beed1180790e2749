"""Signals that come at a bad moment."""

from __future__ import annotations

import os
import threading
from types import FrameType

SHORTLY_SECONDS = 0.01


def came_inside_log_line(signum: int, frame: FrameType | None) -> bool:
    """Whether a signal came while its thread writes a log line; then it is sent again shortly.

    Python lets nobody write a line in the middle of another. Whoever tries, as nearly all handlers
    do, gets an error, which `logging` swallows with everything else that was to be done.
    """
    while frame is not None:
        if frame.f_globals.get("__name__") == "logging":
            again = threading.Timer(SHORTLY_SECONDS, os.kill, (os.getpid(), signum))
            again.daemon = True
            again.start()
            return True
        frame = frame.f_back
    return False
