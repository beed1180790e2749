"""The `streams` setting: which sink a stream goes to, and which column fills which field."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from klaviyo_client.errors import ConfigurationError
from klaviyo_client.filters import nearest
from target_klaviyo.decimals import FORMS
from target_klaviyo.errors import UnknownStreamError
from target_klaviyo.specs import SINKS, SinkSpec, sink_names, sink_spec
from target_klaviyo.unwritable import ELSEWHERE, unwritable
from target_klaviyo.values import DECLARABLE, NUMERIC

KEYS = ("sink", "mode", "columns", "types", "ignore_columns", "immediate")
# The mapping of a stream whose rows are not to be written.
LEFT_OUT: Mapping[str, Any] = {"sink": None}
SOURCE_KEYS = ("column", "constant", "format")
TYPE_KEYS = ("type", "format")


@dataclass(frozen=True, slots=True)
class Source:
    """Where a field's value comes from: a column (and its time format), or a constant."""

    column: str | None = None
    constant: Any = None
    format: str | None = None


@dataclass(frozen=True, slots=True)
class Declared:
    """What a column's text is to be read as."""

    kind: str
    format: str | None = None


@dataclass(frozen=True, slots=True)
class StreamMapping:
    """How the rows of one stream are read."""

    stream: str
    sink: SinkSpec
    columns: Mapping[str, Source] = field(default_factory=dict)
    types: Mapping[str, Declared] = field(default_factory=dict)
    ignored: frozenset[str] = frozenset()
    immediate: bool = False

    def named_columns(self) -> Iterator[tuple[str, str]]:
        """Every column that the mapping names, and where."""
        for name, source in self.columns.items():
            if source.column is not None:
                yield f"columns.{name}", source.column
        yield from ((f"types.{column}", column) for column in self.types)
        yield from (("ignore_columns", column) for column in sorted(self.ignored))


def stream_mappings(settings: Mapping[str, Any]) -> dict[str, StreamMapping]:
    """The mappings of the `streams` setting by stream name.

    Raises:
        ConfigurationError: with one line for each thing that is wrong.
    """
    problems: list[str] = []
    mappings = {}
    for stream, content in settings.items():
        if content == LEFT_OUT:
            continue
        found = list(mapping_problems(stream, content))
        problems.extend(found)
        if not found:
            mappings[stream] = read_mapping(stream, content)
    if problems:
        raise ConfigurationError("\n".join(problems))
    return mappings


def own_mapping(stream: str) -> StreamMapping | None:
    """The mapping of a stream that is called like a sink."""
    spec = sink_spec(stream)
    return StreamMapping(stream, spec) if spec else None


def mapping_of(mappings: Mapping[str, StreamMapping], stream: str) -> StreamMapping:
    """How the rows of a stream are read.

    Raises:
        UnknownStreamError: no sink takes it.
    """
    mapping = mappings.get(stream) or own_mapping(stream)
    if mapping is None:
        raise UnknownStreamError(no_sink(stream))
    return mapping


def no_sink(stream: str) -> str:
    """Why a stream cannot be written, and what to do."""
    leave_out = f'leave it out with {{"{stream}": {{"sink": null}}}} in the setting streams'
    reason = unwritable(stream)
    if reason:
        return f"target-klaviyo does not write the stream {stream!r}: {reason}; {leave_out}"
    if stream in ELSEWHERE:
        return (
            f"no sink takes the stream {stream!r} by itself; name one in the setting streams, as "
            f'in {{"{stream}": {ELSEWHERE[stream]}}}, or {leave_out}'
        )
    sinks = sink_names()
    return (
        f"no sink takes the stream {stream!r}{nearest(stream, sinks)}; sinks: "
        f"{', '.join(sinks)}; name one in the setting streams, as in "
        f'{{"{stream}": {{"sink": "events"}}}}, {leave_out}, or set on_unknown_stream to skip'
    )


def left_out(settings: Mapping[str, Any]) -> frozenset[str]:
    """The streams whose rows are not to be written."""
    return frozenset(stream for stream, content in settings.items() if content == LEFT_OUT)


def read_mapping(stream: str, content: Mapping[str, Any]) -> StreamMapping:
    """One entry of the setting, known to be right."""
    spec = (sink_spec(content.get("sink", stream)) or SINKS[0]).in_mode(content.get("mode"))
    types = content.get("types", {})
    return StreamMapping(
        stream,
        spec,
        {name: read_source(value) for name, value in content.get("columns", {}).items()},
        {column: read_type(value) for column, value in types.items()},
        frozenset(content.get("ignore_columns", ())),
        bool(content.get("immediate", False)),
    )


def read_source(value: Any) -> Source:
    """A field's source, given as a column's name or at length."""
    return Source(value) if isinstance(value, str) else Source(**value)


def read_type(value: Any) -> Declared:
    """A column's type, given as a word or at length."""
    if isinstance(value, str):
        return Declared(value)
    return Declared(value["type"], value.get("format"))


