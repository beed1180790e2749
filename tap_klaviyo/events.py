"""What an event's record holds beside its attributes: metric, campaign, flow, message, person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

import msgspec
from msgspec.structs import astuple

from tap_klaviyo.records import Completion, Included

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


class Named(msgspec.Struct, gc=False):
    """The attributes of a metric and of a profile that matter."""

    name: Any = None
    email: Any = None
    phone_number: Any = None
    external_id: Any = None


class IncludedResource(msgspec.Struct, gc=False):
    """What is read of the resources included with events."""

    type: str
    id: str
    attributes: Named | None = None
    relationships: Credits | None = None


UNNAMED: tuple[str | None, ...] = (None,) * len(IDENTIFIERS)
NOBODY: tuple[str | None, ...] = (None,) * len(Credits.__struct_fields__)


def event_columns(
    read: Sequence[Any], attributes: Mapping[str, Any], included: Included
) -> tuple[str | None, ...]:
    """The metric's name, the ids of the message that an event is credited to, and its person.

    The ids come from the first attribution that has one, else from the event's own properties.
    """
    metric_id, attribution_ids, profile_id = read
    metric = included.get(("metric", metric_id))
    credited = attributed(attribution_ids, included) if attribution_ids else NOBODY
    if credited == NOBODY:
        properties = attributes.get("event_properties")
        if properties and isinstance(properties, dict):
            credited = message_of(properties)
    name = metric.attributes.name if metric and metric.attributes else None
    return (name, *credited, *person_of(included.get(("profile", profile_id))))


def person_of(profile: IncludedResource | None) -> tuple[str | None, ...]:
    """What names a profile, as far as it was asked for."""
    if profile is None or profile.attributes is None:
        return UNNAMED
    found = profile.attributes
    return (found.email, found.phone_number, found.external_id)


def attributed(attribution_ids: Sequence[str], included: Included) -> tuple[str | None, ...]:
    """What each relation of the attributions names first."""
    known = [included.get(("attribution", one)) for one in attribution_ids]
    credits_ = [astuple(one.relationships) for one in known if one and one.relationships]
    return (
        tuple(
            next((one.id for one in named if one and one.id), None)
            for named in zip(*credits_, strict=True)
        )
        or NOBODY
    )


def message_of(properties: Mapping[str, object]) -> tuple[str | None, ...]:
    """The flow or campaign as the event's own properties name it.

    `$message` is the message of the flow in `$flow`, and the campaign where there is no flow (as
    other connectors read it; not confirmed by Klaviyo's documents).
    """
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
    looks={"event_properties": msgspec.json.Decoder(Message | None)},
    included=msgspec.json.Decoder(list[IncludedResource] | None),
)
