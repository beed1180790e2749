"""The push_tokens sink: devices of people, created or updated by their token.

Klaviyo takes a token without `enablement_status` as AUTHORIZED; here the row has to say it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from target_klaviyo.chunks import Envelope, Limits
from target_klaviyo.items import ENCODER, Item
from target_klaviyo.outcomes import Row
from target_klaviyo.people import named_people, person_of, strangers_apart
from target_klaviyo.plans import KILOBYTE, Accepted, Directory, Plan, StreamRules, Transport
from target_klaviyo.waves import one_by_one

TOKEN = Transport(
    "create_push_token",
    Limits(items=1, body_bytes=100 * KILOBYTE, item_bytes=100 * KILOBYTE),
    Envelope(b'{"data":', b"}", "/data"),
)
ATTRIBUTES = (
    "token",
    "platform",
    "vendor",
    "enablement_status",
    "background",
    "device_metadata",
)


def build_token(accepted: Accepted, row: Row, rules: StreamRules) -> Item:  # noqa: ARG001
    """A device and its person."""
    attributes = {name: accepted[name] for name in ATTRIBUTES if accepted.get(name)}
    resource = {
        "type": "push-token",
        "attributes": {**attributes, "profile": {"data": person_of(accepted)}},
    }
    identities = (f"token:{accepted['token']}", *named_people(accepted))
    return Item(
        (row,),
        ENCODER.encode(resource),
        identities=identities,
        subjects=identities[:1],
        content=accepted,
    )


def plan_tokens(items: Sequence[Item], directory: Directory) -> Plan:
    """One request a row; those of one device or person one after the other."""
    known, strangers = strangers_apart(items, directory)
    plan = one_by_one(known, TOKEN)
    return replace(plan, settled=[*strangers, *plan.settled])
