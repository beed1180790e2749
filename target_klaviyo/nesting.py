"""How deeply a JSON text is nested, found without recursion.

What is nested too deeply ends decoders, encoders and whatever else walks through it, at a depth
that differs between versions of Python. Klaviyo takes ten levels.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

LEVELS = 200
REASON = f"is nested more than {LEVELS} levels deep"
# Levels of a message that hold its record and the plain values of that.
SHALLOW = 2
MARKS = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[\[{]|[\]}]', re.DOTALL)


def too_deep(text: bytes | str) -> bool:
    """Whether a text has more levels than `LEVELS`."""
    content = text.encode() if isinstance(text, str) else text
    # Few texts have so many brackets at all.
    if content.count(b"{") + content.count(b"[") <= LEVELS:
        return False
    return any(depth > LEVELS for depth, _, _ in brackets(content))


def shallow(text: bytes | str, levels: int = SHALLOW) -> bytes:
    """The text with null in place of whatever is nested more than `levels` deep."""
    content = text.encode() if isinstance(text, str) else text
    parts: list[bytes] = []
    kept = 0
    for depth, opens, place in brackets(content):
        if depth == levels + 1:
            if opens:
                parts.append(content[kept:place])
            else:
                parts.append(b"null")
                kept = place + 1
    return b"".join((*parts, content[kept:]))


def brackets(content: bytes) -> Iterator[tuple[int, bool, int]]:
    """Depth, whether it opens, and place of every bracket outside of strings."""
    depth = 0
    for mark in MARKS.finditer(content):
        if mark[0] in b"[{":
            depth += 1
            yield depth, True, mark.start()
        elif mark[0] in b"]}":
            yield depth, False, mark.start()
            depth -= 1
