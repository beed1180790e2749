"""The sink object_records: records of custom objects, through a data source.

Klaviyo takes records and answers before it has looked at them: accepted means taken. What does not
fit its object type shows in the tap's stream of ingestion logs. It is assumed that a record of the
same key takes the earlier one's place, so that repeating is safe.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from target_klaviyo.chunks import Envelope, Limits
from target_klaviyo.items import ENCODER, Item
from target_klaviyo.outcomes import DUPLICATE, Outcome, RejectedRowError, Row
from target_klaviyo.plans import (
    KILOBYTE,
    MEGABYTE,
    Accepted,
    Directory,
    Plan,
    Settled,
    Shipment,
    StreamRules,
    Transport,
    shipped,
)

# "Accepts up to 500 records per request. The maximum allowed payload size is 4MB. The maximum
# allowed payload size per-record is 512KB."
RECORDS = Limits(items=500, body_bytes=4 * MEGABYTE, item_bytes=512 * KILOBYTE)
# "Accepts up to 500 object record IDs per request. The maximum allowed payload size is 5MB."
DELETE = Transport(
    "bulk_delete_object_records",
    Limits(items=500, body_bytes=5 * MEGABYTE, item_bytes=5 * MEGABYTE),
    Envelope(
        b'{"data":{"type":"object-record-bulk-delete-job","relationships":{"object-records":{"data":[',
        b"]}}}}",
        "/data/relationships/object-records/data",
    ),
)
NO_SOURCE = Outcome("rejected", "no data source, or more than one, has this id or title")


def create(source: str) -> Transport:
    """The operation that takes records of a data source."""
    link = ENCODER.encode({"data-source": {"data": {"type": "data-source", "id": source}}})
    return Transport(
        "bulk_create_data_source_records",
        RECORDS,
        Envelope(
            b'{"data":{"type":"data-source-record-bulk-create-job","attributes":'
            b'{"data-source-records":{"data":[',
            b']}},"relationships":' + link + b"}}",
            "/data/attributes/data-source-records/data",
        ),
    )


def build_record(accepted: Accepted, row: Row, rules: StreamRules) -> Item:  # noqa: ARG001
    """A record: every column that names no data source.

    Raises:
        RejectedRowError: there is nothing in it.
    """
    record = accepted.get("record")
    if not record:
        raise RejectedRowError("has no column beside its data source")
    body = {"type": "data-source-record", "attributes": {"record": record}}
    named = {name: accepted.get(name) for name in ("data_source_id", "data_source")}
    return Item((row,), ENCODER.encode(body), content=named)


def plan_records(items: Sequence[Item], directory: Directory) -> Plan:
    """Requests for each data source, one after the other, so that the last of two rows wins."""
    known = directory.inventory.data_sources()
    settled: list[Settled] = []
    sources: dict[str, list[Item]] = {}
    for item in items:
        source = source_of(item.content, known)
        if source is None:
            settled.append(Settled(item, NO_SOURCE))
        else:
            sources.setdefault(source, []).append(item)
    waves: list[Sequence[Shipment]] = []
    for source, records in sources.items():
        plan = shipped(create(source), records)
        settled.extend(plan.settled)
        waves.extend([one] for wave in plan.waves for one in wave)
    return Plan(waves, settled)


def source_of(named: Mapping[str, str | None], known: Mapping[str, str]) -> str | None:
    """The data source of a row, by id or by its title."""
    if named["data_source_id"]:
        return named["data_source_id"] if named["data_source_id"] in known else None
    found = [one for one, title in known.items() if title == named["data_source"]]
    return found[0] if len(found) == 1 else None


def build_deletion(accepted: Accepted, row: Row, rules: StreamRules) -> Item:  # noqa: ARG001
    """A record to delete."""
    record = accepted["object_record_id"]
    body = ENCODER.encode({"type": "object-record", "id": record})
    return Item((row,), body, identities=(record,))


def plan_deletions(items: Sequence[Item], directory: Directory) -> Plan:  # noqa: ARG001
    """Requests that delete each record once."""
    records: dict[str, Item] = {}
    repeated = [
        Settled(item, DUPLICATE)
        for item in items
        if records.setdefault(item.identities[0], item) is not item
    ]
    plan = shipped(DELETE, records.values())
    return Plan(plan.waves, [*repeated, *plan.settled])
