from __future__ import annotations

import io
import json
import sys
from datetime import datetime, timezone
from decimal import Decimal

import pytest
from singer_sdk.singerlib.encoding.simple import RecordMessage, StateMessage

from tap_klaviyo.writer import FLUSH_BYTES, BufferedWriter


class SlowPipe(io.RawIOBase):
    """Takes a few bytes a write, as a raw pipe may."""

    def __init__(self) -> None:
        super().__init__()
        self.received = b""

    def writable(self) -> bool:
        return True

    def write(self, block: object) -> int:
        part = bytes(memoryview(block)[:7])  # type: ignore[arg-type]
        self.received += part
        return len(part)


class Stdout:
    def __init__(self, buffer: io.RawIOBase) -> None:
        self.buffer = buffer


def slow_stdout(monkeypatch: pytest.MonkeyPatch) -> SlowPipe:
    """Called inside the test: pytest exchanges sys.stdout after fixtures have run."""
    slow = SlowPipe()
    monkeypatch.setattr(sys, "stdout", Stdout(slow))
    return slow


def record(**values: object) -> RecordMessage:
    return RecordMessage("profiles", values)


def test_records_wait_for_a_state_and_keep_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    pipe = slow_stdout(monkeypatch)
    writer = BufferedWriter()
    writer.write_message(record(id="1"))
    assert pipe.received == b""
    writer.write_message(record(id="2"))
    writer.write_message(StateMessage({"bookmarks": {}}))
    lines = [json.loads(line) for line in pipe.received.splitlines()]
    assert [line["type"] for line in lines] == ["RECORD", "RECORD", "STATE"]
    assert [line["record"]["id"] for line in lines[:2]] == ["1", "2"]


def test_a_full_buffer_is_written_without_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    pipe = slow_stdout(monkeypatch)
    BufferedWriter().write_message(record(id="x" * FLUSH_BYTES))
    assert len(pipe.received) > FLUSH_BYTES


def test_numbers_and_times_are_plain_json(monkeypatch: pytest.MonkeyPatch) -> None:
    pipe = slow_stdout(monkeypatch)
    writer = BufferedWriter()
    writer.write_message(record(n=Decimal("2.50"), t=datetime(2026, 1, 2, tzinfo=timezone.utc)))
    writer.flush()
    assert b'"record":{"n":2.50,"t":"2026-01-02T00:00:00Z"}' in pipe.received


def test_lines_stand_between_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    pipe = slow_stdout(monkeypatch)
    writer = BufferedWriter()
    writer.write_message(record(id="0"))
    writer.write_lines(b'{"record":{"id":"1"}}\n{"record":{"id":"2"}}\n')
    writer.write_lines(b"")
    writer.write_message(record(id="3"))
    writer.flush()
    lines = [json.loads(line) for line in pipe.received.splitlines()]
    assert [line["record"]["id"] for line in lines] == ["0", "1", "2", "3"]


class FullDisk(SlowPipe):
    """Fails once, and has room again afterwards."""

    failed = False

    def write(self, block: object) -> int:
        if not self.failed:
            self.failed = True
            raise OSError(28, "No space left on device")
        return super().write(block)


def test_nothing_is_written_after_a_write_that_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    pipe = FullDisk()
    monkeypatch.setattr(sys, "stdout", Stdout(pipe))
    writer = BufferedWriter()
    writer.write_message(record(id="1"))
    for _ in range(2):
        with pytest.raises(OSError, match="No space left"):
            writer.write_message(StateMessage({"bookmarks": {}}))
    assert pipe.received == b""
