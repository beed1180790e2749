"""Which page an ordered read reads next: always the nearest that there is room for.

Decides, and does nothing by itself; whoever calls holds the lock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator

from tap_klaviyo.lengths import Lengths
from tap_klaviyo.room import AnyPage, Room
from tap_klaviyo.scan_reading import Reading, Source, Span
from tap_klaviyo.scans import Scan

# A page counts as large as the largest lately: those at the end of a window say little.
FADING = 100
# The last request of a part may fetch next to nothing; longer parts would save hardly any.
MOST_PART_PAGES = 10
# A part that held something lets what follows be cut into more parts, an empty one into fewer:
# where records come in bursts, what lies behind one is empty for long. One in three may be empty.
USEFUL, USELESS = 1.1, 0.8
# The least share of a page that counts as something.
SOMETHING = 0.1
# What takes no more room than that as a page may be looked into however far away it is.
SMALL_BYTES = 16_384
# Beyond so many times of what there is room for, a page is not worth its room.
FAR = 2


class Order:
    """Scans that have been begun, in their order, up to the last one whose pages are not taken."""

    def __init__(
        self, source: Source, workers: int, room: Room, page_bytes: int, came_bytes: int = 0
    ) -> None:
        """Nothing has been begun; pages are expected to weigh so much, and to come as so much."""
        self._source = source
        self._workers = workers
        self._room = room
        self._page_bytes = page_bytes
        self._came_bytes = came_bytes or page_bytes
        self._used = 0
        self._readings: deque[Reading] = deque()
        # Those of them that are not done. Few, where many short scans wait to be taken.
        self._open: list[Reading] = []
        self.exhausted = False
        self._lengths = Lengths()
        # Into how many parts a scan may be cut.
        self._parts = float(workers)

    def begin(self, scan: Scan) -> None:
        """Begin one more scan."""
        reading = Reading(scan, self._source, self._lengths, left=self._source.expected)
        self._readings.append(reading)
        self._open.append(reading)

    def end(self, error: BaseException) -> None:
        """Begin nothing more; an error comes after everything that has been begun."""
        self.exhausted = True
        self._readings.append(Reading(Scan(), self._source, error=error, done=True))

    def fail(self, error: BaseException) -> None:
        """Have an error come before everything else: what is due may never be read."""
        self._readings.appendleft(Reading(Scan(), self._source, error=error, done=True))

    @property
    def head(self) -> Reading | None:
        """The scan whose pages are taken now."""
        return self._readings[0] if self._readings else None

    def came(self, reading: Reading, size: int) -> None:
        """Take note of how large an answer is that waits to be looked into."""
        self._came_bytes = max(size, self._came_bytes - self._came_bytes // FADING)
        self._reserve(reading, size)

    def look(self, answered: Collection[Reading]) -> Reading | None:
        """Whose answer to look into now; the room for its page is kept.

        That of the scan that is due, else the first that came and is near or small. What is
        farther away waits as it came, which takes a quarter of the room.

        Args:
            answered: Whose answers wait, the first first.
        """
        head = self.head
        chosen = head if head and head in answered and self.is_due_next(head) else None
        if chosen is None and answered:
            near = set(self._within(self._near))
            chosen = next((one for one in answered if self._may_become_page(one, near)), None)
        if chosen:
            self._reserve(chosen, self._becomes(chosen))
        return chosen

    def _becomes(self, reading: Reading) -> int:
        """How many bytes the page may have that an answer becomes."""
        return self._page_bytes * (reading.reserved or 0) // self._came_bytes

    def _may_become_page(self, reading: Reading, near: Collection[Reading]) -> bool:
        """Whether an answer may be looked into that is not due."""
        more = self._becomes(reading) - (reading.reserved or 0)
        if more > SMALL_BYTES and reading not in near:
            return False
        return self._room.fits(self._used, more) or self._forgets_behind(reading, more)

    def behind(self, reading: Reading, answered: Collection[Reading]) -> Reading | None:
        """The last scan behind another whose first answer waits to be looked into."""
        place = self._open.index(reading)
        waiting = (one for one in reversed(self._open[place + 1 :]) if one in answered)
        return next((one for one in waiting if not one.count), None)

    @property
    def is_due(self) -> bool:
        """Whether there is a page to take, a scan to leave, or nothing more."""
        if self._readings:
            return bool(self._readings[0].pages) or self._readings[0].done
        return self.exhausted

    def leave(self) -> None:
        """Go on to the next scan."""
        self._readings.popleft()

    def take(self) -> AnyPage:
        """The page that is due."""
        head = self._readings[0]
        page = head.pages.popleft()
        head.held -= page.size
        self._use(-page.size)
        return page

    def give_back(self) -> None:
        """Leave all room to others; what is being read gives its own back when it comes."""
        self._use(-sum(one.held for one in self._readings))

    def _use(self, size: int) -> None:
        """Take room, or give it back."""
        self._used += size
        self._room.use(size)

    def put(self, reading: Reading, page: AnyPage | None, latest: Span | None) -> None:
        """Add the page that was being read; None where there is none."""
        reading.put(page, latest)
        if page is not None:
            self._use(page.size)
            self._page_bytes = max(page.size, self._page_bytes - self._page_bytes // FADING)
        if reading.done:
            self._open.remove(reading)
            if reading.whole:
                self._lengths.ended(reading.count)
                self._source.held(reading.scan, reading.text)
            else:
                useful = reading.text > SOMETHING * self._page_bytes
                self._parts *= USEFUL if useful else USELESS
                self._parts = min(float(self._workers), max(1.0, self._parts))

    def release(self, reading: Reading | None) -> None:
        """Give back what was kept for the page that was being read, if one was."""
        if reading:
            self._reserve(reading, None)

    def _reserve(self, reading: Reading, size: int | None) -> None:
        """Keep so many bytes for the page that is being read, and no longer what was kept."""
        self._use((size or 0) - (reading.reserved or 0))
        reading.reserved = size

    def may_begin(self) -> bool:
        """Whether one more scan may be begun: it is within reach, and there is room."""
        return self._may_begin(self._reach)

    def _may_begin(self, reach: float) -> bool:
        """The same for another reach."""
        if self.exhausted:
            return False
        at_once = self._source.at_once()
        if at_once is not None and len(self._open) >= at_once:
            return False
        pages = sum(map(self._pages, self._open))
        return not self._readings or (pages < reach and self._fits())

    def choose(self, free: int, *, near: bool = False) -> Reading | None:
        """What to read the next page of; the room for it is kept.

        Who reads further ahead than there is room for would fill it with what is not wanted for
        long, while one request at a time fetches what is due. So what is near comes first, also
        where a scan has to be cut up for it; farther answers only wait as they came.

        Args:
            free: How many readers have nothing to do.
            near: Whether what is farther away is left alone.

        Returns:
            None where a scan is to be begun instead, or nothing can be done now.
        """
        for reach in (self._near,) if near else (self._near, self._reach):
            for reading in self._within(reach):
                if reading.is_free:
                    return self._kept(reading) if self._has_room(reading) else None
            if self._may_begin(reach) or not self._fits():
                return None
            if behind := self._cut_up(free, reach):
                return behind
        return None

    def is_due_next(self, reading: Reading) -> bool:
        """Whether the consumer waits for the next page of a scan."""
        return reading is self.head and not reading.pages

    def _kept(self, reading: Reading) -> Reading:
        """A scan with room for its next page."""
        self._reserve(reading, self._expected(reading, self._weight))
        return reading

    def _expected(self, reading: Reading, page_bytes: int) -> int:
        """How many bytes the next page of a scan may have, where a whole one has so many."""
        return int(page_bytes * min(1.0, reading.left))

    @property
    def _weight(self) -> int:
        """What a page weighs that is being read."""
        return self._came_bytes if self._source.looks else self._page_bytes

    @property
    def _reach(self) -> float:
        """How far ahead to read, in pages; a page at least."""
        return max(1.0, self._room.reach / self._weight)

    @property
    def _near(self) -> float:
        """How far ahead to look into answers, in pages; a page at least."""
        return max(1.0, self._room.reach / self._page_bytes)

    def _pages(self, reading: Reading) -> float:
        """How many pages of a scan are still to be read or taken."""
        return reading.left + reading.held / self._page_bytes

    def _within(self, reach: float) -> Iterator[Reading]:
        """The scans that are not done and have fewer pages before them than that."""
        ahead = 0.0
        for reading in self._open:
            if ahead >= reach:
                return
            yield reading
            ahead += self._pages(reading)

    def _fits(self) -> bool:
        """Whether there is room for one more page."""
        return self._room.fits(self._used, self._weight)

    def _has_room(self, reading: Reading) -> bool:
        """Whether a scan's next page may be read.

        The page that is due next always finds room, or nothing would ever move.
        """
        due = self.is_due_next(reading)
        size = self._expected(reading, self._weight)
        return due or self._room.fits(self._used, size) or self._forgets_behind(reading, size)

    def _forgets_behind(self, reading: Reading, size: int) -> bool:
        """Make room by giving up pages that were read before they were known to be far away."""
        near = sum(1 for _ in self._within(self._near * FAR))
        for one in reversed(self._open[near:]):
            if one is not reading and one.may_be_forgotten:
                self._use(-one.held)
                one.forget()
                if self._room.fits(self._used, size):
                    return True
        return False

    def _cut_up(self, free: int, reach: float) -> Reading | None:
        """What lies behind the parts into which a long scan is now cut; all stand in the order.

        It is begun before them, since how dense it is decides on the next cut.
        """
        most = min(int(self._parts), int(reach))
        for reading in self._within(reach):
            parts = reading.cut_up(most, free, self._part_pages)
            if parts:
                self._insert(parts, reading)
                return self._kept(parts[-1])
        return None

    @property
    def _part_pages(self) -> int:
        """How many pages a part of a long scan is to have.

        As many as leave each reader a part within reach: one, where pages are large. A part whose
        second page is missing keeps all those behind it waiting.
        """
        return max(1, min(MOST_PART_PAGES, int(self._near / self._workers)))

    def _insert(self, parts: list[Reading], after: Reading) -> None:
        """Put the parts of a scan behind what is left of it."""
        place = self._readings.index(after) + 1
        for offset, part in enumerate(parts):
            self._readings.insert(place + offset, part)
        place = self._open.index(after) + 1
        self._open[place:place] = parts
