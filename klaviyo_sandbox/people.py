"""Profiles being written: who a row is about, and what becomes of its attributes.

People are looked up for a whole batch at once and kept until `save`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from random import Random
from typing import Any

import msgspec

from klaviyo_sandbox.clock import MICROSECONDS, iso_seconds, microseconds
from klaviyo_sandbox.kinds import KINDS
from klaviyo_sandbox.patches import patched
from klaviyo_sandbox.seed_profiles import suppression_columns
from klaviyo_sandbox.seed_values import ulid
from klaviyo_sandbox.store import Store, insert_statement

PROFILE = KINDS["profile"]
IDENTIFIERS = ("email", "phone_number", "external_id")
WRITABLE = (
    *IDENTIFIERS,
    "first_name",
    "last_name",
    "organization",
    "locale",
    "title",
    "image",
)
EMPTY: dict[str, Any] = {
    **dict.fromkeys(WRITABLE),
    "created": None,
    "updated": None,
    "last_event_date": None,
    "location": None,
    "properties": {},
}
UNKNOWN_CONSENT: dict[str, Any] = {
    "email": {
        "marketing": {
            "can_receive_email_marketing": True,
            "consent": "NEVER_SUBSCRIBED",
            "consent_timestamp": None,
            "last_updated": None,
            "method": None,
            "method_detail": None,
            "custom_method_detail": None,
            "double_optin": None,
            "suppression": [],
            "list_suppressions": [],
        }
    },
    "sms": None,
}
Row = Mapping[str, Any]


class DuplicateProfileError(Exception):
    """The identifiers belong to different profiles, or to one that must not be touched."""

    def __init__(self, profile_id: str) -> None:
        """`profile_id` is the other profile."""
        super().__init__(profile_id)
        self.profile_id = profile_id


class UnknownProfileError(Exception):
    """There is no profile with the given id."""

    def __init__(self, profile_id: str) -> None:
        """`profile_id` is the id that nobody has."""
        super().__init__(profile_id)
        self.profile_id = profile_id


class Person:
    """A profile in memory: its attributes parsed, its other columns as they are."""

    def __init__(
        self, profile_id: str, attributes: dict[str, Any], columns: dict[str, Any]
    ) -> None:
        """Hold a profile."""
        self.id = profile_id
        self.attributes = attributes
        self.columns = columns

    def subscriptions(self) -> dict[str, Any]:
        """Consents and suppressions."""
        state: dict[str, Any] = msgspec.json.decode(self.columns["subscriptions"] or b"{}")
        return {**UNKNOWN_CONSENT, **state}


class People:
    """The profiles that a batch of rows is about."""

    def __init__(self, store: Store, rows: Iterable[Row], random: Random, now: float) -> None:
        """Look up everybody that `rows` may mean."""
        self._store = store
        self._random = random
        self._now = now
        self._found: dict[tuple[str, str], Person] = {}
        self._changed: dict[str, Person] = {}
        for name, values in wanted_values(rows).items():
            self._load(name, sorted(values))

    def find(self, row: Row) -> Person | None:
        """The profile that a row is about, or None.

        Raises:
            UnknownProfileError: The row names an id that nobody has.
            DuplicateProfileError: Its identifiers belong to different profiles.
        """
        found = [self._found[key] for key in identity(row) if key in self._found and key[0] != "id"]
        others = {person.id: person for person in found}
        profile_id = row.get("id")
        if profile_id:
            person = self._found.get(("id", profile_id))
            if person is None:
                raise UnknownProfileError(profile_id)
            strangers = [other for other in others if other != profile_id]
            if strangers:
                raise DuplicateProfileError(strangers[0])
            return person
        if len(others) > 1:
            raise DuplicateProfileError(found[1].id)
        return found[0] if found else None

    def create(self) -> Person:
        """A new profile."""
        moment = iso_seconds(self._now)
        attributes = {**EMPTY, "created": moment, "properties": {}}
        columns = {
            "kx": "",
            "subscriptions": msgspec.json.encode(UNKNOWN_CONSENT).decode(),
            "predictive_analytics": "",
        }
        return Person(ulid(self._random, self._now), attributes, columns)

    def merge(self, person: Person, row: Row) -> None:
        """Write a row's attributes over a profile's; null clears, absent keeps."""
        sent = row.get("attributes", {})
        kept = person.attributes
        kept.update({name: sent[name] for name in WRITABLE if name in sent})
        if kept["email"]:
            # Taken: addresses are kept, and compare, in lower case.
            kept["email"] = kept["email"].lower()
        if "location" in sent:
            place = sent["location"]
            kept["location"] = place and {**(kept["location"] or {}), **place}
        kept["properties"] = {**(kept["properties"] or {}), **(sent.get("properties") or {})}
        patch = (row.get("meta") or {}).get("patch_properties") or {}
        kept["properties"] = patched(kept["properties"], patch)
        self._keep(person)

    def meet(self, person: Person, seconds: float) -> None:
        """Note that an event of this profile happened at `seconds`."""
        last = person.attributes["last_event_date"]
        if last is None or microseconds(last) < seconds * MICROSECONDS:
            person.attributes["last_event_date"] = iso_seconds(seconds)
        self._keep(person)

    def subscribe(self, person: Person, state: Mapping[str, Any]) -> None:
        """Give somebody these consents and suppressions."""
        person.columns["subscriptions"] = msgspec.json.encode(state).decode()
        person.columns |= suppression_columns(state["email"]["marketing"])
        self._keep(person)

    def save(self) -> None:
        """Write everybody that changed to the store."""
        rows = [self._row(person) for person in self._changed.values()]
        self._store.run_many(insert_statement(PROFILE), rows)
        self._changed.clear()

    def _keep(self, person: Person) -> None:
        person.attributes["updated"] = iso_seconds(self._now)
        self._changed[person.id] = person
        # Later rows of the batch must find what this one left behind.
        self._index(person)

    def _index(self, person: Person) -> None:
        self._found["id", person.id] = person
        for name in IDENTIFIERS:
            value = person.attributes.get(name)
            if value:
                self._found[name, value] = person

    def _load(self, name: str, values: Sequence[str]) -> None:
        columns = ("id", "attributes", *PROFILE.columns)
        for row in self._store.rows_with(PROFILE, name, values, columns):
            profile_id, attributes, *rest = row
            if ("id", profile_id) in self._found:
                continue
            kept = dict(zip(PROFILE.columns, rest, strict=True))
            person = Person(profile_id, msgspec.json.decode(attributes), kept)
            self._index(person)
            if kept["kx"]:
                self._found["_kx", kept["kx"]] = person

    def _row(self, person: Person) -> tuple[Any, ...]:
        attributes = person.attributes
        filled = {
            **person.columns,
            **{name: attributes.get(name) or "" for name in IDENTIFIERS},
            "created": microseconds(attributes["created"]),
            "updated": microseconds(attributes["updated"]),
        }
        numbers = PROFILE.dates
        return (
            person.id,
            msgspec.json.encode(attributes),
            *(filled.get(name) or (0 if name in numbers else "") for name in PROFILE.columns),
        )


def identity(row: Row) -> list[tuple[str, str]]:
    """What a row says about who it is, as (identifier, value)."""
    attributes = row.get("attributes", {})
    named = [("id", row.get("id")), ("_kx", attributes.get("_kx"))]
    named += [(name, attributes.get(name)) for name in IDENTIFIERS]
    return [(name, value.lower() if name == "email" else value) for name, value in named if value]


def wanted_values(rows: Iterable[Row]) -> dict[str, set[str]]:
    """The values to look up, by column."""
    values: dict[str, set[str]] = {}
    for row in rows:
        for name, value in identity(row):
            values.setdefault("kx" if name == "_kx" else name, set()).add(value)
    return values


def without_nulls(row: Row) -> dict[str, Any]:
    """A row as bulk import reads it: null and empty say nothing, on every level it merges."""
    attributes = {name: value for name, value in row.get("attributes", {}).items() if said(value)}
    for name in ("location", "properties"):
        if name in attributes:
            attributes[name] = {k: v for k, v in attributes[name].items() if said(v)}
    return {**row, "attributes": attributes}


def said(value: Any) -> bool:
    """Whether a value says anything to bulk import."""
    return value is not None and value != ""
