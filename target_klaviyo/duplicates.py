"""Remembers what was sent in this run, in bounded memory."""

from __future__ import annotations

from hashlib import blake2b

# Two generations of this size are kept: some 100 MB at the most.
GENERATION = 250_000


class Seen:
    """Fingerprints of the latest things sent, never the things themselves.

    A repetition from before the latest `GENERATION` (or more) is not recognized; it is then sent
    again, which Klaviyo ignores by its unique id.
    """

    def __init__(self, generation: int = GENERATION) -> None:
        """Keep at least `generation` keys, at most twice as many."""
        self._generation = generation
        self._current: dict[bytes, bytes] = {}
        self._previous: dict[bytes, bytes] = {}

    def before(self, key: bytes, content: bytes) -> bool | None:
        """Note `key` with its content.

        Returns:
            None where the key is new, True where it came with the same content before, False
            where with other content (which stays the one that counts).
        """
        name, mark = fingerprint(key, 16), fingerprint(content, 8)
        known = self._current.get(name) or self._previous.get(name)
        if known is not None:
            return known == mark
        if len(self._current) >= self._generation:
            self._previous, self._current = self._current, {}
        self._current[name] = mark
        return None


def fingerprint(content: bytes, size: int) -> bytes:
    """A digest of `size` bytes."""
    return blake2b(content, digest_size=size).digest()
