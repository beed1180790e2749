"""The thin path from page to record: what is only passed on is never parsed.

Attributes stay the JSON text that Klaviyo sent (`msgspec.Raw`) until they are written out. The
records say the same as those of `records.py`, which a property-based test compares; where a
stream map, flattening or a deselected nested field needs to look inside, that path is taken.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from klaviyo_client.mending import mended_json
from tap_klaviyo.records import (
    EXTRA,
    Included,
    Record,
    RecordShape,
    normalise_record,
    page_included,
    related_ids,
)
from tap_klaviyo.times import TimeTree

# A date-time as it is emitted, between its quotes.
WANTED = re.compile(rb'"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{6})?\+00:00"')
# A text that begins like a date but is not in that form: the object has to be looked into.
UNWANTED = re.compile(rb'"\d{4}-\d\d-\d\d(?!T\d\d:\d\d:\d\d(?:\.\d{6})?\+00:00")')
# What shows that an event's properties name a flow or message; the second is an escaped `$`.
MESSAGE = (b'"$message"', b'"$flow"', b"\\u0024")
NULL = b"null"


class Relation(msgspec.Struct, gc=False):
    """A relationship; `data` is unset where the relation was not included."""

    data: Any = msgspec.UNSET


class ThinResource(msgspec.Struct):
    """A resource, parsed no deeper than the names of its attributes."""

    id: str
    attributes: dict[str, msgspec.Raw] | None = None
    relationships: dict[str, Relation] | None = None


RESOURCES = msgspec.json.Decoder(list[ThinResource])
RESOURCE = msgspec.json.Decoder(ThinResource)


def thin_records(shape: RecordShape, data: msgspec.Raw, included: msgspec.Raw) -> Iterator[Record]:
    """The records of a page, in its order, with only the selected columns."""
    by_key = page_included(included)
    for resource in thin_resources(data):
        yield thin_record(shape, resource, by_key)


def thin_resources(data: msgspec.Raw) -> list[ThinResource]:
    """The resources of a page; a single one gives a list of it."""
    single = bytes(memoryview(data)[:1]) == b"{"
    try:
        return [RESOURCE.decode(data)] if single else RESOURCES.decode(data)
    except msgspec.DecodeError:
        return thin_resources(msgspec.Raw(mended_json(bytes(data))))


def thin_record(shape: RecordShape, resource: ThinResource, included: Included) -> Record:
    """One record."""
    record: Record = dict.fromkeys(shape.columns)
    record["id"] = resource.id
    extra: dict[str, Any] = {}
    attributes = resource.attributes or {}
    for name, value in attributes.items():
        (record if name in shape.attributes else extra)[name] = value
    for name, relation in (resource.relationships or {}).items():
        if relation.data is not msgspec.UNSET:
            column = shape.relations.get(name)
            (record if column else extra)[column or name] = related_ids(relation.data)
    plain_times(record, extra, shape.times)
    if extra:
        record[EXTRA] = extra
    if shape.complete:
        shape.complete(record, looked_into(attributes), included)
    for name in shape.unwanted:
        record.pop(name, None)
    return record


def plain_times(record: Record, extra: dict[str, Any], times: TimeTree) -> None:
    """Bring date-times into one form; only an object with another form is parsed."""
    for name, below in times.items():
        value = record.get(name)
        if not isinstance(value, msgspec.Raw):
            continue
        text = bytes(value)
        if below is None and WANTED.fullmatch(text):
            record[name] = text[1:-1].decode()
        elif below is None or UNWANTED.search(text):
            record[name] = msgspec.json.decode(text)
            normalise_record(record, extra, {name: below})


def looked_into(attributes: Mapping[str, msgspec.Raw]) -> Mapping[str, Any]:
    """The attributes that completing a record reads, parsed where there is something in them."""
    properties = bytes(attributes.get("event_properties", NULL))
    if any(sign in properties for sign in MESSAGE):
        return {"event_properties": msgspec.json.decode(properties)}
    return {}
