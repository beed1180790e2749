"""The one stream class: rows of `specs` become Singer streams, read through the shared client.

Three steps: `scans` says what to read, `reading` fetches pages with several threads and hands
them over in order, and here, in the one thread that runs the SDK's code, they become records.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from singer_sdk import metrics

from klaviyo_client.errors import KlaviyoError
from klaviyo_client.operations import operation
from tap_klaviyo.bookmarks import Bookmark
from tap_klaviyo.catalog_marks import mark
from tap_klaviyo.endings import end_early, ends_only_itself
from tap_klaviyo.lined_pages import LinedPage
from tap_klaviyo.metric_choice import Metric, account_metrics, excluded_metrics, included_metrics
from tap_klaviyo.odd_content import understood
from tap_klaviyo.options import StreamOptions
from tap_klaviyo.page_lines import PageLines, Sieve
from tap_klaviyo.parents import member_scans
from tap_klaviyo.progress import StreamProgress, within_run
from tap_klaviyo.reading import Reader
from tap_klaviyo.records import Record, RecordShape, record_shape
from tap_klaviyo.room import AnyPage
from tap_klaviyo.run_plan import RunPlan, RunTimes, run_plan, whole_plan
from tap_klaviyo.scans import Bounds, Scan, combined_scans
from tap_klaviyo.schema_files import marked_schema, singer_schema
from tap_klaviyo.sdk_stream import TapStream
from tap_klaviyo.selection import deselects_nested, selected_columns, selection_query
from tap_klaviyo.specs import StreamSpec
from tap_klaviyo.thin import ThinPath

if TYPE_CHECKING:
    from singer_sdk.singerlib import Catalog, MetadataMapping

    from tap_klaviyo.tap import TapKlaviyo

Context = Mapping[str, Any] | None


class KlaviyoStream(TapStream):
    """One stream of the tap, driven by its row."""

    def __init__(self, tap: TapKlaviyo, spec: StreamSpec, options: StreamOptions) -> None:
        """Make the stream of `spec` with the user's `options`."""
        self.spec = spec
        self.options = options
        self._marked = marked_schema(spec)
        self._bookmark: Bookmark | None = None
        self._sieve = Sieve()
        self._klaviyo_tap = tap
        self.progress = StreamProgress(spec.name, spec.operations)
        super().__init__(tap, schema=singer_schema(self._marked), name=spec.name)
        self.primary_keys = spec.primary_keys
        self.replication_key = spec.replication_key

    @property
    def metadata(self) -> MetadataMapping:
        """The SDK's metadata, with what we know of scopes and costly columns."""
        return mark(super().metadata, self.spec, self.options.columns)

    def apply_catalog(self, catalog: Catalog) -> None:
        """Take over a catalog; what it leaves out of keys stays as the row has it."""
        super().apply_catalog(catalog)
        self.primary_keys = self.primary_keys or self.spec.primary_keys
        self.replication_key = self.replication_key or self.spec.replication_key

    def get_records(self, context: Context) -> Iterable[Record]:  # noqa: ARG002
        """All records, in the order of the stream's scans; raises what `_ending_early` does."""
        with self._ending_early():
            for scan, page in self._scan_pages(replace(self._reader, lines=None)):
                yield from self._lines.whole_records(scan, page, self._sieve)
                self._klaviyo_tap.message_writer.flush()

    def _sync_records(
        self, context: Context = None, *, write_messages: bool = True
    ) -> Generator[Record, Any, Any]:
        """Write a page of records at once where nothing looks into them, else one by one."""
        if not (write_messages and self._thin):
            yield from super()._sync_records(context, write_messages=write_messages)
            return
        written = 0
        with self.get_record_counter() as counter, self.get_sync_timer(), self._ending_early():
            self._write_starting_replication_value(None)
            for scan, page in self._scan_pages(self._reader):
                count = self._write_page(scan, page)
                counter.increment(count)
                written += count
                if written >= self.STATE_MSG_FREQUENCY:
                    self._write_state_message()
                    written = 0
        self._finalize_state(self.stream_state)
        self._write_state_message()

    def _scan_pages(self, reader: Reader) -> Iterator[tuple[Scan, AnyPage]]:
        """All pages with their scans; others have their turn while the next one is waited for."""
        self._bookmark = self._opened_bookmark()
        path = operation(self.spec.operation).path
        with metrics.http_request_counter(self.name, path) as counter:
            pages = self._pages(reader, self._planned(self._bookmark))
            for scan, page in self._klaviyo_tap.turns.between(pages):
                self._klaviyo_tap.side_by_side.check()
                counter.increment()
                yield scan, page
        if self._bookmark and self._bookmark.finish():
            self.state_manager.is_flushed = False
        self._drop_older_rows()

    @contextmanager
    def _ending_early(self) -> Iterator[None]:
        """What concerns only this stream ends it; the tap reads the others and then fails.

        That is a scope that lacks, a wait that is too long, a refused request, odd content.

        Raises:
            KlaviyoError: no stream can be read (wrong key, server down).
        """
        try:
            yield
        except KlaviyoError as error:
            if not ends_only_itself(error):
                self._write_state_message()
                raise
            end_early(self._klaviyo_tap, self, error)

    def _pages(self, reader: Reader, plan: RunPlan) -> Iterator[tuple[Scan, AnyPage]]:
        """The pages of the stream: of its one scan, or of its many."""
        self._sieve = self._made_sieve(plan)  # may ask Klaviyo: here, where others have their turn
        one_scan = self.spec.resumable and not self.options.metrics.include
        if one_scan:
            self.progress.bounds = within_run(plan.bounds, self._klaviyo_tap.started_at)
        # Who joins a list anew while its windows are read may be in none of them: the next run has
        # them. Where the table is read whole, they would count as gone.
        in_order = bool(self.spec.trust_order and self._bookmark)
        for bounds in filter(None, (plan.bounds, plan.late)):
            if one_scan:
                pages = reader.one(Scan(bounds, self.spec.partitions[0], self.spec.path))
            else:
                scans = self.scans(bounds, plan.parents_since)
                pages = reader.several(scans, in_order=in_order)
            # Some have no upper bound at Klaviyo; what lies after a second pass was read before.
            late = bounds is plan.late
            yield from ((replace(one, window=True) if late else one, page) for one, page in pages)

    def _write_page(self, scan: Scan, page: AnyPage) -> int:
        """Write the records of a page that belong to its scan; how many they were."""
        assert isinstance(page, LinedPage)  # noqa: S101 - as `_reader` is told to read them
        written = page.within(scan)
        writer = self._klaviyo_tap.message_writer
        writer.write_lines(written.block)
        writer.flush()
        self.progress.emitted(written.count, written.keys)
        if self._bookmark and self._bookmark.see_all(written.keys):
            self.state_manager.is_flushed = False
        return written.count

    def _say_missing(self, what: str, error: KlaviyoError) -> None:
        """Tell of a metric that Klaviyo refuses, or of a parent that went away meanwhile."""
        level, text = self.spec.missing_level, "Stream %s goes on without %s: %s"
        self.logger.log(level, text, self.name, what, error)

    def scans(self, bounds: Bounds, parents_since: datetime | None = None) -> Iterator[Scan]:
        """What to read for these time bounds, perhaps for parents only that changed."""
        client, parent = self._klaviyo_tap.client, self.spec.parent
        whole = [Scan(bounds, path=self.spec.path)]
        parents = member_scans(client, parent, bounds, parents_since) if parent else whole
        metrics_wanted = included_metrics(self.options.metrics, self._account_metrics)
        scans = combined_scans(parents, self.spec.partitions, metrics_wanted)
        return understood(scans, f"what {self.name} hangs on")

    def probe(self) -> bool:
        """Ask Klaviyo for the least that shows whether the stream can be read.

        False where it hangs on what the account does not have, so that it was not asked for.

        Raises:
            KlaviyoError: it cannot.
        """
        scan = next(self.scans(Bounds()), None)
        if scan:
            next(self._reader.scan_pages(scan), None)
        return scan is not None

    def _increment_stream_state(self, latest_record: Record, *, context: Context = None) -> None:  # noqa: ARG002
        """Move our own bookmark; the SDK's would pass the run's start and fail on look-backs."""
        key = latest_record.get(self.spec.replication_key or "")
        self.progress.emitted(1, (key,))
        if self._bookmark and self._bookmark.see(key):
            self.state_manager.is_flushed = False

    @cached_property
    def _thin(self) -> bool:
        """Whether nothing needs to look inside a value: no map, flattening, nested deselection."""
        mapped = self.config.get("stream_maps") or self.config.get("flattening_enabled")
        return not mapped and not deselects_nested(self.mask)

    @cached_property
    def _lines(self) -> PageLines:
        thin = ThinPath(self._shape)
        return PageLines(
            self.spec, self._shape, thin, lambda: self._sieve, lambda: self._stream_version
        )

    def _made_sieve(self, plan: RunPlan) -> Sieve:
        """Which records belong to the stream."""
        excluded = excluded_metrics(self.options.metrics, self._account_metrics, self._columns)
        return Sieve(plan.end.isoformat() if plan.end else None, excluded)

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
            client=self._klaviyo_tap.client,
            operation_id=self.spec.operation,
            query=replace(query, page_size=self.options.page_size or query.page_size),
            key=self.spec.time_field,
            own_filter=self.options.filter,
            workers=self.config["max_parallel_requests"],
            room=self._klaviyo_tap.room,
            lines=self._lines,
            now=self._klaviyo_tap.started_at,
            missing=self._say_missing,
            timed=self.spec.timed,
        )

    @cached_property
    def _account_metrics(self) -> list[Metric]:
        """The account's metrics, where events are chosen by them."""
        if self.options.metrics.everything:
            return []
        return account_metrics(self._klaviyo_tap.client)

    def _opened_bookmark(self) -> Bookmark | None:
        """The bookmark of an incremental run."""
        if self.spec.replication_key is None or self.replication_method != "INCREMENTAL":
            return None
        self.get_context_state(None).pop("partitions", None)
        bookmark = self._bookmark_at(
            self.spec.replication_key,
            self._klaviyo_tap.started_at,
            resumable=self.spec.resumable and not self.options.metrics.include,
        )
        if bookmark.was_future:
            self.logger.warning("The bookmark of %s lay in the future and counts as now", self.name)
        return bookmark

    def _planned(self, bookmark: Bookmark | None) -> RunPlan:
        """What this run reads."""
        tap = self._klaviyo_tap
        times = RunTimes(tap.started_at, tap.start_date, tap.end_date)
        if bookmark is None:
            return whole_plan(self.spec, times)
        state = self.get_context_state(None)
        plan = run_plan(self.spec, self.options, times, bookmark.start, state)
        bookmark.notes = plan.notes
        return plan
