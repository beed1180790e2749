"""Everything that the account holds, in one SQLite database (a file, or memory).

One connection, used by one request at a time: whoever calls holds the application's lock.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec

from klaviyo_sandbox.clock import microseconds
from klaviyo_sandbox.kind import Kind
from klaviyo_sandbox.kinds import KINDS, ROWS

LINK = "INSERT OR IGNORE INTO links VALUES (?, ?, ?, ?)"
MEMBER = "INSERT OR IGNORE INTO members VALUES (?, ?, ?, ?)"
MOST_VALUES = 900
"""Values in one `IN (...)`: old SQLite allows 999."""

PAGE = 16_384
"""Bytes of a page of the database: with SQLite's own 4,096 a page of events takes a fifth more."""
CACHE_KIB = 131_072
MAPPED = 2**31 - 1
"""Bytes of a file that are read without copying them: as many as SQLite allows."""

FIXED_TABLES = """
CREATE TABLE links (source_type TEXT, source_id TEXT, name TEXT, target_id TEXT,
    PRIMARY KEY (source_type, name, source_id, target_id)) WITHOUT ROWID;
CREATE INDEX links_backwards ON links (source_type, name, target_id);
CREATE TABLE members (group_type TEXT, group_id TEXT, profile_id TEXT, joined INTEGER,
    PRIMARY KEY (group_id, profile_id)) WITHOUT ROWID;
CREATE INDEX members_joined ON members (group_id, joined, profile_id);
CREATE INDEX members_profile ON members (profile_id);
CREATE TABLE pending (due REAL, action TEXT, target TEXT, content BLOB);
CREATE INDEX pending_due ON pending (due);
CREATE TABLE settings (name TEXT PRIMARY KEY, content TEXT);
CREATE TABLE dropped (content TEXT);
CREATE UNIQUE INDEX events_once ON events (profile_id, metric_id, unique_id);
"""


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource to keep. `columns` gives what no attribute says; `links` is by relationship."""

    type: str
    id: str
    attributes: Mapping[str, Any]
    columns: Mapping[str, Any] = field(default_factory=dict)
    links: Mapping[str, Iterable[str]] = field(default_factory=dict)


class Store:
    """The account's content."""

    def __init__(self, path: str = ":memory:") -> None:
        """Open the database at `path`, and make its tables where it is new."""
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._texts: dict[Hashable, dict[str, Any]] = {}
        self._changes = 0
        self._connection.execute(f"PRAGMA page_size = {PAGE}")
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = OFF")
        self._connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        self._connection.execute(f"PRAGMA mmap_size = {MAPPED}")
        self.new = not self.all("SELECT 1 FROM sqlite_master WHERE name = 'settings'")
        if self.new:
            with self.transaction():
                self._create()

    def _create(self) -> None:
        for kind in ROWS:
            self._connection.execute(table_statement(kind))
            for number, columns in enumerate(kind.indexes):
                name = f"{kind.table}_{number}"
                self._connection.execute(f"CREATE INDEX {name} ON {kind.table} ({columns})")
        for statement in FIXED_TABLES.split(";"):
            self._connection.execute(statement)

    def close(self) -> None:
        """Close the database."""
        self._connection.close()

    @property
    def has_usual_pages(self) -> bool:
        """Whether its pages are as large as those of a new database: else SQLite cannot copy it."""
        return self.first("PRAGMA page_size") == (PAGE,)

    def copy_to(self, other: Store) -> None:
        """Give another store the content of this one, in place of its own."""
        self._connection.backup(other._connection)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of what happens inside, or nothing."""
        self._connection.execute("BEGIN")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    @contextmanager
    def filling(self, kind: Kind) -> Iterator[None]:
        """While a table is filled it has no indexes: they are made at the end, three times as fast.

        Only for a table of which nothing is read meanwhile.
        """
        of_table = "FROM sqlite_master WHERE type = 'index' AND tbl_name = ? AND sql IS NOT NULL"
        indexes = self.all(f"SELECT name, sql {of_table} ORDER BY rowid", (kind.table,))
        for name, _ in indexes:
            self.run(f"DROP INDEX {name}")
        yield
        for _, statement in indexes:
            self.run(statement)

    def all(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Every row that a statement gives."""
        return self._connection.execute(statement, values).fetchall()

    def first(self, statement: str, values: Sequence[Any] = ()) -> tuple[Any, ...] | None:
        """The first row that a statement gives, or None."""
        row: tuple[Any, ...] | None = self._connection.execute(statement, values).fetchone()
        return row

    def run(self, statement: str, values: Sequence[Any] = ()) -> int:
        """Execute a statement; the number of rows it changed."""
        return self._connection.execute(statement, values).rowcount

    def run_many(self, statement: str, rows: Iterable[Sequence[Any]]) -> int:
        """Execute a statement once for each of `rows`; the number of rows it changed."""
        return self._connection.executemany(statement, rows).rowcount

    def put(self, resources: Iterable[Resource]) -> None:
        """Keep resources, each in place of the one of the same type and id."""
        batches: dict[str, list[tuple[Any, ...]]] = {}
        for resource in resources:
            batches.setdefault(resource.type, []).append(row_of(resource))
            if resource.links:
                self.run_many(LINK, links_of(resource))
        for kind, rows in batches.items():
            self.run_many(insert_statement(KINDS[kind]), rows)

    def rows_with(
        self, kind: Kind, column: str, values: Iterable[str], columns: Sequence[str]
    ) -> Iterator[tuple[Any, ...]]:
        """The `columns` of the resources that have one of `values` in `column`."""
        wanted = sorted(values)
        selected = ", ".join(columns)
        for start in range(0, len(wanted), MOST_VALUES):
            chunk = wanted[start : start + MOST_VALUES]
            where = f"{kind.table} WHERE {column} IN ({marks(chunk)})"
            yield from self.all(f"SELECT {selected} FROM {where} ORDER BY id", chunk)  # noqa: S608

    def kept(self, key: Hashable) -> dict[str, Any]:
        """Texts by resource id, put there under `key` until something in the account changes."""
        changes = self._connection.total_changes
        if changes != self._changes:
            self._texts, self._changes = {}, changes
        return self._texts.setdefault(key, {})

    def exists(self, kind: Kind, resource_id: str) -> bool:
        """Whether a resource is there."""
        statement = f"SELECT 1 FROM {kind.table} WHERE id = ?"  # noqa: S608
        return self.first(statement, (resource_id,)) is not None


