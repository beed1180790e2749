"""Who may not be written to: one record for each profile and reason, without any I/O.

Klaviyo keeps suppressions inside of profiles, and finds the profiles that have one by its time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import msgspec

from tap_klaviyo.records import Record, RecordShape, normalise_record, page_resources

MARKETING = "subscriptions.email.marketing"
SUPPRESSION_FIELD = f"{MARKETING}.suppression.timestamp"
LIST_SUPPRESSION_FIELD = f"{MARKETING}.list_suppressions.timestamp"

TEXT: Mapping[str, object] = {"type": "string"}
OPTIONAL: Mapping[str, object] = {"type": ["string", "null"]}
SUPPRESSION_COLUMNS: Mapping[str, Mapping[str, object]] = {
    "profile_id": TEXT,
    "reason": TEXT,
    "timestamp": {"type": ["string", "null"], "format": "date-time"},
    "email": OPTIONAL,
}
LIST_SUPPRESSION_COLUMNS = {"list_id": TEXT, **SUPPRESSION_COLUMNS}


def suppression_rows(
    name: str,
    keys: tuple[str, ...],
    shape: RecordShape,
    data: msgspec.Raw,
    included: msgspec.Raw,  # noqa: ARG001
) -> Iterator[Record]:
    """The suppressions of a page of profiles that are kept under `name`."""
    for resource in page_resources(data):
        attributes = resource.get("attributes") or {}
        # One record for each key: of two with the same reason, the later one counts.
        found: dict[tuple[Any, ...], Record] = {}
        for entry in entries(attributes, name):
            record = {"profile_id": resource["id"], "email": attributes.get("email"), **entry}
            normalise_record(record, {}, shape.times)
            place = tuple(record.get(key) for key in keys)
            if place not in found or str(found[place]["timestamp"]) < str(record["timestamp"]):
                found[place] = record
        yield from found.values()


def entries(attributes: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """The suppressions of one profile."""
    email = (attributes.get("subscriptions") or {}).get("email") or {}
    return (email.get("marketing") or {}).get(name) or []


suppressions = partial(suppression_rows, "suppression", ("reason",))
list_suppressions = partial(suppression_rows, "list_suppressions", ("list_id", "reason"))
