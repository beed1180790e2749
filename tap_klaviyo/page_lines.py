"""From a page to the RECORD lines of a stream, a whole page at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import partial
from itertools import zip_longest
from operator import attrgetter
from typing import Any

import msgspec

from klaviyo_client.wire import Answer, Page, read_page
from tap_klaviyo.lined_pages import Keys, LinedPage, Written, key_texts
from tap_klaviyo.odd_content import understanding, understood
from tap_klaviyo.page_structures import field
from tap_klaviyo.records import Record, RecordShape, page_records
from tap_klaviyo.room import AnyPage
from tap_klaviyo.scan_reading import Looking, Span, span_of
from tap_klaviyo.scans import Scan
from tap_klaviyo.spec import StreamSpec
from tap_klaviyo.thin import ThinPage, ThinPath, UnusualError
from tap_klaviyo.writer import RecordLine, encode_other

# How many streams may look into a page at once: one inflates while another decodes.
AT_ONCE = threading.BoundedSemaphore(2)
ENCODER = msgspec.json.Encoder(enc_hook=encode_other, decimal_format="number")


@dataclass(frozen=True, slots=True)
class Sieve:
    """Which records belong to a stream, as far as no endpoint can filter by it.

    Attributes:
        end: Records of this time and later do not; in the one form of times.
        excluded: Events of these metrics do not.
    """

    end: str | None = None
    excluded: frozenset[str] = frozenset()

    def keeps(self, scan: Scan, key: str | None, metric_id: str | None) -> bool:
        """Whether a record does."""
        if metric_id in self.excluded or not scan.holds(key):
            return False
        return self.end is None or key is None or key < self.end

    def keeps_all(self, scan: Scan, keys: Keys) -> bool:
        """Whether a quick look shows that all records do."""
        if self.excluded:
            return False
        if not keys or (self.end is None and not scan.window):
            return True
        known = [key for key in keys if key is not None]
        edges = (min(known), max(known)) if len(known) == len(keys) else ()
        return bool(edges) and all(self.keeps(scan, edge, None) for edge in edges)


@dataclass(frozen=True, slots=True)
class UnreadPage:
    """A page of which no more is known than that it is whole, and where the next one is.

    Attributes:
        answer: The page, inflated.
        operation_id: What was called.
        next: The address of the next page.
        sent_bytes: How long the answer was as it came.
    """

    answer: Answer
    operation_id: str
    next: str | None
    sent_bytes: int

    @property
    def size(self) -> int:
        """Bytes that the page holds."""
        return len(self.answer.sent)

    @property
    def text_bytes(self) -> int:
        """How long its text is."""
        return self.size


class PageLines:
    """Makes the lines of one stream's pages."""

    def __init__(
        self,
        spec: StreamSpec,
        shape: RecordShape,
        thin: ThinPath,
        sieve: Callable[[], Sieve] = Sieve,
        version: Callable[[], int | None] = lambda: None,
    ) -> None:
        """Make lines of the stream of `spec`, with records of that shape.

        `sieve` and `version` are asked for with each page: a run knows them when it begins.
        """
        self._stream = spec.name
        self._what = f"a page of {spec.name}"
        self._own_rows = spec.rows is not None
        self._rows = spec.rows or page_records
        self._time_field = spec.time_field
        self._sieve = sieve
        self._version = version
        self._shape = shape
        self._thin = thin
        self._key = spec.replication_key
        self._key_of = self._column(self._key)
        self._metric_of = self._column("metric_id")

    def read(self, scan: Scan, looking: Looking, answer: Answer, operation_id: str) -> AnyPage:
        """The lines of the page in an answer, which `looking` makes when it may.

        Raises:
            BrokenDocumentError: the body is not a whole JSON:API page.
            UnexpectedContentError: a resource is not of the form that its kind has.
        """
        return looking(len(answer.sent), partial(self._looked_into, scan, answer, operation_id))

    def _looked_into(self, scan: Scan, answer: Answer, operation_id: str) -> LinedPage:
        """The lines of the page in an answer."""
        with AT_ONCE:
            page = self.decoded(answer, operation_id)
            return self.lined(scan, page, self.span(page) if page.next else None)

    def unread(self, answer: Answer, operation_id: str) -> UnreadPage:
        """The page in an answer, its resources not decoded: the next one can be asked for.

        Raises:
            BrokenDocumentError: the body is not a whole JSON:API page.
            UnexpectedContentError: it is nested too deeply.
        """
        plain = Answer(answer.status, {}, answer.body)
        following = read_page(plain, operation_id).next
        return UnreadPage(plain, operation_id, following, len(answer.sent))

    def opened(self, page: AnyPage) -> AnyPage:
        """A page that is decoded, if it was not.

        Raises:
            BrokenDocumentError: the body is not a whole JSON:API page.
            UnexpectedContentError: it is nested too deeply.
        """
        return (
            self.decoded(page.answer, page.operation_id) if isinstance(page, UnreadPage) else page
        )

    def decoded(self, answer: Answer, operation_id: str) -> ThinPage | Page:
        """The page in an answer, decoded no deeper than is needed.

        Raises:
            BrokenDocumentError: the body is not a whole JSON:API page.
            UnexpectedContentError: it is nested too deeply.
        """
        if self._own_rows:
            return read_page(answer, operation_id)
        return self._thin.page(answer, operation_id)

    def lined(self, scan: Scan, page: AnyPage, span: Span | None = None) -> LinedPage:
        """The lines of a page, and its span where somebody needs it.

        Raises:
            UnexpectedContentError: a resource is not of the form that its kind has.
        """
        now = datetime.now(tz=timezone.utc)
        page = self.opened(page)
        sieve = self._sieve()
        try:
            written = self._thin_written(now, scan, page, sieve)
        except UnusualError:
            written = self._written(now, *self._full_records(scan, page, sieve))
        return LinedPage(written, span, page.next, page.text_bytes)

    def span(self, page: AnyPage) -> Span | None:
        """The times of a page's records; None where they cannot be relied on."""
        if self._time_field is None:
            return None
        if isinstance(page, ThinPage):
            return span_of(self._thin.key_texts(page, self._time_field))
        return span_of(key_texts(whole(page), self._time_field))

    def _column(self, name: str | None) -> attrgetter[Any] | None:
        """Reads a column of a thin record; None where it is not selected."""
        columns = self._shape.columns
        return attrgetter(field(columns.index(name))) if name in columns else None

    def _written(self, now: datetime, records: list[Any], keys: Keys) -> Written:
        """The lines of records."""
        version = self._version()
        lines = [RecordLine(self._stream, one, version, now) for one in records]
        return Written(ENCODER.encode_lines(lines), keys, len(lines))

    def _thin_written(self, now: datetime, scan: Scan, page: AnyPage, sieve: Sieve) -> Written:
        """The lines of a page that fits the thin path.

        Raises:
            UnusualError: the page has to take the full path; what was copied into the lines may
                make others of them.
        """
        if not isinstance(page, ThinPage):
            raise UnusualError
        written = self._written(now, *self._thin_records(scan, page, sieve))
        block = written.block
        if page.has_breaks and (block.count(b"\n") != written.count or b"\r" in block):
            raise UnusualError
        return written

    def _full_records(self, scan: Scan, page: AnyPage, sieve: Sieve) -> tuple[list[Any], Keys]:
        """The records of a page, of their selected columns only, and their replication keys.

        Raises:
            UnexpectedContentError: a resource is not of the form that its kind has.
        """
        records = [self._selected(one) for one in self.whole_records(scan, page, sieve)]
        return records, [one.get(self._key) for one in records] if self._key else ()

    def whole_records(self, scan: Scan, page: AnyPage, sieve: Sieve) -> Iterator[Record]:
        """The records of a page that belong to the stream, each as an object of its own.

        Raises:
            UnexpectedContentError: a resource is not of the form that its kind has.
        """
        parsed = whole(page)
        for record in understood(self._rows(self._shape, parsed.data, parsed.included), self._what):
            key = record.get(self._key) if self._key else None
            if sieve.keeps(scan, key, record.get("metric_id")):
                record.update(scan.columns)
                yield record

    def _selected(self, record: Record) -> Record:
        """A record with its selected columns only, as the SDK would leave it."""
        for name in self._shape.unwanted:
            record.pop(name, None)
        return record

    def _thin_records(self, scan: Scan, page: ThinPage, sieve: Sieve) -> tuple[list[Any], Keys]:
        """The same as structures, and their replication keys.

        Raises:
            UnusualError: the page has to take the full path.
        """
        with understanding(self._what):
            records = self._thin.records(page, scan.columns)
        keys = list(map(self._key_of, records)) if self._key_of else []
        if sieve.keeps_all(scan, keys):
            return records, keys
        kept = [
            (record, key)
            for record, key in zip_longest(records, keys)
            if sieve.keeps(scan, key, self._metric_of(record) if self._metric_of else None)
        ]
        return [record for record, _ in kept], [key for _, key in kept]


def whole(page: AnyPage) -> Page:
    """A page as the full path takes it."""
    if isinstance(page, ThinPage):
        return read_page(page.answer, "a page that was read before")
    assert isinstance(page, Page)  # noqa: S101 - there are only these two
    return page
