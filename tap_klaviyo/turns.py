"""Streams take turns: one at a time runs the SDK's code, and all others fetch pages meanwhile.

The SDK keeps one state and one output for all streams and knows no threads. So a stream holds
the turn while it makes and writes records, and gives it up while it waits for its next page.
Those who wait get it in the order in which they came.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")


class Turns:
    """A lock that is handed on in order, and knows who holds it."""

    def __init__(self) -> None:
        """Nobody has the turn."""
        # One that the same thread may take again: signals come at any point.
        self._lock = threading.RLock()
        self._waiting: dict[int, threading.Event] = {}
        self._holder: int | None = None

    def take(self) -> None:
        """Wait for the turn.

        A thread that has it goes on, and one that waits for it already waits but once: a signal
        may come when its thread has taken the turn, or is about to.
        """
        me = threading.get_ident()
        with self._lock:
            if self._holder in {None, me}:
                self._holder = me
                return
            called = self._waiting.setdefault(me, threading.Event())
        called.wait()

    def give(self) -> None:
        """Hand the turn on to whoever has waited longest."""
        with self._lock:
            if not self._waiting:
                self._holder = None
                return
            self._holder = next(iter(self._waiting))
            self._waiting.pop(self._holder).set()

    @property
    def mine(self) -> bool:
        """Whether this thread has the turn."""
        return self._holder == threading.get_ident()

    def between(self, items: Iterable[Item]) -> Iterator[Item]:
        """The items; while the next one is waited for, others have the turn.

        Where this thread does not hold the turn, as when a single stream is run by itself,
        nothing is handed over.
        """
        iterator = iter(items)
        shared = self.mine
        while True:
            if shared:
                self.give()
            try:
                item = next(iterator)
            except StopIteration:
                return
            finally:
                if shared:
                    self.take()
            yield item
