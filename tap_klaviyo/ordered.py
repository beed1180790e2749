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
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

from tap_klaviyo.order import Order
from tap_klaviyo.room import FIRST_PAGE_BYTES, AnyPage, Room
from tap_klaviyo.scan_reading import Reading, Source, Span
from tap_klaviyo.scans import Scan


class NotWantedError(Exception):
    """An answer has come that nobody waits for any more."""


@dataclass(slots=True)
class Turn:
    """The turn to look into an answer; not `wanted` where the answer is given up instead."""

    come: threading.Event = field(default_factory=threading.Event)
    wanted: bool = True

    def call(self, *, wanted: bool = True) -> None:
        """Let the reader go on that waits for it."""
        self.wanted = wanted
        self.come.set()


class Step(NamedTuple):
    """What a reader is to do: read the next page of a scan, or begin the next scan."""

    reading: Reading | None


class OrderedReader:
    """Reads scans with several threads; used for one pass."""

    def __init__(
        self,
        source: Source,
        workers: int,
        room: Room,
        page_bytes: int = FIRST_PAGE_BYTES,
        came_bytes: int = 0,
    ) -> None:
        """Ask for up to `workers` pages at once, ahead as far as there is room for them.

        Pages are expected to weigh `page_bytes`, and to come as `came_bytes`.
        """
        self._source = source
        self._workers = workers
        self._room = room
        self._order = Order(source, workers, room, page_bytes, came_bytes)
        self._steps: deque[Step] = deque()
        # Threads that exist; those that ask, and those that have an answer which is no page yet.
        self._threads = self._busy = self._holding = 0
        # Whose answer waits to be looked into: one at a time.
        self._answered: dict[Reading, Turn] = {}
        self._inside_now = self._looking = self._stopped = False
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
                for turn in self._answered.values():
                    turn.call(wanted=False)
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
        if not self._inside_now and (looking := self._order.look(self._answered)):
            self._inside_now = True
            self._answered.pop(looking).call()
        while not self._stopped and self._busy < self._workers and (step := self._next_step()):
            self._steps.append(step)
            self._busy += 1
            if self._threads < self._busy + self._holding:
                self._threads += 1
                # A daemon: who waits for a rate limit must not hold up the end of the process.
                threading.Thread(target=self._work, daemon=True).start()

    def _next_step(self) -> Step | None:
        """What to do next, if anything can be done now."""
        held_up = self._holding >= self._workers
        reading = self._order.choose(self._workers - self._busy, near=held_up)
        if held_up:
            return Step(reading) if reading and self._comes_before_others(reading) else None
        if reading is None:
            if self._looking or not self._order.may_begin():
                return None
            self._looking = True
        return Step(reading)

    def _comes_before_others(self, reading: Reading) -> bool:
        """Whether a page is asked for although as many answers wait as may.

        What is due waits for nobody. For what is near, an answer is given up that was asked for
        before it was known how far away it is; it is asked for again later.
        """
        if self._order.is_due_next(reading):
            return True
        far = self._order.behind(reading, self._answered)
        if far is None:
            self._order.release(reading)
            return False
        self._answered.pop(far).call(wanted=False)
        return True

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
        except NotWantedError:
            with self._lock:
                self._order.release(reading)
                reading.forget()
                self._go_on()
            return
        except BaseException as error:  # noqa: BLE001 - raised again in the consumer
            reading.error = error
        with self._lock:
            self._order.release(reading)
            if not self._stopped:
                self._order.put(reading, page, latest)
            self._go_on()

    @contextmanager
    def _inside(self, reading: Reading, size: int) -> Iterator[None]:
        """Look into an answer that has come, one at a time and when there is room for its page.

        What is looked into takes ten times the memory of what waits. And where all look at once,
        what is due comes last as often as first.

        Raises:
            NotWantedError: the read has ended meanwhile, or a nearer page is asked for instead.
        """
        turn = Turn()
        with self._lock:
            self._order.came(reading, size)
            self._answered[reading] = turn
            self._busy -= 1
            self._holding += 1
            self._hand_out()
        turn.come.wait()
        try:
            if not turn.wanted:
                raise NotWantedError
            yield
        finally:
            with self._lock:
                self._inside_now = self._inside_now and not turn.wanted
                self._busy += 1
                self._holding -= 1

    def _go_on(self) -> None:
        """Say what this reader's step has changed."""
        self._busy -= 1
        self._hand_out()
        if self._order.is_due:
            self._due.notify()
