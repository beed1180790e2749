"""The sinks tags and tag_links.

Klaviyo does not document what becomes of a link that is there already, so links are looked up
first, and a link is not sent again where its answer was lost.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from target_klaviyo import things
from target_klaviyo.chunks import Envelope, Limits
from target_klaviyo.items import ENCODER, Item
from target_klaviyo.lists import namesakes
from target_klaviyo.outcomes import DUPLICATE, Outcome, RejectedRowError, Row
from target_klaviyo.plans import (
    KILOBYTE,
    MEGABYTE,
    Accepted,
    Directory,
    ListFound,
    Plan,
    Settled,
    Shipment,
    StreamRules,
    Transport,
)
from target_klaviyo.things import merged, one_by_one, single

CREATE = single("create_tag", repeat_safe=False)
TAG_THERE = Outcome("skipped", "tag exists already")
NO_NAME = Outcome("rejected", "no tag has this tag_name; the sink tags creates tags")
NO_ID = Outcome("rejected", "no tag has this tag_id")
MIXED = Outcome(
    "rejected",
    "another list of the other account has the same name, and here they are one: rename one",
)
LINKED = Outcome("skipped", "has this tag already")
NOT_LINKED = Outcome("skipped", "does not have this tag")
# What can bear tags, and the field that names one.
BEARERS = {
    "list_id": "list",
    "segment_id": "segment",
    "flow_id": "flow",
    "campaign_id": "campaign",
}
# Klaviyo names no limit; what bears tags is counted in hundreds.
LIMITS = Limits(items=100, body_bytes=5 * MEGABYTE, item_bytes=KILOBYTE)
ACTIONS = {"add": "tag_{}", "remove": "remove_tag_from_{}"}


def build_tag(accepted: Accepted, row: Row, rules: StreamRules) -> Item:  # noqa: ARG001
    """A tag of that name."""
    resource: dict[str, Any] = {"type": "tag", "attributes": {"name": accepted["name"]}}
    if accepted.get("tag_group_id"):
        group = {"type": "tag-group", "id": accepted["tag_group_id"]}
        resource["relationships"] = {"tag-group": {"data": group}}
    return Item((row,), ENCODER.encode(resource), identities=(accepted["name"],))


def plan_tags(items: Sequence[Item], directory: Directory) -> Plan:
    """Create the tags whose name no tag has; an existing tag keeps its group."""
    there = directory.inventory.tag_ids()
    named = merged(items)
    new = [item for item in named if item.identities[0] not in there]
    known = [Settled(item, TAG_THERE) for item in named if item.identities[0] in there]
    plan = one_by_one(CREATE, new)
    return replace(plan, settled=[*known, *plan.settled])


def build_link(accepted: Accepted, row: Row, rules: StreamRules) -> Item:  # noqa: ARG001
    """A tag and what bears it, neither looked up yet.

    Raises:
        RejectedRowError: the row names several things.
    """
    named = [field for field in (*BEARERS, "list_name") if accepted.get(field)]
    if len(named) > 1:
        raise RejectedRowError(f"names more than one thing to tag: {', '.join(named)}")
    ends = (accepted.get("tag_id") or accepted.get("tag_name"), accepted[named[0]])
    subject = " ".join(map(str, ends))
    return Item((row,), b"", subjects=(subject,), content={**accepted, "field": named[0]})


Links = dict[tuple[str, str], dict[str, Item]]


def plan_links(items: Sequence[Item], directory: Directory) -> Plan:
    """Tag what does not have its tag yet."""
    return linked("add", items, directory)


def plan_unlinks(items: Sequence[Item], directory: Directory) -> Plan:
    """Take tags off what has them."""
    return linked("remove", items, directory)


def linked(action: str, items: Sequence[Item], directory: Directory) -> Plan:
    """Requests for each tag and type of bearer."""
    settled, links = paired(items, directory)
    shipments: list[Shipment] = []
    for (tag, kind), bearers in links.items():
        there = directory.inventory.related(f"get_{kind}_ids_for_tag", tag)
        if there is None:
            settled.extend(Settled(item, NO_ID) for item in bearers.values())
            continue
        idle = {bearer for bearer in bearers if (bearer in there) == (action == "add")}
        done = LINKED if action == "add" else NOT_LINKED
        ends = {one: resource(kind, one, item) for one, item in bearers.items()}
        plan = things.linked(transport(action, kind), tag, ends, idle, done)
        settled.extend(plan.settled)
        shipments.extend(plan.waves[0])
    return Plan([shipments], settled)


def resource(kind: str, bearer: str, item: Item) -> Item:
    """The item with its place in a request."""
    return replace(item, body=ENCODER.encode({"type": kind, "id": bearer}))


def transport(action: str, kind: str) -> Transport:
    """The operation that tags or untags things of a kind."""
    operation = ACTIONS[action].format(f"{kind}s")
    return Transport(operation, LIMITS, Envelope(b'{"data":[', b"]}", "/data"), repeat_safe=False)


def paired(items: Sequence[Item], directory: Directory) -> tuple[list[Settled], Links]:
    """The rows that stop here, and the others by tag, type and id of what bears it."""
    settled: list[Settled] = []
    links: Links = {}
    for row in (item.content for item in items if item.content["field"] == "list_name"):
        # Which names mean several lists shows only once all rows have been looked at.
        namesakes(row["list_name"], row, directory)
    by_name = any(not item.content.get("tag_id") for item in items)
    tags = directory.inventory.tag_ids() if by_name else {}
    for item in items:
        tag = tag_of(item.content, tags)
        bearer = bearer_of(item.content, directory)
        if tag is None or bearer.id is None:
            settled.append(Settled(item, NO_NAME if tag is None else bearer.outcome))
            continue
        kind = BEARERS.get(item.content["field"], "list")
        same = links.setdefault((tag, kind), {})
        if bearer.id in same:
            settled.append(Settled(item, DUPLICATE))
        same.setdefault(bearer.id, item)
    return settled, links


def tag_of(row: Mapping[str, Any], tags: Mapping[str, str]) -> str | None:
    """The tag that a row names, by id or by name."""
    found: str | None = row.get("tag_id") or tags.get(row["tag_name"])
    return found


def bearer_of(row: Mapping[str, Any], directory: Directory) -> ListFound:
    """What a row wants tagged: by its id, or a list by its name."""
    if row["field"] == "list_name":
        if len(namesakes(row["list_name"], row, directory)) > 1:
            return ListFound(None, MIXED)
        return directory.list_named(row["list_name"], None, create=False)
    return ListFound(row[row["field"]], LINKED)
