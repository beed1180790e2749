"""Streams of tap-klaviyo that no sink writes, and why."""

from __future__ import annotations

from collections.abc import Mapping

BUILT = "it is built in Klaviyo itself, and its parts name things of its own account"
WORKED_OUT = "Klaviyo works it out by itself"
HISTORY = "it is the history of jobs of another account"
# By the beginning of a stream's name; the first that fits counts.
REASONS: Mapping[str, str] = {
    "profile_list_suppressions": "Klaviyo takes none for one list only",
    "campaign": BUILT,
    "flow": BUILT,
    "form": BUILT,
    "segment_profiles": f"{WORKED_OUT}, from a segment's definition",
    "segment": BUILT,
    "list_flow_triggers": BUILT,
    "metric_flow_triggers": BUILT,
    "template": BUILT,
    "universal_content": BUILT,
    "web_feeds": BUILT,
    "images": BUILT,
    "tag_groups": "tags come into the group that an account has by itself",
    "metric": "metrics come into being with their events",
    "custom_metrics": BUILT,
    "mapped_metrics": BUILT,
    "accounts": "it is the account itself",
    "conversations": WORKED_OUT,
    "profile_bulk_import": HISTORY,
    "profile_import_errors": HISTORY,
    "profile_suppression_bulk": HISTORY,
}
JOBS = "_jobs"
# Streams whose rows a sink of another name takes, but only when it is told to.
ELSEWHERE: Mapping[str, str] = {
    "catalog_item_variants": '{"sink": "catalog_variants"}',
    "list_tags": '{"sink": "tag_links", "ignore_columns": ["list_id", "tag_id"]}',
    "profile_consents": '{"sink": "subscriptions", "mode": "copy"}',
    "profile_suppressions": '{"sink": "suppressions", "mode": "copy"}',
}


def unwritable(stream: str) -> str | None:
    """Why a stream cannot be written; None for streams of which nothing is known."""
    if stream in ELSEWHERE:
        return None
    if stream.endswith(JOBS):
        return HISTORY
    return next((why for start, why in REASONS.items() if stream.startswith(start)), None)
