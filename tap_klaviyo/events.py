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

    The ids come from the first attribution that has one; for flows, else from the event's own
    properties (`$flow`, `$message`), where Klaviyo also writes them.
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
    if record["flow_id"] is None and isinstance(properties, dict):
        take_flow(record, properties)


def take_flow(record: Record, properties: Mapping[str, object]) -> None:
    """The flow and its message as the event's own properties name them."""
    credit = properties.get("$attribution")
    for source in (properties, credit if isinstance(credit, dict) else {}):
        flow, message = source.get("$flow"), source.get("$message")
        if isinstance(flow, str) and flow:
            record["flow_id"] = flow
            record["flow_message_id"] = message if isinstance(message, str) else None
            return
