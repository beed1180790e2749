"""Cutting items into requests that keep every limit exactly."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar


class Sized(Protocol):
    """What matters of an item here."""

    @property
    def body(self) -> bytes:
        """Its JSON."""

    @property
    def group(self) -> bytes:
        """JSON of what it shares with its neighbours."""


Part = TypeVar("Part", bound=Sized)


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that a request may hold: items, bytes of its body, bytes of one item."""

    items: int
    body_bytes: int
    item_bytes: int


@dataclass(frozen=True, slots=True)
class Envelope:
    """The JSON around the items of a request.

    Items that share a group stand together inside `group_opening + group + group_middle ...
    group_closing`; an envelope without groups leaves those empty. `pointer` and `item_pointer`
    say where the array of items (or of groups, and the items in each) stands in the document.
    """

    opening: bytes
    closing: bytes
    pointer: str
    group_opening: bytes = b""
    group_middle: bytes = b""
    group_closing: bytes = b""
    item_pointer: str | None = None

    @property
    def grouped(self) -> bool:
        """Whether items stand in groups."""
        return self.item_pointer is not None

    @property
    def base_bytes(self) -> int:
        """Bytes of a body without items."""
        return len(self.opening) + len(self.closing)

    def group_bytes(self, group: bytes) -> int:
        """Bytes of a group without items."""
        ends = len(self.group_opening) + len(self.group_middle) + len(self.group_closing)
        return ends + len(group) if self.grouped else 0


def grouped(envelope: Envelope, items: Iterable[Part]) -> list[list[Part]]:
    """Neighbours that share a group together; without groups, all in one."""
    groups: list[list[Part]] = []
    for item in items:
        if groups and (not envelope.grouped or groups[-1][-1].group == item.group):
            groups[-1].append(item)
        else:
            groups.append([item])
    return groups


def body(envelope: Envelope, items: Sequence[Sized]) -> bytes:
    """The body of a request."""
    groups = [
        b"".join(
            (
                envelope.group_opening,
                group[0].group if envelope.grouped else b"",
                envelope.group_middle,
                b",".join(item.body for item in group),
                envelope.group_closing,
            )
        )
        for group in grouped(envelope, items)
    ]
    return b"".join((envelope.opening, b",".join(groups), envelope.closing))


def fits(item: Sized, limits: Limits, envelope: Envelope) -> bool:
    """Whether a request can hold this item at all."""
    alone = envelope.base_bytes + envelope.group_bytes(item.group) + len(item.body)
    return len(item.body) <= limits.item_bytes and alone <= limits.body_bytes


def chunks(items: Iterable[Part], limits: Limits, envelope: Envelope) -> Iterator[tuple[Part, ...]]:
    """Items in order, cut before the limit that the next one would break.

    Every item must fit by itself (see `fits`).
    """
    chunk: list[Part] = []
    size = envelope.base_bytes
    for item in items:
        added = added_bytes(envelope, chunk[-1] if chunk else None, item)
        if chunk and (len(chunk) == limits.items or size + added > limits.body_bytes):
            yield tuple(chunk)
            chunk, size = [], envelope.base_bytes
            added = added_bytes(envelope, None, item)
        chunk.append(item)
        size += added
    if chunk:
        yield tuple(chunk)


def added_bytes(envelope: Envelope, previous: Sized | None, item: Sized) -> int:
    """Bytes by which an item lengthens a body that ends with `previous`."""
    comma = 0 if previous is None else 1
    same_group = previous is not None and previous.group == item.group
    opened = 0 if envelope.grouped and same_group else envelope.group_bytes(item.group)
    return comma + opened + len(item.body)


def rows_named(envelope: Envelope, pointer: str | None, items: Sequence[Sized]) -> range:
    """Which items a JSON pointer of an error is about: one, a whole group, or none."""
    first, rest = leading_index(envelope.pointer, pointer or "")
    if first is None:
        return range(0)
    if not envelope.grouped:
        return range(first, first + 1) if first < len(items) else range(0)
    groups = grouped(envelope, items)
    if first >= len(groups):
        return range(0)
    start = sum(len(group) for group in groups[:first])
    second, _ = leading_index(envelope.item_pointer or "", rest)
    if second is None:
        return range(start, start + len(groups[first]))
    return range(start + second, start + second + 1) if second < len(groups[first]) else range(0)


def leading_index(prefix: str, pointer: str) -> tuple[int | None, str]:
    """The array index that follows `prefix` in a pointer, and what follows the index."""
    if not pointer.startswith(prefix + "/"):
        return None, ""
    index, slash, rest = pointer[len(prefix) + 1 :].partition("/")
    return (int(index), slash + rest) if index.isdecimal() else (None, "")
