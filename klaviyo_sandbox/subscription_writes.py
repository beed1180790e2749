"""Bulk subscriptions and unsubscriptions: accepted with an empty 202, and in effect at once.

What Klaviyo does not document is taken so: the account's own opt-in is double; somebody who has
to confirm keeps the consent that they had, and is not on the list yet; who unsubscribes from a
list that they are on leaves it and keeps their consent elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from klaviyo_sandbox.bodies import check_count
from klaviyo_sandbox.clock import MICROSECONDS, iso_seconds, microseconds
from klaviyo_sandbox.consents import agreed, left_list
from klaviyo_sandbox.identifiers import FORMS
from klaviyo_sandbox.kinds import KINDS
from klaviyo_sandbox.messages import Problem, Refusal, Response, invalid_problem, not_found
from klaviyo_sandbox.people import DuplicateProfileError, People, Person, UnknownProfileError
from klaviyo_sandbox.store import MEMBER
from klaviyo_sandbox.writing import Writing

MOST_SUBSCRIBED, MOST_UNSUBSCRIBED = 1_000, 100
POINTER = "/data/attributes/profiles/data"
# The identifier that a channel reaches somebody by.
ADDRESS = {"email": "email", "sms": "phone_number", "whatsapp": "phone_number"}
LIST = KINDS["list"]
Row = Mapping[str, Any]


def subscribe(writing: Writing) -> Response:
    """POST /api/profile-subscription-bulk-create-jobs: 202, empty."""
    rows = checked_rows(writing, MOST_SUBSCRIBED)
    historical = bool(writing.content["attributes"].get("historical_import"))
    problems = [one for place in enumerate(rows) for one in time_problems(*place, writing)]
    if problems:
        raise Refusal(400, *problems)
    list_id = checked_list(writing)
    if not historical and not single_opt_in(writing, list_id):
        # Everybody gets a message to confirm; a list makes sure that they have a profile.
        if list_id:
            change(writing, rows, None, create=True)
        return Response(202)
    change(writing, rows, list_id, create=True)
    return Response(202)


def unsubscribe(writing: Writing) -> Response:
    """POST /api/profile-subscription-bulk-delete-jobs: 202, empty."""
    rows = checked_rows(writing, MOST_UNSUBSCRIBED)
    list_id = checked_list(writing)
    people = People(writing.store, rows, writing.random, writing.now)
    for person, row in found(people, rows):
        if list_id and on_list(writing, list_id, person.id):
            leave(writing, people, person, list_id)
        else:
            # Documented: who is not on the list is unsubscribed everywhere.
            consent(people, person, row, writing.now)
    with writing.store.transaction():
        people.save()
    return Response(202)


def checked_rows(writing: Writing, most: int) -> list[Row]:
    """The rows of a request.

    Raises:
        Refusal: 400 for the whole request where any of them is malformed.
    """
    rows: list[Row] = writing.content["attributes"]["profiles"]["data"]
    check_count(rows, most, POINTER)
    problems = [one for place in enumerate(rows) for one in row_problems(*place)]
    if problems:
        raise Refusal(400, *problems)
    return rows


def row_problems(place: int, row: Row) -> Iterator[Problem]:
    """What is wrong with who a row is about, and how to reach them."""
    attributes, here = row["attributes"], f"{POINTER}/{place}/attributes"
    for name, (has_form, detail) in FORMS.items():
        if attributes.get(name) and not has_form(attributes[name]):
            yield invalid_problem(detail, f"{here}/{name}")
    subscriptions = attributes["subscriptions"]
    for channel, name in ADDRESS.items():
        if subscriptions.get(channel) and not attributes.get(name) and not row.get("id"):
            yield invalid_problem(f"{channel} needs {name}.", f"{here}/{name}")
    if not subscriptions:
        yield invalid_problem("At least one channel is needed.", f"{here}/subscriptions")


def consents_of(row: Row) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Channel, kind and consent of everything that a row changes."""
    for channel, kinds in row["attributes"]["subscriptions"].items():
        for kind, one in (kinds or {}).items():
            if isinstance(one, Mapping) and "consent" in one:
                yield channel, kind, one


def time_problems(place: int, row: Row, writing: Writing) -> Iterator[Problem]:
    """What is wrong with when consents were given: past times, for historical imports only."""
    historical = bool(writing.content["attributes"].get("historical_import"))
    for channel, kind, one in consents_of(row):
        given = one.get("consented_at")
        here = f"{POINTER}/{place}/attributes/subscriptions/{channel}/{kind}/consented_at"
        if historical and not given:
            yield invalid_problem("consented_at is required for a historical import.", here)
        elif given and not historical:
            yield invalid_problem("consented_at is only for a historical import.", here)
        elif given and microseconds(given) > writing.now * MICROSECONDS:
            yield invalid_problem("consented_at must be in the past.", here)


def checked_list(writing: Writing) -> str | None:
    """The list that a request names.

    Raises:
        Refusal: 404, there is none of that id.
    """
    relationships = writing.content.get("relationships") or {}
    named = (relationships.get("list") or {}).get("data")
    if named and not writing.store.exists(LIST, named["id"]):
        raise not_found("list", named["id"])
    return named["id"] if named else None


def single_opt_in(writing: Writing, list_id: str | None) -> bool:
    """Whether a list subscribes people without asking them to confirm."""
    if list_id is None:
        return False
    row = writing.store.first("SELECT attributes FROM lists WHERE id = ?", (list_id,))
    attributes = msgspec.json.decode(row[0] if row else b"{}")
    return bool(attributes.get("opt_in_process") == "single_opt_in")


def on_list(writing: Writing, list_id: str, profile_id: str) -> bool:
    """Whether somebody is on a list."""
    statement = "SELECT 1 FROM members WHERE group_id = ? AND profile_id = ?"
    return writing.store.first(statement, (list_id, profile_id)) is not None


def found(people: People, rows: list[Row], *, create: bool = False) -> Iterator[tuple[Person, Row]]:
    """The people that rows are about, new ones too if `create`; who cannot be told is left out."""
    for row in rows:
        try:
            person = people.find(row) or (people.create() if create else None)
        except (DuplicateProfileError, UnknownProfileError):
            continue
        if person is not None:
            people.merge(person, row)
            yield person, row


def change(writing: Writing, rows: list[Row], list_id: str | None, *, create: bool) -> None:
    """Give consents and put people on the list; with neither, they only get a profile."""
    people = People(writing.store, rows, writing.random, writing.now)
    historical = bool(writing.content["attributes"].get("historical_import"))
    joined = int(writing.now) * MICROSECONDS
    with writing.store.transaction():
        for person, row in found(people, rows, create=create):
            if list_id or historical:
                consent(people, person, row, writing.now)
            if list_id:
                writing.store.run(MEMBER, ("list", list_id, person.id, joined))
        people.save()


def consent(people: People, person: Person, row: Row, now: float) -> None:
    """Put the consents of a row into effect."""
    state = person.subscriptions()
    for channel, kind, one in consents_of(row):
        state = agreed(state, channel, kind, one, iso_seconds(now))
    people.subscribe(person, state)


def leave(writing: Writing, people: People, person: Person, list_id: str) -> None:
    """Take somebody off a list, with a suppression for that list only."""
    statement = "DELETE FROM members WHERE group_id = ? AND profile_id = ?"
    writing.store.run(statement, (list_id, person.id))
    people.subscribe(person, left_list(person.subscriptions(), list_id, iso_seconds(writing.now)))
