"""The lists sink: a list of that name exists afterwards."""

from __future__ import annotations

from collections.abc import Sequence

from klaviyo_client.errors import KlaviyoError
from target_klaviyo.items import Item
from target_klaviyo.outcomes import Outcome, Row
from target_klaviyo.plans import Accepted, Directory, Plan, Settled, StreamRules

MIXED = Outcome(
    "rejected",
    "another list of the other account has the same name, so that nobody comes onto this one: "
    "rename one of them",
)


def namesakes(name: str, row: Accepted, directory: Directory) -> Sequence[str]:
    """The lists of another account that have come by this name, that of a copied row among them."""
    source = row.get("source_list_id")
    return directory.namesakes(name, str(source)) if source else ()


def build_list(accepted: Accepted, row: Row, rules: StreamRules) -> Item:  # noqa: ARG001
    """A list to look up or create."""
    return Item((row,), b"", content=accepted)


def plan_lists(items: Sequence[Item], directory: Directory) -> Plan:
    """Nothing goes out in bulk: each name is looked up, and created where it is missing."""
    settled: list[Settled] = []
    try:
        for item in items:
            row = item.content
            first, *_ = namesakes(row["name"], row, directory) or (None,)
            if first not in (None, row.get("source_list_id")):
                settled.append(Settled(item, MIXED))
                continue
            found = directory.list_named(row["name"], row.get("opt_in_process"), create=True)
            settled.append(Settled(item, found.outcome))
    except KlaviyoError as error:
        # The lists before this one exist by now, and must be counted.
        return Plan(settled=settled, error=error)
    return Plan(settled=settled)
