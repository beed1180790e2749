"""Remembers what Klaviyo took in this run, in bounded memory."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b

# Two generations of this size are kept: some 100 MB at the most.
GENERATION = 250_000


@dataclass(frozen=True, slots=True)
class Mark:
    """Fingerprints of a thing's key and of its content, never the things themselves."""

    key: bytes
    content: bytes


class Seen:
    """The marks of the latest things that were taken.

    A repetition of something from before the latest `GENERATION` (or more) is not recognized; it
    is then sent again, which Klaviyo ignores by its unique id.
    """

    def __init__(self, generation: int = GENERATION) -> None:
        """Keep at least `generation` keys, at most twice as many."""
        self._generation = generation
        self._current: dict[bytes, bytes] = {}
        self._previous: dict[bytes, bytes] = {}

    def before(self, mark: Mark) -> bool | None:
        """Whether something of this key was taken.

        Returns:
            None where it was not, True where it came with the same content, False where with
            other content (which stays the one that counts).
        """
        known = self._current.get(mark.key) or self._previous.get(mark.key)
        return None if known is None else known == mark.content

    def note(self, mark: Mark) -> None:
        """Remember that something was taken; the first content of a key stays."""
        if self.before(mark) is not None:
            return
        if len(self._current) >= self._generation:
            self._previous, self._current = self._current, {}
        self._current[mark.key] = mark.content

    def renew(self, mark: Mark) -> None:
        """Remember that something was taken; the latest content of a key counts."""
        self._previous.pop(mark.key, None)
        self._current.pop(mark.key, None)
        self.note(mark)


def marked(key: bytes, content: bytes) -> Mark:
    """The mark of a key and its content."""
    return Mark(fingerprint(key, 16), fingerprint(content, 8))


def fingerprint(content: bytes, size: int) -> bytes:
    """A digest of `size` bytes."""
    return blake2b(content, digest_size=size).digest()
