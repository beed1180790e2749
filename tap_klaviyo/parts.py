"""How long scans are cut: into how many parts, and how many pages those are to have."""

from __future__ import annotations

from tap_klaviyo.room import OwnRoom

# The last request of a part may fetch next to nothing; longer parts would save hardly any.
MOST_PART_PAGES = 10
# A part that held something lets what follows be cut into more parts, an empty one into fewer:
# where records come in bursts, what lies behind one is empty for long. One in three may be empty.
USEFUL, USELESS = 0.5, -1
# The least share of a page that counts as something.
SOMETHING = 0.1


class Parts:
    """What is known of the parts of one read."""

    def __init__(self, workers: int, room: OwnRoom) -> None:
        """No part has been read yet."""
        self._workers = workers
        self._room = room
        self._wanted = float(workers)

    @property
    def most(self) -> int:
        """Into how many parts a scan may be cut now."""
        return min(int(self._wanted), int(self._room.answers))

    @property
    def pages(self) -> int:
        """How many pages a part is to have.

        As many as leave each reader a part within reach: one, where pages are large. A part whose
        second page is missing keeps all those behind it waiting.
        """
        return max(1, min(MOST_PART_PAGES, int(self._room.pages / self._workers)))

    def ended(self, text: int) -> None:
        """Learn how long the text was that a part came as."""
        useful = text > SOMETHING * self._room.page_bytes
        wanted = self._wanted + (USEFUL if useful else USELESS)
        self._wanted = min(float(self._workers), max(1.0, wanted))
