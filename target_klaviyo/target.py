"""target-klaviyo: the target itself."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from copy import deepcopy
from datetime import datetime, timezone
from functools import cached_property
from types import FrameType
from typing import Any, ClassVar

import click
from singer_sdk import Sink, Target
from singer_sdk.helpers.capabilities import CapabilitiesEnum, PluginCapabilities, TargetCapabilities

from klaviyo_client.connection import check_environment, check_names, connected
from klaviyo_client.signals import came_inside_log_line
from target_klaviyo.changes import Changes, StreamChanges
from target_klaviyo.command import ClearCommand
from target_klaviyo.configuration import earliest_event, locale, mirror_ratio, policy, stream_rules
from target_klaviyo.courier import Courier, Rehearsal
from target_klaviyo.directory import AccountDirectory
from target_klaviyo.items import Item
from target_klaviyo.mapping import StreamMapping, left_out, mapping_of, own_mapping, stream_mappings
from target_klaviyo.mirrors import all_removals, check_sources, one_each
from target_klaviyo.notices import Notices
from target_klaviyo.outcomes import Row
from target_klaviyo.plans import StreamRules
from target_klaviyo.reader import Interruption, MessageReader, Parted
from target_klaviyo.report import opened_report
from target_klaviyo.settings import MEANINGLESS, SETTINGS
from target_klaviyo.sinks import IgnoringSink, KlaviyoSink
from target_klaviyo.specs import SinkSpec, sink_names
from target_klaviyo.stream_maps import ExplainingMapper
from target_klaviyo.unchanged_rows import Watched, parted
from target_klaviyo.values import Locale


class TargetKlaviyo(Target):
    """Writes people, their consent and a shop's things to Klaviyo, each row accounted for."""

    name = "target-klaviyo"
    package_name = "klaviyo-connector"
    config_jsonschema: ClassVar[dict[str, Any]] = SETTINGS
    default_sink_class = KlaviyoSink
    capabilities: ClassVar[list[CapabilitiesEnum]] = [
        PluginCapabilities.ABOUT,
        PluginCapabilities.STREAM_MAPS,
        PluginCapabilities.FLATTENING,
        PluginCapabilities.STRUCTURED_LOGGING,
        TargetCapabilities.VALIDATE_RECORDS,
    ]

    def __init__(self, **keywords: Any) -> None:
        """Take settings from the environment too, and check all of them before any row.

        Raises:
            ConfigurationError: a setting is unknown or wrong.
        """
        check_environment(os.environ, self.name, self.config_jsonschema["properties"])
        # Plain pipes set TARGET_KLAVIYO_API_KEY as Meltano does, without `--config ENV`.
        keywords["parse_env_config"] = True
        self.interruption = Interruption(self._end_early)
        self._reader = MessageReader(self.interruption, self.finish, self._parted)
        keywords["message_reader"] = self._reader
        super().__init__(**keywords)
        # Sinks drain in order of first appearance; what goes on at once does so inside a batch.
        self.max_parallelism = 1
        self._schema_message: dict[str, Any] = {}
        self._finished = False
        self._notices = Notices(self.logger)
        # By sink, the stream whose rows came last.
        self.turns: dict[str, KlaviyoSink] = {}

    def setup_mapper(self) -> None:
        """Check the settings before the SDK looks at streams."""
        check_names(self.config, self.config_jsonschema["properties"])
        self.mappings = stream_mappings(self.config["streams"])
        self.left_out = left_out(self.config["streams"])
        self.locale: Locale = locale(self.config)
        earliest_event(self.config)
        self._mirror_ratio = mirror_ratio(self.config)
        self.client = connected(self.config, self.name, self.plugin_version)
        self.policy = policy(self.config)
        self.report = opened_report(self.config, self.policy, self.client.clock.monotonic)
        self.changes = Changes(self.client, self.config, self.plugin_version)
        self._mapper = ExplainingMapper(self.config, self.logger, lambda: self._reader.number)

    @classmethod
    def append_builtin_config(cls, config_jsonschema: dict[str, Any]) -> None:
        """The SDK's settings, without those that have no meaning here."""
        super().append_builtin_config(config_jsonschema)
        for name in MEANINGLESS:
            config_jsonschema["properties"].pop(name, None)

    @cached_property
    def courier(self) -> Courier | Rehearsal:
        """Whoever carries requests to Klaviyo."""
        if self.config["dry_run"]:
            return Rehearsal(self._show)
        parallel, timeout = self.config["max_parallel_requests"], self.config["job_timeout_seconds"]
        return Courier(self.client, parallel, float(timeout))

    @cached_property
    def directory(self) -> AccountDirectory:
        """Lists and people of the account."""
        courier = self.courier
        return AccountDirectory(
            self.client,
            create_lists=self.config["create_lists"],
            dry_run=self.config["dry_run"],
            together=courier.together if isinstance(courier, Courier) else map,
        )

    def _show(self, *told: str) -> None:
        """Show stream, operation and body of what would be sent."""
        self.logger.info("dry run, stream '%s': first payload of %s: %s", *told)

    def mapping_of(self, stream_name: str) -> StreamMapping:
        """How the rows of a stream are read.

        Raises:
            UnknownStreamError: no sink takes it.
        """
        return mapping_of(self.mappings, stream_name)

    def rules(self, mapping: StreamMapping, keys: Sequence[str]) -> StreamRules:
        """What a builder needs to know."""
        now = datetime.fromtimestamp(self.initialized_at / 1000, tz=timezone.utc)
        return stream_rules(mapping, keys, self.config, now, self._notices.of(mapping.stream))

    def get_sink_class(self, stream_name: str) -> type[Sink]:
        """The sink of a stream; refuses a stream that no sink takes.

        Raises:
            UnknownStreamError: see `mapping_of`.
        """
        known = stream_name in self.mappings or own_mapping(stream_name)
        skipped = not known and self.config["on_unknown_stream"] == "skip"
        if skipped or stream_name in self.left_out:
            return IgnoringSink
        self.mapping_of(stream_name)
        return KlaviyoSink

    def get_sink(
        self,
        stream_name: str,
        *,
        record: dict[str, Any] | None = None,
        schema: dict[str, Any] | None = None,
        key_properties: Sequence[str] | None = None,
    ) -> Sink:
        """The sink of a stream; a changed schema first sends what came under the old one.

        The SDK would park the old sink, and its rows could be overtaken by newer ones.
        """
        if schema is not None:
            if self.sink_exists(stream_name):
                self.drain_one(self._sinks_active[stream_name])
            self.report.describe(stream_name, self._schema_message)
        sink = super().get_sink(
            stream_name, record=record, schema=schema, key_properties=key_properties
        )
        if schema is not None and isinstance(sink, KlaviyoSink):
            begun = sink.spec.name
            self.drain_sinks(lambda spec: begun in spec.before)
        return sink

    def _process_schema_message(self, message_dict: dict[str, Any]) -> None:
        """Keep the message as it came, for dead letters."""
        # The SDK alters the schema in place.
        self._schema_message = deepcopy(message_dict)
        super()._process_schema_message(message_dict)

    def row(self, stream_name: str) -> Row:
        """The row that is being worked off, counted in."""
        return Row(self.report.next_row(stream_name), self._reader.line, self._reader.flaw)

    def _parted(self, lines: Sequence[bytes]) -> Parted:
        """Lines, unchanged rows apart; where rows are altered first, it is for the sinks to see."""
        altered = self.config.get("stream_maps") or self.config.get("flattening_enabled")
        if altered or not self.config.get("change_store"):
            return [(None, lines)]
        return parted(lines, self._watched)

    def _watched(self) -> dict[str, Watched]:
        """The streams whose changes are watched."""
        sinks = (one for one in self._sinks_active.values() if isinstance(one, KlaviyoSink))
        return {one.stream_name: one.watched for one in sinks if one.watched}

    def drain_if_due(self) -> None:
        """Send everything and emit state if that was last done long ago, as after each row."""
        self._handle_max_record_age()

    def drain_sinks(self, wanted: Callable[[SinkSpec], bool]) -> None:
        """Send the pending rows of these sinks."""
        for sink in list(self._sinks_active.values()):
            if isinstance(sink, KlaviyoSink) and wanted(sink.spec):
                self.drain_one(sink)

    def deliver(
        self,
        spec: SinkSpec,
        stream_name: str,
        items: Sequence[Item],
        changes: StreamChanges | None,
    ) -> None:
        """Send a batch and note what became of it.

        Raises:
            KlaviyoError: nothing more can be sent.
            RowsFailedError: rows were refused, and the settings say to stop.
        """
        if items:
            asked = self.directory.requests
            if changes:
                changes.sending()
            delivery = self.courier.deliver(spec.plan(items, self.directory), stream_name)
            delivery.requests += self.directory.requests - asked
            self.report.delivered(stream_name, delivery)
            if changes:
                changes.settled(delivery.settled)
            if delivery.error:
                raise delivery.error
            if self.config["dry_run"]:
                self.directory.expect(name for item in items for name in item.identities)
        self.report.check()

    def process_endofpipe(self) -> None:
        """Send what is left, and say what became of everything."""
        with self.interruption:
            try:
                for sink in list(self._sinks_active.values()):
                    self.drain_one(sink)
                self._finish_mirrors()
                super().process_endofpipe()
            finally:
                self.finish()

    def _finish_mirrors(self) -> None:
        """Take away what complete streams no longer name, unless they may not be complete.

        Raises:
            MirrorRefusedError: nothing was taken away, or not everything.
        """
        sinks = [one for one in self._sinks_active.values() if isinstance(one, KlaviyoSink)]
        mirrored = {
            one.stream_name: (one.spec.name, one.spec.mirror) for one in sinks if one.spec.mirror
        }
        check_sources(mirrored, self.report.totals(), incomplete=self._reader.incomplete)
        tidied = one_each(mirrored, sink_names())
        for stream, plan in all_removals(tidied, self.directory, self._mirror_ratio):
            self.report.removed(stream, self.courier.deliver(plan, stream))

    def finish(self) -> None:
        """Close everything and log the summary, once."""
        if self._finished:
            return
        self._finished = True
        self.courier.close()
        self.changes.close()
        prefix = "dry run, nothing was sent: " if self.config["dry_run"] else ""
        for line in self.report.summary():
            self.logger.info("%s%s", prefix, line)
        for stream in set(self.mappings) - set(self.report.totals()):
            self.logger.warning("streams.%s: no such stream came", stream)
        self.client.close()
        self.report.close()

    def _write_state_message(self, state: dict[str, Any]) -> None:
        """Emit state, which says that rows were written; so not in a dry run."""
        self.report.flush()
        if not self.config["dry_run"]:
            super()._write_state_message(state)

    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:
        """Serve a signal when the batch under way has settled.

        The SDK would start a drain inside a drain and print state for rows that were not sent
        (its issue 3775).
        """
        if came_inside_log_line(signum, frame):
            return
        self.logger.info("Signal %d: finishing what is under way", signum)
        self.interruption.signalled()

    def _end_early(self) -> None:
        """Send what was read, print state, and leave."""
        try:
            self.drain_all(is_endofpipe=True)
        finally:
            self.finish()
        raise SystemExit(0)

    @classmethod
    def get_singer_command(cls) -> click.Command:
        """The SDK's command, with clear errors."""
        return ClearCommand.like(super().get_singer_command(), cls.logger)
