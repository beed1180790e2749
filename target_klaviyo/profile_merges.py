"""The profile_merges sink: one profile takes over another one, which is deleted.

Klaviyo works merges off later and says nothing of their end: accepted means taken. A merge that
is sent twice would be refused the second time, since the source is gone; a lost answer is left
unknown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from target_klaviyo.chunks import Envelope, Limits
from target_klaviyo.items import ENCODER, Item
from target_klaviyo.outcomes import Outcome, Row
from target_klaviyo.people import IDENTIFIERS, people_found
from target_klaviyo.plans import (
    KILOBYTE,
    Accepted,
    Directory,
    Plan,
    Settled,
    StreamRules,
    Transport,
)
from target_klaviyo.waves import one_by_one

MERGE = Transport(
    "merge_profiles",
    Limits(items=1, body_bytes=KILOBYTE, item_bytes=KILOBYTE),
    Envelope(b'{"data":', b"}", "/data"),
    repeat_safe=False,
)
NO_DESTINATION = Outcome("rejected", "no profile has the identifiers of the destination")
NO_SOURCE = Outcome("skipped", "no profile has the identifiers of the source (any more)")
SEVERAL = Outcome("rejected", "identifiers of one side belong to different profiles")
SAME = Outcome("skipped", "source and destination are one profile")
SIDES = ("destination", "source")


def build_merge(accepted: Accepted, row: Row, rules: StreamRules) -> Item:  # noqa: ARG001
    """Two profiles, not looked up yet."""
    return Item((row,), b"", content=accepted)


def plan_merges(items: Sequence[Item], directory: Directory) -> Plan:
    """Look up both sides, and merge one pair after the other where pairs share a profile."""
    ends = [side_found(items, side, directory) for side in SIDES]
    settled: list[Settled] = []
    pairs: list[Item] = []
    for item, destination, source in zip(items, *ends, strict=True):
        problem = problem_of(destination, source)
        if problem:
            settled.append(Settled(item, problem))
        else:
            pairs.append(pair(item.rows, destination[0], source[0]))
    plan = one_by_one(pairs, MERGE)
    return replace(plan, settled=[*settled, *plan.settled])


def side_found(items: Sequence[Item], side: str, directory: Directory) -> list[tuple[str, ...]]:
    """The profile ids of one side of each row: its own, else of whoever has its identifiers."""
    own = [item.content.get(f"{side}_id") for item in items]
    rows = [
        {name: item.content.get(f"{side}_{name}") for name in IDENTIFIERS} if not mine else {}
        for item, mine in zip(items, own, strict=True)
    ]
    found = people_found(rows, directory)
    return [(mine,) if mine else ids for mine, ids in zip(own, found, strict=True)]


def problem_of(destination: tuple[str, ...], source: tuple[str, ...]) -> Outcome | None:
    """Why two sides cannot be merged."""
    if not destination:
        return NO_DESTINATION
    if not source:
        return NO_SOURCE
    if len(destination) > 1 or len(source) > 1:
        return SEVERAL
    return SAME if destination == source else None


def pair(rows: tuple[Row, ...], destination: str, source: str) -> Item:
    """The item of a merge."""
    sources = {"data": [{"type": "profile", "id": source}]}
    resource = {
        "type": "profile-merge",
        "id": destination,
        "relationships": {"profiles": sources},
    }
    identities = (f"id:{destination}", f"id:{source}")
    return Item(rows, ENCODER.encode(resource), identities=identities)
