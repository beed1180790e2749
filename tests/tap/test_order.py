"""What is read next, on a clock of round trips: every request that is under way takes one."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tap_klaviyo.lengths import OUTGROWN, Lengths
from tap_klaviyo.order import Order
from tap_klaviyo.reading import look_now
from tap_klaviyo.room import AnyPage, OwnRoom, Room
from tap_klaviyo.scan_reading import Looking, Reading, Source, Span
from tap_klaviyo.scans import Bounds, Scan
from tap_klaviyo.windows import page_time

START = datetime(2026, 1, 1, tzinfo=timezone.utc)
RECORDS = 8
ROOM = 24
# How many times as long a page is as the answer that it came in.
COMPRESSED = 4
# No read of a test takes so many round trips.
ENDLESS = 10_000


@dataclass(frozen=True)
class EventsPage:
    """A page that weighs as much as it holds records."""

    seconds: list[int]
    next: str | None

    @property
    def size(self) -> int:
        return len(self.seconds)

    @property
    def text_bytes(self) -> int:
        return len(self.seconds)


def at(seconds: int) -> datetime:
    return START + timedelta(seconds=seconds)


def span(page: AnyPage) -> Span:
    assert isinstance(page, EventsPage)
    times = [at(one) for one in page.seconds]
    return Span(times[0], times[-1], page_time(times[0], times[len(times) * 3 // 4], times[-1]))


class Walk:
    """A read of events, given as seconds, in windows; all is asked at once that can be."""

    def __init__(
        self, events: list[int], edges: list[int], workers: int, room: int, *, early: bool = False
    ) -> None:
        self.events = sorted(events)
        scans = [Scan(Bounds(at(a), at(b)), window=True) for a, b in pairwise(edges)]
        self.source = Source(self.pages, self.part, span, last=scans[-1] if early else None)
        self.room = Room(room * RECORDS)
        self.order = Order(self.source, workers, OwnRoom(self.room, RECORDS))
        self.workers = workers
        self.scans = iter(scans)
        self.under_way: list[Reading] = []
        self.answered: dict[Reading, tuple[AnyPage | None, Span | None]] = {}
        self.asked = self.round_trips = 0
        self.found: list[int] = []

    @staticmethod
    def part(scan: Scan, bounds: Bounds) -> Scan:
        return replace(scan, bounds=bounds, window=True)

    def pages(self, scan: Scan, _: Looking = look_now) -> Iterator[EventsPage]:
        start, end = scan.bounds.start, scan.bounds.end
        assert start is not None
        assert end is not None
        first, behind = (bisect_left(self.events, one, key=at) for one in (start, end))
        found = self.events[first:behind]
        for place in range(0, max(1, len(found)), RECORDS):
            more = place + RECORDS < len(found)
            yield EventsPage(found[place : place + RECORDS], "next" if more else None)

    def ask(self) -> None:
        while len(self.under_way) < self.workers:
            reading = self.order.choose()
            if reading:
                self.under_way.append(reading)
            elif self.order.may_begin():
                scan = next(self.scans, None)
                self.order.exhausted = scan is None
                if scan:
                    self.order.begin(scan)
            else:
                return

    def answer(self) -> None:
        for reading in self.under_way:
            page, _ = self.answered[reading] = reading.read(look_now)
            self.asked += 1
            self.order.came(reading, page.size // COMPRESSED if page else 0)
        self.under_way = []

    def look(self) -> None:
        while reading := self.order.choose_answer():
            page, latest = self.answered.pop(reading)
            self.order.release(reading)
            self.order.put(reading, page, latest)

    def take(self, most: int) -> None:
        while self.order.is_due and (head := self.order.head):
            if not head.pages:
                self.order.leave()
            elif most:
                most -= 1
                page = self.order.take()
                assert isinstance(page, EventsPage)
                holds = head.scan.holds
                self.found += [one for one in page.seconds if holds(at(one).isoformat())]
            else:
                return

    def to_the_end(self, taken_a_trip: int = ROOM) -> None:
        """Read everything; so many pages are taken in the time of a round trip."""
        while not self.order.is_due or self.order.head:
            self.ask()
            self.answer()
            self.round_trips += 1
            assert self.round_trips < ENDLESS
            for _ in range(taken_a_trip):
                self.look()
                self.take(1)


@pytest.mark.parametrize("window", [True, False])
def test_a_scan_that_is_forgotten_and_then_cut_up_keeps_its_lower_bound(window: bool) -> None:
    """Klaviyo would answer everything from the first record on, for which others came long ago."""
    walk = Walk([*range(0, 2_000, 10)], [0], workers=1, room=ROOM)
    whole = Scan(Bounds(at(1_000) + timedelta(milliseconds=500), at(2_000)), window=window)
    reading = Reading(whole, walk.source)
    reading.put(*reading.read(look_now))
    reading.forget()
    assert reading.cut_up(most=4, pages=1)
    page, _ = reading.read(look_now)
    assert isinstance(page, EventsPage)
    assert at(page.seconds[0]) >= at(1_000)
    # Records of the bound's own second come however the scan is read.
    assert reading.scan.holds(at(1_000).isoformat()) is not window


def test_only_a_scan_of_which_nothing_was_taken_may_be_forgotten() -> None:
    """Else what was taken would come twice, or what is being read would come first."""
    walk = Walk([*range(0, 2_000, 10)], [0], workers=1, room=ROOM)
    reading = Reading(Scan(Bounds(at(0), at(2_000)), window=True), walk.source)
    assert not reading.may_be_forgotten
    reading.put(*reading.read(look_now))
    assert reading.may_be_forgotten
    reading.reserved = RECORDS
    assert not reading.may_be_forgotten, "its second page is being read"
    reading.reserved = None
    reading.put(*reading.read(look_now))
    reading.held -= reading.pages.popleft().size
    assert not reading.may_be_forgotten, "its first page was taken"


# An order an hour for six weeks, and then one every few seconds.
HOUR = 3_600
QUIET = list(range(0, 1_000 * HOUR, HOUR))


@pytest.mark.parametrize("apart", [5, 60, 600])
@pytest.mark.parametrize("begun", [0, 3, 6])
def test_a_jump_in_density_leaves_nobody_idle_for_long(apart: int, begun: int) -> None:
    """Windows are as long as fits what came before: after the jump they hold hundreds of pages."""
    jump = QUIET[-1] + 1
    rush = range(jump, jump + 8_000 * apart, apart)
    edges = [*range(begun * HOUR, rush[-1], RECORDS * HOUR), rush[-1] + 1]
    walk = Walk([*QUIET[begun:], *rush], edges, workers=2 * ROOM, room=ROOM)
    walk.to_the_end()
    assert walk.found == walk.events
    pages = len(walk.events) / RECORDS
    assert walk.round_trips < 2 * pages / ROOM
    assert walk.asked < 1.4 * pages


@pytest.mark.parametrize("held", [12, 20, 76])
def test_gaps_between_bursts_cost_few_requests(held: int) -> None:
    """Lists that are filled by imports: after each, nothing comes for as long as thousands took."""
    events = [burst * 100_000 + each for burst in range(100) for each in range(held)]
    walk = Walk(events, [0, 10_000_000], workers=2 * ROOM, room=4 * ROOM)
    walk.to_the_end()
    assert walk.found == events
    assert walk.asked < 2 * len(events) / RECORDS


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 100_000), st.integers(0, 40), st.integers(1, 900))),
    st.lists(st.integers(1, 150_000), max_size=6, unique=True),
    st.integers(1, 12),
    st.tuples(st.integers(0, 30), st.integers(1, 20)),
    st.booleans(),
)
def test_bursts_are_read_whole_and_in_order_in_whatever_room(
    bursts: list[tuple[int, int, int]],
    edges: list[int],
    workers: int,
    limits: tuple[int, int],
    early: bool,
) -> None:
    room, taken = limits
    events = [first + each * apart for first, count, apart in bursts for each in range(count)]
    walk = Walk(events, [0, *sorted(edges), 200_000], workers, room, early=early)
    walk.to_the_end(taken)
    assert walk.found == walk.events
    assert walk.room.fits(0, room * RECORDS), "all room has been given back"
    assert not walk.room.fits(0, room * RECORDS + 1), "and not more"


def test_what_nobody_takes_fills_no_more_than_the_room() -> None:
    """A loader that stands still stops the readers; one page always finds room."""
    walk = Walk(list(range(0, 100_000, 5)), [*range(0, 100_000, 200), 100_000], 48, ROOM)
    for _ in range(100):
        walk.ask()
        assert walk.room.fits(0, -RECORDS), "at most the page that is due does not fit"
        walk.answer()
    assert walk.room.fits(0, 1 - RECORDS)


def test_scans_beyond_reach_are_not_begun() -> None:
    """What is known to be left of the first two fills the room many times."""
    walk = Walk(list(range(0, 100_000, 5)), list(range(0, 100_001, 20_000)), 2, ROOM)
    for _ in range(ROOM):
        walk.ask()
        walk.answer()
    assert sum(1 for _ in walk.scans) == 3, "nobody has looked for them"


@pytest.mark.parametrize("at_once", [1, 3])
def test_no_more_scans_are_begun_than_may_be_read_at_once(at_once: int) -> None:
    walk = Walk([], list(range(0, 1_000, 100)), 8, ROOM)
    walk.order = Order(
        replace(walk.source, at_once=lambda: at_once), 8, OwnRoom(walk.room, RECORDS)
    )
    walk.ask()
    assert len(walk.under_way) == at_once


def test_what_a_scan_held_is_told_where_it_was_read_whole() -> None:
    """How long the next windows are follows from it: parts would make them ever shorter."""
    told: list[tuple[datetime | None, int]] = []
    walk = Walk([*range(0, 1_000, 5), 1_200, 1_300], [0, 1_000, 2_000, 3_000], 8, ROOM)
    walk.source = replace(
        walk.source, held=lambda scan, size: told.append((scan.bounds.start, size))
    )
    walk.order = Order(walk.source, 8, OwnRoom(walk.room, RECORDS))
    walk.to_the_end()
    assert told == [(at(1_000), 2), (at(2_000), 0)]


class SiftedPage:
    """A page of which little was left."""

    size, text_bytes, next = 1, 50, None


def test_what_a_scan_held_is_told_as_what_came_and_not_as_what_was_left() -> None:
    """Else windows with events of excluded metrics would make the others too short or too long."""
    told: list[int] = []
    source = Source(
        lambda _, __: iter([SiftedPage()]), Walk.part, held=lambda _, text: told.append(text)
    )
    order = Order(source, 1, OwnRoom(Room(1_000), 10))
    order.begin(Scan())
    reading = order.choose()
    assert reading
    order.put(reading, *reading.read(look_now))
    assert told == [50]


def order_of(scans: int, room: int = 1_000) -> tuple[Order, list[Reading]]:
    """Scans whose first pages, of 10 bytes, are under way."""
    order = Order(Source(lambda _, __: iter(()), Walk.part, span), scans, OwnRoom(Room(room), 10))
    for _ in range(scans):
        order.begin(Scan())
    readings = [one for one in (order.choose() for _ in range(scans)) if one]
    assert len(readings) == scans
    return order, readings


def test_the_answer_that_is_due_is_looked_into_first_then_full_ones_then_the_nearest() -> None:
    """Others may follow a full page: the sooner that is known, the sooner they come."""
    order, readings = order_of(4)
    for place, size in [(3, 8), (2, 6), (1, 6), (0, 6)]:
        order.came(readings[place], size)
    looked = [order.choose_answer() for _ in range(5)]
    assert looked == [readings[0], readings[3], readings[1], readings[2], None]


def test_what_is_behind_the_parts_of_a_cut_is_looked_into_before_its_turn() -> None:
    """How dense it is decides on the next parts; a burst is shorter or longer than it seemed."""
    walk = Walk(list(range(2_000)), [0, 4_000], workers=16, room=200)
    while not any(one.decides for one in walk.under_way):
        walk.answer()
        walk.look()
        walk.ask()
    rest = next(one for one in walk.under_way if one.decides)
    for reading in walk.under_way:
        walk.order.came(reading, 1)
    assert walk.order.choose_answer() is walk.order.head
    assert walk.order.choose_answer() is rest


def test_what_is_far_waits_as_it_came() -> None:
    """What is looked into takes more room, which what is nearer will need."""
    order, readings = order_of(20, room=270)
    for reading in readings[1:]:
        reading.left = 4.0
        order.came(reading, 1)
    order.came(readings[0], 2)
    looked = [one for one in (order.choose_answer() for _ in range(20)) if one]
    assert looked == readings[:8], "the one that is due, and those within reach of 27 pages"


@pytest.mark.parametrize("bursts", [1, 8])
def test_bursts_in_the_middle_keep_the_pool_busy(bursts: int) -> None:
    """A campaign sends to everybody within minutes; before and after it, little happens."""
    quiet = range(0, 800 * HOUR, HOUR)
    apart = 800 * HOUR // (bursts + 1)
    rush = [apart * (k + 1) + each for k in range(bursts) for each in range(800 // bursts)]
    edges = [*range(0, 800 * HOUR, RECORDS * HOUR), 800 * HOUR]
    walk = Walk([*quiet, *rush], edges, workers=2 * ROOM, room=ROOM)
    walk.to_the_end()
    assert walk.found == walk.events
    pages = len(walk.events) / RECORDS
    assert walk.round_trips < pages / ROOM + 2 * (1 + bursts)
    assert walk.asked < 2 * pages


# As with the default settings: so many requests, looked into pages in the room, pages in a trip.
REQUESTS, PAGES, TAKEN = 64, 53, 45


@pytest.mark.parametrize(("bursts", "most"), [(8, 18), (32, 28)])
def test_several_bursts_are_not_waited_for_one_by_one(bursts: int, most: int) -> None:
    """One that might go on for long put what lies behind it out of reach: 24 and 35 round trips."""
    apart = 800 * HOUR // (bursts + 1)
    rush = [apart * (k + 1) + each for k in range(bursts) for each in range(800 // bursts)]
    edges = [*range(0, 800 * HOUR, RECORDS * HOUR), 800 * HOUR]
    walk = Walk([*range(0, 800 * HOUR, HOUR), *rush], edges, REQUESTS, PAGES)
    walk.to_the_end(TAKEN)
    assert walk.found == walk.events
    assert walk.round_trips < most
    assert walk.asked < 2 * len(walk.events) / RECORDS


def test_a_burst_at_the_end_is_known_before_it_is_due() -> None:
    """The last days are often by far the densest."""
    rush = range(1_600 * HOUR - 900, 1_600 * HOUR)
    edges = [*range(0, 1_600 * HOUR, RECORDS * HOUR), 1_600 * HOUR]
    trips = []
    for early in (False, True):
        events = [*range(0, 1_600 * HOUR, HOUR), *rush]
        walk = Walk(events, edges, REQUESTS, PAGES, early=early)
        walk.to_the_end(TAKEN)
        assert walk.found == walk.events
        trips.append(walk.round_trips)
    assert trips[1] < trips[0]


def test_what_is_due_is_asked_for_before_what_is_read_early() -> None:
    walk = Walk(list(range(0, 8_000, 5)), [0, 4_000, 6_000, 8_000], 3, PAGES, early=True)
    walk.ask()
    assert [one.scan.bounds.start for one in walk.under_way] == [at(0), at(6_000), at(4_000)]


def test_nothing_is_read_early_where_only_so_many_may_be_read_at_once() -> None:
    walk = Walk([], list(range(0, 1_000, 100)), 8, PAGES, early=True)
    source = replace(walk.source, at_once=lambda: 3)
    walk.order = Order(source, 8, OwnRoom(walk.room, RECORDS))
    walk.ask()
    assert [one.scan.bounds.start for one in walk.under_way] == [at(0), at(100), at(200)]


def test_what_was_read_early_gives_its_room_back_with_the_rest() -> None:
    walk = Walk(list(range(0, 8_000, 5)), [0, 4_000, 8_000], 2, PAGES, early=True)
    walk.ask()
    walk.answer()
    walk.look()
    walk.order.give_back()
    assert walk.room.fits(0, PAGES * RECORDS)
    assert not walk.room.fits(0, PAGES * RECORDS + 1)


@pytest.mark.parametrize("hour", [126.737, 127.5, 150.8])
def test_a_burst_that_is_found_late_finds_room(hour: float) -> None:
    """What had been read behind it left none: its pages came one by one, in up to 96 trips."""
    rush = [int(hour * HOUR) + 5 * each for each in range(91 * RECORDS)]
    edges = [*range(0, 1_600 * HOUR, RECORDS * HOUR), 1_600 * HOUR]
    walk = Walk([*range(0, 1_600 * HOUR, HOUR), *rush], edges, REQUESTS, PAGES)
    walk.to_the_end(TAKEN)
    assert walk.found == walk.events
    assert walk.round_trips < 16


def test_what_is_far_and_has_been_read_whole_makes_room_for_what_is_next() -> None:
    """It is read again: else a burst between others comes page after page, in 46 round trips."""
    rushes = [(221.1, 120, 1), (598.2, 80, 5), (1183.3, 120, 5)]
    rush = [
        int(hour * HOUR) + apart * each
        for hour, pages, apart in rushes
        for each in range(pages * RECORDS)
    ]
    edges = [*range(0, 1_600 * HOUR, RECORDS * HOUR), 1_600 * HOUR]
    walk = Walk([*range(0, 1_600 * HOUR, HOUR), *rush], edges, REQUESTS, PAGES, early=True)
    told: list[datetime | None] = []
    source = replace(walk.source, held=lambda scan, _: told.append(scan.bounds.start))
    walk.order = Order(source, REQUESTS, OwnRoom(walk.room, RECORDS))
    walk.to_the_end(TAKEN)
    assert walk.found == walk.events
    assert len(told) == len(set(told)), "what is read again says how long it is only once"
    assert walk.round_trips < 40
    assert walk.asked < 1.4 * len(walk.events) / RECORDS


def test_of_what_has_been_read_whole_only_what_nobody_took_may_be_forgotten() -> None:
    walk = Walk(list(range(0, 100, 5)), [0, 100], workers=1, room=ROOM)
    reading = Reading(next(walk.scans), walk.source)
    for _ in range(3):
        reading.put(*reading.read(look_now))
    assert reading.done
    assert reading.may_be_forgotten
    reading.error = OSError()
    assert not reading.may_be_forgotten, "it is to be told at its place"
    reading.error = None
    reading.pages.popleft()
    assert not reading.may_be_forgotten


def test_what_is_to_be_read_again_is_as_long_as_it_was() -> None:
    walk = Walk(list(range(0, 100, 5)), [0, 100], workers=1, room=ROOM)
    reading = Reading(next(walk.scans), walk.source)
    for _ in range(3):
        reading.put(*reading.read(look_now))
    reading.forget()
    assert not reading.done
    assert reading.left == 3
    for _ in range(3):
        reading.put(*reading.read(look_now))
    pages = [one for one in reading.pages if isinstance(one, EventsPage)]
    assert [second for one in pages for second in one.seconds] == walk.events


def test_a_full_answer_is_known_by_those_that_others_followed() -> None:
    """Windows hold nearly a page: of the longest that came, each would seem to be full."""
    room = OwnRoom(Room(1_000), 10, 100)
    room.answer_came(90)
    room.page_came(EventsPage([0] * 9, None), 90)
    assert not room.may_be_full(90)
    assert room.may_be_full(98)
    room.page_came(EventsPage([0] * 10, "next"), 60)
    assert room.may_be_full(90), "records have become shorter"
    room.page_came(EventsPage([0] * 9, None), 120)
    assert not room.may_be_full(115), "and longer"


def test_the_longest_answer_may_be_full_where_nobody_knows() -> None:
    room = OwnRoom(Room(1_000), 10)
    room.answer_came(50)
    room.page_came(EventsPage([0] * 5, None), 50)
    assert room.may_be_full(50)
    assert not room.may_be_full(45)


@pytest.mark.parametrize("early", [False, True])
@pytest.mark.parametrize(("room", "most"), [(2, 80), (4, 45), (12, 25)])
def test_in_a_small_room_nothing_that_may_be_far_is_read(room: int, most: int, early: bool) -> None:
    """It would take most of the room for long: 281 round trips where there is room for 2 pages."""
    walk = Walk(list(range(4_000)), [0, 2_000, 4_000], REQUESTS, room, early=early)
    walk.to_the_end(TAKEN)
    assert walk.found == walk.events
    assert walk.round_trips < most


def crowded(taken: int) -> Room:
    """A room of which others use so much, and of which no reader's own share holds a page."""
    crowd = Room(25 * RECORDS)
    crowd.enter(8)
    crowd.use(taken)
    return crowd


