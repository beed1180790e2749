from __future__ import annotations

import logging
import os
import signal
from collections.abc import Iterator
from types import FrameType

import pytest

from klaviyo_client.signals import came_inside_log_line
from tests.waiting import until

SIGNAL = signal.SIGUSR1


@pytest.fixture
def came() -> Iterator[list[bool]]:
    """What was said of each signal that came."""
    said: list[bool] = []

    def serve(signum: int, frame: FrameType | None) -> None:
        said.append(came_inside_log_line(signum, frame))

    before = signal.signal(SIGNAL, serve)
    yield said
    signal.signal(SIGNAL, before)


class Interrupted(logging.Handler):
    """Each of its lines is interrupted by a signal."""

    def emit(self, record: logging.LogRecord) -> None:  # noqa: ARG002
        os.kill(os.getpid(), SIGNAL)


def test_a_signal_inside_a_log_line_comes_again_behind_it(came: list[bool]) -> None:
    Interrupted().handle(logging.makeLogRecord({}))
    until(lambda: len(came) > 1)
    assert came == [True, False]


def test_any_other_signal_is_served_at_once(came: list[bool]) -> None:
    os.kill(os.getpid(), SIGNAL)
    assert came == [False]
