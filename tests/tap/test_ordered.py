from __future__ import annotations

import gc
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from functools import partial
from itertools import count, pairwise

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from klaviyo_client.errors import PaginationError
from klaviyo_client.wire import Links, Page
from tap_klaviyo.ordered import OrderedReader, start
from tap_klaviyo.room import AnyPage, Room
from tap_klaviyo.scan_reading import FIRST_PARTS, Looking, Reading, Source, Span
from tap_klaviyo.scans import Bounds, Scan
from tests.waiting import until

START = datetime(2026, 1, 1, tzinfo=timezone.utc)
BIG = 10_000_000


def room(size: int = BIG) -> Room:
    return Room(size)


def page(*seconds: int, more: bool = False, padding: int = 0) -> Page:
    content = msgspec.json.encode([*seconds, "x" * padding])
    return Page(msgspec.Raw(content), links=Links("next") if more else None)


def seconds_of(one: AnyPage) -> list[int]:
    assert isinstance(one, Page)
    return [value for value in msgspec.json.decode(one.data) if isinstance(value, int)]


def at(seconds: int) -> datetime:
    return START + timedelta(seconds=seconds)


def part(scan: Scan, bounds: Bounds) -> Scan:
    return replace(scan, bounds=bounds, window=True)


def span(one: AnyPage) -> Span:
    found = seconds_of(one)
    first, last = at(found[0]), at(found[-1])
    return Span(first, last, last - first)


class Server:
    """Records at whole seconds, read in pages of two, by time bounds."""

    def __init__(self, seconds: list[int]) -> None:
        self.seconds = sorted(seconds)
        self.asked: list[Scan] = []

    def pages(self, scan: Scan, looking: Looking) -> Iterator[AnyPage]:
        self.asked.append(scan)
        start, end = scan.bounds.start, scan.bounds.end
        found = [
            one
            for one in self.seconds
            if (start is None or at(one) >= start) and (end is None or at(one) < end)
        ]
        chunks = [found[i : i + 2] for i in range(0, len(found), 2)] or [[]]
        for number, chunk in enumerate(chunks):
            yield looking(len(chunk), partial(page, *chunk, more=number + 1 < len(chunks)))


@pytest.mark.parametrize("pages", [1, 10])
@pytest.mark.parametrize(
    ("cuts", "most", "points"),
    [(0, 48, FIRST_PARTS), (1, 48, 2 * FIRST_PARTS), (2, 48, 48), (0, 3, 3)],
)
def test_what_proves_long_again_is_cut_into_twice_as_many_parts(
    cuts: int, most: int, points: int, pages: int
) -> None:
    source = Source(lambda _, __: iter(()), part)
    reading = Reading(
        Scan(Bounds(START, at(100_000))),
        source,
        dense=(at(100), timedelta(seconds=100)),
        cuts=cuts,
    )
    parts = reading.cut_up(most, pages)
    assert len(parts) == points
    first = parts[0].scan.bounds
    assert first.start
    assert first.end
    assert (first.end - first.start).total_seconds() == pytest.approx(100 * pages, rel=0.1)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 200), max_size=60),
    st.integers(1, 8),
    st.lists(st.integers(1, 199), max_size=4, unique=True),
    st.sampled_from([0, 500, BIG]),
    st.sampled_from(["open", "bounded", "early"]),
)
def test_every_record_comes_once_and_in_order_however_scans_are_cut(
    seconds: list[int], workers: int, edges: list[int], size: int, ends: str
) -> None:
    bounded = ends != "open"
    server = Server(seconds)
    points = [at(0) if bounded else None, *map(at, sorted(edges)), at(201) if bounded else None]
    scans = [Scan(Bounds(a, b), window=bounded or bool(edges)) for a, b in pairwise(points)]
    last = scans[-1] if ends == "early" else None
    source = Source(server.pages, part, span, until=at(201), timed=True, last=last)
    reader = OrderedReader(source, workers, room(size), 20)
    found = [
        one
        for scan, taken in reader.pages(scans)
        for one in seconds_of(taken)
        if scan.holds(at(one).isoformat())
    ]
    assert found == sorted(seconds)


def test_what_comes_before_is_made_while_the_scans_are_read() -> None:
    """Else the first scans would be asked for so much later."""
    server = Server([5])

    def before() -> Iterator[tuple[Scan, Page]]:
        until(lambda: len(server.asked) == 1)
        yield Scan(), page(3)

    pages = OrderedReader(Source(server.pages, part), 4, room()).pages([Scan()], before())
    assert [seconds_of(one) for _, one in pages] == [[3], [5]]