def test_what_is_behind_a_cut_takes_no_room_from_what_is_nearer() -> None:
    """It is begun first only where there is room for it; else the nearest part is."""
    walk = Walk(list(range(0, 100_000, 5)), [0, 100_000], workers=4, room=0)
    walk.room = crowded(110)
    walk.order = Order(walk.source, 4, OwnRoom(walk.room, RECORDS))
    walk.ask()
    walk.answer()
    walk.look()
    walk.ask()
    head, part = walk.under_way
    assert part.scan.bounds.start == head.scan.bounds.end


def test_no_scan_is_begun_that_would_take_the_room_of_the_nearest() -> None:
    """While one may be begun nothing is cut up, however long the one that is due turns out."""
    began = []
    for taken in (90, 110):
        order = Order(
            Source(lambda _, __: iter(()), Walk.part, span), 2, OwnRoom(crowded(taken), RECORDS)
        )
        order.begin(Scan())
        assert order.choose()
        began.append(order.may_begin())
    assert began == [True, False]


def test_a_page_is_forgotten_only_where_that_makes_room_enough() -> None:
    """It would be read again, and nothing be gained."""
    walk = Walk(list(range(0, 200_000, 5)), [0, 100_000, 200_000], workers=4, room=0)
    walk.room = crowded(0)
    walk.order = Order(walk.source, 4, OwnRoom(walk.room, RECORDS))
    walk.ask()
    _, far = walk.under_way
    walk.answer()
    walk.look()
    walk.room.use(1_000)
    walk.ask()
    assert far.may_be_forgotten


