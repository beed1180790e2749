"""Pages that wait as lines: what their scans still hold when their turn comes is written."""

from __future__ import annotations

import gzip
import json
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from klaviyo_client.errors import BrokenDocumentError
from klaviyo_client.wire import Answer
from tap_klaviyo.lined_pages import LinedPage
from tap_klaviyo.page_lines import PageLines, Sieve
from tap_klaviyo.reading import look_now
from tap_klaviyo.records import record_shape
from tap_klaviyo.scans import Bounds, Scan
from tap_klaviyo.schema_files import marked_schema
from tap_klaviyo.specs import STREAMS
from tap_klaviyo.thin import ThinPath

SPECS = {spec.name: spec for spec in STREAMS}
DAY = datetime(2026, 7, 1, tzinfo=timezone.utc)


def lines_of(name: str, sieve: Sieve | None = None, version: int | None = None) -> PageLines:
    marked = marked_schema(SPECS[name])
    shape = record_shape(marked, tuple(marked["properties"]), SPECS[name].complete)
    return PageLines(SPECS[name], shape, ThinPath(shape), lambda: sieve or Sieve(), lambda: version)


def page_of(seconds: list[int], *, more: bool = True, text: str = "x") -> Answer:
    data = [
        {
            "type": "event",
            "id": str(place),
            "attributes": {
                "datetime": (DAY + timedelta(seconds=second)).isoformat(),
                "event_properties": {"Note": text},
            },
        }
        for place, second in enumerate(seconds)
    ]
    following = "http://127.0.0.1/api/events?page%5Bcursor%5D=x" if more else None
    return Answer(200, {}, json.dumps({"data": data, "links": {"next": following}}).encode())


def read_by(lines: PageLines, answer: Answer, scan: Scan | None = None) -> LinedPage:
    page = lines.read(scan or Scan(), look_now, answer, "get_events")
    assert isinstance(page, LinedPage)
    return page


def read(seconds: list[int], scan: Scan | None = None, **said: Any) -> LinedPage:
    return read_by(lines_of("events"), page_of(seconds, **said), scan)


def ids(block: bytes) -> list[str]:
    return [json.loads(line)["record"]["id"] for line in block.splitlines()]


def window(start: int, end: int) -> Scan:
    moments = (DAY + timedelta(seconds=second) for second in (start, end))
    return Scan(Bounds(*moments), window=True)


def test_a_page_says_the_same_when_it_is_looked_into_later() -> None:
    lines = lines_of("events")
    whole = page_of([1, 2]).sent
    answer = Answer(200, {"content-encoding": "gzip"}, gzip.compress(whole))
    unread = lines.unread(answer, "get_events")
    read = lines.lined(Scan(), unread)
    wanted = lines.lined(Scan(), lines.decoded(answer, "get_events"))
    assert (ids(read.written.block), read.next) == (["0", "1"], wanted.next)
    assert (unread.next, read.text_bytes) == (wanted.next, wanted.text_bytes)


@pytest.mark.parametrize(
    "body", [b'{"data":[{"id":"1",],"links":{"next":null}}', b'{"errors":[],"links":{"next":null}}']
)
def test_a_broken_page_is_found_while_it_can_be_asked_for_again(body: bytes) -> None:
    with pytest.raises(BrokenDocumentError, match="no whole JSON:API document"):
        lines_of("events").unread(Answer(200, {}, body), "get_events")


@given(
    seconds=st.lists(st.integers(0, 20), max_size=12),
    start=st.integers(0, 20),
    end=st.integers(0, 20),
    text=st.text(),
)
def test_what_a_shorter_scan_holds_is_written(
    seconds: list[int], start: int, end: int, text: str
) -> None:
    page = read(seconds, text=text)
    written = page.within(window(start, end))
    wanted = [place for place, second in enumerate(seconds) if start <= second < end]
    assert ids(written.block) == list(map(str, wanted))
    assert written.count == len(written.keys) == len(wanted)
    assert ids(page.within(Scan()).block) == list(map(str, range(len(seconds))))


def test_times_are_known_of_records_that_are_left_out_too() -> None:
    page = read([1, 2, 3, 4], window(0, 2))
    assert ids(page.written.block) == ["0"]
    assert page.span
    assert (page.span.first, page.span.last) == (
        DAY + timedelta(seconds=1),
        DAY + timedelta(seconds=4),
    )
    assert read([1, 2], more=False).span is None, "nothing follows, so nobody asks"


def test_how_much_came_does_not_depend_on_what_was_left_of_it() -> None:
    """Windows are as long as what they held asks for."""
    seconds = list(range(50))
    assert read(seconds, window(0, 1)).text_bytes == read(seconds).text_bytes
    assert read(seconds, window(0, 1)).size < read(seconds).size


def test_lines_say_what_singer_needs() -> None:
    page = read_by(lines_of("events", version=7), page_of([1]))
    line = json.loads(page.written.block)
    assert line["type"] == "RECORD"
    assert line["stream"] == "events"
    assert line["version"] == 7
    assert datetime.fromisoformat(line["time_extracted"].replace("Z", "+00:00")).tzinfo


def test_excluded_records_are_left_out_at_once() -> None:
    sieve = Sieve(end=(DAY + timedelta(seconds=2)).isoformat())
    page = read_by(lines_of("events", sieve), page_of([0, 1, 2, 3]))
    assert ids(page.written.block) == ["0", "1"]


@pytest.mark.parametrize("count", [1, 1_000])
def test_the_size_is_what_is_held(count: int) -> None:
    page = read(list(range(count)), text="y" * 500)
    held = len(page.written.block) + sum(len(str(key)) for key in page.written.keys)
    assert held < page.size < held + 2_000 + 100 * count
