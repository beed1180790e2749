"""Who has agreed to what: one record for each profile, channel and kind of message, without I/O.

Klaviyo keeps consents inside of profiles. It does not say that a change of them moves a profile's
`updated`, so that they are read whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from tap_klaviyo.records import EXTRA, Record, RecordShape, normalise_record, page_resources

CONSENT_IDENTIFIERS = ("email", "phone_number", "external_id")
KEY: Mapping[str, object] = {"type": "string"}
TEXT: Mapping[str, object] = {"type": ["string", "null"]}
TIME: Mapping[str, object] = {"type": ["string", "null"], "format": "date-time"}
FLAG: Mapping[str, object] = {"type": ["boolean", "null"]}
OPEN: Mapping[str, object] = {"type": ["object", "null"], "additionalProperties": True}
# What an entry says under names of its own.
ENTRY: Mapping[str, Mapping[str, object]] = {
    "consent": TEXT,
    "consent_timestamp": TIME,
    "last_updated": TIME,
    "created_timestamp": TIME,
    "valid_until": TIME,
    "method": TEXT,
    "method_detail": TEXT,
    "custom_method_detail": TEXT,
    "double_optin": FLAG,
    "metadata": OPEN,
}
CONSENT_COLUMNS: Mapping[str, Mapping[str, object]] = {
    "profile_id": KEY,
    "channel": KEY,
    "message_type": KEY,
    **ENTRY,
    "can_receive": FLAG,
    "suppressed": FLAG,
    **dict.fromkeys(CONSENT_IDENTIFIERS, TEXT),
    "channel_phone_number": TEXT,
    EXTRA: OPEN,
}
# Streams of their own.
ELSEWHERE = ("suppression", "list_suppressions")


def consents(
    shape: RecordShape,
    data: msgspec.Raw,
    included: msgspec.Raw,  # noqa: ARG001
) -> Iterator[Record]:
    """The consents of a page of profiles."""
    for resource in page_resources(data):
        attributes = resource.get("attributes") or {}
        person = {name: attributes.get(name) for name in CONSENT_IDENTIFIERS}
        for channel, kinds in (attributes.get("subscriptions") or {}).items():
            for kind, entry in (kinds or {}).items():
                if isinstance(entry, dict):
                    names = {"profile_id": resource["id"], "channel": channel, "message_type": kind}
                    yield consent_record(shape, {**names, **person}, entry)


def consent_record(
    shape: RecordShape, record: Mapping[str, Any], entry: Mapping[str, Any]
) -> Record:
    """The record of one consent."""
    filled: Record = {**dict.fromkeys(CONSENT_COLUMNS), **record}
    extra: dict[str, Any] = {}
    for name, value in entry.items():
        if name in ENTRY:
            filled[name] = value
        elif name == "phone_number":
            filled["channel_phone_number"] = value
        elif name.startswith("can_receive"):
            filled["can_receive"] = value
        elif name not in ELSEWHERE:
            extra[name] = value
    filled["suppressed"] = bool(entry.get("suppression"))
    normalise_record(filled, extra, shape.times)
    filled[EXTRA] = extra or None
    return filled
