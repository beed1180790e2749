"""Reading many scans at once, and handing their pages over in the scans' order.

A few threads read; one consumer takes. What is read ahead is bounded in bytes: a consumer that
stops stops the readers. A scan that turns out long is cut up while it is being read, so that
nobody stands idle. The first error surfaces at its place in the order.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Iterator

from tap_klaviyo.room import FIRST_PAGE_BYTES, AnyPage, Room
from tap_klaviyo.scan_reading import Reading, Source, Span
from tap_klaviyo.scans import Bounds, Scan


class OrderedReader:
    """Reads scans with several threads; used for one pass."""

    def __init__(
        self, source: Source, workers: int, room: Room, page_bytes: int = FIRST_PAGE_BYTES
    ) -> None:
        """Read with up to `workers` threads, ahead as far as there is room for pages."""
        self._source = source
        self._workers = workers
        self._room = room
        self._used = 0
        self._page_bytes = page_bytes
        self._order: deque[Reading] = deque()
        self._threads = self._idle = 0
        self._exhausted = False
        self._stopped = False
        self._changed = threading.Condition()
        self._scans_lock = threading.Lock()

    def pages(self, scans: Iterable[Scan]) -> Iterator[tuple[Scan, AnyPage]]:
        """Every page with its scan, in the order of the scans.

        Raises:
            BaseException: whatever reading a scan raised, after the pages before it.
        """
        self._scans = iter(scans)
        self._room.enter(1)
        try:
            with self._changed:
                self._grow()
            yield from self._taken()
        finally:
            with self._changed:
                self._stopped = True
                self._use(-sum(page.size for one in self._order for page in one.pages))
                self._room.enter(-1)
                self._changed.notify_all()

    def _use(self, size: int) -> None:
        """Take room, or give it back."""
        self._used += size
        self._room.use(size)

    def _taken(self) -> Iterator[tuple[Scan, AnyPage]]:
        """Pages as they become due."""
        while True:
            with self._changed:
                self._changed.wait_for(self._is_due)
                if not self._order:
                    return
                head = self._order[0]
                if not head.pages:
                    if head.error is not None:
                        raise head.error
                    self._order.popleft()
                    self._changed.notify_all()
                    continue
                page = head.pages.popleft()
                self._use(-page.size)
                self._changed.notify_all()
                scan = head.scan
            yield scan, page

    def _is_due(self) -> bool:
        """Whether there is a page to take, a scan to leave, or nothing more."""
        if self._order:
            return bool(self._order[0].pages) or self._order[0].done
        return self._exhausted

    def _grow(self) -> None:
        """Begin one more reader where there is work that nobody is free for."""
        if self._idle or self._threads >= self._workers or not self._has_work():
            return
        self._threads += 1
        # A daemon: a reader that waits for a rate limit must not hold up the end of the process.
        threading.Thread(target=self._work, daemon=True).start()

    def _work(self) -> None:
        """One reader; what goes wrong between two scans comes after all of them."""
        try:
            self._read_scans()
        except BaseException as error:  # noqa: BLE001 - raised again in the consumer
            with self._changed:
                self._order.append(Reading(Scan(), error=error, done=True))
                self._exhausted = True
                self._changed.notify_all()

    def _read_scans(self) -> None:
        """Read scans until there is nothing left to do."""
        while (reading := self._begun()) is not None:
            try:
                self._read(reading)
            except BaseException as error:  # noqa: BLE001 - raised again in the consumer
                reading.error = error
            with self._changed:
                self._reserve(reading, 0)
                reading.done = True
                self._changed.notify_all()

    def _begun(self) -> Reading | None:
        """The next scan to read, or a part of another; None when there is nothing left to do."""
        while True:
            with self._changed:
                self._idle += 1
                self._changed.wait_for(lambda: self._stopped or self._has_work() or self._is_over())
                self._idle -= 1
                if self._stopped:
                    return None
                part = self._waiting() or (None if self._may_begin() else self._cut_up())
                if part:
                    part.begun = True
                    self._grow()
                    return part
                if not self._may_begin():
                    if self._is_over():
                        return None
                    continue
            reading = self._next_scan()
            if reading is not None:
                return reading

    def _has_work(self) -> bool:
        """Whether there is something to do for one more reader."""
        if self._may_begin() or self._waiting():
            return True
        return any(one.cut_points(1, self._source.until) for one in self._order)

    def _is_over(self) -> bool:
        """Whether everything has been read."""
        return self._exhausted and all(one.done for one in self._order)

    def _waiting(self) -> Reading | None:
        """The first part that waits for a reader."""
        return next((one for one in self._order if not one.begun), None)

    def _may_begin(self) -> bool:
        """Whether one more scan may be begun: there is room, and none before it wants it."""
        if self._exhausted:
            return False
        at_once = self._source.at_once()
        if at_once is not None and sum(not one.done for one in self._order) >= at_once:
            return False
        return not self._order or self._has_room_behind(None)

    def _has_room_behind(self, last: Reading | None) -> bool:
        """Whether a page fits, and no scan before `last` waits for that room."""
        for one in self._order:
            if one is last:
                break
            if one.waits:
                return False
        return self._room.fits(self._used, self._page_bytes)

    def _next_scan(self) -> Reading | None:
        """Begin the next scan; None where there is none. Finding it may ask Klaviyo."""
        with self._scans_lock:
            if self._exhausted:
                return None
            try:
                reading = Reading(next(self._scans))
            except StopIteration:
                reading = None
            except BaseException as error:  # noqa: BLE001 - raised again in the consumer
                reading = Reading(Scan(), error=error, done=True)
            with self._changed:
                if reading:
                    self._order.append(reading)
                self._exhausted = reading is None or reading.done
                self._grow()
                self._changed.notify_all()
            return None if self._exhausted else reading

    def _cut_up(self) -> Reading | None:
        """What lies behind the parts into which a long scan is now cut; all stand in the order.

        It is begun before them, since how dense it is decides on the next cut.
        """
        for place, reading in enumerate(self._order):
            points = reading.cut_points(self._workers, self._source.until, self._idle)
            if not points:
                continue
            bounds = reading.scan.bounds
            edges = [*points, bounds.end]
            parts = [
                Reading(
                    self._source.part(reading.scan, Bounds(start, end)), begun=False, whole=False
                )
                for start, end in zip(points, edges[1:], strict=True)
            ]
            parts[-1].cuts = reading.cuts + 1
            # Klaviyo keeps the lower bound of a scan by itself, with all records of its second.
            start = bounds.start if reading.scan.window else None
            reading.scan = self._source.part(reading.scan, Bounds(start, points[0]))
            reading.latest, reading.whole = None, False
            for offset, part in enumerate(parts, 1):
                self._order.insert(place + offset, part)
            self._changed.notify_all()
            return parts[-1]
        return None

    def _read(self, reading: Reading) -> None:
        """Read the pages of a scan, up to where another reader has taken over."""
        span: Span | None = None
        trusted = self._source.span is not None
        pages = self._source.pages(reading.scan)
        while self._reserved(reading):
            page = next(pages, None)
            if page is None:
                break
            if self._source.span and trusted and page.next:
                before, span = span, self._source.span(page)
                trusted = span is not None and (before is None or before[1] <= span[0])
            usable = span if trusted and page.next else None
            self._put(reading, page, usable)
            end = reading.scan.bounds.end
            if page.next is None or (usable and end and usable[1] >= end):
                break
        else:
            return
        if reading.whole:
            self._source.held(reading.scan, reading.size)

    def _reserved(self, reading: Reading) -> bool:
        """Wait for room for one more page, and take it; False where nobody wants it any more.

        The page that is due next always finds room, or nothing would ever move.
        """

        def has_room() -> bool:
            due = self._order[0] is reading and not reading.pages
            return self._stopped or due or self._has_room_behind(reading)

        with self._changed:
            reading.waits = True
            self._changed.wait_for(has_room)
            reading.waits = False
            if self._stopped:
                return False
            self._reserve(reading, self._page_bytes)
            self._changed.notify_all()  # the next one behind may have room too
            return True

    def _reserve(self, reading: Reading, size: int) -> None:
        """Have the room kept for a scan's next page be so large."""
        self._use(size - reading.reserved)
        reading.reserved = size

    def _put(self, reading: Reading, page: AnyPage, latest: Span | None) -> None:
        """Hand a page over."""
        with self._changed:
            if self._stopped:
                return
            reading.pages.append(page)
            reading.size += page.size
            reading.latest = latest
            self._reserve(reading, 0)
            self._use(page.size)
            self._page_bytes = max(page.size, (self._page_bytes * 3 + page.size) // 4)
            self._grow()
            self._changed.notify_all()
