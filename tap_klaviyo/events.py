"""What an event's record holds beside its attributes: metric name, campaign, flow, message."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tap_klaviyo.records import Included, Record, related_id

# Column of the record, and the relation that must be included to fill it.
EVENT_COLUMNS: Mapping[str, str] = {
    "metric_name": "metric",
    "campaign_id": "attributions",
    "campaign_message_id": "attributions",
    "flow_id": "attributions",
    "flow_message_id": "attributions",
}
ATTRIBUTED = {
    "campaign_id": "campaign",
    "campaign_message_id": "campaign-message",
    "flow_id": "flow",
    "flow_message_id": "flow-message",
}


def complete_event(record: Record, attributes: Mapping[str, Any], included: Included) -> None:
    """Fill the metric's name and the ids of the message that the event is credited to.

    The ids come from the first attribution that has one, else from the event's own properties:
    `$message` is the message of the flow in `$flow`, and the campaign where there is no flow (as
    other connectors read it; not confirmed by Klaviyo's documents).
    """
    metric = included.get(("metric", str(record.get("metric_id"))))
    record["metric_name"] = metric["attributes"].get("name") if metric else None
    for column in ATTRIBUTED:
        record[column] = None
    for attribution_id in record.get("attribution_ids") or ():
        attribution = included.get(("attribution", attribution_id))
        for column, relation in ATTRIBUTED.items() if attribution else ():
            record[column] = record[column] or related_id(attribution or {}, relation)
    properties = attributes.get("event_properties")
    if isinstance(properties, dict) and not any(record[column] for column in ATTRIBUTED):
        take_message(record, properties)


def take_message(record: Record, properties: Mapping[str, object]) -> None:
    """The flow or campaign as the event's own properties name it."""
    credit = properties.get("$attribution")
    for source in (properties, credit if isinstance(credit, dict) else {}):
        flow, message = source.get("$flow"), source.get("$message")
        message = message if isinstance(message, str) and message else None
        if isinstance(flow, str) and flow:
            record["flow_id"], record["flow_message_id"] = flow, message
            return
        if message:
            record["campaign_id"] = message
            return
