"""Writes of lists and their members."""

from __future__ import annotations

from typing import Any

import msgspec

from klaviyo_sandbox.bodies import check_count
from klaviyo_sandbox.clock import MICROSECONDS, iso_seconds
from klaviyo_sandbox.kinds import KINDS
from klaviyo_sandbox.messages import Response, invalid, not_found
from klaviyo_sandbox.query import Query
from klaviyo_sandbox.reads import Reading, resource
from klaviyo_sandbox.seed_values import short_id
from klaviyo_sandbox.store import MEMBER, Resource
from klaviyo_sandbox.writing import Writing

MOST_MEMBERS = 1_000
LIST = KINDS["list"]
PROFILE = KINDS["profile"]


def create(writing: Writing) -> Response:
    """POST /api/lists: 201."""
    sent = writing.content["attributes"]
    moment = iso_seconds(writing.now)
    attributes = {
        "name": sent["name"],
        "created": moment,
        "updated": moment,
        "opt_in_process": sent.get("opt_in_process") or "double_opt_in",
    }
    list_id = short_id(writing.random)
    writing.store.put([Resource("list", list_id, attributes)])
    return answer(writing, list_id, 201)


def update(writing: Writing) -> Response:
    """PATCH /api/lists/{id}: 200."""
    list_id = existing(writing)
    if writing.content["id"] != list_id:
        raise invalid("The id in the body is not the id in the path.", "/data/id")
    row = writing.store.first("SELECT attributes FROM lists WHERE id = ?", (list_id,))
    kept: dict[str, Any] = msgspec.json.decode(row[0] if row else b"{}")
    sent = {k: v for k, v in writing.content["attributes"].items() if v is not None}
    attributes = {**kept, **sent, "updated": iso_seconds(writing.now)}
    writing.store.put([Resource("list", list_id, attributes)])
    return answer(writing, list_id, 200)


def delete(writing: Writing) -> Response:
    """DELETE /api/lists/{id}: 204."""
    list_id = existing(writing)
    with writing.store.transaction():
        writing.store.run("DELETE FROM lists WHERE id = ?", (list_id,))
        writing.store.run("DELETE FROM members WHERE group_id = ?", (list_id,))
        writing.store.run(
            "DELETE FROM links WHERE source_type = 'list' AND source_id = ?", (list_id,)
        )
    return Response(204)


def add_members(writing: Writing) -> Response:
    """POST /api/lists/{id}/relationships/profiles: 204, again and again."""
    list_id, profiles = members(writing)
    joined = int(writing.now) * MICROSECONDS
    rows = [("list", list_id, profile, joined) for profile in profiles]
    with writing.store.transaction():
        writing.store.run_many(MEMBER, rows)
    return Response(204)


def remove_members(writing: Writing) -> Response:
    """DELETE /api/lists/{id}/relationships/profiles: 204."""
    list_id, profiles = members(writing)
    statement = "DELETE FROM members WHERE group_id = ? AND profile_id = ?"
    with writing.store.transaction():
        writing.store.run_many(statement, [(list_id, profile) for profile in profiles])
    return Response(204)


def members(writing: Writing) -> tuple[str, list[str]]:
    """The list and the profiles that a request is about; 404 where one is missing."""
    list_id = existing(writing)
    check_count(writing.content, MOST_MEMBERS, "/data")
    profiles = list(dict.fromkeys(row["id"] for row in writing.content))
    known = {row[0] for row in writing.store.rows_with(PROFILE, "id", profiles, ("id",))}
    for profile in profiles:
        if profile not in known:
            raise not_found("profile", profile)
    return list_id, profiles


def existing(writing: Writing) -> str:
    """The id of the list in the path."""
    list_id = writing.route.values[0]
    if not writing.store.exists(LIST, list_id):
        raise not_found("list", list_id)
    return list_id


def answer(writing: Writing, list_id: str, status: int) -> Response:
    """The list as an answer."""
    reading = Reading(writing.store, writing.request, writing.route, writing.now)
    return Response(status, resource(reading, LIST, Query(), list_id).body)
