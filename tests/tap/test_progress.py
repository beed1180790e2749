"""Counters, facts and how they are worded; and the log lines of a run by a clock of ours."""

from __future__ import annotations

import io
import json
import logging
import sys
import threading
from dataclasses import dataclass, field
from datetime import datetime, timezone
from types import SimpleNamespace
from typing import Any

import pytest

from klaviyo_client.auth import PrivateKey
from klaviyo_client.client import KlaviyoClient
from klaviyo_sandbox import Sandbox
from tap_klaviyo.progress import (
    Facts,
    StreamProgress,
    Watch,
    line,
    picture,
    sentence,
    share_done,
    within_run,
)
from tap_klaviyo.reporting import means, reporting
from tap_klaviyo.scans import Bounds
from tap_klaviyo.tap import TapKlaviyo
from tests.tap.running import catalog

START, END = datetime(2026, 1, 1, tzinfo=timezone.utc), datetime(2026, 1, 11, tzinfo=timezone.utc)
POSITION = datetime(2026, 1, 5, 12, tzinfo=timezone.utc)
# Its lines fit into one block of the writer.
PAGE = 50
EVENTS = Facts("events", 1_234_567, 12_345.6, POSITION, 0.45, 12.4, 100.0)
PARTS = {"records": 1_234_567, "rate": 12_345.6, "seconds": 100.2, "outcome": "done"}


@dataclass
class Hands:
    """A clock that is set."""

    now: float = 100.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_the_display_has_a_line_for_each_stream() -> None:
    tags = Facts("tags", 3)
    assert picture([EVENTS, tags], 8, 24) == [
        "",
        "stream        records  a second  position (UTC)        done",
        "events      1,234,567    12,346  2026-01-05 12:00:00   45 %  waits 12 s",
        "tags                3         0",
    ]


def test_the_display_fits_the_terminal_with_the_busiest_streams() -> None:
    facts = [Facts(name, count) for name, count in (("a", 1), ("b", 9), ("c", 2), ("d", 8))]
    shown = picture(facts, 6, 5)
    assert [row.split()[0] for row in shown[2:]] == ["b", "d", "and"]
    assert shown[-1] == "and 2 more"
    assert picture(facts, 6, 6)[2:] == [line(one, 6) for one in facts]
    assert picture(facts, 6, 2) == [""]
    assert picture([], 6, 24) == [""]


def test_the_line_of_a_stream_that_has_ended_says_how() -> None:
    ended = Facts("campaign_recipient_estimations", **PARTS)  # type: ignore[arg-type]
    assert line(ended, 12) == f"campaign_re…    1,234,567    12,346  {'':19}  done, 100 s"


def test_the_log_says_the_same() -> None:
    assert sentence(EVENTS) == (
        "Stream events: 1,234,567 records, 12,346 a second, at 2026-01-05 12:00:00 UTC, "
        "45 % done, waits 12 s for the rate limit"
    )
    assert sentence(Facts("tags", 3, waits=0.2)) == "Stream tags: 3 records, 0 a second"


@pytest.mark.parametrize(
    ("bounds", "first", "position", "share"),
    [
        (Bounds(START, END), None, POSITION, 0.45),
        (Bounds(None, END), START, POSITION, 0.45),
        (Bounds(START, END), None, None, None),
        (Bounds(None, END), None, POSITION, None),
        (Bounds(START, None), None, POSITION, None),
        (Bounds(START, START), None, POSITION, None),
        (Bounds(POSITION, END), None, START, 0.0),
        (Bounds(START, POSITION), None, END, 1.0),
        (None, START, POSITION, None),
    ],
)
def test_the_share_is_the_time_behind_of_the_time_to_read(
    bounds: Bounds | None, first: datetime | None, position: datetime | None, share: float | None
) -> None:
    assert share_done(bounds, first, position) == share


def test_a_run_ends_where_it_began_or_before() -> None:
    assert within_run(Bounds(START), END) == Bounds(START, END)
    assert within_run(Bounds(START, POSITION), END) == Bounds(START, POSITION)
    assert within_run(Bounds(None, END), POSITION) == Bounds(None, POSITION)


def test_facts_are_of_streams_that_are_read_and_once_of_those_that_ended() -> None:
    clock, waits = Hands(), {"get_lists": 7.0}
    streams = [StreamProgress("events", ("get_events",)), StreamProgress("tags", ("get_lists",))]
    watch = Watch(streams, lambda: waits, clock, 2)
    assert watch.look() == []
    events, tags = streams
    with events.reading():
        clock.now += 10
        events.emitted(50, ["2026-01-05 12:00:00+00:00", None])
        (seen,) = watch.look()
        assert (seen.records, seen.rate, seen.waits, seen.outcome) == (50, 5.0, 0.0, None)
        assert seen.position is None, "the last record that has a time says it"
        with tags.reading():
            clock.now += 10
            events.emitted(70, ["2026-01-05T12:00:00+00:00"])
            both = watch.look()
        assert [one.waits for one in both] == [0.0, 7.0]
        assert both[0].position == POSITION
        clock.now += 10
        assert [one.rate for one in watch.look()] == [3.5, 0.0]
    (last,) = watch.look()
    assert (last.name, last.rate, last.seconds, last.outcome) == ("events", 4.0, 30.0, "done")
    assert watch.look() == []


