"""JSON that strict decoders refuse, although it comes out of a live account.

A text cut inside an emoji leaves half of a surrogate pair or half of its bytes, and customers'
own properties hold whatever their systems sent. One such value must not stop a whole page.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec


def mended_json(body: bytes) -> bytes:
    """The same document; what is half of a character becomes U+FFFD, endless numbers null.

    Raises:
        ValueError: it is no JSON at all.
        RecursionError: it is nested too deeply.
    """
    return msgspec.json.encode(mended(json.loads(text_of(body))))


def text_of(body: bytes) -> str:
    """The text of a body, whatever is wrong with its bytes."""
    encoding = json.detect_encoding(body)
    try:
        return body.decode(encoding, "surrogatepass")
    except UnicodeDecodeError:
        return body.decode(encoding, "replace")


def mended(value: Any) -> Any:
    """A JSON value whose texts can be written as UTF-8."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [mended(item) for item in value]
    if isinstance(value, dict):
        return {mended(name): mended(item) for name, item in value.items()}
    return value
