"""What an ordered read knows of its scans, and of where they come from."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from tap_klaviyo.lengths import OUTGROWN, Lengths
from tap_klaviyo.room import AnyPage
from tap_klaviyo.scans import Bounds, Scan, second_of
from tap_klaviyo.times import in_one_form, parse_time
from tap_klaviyo.windows import SHORTEST, cuts, page_time

# The parts of a scan that is cut up hold a little less than whole pages, so that their last request
# seldom fetches next to nothing.
SLACK = 0.1
# Into how many parts a scan is cut first. What is left after them, and proves long again, is cut
# into twice as many: where nothing is left, little has been asked for in vain.
FIRST_PARTS = 20
# The least share of a page that is still expected of a scan that is not done.
SMALLEST = 0.1

# Told how many bytes an answer has, and how to look into it; gives the page when it is its turn.
Looking = Callable[[int, Callable[[], AnyPage]], AnyPage]
Density = tuple[datetime, timedelta]


class Span(NamedTuple):
    """The times of a page's first and last record, and how long a page like its end covers."""

    first: datetime
    last: datetime
    page: timedelta


def span_of(texts: Sequence[str | None]) -> Span | None:
    """The first and the last of a page's times; None where one is missing, wrong or misplaced."""
    times = in_one_form(texts)
    if not times or times != sorted(times):
        return None
    places = (0, len(times) * 3 // 4, -1)
    try:
        first, late, last = (parse_time(times[place]) for place in places)
    except ValueError:  # in the form of a date, but of a day that no calendar has
        return None
    return Span(first, last, page_time(first, late, last))


@dataclass(frozen=True, slots=True)
class Source:
    """What an ordered read needs to know of the stream.

    Attributes:
        pages: Reads the pages of a scan; has what it is given look into the answers.
        part: A scan with other time bounds.
        span: The times of a page's first and last record, or None where the page is out of
            order; set only where scans can be cut by time.
        until: Up to where scans without an end can be cut.
        timed: Whether every record has a time: else those without one belong to no part.
        expected: How many pages a scan may have.
        held: Told how long the text was that a finished scan came as, if it was not cut up.
        at_once: How many scans may be read at once now; None for any number.
        last: The scan that is to be read before its turn, as far as it shows how dense it is.
    """

    pages: Callable[[Scan, Looking], Iterator[AnyPage]]
    part: Callable[[Scan, Bounds], Scan]
    span: Callable[[AnyPage], Span | None] | None = None
    until: datetime | None = None
    timed: bool = False
    expected: float = 1.0
    held: Callable[[Scan, int], None] = lambda scan, size: None  # noqa: ARG005
    at_once: Callable[[], int | None] = lambda: None
    last: Scan | None = None


@dataclass(slots=True, eq=False)
class Reading:
    """One scan that is being read, or waits for a reader.

    Attributes:
        scan: Where its records lie.
        source: Where it comes from.
        lengths: How long other scans were.
        pages: What has been read of it, and not been taken.
        text: How long the text was that all its pages came as, taken or not.
        size: Bytes of all its pages, taken or not.
        count: How many pages those are.
        held: Bytes of `pages`.
        reserved: Bytes kept for the page that is being read; None while nobody reads.
        sent: How many bytes its latest answer had.
        waits: Whether that answer waits to be looked into.
        left: How many pages are still to be read, as far as can be told.
        left_at_best: The same if it is at most a few times as long as by now. What is dense may
            end soon: records come in bursts. Where scans are not cut by time, `left` is no more
            than a guess of that kind.
        dense: From where on how long a time a page covers, as far as is known; None where
            nothing has come since it was cut, nothing more will, or the order cannot be relied on.
        cuts: How often what came before it has been cut up.
        whole: Whether it is still as long as it was planned.
        told: Whether the others have been told how long it is.
        done: Whether nothing more will come.
        error: What reading it raised.
    """

    scan: Scan
    source: Source
    lengths: Lengths = field(default_factory=Lengths)
    pages: deque[AnyPage] = field(default_factory=deque)
    text: int = 0
    size: int = 0
    count: int = 0
    held: int = 0
    reserved: int | None = None
    sent: int = 0
    waits: bool = False
    left: float = 1.0
    left_at_best: float = 1.0
    dense: Density | None = None
    cuts: int = 0
    whole: bool = True
    told: bool = False
    done: bool = False
    error: BaseException | None = None
    _walk: Iterator[AnyPage] | None = None
    _before: Span | None = None
    _in_order: bool = True

    def __post_init__(self) -> None:
        """Say how many pages are left at best."""
        self.expect(self.left)

    @property
    def is_free(self) -> bool:
        """Whether somebody may read its next page."""
        return self.reserved is None and not self.done

    @property
    def is_new(self) -> bool:
        """Whether nothing of it is there or under way."""
        return self.is_free and not self.count

    def read(self, looking: Looking) -> tuple[AnyPage | None, Span | None]:
        """Its next page, and that page's span where it can be relied on and more will come.

        Called by one thread at a time, always with the same `looking`.
        """
        if self._walk is None:
            self._walk = self.source.pages(self.scan, looking)
        page = next(self._walk, None)
        if page is None or not page.next or not self.source.span or not self._in_order:
            return page, None
        before, self._before = self._before, self.source.span(page)
        later = self._before is not None and (before is None or before.last <= self._before.first)
        self._in_order = later
        return page, self._before if later else None

    def put(self, page: AnyPage | None, latest: Span | None) -> None:
        """Hand its next page over, or say that there is none."""
        if page is not None:
            self.pages.append(page)
            self.text += page.text_bytes
            self.size += page.size
            self.count += 1
            self.held += page.size
        end = self.scan.bounds.end
        reached = latest is not None and end is not None and latest.last >= end
        self.done = page is None or page.next is None or reached
        if self.done:
            self._walk = None  # it holds its last page
        self.dense = None
        # Records of one second say nothing of how dense the others lie.
        if latest and not self.done and latest.page >= SHORTEST:
            self.dense = latest.last, latest.page
        self.expect(self._pages_left())

    @property
    def _end(self) -> datetime | None:
        """Up to where it can be cut."""
        return self.scan.bounds.end or self.source.until

    def _pages_left(self) -> float:
        """How many pages are still to come: if all are as dense, else as many as others had."""
        if self.dense is None or self._end is None:
            return self.lengths.left(self.count)
        start, page = self.dense
        return max(SMALLEST, (self._end - start) / page)

    def expect(self, left: float) -> None:
        """Take it that so many pages are still to come."""
        self.left = self.left_at_best = left
        if self.source.span:
            self.left_at_best = min(left, OUTGROWN * max(1, self.count))

    @property
    def decides(self) -> bool:
        """Whether it lies behind parts of a scan, so that how dense it is decides on more parts."""
        return self.cuts > 0 and not self.count

    @property
    def may_be_forgotten(self) -> bool:
        """Whether it can be read again as if nothing had been read.

        Either all of it waits, or only its first page, which has shown how dense it is.
        """
        if self.done and self.source.span and not self.error:
            return 0 < self.count == len(self.pages)
        known = self.dense is not None and self.scan.bounds.start is not None
        return known and self.is_free and len(self.pages) == 1 and self.held == self.size

    def forget(self) -> None:
        """Give up its pages, to be read again later; how dense it is stays known."""
        count, again = self.count, self.done
        self.pages.clear()
        self.text = self.size = self.count = self.held = 0
        self._walk = self._before = None
        if self.dense and self.scan.bounds.start:
            self.dense = self.scan.bounds.start, self.dense[1]
        self.done = False
        self.expect(float(count) if again else self._pages_left())

    def cut_up(self, most: int, pages: int) -> list[Reading]:
        """The parts that are now left to others, or none where that is not worth while.

        Args:
            most: How many parts there may be.
            pages: How many pages a part is to have.
        """
        start = self.scan.bounds.start
        if not start and not self.source.timed:
            return []
        points = self._cut_points(most, pages - SLACK)
        if not points:
            return []
        bounds, between = self.scan.bounds, self.source.part
        parts = [
            Reading(
                between(self.scan, Bounds(point, end)),
                self.source,
                self.lengths,
                left=pages - SLACK,
                whole=False,
            )
            for point, end in zip(points, [*points[1:], bounds.end], strict=True)
        ]
        parts[-1].cuts = self.cuts + 1
        parts[-1].expect(max(1.0, self.left - len(points) * (pages - SLACK)))
        # Klaviyo keeps the lower bound of a scan by itself, with all records of its second.
        first = start if self.scan.window or not start else second_of(start)
        self.scan = between(self.scan, Bounds(first, points[0]))
        self.dense, self.whole = None, False
        self.expect(pages - SLACK)
        return parts

    def _cut_points(self, most: int, pages: float) -> list[datetime]:
        """At most `most` points at which to cut what is left."""
        if self.done or not self.dense or not self._end:
            return []
        start, page = self.dense
        return cuts(start, self._end, page * pages, min(most, FIRST_PARTS << self.cuts))