def test_an_error_in_what_comes_before_ends_the_read() -> None:
    def before() -> Iterator[tuple[Scan, Page]]:
        raise PaginationError("odd")
        yield

    shared = room()
    server = Server([1, 2, 3])
    with pytest.raises(PaginationError, match="odd"):
        list(OrderedReader(Source(server.pages, part), 4, shared).pages([Scan()], before()))
    until(lambda: shared.fits(0, BIG))


def test_an_error_comes_after_the_pages_before_it() -> None:
    def pages(scan: Scan, _: Looking) -> Iterator[Page]:
        yield page(int(scan.path["id"]), more=scan.path["id"] == "2")
        if scan.path["id"] == "2":
            raise PaginationError("broken")

    scans = [Scan(path={"id": str(number)}) for number in range(5)]
    taken: list[int] = []
    reading = OrderedReader(Source(pages, part), 4, room()).pages(scans)
    with pytest.raises(PaginationError, match="broken"):
        taken.extend(number for _, one in reading for number in seconds_of(one))
    assert taken == [0, 1, 2]


def test_an_error_while_scans_are_looked_for_comes_in_its_place() -> None:
    def scans() -> Iterator[Scan]:
        yield Scan(path={"id": "1"})
        raise PaginationError("no more lists")

    taken: list[int] = []
    reading = OrderedReader(Source(lambda _, __: iter([page(7)]), part), 3, room()).pages(scans())
    with pytest.raises(PaginationError, match="no more lists"):
        taken.extend(number for _, one in reading for number in seconds_of(one))
    assert taken == [7]


def test_a_consumer_that_stops_stops_the_readers() -> None:
    """And they end: each would keep memory."""
    threads = threading.active_count()
    read = 0
    lock = threading.Lock()

    def pages(scan: Scan, _: Looking) -> Iterator[Page]:  # noqa: ARG001
        nonlocal read
        for _unused in range(100):
            with lock:
                read += 1
            yield page(1, padding=1000, more=True)

    scans = [Scan(path={"id": str(number)}) for number in range(50)]
    shared = room(6000)
    taken = OrderedReader(Source(pages, part), 4, shared, 1010).pages(scans)
    next(taken)
    before = -1
    while before != read:
        before = read
        time.sleep(0.005)
    assert read <= 1 + 4 + 1, "the page taken, what fits, and the one that is always let in"
    until(lambda: threading.active_count() <= threads)
    taken.close()  # type: ignore[attr-defined]


def test_all_room_comes_back_and_all_threads_end_whenever_a_consumer_stops() -> None:
    before = threading.active_count()
    server = Server(list(range(400)))
    shared = room()
    for number in range(60):
        scans = [Scan(Bounds(at(a), at(a + 40)), window=True) for a in range(0, 400, 40)]
        taken = OrderedReader(Source(server.pages, part, span), 8, shared).pages(scans)
        for _ in range(1 + number % 20):
            next(taken)
        taken.close()  # type: ignore[attr-defined]
    until(lambda: shared.fits(0, BIG))
    assert not shared.fits(0, BIG + 1), "nothing has been given back twice"
    until(lambda: threading.active_count() <= before)


def test_answers_are_looked_into_one_at_a_time() -> None:
    """What is looked into takes ten times the memory of what waits."""
    inside = most = 0
    lock = threading.Lock()

    def looked_into(number: int) -> Page:
        nonlocal inside, most
        with lock:
            inside += 1
            most = max(most, inside)
        time.sleep(0)
        with lock:
            inside -= 1
        return page(number, more=number % 10 < 2)

    def pages(scan: Scan, looking: Looking) -> Iterator[AnyPage]:
        for number in range(3):
            yield looking(9, partial(looked_into, int(scan.path["id"]) * 10 + number))

    scans = [Scan(path={"id": str(number)}) for number in range(40)]
    taken = OrderedReader(Source(pages, part), 16, room()).pages(scans)
    found = [number for _, one in taken for number in seconds_of(one)]
    assert found == [number * 10 + place for number in range(40) for place in range(3)]
    assert most == 1


def test_answers_that_wait_count_as_asked_for() -> None:
    """Else requests would go out in waves, each when the one before it has been looked into."""
    lock = threading.Lock()
    looked, too_many = threading.Event(), threading.Event()
    asked = 0

    def looked_into(number: int) -> Page:
        if not number:
            too_many.wait(0.005)  # the second answer waits, the others are under way
            looked.set()
        return page(number)

    def pages(scan: Scan, looking: Looking) -> Iterator[AnyPage]:
        nonlocal asked
        number = int(scan.path["id"])
        with lock:
            asked += 1
            if asked > workers and not looked.is_set():
                too_many.set()
        assert number < 2 or looked.wait(10)
        yield looking(9, partial(looked_into, number))

    workers = 4
    scans = [Scan(path={"id": str(number)}) for number in range(20)]
    taken = OrderedReader(Source(pages, part), workers, room()).pages(scans)
    assert [number for _, one in taken for number in seconds_of(one)] == list(range(20))
    assert not too_many.is_set()


