"""Reading many scans at once, and handing their pages over in the scans' order.

A few threads read, a page at a time; one more looks into what they got; one consumer takes. What
is read ahead is bounded in bytes: a consumer that stops stops the readers. A scan that turns out
long is cut up while it is being read, so that nobody stands idle; who has nothing to do ends,
since the C library keeps memory for each thread (measured: 75 MB for two hundred). The first error
surfaces at its place in the order.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError, Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

from tap_klaviyo.order import Order
from tap_klaviyo.room import FIRST_PAGE_BYTES, AnyPage, OwnRoom, Room
from tap_klaviyo.scan_reading import Reading, Source, Span
from tap_klaviyo.scans import Scan


class Step(NamedTuple):
    """What a reader is to do: read the next page of a scan, or begin the next scan."""

    reading: Reading | None


@dataclass(frozen=True, slots=True, eq=False)
class Answered:
    """An answer that has come.

    Attributes:
        look: Makes a page of it.
        page: That page, for the reader of the scan.
    """

    look: Callable[[], AnyPage]
    page: Future[AnyPage] = field(default_factory=Future)

    def look_into(self) -> None:
        """Make the page; whatever goes wrong is raised in the reader."""
        try:
            self.page.set_result(self.look())
        except BaseException as error:  # noqa: BLE001 - raised again in the reader
            self.page.set_exception(error)


class OrderedReader:
    """Reads scans with several threads; used for one pass."""

    def __init__(
        self,
        source: Source,
        workers: int,
        room: Room,
        page_bytes: int = FIRST_PAGE_BYTES,
        full_bytes: int = 0,
    ) -> None:
        """Read with up to `workers` threads, ahead as far as there is room for pages.

        `page_bytes` is what a page may take, `full_bytes` how long the answer is that a full one
        comes as, if anybody knows.
        """
        self._source = source
        self._workers = workers
        self._room = room
        self._order = Order(source, workers, OwnRoom(room, page_bytes, full_bytes))
        self._steps: deque[Step] = deque()
        # Readers that exist, and steps that have been given out and not been done, but for those
        # whose answer waits.
        self._threads = self._busy = 0
        self._answered: dict[Reading, Answered] = {}
        self._looks: threading.Thread | None = None
        self._looking = self._stopped = False
        self._lock = threading.Lock()
        self._due = threading.Condition(self._lock)
        self._came = threading.Condition(self._lock)

    def pages(
        self, scans: Iterable[Scan], before: Iterable[tuple[Scan, AnyPage]] = ()
    ) -> Iterator[tuple[Scan, AnyPage]]:
        """Every page with its scan, in the order of the scans.

        What comes `before` them is made, and handed over, while the first of them are read.

        Raises:
            BaseException: whatever reading a scan raised, after the pages before it.
        """
        self._scans = iter(scans)
        self._room.enter(1)
        try:
            with self._lock:
                self._hand_out()
            yield from before
            while (taken := self._taken()) is not None:
                yield taken
        finally:
            with self._lock:
                self._stopped = True
                for step in self._steps:
                    self._order.release(step.reading)
                for answered in self._answered.values():
                    answered.page.cancel()
                self._came.notify()
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
        """Give something to do to every reader that is free; what goes wrong fails the read."""
        try:
            self._give_steps()
        except Exception as error:  # noqa: BLE001 - raised again in the consumer
            self._order.fail(error)
            self._due.notify()

    def _give_steps(self) -> None:
        """Have answers looked into, and give steps to readers."""
        if self._answered and not self._looks:
            self._looks = start(self._look)
        self._came.notify()
        while not self._stopped and self._busy < self._workers and (step := self._next_step()):
            self._steps.append(step)
            self._busy += 1
            if self._threads < self._busy + len(self._answered):
                self._threads += 1
                start(self._work)

    def _next_step(self) -> Step | None:
        """What to do next, if anything can be done now."""
        reading = self._order.choose()
        if reading is None:
            if self._looking or not self._order.may_begin():
                return None
            self._looking = True
        return Step(reading)

    def _work(self) -> None:
        """One reader."""
        with self._failing():
            while (step := self._given()) is not None:
                if step.reading:
                    self._read(step.reading)
                else:
                    self._begin()

    def _look(self) -> None:
        """The one that looks into answers, one at a time.

        What is looked into takes ten times the memory of what waits. And where all look at once,
        what is due comes last as often as first.
        """
        with self._failing():
            while self._looks_into_next():
                pass

    @contextmanager
    def _failing(self) -> Iterator[None]:
        """What goes wrong between two pages may leave nobody to read what is due."""
        try:
            yield
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
            page, latest = reading.read(partial(self._looked_into, reading))
        except BaseException as error:  # noqa: BLE001 - raised again in the consumer
            reading.error = error
        with self._lock:
            self._order.release(reading)
            if not self._stopped:
                self._order.put(reading, page, latest)
            self._go_on()

    def _looked_into(self, reading: Reading, size: int, look: Callable[[], AnyPage]) -> AnyPage:
        """The page in an answer of that size, when its turn has come.

        Raises:
            CancelledError: nobody wants it any more.
        """
        answered = Answered(look)
        with self._lock:
            if self._stopped:
                raise CancelledError
            self._order.came(reading, size)
            self._answered[reading] = answered
            self._busy -= 1
            self._hand_out()
        return answered.page.result()

    def _looks_into_next(self) -> bool:
        """Look into the next answer, as soon as there is one; False at the end."""
        reading = None
        with self._lock:
            while not self._stopped and not (reading := self._order.choose_answer()):
                self._came.wait()
            if reading is None:
                return False
            answered = self._answered.pop(reading)
            self._busy += 1
        answered.look_into()
        return True

    def _go_on(self) -> None:
        """Say what this reader's step has changed."""
        self._busy -= 1
        self._hand_out()
        if self._order.is_due:
            self._due.notify()


def start(work: Callable[[], None]) -> threading.Thread:
    """Begin a thread; who waits for a rate limit in it does not hold up the end of the process."""
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread
