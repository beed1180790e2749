"""How much is read ahead of the loader, by all streams together."""

from __future__ import annotations

import threading
from typing import Protocol

from klaviyo_client.wire import HasNext

# What a page counts as before one has come.
FIRST_PAGE_BYTES = 200_000
# The share of the room that is divided evenly, so that no stream has to wait for another.
SHARED_OUT = 0.25
# A page counts as large as the largest lately: those at the end of a window say little.
FADING = 100
# What is not among the nearest leaves this share of the room to what is: how much is near, where
# records come in bursts, is often known only when the room is full.
LEFT_TO_NEAREST = 0.25
# An answer at least so long, compared with full pages, may be one: others may follow it.
FULL = 0.97
# How much the latest full page says of how long they are.
LATEST = 0.25
# While this share is free, some may be spent on what is perhaps far; a larger one where there is
# room for few pages.
SPARE, SPARE_OF_FEW = 0.33, 0.5
FEW_PAGES = 16


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

    def fits(self, own: int, size: int, left: int = 0) -> bool:
        """Whether a reader that uses `own` bytes may use `size` more.

        What all share, it may use only if `left` bytes of that stay free.
        """
        readers = max(1, self._readers)
        share = self._most_bytes * SHARED_OUT / readers
        return self._used + size + left <= self.reach or own + size <= share

    def pages(self, size: int) -> float:
        """How many pages of that size a reader may hope to have room for."""
        return self._most_bytes * (1 - SHARED_OUT) / max(1, size)


class OwnRoom:
    """What one read uses of the room, and how much of it a page takes.

    Attributes:
        page_bytes: How much a page takes that has been looked into.
        used: How much of the room the read uses.
    """

    def __init__(self, room: Room, page_bytes: int, full_bytes: int = 0) -> None:
        """Nothing is used yet; pages may have so many bytes, and full ones come as so many."""
        self._room = room
        self.page_bytes = page_bytes
        self.used = 0
        # How long answers are before anybody looks into them; 0 where that is not known.
        self.sent_bytes = 0
        self._full_bytes = float(full_bytes)

    def use(self, size: int) -> None:
        """Take room, or give it back."""
        self.used += size
        self._room.use(size)

    def answer_came(self, size: int) -> None:
        """Learn how long an answer was."""
        self.sent_bytes = max(size, self.sent_bytes - self.sent_bytes // FADING)

    def page_came(self, page: AnyPage, sent: int) -> None:
        """Learn how large a page was, and how long the answer; `sent` is 0 if nobody knows."""
        self.page_bytes = max(page.size, self.page_bytes - self.page_bytes // FADING)
        if page.next and sent:
            known = self._full_bytes or sent
            self._full_bytes = known + LATEST * (sent - known)
        elif self._full_bytes:
            self._full_bytes = max(self._full_bytes, sent)

    def may_be_full(self, sent: int) -> bool:
        """Whether an answer of so many bytes may be a full page, which others follow."""
        return sent > FULL * (self._full_bytes or self.sent_bytes)

    @property
    def answer_bytes(self) -> int:
        """What an answer takes that waits: as much as its page where nobody looks into it later."""
        return self.sent_bytes or self.page_bytes

    @property
    def answers(self) -> float:
        """For how many answers there is room; one at least."""
        return max(1.0, self._room.reach / self.answer_bytes)

    @property
    def pages(self) -> float:
        """For how many pages that have been looked into there is room; one at least."""
        return max(1.0, self._room.reach / self.page_bytes)

    @property
    def is_spare(self) -> bool:
        """Whether so much is free that some may be spent on what is perhaps far away."""
        share = SPARE if self.is_large else SPARE_OF_FEW
        return self._room.fits(self.used, int(self._room.reach * share))

    @property
    def is_large(self) -> bool:
        """Whether there is room for many pages."""
        return self.pages >= FEW_PAGES

    def fits(self, size: int, *, nearest: bool) -> bool:
        """Whether there is room for so much more, of what is among the nearest or is not."""
        left = 0 if nearest or not self.is_large else int(self._room.reach * LEFT_TO_NEAREST)
        return self._room.fits(self.used, size, left)
