"""How far a run is: counters that the streams keep, and what can be told from them.

A stream's thread adds to its counters once a page; another thread looks at them now and then.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import chain

from klaviyo_client.clock import Clock
from tap_klaviyo.scans import Bounds
from tap_klaviyo.times import parse_time

DONE, ENDED_EARLY, SKIPPED, INTERRUPTED = "done", "ended early", "skipped", "interrupted"
# A shorter wait is not worth telling.
LEAST_WAIT = 0.5


@dataclass(slots=True)
class StreamProgress:
    """What one stream tells of itself; written by its own thread only.

    Attributes:
        name: The stream's.
        operations: Ids of what it asks Klaviyo for.
        records: How many it has emitted.
        first: What its first record says in the replication key.
        last: What its last one says.
        bounds: Between which times its records come, one after the other; None where they come
            in another order.
        running: Whether it is being read.
        outcome: How it ended.
    """

    name: str
    operations: tuple[str, ...]
    records: int = 0
    first: str | None = None
    last: str | None = None
    bounds: Bounds | None = None
    running: bool = False
    outcome: str | None = None

    def emitted(self, count: int, keys: Sequence[str | None]) -> None:
        """Take note of emitted records and what they say in the replication key."""
        self.records += count
        if keys:
            self.last = keys[-1] or self.last
            self.first = self.first or keys[0]

    @contextmanager
    def reading(self) -> Iterator[None]:
        """The stream is read inside of this."""
        self.running = True
        try:
            yield
        except BaseException:
            self.outcome = ENDED_EARLY
            raise
        finally:
            self.outcome = self.outcome or DONE
            self.running = False


@dataclass(frozen=True, slots=True)
class Facts:
    """What there is to tell of a stream.

    Attributes:
        name: The stream's.
        records: How many have been emitted.
        rate: Records a second of late; on the whole where the stream has ended.
        position: The time of the last record.
        share: How much of the stream is done, up to 1, where that can be known.
        waits: For how many seconds it waits for a rate limit.
        seconds: For how long it has been read.
        outcome: How it ended; None while it is read.
    """

    name: str
    records: int = 0
    rate: float = 0.0
    position: datetime | None = None
    share: float | None = None
    waits: float = 0.0
    seconds: float = 0.0
    outcome: str | None = None


class Watch:
    """Looks at the counters of a run's streams."""

    def __init__(
        self,
        streams: Sequence[StreamProgress],
        waiting: Callable[[], Mapping[str, float]],
        clock: Clock,
        looks: int,
    ) -> None:
        """Watch `streams` from now on; the rate is that since `looks` looks ago."""
        self._streams = streams
        self._waiting = waiting
        self._clock = clock
        self._started = dict.fromkeys((one.name for one in streams), clock.monotonic())
        self._samples = {name: deque([(now, 0)], looks) for name, now in self._started.items()}
        self._told: set[str] = set()

    def look(self) -> list[Facts]:
        """The facts of streams that are read, and for one time those of streams that ended."""
        now, waiting = self._clock.monotonic(), self._waiting()
        found = []
        for one in self._streams:
            running, outcome = one.running, one.outcome
            if (outcome and one.name not in self._told) or running:
                found.append(self._facts(one, None if running else outcome, now, waiting))
            if outcome and not running:
                self._told.add(one.name)
            if not outcome and not running:  # it waits for those of an earlier stage
                self._started[one.name] = now
                self._samples[one.name][-1] = (now, 0)
        return found

    def _facts(
        self, one: StreamProgress, outcome: str | None, now: float, waiting: Mapping[str, float]
    ) -> Facts:
        """The facts of one stream."""
        records, position = one.records, moment(one.last)
        samples = self._samples[one.name]
        then, before = (self._started[one.name], 0) if outcome else samples[0]
        samples.append((now, records))
        known = not outcome and one.bounds is not None
        return Facts(
            name=one.name,
            records=records,
            rate=(records - before) / (now - then) if now > then else 0.0,
            position=position,
            share=share_done(one.bounds, moment(one.first), position) if known else None,
            waits=0.0 if outcome else max(waiting.get(name, 0.0) for name in one.operations),
            seconds=now - self._started[one.name],
            outcome=outcome,
        )


def moment(key: str | None) -> datetime | None:
    """The time in a replication key; None where it is none."""
    try:
        return parse_time(key) if key else None
    except ValueError:
        return None


def within_run(bounds: Bounds, run: datetime) -> Bounds:
    """The bounds of a run that began at `run`: what comes after is future-dated."""
    return Bounds(bounds.start, min(bounds.end or run, run))


def share_done(
    bounds: Bounds | None, first: datetime | None, position: datetime | None
) -> float | None:
    """How much of the time between its bounds a stream has behind it, from 0 to 1.

    A stream without start begins at its first record; without end it has no share.
    """
    start, end = (bounds.start or first, bounds.end) if bounds else (None, None)
    if start is None or end is None or position is None or end <= start:
        return None
    return min(max((position - start) / (end - start), 0.0), 1.0)


def sentence(facts: Facts) -> str:
    """The facts of a stream that is being read, for the log."""
    parts = [f"{facts.records:,} records", f"{facts.rate:,.0f} a second"]
    if facts.position:
        parts.append(f"at {facts.position:%Y-%m-%d %H:%M:%S} UTC")
    if facts.share is not None:
        parts.append(f"{percent(facts.share)} done")
    if facts.waits >= LEAST_WAIT:
        parts.append(f"waits {facts.waits:,.0f} s for the rate limit")
    return f"Stream {facts.name}: {', '.join(parts)}"


def heading(name_width: int) -> str:
    """What stands above the lines of the display."""
    names = f"{'stream':<{name_width}} {'records':>12} {'a second':>9}"
    return f"{names}  {'position (UTC)':<19}  {'done':>5}"


def line(facts: Facts, name_width: int) -> str:
    """A stream's line in the display."""
    name = facts.name
    name = name if len(name) <= name_width else name[: name_width - 1] + "…"
    position = f"{facts.position:%Y-%m-%d %H:%M:%S}" if facts.position else ""
    share = percent(facts.share) if facts.share is not None else ""
    waits = f"waits {facts.waits:,.0f} s" if facts.waits >= LEAST_WAIT else ""
    note = f"{facts.outcome}, {facts.seconds:,.0f} s" if facts.outcome else f"{share:>5}  {waits}"
    numbers = f"{facts.records:>12,} {facts.rate:>9,.0f}"
    return f"{name:<{name_width}} {numbers}  {position:<19}  {note}".rstrip()


def percent(share: float) -> str:
    """A share in words; all of it only where all is done."""
    return f"{int(share * 100)} %"


def picture(facts: Sequence[Facts], name_width: int, rows: int) -> list[str]:
    """The display's lines: a blank one, a heading, and the streams, as far as `rows` allow.

    Those with the most records come first where not all fit.
    """
    if not facts or rows < len(("blank", "heading", "stream")):
        return [""]
    shown = list(facts)
    more = len(facts) - (rows - 2)
    if more > 0:
        busiest = sorted(facts, key=lambda one: -one.records)[: rows - 3]
        shown = [one for one in facts if one in busiest]
    lines = (line(one, name_width) for one in shown)
    rest = [f"and {len(facts) - len(shown)} more"] if more > 0 else []
    return list(chain(["", heading(name_width)], lines, rest))
