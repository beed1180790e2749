"""A report as a stream: its windows are asked for one after the other, and made into rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from klaviyo_client.errors import ApiError, ConfigurationError, KlaviyoError
from tap_klaviyo.bookmarks import Bookmark
from tap_klaviyo.catalog_marks import mark
from tap_klaviyo.endings import OF_ONE_STREAM, end_early
from tap_klaviyo.odd_content import understanding
from tap_klaviyo.progress import StreamProgress, within_run
from tap_klaviyo.records import Record
from tap_klaviyo.reports_declared import Report
from tap_klaviyo.reports_planning import Plan, RunDays, Window, announcement, fitting, plan
from tap_klaviyo.reports_reading import metric_ids, pages
from tap_klaviyo.reports_rows import rows
from tap_klaviyo.reports_timeframes import DAY, MIDNIGHT
from tap_klaviyo.run_plan import noted
from tap_klaviyo.scans import Bounds
from tap_klaviyo.schema_files import marked_schema
from tap_klaviyo.sdk_stream import TapStream

if TYPE_CHECKING:
    from singer_sdk.singerlib import Catalog, MetadataMapping

    from tap_klaviyo.tap import TapKlaviyo

Context = Mapping[str, Any] | None
READ_ON = "read_on"
# Of a run that has not come to its end: the day on which it began, and the last one that it read.
BEGUN_ON, READ_TO = "begun_on", "read_to"
# What the report was when its rows were read: a mark that nothing can be read from.
DECLARED = "declared_as"
REFUSED = (400, 404)
# What Klaviyo points to where it refuses a metric: `metric_id`, `conversion_metric_id`.
METRIC = "metric"


class ReportStream(TapStream):
    """One report. Its bookmark is the last day that was read, with rows or without."""

    def __init__(self, tap: TapKlaviyo, report: Report) -> None:
        """Make the stream of a report."""
        self.report = report
        self.spec = report.spec
        self._klaviyo_tap = tap
        self._plan: Plan | None = None
        self.selected_by_default = not report.by_default
        self.progress = StreamProgress(report.name, self.spec.operations)
        super().__init__(tap, schema=marked_schema(self.spec), name=report.name)
        self.primary_keys = self.spec.primary_keys
        self.replication_key = self.spec.replication_key

    @property
    def metadata(self) -> MetadataMapping:
        """The SDK's metadata, with what we know of scopes."""
        return mark(super().metadata, self.spec)

    def apply_catalog(self, catalog: Catalog) -> None:
        """Take over a catalog; keys stay those of the report."""
        super().apply_catalog(catalog)
        self.primary_keys = self.spec.primary_keys
        self.replication_key = self.spec.replication_key

    def plan(self) -> Plan:
        """What this run has to ask for."""
        tap = self._klaviyo_tap
        bookmark = self._opened_bookmark()
        dates = (tap.start_date, tap.end_date, bookmark.start if bookmark else None)
        days = (one.date() if one else None for one in dates)
        notes = map(self._noted_day, (READ_ON, BEGUN_ON, READ_TO))
        found = plan(self.report, RunDays(tap.started_at.date(), *days, *notes))
        # Nothing tells a later run where to go on, and rows of before are dropped at the end.
        return found if bookmark else replace(found, again=len(found.windows))

    def _noted_day(self, name: str) -> date | None:
        """A day that the state of an incremental report notes; none lies in the future."""
        bookmark = self._opened_bookmark()
        found = noted(self.get_context_state(None), name) if bookmark and bookmark.start else None
        return min(found, self._klaviyo_tap.started_at).date() if found else None

    def keep_to(self, found: Plan) -> None:
        """Read what the plan of the whole run leaves to this report."""
        self._plan = found

    def get_records(self, context: Context) -> Iterable[Record]:  # noqa: ARG002
        """The rows, window by window; others have their turn while an answer is waited for.

        The state is written after each window, so that a run which ends in the middle (a quota
        that is used up) goes on from there the next time.
        """
        tap, bookmark, found = self._klaviyo_tap, self._opened_bookmark(), self._plan or self.plan()
        self._say_changed(bookmark)
        try:
            for window, made in tap.turns.between(self._answers(found)):
                tap.side_by_side.check()
                yield from made
                self._pass(window, bookmark)
        except (*OF_ONE_STREAM, ConfigurationError) as error:
            end_early(tap, self, error)
        except KlaviyoError:
            self._write_state_message()
            raise
        else:
            self._finish(bookmark)

    def _say_changed(self, bookmark: Bookmark | None) -> None:
        """Tell of rows that another declaration has made, and that stay."""
        known = self.get_context_state(None).get(DECLARED) if bookmark and bookmark.start else None
        if known and known != mark_of(self.report):
            self.logger.warning(
                "Report %s is declared otherwise than when it was read last: rows of days before "
                "its look-back stay as they are. To read those days anew, take its bookmark out of "
                "the state and empty its table, or give it another name",
                self.name,
            )

    def _answers(self, found: Plan) -> Iterator[tuple[Window, list[Record]]]:
        """The rows of each window, from the answers for all metrics."""
        tap, report = self._klaviyo_tap, self._selected_part
        if not found.windows:
            return
        edges = (found.windows[0].start, found.windows[-1].end)
        start, end = (datetime.combine(edge, MIDNIGHT) for edge in edges)
        self.progress.bounds = within_run(Bounds(start, end), tap.started_at)
        metrics = metric_ids(report, tap.account_metrics if report.names_metrics else ())
        ask = partial(pages, tap.client, report, now=tap.started_at)
        for window in found.windows:
            made: list[Record] = []
            for metric in metrics:
                with self._refusals_of(metric), understanding(f"an answer to {self.name}"):
                    made += rows(report, window, metric, list(ask(window=window, metric=metric)))
            yield window, made

    @contextmanager
    def _refusals_of(self, metric: str) -> Iterator[None]:
        """Say which metric is asked for, where Klaviyo refuses it: it does not take every one."""
        try:
            yield
        except ApiError as error:
            places = [one.pointer or one.parameter or METRIC for one in error.errors] or [METRIC]
            if metric and error.status in REFUSED and any(METRIC in one for one in places):
                text = "Stream %s: Klaviyo does not answer for the metric %s"
                self.logger.error(text, self.name, metric)  # noqa: TRY400 - raised and told above
            raise

    @property
    def _selected_part(self) -> Report:
        """The report with the selected statistics only; Klaviyo wants one at least."""
        wanted = [one for one in self.report.statistics if self.mask["properties", one]]
        return replace(self.report, statistics=tuple(wanted) or self.report.statistics[:1])

    def _pass(self, window: Window, bookmark: Bookmark | None) -> None:
        """All rows of a window have been written: note the last day that it is about."""
        if bookmark:
            state = self.get_context_state(None)
            state.setdefault(BEGUN_ON, str(self._klaviyo_tap.started_at.date()))
            state[READ_TO] = str(window.end - DAY)
            state[DECLARED] = mark_of(self.report)
            bookmark.see(datetime.combine(window.end - DAY, MIDNIGHT).isoformat())
            self.state_manager.is_flushed = False
        self._write_state_message()
        self._klaviyo_tap.message_writer.flush()

    def _finish(self, bookmark: Bookmark | None) -> None:
        """Note the day on which everything was read that this run had to read."""
        if bookmark:
            begun = self._noted_day(BEGUN_ON) or self._klaviyo_tap.started_at.date()
            bookmark.notes = {READ_ON: str(begun)}
            for name in (BEGUN_ON, READ_TO):
                self.get_context_state(None).pop(name, None)
            bookmark.finish()
            self.state_manager.is_flushed = False
        self._drop_older_rows()

    def probe(self) -> bool:
        """Ask for yesterday: it shows whether the report can be read, and is one request.

        Raises:
            KlaviyoError: it cannot.
        """
        today = self._klaviyo_tap.started_at.date()
        return bool(next(self._answers(Plan(self.report, (Window(today - DAY, today),)))))

    def _opened_bookmark(self) -> Bookmark | None:
        """The bookmark of an incremental run."""
        if self.replication_method != "INCREMENTAL":
            return None
        return self._bookmark_at("date", self._klaviyo_tap.started_at, resumable=True)

    def _increment_stream_state(self, latest_record: Record, *, context: Context = None) -> None:  # noqa: ARG002
        """Count the row; the bookmark moves by windows, since many days have no rows."""
        self.progress.emitted(1, (latest_record["date"],))


def mark_of(report: Report) -> str:
    """Tells declarations apart whose rows do not go together."""
    lists = (sorted(report.statistics), sorted(report.groups), sorted(map(str, report.metrics)))
    parts = (report.kind.name, *lists, report.interval, report.filter, report.timezone)
    return sha256(repr(parts).encode()).hexdigest()[:12]


def plan_reports(config: Mapping[str, Any], streams: Sequence[ReportStream]) -> None:
    """Say what the selected reports are going to ask for, and refuse what cannot be.

    Raises:
        ConfigurationError: with the arithmetic.
    """
    found = fitting(
        [one.plan() for one in streams],
        config["max_report_requests"],
        config["max_wait_seconds"],
        spread=config["on_report_overrun"] == "spread",
    )
    by_name = {one.name: one for one in streams}
    for one in found:
        by_name[one.report.name].keep_to(one)
    for operation_id in dict.fromkeys(one.report.kind.operation for one in found):
        same = [one for one in found if one.report.kind.operation == operation_id]
        streams[0].logger.info(announcement(same))
