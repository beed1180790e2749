"""Lines of JSON, also those that cannot be taken as they are: what can be read of them, and why."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec

from klaviyo_client.mending import mended_json
from target_klaviyo.nesting import REASON, shallow, too_deep

# A number with a fraction keeps all its digits on the way to Klaviyo.
DECODER = msgspec.json.Decoder(float_hook=Decimal)
LENIENT = "is no strict JSON: it holds NaN, Infinity, or half of a character"


def legible(line: bytes | str) -> tuple[Any, str | None]:
    """The document of a line, and the line's flaw: a reason not to take the document for whole.

    Of a line that is nested too deeply the inner values are missing.

    Raises:
        ValueError: it is no JSON at all.
        RecursionError: nor can it be read without its inner values.
    """
    deep = too_deep(line)
    content = shallow(line) if deep else line
    try:
        return DECODER.decode(content), REASON if deep else None
    except (msgspec.DecodeError, UnicodeDecodeError):
        mended = mended_json(content.encode() if isinstance(content, str) else content)
        return DECODER.decode(mended), REASON if deep else LENIENT
