"""Answers that come compressed, as Klaviyo's do wherever that is taken."""

from __future__ import annotations

from typing import cast

from isal import isal_zlib

from klaviyo_client.errors import BrokenDocumentError

GZIP = "gzip"
# zlib's way to ask for a gzip header and trailer.
GZIP_FORMAT = 31
# What each member of a gzip file begins with.
GZIP_MEMBER = b"\x1f\x8b"
BROKEN_GZIP = cast("type[Exception]", isal_zlib.error)


def inflated(sent: bytes) -> bytes:
    """What a gzip file holds; it may have several members.

    Raises:
        BrokenDocumentError: it is none, or not whole.
    """
    parts: list[bytes] = []
    whole = False
    try:
        while not whole or sent.startswith(GZIP_MEMBER):
            inflating = isal_zlib.decompressobj(GZIP_FORMAT)
            parts.append(inflating.decompress(sent))
            whole, sent = inflating.eof, inflating.unused_data
            if not whole:
                break
    except BROKEN_GZIP as error:
        raise BrokenDocumentError("the body of an answer is no gzip file") from error
    if not whole:
        raise BrokenDocumentError("the body of an answer is no whole gzip file")
    return parts[0] if len(parts) == 1 else b"".join(parts)
