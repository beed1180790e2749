"""JSON that strict decoders refuse, although it comes out of a live account.

A text cut inside an emoji leaves half of a surrogate pair, and customers' own properties hold
whatever their systems sent. One such value must not stop a whole page.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec


def mended_json(body: bytes) -> bytes:
    """The same document; halves of surrogate pairs become U+FFFD, endless numbers null.

    Raises:
        ValueError: it is no JSON at all.
    """
    return msgspec.json.encode(mended(json.loads(body)))


def mended(value: Any) -> Any:
    """A JSON value whose texts can be written as UTF-8."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [mended(item) for item in value]
    if isinstance(value, dict):
        return {mended(name): mended(item) for name, item in value.items()}
    return value
