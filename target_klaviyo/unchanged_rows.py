"""Passes over rows that Klaviyo has as they are, many at a time.

The SDK takes longer to hand a row over than it takes to see that nothing has to be done. What is
decided here is what the sink would decide, in the same order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import msgspec

from target_klaviyo.changes import Fingerprint, StreamChanges
from target_klaviyo.reader import DEAD_LETTER, Count, Parted


@dataclass(frozen=True, slots=True, eq=False)
class Watched:
    """A stream whose rows may be unchanged.

    Attributes:
        changes: What is known of its rows.
        stripped: Takes out of a record what its sink does not look at.
        count: Counts unchanged rows in.
    """

    changes: StreamChanges
    stripped: Callable[[dict[str, Any]], None]
    count: Count


class RecordMessage(msgspec.Struct, tag_field="type", tag="RECORD", gc=False):
    """A RECORD message as far as it is looked at here."""

    stream: str
    record: dict[str, Any]
    rejected: msgspec.Raw | msgspec.UnsetType = msgspec.field(
        default=msgspec.UNSET, name=DEAD_LETTER
    )


# Values as `lines.DECODER` reads them: fingerprints are those that sinks take.
DECODER = msgspec.json.Decoder(RecordMessage, float_hook=Decimal)
Noted = tuple[Watched, Fingerprint]


def parted(lines: Sequence[bytes], watched: Callable[[], Mapping[str, Watched]]) -> Parted:
    """Lines in order, unchanged rows of one stream together.

    `watched` has the streams by name; it is asked anew after every message that is no row, as that
    may describe a stream anew.
    """
    start, left = 0, iter(lines)
    while start < len(lines):
        noted = noted_rows(left, watched())
        yield from runs(lines[start : start + len(noted)], noted)
        start += len(noted)
        yield None, lines[start : start + 1]
        start += 1


def noted_rows(lines: Iterator[bytes], watched: Mapping[str, Watched]) -> Sequence[Noted | None]:
    """The fingerprints of rows, None for rows to work off; takes the line that ends them too."""
    noted: list[Noted | None] = []
    # Whoever works off the line that ends this says what is wrong with it.
    with suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        for line in lines:
            noted.append(noted_row(line, watched))  # noqa: PERF401 - those before it stay
    return noted


def noted_row(line: bytes, watched: Mapping[str, Watched]) -> Noted | None:
    """The fingerprint of a row, if its stream is watched."""
    message = DECODER.decode(line)
    stream = watched.get(message.stream)
    if stream is None or message.rejected is not msgspec.UNSET:
        return None
    if b'"_sdc_' in line:
        stream.stripped(message.record)
    found = stream.changes.fingerprint(message.record)
    return (stream, found) if found else None


def runs(lines: Sequence[bytes], noted: Sequence[Noted | None]) -> Parted:
    """Rows in order; whether one is unchanged is asked only when those before it are done."""
    looked_up(noted)
    begun, running = 0, None
    for index, one in enumerate(noted):
        stream = one[0] if one and one[0].changes.held(one[1]) else None
        if stream is not running or stream is None:
            if running:
                yield running.count, lines[begun:index]
            begun, running = index, stream
        if stream is None:
            yield None, lines[index : index + 1]
    if running:
        yield running.count, lines[begun:]


def looked_up(noted: Sequence[Noted | None]) -> None:
    """Look all keys up at once; all streams share one store."""
    known = [one for one in noted if one]
    if known:
        known[0][0].changes.look_up([key for _, (key, _) in known])
