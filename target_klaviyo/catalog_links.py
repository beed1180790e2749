"""The sink catalog_category_items: items of categories, one link a row, as tap-klaviyo reads them.

An item's row can name its categories too (`category_ids` of catalog_items). A link that is there
already is a conflict to Klaviyo, so links are looked up first, and one is not sent again where its
answer was lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

from target_klaviyo.catalog import compound
from target_klaviyo.chunks import Envelope, Limits
from target_klaviyo.items import ENCODER, Item
from target_klaviyo.outcomes import DUPLICATE, Outcome, Row
from target_klaviyo.plans import (
    KILOBYTE,
    MEGABYTE,
    Accepted,
    Directory,
    Plan,
    Settled,
    StreamRules,
    Transport,
)
from target_klaviyo.things import both, linked

# Klaviyo names no limit here; its catalog jobs hold as many.
LIMITS = Limits(items=100, body_bytes=5 * MEGABYTE, item_bytes=10 * KILOBYTE)
ITEMS = Envelope(b'{"data":[', b"]}", "/data")
ADD = Transport("add_items_to_catalog_category", LIMITS, ITEMS, repeat_safe=False)
REMOVE = Transport("remove_items_from_catalog_category", LIMITS, ITEMS, repeat_safe=False)
READ = "get_item_ids_for_catalog_category"
THERE = Outcome("skipped", "is in the category already")
GONE = Outcome("skipped", "is not in the category")
NO_CATEGORY = Outcome("rejected", "the catalogue has no category of this category_id")


def build_link(accepted: Accepted, row: Row, rules: StreamRules) -> Item:  # noqa: ARG001
    """An item and its category."""
    category, item = compound(accepted["category_id"]), compound(accepted["item_id"])
    body = ENCODER.encode({"type": "catalog-item", "id": item})
    return Item((row,), body, identities=(item,), content={"category": category})


def plan_additions(items: Sequence[Item], directory: Directory) -> Plan:
    """Put items into categories where they are not in them."""
    return planned(ADD, items, directory)


def plan_removals(items: Sequence[Item], directory: Directory) -> Plan:
    """Take items out of categories where they are in them."""
    return planned(REMOVE, items, directory)


def planned(transport: Transport, items: Sequence[Item], directory: Directory) -> Plan:
    """Requests category by category; a link that comes twice is sent once."""
    categories: dict[str, dict[str, Item]] = {}
    repeated: list[Settled] = []
    for item in items:
        same = categories.setdefault(item.content["category"], {})
        if same.setdefault(item.identities[0], item) is not item:
            repeated.append(Settled(item, DUPLICATE))
    plans = (of_category(transport, one, ends, directory) for one, ends in categories.items())
    return reduce(both, plans, Plan([[]], repeated))


def of_category(
    transport: Transport, category: str, ends: dict[str, Item], directory: Directory
) -> Plan:
    """Requests of one category."""
    there = directory.inventory.related(READ, category)
    if there is None:
        return Plan([[]], [Settled(item, NO_CATEGORY) for item in ends.values()])
    if transport is ADD:
        return linked(transport, category, ends, there, THERE)
    return linked(transport, category, ends, ends.keys() - there, GONE)
