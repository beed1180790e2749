"""The kinds of custom objects: sources, types, versions of their schemas, records, failures."""

from __future__ import annotations

from klaviyo_sandbox.kind import Kind, none, one, owned

CUSTOM_OBJECTS = (
    Kind("data-source", "data-sources", text=("title", "namespace")),
    Kind(
        "object-type",
        "object-types",
        text=("title", "status", "namespace"),
        given=("current_schema_id", "draft_schema_id"),
        relations=(
            one("object_types", "current-schema", "object-schema"),
            one("object_types", "draft-schema", "object-schema"),
            owned("schema-versions", "object-schema", "object_schemas", "object_type_id"),
            owned("object-records", "object-record", "object_records", "object_type_id"),
            owned(
                "object-ingestion-logs",
                "object-ingestion-log",
                "object_ingestion_logs",
                "object_type_id",
            ),
            none("object-types", "object-type"),
        ),
    ),
    Kind(
        "object-schema",
        "object-schemas",
        text=("status",),
        given=("object_type_id", "source_mapping_id"),
        relations=(
            one("object_schemas", "source-mapping", "source-mapping"),
            none("object-schemas", "object-schema"),
        ),
        indexes=("object_type_id",),
    ),
    Kind("source-mapping", "source-mappings"),
    Kind(
        "object-record",
        "object-records",
        given=("object_type_id",),
        indexes=("object_type_id",),
    ),
    Kind(
        "object-ingestion-log",
        "object-ingestion-logs",
        text=("status", "event_type"),
        dates=("timestamp",),
        given=("object_type_id", "object_record_id"),
        filters={"record_id": "object_record_id"},
        relations=(
            one("object_ingestion_logs", "object-type", "object-type"),
            one("object_ingestion_logs", "object-record", "object-record"),
        ),
        indexes=("object_type_id, timestamp",),
        order="-timestamp",
    ),
)
