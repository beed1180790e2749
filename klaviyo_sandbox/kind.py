"""What a resource type is to the sandbox, and the ways in which types are related."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Relation:
    """A relationship: `pairs` selects `source` and `target`, the ids on both sides.

    `column` is the column of the resource's own row that holds the target's id, where one does.
    """

    name: str
    target: str
    pairs: str
    many: bool = True
    column: str = ""


@dataclass(frozen=True, slots=True)
class Kind:
    """A resource type.

    `text`, `dates`, `numbers` and `flags` name columns; `paths` says which attribute fills a
    column where that is not the attribute of the same name; `filters` does the same for filter
    and sort fields, and `through` names the relationship whose ids a filter field compares.
    Columns without an attribute (`given`) are filled by whoever stores the resource. `order` is
    how Klaviyo sorts where nothing else is asked. `only_included` kinds are read as included
    resources and no other way.
    """

    type: str
    collection: str
    text: tuple[str, ...] = ()
    dates: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    given: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    paths: Mapping[str, str] = field(default_factory=dict)
    filters: Mapping[str, str] = field(default_factory=dict)
    through: Mapping[str, str] = field(default_factory=dict)
    relations: tuple[Relation, ...] = ()
    indexes: tuple[str, ...] = ()
    order: str = "id"
    hidden_when_archived: bool = False
    only_included: bool = False

    @property
    def table(self) -> str:
        """The SQL table."""
        return self.collection.replace("-", "_")

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column beyond `id` and `attributes`."""
        return (
            *self.text,
            *self.dates,
            *self.numbers,
            *self.flags,
            *self.given,
            *self.extra,
        )

    def relation(self, name: str) -> Relation | None:
        """The relationship called `name`, or None."""
        return next((row for row in self.relations if row.name == name), None)


def linked(source: str, name: str, target: str) -> Relation:
    """A relationship kept in the `links` table."""
    where = f"source_type = '{source}' AND name = '{name}'"
    return Relation(name, target, rows("source_id", "target_id", f"links WHERE {where}"))


def backwards(target: str, name: str, their_name: str) -> Relation:
    """The other side of a relationship that `target` keeps in the `links` table."""
    where = f"source_type = '{target}' AND name = '{their_name}'"
    return Relation(name, target, rows("target_id", "source_id", f"links WHERE {where}"))


def one(table: str, name: str, target: str) -> Relation:
    """A to-one relationship kept in the column `<name>_id`."""
    column = name.replace("-", "_") + "_id"
    pairs = rows("id", column, f"{table} WHERE {column} <> ''")
    return Relation(name, target, pairs, many=False, column=column)


def owned(name: str, target: str, table: str, column: str) -> Relation:
    """The resources in `table` whose `column` names this one."""
    return Relation(name, target, rows(column, "id", table))


def groups(name: str, target: str) -> Relation:
    """The lists or segments of a profile."""
    pairs = rows("profile_id", "group_id", f"members WHERE group_type = '{target}'")
    return Relation(name, target, pairs)


def members(group: str) -> Relation:
    """The profiles of a list or segment."""
    pairs = rows("group_id", "profile_id", f"members WHERE group_type = '{group}'")
    return Relation("profiles", "profile", pairs)


def none(name: str, target: str) -> Relation:
    """A relationship that has a place in the answers, and no content in the sandbox."""
    return Relation(name, target, rows("id", "id", "accounts WHERE 0"))


def rows(source: str, target: str, origin: str) -> str:
    """The SQL of a relationship's pairs, from names written in this module only."""
    return f"SELECT {source} AS source, {target} AS target FROM {origin}"  # noqa: S608
