"""tap-klaviyo: the tap itself."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Sequence
from datetime import datetime, timezone
from functools import cached_property
from types import FrameType
from typing import Any, ClassVar

import click
from singer_sdk import Stream, Tap
from singer_sdk.exceptions import ConfigValidationError
from singer_sdk.helpers.capabilities import (
    CapabilitiesEnum,
    PluginCapabilities,
    TapCapabilities,
)

from klaviyo_client.client import KlaviyoClient
from klaviyo_client.connection import (
    check_environment,
    check_names,
    connected,
    misspelt,
    without_secret,
)
from klaviyo_client.early import EarlyAnswers
from klaviyo_client.errors import AuthenticationError, ConfigurationError, KlaviyoError
from klaviyo_client.signals import came_inside_log_line
from tap_klaviyo.catalog_marks import complete
from tap_klaviyo.command import ClearCommand
from tap_klaviyo.custom_streams import all_specs
from tap_klaviyo.endings import OF_ONE_STREAM
from tap_klaviyo.memory import looking_less_for_garbage, use_memory_again
from tap_klaviyo.metric_choice import Metric, account_metrics
from tap_klaviyo.options import stream_options
from tap_klaviyo.reporting import reporting
from tap_klaviyo.reports_declared import Report, all_reports
from tap_klaviyo.reports_stream import ReportStream, plan_reports
from tap_klaviyo.room import Room
from tap_klaviyo.settings import (
    SETTINGS,
    check_catalog,
    check_dates,
    checked_state,
    date_setting,
    left_out,
)
from tap_klaviyo.side_by_side import SideBySide
from tap_klaviyo.spec import StreamSpec
from tap_klaviyo.stages import check_stages, named_only, staged
from tap_klaviyo.streams import KlaviyoStream
from tap_klaviyo.turns import Turns
from tap_klaviyo.writer import BufferedWriter

READABLE = "readable"
NOTHING_TO_ASK = "readable as far as can be told: the account has nothing yet that it hangs on"


class StreamsUnfinishedError(KlaviyoError):
    """Some streams ended early."""


class TapKlaviyo(Tap):
    """Reads profiles, events, lists, segments, campaigns, flows and more from Klaviyo."""

    name = "tap-klaviyo"
    package_name = "klaviyo-connector"
    config_jsonschema: ClassVar[dict[str, Any]] = SETTINGS
    message_writer_class = BufferedWriter
    message_writer: BufferedWriter
    early: ClassVar[EarlyAnswers | None] = None
    """What has been asked for while this module was being loaded."""
    # No BATCH: the SDK's files hold deselected columns, and its records skip stream maps.
    capabilities: ClassVar[list[CapabilitiesEnum]] = [
        TapCapabilities.CATALOG,
        TapCapabilities.STATE,
        TapCapabilities.DISCOVER,
        PluginCapabilities.ACTIVATE_VERSION,
        PluginCapabilities.ABOUT,
        PluginCapabilities.STREAM_MAPS,
        PluginCapabilities.FLATTENING,
        PluginCapabilities.STRUCTURED_LOGGING,
    ]

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        """Take settings from the environment too, and refuse unknown ones.

        Raises:
            ConfigurationError: a setting or stream option is unknown or malformed.
        """
        check_environment(os.environ, self.name, self.config_jsonschema["properties"])
        # Plain pipes set TAP_KLAVIYO_API_KEY as Meltano does, without `--config ENV`.
        keywords["parse_env_config"] = True
        keywords["state"] = checked_state(keywords.get("state"))
        self.unfinished: list[str] = []
        self.turns = Turns()
        self.side_by_side = SideBySide(self.turns, self._sync_stream)
        super().__init__(*arguments, **keywords)

    def setup_mapper(self) -> None:
        """Check the settings before the SDK looks at streams."""
        self._check_settings()
        for text in misspelt(os.environ, self.name, self.config_jsonschema["properties"]):
            self.logger.warning(text)
        check_dates(self.start_date, self.end_date, self.started_at)
        names = [spec.name for spec in self.specs]
        names += [report.name for report in self.reports]
        check_catalog(self.input_catalog, names)
        for name in left_out(self.input_catalog, self.config):
            self.logger.warning("Stream %s is not in the catalog: discover anew to read it", name)
        check_stages(self.config.get("stages"), names)
        complete(self.input_catalog, [*self.specs, *(report.spec for report in self.reports)])
        super().setup_mapper()

    def _check_settings(self) -> None:
        """Refuse unknown settings and those of another form; for discovery, the SDK only warns.

        Raises:
            ConfigurationError: with a line for each.
        """
        check_names(self.config, self.config_jsonschema["properties"])
        try:
            self._validate_config()
        except ConfigValidationError as error:
            raise ConfigurationError("\n".join(map(without_secret, error.errors))) from None

    @cached_property
    def started_at(self) -> datetime:
        """When the run began, in whole seconds; no bookmark passes it."""
        started = datetime.fromtimestamp(self.initialized_at / 1000, tz=timezone.utc)
        return started.replace(microsecond=0)

    @cached_property
    def start_date(self) -> datetime | None:
        """The setting as a moment in UTC."""
        return date_setting(self.config, "start_date")

    @cached_property
    def end_date(self) -> datetime | None:
        """The setting as a moment in UTC."""
        return date_setting(self.config, "end_date")

    @cached_property
    def client(self) -> KlaviyoClient:
        """The one client that all streams share."""
        return connected(self.config, self.name, self.plugin_version, self.early)

    def discover_streams(self) -> Sequence[KlaviyoStream | ReportStream]:
        """Every stream, without asking Klaviyo."""
        self._check_settings()
        options = stream_options(self.config, self.specs)
        streams = [KlaviyoStream(self, spec, options[spec.name]) for spec in self.specs]
        return [*streams, *(ReportStream(self, report) for report in self.reports)]

    @cached_property
    def reports(self) -> tuple[Report, ...]:
        """The reports that the user declares, or those by default."""
        return all_reports(self.config, [spec.name for spec in self.specs])

    @cached_property
    def account_metrics(self) -> list[Metric]:
        """The account's metrics, for reports that name them."""
        return account_metrics(self.client)

    @cached_property
    def specs(self) -> tuple[StreamSpec, ...]:
        """The rows of all streams, the user's own included."""
        return all_specs(self.config)

    @cached_property
    def room(self) -> Room:
        """What all streams together may read ahead."""
        return Room(self.config["max_buffer_mb"] * 1_000_000)

    def sync_all(self) -> None:  # type: ignore[misc]
        """Sync as the SDK does it, but the streams side by side.

        Raises:
            StreamsUnfinishedError: some streams ended early.
        """
        use_memory_again()
        for shared in ("client", "room", "started_at"):
            getattr(self, shared)  # made here: two streams at once would make two
        self._reset_state_progress_markers()
        self._set_compatible_replication_methods()
        if self.state:
            self._state_writer.write_state(self.state)
        for stream in self.streams.values():
            if not stream.selected:
                self.logger.info("Skipping deselected stream '%s'.", stream.name)
        for name in named_only(self.config.get("stages"), self.streams):
            self.logger.warning("Stream %s is in stages but not selected: it is not read", name)
        stages = staged(self.config.get("stages"), self.streams)
        selected = [stream for stage in stages for stream in stage]
        if not selected:
            self.logger.warning("No stream is selected, so nothing is read: see the catalog")
        counters = [klaviyo_stream(stream).progress for stream in selected]
        plan_reports(self.config, [one for one in selected if isinstance(one, ReportStream)])
        with (
            reporting(self.config["progress"], counters, self.client, self.logger),
            looking_less_for_garbage(),
        ):
            for stage in stages:
                self.side_by_side.run(stage)
        if self.unfinished:
            text = f"not everything was read: {', '.join(self.unfinished)} ended early, see above"
            unread = ", ".join(one.name for one in counters if one.outcome is None)
            raise StreamsUnfinishedError(f"{text}; not begun: {unread}" if unread else text)

    def _sync_stream(self, stream: Stream) -> None:
        """Sync one stream, as the SDK's `sync_all` does."""
        with klaviyo_stream(stream).progress.reading():
            stream.sync()
        stream.finalize_state_progress_markers()

    def end_early(self, name: str) -> None:
        """Take note that a stream ended early; the others end too where the user wants it so."""
        self.unfinished.append(name)
        if self.config["on_stream_error"] == "stop":
            self.side_by_side.stop()

    def test_streams(self) -> bool:
        """Try each stream and say which scope is missing; True where all can be read.

        Raises:
            KlaviyoError: nothing can be read (wrong key, server down).
        """
        stages = self.config.get("stages")
        named = [name for stage in stages for name in stage] if stages else self.streams
        tried = {
            name: stream
            for name, stream in self.streams.items()
            if name in named
            # A report costs a part of the day's quota: only those that are wanted are tried.
            and (stream.selected or not isinstance(stream, ReportStream))
        }
        found = {name: self.found_of(stream) for name, stream in tried.items()}
        for name, text in found.items():
            level = logging.ERROR if isinstance(text, KlaviyoError) else logging.INFO
            self.logger.log(level, "Stream %s: %s", name, text)
        return not any(isinstance(text, KlaviyoError) for text in found.values())

    def found_of(self, stream: Stream) -> KlaviyoError | str:
        """Why a stream cannot be read, or that it can.

        Raises:
            KlaviyoError: nothing can be read.
        """
        try:
            return READABLE if klaviyo_stream(stream).probe() else NOTHING_TO_ASK
        except AuthenticationError:
            raise
        except (*OF_ONE_STREAM, ConfigurationError) as error:
            return error

    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:
        """Write state and exit, once the stream whose turn it is has written its page."""
        if came_inside_log_line(signum, frame):
            return
        # A second signal would wait for the first one's turn, which nobody could give on.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        self.logger.info("Told to stop: the page that is being written is written to its end.")
        self.turns.take()
        super()._handle_termination(signum, frame)

    @classmethod
    def get_singer_command(cls) -> click.Command:
        """The SDK's command, with clear errors."""
        return ClearCommand.like(super().get_singer_command(), cls.logger)

    @classmethod
    def cb_test(cls: type[TapKlaviyo], ctx: click.Context, param: click.Option, value: str) -> None:
        """Handle `--test`: every selected stream is tried, and all that is missing is said."""
        if value != "all":
            super().cb_test(ctx, param, value)
            return
        config: Any = ctx.params.get("config")
        tap = cls(config=getattr(config, "config", None))
        ctx.exit(0 if tap.test_streams() else 1)


def klaviyo_stream(stream: Stream) -> KlaviyoStream | ReportStream:
    """A stream of the tap, which the SDK only knows as one of its own."""
    assert isinstance(stream, KlaviyoStream | ReportStream)  # noqa: S101 - the tap makes no other
    return stream
