"""Other ways to write profiles: only new people, only known ones, or their deletion.

Identifiers are looked up first, 100 at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from target_klaviyo.chunks import Envelope, Limits
from target_klaviyo.items import ENCODER, Item
from target_klaviyo.outcomes import Outcome, RejectedRowError, Row
from target_klaviyo.people import people_found
from target_klaviyo.plans import (
    KILOBYTE,
    Accepted,
    Directory,
    Plan,
    Settled,
    StreamRules,
    Transport,
)
from target_klaviyo.profiles import (
    build_profile,
    in_order,
    patches,
    profile_item,
    resource_of,
)
from target_klaviyo.waves import each_once

PRESENT = Outcome("skipped", "the profile exists already")
ABSENT = Outcome("skipped", "no profile has these identifiers")
SEVERAL = Outcome("rejected", "its identifiers belong to different profiles")
# One at a time: a bulk import would overwrite whoever has come into being since the look-up.
CREATE = Transport(
    "create_profile",
    Limits(items=1, body_bytes=100 * KILOBYTE, item_bytes=100 * KILOBYTE),
    Envelope(b'{"data":', b"}", "/data"),
    conflict=PRESENT,
)
DELETE = Transport(
    "request_profile_deletion",
    Limits(items=1, body_bytes=KILOBYTE, item_bytes=KILOBYTE),
    Envelope(
        b'{"data":{"type":"data-privacy-deletion-job","attributes":{"profile":{"data":',
        b"}}}}",
        "/data/attributes/profile/data",
    ),
)
# What Klaviyo takes one of to delete somebody, the surest first.
NAMES = ("id", "email", "phone_number")


def build_new_profile(accepted: Accepted, row: Row, rules: StreamRules) -> Item:
    """A profile to create.

    Raises:
        RejectedRowError: the row is about a profile that there is, or patches properties.
    """
    item = build_profile(accepted, row, rules)
    if "id" in resource_of(item):
        raise RejectedRowError("mode create_only takes no profile id")
    if patches(item):
        raise RejectedRowError("mode create_only takes no append, unappend or unset")
    return item


def plan_creations(items: Sequence[Item], directory: Directory) -> Plan:
    """Create whom nobody knows; a 409 says that somebody was there after all."""
    found = people_found([resource_of(item)["attributes"] for item in items], directory)
    pairs = list(zip(items, found, strict=True))
    settled = [Settled(item, PRESENT) for item, ids in pairs if ids]
    plan = in_order((item for item, ids in pairs if not ids), lambda _: CREATE)
    return replace(plan, settled=[*settled, *plan.settled])


def plan_updates(items: Sequence[Item], directory: Directory) -> Plan:
    """Update whom the account knows, under their id, which never makes a new profile.

    Taken, as Klaviyo says it only of single imports: a bulk import refuses an id that it does
    not know.
    """
    settled: list[Settled] = []
    known: list[Item] = []
    resources = [resource_of(item) for item in items]
    found = people_found([one["attributes"] for one in resources], directory)
    given = {one["id"] for one in resources if "id" in one}
    own = directory.profile_ids("id", given) if given else {}
    for item, resource, ids in zip(items, resources, found, strict=True):
        profile_id = resource.get("id")
        meant = tuple(dict.fromkeys([*([own[profile_id] or ""] if profile_id else ids)]))
        if meant in ((), ("",)):
            settled.append(Settled(item, ABSENT))
        elif len(meant) > 1:
            settled.append(Settled(item, SEVERAL))
        else:
            known.append(with_id(item, meant[0]))
    plan = in_order(known)
    return replace(plan, settled=[*settled, *plan.settled])


def with_id(item: Item, profile_id: str) -> Item:
    """The item under a profile's id."""
    resource = {**resource_of(item), "id": profile_id}
    return profile_item(item.rows, resource, immediate=item.single)


def build_deletion(accepted: Accepted, row: Row, rules: StreamRules) -> Item:  # noqa: ARG001
    """Somebody to delete; an external id is not looked up yet."""
    return deletion((row,), accepted)


def deletion(rows: tuple[Row, ...], named: Accepted) -> Item:
    """The item of somebody to delete, by one identifier: Klaviyo refuses several."""
    name = next((one for one in NAMES if named.get(one)), None)
    resource: dict[str, Any] = {"type": "profile", "attributes": {}}
    identities: tuple[str, ...] = ()
    if name == "id":
        resource["id"] = named["id"]
    elif name:
        resource["attributes"] = {name: named[name]}
    if name:
        identities = (f"{name}:{str(named[name]).lower()}",)
    return Item(rows, ENCODER.encode(resource), identities=identities, content=named)


def plan_deletions(items: Sequence[Item], directory: Directory) -> Plan:
    """Ask for the deletion of everybody once; nobody has to be deleted whom nobody knows."""
    by_name = [item for item in items if item.identities]
    others = [item for item in items if not item.identities]
    found = people_found([item.content for item in others], directory)
    absent = [Settled(item, ABSENT) for item, ids in zip(others, found, strict=True) if not ids]
    looked_up = [
        deletion(item.rows, {"id": ids[0]}) for item, ids in zip(others, found, strict=True) if ids
    ]
    plan = each_once([*by_name, *looked_up], DELETE)
    return replace(plan, settled=[*absent, *plan.settled])