def test_a_share_of_the_room_stays_a_readers_own() -> None:
    """What all others leave is no concern of it."""
    shared = Room(800)
    shared.enter(2)
    shared.use(700)
    assert shared.fits(50, 50, left=100)
    assert not shared.fits(50, 51, left=100)


def test_a_scan_whose_pages_are_misplaced_is_not_cut_up() -> None:
    """It would end at the first record behind the cut, with others still to come before it."""
    seconds = [*range(0, 80, 10), *range(500, 580, 10), *range(80, 500, 10), *range(580, 2_000, 10)]

    def pages(scan: Scan, _: Looking) -> Iterator[EventsPage]:
        held = [one for one in seconds if scan.holds(at(one).isoformat())]
        for place in range(0, max(1, len(held)), RECORDS):
            more = place + RECORDS < len(held)
            yield EventsPage(held[place : place + RECORDS], "next" if more else None)

    reading = Reading(Scan(Bounds(at(0), at(2_000)), window=True), Source(pages, Walk.part, span))
    for _ in range(3):
        reading.put(*reading.read(look_now))
    assert reading.cut_up(8, 1) == []
    reading.put(*reading.read(look_now))
    assert reading.cut_up(8, 1) == [], "one was enough"


@pytest.mark.parametrize("timed", [True, False])
def test_without_a_lower_bound_only_what_always_has_a_time_is_cut_up(timed: bool) -> None:
    """Klaviyo finds what has no time by no bound."""
    seconds = [*range(0, 2_000, 10)]
    source = Source(lambda _, __: iter([EventsPage(seconds[:RECORDS], "next")]), Walk.part, span)
    reading = Reading(Scan(Bounds(None, at(2_000))), replace(source, timed=timed))
    reading.put(*reading.read(look_now))
    parts = reading.cut_up(8, 1)
    assert bool(parts) is timed
    if timed:
        assert reading.scan.bounds == Bounds(None, parts[0].scan.bounds.start)


