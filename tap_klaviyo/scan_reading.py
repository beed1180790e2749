"""What an ordered read knows of its scans, and of where they come from."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from tap_klaviyo.room import AnyPage
from tap_klaviyo.scans import Bounds, Scan
from tap_klaviyo.windows import SHORTEST, cuts

# The parts of a scan that is cut up hold a little less than a page each, so that one request
# reads them: a part whose second page is missing would keep all those behind it waiting.
PART_PAGES = 0.9
# Into how many parts a scan is cut first, if no more readers are idle. What is left after them,
# and proves long again, is cut into twice as many: where nothing is left, little has been asked
# for in vain.
FIRST_PARTS = 16


Span = tuple[datetime, datetime]


@dataclass(slots=True)
class Reading:
    """One scan that is being read, or waits for a reader.

    `latest` is the span of its last page so far; None where nothing has come, nothing more
    will, or the order cannot be relied on. `waits` is whether it waits for room, and
    `reserved` how much it has for the page that it is reading, in bytes. `cuts` counts how often
    what came before it has been cut up; `whole` is whether it is still as long as it was planned.
    """

    scan: Scan
    begun: bool = True
    pages: deque[AnyPage] = field(default_factory=deque)
    size: int = 0
    latest: Span | None = None
    waits: bool = False
    reserved: int = 0
    cuts: int = 0
    whole: bool = True
    done: bool = False
    error: BaseException | None = None

    def cut_points(self, most: int, until: datetime | None, idle: int = 0) -> list[datetime]:
        """Where others may take over, up to `until` where the scan has no end.

        At most `most` points, and enough for `idle` readers who have nothing else to do.

        None where that is not worth while.
        """
        end = self.scan.bounds.end or until
        if self.done or self.latest is None or end is None:
            return []
        # Without a lower bound, records that have no time belong to the scan too.
        if self.scan.bounds.start is None:
            return []
        first, last = self.latest
        # Records of one second say nothing of how dense the others lie.
        if last - first < SHORTEST:
            return []
        parts = max(idle, FIRST_PARTS << self.cuts)
        return cuts(last, end, (last - first) * PART_PAGES, min(most, parts))


@dataclass(frozen=True, slots=True)
class Source:
    """What an ordered read needs to know of the stream.

    Attributes:
        pages: Reads the pages of a scan.
        part: A scan with other time bounds.
        span: The times of a page's first and last record, or None where the page is out of
            order; set only where scans can be cut by time.
        until: Up to where scans without an end can be cut.
        held: Told how many bytes a finished scan had that was not cut up.
        at_once: How many scans may be read at once now; None for any number.
    """

    pages: Callable[[Scan], Iterator[AnyPage]]
    part: Callable[[Scan, Bounds], Scan]
    span: Callable[[AnyPage], Span | None] | None = None
    until: datetime | None = None
    held: Callable[[Scan, int], None] = lambda scan, size: None  # noqa: ARG005
    at_once: Callable[[], int | None] = lambda: None
