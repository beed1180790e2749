"""The list_profiles sink: people are added to lists. That never subscribes anybody."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from target_klaviyo.chunks import Envelope, Limits
from target_klaviyo.items import ENCODER, Item
from target_klaviyo.outcomes import DUPLICATE, Outcome, Row
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
    shipped,
)

ADD = Transport(
    "add_profiles_to_list",
    Limits(items=1_000, body_bytes=5 * MEGABYTE, item_bytes=KILOBYTE),
    Envelope(b'{"data":[', b"]}", "/data"),
)
IDENTIFIERS = ("email", "phone_number", "external_id")
NOBODY = Outcome("rejected", "no profile has this email, phone_number or external_id")


def build_membership(accepted: Accepted, row: Row, rules: StreamRules) -> Item:  # noqa: ARG001
    """A person and a list, neither of them looked up yet."""
    return Item((row,), b"", content=accepted)


def plan_memberships(items: Sequence[Item], directory: Directory) -> Plan:
    """Look up people and their lists, and add the people found, list by list."""
    settled: list[Settled] = []
    members: dict[str, dict[str, Item]] = {}
    people = profiles_of(items, directory)
    for item, person in zip(items, people, strict=True):
        # The person comes first: a list without any member must not come into being.
        found = list_of(item.content, directory) if person else ListFound(None, NOBODY)
        if found.id is None or person is None:
            settled.append(Settled(item, found.outcome))
        elif person in members.setdefault(found.id, {}):
            settled.append(Settled(item, DUPLICATE))
        else:
            body = ENCODER.encode({"type": "profile", "id": person})
            members[found.id][person] = Item(item.rows, body)
    plans = [(list_id, shipped(ADD, of_list.values())) for list_id, of_list in members.items()]
    requests = [
        Shipment(ADD, request.items, {"id": list_id})
        for list_id, plan in plans
        for request in plan.waves[0]
    ]
    return Plan([requests], [*settled, *(one for _, plan in plans for one in plan.settled)])


def list_of(row: Accepted, directory: Directory) -> ListFound:
    """The list that a row names, by id or by name."""
    if row.get("list_id"):
        return directory.list_by_id(row["list_id"])
    return directory.list_named(row["list_name"], None, create=directory.create_lists)


def profiles_of(items: Sequence[Item], directory: Directory) -> list[str | None]:
    """The profile id of each row: its own, else that of the first identifier that is known."""
    known = {
        kind: directory.profile_ids(kind, wanted)
        for kind in IDENTIFIERS
        if (wanted := {item.content[kind] for item in items if lookup_needed(item.content, kind)})
    }
    return [profile_of(item.content, known) for item in items]


def lookup_needed(row: Accepted, kind: str) -> bool:
    """Whether this identifier of the row has to be looked up."""
    return bool(row.get(kind)) and not row.get("id")


def profile_of(row: Accepted, known: Mapping[str, Mapping[str, str | None]]) -> str | None:
    """The profile id of one row, or None where nobody is found."""
    if row.get("id"):
        return str(row["id"])
    found = (known[kind].get(row[kind]) for kind in IDENTIFIERS if row.get(kind))
    return next((one for one in found if one), None)
