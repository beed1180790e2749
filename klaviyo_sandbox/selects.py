"""A page of rows: from conditions, a sort order and a cursor to SQL and back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from klaviyo_sandbox.clock import MICROSECONDS
from klaviyo_sandbox.cursors import Cursor
from klaviyo_sandbox.filters import Condition, Scalar
from klaviyo_sandbox.kind import Kind, Relation
from klaviyo_sandbox.store import Store, marks

Clause = tuple[str, tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Source:
    """Where rows come from: a FROM clause, what always holds, and columns beyond the kind's."""

    origin: str
    where: tuple[Clause, ...] = ()
    columns: dict[str, str] = field(default_factory=dict)
    identity: str = "id"
    sort: str = "id"


@dataclass(frozen=True, slots=True)
class Order:
    """A sort order: its text (as in `sort=`), SQL column, direction, and how many rows."""

    text: str
    column: str
    descending: bool
    limit: int = -1


def whole(kind: Kind) -> Source:
    """Every resource of a kind."""
    return Source(kind.table, sort=kind.order)


def group_members(group_id: str) -> Source:
    """The profiles in a list or segment, with the moment they joined."""
    return Source(
        "members JOIN profiles ON profiles.id = members.profile_id",
        (("members.group_id = ?", (group_id,)),),
        {"joined_group_at": "members.joined", "profile_id": "members.profile_id"},
        identity="members.profile_id",
        sort="joined_group_at",
    )


def related(kind: Kind, pairs: str, source_id: str) -> Source:
    """The resources of a kind at the far end of a relationship."""
    ids = f"id IN (SELECT target FROM ({pairs}) WHERE source = ?)"  # noqa: S608
    return Source(kind.table, ((ids, (source_id,)),), sort=kind.order)


def order_of(kind: Kind, source: Source, sort: str | None, limit: int) -> Order:
    """The order that `sort` asks for, or the source's own."""
    text = sort or source.sort
    name = text.removeprefix("-")
    column = source.identity if name == "id" else column_of(kind, source, name)
    return Order(text, column, text.startswith("-"), limit)


def column_of(kind: Kind, source: Source, name: str) -> str:
    """The SQL column behind a filter or sort field."""
    return source.columns.get(name) or kind.filters.get(name, name)


def select_rows(
    store: Store, columns: str, source: Source, clauses: list[Clause], order: Order
) -> list[tuple[Any, ...]]:
    """The rows: id, `columns`, sort value."""
    clauses = [*source.where, *clauses]
    where = " AND ".join(text for text, _ in clauses) or "1"
    direction = "DESC" if order.descending else "ASC"
    statement = (
        f"SELECT {source.identity}, {columns}, {order.column} FROM {source.origin} "  # noqa: S608
        f"WHERE {where} ORDER BY {order.column} {direction}, {source.identity} {direction} LIMIT ?"
    )
    return store.all(
        statement, [value for _, values in clauses for value in values] + [order.limit]
    )


def after(cursor: Cursor, order: Order, source: Source) -> Clause:
    """Only rows behind the cursor's, or from it on."""
    sign = "<" if order.descending else ">"
    sign += "=" if cursor.position == "from" else ""
    return f"({order.column}, {source.identity}) {sign} (?, ?)", (cursor.value, cursor.id)


def clause(kind: Kind, source: Source, condition: Condition, passed: Order | None = None) -> Clause:
    """The SQL of a condition. `passed` is the order in which a cursor says where to begin."""
    if relation := kind.relation(kind.through.get(condition.field, "")):
        return related_to(relation, tuple(str(value) for value in condition.values))
    column = source.identity if condition.field == "id" else ""
    column = column or column_of(kind, source, condition.field)
    if passed and column == passed.column and condition.operator in BEHIND[passed.descending]:
        # By the index SQLite would go to this bound, and read on from there to the cursor: the
        # plus sign keeps it from using the index for it.
        column = f"+{column}"
    values = tuple(stored(condition.field, value) for value in condition.values)
    text, values = BUILDERS[condition.operator](column, values)
    # 0 stands for a date that the resource has not: no bound may let it in.
    if condition.operator in COMPARISONS:
        text = f"({text} AND {column} <> 0)"
    return text, values


def related_to(relation: Relation, values: tuple[str, ...]) -> Clause:
    """Only what the relationship connects to one of the ids."""
    pairs = f"({relation.pairs}) WHERE target IN ({marks(values)})"
    return f"id IN (SELECT source FROM {pairs})", values  # noqa: S608


def stored(field_name: str, value: Scalar) -> Any:
    """A value as the columns hold it."""
    if field_name == "timestamp" and isinstance(value, float):
        return round(value * MICROSECONDS)
    return int(value) if isinstance(value, bool) else value


COMPARISONS = {
    "greater-than": ">",
    "greater-or-equal": ">=",
    "less-than": "<",
    "less-or-equal": "<=",
}
BEHIND = {False: ("greater-than", "greater-or-equal"), True: ("less-than", "less-or-equal")}
"""Bounds that lie behind a cursor, by whether the order is descending."""

Builder = Callable[[str, tuple[Any, ...]], Clause]


def comparison(sign: str) -> Builder:
    """The builder of a bound."""
    return lambda column, values: (f"{column} {sign} ?", values)


def one_of(column: str, values: tuple[Any, ...]) -> Clause:
    """Equal to one of the values."""
    return f"{column} IN ({marks(values)})", values


def all_of(column: str, values: tuple[Any, ...]) -> Clause:
    """Every value is somewhere in the text."""
    return " AND ".join(f"instr({column}, ?) > 0" for _ in values), values


def some_of(column: str, values: tuple[Any, ...]) -> Clause:
    """At least one value is somewhere in the text."""
    return "(" + " OR ".join(f"instr({column}, ?) > 0" for _ in values) + ")", values


BUILDERS: dict[str, Builder] = {
    **{operator: comparison(sign) for operator, sign in COMPARISONS.items()},
    "equals": one_of,
    "any": one_of,
    "contains": all_of,
    "contains-all": all_of,
    "contains-any": some_of,
    "starts-with": lambda column, values: (
        f"substr({column}, 1, length(?)) = ?",
        values * 2,
    ),
    "ends-with": lambda column, values: (
        f"length({column}) >= length(?) AND substr({column}, -length(?)) = ?",
        values * 3,
    ),
    "has": lambda column, _: (f"{column} <> ''", ()),
}
