"""The sink reviews: moderation, which is all that Klaviyo lets an API change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from target_klaviyo.items import ENCODER, Item
from target_klaviyo.outcomes import RejectedRowError, Row
from target_klaviyo.plans import Accepted, Directory, Plan, StreamRules
from target_klaviyo.things import merged, one_by_one, single

UPDATE = single("update_review")
REJECTED = "rejected"
OTHER = "other"


def build_review(accepted: Accepted, row: Row, rules: StreamRules) -> Item:  # noqa: ARG001
    """A review and the status that it is to have.

    Raises:
        RejectedRowError: a rejection without a reason, or a reason without a rejection.
    """
    status: dict[str, Any] = {"value": accepted["status"]}
    reason, words = accepted.get("rejection_reason"), accepted.get("status_explanation")
    if (reason is None) != (accepted["status"] != REJECTED):
        raise RejectedRowError("rejection_reason goes with the status rejected, and with no other")
    if words is not None and reason != OTHER:
        raise RejectedRowError("status_explanation goes with the rejection_reason other only")
    if reason is not None:
        status["rejection_reason"] = {"reason": reason}
        if words is not None:
            status["rejection_reason"]["status_explanation"] = words
    return Item((row,), b"", identities=(accepted["id"],), content={"status": status})


def plan_reviews(items: Sequence[Item], directory: Directory) -> Plan:  # noqa: ARG001
    """One request for each review; of several rows the last one counts."""
    return one_by_one(UPDATE, (written(item) for item in merged(items)))


def written(item: Item) -> Item:
    """The item as a request."""
    (review,) = item.identities
    resource = {"type": "review", "id": review, "attributes": dict(item.content)}
    return replace(item, body=ENCODER.encode(resource), path=(("id", review),))
