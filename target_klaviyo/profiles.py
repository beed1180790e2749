"""The profiles sink: rows upsert people, in bulk import jobs or one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from target_klaviyo.chunks import Envelope, Limits
from target_klaviyo.items import ENCODER, Item
from target_klaviyo.lines import DECODER
from target_klaviyo.outcomes import RejectedRowError, Row
from target_klaviyo.people import people_found
from target_klaviyo.plans import (
    KILOBYTE,
    MEGABYTE,
    Accepted,
    Directory,
    JobRule,
    Plan,
    Settled,
    Shipment,
    StreamRules,
    Transport,
    oversize,
    shipped,
)
from target_klaviyo.waves import merged

# https://developers.klaviyo.com/en/docs/use_klaviyos_bulk_profile_import_api
BULK = Transport(
    "bulk_import_profiles",
    Limits(items=10_000, body_bytes=5 * MEGABYTE, item_bytes=100 * KILOBYTE),
    Envelope(
        b'{"data":{"type":"profile-bulk-import-job","attributes":{"profiles":{"data":[',
        b"]}}}}",
        "/data/attributes/profiles/data",
    ),
    JobRule("get_bulk_import_profiles_job", "get_errors_for_bulk_import_profiles_job"),
)
# The one that clears fields by null, and that has taken effect when it answers.
SINGLE = Transport(
    "create_or_update_profile",
    Limits(items=1, body_bytes=100 * KILOBYTE, item_bytes=100 * KILOBYTE),
    Envelope(b'{"data":', b"}", "/data"),
)
# An append that is repeated appends twice.
BULK_ONCE = replace(BULK, repeat_safe=False)
SINGLE_ONCE = replace(SINGLE, repeat_safe=False)
IDENTIFIERS = ("email", "phone_number", "external_id")
OBJECTS = ("location", "properties")
PATCHES = ("append", "unappend", "unset")
NOT_ATTRIBUTES = ("id", "source_id", *PATCHES)


def build_profile(accepted: Accepted, row: Row, rules: StreamRules) -> Item:
    """A profile resource; nulls stay in it only where they are to clear fields.

    Raises:
        RejectedRowError: one property is set and patched at once.
    """
    attributes = {name: value for name, value in accepted.items() if name not in NOT_ATTRIBUTES}
    if not rules.clear_nulls:
        attributes = without_nulls(attributes)
    resource: dict[str, Any] = {"type": "profile", "attributes": attributes}
    # A copied record's own id means nothing in another account; it is the last resort.
    known = any(accepted.get(name) for name in IDENTIFIERS)
    profile_id = accepted.get("id") or (None if known else accepted.get("source_id"))
    if profile_id:
        resource["id"] = profile_id
    if any(name in accepted for name in PATCHES):
        patch = patch_of(accepted)
        resource |= {"meta": {"patch_properties": patch}} if patch else {}
    return profile_item((row,), resource, immediate=rules.immediate)


def patch_of(accepted: Accepted) -> dict[str, Any]:
    """What the row appends to properties, takes from them, and removes: `meta` on the wire."""
    given = {name: accepted.get(name) or {} for name in PATCHES}
    patch: dict[str, Any] = {
        name: {key: value for key, value in given[name].items() if value is not None}
        for name in ("append", "unappend")
    }
    patch["unset"] = [key for key, value in given["unset"].items() if value]
    keys = [*(accepted.get("properties") or {}), *(key for part in patch.values() for key in part)]
    if len(set(keys)) < len(keys):
        raise RejectedRowError("changes one property in two ways (set, append, unappend, unset)")
    return {name: part for name, part in patch.items() if part}


def profile_item(rows: tuple[Row, ...], resource: Mapping[str, Any], *, immediate: bool) -> Item:
    """The item of a profile resource."""
    attributes = resource["attributes"]
    return Item(
        rows,
        ENCODER.encode(resource),
        identities=identities(resource),
        single=immediate or holds_null(attributes),
    )


def resource_of(item: Item) -> dict[str, Any]:
    """The resource in an item's body: kept as text alone, many take a third of the memory."""
    resource: dict[str, Any] = DECODER.decode(item.body)
    return resource


