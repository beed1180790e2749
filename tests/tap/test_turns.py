from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator

from tap_klaviyo.turns import Turns
from tests.waiting import LIMIT_SECONDS, until


def waits(turns: Turns) -> int:
    return len(turns._waiting)


def begun(turns: Turns, number: int, order: list[int], items: Iterator[int]) -> threading.Thread:
    """A thread that takes its turn, and notes itself for each item."""

    def run() -> None:
        turns.take()
        order.extend(number for _ in turns.between(items))
        turns.give()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def test_the_turn_goes_on_to_whoever_has_waited_longest() -> None:
    turns, order = Turns(), []  # type: ignore[var-annotated]
    turns.take()
    threads = []
    for number in range(3):
        threads.append(begun(turns, number, order, iter(range(2))))
        until(lambda: waits(turns) == len(threads))
    turns.give()
    for thread in threads:
        thread.join(LIMIT_SECONDS)
    assert sorted(order) == [0, 0, 1, 1, 2, 2]
    assert order[:3] == [0, 1, 2], "each gave its turn up before its second item"


def test_others_run_while_one_waits_for_its_next_item() -> None:
    turns, order = Turns(), []  # type: ignore[var-annotated]
    arrived = threading.Event()

    def late() -> Iterator[int]:
        yield 0
        assert arrived.wait(LIMIT_SECONDS)
        yield 1

    slow = begun(turns, 1, order, late())
    until(lambda: order == [1])
    quick = begun(turns, 2, order, iter([0, 1]))
    quick.join(LIMIT_SECONDS)
    assert order == [1, 2, 2]
    arrived.set()
    slow.join(LIMIT_SECONDS)
    assert order == [1, 2, 2, 1]


def test_a_stream_run_by_itself_needs_no_turn() -> None:
    turns = Turns()
    assert list(turns.between([1, 2])) == [1, 2]
    assert not turns.mine


def test_who_has_the_turn_may_take_it_again() -> None:
    turns = Turns()

    def twice() -> None:
        turns.take()
        turns.take()

    thread = threading.Thread(target=twice, daemon=True)
    thread.start()
    thread.join(LIMIT_SECONDS)
    assert not thread.is_alive()
    assert not waits(turns)


def test_a_signal_to_who_waits_for_the_turn_gets_the_turn_that_is_waited_for() -> None:
    turns, seen, done = Turns(), threading.Event(), threading.Event()

    def told(*_: object) -> None:
        seen.set()
        turns.take()

    def holder() -> None:
        turns.take()
        held.set()
        until(lambda: waits(turns) == 1)
        os.kill(os.getpid(), signal.SIGUSR1)
        until(seen.is_set)
        turns.give()
        if not done.wait(LIMIT_SECONDS):
            given_again.set()
            turns.give()

    held, given_again = threading.Event(), threading.Event()
    before = signal.signal(signal.SIGUSR1, told)
    thread = threading.Thread(target=holder)
    thread.start()
    try:
        until(held.is_set)
        turns.take()
    finally:
        done.set()
        signal.signal(signal.SIGUSR1, before)
        thread.join(LIMIT_SECONDS)
    assert turns.mine
    assert not given_again.is_set()