class Lists(Walk):
    """A read of lists of so many pages each, whose members all joined in the same second."""

    def __init__(self, lengths: list[int], workers: int) -> None:
        super().__init__([], [0], workers, ROOM)
        self.order = Order(replace(self.source, span=None), workers, OwnRoom(self.room, RECORDS))
        self.scans = iter([Scan(path={"pages": str(length)}) for length in lengths])

    def pages(self, scan: Scan, _: Looking = look_now) -> Iterator[EventsPage]:
        length = int(scan.path["pages"])
        for number in range(1, length + 1):
            yield EventsPage([0] * RECORDS, "next" if number < length else None)


@pytest.mark.parametrize(("length", "most"), [(10, 160), (20, 450)])
def test_lists_that_cannot_be_cut_up_do_not_fill_the_room_side_by_side(
    length: int, most: int
) -> None:
    """Else those that come first find none, and wait for every page: 187 and 572 round trips."""
    walk = Lists([length] * 40, workers=ROOM)
    walk.to_the_end()
    assert len(walk.found) == 40 * length * RECORDS
    assert walk.round_trips < most


def test_what_is_left_of_a_scan_is_what_longer_ones_had() -> None:
    lengths = Lengths()
    assert lengths.left(0) == 1
    assert lengths.left(5) == 5 * OUTGROWN, "nobody knows"
    for pages in (1, 1, 10, 20):
        lengths.ended(pages)
    assert lengths.left(0) == 8
    assert lengths.left(1) == 14
    assert lengths.left(10) == 10
    assert lengths.left(20) == 20 * OUTGROWN, "it has outgrown all others"


@pytest.mark.parametrize(
    ("expected", "at_once"), [(1.0, ROOM), (0.5, 2 * ROOM - 1), (4.0, ROOM // 4)]
)
def test_as_many_scans_are_begun_as_are_expected_to_fit(expected: float, at_once: int) -> None:
    walk = Walk([], list(range(0, 1_000, 10)), 99, ROOM)
    source = replace(walk.source, expected=expected)
    walk.order = Order(source, 99, OwnRoom(walk.room, RECORDS))
    walk.ask()
    assert len(walk.under_way) == at_once
