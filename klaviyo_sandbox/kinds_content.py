"""The kinds around messages and measuring: forms, images, feeds, webhooks, metrics' details."""

from __future__ import annotations

from klaviyo_sandbox.kind import Kind, linked, one, owned

CONTENT = (
    Kind(
        "image",
        "images",
        text=("name", "format"),
        dates=("updated_at",),
        numbers=("size",),
        flags=("hidden",),
    ),
    Kind(
        "template-universal-content",
        "template-universal-content",
        text=("name", "content_type", "block_type"),
        dates=("created", "updated"),
        paths={"content_type": "definition.content_type", "block_type": "definition.type"},
        filters={"definition.content_type": "content_type", "definition.type": "block_type"},
    ),
    Kind(
        "form",
        "forms",
        text=("name", "status"),
        dates=("created_at", "updated_at"),
        flags=("ab_test",),
        extra=("definition",),
        relations=(owned("form-versions", "form-version", "form_versions", "form_id"),),
    ),
    Kind(
        "form-version",
        "form-versions",
        text=("form_type", "status"),
        dates=("created_at", "updated_at"),
        given=("form_id",),
        relations=(one("form_versions", "form", "form"),),
        indexes=("form_id",),
    ),
    Kind("web-feed", "web-feeds", text=("name", "status"), dates=("created", "updated")),
    Kind("webhook-topic", "webhook-topics"),
    Kind(
        "webhook",
        "webhooks",
        text=("name",),
        relations=(linked("webhook", "webhook-topics", "webhook-topic"),),
    ),
    Kind("tracking-setting", "tracking-settings"),
    Kind(
        "custom-metric",
        "custom-metrics",
        text=("name",),
        relations=(linked("custom-metric", "metrics", "metric"),),
    ),
    Kind(
        "mapped-metric",
        "mapped-metrics",
        given=("metric_id", "custom_metric_id"),
        relations=(
            one("mapped_metrics", "metric", "metric"),
            one("mapped_metrics", "custom-metric", "custom-metric"),
        ),
    ),
    Kind(
        "metric-property",
        "metric-properties",
        given=("metric_id",),
        extra=("sample_values",),
        relations=(one("metric_properties", "metric", "metric"),),
        indexes=("metric_id",),
    ),
    Kind(
        "push-token",
        "push-tokens",
        text=("enablement_status", "platform"),
        given=("profile_id",),
        filters={"profile.id": "profile_id"},
        relations=(one("push_tokens", "profile", "profile"),),
        indexes=("profile_id",),
    ),
    Kind(
        "conversation",
        "conversations",
        given=("profile_id",),
        relations=(one("conversations", "profile", "profile"),),
        indexes=("profile_id",),
    ),
    *(
        Kind(
            f"profile-suppression-bulk-{action}-job",
            f"profile-suppression-bulk-{action}-jobs",
            text=("status",),
            dates=("created_at",),
            filters={"created": "created_at"},
            through={"list_id": "lists", "segment_id": "segments"},
            relations=(
                linked(f"profile-suppression-bulk-{action}-job", "lists", "list"),
                linked(f"profile-suppression-bulk-{action}-job", "segments", "segment"),
            ),
        )
        for action in ("create", "delete")
    ),
)
