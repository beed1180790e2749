"""How long scans are: what those that have ended say of those that have not."""

from __future__ import annotations

from collections import Counter

# How much longer than it is by now a scan counts that has outgrown all others: it is better to
# read less far ahead than to fill the room with pages that wait for it.
OUTGROWN = 4


class Lengths:
    """How many pages the scans of one read had."""

    def __init__(self) -> None:
        """None has ended yet."""
        self._counts: Counter[int] = Counter()

    def ended(self, pages: int) -> None:
        """Learn how long a scan was."""
        self._counts[pages] += 1

    def left(self, pages: int) -> float:
        """How many pages are still to come where so many have come and more will.

        As many as those had on average that were longer, or, where none was, several times what
        has come.
        """
        longer = {length: count for length, count in self._counts.items() if length > pages}
        if not longer:
            return float(max(1, OUTGROWN * pages))
        total = sum(length * count for length, count in longer.items())
        return total / sum(longer.values()) - pages
