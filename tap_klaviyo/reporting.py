"""Telling of a run's progress while it goes on: live on a terminal, else in the log."""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TextIO

from klaviyo_client.client import KlaviyoClient
from tap_klaviyo.progress import Facts, StreamProgress, Watch, sentence

LOG_SECONDS, LIVE_SECONDS = 60, 0.25
# The rate on the display is that of the last five seconds.
LIVE_LOOKS = 20
# Terminals that cannot move their cursor.
DUMB = ("dumb", "unknown")


class Reporter:
    """Has the facts told every so often, by a thread of its own."""

    def __init__(
        self,
        watch: Watch,
        tell: Callable[[list[Facts]], None],
        seconds: float,
        pause: Callable[[float], bool] | None = None,
    ) -> None:
        """Have `tell` called every so many seconds.

        Args:
            watch: Knows the facts.
            tell: Tells of them.
            seconds: How long to wait before each look.
            pause: Waits for so long, and says whether the run has ended meanwhile.
        """
        self._watch = watch
        self._tell = tell
        self._seconds = seconds
        self._ended = threading.Event()
        self._pause = pause or self._ended.wait
        self._thread = threading.Thread(target=self._run, name="progress", daemon=True)

    def __enter__(self) -> None:
        """Begin."""
        self._thread.start()

    def __exit__(self, *error: object) -> None:
        """End; nothing is told any more."""
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        """Tell, until the run has ended or nobody can be told."""
        with suppress(OSError):
            while not self._pause(self._seconds):
                self._tell(self._watch.look())


def means(wish: str, out: TextIO, err: TextIO, terminal: str) -> str:
    """How to tell: `live`, `log` or `none`.

    Args:
        wish: The setting; `auto` is live where a terminal shows `err` and nothing else of ours.
        out: Where the messages go.
        err: Where progress goes.
        terminal: What kind of terminal it is, as `TERM` says.
    """
    if wish != "auto":
        return wish
    live = err.isatty() and not out.isatty() and terminal not in DUMB
    return "live" if live else "log"


def log_lines(logger: logging.Logger) -> Callable[[Sequence[Facts]], None]:
    """Tells of the streams that are read in one line of the log each."""

    def tell(facts: Sequence[Facts]) -> None:
        for one in facts:
            if not one.outcome:
                logger.info(sentence(one))

    return tell


@contextmanager
def reporting(
    wish: str,
    streams: Sequence[StreamProgress],
    client: KlaviyoClient,
    logger: logging.Logger,
    pause: Callable[[float], bool] | None = None,
) -> Iterator[None]:
    """Tell of the streams that are read inside of this.

    Args:
        wish: The setting `progress`.
        streams: What to tell of.
        client: Knows the time, and what waits for a rate limit.
        logger: Takes the lines where no terminal shows them.
        pause: As `Reporter` takes it.
    """
    way = means(wish, sys.stdout, sys.stderr, os.environ.get("TERM", ""))
    if way == "none":
        yield
    elif way == "log":
        watch = Watch(streams, client.waiting, client.clock, 1)
        with Reporter(watch, log_lines(logger), LOG_SECONDS, pause):
            yield
    else:
        from tap_klaviyo.display import Display  # noqa: PLC0415 - slow to import, and rarely needed

        watch = Watch(streams, client.waiting, client.clock, LIVE_LOOKS)
        with Display(sys.stderr, [one.name for one in streams]) as display:
            try:
                with Reporter(watch, display.show, LIVE_SECONDS, pause):
                    yield
            finally:
                with suppress(OSError):
                    display.show(watch.look())
