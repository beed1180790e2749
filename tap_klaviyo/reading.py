"""Reading one stream: its scans at once, cut into time windows where there is more than a page.

Between `scans` (what to read) and `records` (what a page says); knows nothing of Singer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from math import ceil

from klaviyo_client.client import KlaviyoClient
from klaviyo_client.errors import ApiError
from klaviyo_client.operations import operation
from klaviyo_client.query import Query
from klaviyo_client.wire import Answer, Page, read_page
from tap_klaviyo.lined_pages import LinedPage, key_texts
from tap_klaviyo.ordered import OrderedReader
from tap_klaviyo.page_lines import PageLines, UnreadPage
from tap_klaviyo.room import AnyPage, Room
from tap_klaviyo.scan_reading import Looking, Source, Span, span_of
from tap_klaviyo.scans import Bounds, Scan, has_bounds, scan_filter, second_of
from tap_klaviyo.windows import SHORTEST, WindowPlan

BAD_REQUEST, NOT_FOUND = 400, 404
# Pages that a window may hold: a little less than whole ones, so that its last page is nearly
# full. Few where pages are large, so that what is read ahead stays small.
MOST_PAGES = 10
SLACK = 0.1
# Twice as many pages of 1,000 events as this machine can use: some have come and wait to be looked
# into. The rate limits do not ask for more.
PAGES_A_SECOND = 200
WORTH_CUTTING = 4
# Where answers come faster, one page read ahead is as good, and takes less memory.
QUICK_ANSWER = 0.06
# Answers that take longer are the exception; more readers would only wait for the rate limit.
LONGEST_ANSWER = 0.5

# Seconds that whoever has read a page takes to ask for the next one. Who makes lines of it at once
# holds Python's lock for ten times as long: a request that is about to go out would wait for that.
SENDING = 0.0005

ScanPage = tuple[Scan, AnyPage]


class Timed:
    """Reads answers, and keeps in mind how long the latest one took."""

    def __init__(self, read: Callable[[Answer, str], AnyPage]) -> None:
        """Read with `read`."""
        self._read = read
        self.seconds = 0.0

    def __call__(self, answer: Answer, operation_id: str) -> AnyPage:
        """The page in an answer."""
        self.seconds = answer.seconds
        return self._read(answer, operation_id)


def look_now(_: int, look: Callable[[], AnyPage]) -> AnyPage:
    """The page in an answer, looked into without waiting for a turn."""
    return look()


@dataclass(frozen=True, slots=True)
class Reader:
    """How one stream is read.

    Attributes:
        client: Klaviyo.
        operation_id: What to call.
        query: Everything of the query but the filter.
        key: The field by which scans are bounded in time, or None.
        own_filter: The user's filter.
        workers: Requests under way at once.
        room: How much to read ahead.
        lines: Makes the lines of a page as soon as it comes; None where its records are needed.
        now: The start of the run; what is later is future-dated.
        missing: Told of a metric whose events Klaviyo refuses, or of a parent that is gone.
        timed: Whether every record has a time.
    """

    client: KlaviyoClient
    operation_id: str
    query: Query
    key: str | None
    own_filter: str | None
    workers: int
    room: Room
    lines: PageLines | None
    now: datetime
    missing: Callable[[str, ApiError], None]
    timed: bool = False

    def scan_pages(self, scan: Scan, looking: Looking = look_now) -> Iterator[AnyPage]:
        """The pages of one scan, one after the other, each as its lines where that is enough."""
        read = partial(self.lines.read, scan, looking) if self.lines else read_page
        return self._walked(scan, read)

    def _walked(self, scan: Scan, read: Callable[[Answer, str], AnyPage]) -> Iterator[AnyPage]:
        """The pages of one scan as `read` makes them."""
        known = operation(self.operation_id)
        text = scan_filter(known, self.key, scan, self.own_filter)
        query = replace(self.query, filter=text)
        begun = False
        try:
            for page in self._pages_of(query, scan, read):
                begun = True
                yield page
        except ApiError as error:
            # Klaviyo lists metrics whose events it refuses; and a list may go while it is read.
            first = error.status == BAD_REQUEST and not begun and not scan.window
            gone = bool(scan.columns) and error.status == NOT_FOUND
            if not gone and not (first and self._takes_all_but_metric(query, scan)):
                raise
            self.missing(scan.metric_id or ", ".join(scan.path.values()), error)

    def _takes_all_but_metric(self, query: Query, scan: Scan) -> bool:
        """Whether the metric is what Klaviyo refuses: it takes the same query without it."""
        if scan.metric_id is None:
            return False
        rest = replace(scan, metric_id=None)
        text = scan_filter(operation(self.operation_id), self.key, rest, self.own_filter)
        try:
            asked = replace(query, filter=text, page_size=1)
            next(self._pages_of(asked, rest, read_page), None)
        except ApiError:
            return False
        return True

    def _pages_of(
        self, query: Query, scan: Scan, read: Callable[[Answer, str], AnyPage]
    ) -> Iterator[AnyPage]:
        """The pages that Klaviyo answers."""
        return self.client.decoded_pages(self.operation_id, query, path=scan.path, read=read)

    def several(self, scans: Iterator[Scan], *, in_order: bool) -> Iterator[ScanPage]:
        """The pages of several scans, read at once, in the order of the scans.

        Where each scan's records come in the order of their key, long ones are cut up.
        """
        span = self._span if in_order and self._has_bounds else None
        source = Source(self.scan_pages, with_bounds, span, self.now, self.timed)
        most = max(WORTH_CUTTING, ceil(self._burst * LONGEST_ANSWER))
        return OrderedReader(source, min(self.workers, most), self.room).pages(scans)

    def one(self, scan: Scan) -> Iterator[ScanPage]:
        """The pages of one scan; a long one is cut into windows that are read at once.

        Where it is not, pages are looked into here, while the next one is fetched.
        """
        lined = partial(self.lines.lined, scan) if self.lines else as_it_is
        answered = Timed(self.lines.unread if self.lines else read_page)
        pages = self._walked(scan, answered)
        first = next(pages, None)
        if first is None:
            return
        started = self.client.clock.monotonic() - answered.seconds
        sent = first.sent_bytes if isinstance(first, UnreadPage) else 0
        if self.lines:
            first = self.lines.opened(first)
        taken = self.client.clock.monotonic() - started
        workers = self._useful_workers(taken) if taken > QUICK_ANSWER else 1
        worth = self._has_bounds and workers >= WORTH_CUTTING and first.next
        span = self._span(first) if worth else None
        if span is None or span.last >= self.now:
            yield scan, lined(first)
            yield from ((scan, lined(page)) for page in self._ahead(pages, first.size))
            return
        # Those of the first page's last second may go on: they are left to the first window.
        part = with_bounds(scan, Bounds(None, second_of(span.last)))
        reader, windows = self._windows(scan, span, workers, first, sent)
        yield from reader.pages(windows, before=((part, lined(page)) for page in (first,)))

    def _useful_workers(self, seconds: float) -> int:
        """How many readers to use where a page takes so many seconds."""
        return min(self.workers, ceil(seconds * min(self._burst, PAGES_A_SECOND)))

    @property
    def _has_bounds(self) -> bool:
        """Whether Klaviyo can be asked for the records of a window."""
        return has_bounds(operation(self.operation_id), self.key)

    @property
    def _burst(self) -> int:
        """How many requests Klaviyo takes in a second."""
        return operation(self.operation_id).rate.burst

    def _windows(
        self, scan: Scan, span: Span, workers: int, first: AnyPage, sent_bytes: int
    ) -> tuple[OrderedReader, Iterator[Scan]]:
        """What reads what lies after the first page, and the windows that it is to read.

        That page came as so many bytes, and shows how dense it is.
        """
        # About what lines take, until some have been made.
        page_bytes = first.text_bytes // 2 if self.lines else first.size
        wanted = min(MOST_PAGES, max(1, int(self.room.pages(page_bytes) / workers / 2))) - SLACK
        plan = self._plan(scan, span, wanted)
        plan.take_off_last()
        source = Source(
            self.scan_pages,
            with_bounds,
            self._span,
            expected=wanted,
            held=lambda done, text: plan.held(done.bounds, text / first.text_bytes),
            at_once=plan.at_once,
            last=window(scan, plan.last) if plan.last else None,
        )
        windows = (window(scan, one) for one in plan)
        return OrderedReader(source, workers, self.room, page_bytes, sent_bytes), windows

    def _plan(self, scan: Scan, span: Span, wanted: float) -> WindowPlan:
        """The windows behind a first page, with so many pages each."""
        end = scan.bounds.end
        return WindowPlan(
            start=second_of(span.last),
            end=min(end, self.now) if end else self.now,
            length=(span.last - span.first) * wanted,
            wanted=wanted,
            open_end=end is None or end > self.now,
            groping=span.last - span.first < SHORTEST,
        )

    def _ahead(self, pages: Iterator[AnyPage], page_bytes: int) -> Iterator[AnyPage]:
        """The pages of one walk, each fetched while the one before it is being used."""
        source = Source(lambda _, __: pages, with_bounds)
        reader = OrderedReader(source, 1, self.room, page_bytes)
        for _, page in reader.pages([Scan()]):
            self.client.clock.sleep(SENDING)
            yield page

    def _span(self, page: AnyPage) -> Span | None:
        """The times of a page's first and last record; None where they cannot be relied on."""
        if self.key is None:
            return None
        if isinstance(page, LinedPage):
            return page.span
        if self.lines:
            return self.lines.span(page)
        return span_of(key_texts(page, self.key)) if isinstance(page, Page) else None


def as_it_is(page: AnyPage) -> AnyPage:
    """A page itself, where no lines are made of it."""
    return page


def window(scan: Scan, bounds: Bounds) -> Scan:
    """A window of a scan, which ends where the scan does if nothing else is said."""
    return with_bounds(scan, Bounds(bounds.start, bounds.end or scan.bounds.end))


def with_bounds(scan: Scan, bounds: Bounds) -> Scan:
    """A part of a scan, whose bounds have to be kept exactly."""
    return replace(scan, bounds=bounds, window=True)
