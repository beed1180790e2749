"""What an event's record holds beside its attributes: metric name, campaign, flow, message."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

import msgspec

from tap_klaviyo.records import Completion, Included, related_id

# Column of the record, and the relation that must be included to fill it.
EVENT_COLUMNS: Mapping[str, str] = {
    "metric_name": "metric",
    "campaign_id": "attributions",
    "campaign_message_id": "attributions",
    "flow_id": "attributions",
    "flow_message_id": "attributions",
}
# In the order of the columns.
ATTRIBUTED = ("campaign", "campaign-message", "flow", "flow-message")
NOBODY: tuple[str | None, ...] = (None,) * len(ATTRIBUTED)


def event_columns(
    read: Sequence[Any], attributes: Mapping[str, Any], included: Included
) -> tuple[str | None, ...]:
    """The metric's name and the ids of the message that an event is credited to.

    The ids come from the first attribution that has one, else from the event's own properties.
    """
    metric_id, attribution_ids = read
    metric = included.get(("metric", metric_id))
    credited = attributed(attribution_ids, included) if attribution_ids else NOBODY
    if credited == NOBODY:
        properties = attributes.get("event_properties")
        if properties and isinstance(properties, dict):
            credited = message_of(properties)
    return (metric["attributes"].get("name") if metric else None, *credited)


def attributed(attribution_ids: Sequence[str], included: Included) -> tuple[str | None, ...]:
    """What each relation of the attributions names first."""
    known = [included.get(("attribution", one)) for one in attribution_ids]
    found = [one for one in known if one]
    return tuple(
        next((one_id for one in found if (one_id := related_id(one, relation))), None)
        for relation in ATTRIBUTED
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
    columns=tuple(EVENT_COLUMNS),
    reads=("metric_id", "attribution_ids"),
    looks={"event_properties": msgspec.json.Decoder(Message | None)},
)
