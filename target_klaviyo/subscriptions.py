"""The subscriptions sink: changes of consent (see `consents`) become requests.

Taken, as Klaviyo does not say: a subscription that is repeated may send a second message to
confirm it, so that it is not repeated after a lost answer.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from target_klaviyo.chunks import Envelope, Limits
from target_klaviyo.consents import SUBSCRIBED, UNSUBSCRIBED, said_of, subscription_item
from target_klaviyo.duplicates import Mark, fingerprint, marked
from target_klaviyo.items import CANONICAL, ENCODER, Item
from target_klaviyo.memberships import list_of
from target_klaviyo.outcomes import Outcome
from target_klaviyo.plans import (
    KILOBYTE,
    MEGABYTE,
    Directory,
    Plan,
    Settled,
    Shipment,
    Transport,
    shipped,
)
from target_klaviyo.waves import merged

OPERATIONS = {SUBSCRIBED: "bulk_subscribe_profiles", UNSUBSCRIBED: "bulk_unsubscribe_profiles"}
JOBS = {
    SUBSCRIBED: "profile-subscription-bulk-create-job",
    UNSUBSCRIBED: "profile-subscription-bulk-delete-job",
}
# Klaviyo names 1,000 and 100 profiles; the bytes are those of its other bulk requests.
LIMITS = {
    SUBSCRIBED: Limits(1_000, 5 * MEGABYTE, 100 * KILOBYTE),
    UNSUBSCRIBED: Limits(100, 5 * MEGABYTE, 100 * KILOBYTE),
}
LATER = Outcome("skipped", "a later row changes the same consent of this person")
SENT = Outcome("skipped", "the same change was sent before in this run", held=True)
STRANGER = Outcome(
    "rejected",
    "is not on this list, and Klaviyo would unsubscribe it everywhere; leave the list out if "
    "that is meant",
)


@dataclass(frozen=True, slots=True)
class Request:
    """What all profiles of one request share."""

    consent: str
    list_id: str | None
    historical: bool
    source: str | None


def plan_subscriptions(items: Sequence[Item], directory: Directory) -> Plan:
    """The last change of each consent (see `unspent`); what is about one person goes in order.

    "The last" is that of a batch (see `batch_rows`). What an earlier batch has sent is not sent
    again; another change of it is, for a withdrawal must not get lost.
    """
    listed, settled = with_lists(items, directory)
    members, strangers = checked_members(listed, directory)
    new: dict[int, Item] = {}
    sent: dict[int, Item] = {}
    for changes in last_words(items, members):
        before = directory.seen.before(changes[-1].content["marks"][0]) if changes else None
        part = sent if before else new
        part.update((one.rows[0].number, one) for one in changes)
    dealt = new.keys() | sent.keys()
    late = (one for one in members if one.rows[0].number not in dealt)
    settled += [*strangers, *(Settled(one, LATER) for one in late)]
    settled += [Settled(one, SENT) for one in sent.values()]
    in_order = [one.rows[0].number for one in members if one.rows[0].number in new]
    waves: list[list[Shipment]] = []
    for wave in merged((new[number] for number in in_order), together):
        requests: dict[Request, list[Item]] = {}
        for item in wave:
            requests.setdefault(item.content["request"], []).append(item)
        plans = [shipped(transport(request), part) for request, part in requests.items()]
        waves.append([one for plan in plans for one in plan.waves[0]])
        settled += [one for plan in plans for one in plan.settled]
    return Plan(waves, settled, then=lambda done: remembered(done, directory))


def last_words(items: Iterable[Item], sendable: Iterable[Item]) -> list[list[Item]]:
    """For each consent its changes that are to be sent, in order."""
    known = {item.rows[0].number: item for item in sendable}
    histories: dict[Any, list[tuple[str, Item | None]]] = {}
    for item in items:
        said = (item.content["consent"], known.get(item.rows[0].number))
        histories.setdefault(item.content["key"], []).append(said)
    return [chained(unspent(history)) for history in histories.values()]


def unspent(history: Iterable[tuple[str, Item | None]]) -> list[Item]:
    """What still counts of the changes of one consent; None is a change that cannot be sent.

    Everywhere is a place as each list is, and of each place the last change counts. No consent
    stays before a withdrawal from everywhere, or before one that cannot be sent. A withdrawal
    yields only to a consent that is in effect at once: others wait for somebody to confirm them.
    """
    kept: list[Item] = []
    over, given, taken = False, set[str | None](), set[str | None]()
    for consent, item in reversed(list(history)):
        place = item.content["request"].list_id if item else None
        if consent == UNSUBSCRIBED:
            if item and place not in taken:
                kept.append(item)
                taken.add(place)
            given.add(place)
            over = over or place is None
        elif item and not over and place not in given:
            kept.append(item)
            given.add(place)
            taken |= {place, None} if item.content["request"].historical else set()
    return kept[::-1]


def chained(changes: list[Item]) -> list[Item]:
    """Changes of one consent; the mark of the last of several stands for all of them."""
    if not changes[1:]:
        return changes
    *before, last = changes
    marks = [one.content["marks"][0] for one in changes]
    mark = Mark(marks[0].key, fingerprint(b"".join(one.content for one in marks), 8))
    return [*before, replace(last, content={**last.content, "marks": (mark,)})]


def remembered(settled: Sequence[Settled], directory: Directory) -> Plan:
    """Note what Klaviyo took, and which rows thereby need not be looked at again."""
    taken = [one for one in settled if one.outcome.kind == "accepted" or one.outcome is SENT]
    keys: set[bytes] = set()
    for mark in (mark for one in taken for mark in one.item.content.get("marks", ())):
        directory.seen.renew(mark)
        keys.add(mark.key)
    return Plan(settled=[held(one, keys) for one in settled])


def held(one: Settled, keys: Container[bytes]) -> Settled:
    """A row whose consent a later one changes: dealt with where Klaviyo took the later one."""
    if one.outcome is not LATER or one.item.content["marks"][0].key not in keys:
        return one
    return replace(one, outcome=replace(LATER, held=True))


def with_lists(items: Iterable[Item], directory: Directory) -> tuple[list[Item], list[Settled]]:
    """The items with the request that they belong to, and those whose list is not there."""
    listed: list[Item] = []
    settled: list[Settled] = []
    for item in items:
        said, consent = item.content["terms"], item.content["consent"]
        list_id = None
        if said.get("list_id") or said.get("list_name"):
            create = directory.create_lists and consent == SUBSCRIBED
            found = list_of(said, directory, create=create)
            if found.id is None:
                settled.append(Settled(item, found.outcome))
                continue
            list_id = found.id
        request = Request(
            consent,
            list_id,
            consent == SUBSCRIBED and bool(said.get("historical_import")),
            said.get("custom_source") if consent == SUBSCRIBED else None,
        )
        marks = (mark_of(item, request),)
        listed.append(replace(item, content={**item.content, "request": request, "marks": marks}))
    return listed, settled


def mark_of(item: Item, request: Request) -> Mark:
    """The mark of a consent, and of the change of it that a row wants."""
    key = CANONICAL.encode(["consent", *item.content["key"]])
    return marked(key, CANONICAL.encode(request) + item.body)


def checked_members(
    items: Sequence[Item], directory: Directory
) -> tuple[list[Item], list[Settled]]:
    """The items, and those that would unsubscribe somebody everywhere who is not on the list."""
    asked: dict[tuple[str, str], set[str]] = {}
    for item in items:
        request: Request = item.content["request"]
        if request.consent == UNSUBSCRIBED and request.list_id:
            kind, value = named_by(item)
            asked.setdefault((request.list_id, kind), set()).add(value)
    members = {
        (*place, value)
        for place, values in asked.items()
        for value in directory.among_members(*place, values)
    }
    kept: list[Item] = []
    strangers: list[Settled] = []
    for item in items:
        request = item.content["request"]
        alone = request.consent == SUBSCRIBED or not request.list_id
        if alone or (request.list_id, *named_by(item)) in members:
            kept.append(item)
        else:
            strangers.append(Settled(item, STRANGER))
    return kept, strangers


def named_by(item: Item) -> tuple[str, str]:
    """Kind and value of what somebody who withdraws is looked up by on a list."""
    kind, _, value = item.identities[0].partition(":")
    return kind, value


def together(earlier: Item, later: Item) -> Item | None:
    """Two consents of one person as one profile; None where they need different requests."""
    former, latter = earlier.content, later.content
    if former["request"] != latter["request"]:
        return None
    before, after = said_of(earlier), said_of(later)
    if any(before[name] != after[name] for name in before if name in after and name in IDENTIFIERS):
        return None
    subscriptions = dict(before["subscriptions"])
    for channel, entry in after["subscriptions"].items():
        subscriptions[channel] = {**subscriptions.get(channel, {}), **entry}
    content = {**latter, "marks": (*former["marks"], *latter["marks"])}
    profile_id = after["id"] or before["id"]
    named = {**before, **after, "id": profile_id, "subscriptions": subscriptions}
    return subscription_item((*earlier.rows, *later.rows), content, named, later.subjects)


IDENTIFIERS = ("email", "phone_number")


def transport(request: Request) -> Transport:
    """How profiles of one request travel."""
    attributes: dict[str, Any] = {}
    if request.historical:
        attributes["historical_import"] = True
    if request.source:
        attributes["custom_source"] = request.source
    head = ENCODER.encode({**attributes, "profiles": {"data": []}})
    opening = b'{"data":{"type":"%s","attributes":' % JOBS[request.consent].encode()
    closing = b"}}"
    if request.list_id:
        named = {"list": {"data": {"type": "list", "id": request.list_id}}}
        closing = b',"relationships":%s}}' % ENCODER.encode(named)
    return Transport(
        OPERATIONS[request.consent],
        LIMITS[request.consent],
        Envelope(opening + head[:-3], b"]}}" + closing, "/data/attributes/profiles/data"),
        repeat_safe=request.consent == UNSUBSCRIBED or request.historical,
    )
