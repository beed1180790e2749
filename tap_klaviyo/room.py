"""How much is read ahead of the loader, by all streams together."""

from __future__ import annotations

import threading
from typing import Protocol

from klaviyo_client.wire import HasNext

# What a page counts as before one has come.
FIRST_PAGE_BYTES = 200_000
# The share of the room that is divided evenly, so that no stream has to wait for another.
SHARED_OUT = 0.25


class AnyPage(HasNext, Protocol):
    """A page that says how large it is."""

    @property
    def size(self) -> int:
        """Bytes that the page holds."""

    @property
    def text_bytes(self) -> int:
        """How long the text was that the page came as, whatever is left of it."""


class Room:
    """How much may be read ahead, by all streams together; in bytes."""

    def __init__(self, most_bytes: int) -> None:
        """All of it is free."""
        self._most_bytes = most_bytes
        self._lock = threading.Lock()
        self._used = 0
        self._readers = 0

    def enter(self, readers: int) -> None:
        """Divide the room among one reader more, or one less."""
        with self._lock:
            self._readers += readers

    def use(self, size: int) -> None:
        """Take so many bytes, or give them back where `size` is negative."""
        with self._lock:
            self._used += size

    @property
    def reach(self) -> float:
        """How many bytes one reader may hope to have room for."""
        return self._most_bytes * (1 - SHARED_OUT if self._readers > 1 else 1)

    def fits(self, own: int, size: int) -> bool:
        """Whether a reader that uses `own` bytes may use `size` more."""
        readers = max(1, self._readers)
        share = self._most_bytes * SHARED_OUT / readers
        return self._used + size <= self.reach or own + size <= share

    def pages(self, size: int) -> float:
        """How many pages of that size a reader may hope to have room for."""
        return self._most_bytes * (1 - SHARED_OUT) / max(1, size)
