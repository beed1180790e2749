"""Reads Singer messages fast, and never leaves work half done when a signal comes."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import IO, Any, cast

from singer_sdk.singerlib.encoding.base import GenericSingerReader

from target_klaviyo.errors import InputError
from target_klaviyo.lines import legible

Message = dict[str, Any]
# What a dead letter has beside its row: why it was refused.
DEAD_LETTER = "_rejected"
# Tells that a table was read whole; Klaviyo has no tables, and rows that are gone stay.
VERSION = "ACTIVATE_VERSION"
KNOWN = ("RECORD", "SCHEMA", "STATE", VERSION, "BATCH")
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
# Bytes that are read at once; a pipe gives what is there already, and is not waited for.
BLOCK = 1 << 18
# Counts rows that need no work.
Count = Callable[[Sequence[bytes]], None]
# Lines in order: rows that need no work with what counts them, others one by one with None.
Parted = Iterable[tuple[Count | None, Sequence[bytes]]]


class Interruption:
    """Holds a signal back while something is being done that must not be cut short."""

    def __init__(self, end: Callable[[], None]) -> None:
        """`end` is called for a signal, at once or when the work at hand is done."""
        self._end = end
        self._working = False
        self._pending = False

    def signalled(self) -> None:
        """A signal came; a second one while the first is being served changes nothing."""
        if self._working:
            self._pending = True
            return
        self._working = True
        self._end()

    def __enter__(self) -> None:
        """Begin something that must not be cut short."""
        self._working = True

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        """Let a held signal through, unless an error ends the run anyway."""
        if kind is None:
            self._working = False
            if self._pending:
                self.signalled()


class MessageReader(GenericSingerReader[bytes]):
    """Decodes lines with msgspec; each message is worked off as a whole."""

    def __init__(
        self,
        interruption: Interruption,
        failed: Callable[[], None],
        parted: Callable[[Sequence[bytes]], Parted],
    ) -> None:
        """Work off what `parted` leaves of the lines.

        `failed` is called when an error ends the reading, before it is raised further.
        """
        super().__init__()
        self._interruption = interruption
        self._failed = failed
        self._parted = parted
        self._counted = 0
        self.line = b""
        self.flaw: str | None = None
        # Of the line that is being worked off, from 1.
        self.number = 0
        self._states = 0
        self._latest = ""
        self._dead_letters = False

    @property
    def incomplete(self) -> str | None:
        """Why this input may not be all that its source has, if it shows.

        A tap that writes STATE messages ended with rows and without one: what broke off in the
        middle looks so. A tap that writes none gives no such sign.
        """
        if self._dead_letters:
            return "dead letters are only a part of their source; run the whole source again"
        if self._states > 0 and self._latest == "RECORD":
            return "the input ended with rows and no STATE message after them, so it may be cut off"
        return None

    @property
    def default_input(self) -> IO[bytes]:
        """Standard input, as bytes."""
        return cast("IO[bytes]", sys.stdin.buffer)

    def process_lines(
        self,
        file_input: IO[bytes] | None,
        callbacks: dict[str, Callable[[Message], None]],
    ) -> Counter[str]:
        """Work off all messages; text files are taken too."""
        guarded = {
            kind: self._guarded(callback) for kind, callback in callbacks.items() if kind != VERSION
        }
        lines = self._to_work_off(blocks(file_input or self.default_input))
        try:
            counts = super().process_lines(cast("IO[bytes]", lines), guarded)
        except Exception:
            self._failed()
            raise
        counts["RECORD"] += self._counted
        return counts

    def _to_work_off(self, read: Iterable[Sequence[bytes]]) -> Iterator[bytes]:
        """The lines that need work; rows between them are counted when it is their turn."""
        for lines in read:
            for count, part in self._parted(lines):
                if count is None:
                    for line in part:
                        if line and not line.isspace():
                            yield line
                        else:
                            self.number += 1
                    continue
                with self._interruption:
                    count(part)
                    self._counted += len(part)
                    self.number += len(part)
                    self._latest = "RECORD"

    def _guarded(self, callback: Callable[[Message], None]) -> Callable[[Message], None]:
        """A callback that no signal cuts short."""

        def call(message: Message) -> None:
            with self._interruption:
                callback(message)

        return call

    def _process_unknown_message(self, message_dict: Message) -> None:
        """Pass over what has no callback (see `VERSION`)."""

    def deserialize_json(self, line: bytes) -> Message:
        """One message; a record comes as far as it is legible.

        Raises:
            InputError: the line is none.
        """
        if not self.number:
            line = line.removeprefix(BYTE_ORDER_MARK)
        self.line = line
        self.number += 1
        try:
            message, self.flaw = legible(line)
        except (ValueError, RecursionError):
            raise InputError(f"line {self.number} of the input is no JSON in UTF-8") from None
        if not isinstance(message, dict) or message.get("type") not in KNOWN:
            raise InputError(f"line {self.number} of the input is no Singer message")
        wrong = (self.flaw if message["type"] != "RECORD" else None) or problem(message)
        if wrong:
            raise InputError(f"line {self.number} of the input {wrong}")
        self._latest = message["type"]
        self._states += self._latest == "STATE"
        self._dead_letters |= DEAD_LETTER in message
        return message


def problem(message: Message) -> str | None:
    """What a message lacks that its kind needs, in words that quote nothing of it."""
    kind = message["type"]
    if kind == "STATE":
        return None if "value" in message else "is a STATE message without value"
    if not isinstance(message.get("stream"), str):
        return f"is a {kind} message that names no stream"
    if kind == "RECORD" and not isinstance(message.get("record"), dict):
        return "is a RECORD message whose record is no object"
    return schema_problem(message) if kind == "SCHEMA" else None


def schema_problem(message: Message) -> str | None:
    """What a SCHEMA message lacks."""
    schema, keys = message.get("schema"), message.get("key_properties") or []
    if not isinstance(schema, dict) or not isinstance(schema.get("properties"), dict):
        return "is a SCHEMA message whose schema has no object of properties"
    if not isinstance(keys, list) or not all(isinstance(one, str) for one in keys):
        return "is a SCHEMA message whose key_properties are no list of columns"
    return None


def blocks(source: IO[Any]) -> Iterator[list[bytes]]:
    """The lines of a file or pipe, as many at a time as are there; of a text as UTF-8."""
    binary = getattr(source, "buffer", source)
    read = getattr(binary, "read1", None) or (lambda size: source.read(size).encode())
    pieces: list[bytes] = []
    while piece := read(BLOCK):
        pieces.append(piece)
        if b"\n" in piece:
            *lines, rest = b"".join(pieces).split(b"\n")
            pieces = [rest]
            yield lines
    if any(pieces):
        yield [b"".join(pieces)]