def mapping_problems(stream: str, content: Any) -> Iterator[str]:
    """What is wrong with one entry of the setting, before any row is seen."""
    place = f"streams.{stream}"
    if not isinstance(content, Mapping):
        yield f'{place} must be an object such as {{"sink": "profiles"}}'
        return
    yield from unknown_names(place, content, KEYS)
    spec = sink_spec(content.get("sink", stream))
    if spec is None:
        sinks = sink_names()
        sink = content.get("sink")
        problem = f"is no sink{nearest(str(sink), sinks)}" if sink else "is missing"
        yield f"{place}.sink {problem}; sinks: {', '.join(sinks)}"
        return
    yield from mode_problems(place, content.get("mode"), spec)
    yield from column_problems(place, content.get("columns", {}), spec)
    yield from type_problems(place, content)
    ignored = content.get("ignore_columns", [])
    if not isinstance(ignored, list) or not all(isinstance(one, str) for one in ignored):
        yield f"{place}.ignore_columns must be a list of columns"
    if not isinstance(content.get("immediate", False), bool):
        yield f"{place}.immediate must be true or false"
    if content.get("immediate") and not spec.immediate:
        able = " and ".join(one.name for one in SINKS if one.immediate)
        yield f"{place}.immediate works only with the sinks {able}"


def mode_problems(place: str, mode: Any, spec: SinkSpec) -> Iterator[str]:
    """What is wrong with the mode."""
    if mode is not None and (not isinstance(mode, str) or mode not in spec.modes):
        known = list(spec.modes)
        modes = f"modes: {', '.join(known)}" if known else "it has no modes"
        problem = f"{mode!r} is no mode of {spec.name}{nearest(str(mode), known)}"
        yield f"{place}.mode: {problem}; {modes}"


def column_problems(place: str, columns: Any, spec: SinkSpec) -> Iterator[str]:
    """What is wrong with the fields and sources of a mapping."""
    if not isinstance(columns, Mapping):
        yield f"{place}.columns must be an object of field and column"
        return
    for name, source in columns.items():
        holder, _, inner = name.partition(".")
        free = spec.properties and inner and holder in (spec.holder, *spec.operations)
        if name not in spec.fields and not free:
            known = list(spec.fields)
            yield (
                f"{place}.columns.{name}: the sink {spec.name} has no such field"
                f"{nearest(name, known)}; fields: {', '.join(known)}"
            )
        yield from source_problems(f"{place}.columns.{name}", source)
        kind = spec.fields.get(name) or spec.operations.get(holder)
        yield from format_problems(f"{place}.columns.{name}", kind, source)


def source_problems(place: str, source: Any) -> Iterator[str]:
    """What is wrong with a field's source."""
    if isinstance(source, str):
        return
    if not isinstance(source, Mapping) or ("column" in source) == ("constant" in source):
        yield f'{place} must be a column\'s name, {{"column": ...}} or {{"constant": ...}}'
        return
    yield from unknown_names(place, source, SOURCE_KEYS)
    for key in ("column", "format"):
        if not isinstance(source.get(key, ""), str):
            yield f"{place}.{key} must be a text"


def format_problems(place: str, kind: str | None, declared: Any) -> Iterator[str]:
    """What is wrong with the format of a field or a type of this kind."""
    pattern = declared.get("format") if isinstance(declared, Mapping) else None
    if pattern is None or (kind == "date-time" and "%" not in str(pattern)):
        return
    if kind == "date-time":
        yield f"{place}.format: a time's format is written as YYYY-MM-DD HH:mm:ss, without %"
    elif kind not in NUMERIC:
        yield f"{place}.format: only times and numbers have a format"
    elif pattern not in FORMS:
        forms = ", ".join(map(repr, FORMS))
        yield f"{place}.format: a number's format is one of {forms}"


def type_problems(place: str, content: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with the declared types."""
    types = content.get("types", {})
    if not isinstance(types, Mapping):
        yield f"{place}.types must be an object of column and type"
        return
    taken = columns_taken(content.get("columns", {}))
    for column, declared in types.items():
        here = f"{place}.types.{column}"
        kind = declared.get("type") if isinstance(declared, Mapping) else declared
        if kind not in DECLARABLE:
            known = ", ".join(DECLARABLE)
            yield f"{here}: no such type{nearest(str(kind), DECLARABLE)}; types: {known}"
        else:
            yield from format_problems(here, kind, declared)
        if isinstance(declared, Mapping):
            yield from unknown_names(here, declared, TYPE_KEYS)
        if column in taken:
            yield f"{here}: this column fills a field, which has its own type"


def columns_taken(sources: Any) -> set[str]:
    """The columns that fill fields, as far as they can be read."""
    values = sources.values() if isinstance(sources, Mapping) else ()
    named = (one.get("column") if isinstance(one, Mapping) else one for one in values)
    return {one for one in named if isinstance(one, str)}


def unknown_names(place: str, content: Mapping[str, Any], known: tuple[str, ...]) -> Iterator[str]:
    """Keys that nothing reads."""
    for name in content:
        if name not in known:
            yield f"{place}: unknown key {name!r}{nearest(name, known)}; keys: {', '.join(known)}"
