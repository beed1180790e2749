"""What an event's record holds beside its attributes: metric name, campaign, flow, message."""

from __future__ import annotations

from collections.abc import Mapping

from tap_klaviyo.records import Included, Record, Resource, related_id

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


def complete_event(record: Record, resource: Resource, included: Included) -> None:
    """Fill the metric's name and the ids of the message that the event is credited to.

    The ids come from the first attribution that has one; for flows, else from the event's own
    properties (`$flow`, `$message`), where Klaviyo also writes them.
    """
    metric = included.get(("metric", str(record.get("metric_id"))))
    record["metric_name"] = metric["attributes"].get("name") if metric else None
    attributions = attributions_of(resource, included)
    for column, relation in ATTRIBUTED.items():
        found = (related_id(attribution, relation) for attribution in attributions)
        record[column] = next((one for one in found if one), None)
    properties = (resource.get("attributes") or {}).get("event_properties")
    if record["flow_id"] is None and isinstance(properties, dict):
        take_flow(record, properties)


def attributions_of(resource: Resource, included: Included) -> list[Resource]:
    """The included attributions of an event."""
    relation = (resource.get("relationships") or {}).get("attributions") or {}
    keys = [(one["type"], one["id"]) for one in relation.get("data") or ()]
    return [included[key] for key in keys if key in included]


def take_flow(record: Record, properties: Mapping[str, object]) -> None:
    """The flow and its message as the event's own properties name them."""
    credit = properties.get("$attribution")
    for source in (properties, credit if isinstance(credit, dict) else {}):
        flow, message = source.get("$flow"), source.get("$message")
        if isinstance(flow, str) and flow:
            record["flow_id"] = flow
            record["flow_message_id"] = message if isinstance(message, str) else None
            return
