"""Writes of reviews: their moderation."""

from __future__ import annotations

from klaviyo_sandbox.bulk_jobs import attributes_of
from klaviyo_sandbox.clock import iso_seconds
from klaviyo_sandbox.kinds import KINDS
from klaviyo_sandbox.messages import Response, not_found
from klaviyo_sandbox.query import Query
from klaviyo_sandbox.reads import Reading, resource
from klaviyo_sandbox.store import Resource
from klaviyo_sandbox.writing import Writing

REVIEW = KINDS["review"]


def update(writing: Writing) -> Response:
    """PATCH /api/reviews/{id}: 200."""
    (review,) = writing.route.values
    row = writing.store.first("SELECT item_id FROM reviews WHERE id = ?", (review,))
    if row is None:
        raise not_found("review", review)
    kept = attributes_of(writing.store, "review", review)
    changes = {**writing.content["attributes"], "updated": iso_seconds(writing.now)}
    writing.store.put([Resource("review", review, {**kept, **changes}, {"item_id": row[0]})])
    reading = Reading(writing.store, writing.request, writing.route, writing.now)
    return Response(200, resource(reading, REVIEW, Query(), review).body)