def identities(resource: Mapping[str, Any]) -> tuple[str, ...]:
    """Everything by which a row names its person; e-mail addresses without regard to case."""
    attributes = resource["attributes"]
    found = [f"{name}:{attributes[name]}" for name in IDENTIFIERS if attributes.get(name)]
    if "id" in resource:
        found.append(f"id:{resource['id']}")
    return tuple(one.lower() if one.startswith("email:") else one for one in found)


def without_nulls(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes without nulls, neither at the top nor among locations and properties."""
    kept = {name: value for name, value in attributes.items() if value is not None}
    for name in OBJECTS:
        if name in kept:
            kept[name] = {key: value for key, value in kept[name].items() if value is not None}
    return {name: value for name, value in kept.items() if name not in OBJECTS or value}


def holds_null(attributes: Mapping[str, Any]) -> bool:
    """Whether some field is to be cleared."""
    inner = [value for name in OBJECTS for value in (attributes.get(name) or {}).values()]
    return any(value is None for value in (*attributes.values(), *inner))


def carrier(item: Item) -> Transport:
    """How an item travels."""
    patch = (resource_of(item).get("meta") or {}).get("patch_properties") or {}
    if "append" in patch:
        return SINGLE_ONCE if item.single else BULK_ONCE
    return SINGLE if item.single else BULK


def plan_profiles(items: Sequence[Item], directory: Directory) -> Plan:
    """Upsert: see `in_order`.

    Where some rows name people by id and others do not, the others are looked up: they may be
    about the same people.
    """
    by_id = sum(names_id(item) for item in items)
    return in_order(with_ids(items, directory) if 0 < by_id < len(items) else items)


def names_id(item: Item) -> bool:
    """Whether an item names its person by Klaviyo's id."""
    return any(one.startswith("id:") for one in item.identities)


def with_ids(items: Sequence[Item], directory: Directory) -> list[Item]:
    """The items with the ids of the people whom they name otherwise, as further identities."""
    rows = [{} if names_id(item) else resource_of(item)["attributes"] for item in items]
    return [
        replace(item, identities=(*item.identities, *(f"id:{one}" for one in ids)))
        for item, ids in zip(items, people_found(rows, directory), strict=True)
    ]


def in_order(items: Iterable[Item], choose: Callable[[Item], Transport] = carrier) -> Plan:
    """Merge the rows of one person, and keep apart in time those that cannot be merged.

    Klaviyo documents no order inside a job or between jobs, so no two requests that are under
    way together may be about the same person.
    """
    waves: list[list[Shipment]] = []
    refused: list[Settled] = []
    for wave in merged(items, together):
        carried: dict[Transport, list[Item]] = {}
        for item in wave:
            carried.setdefault(choose(item), []).append(item)
        plans = [shipped(transport, part) for transport, part in carried.items()]
        refused.extend(one for plan in plans for one in plan.settled)
        waves.append([request for plan in plans for request in plan.waves[0]])
    return Plan(waves, refused)


def together(earlier: Item, later: Item) -> Item | None:
    """Both rows as one, the later's values winning; None where they must go one after the other.

    That is where they disagree on an identifier or clear one, so that the order decides who is
    meant; where one appends to properties or takes from them; or where they would be too large
    together.
    """
    if any(patches(one) or clears_identifier(one) for one in (earlier, later)):
        return None
    known = dict(one.split(":", 1) for one in earlier.identities)
    named = [one.split(":", 1) for one in later.identities]
    if any(known.get(kind, value) != value for kind, value in named):
        return None
    former, latter = resource_of(earlier), resource_of(later)
    attributes = overlaid(former["attributes"], latter["attributes"])
    resource = {**former, **latter, "attributes": attributes}
    immediate = earlier.single or later.single
    joined = profile_item((*earlier.rows, *later.rows), resource, immediate=immediate)
    return None if oversize(BULK, joined) else joined


def patches(item: Item) -> bool:
    """Whether an item does more to properties than set them."""
    return "meta" in resource_of(item)


def clears_identifier(item: Item) -> bool:
    """Whether an item takes an identifier away from its person."""
    attributes = resource_of(item)["attributes"]
    return any(name in attributes and attributes[name] is None for name in IDENTIFIERS)


def overlaid(former: Mapping[str, Any], latter: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes of two rows: the latter's win, inside locations and properties key by key."""
    attributes = {**former, **latter}
    for name in OBJECTS:
        if isinstance(former.get(name), dict) and isinstance(latter.get(name), dict):
            attributes[name] = {**former[name], **latter[name]}
    return attributes
