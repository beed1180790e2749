"""The catalogue's sinks: items, variants and categories, 100 to a bulk job.

Where Klaviyo's documents say nothing, this is assumed: an update's `category_ids` are the item's
categories afterwards; a null in an update changes nothing or empties the field.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from target_klaviyo.chunks import Envelope, Limits
from target_klaviyo.items import ENCODER, Item
from target_klaviyo.outcomes import Outcome, RejectedRowError, Row
from target_klaviyo.plans import (
    KILOBYTE,
    MEGABYTE,
    Accepted,
    Directory,
    JobRule,
    Plan,
    Roster,
    Settled,
    StreamRules,
    Transport,
    shipped,
)
from target_klaviyo.things import merged

# "Accepts up to 100 catalog items per request. The maximum allowed payload size is 5MB."
LIMITS = Limits(items=100, body_bytes=5 * MEGABYTE, item_bytes=5 * MEGABYTE)
METADATA_BYTES = 100 * KILOBYTE
# The only integration and catalog that can be written.
PREFIX = "$custom:::$default:::"
SEPARATOR = ":::"
PLACE = "the catalogue"
GONE = Outcome("skipped", "is not in the catalogue")


@dataclass(frozen=True, slots=True)
class Shelf:
    """One kind of thing in the catalogue.

    Attributes:
        type: Klaviyo's resource type.
        plural: The name of many of them in bulk operations.
        job: Their name in the operations that read jobs, which differs.
        attributes: What a row can say of one, its id aside.
        needed: What a new one cannot be without; `item_id` is a relationship.
    """

    type: str
    plural: str
    job: str
    attributes: tuple[str, ...]
    needed: tuple[str, ...]

    def transport(self, action: str) -> Transport:
        """The bulk operation that does `action`.

        A repeated creation would be refused as already there, so it must not be repeated.
        """
        opening = f'{{"data":{{"type":"{self.type}-bulk-{action}-job","attributes":{{'
        return Transport(
            f"bulk_{action}_catalog_{self.plural}",
            LIMITS,
            Envelope(
                f'{opening}"{self.plural}":{{"data":['.encode(),
                b"]}}}}",
                f"/data/attributes/{self.plural}/data",
            ),
            JobRule(f"get_bulk_{action}_{self.job}_job", None),
            repeat_safe=action != "create",
        )

    @property
    def read(self) -> str:
        """The operation that reads them."""
        return f"get_catalog_{self.plural}"


ABOUT = ("title", "description", "url", "price", "image_full_url", "image_thumbnail_url")
REST = ("images", "custom_metadata", "published")
STOCK = ("sku", "inventory_policy", "inventory_quantity")
ITEMS = Shelf(
    "catalog-item", "items", "catalog_items", (*ABOUT, *REST), ("title", "description", "url")
)
VARIANTS = Shelf(
    "catalog-variant",
    "variants",
    "variants",
    (*ABOUT, *REST, *STOCK),
    ("title", "description", "url", "sku", "inventory_quantity", "price", "item_id"),
)
CATEGORIES = Shelf("catalog-category", "categories", "categories", ("name",), ("name",))


def compound(thing: str) -> str:
    """An id as Klaviyo writes it; the shop's own one is completed."""
    return thing if SEPARATOR in thing else PREFIX + thing


def build_thing(shelf: Shelf, accepted: Accepted, row: Row, rules: StreamRules) -> Item:
    """What a row says of one thing; rows of the same thing are merged later.

    Raises:
        RejectedRowError: its custom metadata are larger than Klaviyo takes, or it is a thing of
            another integration.
    """
    thing = accepted["external_id"].removeprefix(PREFIX)
    if thing.startswith("$") and SEPARATOR in thing:
        raise RejectedRowError(f"external_id is of another integration; only {PREFIX} is writable")
    said = {
        name: accepted[name]
        for name in (*shelf.attributes, "item_id", "category_ids")
        if name in accepted and (rules.clear_nulls or accepted[name] is not None)
    }
    if len(ENCODER.encode(said.get("custom_metadata"))) > METADATA_BYTES:
        raise RejectedRowError("custom_metadata is larger than 100 KB, Klaviyo's limit")
    return Item((row,), b"", identities=(thing,), content=said)


def created(shelf: Shelf, item: Item) -> Item:
    """The item as a new thing."""
    (thing,) = item.identities
    attributes = {**attributes_of(shelf, item.content), "external_id": thing}
    resource = {"type": shelf.type, "attributes": attributes, **relationships(item.content)}
    return replace(item, body=ENCODER.encode(resource))


def updated(shelf: Shelf, item: Item) -> Item:
    """The item as a change of a thing that is there; a variant keeps its item."""
    (thing,) = item.identities
    content = {name: value for name, value in item.content.items() if name != "item_id"}
    resource = {
        "type": shelf.type,
        "id": PREFIX + thing,
        "attributes": attributes_of(shelf, content),
        **relationships(content),
    }
    return replace(item, body=ENCODER.encode(resource))


def deleted(shelf: Shelf, item: Item) -> Item:
    """The item as a deletion."""
    (thing,) = item.identities
    return replace(item, body=ENCODER.encode({"type": shelf.type, "id": PREFIX + thing}))


