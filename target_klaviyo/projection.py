"""From an incoming record to an accepted one: fields filled, values typed, the rest properties.

Compiled once for each stream; the cost of a row is one look-up for each of its columns.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from klaviyo_client.errors import ConfigurationError
from klaviyo_client.filters import nearest
from target_klaviyo.mapping import StreamMapping
from target_klaviyo.outcomes import RejectedRowError
from target_klaviyo.values import Convert, Locale, conversion


@dataclass(frozen=True, slots=True)
class Step:
    """What to do with a column: put its value, converted, at `name` in `holder` ("" the top)."""

    holder: str
    name: str
    convert: Convert | None = None


@dataclass(frozen=True, slots=True)
class Projection:
    """How rows of one stream are read. Columns without a step are properties, or left out."""

    steps: Mapping[str, tuple[Step, ...]]
    constants: Mapping[str, Any] = field(default_factory=dict)
    needs: tuple[tuple[str, ...], ...] = ()
    rest: bool = False
    read_only: tuple[str, ...] = ()
    holder: str = "properties"

    def accepted(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """The record as the sink takes it.

        An empty string counts as absent; a null stays, so that it may clear a field.

        Raises:
            RejectedRowError: a value cannot be read, or something needed is missing.
        """
        accepted = nested(self.constants)
        for column, value in record.items():
            if value == "":
                continue
            steps = self.steps.get(column)
            if steps is None:
                if self.rest:
                    take(accepted, Step(self.holder, column), column, value)
                continue
            for step in steps:
                take(accepted, step, column, value)
        for group in self.needs:
            if all(accepted.get(name) is None for name in group):
                raise RejectedRowError(f"has no {' or '.join(shown(group))}")
        return accepted

    def readable(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """What can be read of a record that was refused: each field whose own column can be."""
        found = nested(self.constants)
        for column, value in record.items():
            for step in self.steps.get(column, ()) if value != "" else ():
                with suppress(RejectedRowError):
                    take(found, step, column, value)
        return found


def nested(constants: Mapping[str, Any]) -> dict[str, Any]:
    """A fresh record that holds the constants."""
    return {
        name: dict(value) if isinstance(value, dict) else value for name, value in constants.items()
    }


def shown(group: tuple[str, ...]) -> tuple[str, ...]:
    """A group of needed fields without our own."""
    return tuple(name for name in group if name != "source_id")


def take(accepted: dict[str, Any], step: Step, column: str, value: Any) -> None:
    """Put one value where it belongs; objects are merged into what is there."""
    if step.convert is not None and value is not None:
        try:
            value = step.convert(value)
        except RejectedRowError as error:
            raise RejectedRowError(f"column {column!r} {error}") from None
    holder = accepted
    if step.holder:
        # A null object is an empty one once something else belongs into it.
        if accepted.get(step.holder) is None:
            accepted[step.holder] = {}
        holder = accepted[step.holder]
    if not isinstance(holder, dict):
        raise RejectedRowError(f"column {step.holder!r} is no object")
    present: Any = holder.get(step.name)
    if isinstance(present, dict) and (value is None or isinstance(value, dict)):
        value = {**present, **(value or {})}
    holder[step.name] = value


def projection(
    mapping: StreamMapping,
    columns: list[str],
    locale: Locale,
    *,
    texts: Collection[str] = (),
    check: bool = True,
) -> Projection:
    """Compile a mapping for a stream with these columns.

    Those in `texts` hold text only, and fill an object (`location`) only where the mapping says
    so.

    Raises:
        ConfigurationError: the mapping names a column that the stream lacks, or nothing fills
            what every row of the sink needs. Not raised where `check` is off, because the
            stream does not declare its columns.
    """
    if check:
        problems = [*missing_columns(mapping, columns)]
        if problems:
            raise ConfigurationError("\n".join(problems))
    sources = dict(field_sources(mapping, columns, texts))
    if check:
        check_needs(mapping, sources, columns)
    left_out = read_only(mapping, columns)
    return Projection(
        all_steps(mapping, sources, left_out, locale),
        constants(mapping, locale),
        mapping.sink.needs,
        mapping.sink.properties,
        tuple(sorted(left_out)),
        mapping.sink.holder,
    )


def missing_columns(mapping: StreamMapping, columns: list[str]) -> Iterator[str]:
    """Columns that the mapping names and the stream lacks."""
    for place, column in mapping.named_columns():
        if column not in columns:
            yield (
                f"streams.{mapping.stream}.{place}: the stream has no column {column!r}"
                f"{nearest(column, columns)}; columns: {listed(columns)}"
            )


def listed(columns: list[str]) -> str:
    """Columns for a message; those that begin or end with blanks in quotes, which show them."""
    return ", ".join(name if name == name.strip() else repr(name) for name in columns)


def field_sources(
    mapping: StreamMapping, columns: list[str], texts: Collection[str]
) -> Iterator[tuple[str, str]]:
    """Field and column for everything that a column fills: as mapped, else by its name."""
    spec = mapping.sink
    for name, source in mapping.columns.items():
        if source.column is not None:
            yield name, source.column
    by_name = {name: name for name in spec.fields if name not in spec.explicit}
    if copied_record(mapping, columns):
        by_name |= spec.tap.names
    mapped = {source.column for source in mapping.columns.values()}
    taken = mapped.union(mapping.ignored, mapping.types)
    for column, name in by_name.items():
        text_for_object = spec.fields.get(name) == "json" and column in texts
        if column not in taken and name not in mapping.columns and not text_for_object:
            yield name, column


def copied_record(mapping: StreamMapping, columns: list[str]) -> bool:
    """Whether these are tap-klaviyo's records."""
    return any(mark in columns for mark in mapping.sink.tap.marks)


