"""The account's content as tests see it: to compare with, and to add to."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from klaviyo_sandbox.clock import MICROSECONDS, iso_seconds, microseconds
from klaviyo_sandbox.documents import ADDITIONAL, Wanted, columns_of, data_of, documents
from klaviyo_sandbox.kinds import KINDS
from klaviyo_sandbox.store import MEMBER, Resource, Store

BASE = "https://a.klaviyo.com"
HELD = ("subscriptions", "predictive_analytics")


class Account:
    """What the sandbox holds at the moment, without limits, pages or keys."""

    def __init__(self, store: Store, lock: threading.RLock, settle: Callable[[], None]) -> None:
        """Look into `store`; `settle` does what is due before anybody looks."""
        self._store = store
        self._lock = lock
        self._settle = settle

    def resources(self, kind: str) -> list[dict[str, Any]]:
        """Every resource of a type by id: JSON:API, relationship data and all fields included.

        Lists and segments come without their profiles: see `members`.
        """
        row = KINDS[kind]
        names = tuple(one.name for one in row.relations if one.name != "profiles")
        extras = tuple((name, ADDITIONAL[kind, name]) for name in HELD if kind == "profile")
        look = Wanted(row, BASE, None, extras, names)
        with self._lock:
            self._settle()
            rows = self._store.all(f"SELECT id, {look.columns} FROM {row.table} ORDER BY id")  # noqa: S608
            columns = columns_of(rows)
            found = data_of(self._store, look, columns)
            return [msgspec.json.decode(text) for text in documents(look, columns, found)]

    def resource(self, kind: str, resource_id: str) -> dict[str, Any]:
        """One resource as `resources` has it.

        Raises:
            KeyError: There is none.
        """
        return {row["id"]: row for row in self.resources(kind)}[resource_id]

    def ids(self, kind: str) -> list[str]:
        """The ids of a type, in order."""
        table = KINDS[kind].table
        return [row[0] for row in self._rows(f"SELECT id FROM {table} ORDER BY id")]  # noqa: S608

    def count(self, kind: str) -> int:
        """How many resources there are of a type."""
        return len(self.ids(kind))

    def members(self, group_id: str) -> dict[str, str]:
        """When each profile joined a list or segment, by profile id."""
        statement = "SELECT profile_id, joined FROM members WHERE group_id = ? ORDER BY profile_id"
        rows = self._rows(statement, (group_id,))
        return {profile: iso_seconds(joined / MICROSECONDS) for profile, joined in rows}

    def profile(self, **attributes: str) -> dict[str, Any] | None:
        """The profile with the given attributes, as in `profile(email="...")`, or None."""
        for row in self.resources("profile"):
            if all(row["attributes"].get(name) == value for name, value in attributes.items()):
                return row
        return None

    def dropped_events(self) -> list[dict[str, Any]]:
        """Events that were accepted with 202 and then forgotten, as Klaviyo does."""
        rows = self._rows("SELECT content FROM dropped ORDER BY rowid")
        return [msgspec.json.decode(row[0]) for row in rows]

    def put(
        self,
        kind: str,
        resource_id: str,
        attributes: Mapping[str, Any],
        *,
        columns: Mapping[str, Any] | None = None,
        links: Mapping[str, Iterable[str]] | None = None,
    ) -> None:
        """Keep a resource, in place of the one with that id.

        `columns` are what no attribute says: `profile_id`, `metric_id` and `unique_id` of an
        event, `channel` of a campaign, `campaign_id` of its message, `tag_group_id` of a tag,
        `subscriptions` of a profile as JSON text. `links` gives the ids of `tags`.
        """
        columns = {"unique_id": resource_id, **(columns or {})}
        resource = Resource(kind, resource_id, attributes, columns, links or {})
        with self._lock, self._store.transaction():
            self._store.put([resource])

    def add_members(self, group: str, group_id: str, profiles: Mapping[str, str]) -> None:
        """Put profiles (the moment of joining by id) into a `list` or `segment`."""
        rows = [(group, group_id, who, microseconds(when)) for who, when in profiles.items()]
        with self._lock, self._store.transaction():
            self._store.run_many(MEMBER, rows)

    def remove(self, kind: str, resource_id: str) -> None:
        """Take a resource away, as when a profile is deleted."""
        statement = f"DELETE FROM {KINDS[kind].table} WHERE id = ?"  # noqa: S608
        with self._lock, self._store.transaction():
            self._store.run(statement, (resource_id,))
            self._store.run("DELETE FROM members WHERE ? IN (profile_id, group_id)", (resource_id,))

    def _rows(self, statement: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        with self._lock:
            self._settle()
            return self._store.all(statement, values)
