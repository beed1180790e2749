"""Cutting a span of time into half-open windows that hold about as much each; pure.

Events cluster: the last hour may hold more than a whole year before. So each window's length
follows from how many records the windows before it held.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from tap_klaviyo.scans import Bounds

SHORTEST = timedelta(seconds=1)
# How much longer than the window before it a window may be: empty years are crossed in a few.
GROWTH = 8
# Where there are no more windows, the last one is soon asked for anyway.
FEW = 5
# Windows that are read at once while it is open how long they should be: empty ones are wasted.
CAUTIOUS = 4


@dataclass(slots=True)
class WindowPlan:
    """Windows from `start` to `end`, then what lies after; told what they held, it adapts.

    Attributes:
        start: Where the next window begins.
        end: Where the last window ends whose length adapts.
        length: How long the next window is.
        wanted: Pages that a window should hold.
        open_end: Whether a window without upper bound follows (future-dated records).
        groping: Whether the latest window held next to nothing, so that the next length is a guess.
        last: The last closed window, if it was taken off.
    """

    start: datetime
    end: datetime
    length: timedelta
    wanted: float
    open_end: bool
    groping: bool = False
    last: Bounds | None = None

    def __iter__(self) -> Iterator[Bounds]:
        """Every window, each cut when it is asked for."""
        while self.start < self.end:
            start = self.start
            length = min(max(self.length, SHORTEST), self.end - start)
            self.start = min(self.end, whole_second(start + length))
            yield Bounds(start, self.start)
        if self.last:
            yield self.last
        if self.open_end:
            closed = self.last.end if self.last else None
            yield Bounds(closed or max(self.start, self.end), None)

    def take_off_last(self) -> None:
        """Fix the last closed window, if there are more than a few.

        Who reads it before its turn knows early whether the last days are far denser.
        """
        length = max(self.length, SHORTEST)
        if self.groping or self.end - self.start < FEW * length:
            return
        start = whole_second(self.end - length)
        self.last = Bounds(start, self.end)
        self.end = start

    def held(self, bounds: Bounds, pages: float) -> None:
        """Learn how many pages a window held, counting parts of pages."""
        if bounds.start is None or bounds.end is None or bounds.end > self.end:
            return
        growth = min(GROWTH, self.wanted / pages) if pages else GROWTH
        self.length = max(SHORTEST, (bounds.end - bounds.start) * growth)
        self.groping = growth == GROWTH

    def at_once(self) -> int | None:
        """How many windows may be read at once; None for any number."""
        return CAUTIOUS if self.groping else None


def page_time(first: datetime, late: datetime, last: datetime) -> timedelta:
    """How long a page covers that lies behind one whose last quarter begins at `late`.

    That quarter tells where it is far denser than the others: events come in bursts.
    """
    whole, end = last - first, (last - late) * 4
    return end if SHORTEST <= end < whole / 2 else whole


def whole_second(moment: datetime) -> datetime:
    """The first whole second that is not before a moment: Klaviyo compares no finer."""
    floor = moment.replace(microsecond=0)
    return floor if floor == moment else floor + SHORTEST


def cuts(latest: datetime, end: datetime, step: timedelta, most: int) -> list[datetime]:
    """Where to cut what lies between `latest` and `end` into parts as long as `step`.

    At most `most` cuts; the last part takes the rest, however long that is.
    """
    if end <= latest:
        return []
    # No longer than what there is: from the first years on, a step may lead beyond the last one.
    length = min(max(step, SHORTEST), end - latest)
    count = min(most, ceil((end - latest) / length))
    points = (whole_second(latest + length * part) for part in range(1, count + 1))
    return [point for point in points if point < end]
