"""What an event's record holds beside its attributes: metric, campaign, flow, message, person."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypedDict

import msgspec
from msgspec.structs import astuple

from tap_klaviyo.records import Completion, Included, Rows

# Column of the record, and the relation that must be included to fill it.
EVENT_COLUMNS: Mapping[str, str] = {
    "metric_name": "metric",
    "campaign_id": "attributions",
    "campaign_message_id": "attributions",
    "flow_id": "attributions",
    "flow_message_id": "attributions",
}
# What names an event's profile in any account: column, and field of the profile.
IDENTIFIERS = ("email", "phone_number", "external_id")


class Target(msgspec.Struct, gc=False):
    """What a relationship points to."""

    id: str


class Credit(msgspec.Struct, gc=False):
    """A to-one relationship of an attribution; without data, it names nothing."""

    data: Target | None = None

    @property
    def id(self) -> str | None:
        """The id that it names, or None."""
        return self.data.id if self.data else None


class Credits(msgspec.Struct, gc=False, rename="kebab"):
    """What an attribution credits, in the order of the columns."""

    campaign: Credit | None = None
    campaign_message: Credit | None = None
    flow: Credit | None = None
    flow_message: Credit | None = None


class Named(msgspec.Struct, gc=False, frozen=True):
    """The attributes of a metric and of a profile that matter."""

    name: Any = None
    email: Any = None
    phone_number: Any = None
    external_id: Any = None


UNNAMED = Named()


class IncludedResource(msgspec.Struct, gc=False):
    """What is read of the resources included with events."""

    type: str
    id: str
    attributes: Named | None = None
    relationships: Credits | None = None


NO_PERSON: tuple[Any, ...] = (None,) * len(IDENTIFIERS)
# What an event is credited to, in the order of the columns.
Ids = tuple[str | None, ...]
NOBODY: Ids = (None,) * len(Credits.__struct_fields__)


def event_columns(rows: Rows) -> list[Sequence[Any]]:
    """The metric's name, the ids of the message that an event is credited to, and its person.

    The ids come from the first attribution that has one, else from the event's own properties.
    """
    metric_ids, attribution_ids, profile_ids = rows.read
    names = {one: named.name for one, named in named_of(rows.included, "metric").items()}
    people = {one: person_of(named) for one, named in named_of(rows.included, "profile").items()}
    credited, look = credits_by_id(rows.included), rows.looks["event_properties"]
    messages = [
        (attributed(ids, credited) if ids else None)
        or (message_of(held) if properties is not None and (held := look(properties)) else NOBODY)
        for ids, properties in zip(attribution_ids, rows.given["event_properties"], strict=True)
    ]
    unnamed = [[None] * len(profile_ids)] * len(IDENTIFIERS)
    persons = columns_of([people.get(one, NO_PERSON) for one in profile_ids]) if people else unnamed
    return [list(map(names.get, metric_ids)), *columns_of(messages), *persons]


def columns_of(rows: Sequence[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
    """The columns of rows that are equally long."""
    return zip(*rows, strict=True)


def named_of(included: Included, kind: str) -> dict[str, Named]:
    """The attributes of the included resources of a kind, by id, where any that matter came."""
    return {
        one.id: named
        for one in included
        if one.type == kind and (named := one.attributes) and named != UNNAMED
    }


def credits_by_id(included: Included) -> dict[str, Ids]:
    """What each attribution credits."""
    return {
        one.id: tuple((credit.id if credit else None) or None for credit in astuple(relationships))
        for one in included
        if one.type == "attribution" and (relationships := one.relationships)
    }


def person_of(found: Named) -> tuple[Any, ...]:
    """What names a profile, as far as it was asked for."""
    return (found.email, found.phone_number, found.external_id)


def attributed(attribution_ids: Sequence[str], credited: Mapping[str, Ids]) -> Ids | None:
    """What each relation of the attributions names first; None where none names anything."""
    known = [credited.get(one, NOBODY) for one in attribution_ids]
    first = known[0] if len(known) == 1 else tuple(map(first_of, zip(*known, strict=True)))
    return None if first == NOBODY else first


def first_of(ids: Iterable[str | None]) -> str | None:
    """The first that is one."""
    return next(filter(None, ids), None)


def message_of(properties: object) -> Ids:
    """The flow or campaign as the event's own properties name it.

    `$message` is the message of the flow in `$flow`, and the campaign where there is no flow (as
    other connectors read it; not confirmed by Klaviyo's documents).
    """
    if not isinstance(properties, dict):
        return NOBODY
    credit = properties.get("$attribution")
    for source in (properties, credit if isinstance(credit, dict) else {}):
        flow, message = source.get("$flow"), source.get("$message")
        message = message if isinstance(message, str) and message else None
        if isinstance(flow, str) and flow:
            return (None, None, flow, message)
        if message:
            return (message, None, None, None)
    return NOBODY


# All that is read of an event's properties, which may be large.
Message = TypedDict("Message", {"$flow": Any, "$message": Any, "$attribution": Any}, total=False)
EVENT_COMPLETION = Completion(
    event_columns,
    columns=(*EVENT_COLUMNS, *IDENTIFIERS),
    reads=("metric_id", "attribution_ids", "profile_id"),
    looks={"event_properties": msgspec.json.Decoder(Message | None).decode},
    included=msgspec.json.Decoder(list[IncludedResource] | None),
)
