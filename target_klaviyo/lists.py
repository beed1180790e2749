"""The lists sink: a list of that name exists afterwards."""

from __future__ import annotations

from collections.abc import Sequence

from target_klaviyo.items import Item
from target_klaviyo.outcomes import Row
from target_klaviyo.plans import Accepted, Directory, Plan, Settled, StreamRules


def build_list(accepted: Accepted, row: Row, rules: StreamRules) -> Item:  # noqa: ARG001
    """A list to look up or create."""
    return Item((row,), b"", content=accepted)


def plan_lists(items: Sequence[Item], directory: Directory) -> Plan:
    """Nothing goes out in bulk: each name is looked up, and created where it is missing."""
    found = [
        directory.list_named(item.content["name"], item.content.get("opt_in_process"), create=True)
        for item in items
    ]
    return Plan(
        settled=[Settled(item, one.outcome) for item, one in zip(items, found, strict=True)]
    )
