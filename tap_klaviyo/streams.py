"""The one stream class: rows of `specs` become Singer streams, read through the shared client.

Three steps: `scans` says what to read, `reading` fetches pages with several threads and hands
them over in order, and here, in the one thread that runs the SDK's code, they become records.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timezone
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import msgspec
from singer_sdk import Stream, metrics
from singer_sdk.helpers.conform import TypeConformanceLevel

from klaviyo_client.client import KlaviyoClient
from klaviyo_client.errors import PermissionDeniedError
from klaviyo_client.operations import Operation, operation
from klaviyo_client.query import Query
from klaviyo_client.wire import Page
from tap_klaviyo.bookmarks import Bookmark
from tap_klaviyo.metric_choice import chosen_metrics
from tap_klaviyo.options import StreamOptions
from tap_klaviyo.reading import Reader
from tap_klaviyo.records import Record, RecordShape, page_records, record_shape
from tap_klaviyo.scans import Bounds, Scan, combined_scans, reading_start
from tap_klaviyo.schema_files import marked_schema, singer_schema
from tap_klaviyo.selection import selected_columns, selection_query
from tap_klaviyo.specs import Parent, StreamSpec
from tap_klaviyo.thin import thin_records
from tap_klaviyo.times import parse_time, rfc3339
from tap_klaviyo.writer import RecordLine

if TYPE_CHECKING:
    from singer_sdk.singerlib import MetadataMapping

    from tap_klaviyo.tap import TapKlaviyo

# A breadcrumb is ("properties", column), and longer inside a column.
TOP_LEVEL = 2
Context = Mapping[str, Any] | None


class KlaviyoStream(Stream):
    """One stream of the tap, driven by its row."""

    # Records are built from the stream's own schema; looking them over again costs the most.
    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE

    def __init__(self, tap: TapKlaviyo, spec: StreamSpec, options: StreamOptions) -> None:
        """Make the stream of `spec` with the user's `options`."""
        self.spec = spec
        self.options = options
        self._marked = marked_schema(spec)
        self._bookmark: Bookmark | None = None
        self._klaviyo_tap = tap
        super().__init__(tap, schema=singer_schema(self._marked), name=spec.name)
        self.primary_keys = spec.primary_keys
        self.replication_key = spec.replication_key

    @property
    def metadata(self) -> MetadataMapping:
        """The SDK's metadata; columns that cost extra are not selected unless asked for."""
        fresh = self._metadata is None
        mapping = super().metadata
        if fresh and not self._tap_input_catalog:
            for name in self.spec.unselected:
                mapping["properties", name].selected_by_default = False
        return mapping

    def get_records(self, context: Context) -> Iterable[Record]:  # noqa: ARG002
        """All records, in the order of the stream's scans.

        Raises:
            PermissionDeniedError: the key lacks the scope, and `on_missing_scope` is `fail`.
            KlaviyoError: Klaviyo could not be read.
        """
        self._bookmark = self._opened_bookmark()
        try:
            with metrics.http_request_counter(self.name, self._operation.path) as counter:
                for scan, page in self._pages(self._bounds(self._bookmark)):
                    counter.increment()
                    yield from self._records(scan, page)
        except PermissionDeniedError as error:
            if self.config["on_missing_scope"] == "fail":
                raise
            self.logger.warning("Stream %s is skipped: %s", self.name, error)
            return
        if self._bookmark and self._bookmark.finish():
            self.state_manager.is_flushed = False

    def _pages(self, bounds: Bounds) -> Iterator[tuple[Scan, Page]]:
        """The pages of the stream: of its one scan, or of its many."""
        if self.spec.resumable and self.options.metrics.everything:
            return self._reader.one(Scan(bounds))
        return self._reader.several(self.scans(bounds))

    def _records(self, scan: Scan, page: Page) -> Iterator[Record]:
        """The records of a page that belong to the stream."""
        key = self.spec.replication_key or ""
        for record in self._page_records(self._shape, page.data, page.included):
            if scan.holds(record.get(key)) and self._wanted(record):
                record.update(scan.columns)
                yield record

    def compare_start_date(self, value: str, start_date_value: str) -> str:
        """The later of a bookmark and the start date, in whatever form the user wrote it."""
        return max(value, rfc3339(start_date_value))

    def scans(self, bounds: Bounds) -> Iterator[Scan]:
        """What to read for these time bounds."""
        parent = self.spec.parent
        parents = self._member_scans(parent, bounds) if parent else [Scan(bounds)]
        return combined_scans(parents, self.spec.partitions, self._metric_ids)

    def probe(self) -> None:
        """Ask Klaviyo for the least that shows whether the stream can be read.

        Raises:
            KlaviyoError: it cannot.
        """
        for scan in self.scans(Bounds()):
            next(self._reader.scan_pages(scan), None)
            return

    def _increment_stream_state(self, latest_record: Record, *, context: Context = None) -> None:  # noqa: ARG002
        """Move our own bookmark; the SDK's would pass the run's start and fail on look-backs."""
        if self._bookmark and self._bookmark.see(
            latest_record.get(self.spec.replication_key or "")
        ):
            self.state_manager.is_flushed = False

    def _write_record_message(self, record: Record) -> None:
        """Write a record; one that nothing looks into skips the SDK's looking."""
        if not self._thin:
            super()._write_record_message(record)
            return
        now = datetime.now(tz=timezone.utc)
        line = RecordLine(self.name, record, self._stream_version, now)
        self._klaviyo_tap.message_writer.write_record(line)

    @cached_property
    def _thin(self) -> bool:
        """Whether nothing needs to look inside a value: no map, flattening, nested deselection."""
        nested = (
            not chosen and self.mask[breadcrumb[:-2]]
            for breadcrumb, chosen in self.mask.items()
            if len(breadcrumb) > TOP_LEVEL
        )
        mapped = self.config.get("stream_maps") or self.config.get("flattening_enabled")
        return not mapped and not any(nested)

    @cached_property
    def _page_records(self) -> Callable[..., Iterator[Record]]:
        """The path from a page to its records."""
        return thin_records if self._thin else page_records

    def _write_state_message(self) -> None:
        """Write state, and with it whatever records are still buffered."""
        super()._write_state_message()
        self._klaviyo_tap.message_writer.flush()

    @cached_property
    def _operation(self) -> Operation:
        return operation(self.spec.operation)

    @property
    def _client(self) -> KlaviyoClient:
        return self._klaviyo_tap.client

    @cached_property
    def _columns(self) -> tuple[str, ...]:
        return selected_columns(self._marked, self.mask)

    @cached_property
    def _shape(self) -> RecordShape:
        return record_shape(self._marked, self._columns, self.spec.complete)

    @cached_property
    def _reader(self) -> Reader:
        """How this stream is read."""
        query = selection_query(self.spec, self._marked, self._columns)
        return Reader(
            client=self._client,
            operation_id=self.spec.operation,
            query=replace(query, page_size=self.options.page_size or query.page_size),
            key=self.spec.replication_key,
            own_filter=self.options.filter,
            workers=self.config["max_parallel_requests"],
            most_bytes=self.config["max_buffer_mb"] * 1_000_000,
            now=self._klaviyo_tap.started_at,
            refused=partial(self.logger.warning, "Klaviyo refuses the events of metric %s"),
        )

    @cached_property
    def _metric_ids(self) -> list[str] | None:
        """The metrics whose events are wanted; None for all."""
        choice = self.options.metrics
        if choice.everything:
            return None
        pages = self._client.pages("get_metrics")
        known = [one for page in pages for one in msgspec.json.decode(page.data)]
        return chosen_metrics(choice, known)

    def _opened_bookmark(self) -> Bookmark | None:
        """The bookmark of an incremental run."""
        if self.spec.replication_key is None or self.replication_method != "INCREMENTAL":
            return None
        resumable = self.spec.resumable and self.options.metrics.everything
        return Bookmark(
            self.get_context_state(None),
            self.spec.replication_key,
            self._klaviyo_tap.started_at,
            resumable=resumable,
        )

    def _bounds(self, bookmark: Bookmark | None) -> Bounds:
        """The time bounds of this run."""
        lookback = self.options.lookback_days
        days = self.spec.lookback_days if lookback is None else lookback
        start_date: datetime | None = self._klaviyo_tap.start_date
        start = reading_start(bookmark.start if bookmark else None, start_date, days)
        return Bounds(start, self._klaviyo_tap.end_date)

    def _wanted(self, record: Record) -> bool:
        """Whether a record lies before `end_date`, which not every endpoint can filter by."""
        end = self._klaviyo_tap.end_date
        if end is None or self.spec.replication_key is None:
            return True
        value = record.get(self.spec.replication_key)
        return value is None or str(value) < end.isoformat()

    def _member_scans(self, parent: Parent, bounds: Bounds) -> Iterator[Scan]:
        """One scan for each parent; a parent younger than the bookmark is read whole."""
        known = operation(parent.operation)
        fields = {known.resource or "": ("created",)}
        for page in self._client.pages(parent.operation, Query(sort="id", fields=fields)):
            for resource in msgspec.json.decode(page.data):
                young = is_younger(resource["attributes"].get("created"), bounds.start)
                own = Bounds(self._klaviyo_tap.start_date, bounds.end) if young else bounds
                names = {parent.column: resource["id"]}
                yield Scan(own, path={"id": resource["id"]}, columns=names)


def is_younger(created: str | None, start: datetime | None) -> bool:
    """Whether something was created at or after `start`, as far as can be known."""
    return start is None or created is None or parse_time(created) >= start
