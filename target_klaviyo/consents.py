"""A change of consent: what a row says, checked. Pure.

Nothing is implied: consent, channel and message type are columns or constants of the mapping.
Taken, as Klaviyo does not say: a consent to a channel needs the address that the channel uses,
also where a profile id is given.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from sys import intern
from typing import Any

import msgspec

from target_klaviyo.items import ENCODER, Item
from target_klaviyo.outcomes import RejectedRowError, Row, SkippedRowError
from target_klaviyo.plans import Accepted, StreamRules

SUBSCRIBED, UNSUBSCRIBED = "SUBSCRIBED", "UNSUBSCRIBED"
BOTH = ("marketing", "transactional")
# Message types by consent and channel, as Klaviyo's request bodies have them.
TYPES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    SUBSCRIBED: {
        "email": ("marketing", "open_tracking"),
        "sms": BOTH,
        "whatsapp": BOTH,
        "push": ("marketing",),
    },
    UNSUBSCRIBED: {
        "email": ("marketing", "open_tracking"),
        "sms": BOTH,
        "whatsapp": (*BOTH, "conversational"),
        "push": ("marketing",),
    },
}
# What a channel reaches somebody by.
ADDRESS = {"email": "email", "sms": "phone_number", "whatsapp": "phone_number"}
# What else a change says: where it counts, and how it came about.
TERMS = ("list_id", "list_name", "historical_import", "custom_source")
REMEMBERED_TERMS = 1_000
TOKEN = ("token", "platform", "vendor")


def build_subscription(accepted: Accepted, row: Row, rules: StreamRules) -> Item:
    """A change of one consent; its list is not looked up yet.

    Raises:
        RowError: consent, channel, message type, address or time do not fit each other.
    """
    consent, channel, kind = checked_words(accepted)
    check_address(accepted, consent, channel)
    attributes = {
        name: accepted[name] for name in addresses(consent, channel) if accepted.get(name)
    }
    if accepted.get("age_gated_date_of_birth") and consent == SUBSCRIBED:
        attributes["age_gated_date_of_birth"] = accepted["age_gated_date_of_birth"]
    entry = {kind: {"consent": consent, **consented(accepted, consent, kind, rules.now)}}
    if channel == "push":
        entry |= push_details(accepted, consent)
    key = (channel, kind, reached_at(accepted, channel))
    # A hundred thousand of these wait for each other: what many share is kept once.
    content: dict[str, Any] = {
        "key": key,
        "consent": consent,
        "terms": terms(*(accepted.get(name) for name in TERMS)),
    }
    if accepted.get("anonymous_id"):
        content["aliases"] = (f"anonymous_id:{str(accepted['anonymous_id']).lower()}",)
    profile_id = accepted.get("id") if consent == SUBSCRIBED else None
    named = {"id": profile_id, **attributes, "subscriptions": {channel: entry}}
    return subscription_item((row,), content, named, (" ".join(map(str, key)),))


@lru_cache(REMEMBERED_TERMS)
def terms(*values: Any) -> Mapping[str, Any]:
    """What a change says beside whom and what it is about."""
    return {name: value for name, value in zip(TERMS, values, strict=True) if value}


def addresses(consent: str, channel: str) -> tuple[str, ...]:
    """The addresses that a change is sent with.

    A withdrawal goes by that of its channel alone: another one, of somebody else perhaps or one
    that Klaviyo refuses, must not keep it from its person.
    """
    both = ("email", "phone_number")
    return (ADDRESS[channel],) if consent == UNSUBSCRIBED and channel in ADDRESS else both


def subscription_item(
    rows: tuple[Row, ...],
    content: Mapping[str, Any],
    named: Mapping[str, Any],
    subjects: tuple[str, ...] | None,
) -> Item:
    """The item of a profile whose consents change; `named` is its attributes, and `id` if any."""
    attributes = {name: value for name, value in named.items() if name != "id"}
    resource = {"type": "profile", "attributes": attributes}
    if named.get("id"):
        resource["id"] = named["id"]
    people = tuple(
        f"{name}:{str(named[name]).lower()}"
        for name in ("id", "email", "phone_number")
        if named.get(name)
    )
    body = ENCODER.encode(resource)
    return Item(rows, body, identities=people, subjects=subjects, content=content)


def said_of(item: Item) -> dict[str, Any]:
    """The attributes of an item's profile, and its `id` if it has one."""
    resource: dict[str, Any] = msgspec.json.decode(item.body)
    return {"id": resource.get("id"), **resource["attributes"]}