def read_only(mapping: StreamMapping, columns: list[str]) -> set[str]:
    """Columns of tap-klaviyo's records that cannot be written."""
    if not copied_record(mapping, columns):
        return set()
    mapped = {source.column for source in mapping.columns.values()}
    return set(mapping.sink.tap.read_only).intersection(columns) - mapped


def check_needs(mapping: StreamMapping, sources: Mapping[str, str], columns: list[str]) -> None:
    """Refuse a stream of which no row could be written."""
    constant = {name for name, source in mapping.columns.items() if source.column is None}
    for group in mapping.sink.needs:
        filled = any(name in constant or sources.get(name) in columns for name in group)
        if not filled:
            fields = " or ".join(shown(group))
            raise ConfigurationError(
                f"stream {mapping.stream!r}: nothing fills {fields}, which the sink "
                f"{mapping.sink.name} needs; name a column in streams.{mapping.stream}.columns; "
                f"columns: {listed(columns)}",
            )


def all_steps(
    mapping: StreamMapping, sources: Mapping[str, str], left_out: set[str], locale: Locale
) -> dict[str, tuple[Step, ...]]:
    """The steps of every column that is not simply a property."""
    steps: dict[str, tuple[Step, ...]] = {}
    for column in (*mapping.ignored, *left_out):
        steps[column] = ()
    for name, column in sources.items():
        source = mapping.columns.get(name)
        step = field_step(mapping, name, source.format if source else None, locale)
        steps[column] = (*steps.get(column, ()), step)
    if mapping.sink.properties:
        for column, declared in mapping.types.items():
            convert = conversion(declared.kind, declared.format, locale)
            steps[column] = (Step(mapping.sink.holder, column, convert),)
    return steps


def field_step(mapping: StreamMapping, name: str, pattern: str | None, locale: Locale) -> Step:
    """The step that fills one field."""
    holder, _, inner = name.partition(".")
    kind = mapping.sink.fields.get(name) or mapping.sink.operations.get(holder)
    convert = conversion(kind, pattern, locale) if kind else None
    return Step(holder, inner, convert) if inner else Step("", name, convert)


def constants(mapping: StreamMapping, locale: Locale) -> dict[str, Any]:
    """The constants of a mapping as an accepted record.

    Raises:
        ConfigurationError: one cannot be read as what its field needs.
    """
    accepted: dict[str, Any] = {}
    for name, source in mapping.columns.items():
        if source.column is None:
            step = field_step(mapping, name, source.format, locale)
            try:
                take(accepted, step, name, source.constant)
            except RejectedRowError as error:
                place = f"streams.{mapping.stream}.columns.{name}.constant"
                raise ConfigurationError(f"{place}: {error}") from None
    return accepted
