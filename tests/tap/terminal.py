"""A terminal for the tap's stderr, whose screen can be read."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import termios
import threading
from collections.abc import Callable

import pyte

ROWS, COLUMNS = 40, 120


class Screen:
    """What is to be seen on a pseudo-terminal, from its first line on.

    Attributes:
        end: The file descriptor that programs write to.
    """

    def __init__(self) -> None:
        """Open the terminal."""
        self._master, self.end = pty.openpty()
        fcntl.ioctl(self.end, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        self._screen = pyte.HistoryScreen(COLUMNS, ROWS, history=10_000)
        self._stream = pyte.ByteStream(self._screen)
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        """Take what is written, until nobody can write any more."""
        while True:
            try:
                block = os.read(self._master, 65_536)
            except OSError:
                return
            with self._changed:
                self._stream.feed(block)
                self._changed.notify_all()

    def lines(self) -> list[str]:
        """All lines, those that have left the screen first."""
        with self._changed:
            history = [
                "".join(char.data for _, char in sorted(row.items())).rstrip()
                for row in self._screen.history.top
            ]
            return history + [row.rstrip() for row in self._screen.display]

    def wait_for(self, seen: Callable[[list[str]], bool]) -> None:
        """Wait until the lines are as wanted."""
        with self._changed:
            assert self._changed.wait_for(lambda: seen(self.lines()), timeout=60), self.lines()

    def ended(self) -> list[str]:
        """Close the terminal; all lines, with the cursor where a program has to leave it."""
        os.close(self.end)
        self._thread.join(timeout=60)
        os.close(self._master)
        assert not self._screen.cursor.hidden
        assert self._screen.cursor.x == 0
        assert not any(row.strip() for row in self._screen.display[self._screen.cursor.y :])
        return self.lines()
