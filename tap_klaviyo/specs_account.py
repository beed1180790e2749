"""Streams of the account, its metrics, webhooks and custom objects."""

from __future__ import annotations

from typing import Any

import msgspec

from tap_klaviyo.property_types import TYPES, as_texts
from tap_klaviyo.records import Completion, Rows
from tap_klaviyo.relations import linked
from tap_klaviyo.spec import Derived, Parent, StreamSpec

OBJECT_TYPES = Parent("get_object_types", "object_type_id")
SCHEMA_VERSIONS = Parent(
    "get_schema_versions_for_object_type", "object_schema_id", parent=OBJECT_TYPES
)
SAMPLES = "sample_values"


def samples_as_texts(rows: Rows) -> list[list[Any]]:
    """The values that a property has had, as texts: loaders take no list of several types."""
    return [[as_texts(one) for one in rows.looked_at(SAMPLES)]]


ACCOUNT: tuple[StreamSpec, ...] = (
    StreamSpec("accounts", "get_accounts"),
    StreamSpec("custom_metrics", "get_custom_metrics"),
    StreamSpec("data_sources", "get_data_sources"),
    StreamSpec("mapped_metrics", "get_mapped_metrics"),
    linked("metric_flow_triggers", "get_metrics", "flow-triggers", ("metric_id", "flow_id")),
    StreamSpec(
        "metric_properties",
        "get_properties_for_metric",
        parent=Parent("get_metrics", "metric_id"),
        derived={SAMPLES: Derived(TYPES["array"][1])},
        complete=Completion(
            samples_as_texts, columns=(SAMPLES,), looks={SAMPLES: msgspec.json.Decoder().decode}
        ),
    ),
    StreamSpec("metrics", "get_metrics"),
    StreamSpec(
        "object_ingestion_logs",
        "get_ingestion_logs_for_object_type",
        replication_key="timestamp",
        trust_order=False,  # newest first, and no other way
        parent=OBJECT_TYPES,
    ),
    StreamSpec("object_records", "get_records_for_object_type", parent=OBJECT_TYPES),
    StreamSpec("object_schemas", "get_schema_versions_for_object_type", parent=OBJECT_TYPES),
    StreamSpec("object_types", "get_object_types"),
    StreamSpec(
        "source_mappings",
        "get_source_mapping_for_object_schema",
        parent=SCHEMA_VERSIONS,
        often_absent=True,
    ),
    StreamSpec("tracking_settings", "get_tracking_settings"),
    StreamSpec("webhook_topics", "get_webhook_topics"),
    StreamSpec("webhooks", "get_webhooks"),
)