def attributes_of(shelf: Shelf, content: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes among what rows say."""
    return {name: content[name] for name in shelf.attributes if name in content}


def relationships(content: Mapping[str, Any]) -> dict[str, Any]:
    """The categories of an item, or the item of a variant."""
    found: dict[str, Any] = {}
    if content.get("category_ids") is not None:
        ids = (compound(one) for one in content["category_ids"])
        found["categories"] = {"data": [{"type": "catalog-category", "id": one} for one in ids]}
    if content.get("item_id"):
        found["item"] = {"data": {"type": "catalog-item", "id": compound(content["item_id"])}}
    return {"relationships": found} if found else {}


def plan_creation(shelf: Shelf, items: Sequence[Item], directory: Directory) -> Plan:  # noqa: ARG001
    """New things; what is there already is refused by Klaviyo."""
    return creation(shelf, merged(items))


def creation(shelf: Shelf, items: Iterable[Item]) -> Plan:
    """The requests that create things, as far as rows say enough of them."""
    lacking = {item.identities: list(missing(shelf, item)) for item in items}
    complete = [created(shelf, item) for item in items if not lacking[item.identities]]
    plan = shipped(shelf.transport("create"), complete)
    refused = (
        Settled(item, incomplete(shelf, lacking[item.identities]))
        for item in items
        if lacking[item.identities]
    )
    return replace(plan, settled=[*plan.settled, *refused])


def missing(shelf: Shelf, item: Item) -> Iterator[str]:
    """What a new thing needs and rows do not say."""
    return (name for name in shelf.needed if item.content.get(name) is None)


def incomplete(shelf: Shelf, names: Iterable[str]) -> Outcome:
    """The refusal of a new thing that lacks something."""
    thing = shelf.type.replace("-", " ")
    return Outcome("rejected", f"is not in the catalogue, and a new {thing} needs {listed(names)}")


def listed(names: Iterable[str]) -> str:
    """Names as words."""
    return ", ".join(names)


def plan_update(shelf: Shelf, items: Sequence[Item], directory: Directory) -> Plan:  # noqa: ARG001
    """Changes of things; what is not there is refused by Klaviyo."""
    changes = (updated(shelf, item) for item in merged(items))
    return shipped(shelf.transport("update"), changes)


def plan_deletion(shelf: Shelf, items: Iterable[Item], directory: Directory) -> Plan:
    """Deletions; what is not there (any more) is skipped.

    Klaviyo's job refuses those, also where it is asked a second time because its answer was lost.
    """
    plan = shipped(shelf.transport("delete"), (deleted(shelf, one) for one in merged(items)))
    return replace(plan, then=partial(without_absent, shelf, directory))


def without_absent(shelf: Shelf, directory: Directory, settled: Sequence[Settled]) -> Plan:
    """Skip those of the refused things that are not in the catalogue."""
    absent = absent_among(shelf, directory, settled)
    return Plan(
        settled=[
            replace(one, outcome=GONE) if one.item.identities[0] in absent else one
            for one in settled
        ]
    )


def absent_among(shelf: Shelf, directory: Directory, settled: Sequence[Settled]) -> set[str]:
    """The refused things that are not in the catalogue.

    Klaviyo does not document by which code a job says that something is missing, so the refused
    ones are looked up.
    """
    refused = {one.item.identities[0] for one in settled if one.outcome.kind == "rejected"}
    ids = sorted(PREFIX + thing for thing in refused)
    there = directory.inventory.known_ids(shelf.read, shelf.type, ids) if ids else frozenset()
    return {thing for thing in refused if PREFIX + thing not in there}


def plan_upsert(shelf: Shelf, items: Sequence[Item], directory: Directory) -> Plan:
    """Update everything; then create what the update refused because it is not there."""
    plan = plan_update(shelf, items, directory)
    return replace(plan, then=partial(creation_of_missing, shelf, directory))


def creation_of_missing(shelf: Shelf, directory: Directory, settled: Sequence[Settled]) -> Plan:
    """Create those of the refused things that are not in the catalogue."""
    absent = absent_among(shelf, directory, settled)
    plan = creation(shelf, [one.item for one in settled if one.item.identities[0] in absent])
    kept = [one for one in settled if one.item.identities[0] not in absent]
    return replace(plan, settled=[*kept, *plan.settled])


def plan_mirror(shelf: Shelf, items: Sequence[Item], directory: Directory) -> Plan:
    """Upsert, and remember what rows name."""
    roster = directory.roster(
        f"catalog_{shelf.plural}",
        PLACE,
        lambda: frozenset(
            one
            for one in directory.inventory.known_ids(shelf.read, shelf.type, None)
            if one.startswith(PREFIX)
        ),
    )
    roster.given.update(PREFIX + item.identities[0] for item in items)
    return plan_upsert(shelf, items, directory)


def removals(shelf: Shelf, rosters: Mapping[str, Roster], directory: Directory) -> Plan:
    """Delete what no row names; what other integrations have put there stays."""
    gone = (one.removeprefix(PREFIX) for roster in rosters.values() for one in roster.gone())
    items = (Item((), b"", identities=(one,), content={"external_id": one}) for one in gone)
    return plan_deletion(shelf, items, directory)