def checked_words(accepted: Accepted) -> tuple[str, str, str]:
    """Consent, channel and message type, as Klaviyo writes them."""
    consent = str(accepted["consent"]).strip().upper()
    if consent == "NEVER_SUBSCRIBED":
        raise SkippedRowError("consent is NEVER_SUBSCRIBED, which changes nothing")
    if consent not in TYPES:
        raise RejectedRowError("consent must be SUBSCRIBED or UNSUBSCRIBED")
    channel = str(accepted["channel"]).strip().lower()
    if channel not in TYPES[consent]:
        raise RejectedRowError(f"channel must be one of {', '.join(TYPES[consent])}")
    kind = str(accepted["message_type"]).strip().lower()
    known = TYPES[consent][channel]
    if kind not in known:
        raise RejectedRowError(
            f"message_type of {channel} ({consent}) must be one of {', '.join(known)}"
        )
    return intern(consent), intern(channel), intern(kind)


def check_address(accepted: Accepted, consent: str, channel: str) -> None:
    """Refuse a row that lacks what its channel or its consent needs."""
    needed = ADDRESS.get(channel)
    if needed and not accepted.get(needed):
        raise RejectedRowError(f"has no {needed}, which channel {channel} needs")
    tokens = [accepted.get(f"push_{name}") for name in TOKEN]
    if any(tokens) and not all(tokens):
        raise RejectedRowError("push_token, push_platform and push_vendor go together")
    if channel == "push" and consent == UNSUBSCRIBED and not all(tokens):
        raise RejectedRowError("has no push_token, which unsubscribing from push needs")
    listed = accepted.get("list_id") or accepted.get("list_name")
    addressed = accepted.get("email") or accepted.get("phone_number")
    if consent == UNSUBSCRIBED and listed and not addressed:
        raise RejectedRowError("has no email or phone_number to find the person on the list by")
    if not reached_at(accepted, channel):
        raise RejectedRowError("has no email, phone_number, id or anonymous_id")


def reached_at(accepted: Accepted, channel: str) -> str | None:
    """Whose consent it is: the address of the channel; for push, whatever names somebody."""
    names = (ADDRESS[channel],) if channel in ADDRESS else ()
    for name in names or ("id", "email", "phone_number", "anonymous_id"):
        if accepted.get(name):
            return f"{name}:{str(accepted[name]).lower()}"
    return None


def consented(accepted: Accepted, consent: str, kind: str, now: datetime) -> dict[str, str]:
    """When a consent was given: in the past, and for historical imports only."""
    given, historical = accepted.get("consented_at"), accepted.get("historical_import")
    if consent == UNSUBSCRIBED:
        # What says how a consent was given says nothing of its end, which must not fail for it.
        return {}
    if not historical:
        if given:
            raise RejectedRowError(
                "has consented_at without historical_import, which Klaviyo refuses; map "
                "historical_import to true for consents of the past"
            )
        return {}
    if kind == "open_tracking":
        raise RejectedRowError("open_tracking takes no historical_import")
    if not given:
        raise RejectedRowError("has no consented_at, which historical_import needs")
    if datetime.fromisoformat(given) >= now:
        raise RejectedRowError("consented_at is not in the past")
    return {"consented_at": given}


def push_details(accepted: Accepted, consent: str) -> dict[str, Any]:
    """The device that a consent to push is about."""
    details: dict[str, Any] = {}
    if accepted.get("push_token"):
        details["tokens"] = [{name: accepted[f"push_{name}"] for name in TOKEN}]
    if consent == SUBSCRIBED and accepted.get("anonymous_id"):
        details["anonymous_id"] = accepted["anonymous_id"]
    return details
