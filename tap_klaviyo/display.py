"""The display of a run on a terminal: streams that are read below, everything else above.

The cursor rests at the top of the display, not at its end. So what other programs write to the
same terminal, as a loader does, takes the display's place and is never wiped out by it.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any, TextIO

from rich.console import Console
from rich.control import Control
from rich.file_proxy import FileProxy
from rich.live import Live
from rich.segment import ControlType
from rich.text import Text

from tap_klaviyo.progress import INTERRUPTED, Facts, heading, line, picture

LEAST_NAME_WIDTH = 12
NAME = "stream"
WIDEST_NOTE = len("  waits 600 s")


class Above(FileProxy):
    """Writes whole lines above the display."""

    def __init__(self, display: Display, console: Console, file: TextIO) -> None:
        """Write to `file` by way of `console`."""
        super().__init__(console, file)
        self._display = display

    def write(self, text: str) -> int:
        """Write; a line that is not whole waits for its rest."""
        with self._display.aside():
            super().write(text)
        return len(text)

    def flush(self) -> None:
        """Nothing: whole lines have been written, and others wait for their rest."""


class Display:
    """Shows facts of streams on a terminal; log lines and errors come above.

    Use it in a `with` block, after which the terminal is as it was.
    """

    def __init__(self, file: TextIO, names: Sequence[str]) -> None:
        """Show streams of these names on `file`."""
        self._file = file
        self._longest = max(map(len, names), default=0)
        # Long lines are the terminal's to wrap, so that they can be copied whole.
        self._console = Console(file=file, force_terminal=True, soft_wrap=True, highlight=False)
        self._live = Live(
            console=self._console,
            auto_refresh=False,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._lock = threading.RLock()
        self._rows = 0
        self._running: list[Facts] = []
        self._above = Above(self, self._console, file)
        self._handlers: list[logging.StreamHandler[Any]] = []

    def __enter__(self) -> Display:  # noqa: PYI034 - Self is newer than Python 3.10
        """Begin to show."""
        self._live.start()
        # At once again: a process that is killed could not bring it back.
        self._console.show_cursor(True)
        self._handlers = [one for one in stream_handlers() if one.stream is self._file]
        for handler in self._handlers:
            handler.setStream(self._above)
        if sys.stderr is self._file:
            sys.stderr = self._above
        return self

    def __exit__(self, *error: object) -> None:
        """Leave a line of every stream that was still read, and the terminal as it was."""
        if sys.stderr is self._above:
            sys.stderr = self._file
        for handler in self._handlers:
            handler.setStream(self._file)
        with suppress(OSError), self._lock:
            # Live wipes out what it has drawn, and the rest is wanted.
            self.show([replace(one, outcome=INTERRUPTED) for one in self._running])
            self._file.write("\n" * (self._rows - 1))
            self._live.stop()

    def show(self, facts: Sequence[Facts]) -> None:
        """Draw the streams that are read, and for good those that have ended."""
        with self.aside():
            width = min(self._longest, max(LEAST_NAME_WIDTH, self._room))
            for one in facts:
                if one.outcome:
                    self._console.print(row(line(one, width)))
            self._running = [one for one in facts if not one.outcome]
            lines = picture(self._running, width, self._console.height - 1)
            self._live.update(row("\n".join(lines)), refresh=True)
            self._rows = len(lines)

    @property
    def _room(self) -> int:
        """Columns that are left for a stream's name."""
        return self._console.width - len(heading(0)) - WIDEST_NOTE + len(NAME)

    @contextmanager
    def aside(self) -> Iterator[None]:
        """One thread at a time may write, with the cursor where `rich` expects it."""
        with self._lock:
            self._file.write("\n" * (self._rows - 1))
            with self._console:
                yield
                up = Control.move(0, 1 - max(self._rows, 1))
                self._console.control(up, Control(ControlType.CARRIAGE_RETURN))


def row(text: str) -> Text:
    """Text of which each line takes one row."""
    return Text(text, no_wrap=True, overflow="ellipsis")


def stream_handlers() -> list[logging.StreamHandler[Any]]:
    """All handlers of logging that write to a stream."""
    loggers = [logging.root, *logging.root.manager.loggerDict.values()]
    found = {
        handler
        for one in loggers
        if isinstance(one, logging.Logger)
        for handler in one.handlers
        if isinstance(handler, logging.StreamHandler)
    }
    return list(found)
