"""Who rows are about: identifiers resolved in bulk."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from target_klaviyo.items import Item
from target_klaviyo.outcomes import Outcome
from target_klaviyo.plans import Accepted, Directory, Settled

IDENTIFIERS = ("email", "phone_number", "external_id")
STRANGER = Outcome(
    "rejected",
    "no profile of this account has this profile_id; give email, phone_number or external_id",
)


def people_found(rows: Sequence[Accepted], directory: Directory) -> list[tuple[str, ...]]:
    """The ids of the profiles that have a row's identifiers: none, one, or several.

    In the order of `IDENTIFIERS`; each distinct value is asked for once.
    """
    known = {
        kind: directory.profile_ids(kind, wanted)
        for kind in IDENTIFIERS
        if (wanted := {row[kind] for row in rows if row.get(kind)})
    }
    found = [[known[kind].get(row[kind]) for kind in IDENTIFIERS if row.get(kind)] for row in rows]
    return [tuple(dict.fromkeys(one for one in ids if one)) for ids in found]


def first_found(rows: Sequence[Accepted], directory: Directory) -> list[str | None]:
    """The id of the profile that a row's first identifier finds that finds any.

    In the order of `IDENTIFIERS`; the next one is asked for only where those before found nobody.
    """
    found: list[str | None] = [None] * len(rows)
    for kind in IDENTIFIERS:
        pairs = list(zip(rows, found, strict=True))
        wanted = {row[kind] for row, known in pairs if known is None and row.get(kind)}
        ids = directory.profile_ids(kind, wanted) if wanted else {}
        found = [known or ids.get(row.get(kind, "")) for row, known in pairs]
    return found


def person_of(accepted: Accepted) -> dict[str, Any]:
    """The person of a row, by every identifier that it has."""
    attributes = {name: accepted[name] for name in IDENTIFIERS if accepted.get(name)}
    resource: dict[str, Any] = {"type": "profile", "attributes": attributes}
    if accepted.get("profile_id"):
        resource["id"] = accepted["profile_id"]
    return resource


def named_people(accepted: Accepted) -> tuple[str, ...]:
    """The person of a row in the words of `Item.identities`."""
    names = ("profile_id", *IDENTIFIERS)
    return tuple(f"{name}:{str(accepted[name]).lower()}" for name in names if accepted.get(name))


def strangers_apart(
    items: Sequence[Item], directory: Directory
) -> tuple[list[Item], list[Settled]]:
    """The items, and those whose `profile_id` is nobody's in this account."""
    ids = {item.content["profile_id"] for item in items if item.content.get("profile_id")}
    known = directory.profile_ids("id", ids) if ids else {}
    kept: list[Item] = []
    strangers: list[Settled] = []
    for item in items:
        profile_id = item.content.get("profile_id")
        if profile_id and known[profile_id] is None:
            strangers.append(Settled(item, STRANGER))
        else:
            kept.append(item)
    return kept, strangers
