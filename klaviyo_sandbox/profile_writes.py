"""Writes of one profile: create, update, create or update."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from klaviyo_sandbox.clock import iso_microseconds
from klaviyo_sandbox.identifiers import check_identifiers
from klaviyo_sandbox.kinds import KINDS
from klaviyo_sandbox.messages import Problem, Refusal, Response, invalid, not_found
from klaviyo_sandbox.people import (
    DuplicateProfileError,
    People,
    Person,
    UnknownProfileError,
)
from klaviyo_sandbox.query import read_query
from klaviyo_sandbox.reads import Reading, resource
from klaviyo_sandbox.writing import Writing

DUPLICATE = "A profile already exists with one of these identifiers."


def create(writing: Writing) -> Response:
    """POST /api/profiles: 201, or 409 where an identifier is taken."""
    row = writing.content
    check_identifiers([(row, "/data")])
    people = People(writing.store, [row], writing.random, writing.now)
    found = find(people, row)
    if found is not None:
        raise duplicate(found.id)
    return finish(writing, people, people.create(), row, 201)


def create_or_update(writing: Writing) -> Response:
    """POST /api/profile-import: 201 or 200."""
    row = writing.content
    check_identifiers([(row, "/data")])
    people = People(writing.store, [row], writing.random, writing.now)
    try:
        found = find(people, row)
    except Refusal:
        if row.get("id"):
            # Observed: an id with somebody else's address is answered as if it did not exist.
            raise not_found("profile", row["id"]) from None
        raise
    status = 200 if found else 201
    return finish(writing, people, found or people.create(), row, status)


def update(writing: Writing) -> Response:
    """PATCH /api/profiles/{id}: 200."""
    profile_id = writing.route.values[0]
    if writing.content.get("id") != profile_id:
        raise invalid("The id in the body is not the id in the path.", "/data/id")
    check_identifiers([(writing.content, "/data")])
    people = People(writing.store, [writing.content], writing.random, writing.now)
    found = find(people, writing.content)
    return finish(writing, people, found or people.create(), writing.content, 200)


def find(people: People, row: Mapping[str, Any]) -> Person | None:
    """The profile that a row is about, or None; 404 and 409 where that has no answer."""
    try:
        return people.find(row)
    except UnknownProfileError as error:
        raise not_found("profile", error.profile_id) from None
    except DuplicateProfileError as error:
        raise duplicate(error.profile_id) from None


def duplicate(profile_id: str) -> Refusal:
    """409, as recorded."""
    meta = {"duplicate_profile_id": profile_id}
    problem = Problem(
        "duplicate_profile", "Conflict.", DUPLICATE, {"pointer": "/data/attributes"}, {}, meta
    )
    return Refusal(409, problem)


def finish(
    writing: Writing, people: People, person: Person, row: Mapping[str, Any], status: int
) -> Response:
    """Save the profile, and answer with it."""
    people.merge(person, row)
    with writing.store.transaction():
        people.save()
    query = read_query(writing.route.operation, writing.request.query)
    reading = Reading(writing.store, writing.request, writing.route, writing.now)
    response = resource(reading, KINDS["profile"], query, person.id)
    # Recorded: the answer to a write has microseconds where later reads have whole seconds.
    whole = f'"updated":"{person.attributes["updated"]}"'.encode()
    exact = f'"updated":"{iso_microseconds(writing.now)}"'.encode()
    return replace(response, status=status, body=response.body.replace(whole, exact, 1))
