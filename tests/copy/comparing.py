"""Records of two accounts in one form: without what belongs to one account only.

What is left out of each stream, and why, is `LEFT_OUT`; ids of other records give way to what
both accounts know these by.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

Record = dict[str, Any]
Streams = Mapping[str, list[Record]]

# Klaviyo takes no events of more than a year ahead, though it holds some.
LATEST = (datetime.now(tz=timezone.utc) + timedelta(days=365)).isoformat()
SERVER = ("id", "created", "updated")
LEFT_OUT: Mapping[str, tuple[str, ...]] = {
    # Klaviyo's own times, and what it works out; consents are a stream of their own.
    "profiles": (*SERVER, "last_event_date", "subscriptions", "extra_attributes"),
    "lists": (*SERVER, "flow_trigger_ids", "tag_ids", "extra_attributes"),
    # Told apart by list and person: when somebody joined the copy is another time.
    "list_profiles": (),
    # Tags come into the group that an account has by itself.
    "tags": ("id", "tag_group_id", "extra_attributes"),
    "list_tags": ("list_id", "tag_id"),
    # The credit for an event belongs to the campaigns and flows of one account.
    "events": (
        "id",
        "uuid",
        "profile_id",
        "metric_id",
        "attribution_ids",
        "campaign_id",
        "campaign_message_id",
        "flow_id",
        "flow_message_id",
        "extra_attributes",
    ),
    "coupons": ("id", "extra_attributes"),
    "coupon_codes": ("id", "extra_attributes"),
    # Which variants an item has shows with the variants.
    "catalog_items": ("created", "updated", "variant_ids", "extra_attributes"),
    "catalog_categories": ("updated", "extra_attributes"),
    "catalog_item_variants": ("created", "updated", "extra_attributes"),
    "catalog_category_items": (),
}


def person(record: Mapping[str, Any]) -> str | None:
    """By what both accounts know somebody; None where they cannot."""
    names = (record.get(name) for name in ("email", "phone_number", "external_id"))
    return next((str(name) for name in names if name), None)


def said(value: Any) -> Any:
    """An object without what is null or empty, which bulk imports leave out."""
    if not isinstance(value, dict):
        return value
    return {name: one for name, one in value.items() if one not in (None, "")}


def profiles(records: Iterable[Record]) -> Iterable[Record]:
    for one in records:
        if person(one):
            objects = {name: said(one[name]) or None for name in ("location", "properties")}
            yield {**one, **objects}


def memberships(records: Iterable[Record]) -> Iterable[Record]:
    for one in records:
        marketing = one["subscriptions"]["email"]["marketing"]
        kept_off = [entry["list_id"] for entry in marketing["list_suppressions"]]
        if person(one) and one["list_id"] not in kept_off:
            yield {"list": one["list_name"], "person": person(one)}


def events(records: Iterable[Record]) -> Iterable[Record]:
    for one in records:
        properties = said(one["event_properties"])
        # The copy's is the event's id in the first account.
        properties.pop("$event_id", None)
        if person(one) and one["metric_name"] and one["datetime"] < LATEST:
            yield {**one, "event_properties": properties}


def free_codes(records: Iterable[Record]) -> Iterable[Record]:
    """Codes that somebody has are not copied; one without an end gets Klaviyo's."""
    for one in records:
        if one["status"] == "UNASSIGNED":
            yield {**one, "expires_at": None}


def priced(records: Iterable[Record]) -> Iterable[Record]:
    """Klaviyo's API makes no variant without a price."""
    return (one for one in records if one["price"] is not None)


def as_is(records: Iterable[Record]) -> Iterable[Record]:
    return records


FORMS: Mapping[str, Callable[[Iterable[Record]], Iterable[Record]]] = {
    "profiles": profiles,
    "list_profiles": memberships,
    "events": events,
    "coupon_codes": free_codes,
    "catalog_item_variants": priced,
}


def comparable(stream: str, records: Iterable[Record]) -> Counter[str]:
    """The records of a stream, counted, in the form that both accounts share."""
    left_out = LEFT_OUT[stream]
    return Counter(
        json.dumps(
            {name: value for name, value in one.items() if name not in left_out},
            sort_keys=True,
            ensure_ascii=False,
        )
        for one in FORMS.get(stream, as_is)(records)
    )


Key = tuple[str, str, str]


def consents(records: Iterable[Record]) -> dict[Key, Record]:
    """Consents by person, channel and kind of message."""
    return {
        (str(person(one)), one["channel"], one["message_type"]): one
        for one in records
        if person(one)
    }
