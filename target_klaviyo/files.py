"""Files of JSON lines that only their owner may read: receipts and dead letters."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from klaviyo_client.errors import ConfigurationError
from target_klaviyo.errors import OutputFileError
from target_klaviyo.items import ENCODER
from target_klaviyo.outcomes import Outcome, Row
from target_klaviyo.reader import DEAD_LETTER


class LineFile:
    """Appends one JSON document a line; what other runs have written stays."""

    def __init__(self, setting: str, path: str, always: Mapping[str, Any] | None = None) -> None:
        """Open `path`, which `setting` has named; `always` stands in every line.

        Raises:
            ConfigurationError: it cannot be written, or is what is being read.
        """
        if is_standard_input(Path(path)):
            raise ConfigurationError(f"{setting}: {path} is being read; write to another file")
        try:
            handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        except OSError as error:
            raise ConfigurationError(f"{setting}: {path}: {error.strerror}") from None
        self._name = f"{setting}: {path}"
        self._file = os.fdopen(handle, "ab")
        self._always = always or {}

    def write(self, document: Mapping[str, Any]) -> None:
        """Add a line.

        Raises:
            OutputFileError: the file cannot be written.
        """
        self.write_line(ENCODER.encode({**document, **self._always}))

    def write_line(self, line: bytes) -> None:
        """Add a line that is JSON already; raises as `write`."""
        with self._explained():
            self._file.write(line + b"\n")

    def flush(self) -> None:
        """Hand everything to the operating system; raises as `write`."""
        with self._explained():
            self._file.flush()

    def close(self) -> None:
        """Finish; raises as `write`."""
        with self._explained():
            self._file.close()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """An error of the file names it."""
        try:
            yield
        except OSError as error:
            raise OutputFileError(f"{self._name}: {error.strerror}") from None


def is_standard_input(path: Path) -> bool:
    """Whether this very file is piped in."""
    try:
        return os.path.samestat(os.fstat(sys.stdin.fileno()), path.stat())
    except (OSError, ValueError, AttributeError):
        return False


class DeadLetters:
    """Refused rows as Singer messages, which this target takes again once they are mended."""

    def __init__(self, file: LineFile) -> None:
        """Write to `file`."""
        self._file = file
        self._described: dict[str, Mapping[str, Any]] = {}

    def write(self, schema: Mapping[str, Any], row: Row, outcome: Outcome) -> None:
        """Add a row as it came, with the reason where readers do not look.

        Its SCHEMA message goes before it where the file does not have it from this run.
        """
        stream = schema["stream"]
        if self._described.get(stream) is not schema:
            self._described[stream] = schema
            self._file.write(schema)
        reason = {
            "row": row.number,
            "outcome": outcome.kind,
            "reason": outcome.reason,
            "detail": outcome.detail,
        }
        self._file.write_line(letter(row, reason))

    def flush(self) -> None:
        """Hand everything to the operating system."""
        self._file.flush()

    def close(self) -> None:
        """Finish."""
        self._file.close()


def letter(row: Row, reason: Mapping[str, Any]) -> bytes:
    """The message of a row with the reason; what no encoder takes keeps its own text."""
    if not row.flaw:
        return ENCODER.encode({**row.message, DEAD_LETTER: reason})
    line = row.line.encode() if isinstance(row.line, str) else row.line
    return b"%s,%s" % (line.rstrip().removesuffix(b"}"), ENCODER.encode({DEAD_LETTER: reason})[1:])


def receipt(schema: Mapping[str, Any], row: Row, outcome: Outcome) -> dict[str, Any]:
    """What is kept of a row: where it stood, its keys, and what became of it."""
    record = row.message["record"]
    return {
        "stream": schema["stream"],
        "row": row.number,
        "keys": {key: record.get(key) for key in schema.get("key_properties") or ()},
        "outcome": outcome.kind,
        "reason": outcome.reason,
        "job_id": outcome.job_id,
    }


def removal(stream: str, content: Mapping[str, Any], outcome: Outcome) -> dict[str, Any]:
    """What is kept of something that a mirror took away: no row stands for it."""
    return {
        "stream": stream,
        "row": None,
        "keys": dict(content),
        "outcome": "removed" if outcome.kind == "accepted" else outcome.kind,
        "reason": outcome.reason,
        "job_id": outcome.job_id,
    }