def marks(values: Sequence[Any]) -> str:
    """One question mark per value."""
    return ", ".join("?" * len(values))


def table_statement(kind: Kind) -> str:
    """The SQL that makes a kind's table. Nothing is NULL: absent is '' or 0."""
    numbers = (*kind.dates, *kind.numbers, *kind.flags)
    columns = [
        f"{name} INTEGER NOT NULL DEFAULT 0"
        if name in numbers
        else f"{name} TEXT NOT NULL DEFAULT ''"
        for name in kind.columns
    ]
    declared = ", ".join(["id TEXT PRIMARY KEY", "attributes BLOB NOT NULL", *columns])
    return f"CREATE TABLE {kind.table} ({declared})"


def insert_statement(kind: Kind, action: str = "INSERT OR REPLACE") -> str:
    """The SQL that keeps a row of a kind."""
    columns = ("id", "attributes", *kind.columns)
    return f"{action} INTO {kind.table} ({', '.join(columns)}) VALUES ({marks(columns)})"


def row_of(resource: Resource) -> tuple[Any, ...]:
    """The row of a resource, in the order of `insert_statement`."""
    kind = KINDS[resource.type]
    return (
        resource.id,
        msgspec.json.encode(resource.attributes),
        *(str(value_of(resource, kind, name) or "") for name in kind.text),
        *(date_value(value_of(resource, kind, name)) for name in kind.dates),
        *(int(value_of(resource, kind, name) or 0) for name in kind.numbers),
        *(int(bool(value_of(resource, kind, name))) for name in kind.flags),
        *(resource.columns.get(name) or "" for name in (*kind.given, *kind.extra)),
    )


def value_of(resource: Resource, kind: Kind, name: str) -> Any:
    """What fills a column: given by name, else the attribute at its path."""
    if name in resource.columns:
        return resource.columns[name]
    found: Any = resource.attributes
    for part in kind.paths.get(name, name).split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def date_value(value: Any) -> int:
    """Microseconds since 1970 of a date-time text or number, 0 for none."""
    return microseconds(value) if isinstance(value, str) else int(value or 0)


def links_of(resource: Resource) -> Iterator[tuple[str, str, str, str]]:
    """The rows of a resource's relationships in the `links` table."""
    for name, targets in resource.links.items():
        for target in targets:
            yield resource.type, resource.id, name, target
