"""Writes of tags, and of what bears them.

Assumed, as Klaviyo documents neither: a second tag of one name is a conflict (409), and so is a
link that is there already.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from klaviyo_sandbox.bodies import check_count
from klaviyo_sandbox.kinds import KINDS
from klaviyo_sandbox.messages import Problem, Refusal, Response, invalid, not_found
from klaviyo_sandbox.query import Query
from klaviyo_sandbox.reads import Reading, resource
from klaviyo_sandbox.seed_values import ulid
from klaviyo_sandbox.store import LINK, Resource
from klaviyo_sandbox.writing import Writing

MOST_TAGS, MOST_TAGS_EACH, MOST_ROWS = 500, 100, 1_000
BEARERS = ("list", "segment", "flow", "campaign")
TAG = KINDS["tag"]
OF_BEARER = "SELECT target_id FROM links WHERE source_type = ? AND name = 'tags' AND source_id = ?"
UNLINK = (
    "DELETE FROM links WHERE source_type = ? AND source_id = ? AND name = 'tags' AND target_id = ?"
)


def create(writing: Writing) -> Response:
    """POST /api/tags: 201; without a group, the tag is in the default one."""
    name = writing.content["attributes"]["name"]
    tags = writing.store.all("SELECT name FROM tags")
    if (name,) in tags:
        raise conflict("A tag with this name already exists.", "/data/attributes/name")
    if len(tags) >= MOST_TAGS:
        raise invalid(f"An account cannot have more than {MOST_TAGS} tags.")
    group = group_of(writing)
    tag = ulid(writing.random, writing.now).lower()
    writing.store.put([Resource("tag", tag, {"name": name}, {"tag_group_id": group})])
    reading = Reading(writing.store, writing.request, writing.route, writing.now)
    return Response(201, resource(reading, TAG, Query(), tag).body)


def group_of(writing: Writing) -> str:
    """The group that the tag is to be in."""
    said = ((writing.content.get("relationships") or {}).get("tag-group") or {}).get("data")
    if said:
        if not writing.store.exists(KINDS["tag-group"], said["id"]):
            raise not_found("tag-group", said["id"])
        return str(said["id"])
    default = writing.store.first("SELECT id FROM tag_groups WHERE is_default ORDER BY id")
    return str(default[0]) if default else ""


def conflict(detail: str, pointer: str) -> Refusal:
    """409: it is there already."""
    return Refusal(409, Problem("conflict", "Conflict.", detail, {"pointer": pointer}))


def link(kind: str, writing: Writing) -> Response:
    """POST /api/tags/{id}/relationships/...: 204."""
    tag, bearers = named(kind, writing)
    for place, bearer in enumerate(bearers):
        tags = writing.store.all(OF_BEARER, (kind, bearer))
        if (tag,) in tags:
            raise conflict(f"The {kind} {bearer} has this tag already.", f"/data/{place}")
        if len(tags) >= MOST_TAGS_EACH:
            raise invalid(
                f"A {kind} cannot have more than {MOST_TAGS_EACH} tags.", f"/data/{place}"
            )
    with writing.store.transaction():
        writing.store.run_many(LINK, [(kind, bearer, "tags", tag) for bearer in bearers])
    return Response(204)


def unlink(kind: str, writing: Writing) -> Response:
    """DELETE /api/tags/{id}/relationships/...: 204."""
    tag, bearers = named(kind, writing)
    with writing.store.transaction():
        writing.store.run_many(UNLINK, [(kind, bearer, tag) for bearer in bearers])
    return Response(204)


def named(kind: str, writing: Writing) -> tuple[str, list[str]]:
    """The tag and the things that a request is about; 404 where one is missing."""
    (tag,) = writing.route.values
    if not writing.store.exists(TAG, tag):
        raise not_found("tag", tag)
    check_count(writing.content, MOST_ROWS, "/data")
    for place, row in enumerate(writing.content):
        if not writing.store.exists(KINDS[kind], row["id"]):
            raise not_found(kind, row["id"], f"/data/{place}")
    return tag, [row["id"] for row in writing.content]


def handlers() -> Iterator[tuple[str, Callable[[Writing], Response]]]:
    """Every operation on tags, by its name."""
    yield "create_tag", create
    for kind in BEARERS:
        yield f"tag_{kind}s", partial(link, kind)
        yield f"remove_tag_from_{kind}s", partial(unlink, kind)
