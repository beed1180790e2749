"""An item: what one row, or several merged ones, becomes on the wire."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from target_klaviyo.outcomes import Row

# Decimal as a bare number with all its digits, datetime as RFC 3339.
ENCODER = msgspec.json.Encoder(decimal_format="number")
# The same content gives the same bytes, whatever the order of its keys.
CANONICAL = msgspec.json.Encoder(decimal_format="number", order="sorted")


@dataclass(frozen=True, slots=True)
class Item:
    """Something to send.

    Attributes:
        rows: The rows that it stands for, in order; the last one's values have won.
        body: Its JSON as it goes on the wire, encoded once.
        group: JSON of what it shares with its neighbours (an event's profile), if anything.
        identities: Who it is about; items that share one must not overtake each other.
        subjects: What later rows would overwrite, where that is less than all about `identities`.
        content: What `body` says, where a plan may still change it.
        path: Values for the placeholders of the operation's path.
        single: Whether it must travel alone, outside the bulk operation.
    """

    rows: tuple[Row, ...]
    body: bytes
    group: bytes = b""
    identities: tuple[str, ...] = ()
    subjects: tuple[str, ...] | None = None
    content: Mapping[str, Any] = field(default_factory=dict)
    path: tuple[tuple[str, str], ...] = ()
    single: bool = False

    @property
    def overwritable(self) -> tuple[str, ...]:
        """What it says something of that another row may say otherwise."""
        return self.identities if self.subjects is None else self.subjects
