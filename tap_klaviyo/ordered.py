"""Reading many scans at once, and handing their pages over in the scans' order.

A few threads read, a page at a time; one consumer takes. What is read ahead is bounded in bytes:
a consumer that stops stops the readers. A scan that turns out long is cut up while it is being
read, so that nobody stands idle; who has nothing to do ends, since the C library keeps memory for
each thread (measured: 75 MB for two hundred). The first error surfaces at its place in the order.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple

from tap_klaviyo.order import Order
from tap_klaviyo.room import FIRST_PAGE_BYTES, AnyPage, Room
from tap_klaviyo.scan_reading import Reading, Source, Span
from tap_klaviyo.scans import Scan


class Step(NamedTuple):
    """What a reader is to do: read the next page of a scan, or begin the next scan."""

    reading: Reading | None


class OrderedReader:
    """Reads scans with several threads; used for one pass."""

    def __init__(
        self, source: Source, workers: int, room: Room, page_bytes: int = FIRST_PAGE_BYTES
    ) -> None:
        """Read with up to `workers` threads, ahead as far as there is room for pages."""
        self._source = source
        self._workers = workers
        self._room = room
        self._order = Order(source, workers, room, page_bytes)
        self._steps: deque[Step] = deque()
        # Threads that exist, and steps that have been given out and not been done.
        self._threads = self._busy = 0
        # Readers whose answer has come: one looks into it, the others wait for their turn.
        self._answered: dict[Reading, threading.Event] = {}
        self._looking = self._stopped = False
        self._lock = threading.Lock()
        self._due = threading.Condition(self._lock)

    def pages(self, scans: Iterable[Scan]) -> Iterator[tuple[Scan, AnyPage]]:
        """Every page with its scan, in the order of the scans.

        Raises:
            BaseException: whatever reading a scan raised, after the pages before it.
        """
        self._scans = iter(scans)
        self._room.enter(1)
        try:
            with self._lock:
                self._hand_out()
            while (taken := self._taken()) is not None:
                yield taken
        finally:
            with self._lock:
                self._stopped = True
                for step in self._steps:
                    self._order.release(step.reading)
                self._order.give_back()
                self._room.enter(-1)

    def _taken(self) -> tuple[Scan, AnyPage] | None:
        """The next page, as it becomes due; None after the last."""
        with self._lock:
            while True:
                self._due.wait_for(lambda: self._order.is_due)
                head = self._order.head
                if head is None:
                    return None
                if head.pages:
                    page = self._order.take()
                    self._hand_out()
                    return head.scan, page
                if head.error is not None:
                    raise head.error
                self._order.leave()
                self._hand_out()

    def _hand_out(self) -> None:
        """Give something to do to every reader that is free."""
        while not self._stopped and self._busy < self._workers and (step := self._next_step()):
            self._steps.append(step)
            self._busy += 1
            if self._threads < self._busy:
                self._threads += 1
                # A daemon: who waits for a rate limit must not hold up the end of the process.
                threading.Thread(target=self._work, daemon=True).start()

    def _next_step(self) -> Step | None:
        """What to do next, if anything can be done now."""
        reading = self._order.choose(self._workers - self._busy)
        if reading is None:
            if self._looking or not self._order.may_begin():
                return None
            self._looking = True
        return Step(reading)

    def _work(self) -> None:
        """One reader; what goes wrong between two pages may leave nobody to read what is due."""
        try:
            while (step := self._given()) is not None:
                if step.reading:
                    self._read(step.reading)
                else:
                    self._begin()
        except BaseException as error:  # noqa: BLE001 - raised again in the consumer
            with self._lock:
                self._order.fail(error)
                self._due.notify()

    def _given(self) -> Step | None:
        """What this reader is given to do; None where there is nothing, so that it ends."""
        with self._lock:
            if self._steps and not self._stopped:
                return self._steps.popleft()
            self._threads -= 1
            return None

    def _begin(self) -> None:
        """Begin the next scan. Finding it may ask Klaviyo."""
        try:
            found = next(self._scans, None)
        except BaseException as error:  # noqa: BLE001 - raised again in the consumer
            with self._lock:
                self._looking = False
                self._order.end(error)
                self._go_on()
            return
        with self._lock:
            self._looking = False
            self._order.exhausted = found is None
            if found:
                self._order.begin(found)
            self._go_on()

    def _read(self, reading: Reading) -> None:
        """Read the next page of a scan."""
        page: AnyPage | None = None
        latest: Span | None = None
        try:
            page, latest = reading.read(partial(self._inside, reading))
        except BaseException as error:  # noqa: BLE001 - raised again in the consumer
            reading.error = error
        with self._lock:
            self._order.release(reading)
            if not self._stopped:
                self._order.put(reading, page, latest)
            self._go_on()

    @contextmanager
    def _inside(self, reading: Reading) -> Iterator[None]:
        """Look into an answer that has come, one at a time.

        What is looked into takes ten times the memory of what waits. And where all look at once,
        what is due comes last as often as first.
        """
        turn = threading.Event()
        with self._lock:
            if not self._answered:
                turn.set()
            self._answered[reading] = turn
        turn.wait()
        try:
            yield
        finally:
            with self._lock:
                del self._answered[reading]
                if self._answered:
                    self._answered[self._order.first_of(self._answered)].set()

    def _go_on(self) -> None:
        """Say what this reader's step has changed."""
        self._busy -= 1
        self._hand_out()
        if self._order.is_due:
            self._due.notify()
