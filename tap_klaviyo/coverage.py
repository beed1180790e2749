"""Which stream carries what Klaviyo shows: every collection is in one, or repeats one."""

from __future__ import annotations

from collections.abc import Mapping

from klaviyo_client.operations import Operation, operations
from tap_klaviyo.specs import STREAMS

# Another way to what a stream holds already: the operation, and that stream.
VIEWS: Mapping[str, str] = {
    "get_action_for_flow_message": "flow_actions",
    "get_campaign_for_campaign_message": "campaigns",
    "get_categories_for_catalog_item": "catalog_category_items",
    "get_conversation_for_profile": "conversations",
    "get_conversations_for_profile": "conversations",
    "get_coupon_codes": "coupon_codes",
    "get_coupon_for_coupon_code": "coupons",
    "get_current_schema_for_object_type": "object_schemas",
    "get_custom_metric_for_mapped_metric": "custom_metrics",
    "get_draft_schema_for_object_type": "object_schemas",
    "get_flow_for_flow_action": "flows",
    "get_flows_triggered_by_list": "list_flow_triggers",
    "get_flows_triggered_by_metric": "metric_flow_triggers",
    "get_flows_triggered_by_segment": "segment_flow_triggers",
    "get_form_for_form_version": "forms",
    "get_image_for_campaign_message": "images",
    "get_items_for_catalog_category": "catalog_category_items",
    "get_list_for_bulk_import_profiles_job": "profile_bulk_import_job_lists",
    "get_lists_for_profile": "list_profiles",
    "get_metric_for_event": "metrics",
    "get_metric_for_mapped_metric": "metrics",
    "get_metric_for_metric_property": "metrics",
    "get_metrics_for_custom_metric": "custom_metrics",
    "get_profile_for_event": "profiles",
    "get_profile_for_push_token": "profiles",
    "get_profiles_for_bulk_import_profiles_job": "profile_bulk_import_job_profiles",
    "get_push_tokens_for_profile": "push_tokens",
    "get_segments_for_profile": "segment_profiles",
    "get_tag_group_for_tag": "tag_groups",
    "get_tags_for_campaign": "campaign_tags",
    "get_tags_for_flow": "flow_tags",
    "get_tags_for_list": "list_tags",
    "get_tags_for_segment": "segment_tags",
    "get_tags_for_tag_group": "tags",
    "get_template_for_campaign_message": "templates",
    "get_template_for_flow_message": "templates",
}


def collections() -> list[Operation]:
    """Every read of whole resources that does not want a resource's own id, by path."""
    rows = (
        row
        for row in operations().values()
        if row.method == "GET" and row.path.startswith("/api/") and not row.path.endswith("}")
    )
    return sorted(
        (row for row in rows if "/relationships/" not in row.path), key=lambda row: row.path
    )


def carriers() -> dict[str, list[str]]:
    """The streams that read each operation, by its id."""
    found: dict[str, list[str]] = {}
    for spec in STREAMS:
        found.setdefault(spec.operation, []).append(spec.name)
    return found
