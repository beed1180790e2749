"""Singer messages to stdout: encoded once, and written in blocks.

The SDK's own writers flush every record, and a signal that arrives inside a blocked write loses
the last STATE line with exit code 0. Here only the thread whose turn it is writes, and the tap
takes the turn before it ends.
"""

from __future__ import annotations

import sys
from datetime import date, datetime, time
from typing import Any

import msgspec
from singer_sdk.singerlib.encoding.base import GenericSingerWriter
from singer_sdk.singerlib.encoding.simple import Message
from singer_sdk.singerlib.messages import RecordMessage

FLUSH_BYTES = 65_536


def encode_other(value: Any) -> Any:
    """JSON for what stream maps and fakers may put into a record."""
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    return str(value)


class RecordLine(msgspec.Struct, tag="RECORD", omit_defaults=True, gc=False):
    """A Singer RECORD message, as the SDK's own says it; the record is an object of any kind."""

    stream: str
    record: Any
    version: int | None = None
    time_extracted: datetime | None = None


class BufferedWriter(GenericSingerWriter[bytes, Message]):
    """Writes lines in blocks; every message that is no RECORD is flushed at once."""

    def __init__(self) -> None:
        """Start with an empty buffer."""
        self._encoder = msgspec.json.Encoder(enc_hook=encode_other, decimal_format="number")
        self._blocks: list[bytes] = []
        self._size = 0
        self._error: BaseException | None = None

    def serialize_message(self, message: Message) -> bytes:
        """One line of JSON, with its line end."""
        return self._encoder.encode(message.to_dict()) + b"\n"

    def write_message(self, message: Message) -> None:
        """Take a message; flush when it is no RECORD or the buffer is full."""
        self._take(self.serialize_message(message))
        if not isinstance(message, RecordMessage):
            self.flush()

    def write_lines(self, block: bytes) -> None:
        """Take whole lines that are JSON already."""
        self._take(block)

    def _take(self, block: bytes) -> None:
        """Put whole lines into the buffer."""
        self._check()
        self._blocks.append(block)
        self._size += len(block)
        if self._size >= FLUSH_BYTES:
            self.flush()

    def _check(self) -> None:
        """Refuse everything after a write that failed: a state would stand behind what is missing.

        Raises:
            BaseException: what the write failed with.
        """
        if self._error:
            raise self._error

    def flush(self) -> None:
        """Hand the buffer to stdout, whole, however little each write takes.

        Raises:
            OSError: this write failed, or one before it.
        """
        self._check()
        blocks = self._blocks
        block = memoryview(blocks[0] if len(blocks) == 1 else b"".join(blocks))
        blocks.clear()
        self._size = 0
        # Looked up now: test runners and embedding programs exchange sys.stdout.
        stream = sys.stdout.buffer
        try:
            while block:
                block = block[stream.write(block) or 0 :]
            stream.flush()
        except BaseException as error:
            self._error = error
            raise
