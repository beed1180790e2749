"""The SDK's sinks: gather rows as items, and hand whole batches over until they have settled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from singer_sdk.exceptions import MissingKeyPropertiesError
from singer_sdk.sinks import BatchSink
from singer_sdk.sinks.core import BaseJSONSchemaValidator

from klaviyo_client.errors import ConfigurationError
from target_klaviyo.changes import UNCHANGED
from target_klaviyo.errors import InputError
from target_klaviyo.items import Item
from target_klaviyo.outcomes import Outcome, RejectedRowError, Row, RowError
from target_klaviyo.projection import field_sources, projection
from target_klaviyo.schema_files import Check, compiled, sink_schema
from target_klaviyo.unchanged_rows import Watched
from target_klaviyo.unwritable import unwritable

if TYPE_CHECKING:
    from target_klaviyo.target import TargetKlaviyo

# Bodies and lines held back for one batch; bounds memory where rows are large.
BATCH_BYTES = 64_000_000
UNMAPPED = Outcome("skipped", "no sink takes this stream")
LEFT_OUT = Outcome("skipped", "the settings leave this stream out")


class KlaviyoSink(BatchSink):
    """The sink of one stream; which one of Klaviyo's it is stands in its mapping."""

    def __init__(
        self,
        target: TargetKlaviyo,
        stream_name: str,
        schema: dict[str, Any],
        key_properties: Sequence[str] | None,
    ) -> None:
        """Compile how rows of this stream are read.

        Raises:
            ConfigurationError: mapping and stream do not fit each other.
        """
        super().__init__(target, stream_name, schema, key_properties)
        self._target = target
        mapping = target.mapping_of(stream_name)
        self.spec = mapping.sink
        declared = schema.get("properties") or {}
        texts = {name for name, one in declared.items() if is_text(one)}
        self._projection = projection(
            mapping, list(declared), target.locale, texts=texts, check=bool(declared)
        )
        self._rules = target.rules(mapping, self.key_properties)
        self._fits_stream = self._compiled(schema) if self.validate_schema else None
        self._fits_sink = compiled(sink_schema(self.spec.name))
        sources = dict(field_sources(mapping, list(declared), texts))
        self._changes = target.changes.of(mapping, sources, self.key_properties)
        strip, count = self._remove_sdc_metadata_from_record, self._count_unchanged
        skips = self._changes if self.key_properties else None
        self.watched = Watched(skips, strip, count) if skips else None
        self._rows = self._bytes = 0
        self._items: list[Item] = []
        self._refusals = self.spec.refusals() if self.spec.refusals else None
        if self._projection.read_only:
            names = ", ".join(self._projection.read_only)
            self._rules.notice("read-only", f"these columns cannot be written, left out: {names}")
        if target.config.get("change_store") and not self.key_properties:
            self._rules.notice("no keys", "has no key properties: change_store skips none of it")

    def _compiled(self, schema: dict[str, Any]) -> Check:
        """The check of a record against its stream's own schema."""
        try:
            return compiled(schema)
        except ValueError:
            raise ConfigurationError(
                f"stream {self.stream_name!r}: its SCHEMA message holds no JSON Schema",
            ) from None

    def get_validator(self) -> BaseJSONSchemaValidator | None:
        """None: a row that does not fit is an outcome, not the end (see `process_record`)."""
        return None

    def _validate_and_parse(self, record: dict[str, Any]) -> dict[str, Any]:
        """Leave the record as it came: the SDK's parsing would end the run at a bad date."""
        return record

    def _singer_validate_message(self, record: dict[str, Any]) -> None:
        """Stop at a record without its keys, unless refused rows are to be set aside.

        Raises:
            MissingKeyPropertiesError: as the SDK would, but without quoting columns and values.
        """
        missing = self._missing_keys(record)
        if missing and self._target.policy.stop:
            raise MissingKeyPropertiesError(
                f"stream {self.stream_name!r}: a record lacks its key property {missing[0]!r}",
            )

    def _missing_keys(self, record: Mapping[str, Any]) -> list[str]:
        """The key properties that a record lacks."""
        return [key for key in self.key_properties if key not in record]

    @property
    def max_size(self) -> int:
        """Rows of a batch."""
        return self.batch_size_rows or self.spec.batch_rows

    @property
    def is_full(self) -> bool:
        """Whether the batch should go out: enough rows (unchanged ones aside), or enough bytes."""
        return self._bytes >= BATCH_BYTES or self._rows >= self.max_size

    def process_record(self, record: dict[str, Any], context: dict[str, Any]) -> None:  # noqa: ARG002
        """Turn a row into an item of the batch, or settle it at once where it cannot be sent."""
        report = self._target.report
        row = self._target.row(self.stream_name)
        if row.flaw:
            self._refuse(record, row, Outcome("rejected", row.flaw))
            return
        if self._changes and self._changes.unchanged(record, row.number):
            report.settle(self.stream_name, row, UNCHANGED)
            return
        self._rows += 1
        try:
            item = self.spec.build(self._checked(record), row, self._rules)
        except RowError as error:
            self._refuse(record, row, error.outcome)
            return
        if self._changes:
            self._changes.challenge(item, row.number)
        self._take_turn()
        self._items.append(item)
        self._bytes += len(item.body) + len(row.line)

    def _refuse(self, record: dict[str, Any], row: Row, outcome: Outcome) -> None:
        """Settle a row that is not sent."""
        if self.spec.refusals and outcome.kind == "rejected":
            holder = self._target.turns.get(self.spec.name, self)
            holder.heed(self._projection.readable(record))
        self._target.report.settle(self.stream_name, row, outcome)

    def heed(self, said: Mapping[str, Any]) -> None:
        """Take in what a refused row says of those before it, which are still to be sent."""
        if self._refusals:
            self._refusals.note(said, len(self._items))

    def _count_unchanged(self, lines: Sequence[bytes]) -> None:
        """Count rows in that Klaviyo has as they are, as `process_record` and the SDK would."""
        self._target.report.settle_alike(self.stream_name, lines, UNCHANGED)
        self.record_counter_metric.increment(len(lines))
        self._target.drain_if_due()

    def _take_turn(self) -> None:
        """Send the pending rows of another stream of the same sink: the order of rows counts."""
        earlier = self._target.turns.get(self.spec.name, self)
        self._target.turns[self.spec.name] = self
        if earlier is not self and self.spec.ordered:
            self._target.drain_one(earlier)

    def _checked(self, record: Mapping[str, Any]) -> Mapping[str, Any]:
        """The record as the sink takes it.

        Raises:
            RowError: it does not fit.
        """
        missing = self._missing_keys(record)
        if missing:
            raise RejectedRowError(f"lacks its key property {missing[0]!r}")
        problem = self._fits_stream(record) if self._fits_stream else None
        if problem:
            raise RejectedRowError(f"does not fit its stream's schema: {problem}")
        accepted = self._projection.accepted(record)
        problem = self._fits_sink(accepted)
        if problem:
            raise RejectedRowError(problem)
        return accepted

    def process_batch(self, context: dict[str, Any]) -> None:  # noqa: ARG002
        """Send the batch; returns when Klaviyo has answered for every row of it.

        Raises:
            KlaviyoError: nothing more can be sent.
            RowsFailedError: rows were refused, and the settings say to stop.
        """
        self._target.drain_sinks(lambda spec: spec.name in self.spec.after)
        self._rows = self._bytes = 0
        items, self._items = self._items, []
        spec = self.spec
        if self._refusals:
            spec = replace(spec, plan=self._refusals.respected(spec.plan))
        self._target.deliver(spec, self.stream_name, items, self._changes)

    def process_batch_files(self, encoding: Any, files: Sequence[str]) -> None:  # noqa: ARG002
        """Refuse BATCH messages: their files bypass every check.

        Raises:
            InputError: always.
        """
        raise InputError(
            f"stream {self.stream_name!r} comes as BATCH files, which target-klaviyo does not "
            "read; turn batch_config off in the tap",
        )

    def _after_process_record(self, context: dict[str, Any]) -> None:
        """Log nothing: the SDK would write the batch, which is personal data, at DEBUG."""

    def activate_version(self, new_version: int) -> None:
        """Nothing to do: Klaviyo keeps no versions of a table."""


