"""Writes of the links between categories and items. A link that is there is a conflict (409)."""

from __future__ import annotations

from klaviyo_sandbox.bodies import check_count
from klaviyo_sandbox.kinds import KINDS
from klaviyo_sandbox.messages import Problem, Refusal, Response, not_found
from klaviyo_sandbox.store import LINK
from klaviyo_sandbox.writing import Writing

MOST_ROWS = 1_000
CATEGORY, ITEM = KINDS["catalog-category"], KINDS["catalog-item"]
OF_CATEGORY = (
    "SELECT target_id FROM links WHERE source_type = 'catalog-category' AND name = 'items' "
    "AND source_id = ?"
)
UNLINK = (
    "DELETE FROM links WHERE source_type = 'catalog-category' AND name = 'items' "
    "AND source_id = ? AND target_id = ?"
)


def add(writing: Writing) -> Response:
    """POST /api/catalog-categories/{id}/relationships/items: 204."""
    category, items = named(writing)
    there = {one for (one,) in writing.store.all(OF_CATEGORY, (category,))}
    for place, item in enumerate(items):
        if item in there:
            detail = f"The item {item} is in this category already."
            problem = Problem("conflict", "Conflict.", detail, {"pointer": f"/data/{place}"})
            raise Refusal(409, problem)
    with writing.store.transaction():
        rows = [("catalog-category", category, "items", item) for item in items]
        writing.store.run_many(LINK, rows)
    return Response(204)


def remove(writing: Writing) -> Response:
    """DELETE /api/catalog-categories/{id}/relationships/items: 204."""
    category, items = named(writing)
    with writing.store.transaction():
        writing.store.run_many(UNLINK, [(category, item) for item in items])
    return Response(204)


def named(writing: Writing) -> tuple[str, list[str]]:
    """The category and the items that a request is about; 404 where one is missing."""
    (category,) = writing.route.values
    if not writing.store.exists(CATEGORY, category):
        raise not_found("catalog-category", category)
    check_count(writing.content, MOST_ROWS, "/data")
    for place, row in enumerate(writing.content):
        if not writing.store.exists(ITEM, row["id"]):
            raise not_found("catalog-item", row["id"], f"/data/{place}")
    return category, [row["id"] for row in writing.content]
