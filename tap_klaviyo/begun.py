"""The scans of one read that have been begun, in their order."""

from __future__ import annotations

from collections import deque
from itertools import islice

from tap_klaviyo.scan_reading import Reading


class Begun:
    """Those scans, up to the last one whose pages are not taken.

    Attributes:
        all: Every one of them.
        open: Those that are not done. Few, where many short scans wait to be taken.
    """

    def __init__(self) -> None:
        """None has been begun."""
        self.all: deque[Reading] = deque()
        self.open: list[Reading] = []

    @property
    def head(self) -> Reading | None:
        """The one whose pages are taken now."""
        return self.all[0] if self.all else None

    @property
    def has_free(self) -> bool:
        """Whether any waits for a reader: told sooner than how much lies before each."""
        return any(one.is_free for one in self.open)

    @property
    def has_dense(self) -> bool:
        """Whether of any it is known how dense it is."""
        return any(one.dense for one in self.open)

    def append(self, reading: Reading) -> None:
        """Put one more behind all others."""
        self.all.append(reading)
        if not reading.done:
            self.open.append(reading)

    def is_among_first(self, reading: Reading, count: int) -> bool:
        """Whether it is one of so many, from the one on whose pages are taken now."""
        return reading in islice(self.all, count)

    def put_behind(self, reading: Reading, parts: list[Reading]) -> None:
        """Put the parts of a scan behind what is left of it."""
        place = self.all.index(reading) + 1
        for offset, part in enumerate(parts):
            self.all.insert(place + offset, part)
        place = self.open.index(reading) + 1
        self.open[place:place] = parts

    def open_again(self, reading: Reading) -> None:
        """Have one that is done be read once more."""
        behind = islice(self.all, self.all.index(reading) + 1, None)
        following = next((one for one in behind if not one.done), None)
        place = self.open.index(following) if following else len(self.open)
        self.open.insert(place, reading)
