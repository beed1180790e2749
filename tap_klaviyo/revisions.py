"""What the rows are at other revisions of Klaviyo than the one that the facts describe."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec

from tap_klaviyo.records import Completion, Rows
from tap_klaviyo.spec import Derived, Parent, StreamSpec
from tap_klaviyo.specs_marketing import ARCHIVED

# From here on campaigns keep their name and more in `definition`, their messages have the status,
# and there is no filter by channel (Klaviyo's own client of that revision).
CAMPAIGNS_REDESIGNED = "2026-10-15"
DEFINITION = Derived({"type": ["object", "null"], "additionalProperties": True})
STATUS = Derived({"type": ["string", "null"]})
# What moved into the definition, and stays a column.
MOVED = ("name", "archived")


def at_revision(spec: StreamSpec, revision: str) -> StreamSpec:
    """The row at a revision (`2026-10-15`, perhaps with a suffix)."""
    if revision[: len(CAMPAIGNS_REDESIGNED)] < CAMPAIGNS_REDESIGNED:
        return spec
    if spec.parent:
        own = {"status": STATUS} if spec.name == "campaign_messages" else {}
        return replace(spec, parent=parent_at(spec.parent), derived={**spec.derived, **own})
    if spec.operation != "get_campaigns":
        return spec
    spec = replace(spec, partitions=ARCHIVED)
    if spec.rows:
        return spec
    derived = {**spec.derived, "definition": DEFINITION}
    return replace(spec, derived=derived, complete=COMPLETION, sparse=False)


def parent_at(parent: Parent) -> Parent:
    """The same for what a stream hangs on."""
    above = parent_at(parent.parent) if parent.parent else None
    partitions = ARCHIVED if parent.operation == "get_campaigns" else parent.partitions
    return replace(parent, partitions=partitions, parent=above)


def from_definition(rows: Rows) -> list[list[Any]]:
    """The definition, and the columns that moved into it."""
    definitions = rows.looked_at("definition")
    held = [one if isinstance(one, dict) else {} for one in definitions]
    return [definitions, *([one.get(name) for one in held] for name in MOVED)]


COMPLETION = Completion(
    from_definition,
    columns=("definition", *MOVED),
    looks={"definition": msgspec.json.Decoder(dict[str, Any] | None).decode},
)
