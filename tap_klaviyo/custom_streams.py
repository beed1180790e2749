"""Streams that the user adds: any readable endpoint, by path or operation, as a row of its own."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import msgspec

from klaviyo_client.errors import (
    ConfigurationError,
    InvalidRequestError,
    UnexpectedContentError,
)
from klaviyo_client.filters import nearest
from klaviyo_client.operations import Operation, operation_at, operations
from klaviyo_client.query import Query, query_parameters
from tap_klaviyo.declared_properties import with_declared
from tap_klaviyo.options import CHANGED
from tap_klaviyo.records import RELATION, Record, RecordShape, page_records
from tap_klaviyo.revisions import at_revision
from tap_klaviyo.schema_files import marked_schema
from tap_klaviyo.spec import Rows, StreamSpec
from tap_klaviyo.specs import STREAMS

NAME = re.compile(r"[a-z][a-z0-9_]*")
PLACEHOLDER = re.compile(r"\{(\w+)\}")
BY_TYPE = re.compile(r"(fields|additional-fields)\[([\w-]+)\]")
PARTS = ("name", "operation", "path", "primary_keys", "replication_key", "params")
ONLY_IDS: Mapping[str, Mapping[str, object]] = {"id": {"type": "string"}}


def all_specs(config: Mapping[str, Any]) -> tuple[StreamSpec, ...]:
    """The rows of our own streams with the user's wishes, and those that the user adds.

    Raises:
        ConfigurationError: a custom stream or a declared property cannot be.
    """
    revision = str(config.get("revision") or "")
    options = config.get("stream_options") or {}
    rows = [by_parents(spec, options.get(spec.name)) for spec in STREAMS]
    own = [with_declared(at_revision(spec, revision), config) for spec in rows]
    names = {spec.name for spec in own}
    added = []
    for given in config.get("custom_streams") or ():
        spec = custom_spec(given)
        if spec.name in names:
            raise ConfigurationError(f"custom_streams: there is a stream {spec.name} already")
        names.add(spec.name)
        moved = replace(at_revision(spec, revision), partitions=spec.partitions)
        added.append(with_declared(moved, config))
    return (*own, *added)


def by_parents(spec: StreamSpec, options: Any) -> StreamSpec:
    """The row as an incremental one, where the user wants only what hangs on changed parents."""
    changed = isinstance(options, dict) and options.get("parents") == CHANGED
    if not (changed and spec.changed_key):
        return spec
    return replace(spec, replication_key=spec.changed_key, filter_field="")


def custom_spec(given: Mapping[str, Any]) -> StreamSpec:
    """The row of one custom stream.

    Raises:
        ConfigurationError: with the stream's name, what is wrong, and what is possible.
    """
    name = str(given.get("name", ""))
    try:
        check_parts(name, given)
        return checked_spec(name, given)
    except InvalidRequestError as error:
        raise ConfigurationError(f"custom_streams: {name!r}: {error}") from None


def check_parts(name: str, given: Mapping[str, Any]) -> None:
    """Refuse names that loaders could not use, and parts that are none.

    Raises:
        InvalidRequestError: there is one.
    """
    if not NAME.fullmatch(name):
        raise InvalidRequestError("name must be of small letters, digits and _")
    for part in given:
        if part not in PARTS:
            raise InvalidRequestError(f"{part!r} is unknown{nearest(part, PARTS)}")


def checked_spec(name: str, given: Mapping[str, Any]) -> StreamSpec:
    """The row, its parts checked against the endpoint facts."""
    known, path = found_operation(given)
    asked = asked_query(known, given.get("params") or {})
    key = given.get("replication_key")
    if key and getattr(known.filters.get(key), "value", None) != "date-time":
        raise InvalidRequestError(f"{known.id} cannot be filtered by a time {key!r}")
    if key and asked.sort:
        raise InvalidRequestError("sort is the tap's own where there is a replication_key")
    primary_keys = tuple(given.get("primary_keys") or ("id",))
    rows = (row for row in STREAMS if key and (row.operation, row.time_field) == (known.id, key))
    like = next(rows, None)
    spec = StreamSpec(
        name,
        known.id,
        primary_keys=primary_keys,
        replication_key=key,
        # What is known of Klaviyo's order and delays is so for everybody.
        trust_order=key in known.sort and (like is None or like.trust_order),
        lookback_days=like.lookback_days if like else 0,
        partitions=(asked.filter,),
        path=path,
        params=replace(with_keys(asked, known, (*primary_keys, key)), filter=None),
        rows=None if primary_keys == ("id",) else keyed_rows(name, primary_keys),
        columns=None if known.record else ONLY_IDS,
    )
    columns = marked_schema(replace(spec, replication_key=None))["properties"]
    for column in (*spec.primary_keys, *([key] if key else ())):
        if column not in columns:
            raise InvalidRequestError(f"{known.id} has no column {column!r}")
    return replace(spec, unselected=costly_columns(known, columns))


def with_keys(asked: Query, known: Operation, keys: Iterable[str | None]) -> Query:
    """The query, with the keys among the fields where only some are asked for."""
    kind = known.resource or ""
    fields = asked.fields.get(kind)
    if not fields:
        return asked
    missing = [key for key in keys if key in known.fields.get(kind, ()) and key not in fields]
    return replace(asked, fields={**asked.fields, kind: (*fields, *filter(None, missing))})


def keyed_rows(name: str, keys: tuple[str, ...]) -> Rows:
    """Makes the records of a page; loaders take none that lacks a key."""

    def rows(shape: RecordShape, data: msgspec.Raw, included: msgspec.Raw) -> Iterator[Record]:
        for record in page_records(shape, data, included):
            missing = next((key for key in keys if record.get(key) is None), None)
            if missing:
                raise UnexpectedContentError(
                    f"{name} has a record without {missing}, which is one of its primary_keys; "
                    "give others, or none: every record has an id",
                )
            yield record

    return rows


def costly_columns(known: Operation, properties: Mapping[str, Any]) -> tuple[str, ...]:
    """What costs more requests or time, and is read only when selected."""
    additional = known.additional_fields.get(known.resource or "", ())
    return tuple(
        name for name, part in properties.items() if RELATION in part or name in additional
    )


def found_operation(given: Mapping[str, Any]) -> tuple[Operation, dict[str, str]]:
    """The operation, and what fills the placeholders of its path."""
    by_name, path = given.get("operation"), given.get("path")
    if bool(by_name) == bool(path):
        raise InvalidRequestError("needs a path or an operation, and not both")
    if path:
        if "?" in str(path):
            raise InvalidRequestError("path holds a question mark: give the rest of it as params")
        plain = "/" + str(path).strip("/")
        plain = plain if plain.startswith("/api/") else f"/api{plain}"
        known = operation_at("GET", plain)
        if known is None:
            raise InvalidRequestError(f"Klaviyo has nothing to GET at {plain}")
        names = PLACEHOLDER.findall(known.path)
        pattern = PLACEHOLDER.sub("([^/]+)", known.path)
        values = re.fullmatch(pattern, plain)
        return known, dict(zip(names, values.groups() if values else (), strict=True))
    readable = {one.id: one for one in operations().values() if one.method == "GET"}
    if by_name not in readable:
        raise InvalidRequestError(
            f"Klaviyo has no GET operation {by_name!r}{nearest(str(by_name), readable)}",
        )
    found = readable[str(by_name)]
    if "{" in found.path:
        raise InvalidRequestError(f"{by_name} needs an id: give the path {found.path} with it")
    return found, {}


def asked_query(known: Operation, params: Mapping[str, Any]) -> Query:
    """The parameters of a custom stream as a query, checked against the endpoint facts."""
    found: dict[str, Any] = {"fields": {}, "additional_fields": {}, "parameters": {}}
    for name, value in params.items():
        text = ",".join(value) if isinstance(value, list) else str(value)
        if match := BY_TYPE.fullmatch(name):
            found[match[1].replace("-", "_")][match[2]] = tuple(text.split(","))
        elif name == "include":
            found["include"] = tuple(text.split(","))
        elif name == "page[size]":
            if not text.isdecimal():
                raise InvalidRequestError("page[size] must be a whole number")
            found["page_size"] = int(text)
        elif name in {"filter", "sort"}:
            found[name] = text
        else:
            found["parameters"][name] = text
    query = Query(**found)
    query_parameters(known, query)
    return query
