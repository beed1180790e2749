"""The back_in_stock_subscriptions sink: who wants to know when a variant is back.

Klaviyo does not say what a second subscription to the same variant does, so a lost answer is
left unknown rather than sent again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from target_klaviyo.chunks import Envelope, Limits
from target_klaviyo.items import ENCODER, Item
from target_klaviyo.outcomes import RejectedRowError, Row
from target_klaviyo.people import named_people, person_of, strangers_apart
from target_klaviyo.plans import KILOBYTE, Accepted, Directory, Plan, StreamRules, Transport
from target_klaviyo.waves import one_by_one

SUBSCRIBE = Transport(
    "create_back_in_stock_subscription",
    Limits(items=1, body_bytes=100 * KILOBYTE, item_bytes=100 * KILOBYTE),
    Envelope(b'{"data":', b"}", "/data"),
    repeat_safe=False,
)
CHANNELS = ("EMAIL", "PUSH", "SMS", "WHATSAPP")
# Klaviyo's id of a variant that came through its API.
OWN = "$custom:::$default:::"


def build_stock(accepted: Accepted, row: Row, rules: StreamRules) -> Item:  # noqa: ARG001
    """Somebody and a variant.

    Raises:
        RejectedRowError: a channel is none.
    """
    channels = [str(one).strip().upper() for one in accepted["channels"]]
    if not channels or set(channels) - set(CHANNELS):
        raise RejectedRowError(f"channels must be of {', '.join(CHANNELS)}")
    variant = accepted.get("variant_id") or f"{OWN}{accepted['variant_external_id']}"
    resource = {
        "type": "back-in-stock-subscription",
        "attributes": {"channels": channels, "profile": {"data": person_of(accepted)}},
        "relationships": {"variant": {"data": {"type": "catalog-variant", "id": variant}}},
    }
    people = named_people(accepted)
    body = ENCODER.encode(resource)
    return Item((row,), body, identities=people, subjects=(), content=accepted)


def plan_stock(items: Sequence[Item], directory: Directory) -> Plan:
    """One request a row; those of one person one after the other."""
    known, strangers = strangers_apart(items, directory)
    plan = one_by_one(known, SUBSCRIBE)
    return replace(plan, settled=[*strangers, *plan.settled])