def test_the_time_of_a_stream_begins_when_it_is_read() -> None:
    clock, late = Hands(), StreamProgress("events", ("get_events",))
    watch = Watch([late], dict, clock, 2)
    clock.now += 100
    assert watch.look() == []
    with late.reading():
        clock.now += 10
        late.emitted(50, ())
        assert [one.rate for one in watch.look()] == [5.0]
    (last,) = watch.look()
    assert (last.rate, last.seconds) == (5.0, 10.0)


def test_what_is_no_time_is_not_told() -> None:
    one = StreamProgress("events", ("get_events",), running=True)
    one.emitted(1, ["somebody@example.com"])
    (facts,) = Watch([one], dict, Hands(), 1).look()
    assert facts.position is None


def test_a_stream_that_fails_ended_early() -> None:
    one = StreamProgress("events", ("get_events",))
    with pytest.raises(OSError, match="gone"), one.reading():
        raise OSError("gone")
    assert one.outcome == "ended early"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("wish", "out", "err", "kind", "way"),
    [
        ("auto", io.StringIO(), Terminal(), "xterm", "live"),
        ("auto", io.StringIO(), Terminal(), "dumb", "log"),
        ("auto", Terminal(), Terminal(), "xterm", "log"),
        ("auto", io.StringIO(), io.StringIO(), "xterm", "log"),
        ("live", Terminal(), io.StringIO(), "", "live"),
        ("log", io.StringIO(), Terminal(), "xterm", "log"),
        ("none", io.StringIO(), Terminal(), "xterm", "none"),
    ],
)
def test_where_progress_goes(wish: str, out: Any, err: Any, kind: str, way: str) -> None:
    assert means(wish, out, err, kind) == way


@dataclass
class Baton:
    """Stdout and pause at once: the tap writes a page, a minute passes, the reporter looks."""

    clock: Hands = field(default_factory=Hands)
    page: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    looked: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    written: bytes = b""
    ended: bool = False

    def write(self, block: memoryview) -> int:
        self.written += bytes(block)
        if b'"RECORD"' in bytes(block):
            self.page.release()
            assert self.looked.acquire(timeout=60)
        return len(block)

    def flush(self) -> None:
        pass

    def pause(self, seconds: float) -> bool:
        if self.written:
            self.looked.release()
        assert self.page.acquire(timeout=60)
        self.clock.sleep(seconds)
        return self.ended


def minutes_of_a_run(
    monkeypatch: pytest.MonkeyPatch, url: str, **settings: Any
) -> tuple[TapKlaviyo, list[list[dict[str, Any]]]]:
    """Read events, one page a minute; gives the pages."""
    own = {"api_url": url, "api_key": "pk_test", "start_date": "2025-09-01", "progress": "none"}
    options = {"events": {"page_size": PAGE}}
    tap = TapKlaviyo(
        config={**own, "max_parallel_requests": 1, "stream_options": options, **settings},
        catalog=catalog("events"),
    )
    stream, baton = tap.streams["events"], Baton()
    counters = [stream.progress]  # type: ignore[attr-defined]
    client = KlaviyoClient(PrivateKey("pk_test"), clock=baton.clock)
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", SimpleNamespace(buffer=baton))
        with reporting("log", counters, client, tap.logger, baton.pause):
            tap.side_by_side.run([stream])
            baton.ended = True
            baton.page.release()
    messages = map(json.loads, baton.written.splitlines())
    records = [one["record"] for one in messages if one["type"] == "RECORD"]
    return tap, [records[i : i + PAGE] for i in range(0, len(records), PAGE)]


@pytest.mark.parametrize(
    ("maps", "counted"), [({}, 0), ({"stream_maps": {"events": {"extra": "'x'"}}}, 1)]
)
def test_a_run_logs_a_line_a_minute(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    maps: dict[str, Any],
    counted: int,
) -> None:
    """Whole pages are counted once they are written, single records before."""
    caplog.set_level(logging.INFO, logger="tap-klaviyo")
    with Sandbox(profiles=10, events=220, limits=False, traps=False) as sandbox:
        tap, pages = minutes_of_a_run(monkeypatch, sandbox.url, **maps)
    assert list(map(len, pages)) == [50, 50, 50, 50, 20]
    start = datetime(2025, 9, 1, tzinfo=timezone.utc)
    wanted = ["Stream events: 0 records, 0 a second"][counted:]
    for number, page in enumerate(pages[: 4 + counted]):
        when = datetime.fromisoformat(page[-1]["datetime"])
        share = int((when - start) / (tap.started_at - start) * 100)
        wanted.append(
            f"Stream events: {number * PAGE + len(page)} records, {len(page) / 60:.0f} a second, "
            f"at {when:%Y-%m-%d %H:%M:%S} UTC, {share} % done",
        )
    said = [one for one in caplog.records if " a second" in one.getMessage()]
    assert [one.getMessage() for one in said] == wanted
    assert {one.levelname for one in said} == {"INFO"}
