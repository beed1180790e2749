"""Opaque page cursors: where the next page begins, told to nobody but this module."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Literal

import msgspec

from klaviyo_sandbox.messages import Refusal, invalid


@dataclass(frozen=True, slots=True)
class Cursor:
    """A row: its value in the sort order, and its id. The page begins behind it, or with it."""

    order: str
    value: int | float | str
    id: str
    position: Literal["next", "from"] = "next"


def mint(cursor: Cursor) -> str:
    """The text of `page[cursor]` for the page after `cursor`."""
    parts = [cursor.position, cursor.order, cursor.value, cursor.id]
    return base64.urlsafe_b64encode(msgspec.json.encode(parts)).decode("ascii")


def read(text: str, order: str) -> Cursor:
    """The cursor in `text`, minted for the sort order `order`.

    Raises:
        Refusal: 400, not a cursor of this order.
    """
    try:
        parts = msgspec.json.decode(
            base64.b64decode(text, altchars=b"-_", validate=True),
            type=tuple[Literal["next", "from"], str, int | float | str, str],
        )
    except (binascii.Error, ValueError, msgspec.MsgspecError):
        raise bad_cursor() from None
    position, minted_for, value, row_id = parts
    if minted_for != order:
        raise bad_cursor()
    return Cursor(minted_for, value, row_id, position)


def bad_cursor() -> Refusal:
    """400, as recorded."""
    return invalid("Invalid cursor provided.", "/data/")
