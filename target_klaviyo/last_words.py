"""Which row had the last word on a person or thing, among all streams of a sink.

A row that is sent overwrites what others have said of the same: a withdrawal by the subscription
before it. The row that had the last word is sent again, though it has not changed, if it is still
to come; and as the run may end before it comes, the file does not know it until then.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from target_klaviyo.change_store import ChangeStore


class LastWords:
    """The rows of a run that others challenge. Rows and words go by the numbers of their keys."""

    def __init__(self, store: ChangeStore) -> None:
        """Find in `store` who had the last word."""
        self._store = store
        # Rows that have had their turn in this run; a set of them would take ten times the room.
        self._met = array("q")
        # What rows say something of that is not looked up yet, and those rows.
        self._said: list[tuple[int, int | None]] = []
        self._challenged: set[int] = set()
        self._new: set[int] = set()

    def say(self, words: Sequence[int], row: int | None) -> None:
        """A row is about to be sent that says something of these."""
        self._said += [(word, row) for word in words]

    def challenged(self, row: int) -> bool:
        """Whether a row is to be sent, though it has not changed."""
        self._find()
        return row in self._challenged

    def met(self, row: int) -> None:
        """A row has had its turn: it is under way, or Klaviyo has it already."""
        self._met.append(row)

    def to_forget(self) -> set[int]:
        """The rows challenged since this was last asked that are still to come, if they do."""
        self._find()
        rows, self._new = self._new, set()
        return rows.difference(self._met) if rows else rows

    def _find(self) -> None:
        """Find the rows that are challenged; asked for late, as it is faster for many at once."""
        if not self._said:
            return
        marks = self._store.marks([word for word, _ in self._said])
        for word, row in self._said:
            winner = number_of(marks[word]) if word in marks else row
            if winner is not None and winner != row:
                self._challenged.add(winner)
                self._new.add(winner)
        self._said.clear()


def word_mark(row: int) -> bytes:
    """What is kept of the last word of a row."""
    return row.to_bytes(8, "big", signed=True)


def number_of(mark: bytes) -> int:
    """The row that a last word is kept of."""
    return int.from_bytes(mark, "big", signed=True)
