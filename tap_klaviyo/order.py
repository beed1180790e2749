"""Which page an ordered read reads next: always the nearest that there is room for.

Decides, and does nothing by itself; whoever calls holds the lock.
"""

from __future__ import annotations

from collections.abc import Iterator

from tap_klaviyo.begun import Begun
from tap_klaviyo.lengths import Lengths
from tap_klaviyo.parts import Parts
from tap_klaviyo.room import AnyPage, OwnRoom
from tap_klaviyo.scan_reading import Reading, Source, Span
from tap_klaviyo.scans import Scan

# Beyond so many times of what there is room for, a page is not worth its room.
FAR = 2
# So many scans, for each request that may be under way, are the nearest, from the one that is due
# on: they find room where others do not.
NEAREST = 0.5
# So many of those are next. Where they find no room, what is far is given up though all of it is
# there, to be read again: else the pages of a burst that is found late come one by one.
NEXT = 0.125


class Order:
    """Scans that have been begun, in their order, up to the last one whose pages are not taken."""

    def __init__(self, source: Source, workers: int, room: OwnRoom) -> None:
        """Nothing has been begun."""
        self._source = source
        self._workers = workers
        self._room = room
        self._nearest, self._next = (max(1, int(share * workers)) for share in (NEAREST, NEXT))
        self._begun = Begun()
        self.exhausted = False
        self._lengths = Lengths()
        self._parts = Parts(workers, room)
        # What is read before its turn, until that has come.
        self._early = self._reading(source.last) if source.last else None

    def begin(self, scan: Scan) -> None:
        """Begin one more scan, or go on with the one that was read before its turn."""
        if self._early and scan == self._source.last:
            reading, self._early = self._early, None
        else:
            reading = self._reading(scan)
        self._begun.append(reading)

    def _reading(self, scan: Scan) -> Reading:
        """A scan of which nothing has been read."""
        return Reading(scan, self._source, self._lengths, left=self._source.expected)

    def end(self, error: BaseException) -> None:
        """Begin nothing more; an error comes after everything that has been begun."""
        self.exhausted = True
        self._begun.append(Reading(Scan(), self._source, error=error, done=True))

    def fail(self, error: BaseException) -> None:
        """Have an error come before everything else: what is due may never be read."""
        self._begun.all.appendleft(Reading(Scan(), self._source, error=error, done=True))

    @property
    def head(self) -> Reading | None:
        """The scan whose pages are taken now."""
        return self._begun.head

    def came(self, reading: Reading, size: int) -> None:
        """Take note of an answer of so many bytes, which waits to be looked into."""
        self.release(reading)
        reading.sent, reading.waits = size, True
        self._keep(reading, size)
        self._room.answer_came(size)

    def choose_answer(self) -> Reading | None:
        """Whose answer to look into; the room for its page is kept.

        That of the scan that is due; else one that decides on further parts, or that others may
        follow, so that they are asked for early; else the nearest, as far as there will be room
        for pages.
        """
        if found := next(self._worth_a_look(), None):
            found.waits = False
            self._keep(found, self._share(self._room.page_bytes, found))
        return found

    def _worth_a_look(self) -> Iterator[Reading]:
        """Whose answers may be looked into, what is most urgent first."""
        if self.head and self.head.waits:
            yield self.head
        if self._source.span and self._room.is_spare:
            if self._early and self._early.waits:
                yield self._early
            full, waiting = self._room.may_be_full, (one for one in self._begun.open if one.waits)
            yield from (one for one in waiting if one.decides or full(one.sent))
        for one in self._within(self._room.pages):
            if one.waits and self._makes_room(one, self._room.page_bytes):
                yield one

    @property
    def is_due(self) -> bool:
        """Whether there is a page to take, a scan to leave, or nothing more."""
        head = self.head
        return bool(head.pages) or head.done if head else self.exhausted

    def leave(self) -> None:
        """Go on to the next scan."""
        self._begun.all.popleft()

    def take(self) -> AnyPage:
        """The page that is due."""
        head = self._begun.all[0]
        page = head.pages.popleft()
        head.held -= page.size
        self._room.use(-page.size)
        return page

    def give_back(self) -> None:
        """Leave all room to others; what is being read gives its own back when it comes."""
        early = self._early.held if self._early else 0
        self._room.use(-early - sum(one.held for one in self._begun.all))

    def put(self, reading: Reading, page: AnyPage | None, latest: Span | None) -> None:
        """Add the page that was being read; None where there is none."""
        reading.put(page, latest)
        if page is not None:
            self._room.use(page.size)
            self._room.page_came(page, reading.sent)
        if reading.done:
            if reading is not self._early:
                self._begun.open.remove(reading)
            if not reading.told:
                self._tell(reading)

    def _tell(self, reading: Reading) -> None:
        """Have others learn from how long a scan turned out."""
        reading.told = True
        if reading.whole:
            self._lengths.ended(reading.count)
            self._source.held(reading.scan, reading.text)
        else:
            self._parts.ended(reading.text)

    def release(self, reading: Reading | None) -> None:
        """Give back what was kept for the page that was being read, if one was."""
        if reading:
            self._room.use(-(reading.reserved or 0))
            reading.reserved = None

    def may_begin(self) -> bool:
        """Whether one more scan may be begun: it is within reach, and there is room."""
        if self.exhausted:
            return False
        at_once = self._source.at_once()
        if at_once is not None and len(self._begun.open) >= at_once:
            return False
        if not self.head:
            return True
        if sum(not one.is_free for one in self._begun.open) >= self._workers:
            return False
        nearest = len(self._begun.all) < self._nearest
        if not self._room.fits(self._room.answer_bytes, nearest=nearest):
            return False
        at_best = self._at_best
        return sum(self._pages(one, at_best) for one in self._begun.open) < self._room.answers

    def choose(self) -> Reading | None:
        """What to read the next page of; the room for it is kept.

        Who reads further ahead than there is room for would fill it with what is not wanted for
        long, while one request at a time fetches what is due.

        Returns:
            None where a scan is to be begun instead, or nothing can be done now.
        """
        found = self._before_its_turn() or self._nearest_free()
        if found or self._workers == 1 or self.may_begin():
            return found
        return self._cut_up()

    def _before_its_turn(self) -> Reading | None:
        """What is read early while much is free, as soon as what is due has been asked for."""
        early, head = self._early, self.head
        if not (early and early.is_new and head and self._at_best):
            return None
        return self._kept(early) if not head.is_free and self._source.at_once() is None else None

    def _nearest_free(self) -> Reading | None:
        """The nearest scan of which nobody reads the next page; None if there is no room for it."""
        near = self._worth_asking() if self._begun.has_free else ()
        free = next((one for one in near if one.is_free), None)
        return self._kept(free) if free and self._has_room(free) else None

    def _worth_asking(self) -> Iterator[Reading]:
        """The scans that may be near, up to where enough has been asked for.

        Answers that wait to be looked into count as if they were still under way. So requests go
        out as evenly as pages are made of answers, and not in waves, each when the one before it
        has been looked into (5 % slower, measured).
        """
        asked = 0
        for reading in self._within(self._room.answers, at_best=self._at_best):
            yield reading
            asked += not reading.is_free
            if asked >= self._workers:
                return

    @property
    def _at_best(self) -> bool:
        """Whether much is free, so that scans count as no longer than they are at best.

        What is behind a burst is far away if that goes on as far as it may. Where nothing was read
        there before the end of the burst is known, each of several is waited for by itself.
        """
        return self._room.is_large and self._room.is_spare

    def _kept(self, reading: Reading) -> Reading:
        """A scan with room for its next page."""
        self._keep(reading, self._share(self._room.answer_bytes, reading))
        return reading

    def _keep(self, reading: Reading, size: int) -> None:
        """Keep so much more room for the page that is being read."""
        reading.reserved = (reading.reserved or 0) + size
        self._room.use(size)

    def _share(self, size: int, reading: Reading) -> int:
        """How much of what a whole page takes the next page of a scan may take."""
        return int(size * min(1.0, reading.left))

    def _pages(self, reading: Reading, at_best: bool) -> float:
        """How many pages of a scan are still to be read or taken."""
        left = reading.left_at_best if at_best else reading.left
        return left + reading.held / self._room.page_bytes

    def _within(self, reach: float, *, at_best: bool = False) -> Iterator[Reading]:
        """The scans that are not done and have fewer pages before them than that."""
        ahead = 0.0
        for reading in self._begun.open:
            if ahead >= reach:
                return
            yield reading
            ahead += self._pages(reading, at_best)

    def _has_room(self, reading: Reading) -> bool:
        """Whether a scan's next page may be read.

        The page that is due next always finds room, or nothing would ever move.
        """
        due = reading is self.head and not reading.pages
        return due or self._makes_room(reading, self._room.answer_bytes)

    def _makes_room(self, reading: Reading, size: int) -> bool:
        """Whether the next page of a scan fits, if need be instead of one that proved to be far."""
        size = self._share(size, reading)
        if self._fits(reading, size):
            return True
        far = self._farthest(reading)
        if not far or not self._fits(reading, size - far.held):
            return False
        self._room.use(-far.held)
        if far.done:
            self._begun.open_again(far)
        far.forget()
        return True

    def _farthest(self, reading: Reading) -> Reading | None:
        """The last of the scans far behind this one that may be forgotten."""
        *_, last = (reading, *self._within(self._room.pages * FAR))
        is_next = self._begun.is_among_first(reading, self._next)
        for one in reversed(self._begun.all if is_next else self._begun.open):
            if one in (last, reading):
                return None
            if one.may_be_forgotten:
                return one
        return None

    def _fits(self, reading: Reading, size: int) -> bool:
        """Whether there is room for so much of a scan; the nearest find more than others."""
        if self._room.fits(size, nearest=False):
            return True
        nearest = self._begun.is_among_first(reading, self._nearest)
        return nearest and self._room.fits(size, nearest=True)

    def _cut_up(self) -> Reading | None:
        """What lies behind the parts into which a long scan is now cut; all stand in the order.

        It is begun before them if there is room, since how dense it is decides on the next cut.
        """
        near = self._worth_asking() if self._begun.has_dense else ()
        for reading in (one for one in near if one.dense):
            if not self._fits(reading, self._room.answer_bytes):
                return None
            if parts := reading.cut_up(self._parts.most, self._parts.pages):
                self._begun.put_behind(reading, parts)
                rest = parts[-1]
                return self._kept(rest) if self._has_room(rest) else self._nearest_free()
        return None
