"""The list_profiles sink: people come onto lists and off them.

Neither changes anybody's consent: an addition subscribes nobody, a removal unsubscribes nobody.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from target_klaviyo.chunks import Envelope, Limits
from target_klaviyo.items import ENCODER, Item
from target_klaviyo.lists import MIXED, namesakes
from target_klaviyo.outcomes import DUPLICATE, Outcome, RejectedRowError, Row, SkippedRowError
from target_klaviyo.people import first_found
from target_klaviyo.plans import (
    KILOBYTE,
    MEGABYTE,
    Accepted,
    Directory,
    ListFound,
    Plan,
    Roster,
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
# Removing somebody who is not on the list is taken to change nothing, as adding a member does.
REMOVE = replace(ADD, operation="remove_profiles_from_list")
SINK = "list_profiles"
PERSON = ("id", "email", "phone_number", "external_id")
NOBODY = Outcome("rejected", "no profile has this email, phone_number or external_id")
ABSENT = Outcome("skipped", "no profile has this identifier, so that it is on no list")
PRESENT = Outcome("skipped", "on the list already")


def build_membership(accepted: Accepted, row: Row, rules: StreamRules) -> Item:  # noqa: ARG001
    """A person and a list, neither of them looked up yet.

    Raises:
        RowError: the person is suppressed for this list in the account it is copied from, or
            nobody can tell.
    """
    if "source_subscriptions" in accepted and accepted["source_subscriptions"] is None:
        raise RejectedRowError(
            "does not say who is suppressed for this list; let the tap read the column that "
            "source_subscriptions names (stream_options.list_profiles.columns)"
        )
    if suppressed_there(accepted):
        raise SkippedRowError("is suppressed for this list in the other account")
    place = accepted.get("list_id") or accepted.get("list_name")
    people = (f"{name}:{accepted[name]}".lower() for name in PERSON if accepted.get(name))
    return Item((row,), b"", subjects=tuple(f"{place} {one}" for one in people), content=accepted)


def suppressed_there(accepted: Accepted) -> bool:
    """Whether a copied member gets no e-mail through the list that it is copied with."""
    email = (accepted.get("source_subscriptions") or {}).get("email") or {}
    entries = (email.get("marketing") or {}).get("list_suppressions") or ()
    source = accepted.get("source_list_id")
    return source is not None and any(one.get("list_id") == source for one in entries)


def plan_memberships(items: Sequence[Item], directory: Directory) -> Plan:
    """Look up people and their lists, and add the people found, list by list."""
    pairs = paired(items, directory, create=directory.create_lists)
    return in_requests(ADD, pairs)


def plan_removals(items: Sequence[Item], directory: Directory) -> Plan:
    """Look up people and their lists, and take the people found off the lists.

    Nobody is unsubscribed by that. Somebody without a profile is on no list already.
    """
    settled, members = paired(items, directory, create=False)
    absent = [replace(one, outcome=ABSENT) if one.outcome is NOBODY else one for one in settled]
    return in_requests(REMOVE, (absent, members))


def plan_mirror(items: Sequence[Item], directory: Directory) -> Plan:
    """Add those who are not on their list yet, and remember all whom rows name."""
    settled, members = paired(items, directory, create=directory.create_lists)
    rosters = directory.member_rosters(SINK, members)
    for list_id, people in members.items():
        roster = rosters[list_id]
        for person in [one for one in people if one in roster.before or one in roster.given]:
            outcome = DUPLICATE if person in roster.given else PRESENT
            settled.append(Settled(people.pop(person), outcome))
            roster.given.add(person)
        roster.given.update(people)
    return in_requests(ADD, (settled, members))


def mirror_removals(rosters: Mapping[str, Roster], directory: Directory) -> Plan:  # noqa: ARG001
    """Take those whom no row names off their lists; that unsubscribes nobody."""
    members = {
        list_id: {person: member(list_id, person, ()) for person in roster.gone()}
        for list_id, roster in rosters.items()
    }
    return in_requests(REMOVE, ([], members))


Members = dict[str, dict[str, Item]]


def paired(
    items: Sequence[Item], directory: Directory, *, create: bool
) -> tuple[list[Settled], Members]:
    """The rows that stop here, and the others by list and person."""
    settled: list[Settled] = []
    members: Members = {}
    for row in (item.content for item in items if not item.content.get("list_id")):
        # Which names mean several lists shows only once all rows have been looked at.
        namesakes(row["list_name"], row, directory)
    people = profiles_of(items, directory)
    for item, person in zip(items, people, strict=True):
        # The person comes first: a list without any member must not come into being.
        found = (
            list_of(item.content, directory, create=create) if person else ListFound(None, NOBODY)
        )
        if found.id is None or person is None:
            settled.append(Settled(item, found.outcome))
        elif person in members.setdefault(found.id, {}):
            settled.append(Settled(item, DUPLICATE))
        else:
            members[found.id][person] = member(found.id, person, item.rows)
    return settled, members


def member(list_id: str, person: str, rows: tuple[Row, ...]) -> Item:
    """A person on a list."""
    body = ENCODER.encode({"type": "profile", "id": person})
    return Item(rows, body, content={"list_id": list_id, "id": person})


def in_requests(transport: Transport, pairs: tuple[list[Settled], Members]) -> Plan:
    """One request after the other for each list."""
    settled, members = pairs
    plans = [(list_id, shipped(transport, people.values())) for list_id, people in members.items()]
    requests = [
        Shipment(transport, request.items, {"id": list_id})
        for list_id, plan in plans
        for request in plan.waves[0]
    ]
    return Plan([requests], [*settled, *(one for _, plan in plans for one in plan.settled)])


def list_of(row: Accepted, directory: Directory, *, create: bool) -> ListFound:
    """The list that a row names, by id or by name."""
    if row.get("list_id"):
        return directory.list_by_id(row["list_id"])
    if len(namesakes(row["list_name"], row, directory)) > 1:
        return ListFound(None, MIXED)
    return directory.list_named(row["list_name"], None, create=create)


def profiles_of(items: Sequence[Item], directory: Directory) -> list[str | None]:
    """The profile id of each row: its own, else that of the first identifier that is known."""
    rows = [item.content if not item.content.get("id") else {} for item in items]
    found = first_found(rows, directory)
    own = (item.content.get("id") for item in items)
    return [mine or other for mine, other in zip(own, found, strict=True)]
