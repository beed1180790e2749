"""Writes of custom objects.

Klaviyo maps the records of a data source to an object type in its user interface. Here a source
feeds the type of its own title, and a record's `id` is its key; a record without one goes to the
type's ingestion logs. Both are the sandbox's own rules.
"""

from __future__ import annotations

from typing import Any

from klaviyo_sandbox.bodies import check_count, check_sizes
from klaviyo_sandbox.clock import iso_seconds
from klaviyo_sandbox.kinds import KINDS
from klaviyo_sandbox.messages import Response, invalid, not_found
from klaviyo_sandbox.query import Query
from klaviyo_sandbox.reads import Reading, resource
from klaviyo_sandbox.seed_values import ulid
from klaviyo_sandbox.store import Resource
from klaviyo_sandbox.writing import Writing

MOST_ROWS = 500
MOST_RECORD_BYTES = 512_000
RECORDS = "/data/attributes/data-source-records/data"
IDS = "/data/relationships/object-records/data"
SOURCE, RECORD = KINDS["data-source"], KINDS["object-record"]


def create_source(writing: Writing) -> Response:
    """POST /api/data-sources: 201."""
    defaults = {"visibility": "private", "description": "", "namespace": "custom-objects"}
    attributes = {**defaults, **writing.content["attributes"]}
    if writing.store.first("SELECT 1 FROM data_sources WHERE title = ?", (attributes["title"],)):
        raise invalid("A data source with this title already exists.", "/data/attributes/title")
    source = ulid(writing.random, writing.now).lower()
    writing.store.put([Resource("data-source", source, attributes)])
    reading = Reading(writing.store, writing.request, writing.route, writing.now)
    return Response(201, resource(reading, SOURCE, Query(), source).body)


def create_records(writing: Writing) -> Response:
    """POST /api/data-source-record-bulk-create-jobs: 204."""
    rows = writing.content["attributes"]["data-source-records"]["data"]
    check_count(rows, MOST_ROWS, RECORDS)
    check_sizes(rows, MOST_RECORD_BYTES, RECORDS)
    source = writing.content["relationships"]["data-source"]["data"]["id"]
    found = writing.store.first("SELECT title FROM data_sources WHERE id = ?", (source,))
    if found is None:
        raise not_found("data-source", source, "/data/relationships/data-source/data")
    fed = writing.store.first("SELECT id FROM object_types WHERE title = ?", found)
    records = [row["attributes"]["record"] for row in rows] if fed else []
    for record in records:
        title, owner = found[0], fed[0] if fed else ""
        writing.store.put([kept(writing, title, owner, record)])
    return Response(204)


def kept(writing: Writing, title: str, owner: str, record: dict[str, Any]) -> Resource:
    """A record of a type, or why it is none."""
    columns = {"object_type_id": owner}
    if record.get("id") is not None:
        name = f"{title}:::{record['id']}"
        return Resource("object-record", name, {"record_properties": record}, columns)
    problem = {
        "code": "missing",
        "message": "A required property is missing",
        "property": "id",
        "invalid_value": None,
    }
    failure = {
        "status": "error",
        "event_type": "validation_error",
        "timestamp": iso_seconds(writing.now),
        "summary": "1 property is wrong",
        "errors": [problem],
    }
    log = ulid(writing.random, writing.now).lower()
    return Resource("object-ingestion-log", log, failure, {**columns, "object_record_id": ""})


def delete_records(writing: Writing) -> Response:
    """POST /api/object-record-bulk-delete-jobs: 202; what is not there stays away."""
    rows = writing.content["relationships"]["object-records"]["data"]
    check_count(rows, MOST_ROWS, IDS)
    ids = [(row["id"],) for row in rows]
    with writing.store.transaction():
        writing.store.run_many("DELETE FROM object_records WHERE id = ?", ids)
    return Response(202)