def test_an_answer_that_cannot_be_understood_leaves_the_turn_to_others() -> None:
    def looked_into(number: int) -> Page:
        if number == 5:
            raise PaginationError("odd")
        return page(number)

    def pages(scan: Scan, looking: Looking) -> Iterator[AnyPage]:
        yield looking(9, partial(looked_into, int(scan.path["id"])))

    scans = [Scan(path={"id": str(number)}) for number in range(20)]
    taken: list[int] = []
    with pytest.raises(PaginationError, match="odd"):
        taken.extend(
            number
            for _, one in OrderedReader(Source(pages, part), 8, room()).pages(scans)
            for number in seconds_of(one)
        )
    assert taken == [0, 1, 2, 3, 4]


class WatchedPage:
    """A page of which it can be told whether anybody still has it."""

    size = text_bytes = 1
    next = None


def test_nothing_is_kept_of_a_scan_that_has_been_read() -> None:
    """Python looks for cycles rarely: what hangs in one would stay for long."""
    alive: weakref.WeakSet[WatchedPage] = weakref.WeakSet()

    def looked_into() -> WatchedPage:
        one = WatchedPage()
        alive.add(one)
        return one

    def pages(_: Scan, looking: Looking) -> Iterator[AnyPage]:
        yield looking(1, looked_into)

    scans = (Scan(path={"id": str(number)}) for number in range(100))
    gc.disable()
    try:
        taken = OrderedReader(Source(pages, part), 2, room(1), 1).pages(scans)
        most = max(len(alive) for _ in taken)
    finally:
        gc.enable()
    assert most <= 6


def test_one_stream_never_keeps_another_from_reading() -> None:
    """All streams share the room, but each has some that no other can take."""
    scans = [Scan(path={"id": str(number)}) for number in range(8)]
    shared = room(10_000)

    def pages(scan: Scan, _: Looking) -> Iterator[Page]:  # noqa: ARG001
        for number in range(20):
            yield page(number, padding=1000, more=number < 19)

    stopped = OrderedReader(Source(pages, part), 4, shared, 1010).pages(scans)
    next(stopped)
    other = OrderedReader(Source(pages, part), 4, shared, 1010).pages(scans)
    next(other)
    assert shared.reach < 10_000, "each of two has a share of its own"
    assert sum(1 for _ in other) == 8 * 20 - 1
    assert sum(1 for _ in stopped) == 8 * 20 - 1
    assert shared.fits(0, 10_000), "all room has been given back"


@pytest.mark.parametrize("apart", [0, 3600])
def test_records_that_share_a_second_cost_few_requests_more(apart: int) -> None:
    """Bulk imports give many records one time; a page may span no time at all."""
    server = Server([second for group in range(30) for second in [group * apart] * 2])
    scan = Scan(Bounds(at(0), at(30 * 3600)), window=True)
    reader = OrderedReader(Source(server.pages, part, span), 48, room())
    found = [one for _, taken in reader.pages([scan]) for one in seconds_of(taken)]
    assert len(found) == 60
    assert len(server.asked) < 60


def read_with_an_error(source: Source) -> None:
    """Read until an error comes; all threads end, and all room is given back."""
    before = threading.active_count()
    # Whether one more may be begun is asked at least once for each of the twenty.
    scans = [Scan(Bounds(at(a), at(a + 2)), window=True) for a in range(0, 40, 2)]
    shared = room()
    with pytest.raises(PaginationError, match="no plan"):
        list(OrderedReader(source, 3, shared).pages(scans))
    until(lambda: shared.fits(0, BIG) and threading.active_count() <= before)
    assert not shared.fits(0, BIG + 1)


@pytest.mark.parametrize("call", range(1, 20))
def test_an_error_between_pages_reaches_the_consumer(call: int) -> None:
    """Nobody waits for a page whose reader is gone."""
    calls = count(1)

    def at_once() -> int | None:
        if next(calls) == call:
            raise PaginationError("no plan")
        return None

    server = Server(list(range(40)))
    read_with_an_error(Source(server.pages, part, span, at_once=at_once))


@pytest.mark.parametrize("call", range(1, 5))
def test_a_thread_that_cannot_be_started_ends_the_read(
    call: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Containers allow so many."""
    calls = count(1)

    def start_or_not(work: Callable[[], None]) -> threading.Thread:
        if next(calls) >= call:
            raise PaginationError("no plan")
        return start(work)

    monkeypatch.setattr("tap_klaviyo.ordered.start", start_or_not)
    read_with_an_error(Source(Server(list(range(40))).pages, part, span))
