"""The sinks coupons and coupon_codes.

Klaviyo does not document what becomes of a code that is there already. It is taken to be refused,
and the refused ones are looked up, so that a second run skips them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from target_klaviyo.chunks import Envelope, Limits
from target_klaviyo.inventory import known_as
from target_klaviyo.items import ENCODER, Item
from target_klaviyo.outcomes import DUPLICATE, Outcome, RejectedRowError, Row, SkippedRowError
from target_klaviyo.plans import (
    MEGABYTE,
    Accepted,
    Directory,
    JobRule,
    Plan,
    Settled,
    StreamRules,
    Transport,
    shipped,
)
from target_klaviyo.things import both, merged, one_by_one, single

CREATE = single("create_coupon", repeat_safe=False)
UPDATE = single("update_coupon")
# "Max number of coupon codes per job we allow for is 1000."
CODES = Transport(
    "bulk_create_coupon_codes",
    Limits(items=1_000, body_bytes=5 * MEGABYTE, item_bytes=5 * MEGABYTE),
    Envelope(
        b'{"data":{"type":"coupon-code-bulk-create-job","attributes":{"coupon-codes":{"data":[',
        b"]}}}}",
        "/data/attributes/coupon-codes/data",
    ),
    JobRule("get_bulk_create_coupon_codes_job", None),
    repeat_safe=False,
)
# Klaviyo's own pattern, `^[0-9_A-z]+$`, without the signs that it lets in by accident.
COUPON_ID = re.compile(r"[0-9A-Za-z_]+")
# The status of a code that nobody has; new codes get it.
FREE = "UNASSIGNED"
SAID = ("description", "monitor_configuration")
THERE = Outcome("skipped", "coupon exists already, and the row says no more of it")
CODE_THERE = Outcome("skipped", "coupon code exists already")


def build_coupon(accepted: Accepted, row: Row, rules: StreamRules) -> Item:
    """A coupon, new or not.

    Raises:
        RejectedRowError: its id has other signs than letters, digits and underscores.
    """
    coupon = checked(accepted["external_id"], "external_id")
    attributes = {
        name: accepted[name]
        for name in SAID
        if name in accepted and (rules.clear_nulls or accepted[name] is not None)
    }
    return Item((row,), b"", identities=(coupon,), content=attributes)


def checked(coupon: str, field: str) -> str:
    """An id that Klaviyo takes."""
    if not COUPON_ID.fullmatch(coupon):
        raise RejectedRowError(f"{field} may hold letters, digits and underscores only")
    return coupon


def plan_coupons(items: Sequence[Item], directory: Directory) -> Plan:
    """Update the coupons that are there, and create the others."""
    there = directory.inventory.known_ids("get_coupons", "coupon", None)
    new: list[Item] = []
    changed: list[Item] = []
    settled: list[Settled] = []
    for item in merged(items):
        (coupon,) = item.identities
        resource = {"type": "coupon", "attributes": dict(item.content)}
        if coupon not in there:
            resource["attributes"] = {**item.content, "external_id": coupon}
            new.append(replace(item, body=ENCODER.encode(resource)))
        elif item.content:
            body = ENCODER.encode({**resource, "id": coupon})
            changed.append(replace(item, body=body, path=(("id", coupon),)))
        else:
            settled.append(Settled(item, THERE))
    plan = both(one_by_one(CREATE, new), one_by_one(UPDATE, changed))
    return replace(plan, settled=[*settled, *plan.settled])


def build_code(accepted: Accepted, row: Row, rules: StreamRules) -> Item:  # noqa: ARG001
    """A new code of a coupon.

    Raises:
        RowError: no coupon can have that id; or somebody has the code already.
    """
    if str(accepted.get("status") or FREE).upper() != FREE:
        raise SkippedRowError("is taken or used already, and must not be given out again")
    coupon, code = checked(accepted["coupon_id"], "coupon_id"), accepted["unique_code"]
    attributes = {"unique_code": code}
    if accepted.get("expires_at"):
        attributes["expires_at"] = accepted["expires_at"]
    resource = {
        "type": "coupon-code",
        "attributes": attributes,
        "relationships": {"coupon": {"data": {"type": "coupon", "id": coupon}}},
    }
    content = {"coupon": coupon, "code": code}
    name = known_as(coupon, code)
    return Item((row,), ENCODER.encode(resource), identities=(name,), content=content)


def plan_codes(items: Sequence[Item], directory: Directory) -> Plan:
    """Jobs of new codes; one that comes twice is sent once."""
    fresh: dict[str, Item] = {}
    repeated = [
        Settled(item, DUPLICATE)
        for item in items
        if fresh.setdefault(item.identities[0], item) is not item
    ]
    plan = shipped(CODES, fresh.values())
    then = partial(explained, directory)
    return replace(plan, settled=[*repeated, *plan.settled], then=then)


def explained(directory: Directory, settled: Sequence[Settled]) -> Plan:
    """Skip those of the refused codes that their coupon has already."""
    refused: dict[str, list[str]] = {}
    for content in (one.item.content for one in settled if is_refused(one)):
        refused.setdefault(content["coupon"], []).append(content["code"])
    look = directory.inventory.coupon_codes
    there = {coupon: look(coupon, codes) for coupon, codes in refused.items()}
    return Plan(settled=[outcome_of(one, there) for one in settled])


def outcome_of(one: Settled, there: dict[str, frozenset[str]]) -> Settled:
    """What became of a code, now that the codes of its coupon are known."""
    content = one.item.content
    present = content["code"] in there.get(content["coupon"], ())
    return replace(one, outcome=CODE_THERE) if present and is_refused(one) else one


def is_refused(one: Settled) -> bool:
    """Whether Klaviyo has refused an item."""
    return one.outcome.kind == "rejected"