class IgnoringSink(BatchSink):
    """Takes the rows of a stream that is left out, or that no sink takes and that is skipped."""

    def __init__(
        self,
        target: TargetKlaviyo,
        stream_name: str,
        schema: dict[str, Any],
        key_properties: Sequence[str] | None,
    ) -> None:
        """Say once that the stream is skipped."""
        super().__init__(target, stream_name, schema, key_properties)
        self._target = target
        self._outcome = LEFT_OUT if stream_name in target.left_out else UNMAPPED
        why = unwritable(stream_name)
        self.logger.warning(
            "Stream '%s' is not written, its rows are skipped: %s%s",
            stream_name,
            self._outcome.reason,
            f" ({why})" if why else "",
        )

    def get_validator(self) -> BaseJSONSchemaValidator | None:
        """None: nothing is read."""
        return None

    def _validate_and_parse(self, record: dict[str, Any]) -> dict[str, Any]:
        """Leave the record as it came."""
        return record

    def process_record(self, record: dict[str, Any], context: dict[str, Any]) -> None:  # noqa: ARG002
        """Count the row as skipped."""
        row = self._target.row(self.stream_name)
        self._target.report.settle(self.stream_name, row, self._outcome)

    def process_batch(self, context: dict[str, Any]) -> None:
        """There is nothing to send."""

    def activate_version(self, new_version: int) -> None:
        """Nothing to do."""


def is_text(declared: Any) -> bool:
    """Whether a column is declared as text, and as nothing else but null."""
    types = declared.get("type") if isinstance(declared, Mapping) else None
    return types == "string" or (isinstance(types, list) and set(types) == {"string", "null"})
