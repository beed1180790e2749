"""Resource documents: JSON text put together around the attributes that the store holds.

Attributes are not parsed on the way out, unless the client asked for some of them only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import msgspec

from klaviyo_sandbox.kinds import KINDS, Kind, Relation
from klaviyo_sandbox.query import Query
from klaviyo_sandbox.store import MOST_VALUES, Store, marks

MEMBER_COUNT = "(SELECT COUNT(*) FROM members WHERE group_id = {table}.id)"
ADDITIONAL = {
    ("profile", "subscriptions"): "subscriptions",
    ("profile", "predictive_analytics"): "predictive_analytics",
    ("list", "profile_count"): MEMBER_COUNT.format(table="lists"),
    ("segment", "profile_count"): MEMBER_COUNT.format(table="segments"),
}
"""SQL for the JSON text of an additional field; one that is not here is null."""

JOINED = (
    "joined_group_at",
    "strftime('\"%Y-%m-%dT%H:%M:%S+00:00\"', members.joined / 1000000, 'unixepoch')",
)
RAW = msgspec.json.Decoder(dict[str, msgspec.Raw])
EVENT_ATTRIBUTES = frozenset(("timestamp", "event_properties", "datetime", "uuid"))
Targets = Mapping[str, list[str]]
"""Ids at the far end of a relationship, by the id on this side."""

Found = Mapping[str, Targets]
"""Targets by relationship."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The texts around a relationship's data. `links` is to be joined by the resource's id."""

    name: str
    many: bool
    head: bytes
    target: bytes
    links: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Wanted:
    """How the documents of one kind are to look.

    `extras` are attributes beyond the stored ones, as (name, SQL of its JSON text). `data` names
    the relationships that carry data.
    """

    kind: Kind
    base: str
    names: tuple[str, ...] | None = None
    extras: tuple[tuple[str, str], ...] = ()
    data: tuple[str, ...] = ()
    constants: Mapping[str, str] = field(default_factory=dict)

    @property
    def relations(self) -> tuple[Relation, ...]:
        """The relationships that carry data."""
        return tuple(row for row in self.kind.relations if row.name in self.data)

    @property
    def columns(self) -> str:
        """The SQL columns that the documents are made of."""
        own = [f"{self.kind.table}.attributes", *(sql for _, sql in self.extras)]
        return ", ".join([*own, *(row.column for row in self.relations if row.column)])


def wanted(kind: Kind, base: str, query: Query, data: tuple[str, ...] = ()) -> Wanted:
    """The look of a kind's documents that a query asks for."""
    additional = query.additional.get(kind.type, ())
    extras = tuple((name, ADDITIONAL.get((kind.type, name), "'null'")) for name in additional)
    names = query.fields.get(kind.type)
    if names is not None:
        # Asking for an additional field is asking for it, listed among the fields or not.
        names = (*names, *(name for name in additional if not nested(names, name)))
    return Wanted(kind, base, names, extras, data)


def nested(names: Iterable[str], name: str) -> bool:
    """Whether a part of `name` is asked for by itself."""
    return any(other.startswith(f"{name}.") for other in names)


def documents(look: Wanted, rows: Sequence[tuple[Any, ...]], found: Found) -> list[bytes]:
    """The JSON texts of rows: id, then the columns of `look`. `found` is relationship data."""
    head = f'{{"type":"{look.kind.type}","id":"'.encode()
    tail = tail_of(look, found)
    stored = look.names is None and not look.extras and not look.constants
    made = []
    for row in rows:
        resource_id = row[0].encode()
        content = row[1] if stored else attributes(look, row)
        made.append(b'%b%b","attributes":%b%b' % (head, resource_id, content, tail(row[0])))
    return made


def identifiers(kind: str, ids: Iterable[str]) -> str:
    """Comma-separated resource identifiers."""
    return ",".join(f'{{"type":"{kind}","id":"{value}"}}' for value in ids)


def attributes(look: Wanted, row: tuple[Any, ...]) -> bytes:
    """The attributes of a row, with extras, and reduced to the names asked for."""
    text: bytes = row[1]
    extras = {name: row[2 + place] for place, (name, _) in enumerate(look.extras)}
    parts = [f'"{name}":{value or "null"}' for name, value in {**extras, **look.constants}.items()]
    if parts:
        comma = b"," if len(text) > len("{}") else b""
        text = b"%b%b%b}" % (text[:-1], comma, ",".join(parts).encode())
    if look.names is None or EVENT_ATTRIBUTES.issubset(look.names):
        return text
    return reduced(text, (*look.names, *look.constants))


def reduced(text: bytes, names: tuple[str, ...]) -> bytes:
    """The attributes in `text` that `names` asks for, by whole name or by dotted path."""
    if not any("." in name for name in names):
        content = {key: value for key, value in RAW.decode(text).items() if key in names}
        return msgspec.json.encode(content)
    return msgspec.json.encode(picked(msgspec.json.decode(text), names))


def picked(content: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """The parts of `content` at the dotted paths `names`."""
    parts: dict[str, list[str]] = {}
    for name in names:
        head, _, rest = name.partition(".")
        parts.setdefault(head, []).append(rest)
    return {
        head: content[head]
        if "" in rest or not isinstance(content[head], Mapping)
        else picked(content[head], rest)
        for head, rest in parts.items()
        if head in content
    }


@cache
def link_templates(kind: str, base: str) -> dict[str, str]:
    """The `links` object of each relationship, `<id>` standing for the resource's id."""
    root = f"{base}/api/{KINDS[kind].collection}/<id>"
    return {
        relation.name: (
            f'"links":{{"self":"{root}/relationships/{relation.name}/",'
            f'"related":"{root}/{relation.name}/"}}'
        )
        for relation in KINDS[kind].relations
    }


@cache
def self_template(kind: str, base: str) -> str:
    """The `links` member of a resource."""
    return f'"links":{{"self":"{base}/api/{KINDS[kind].collection}/<id>/"}}'


@cache
def shapes(kind: str, base: str) -> tuple[Shape, ...]:
    """The shape of each relationship of a kind."""
    links = link_templates(kind, base)
    return tuple(
        Shape(
            relation.name,
            relation.many,
            f'"{relation.name}":{{'.encode(),
            f'{{"type":"{relation.target}","id":"'.encode(),
            tuple(f"{links[relation.name]}}}".encode().split(b"<id>")),
        )
        for relation in KINDS[kind].relations
    )


def tail_of(look: Wanted, found: Found) -> Callable[[str], bytes]:
    """What makes everything behind the attributes from a resource's id."""
    kind, base = look.kind.type, look.base
    end = f"{self_template(kind, base)}}}"
    rows = shapes(kind, base)
    if not rows or not look.data:
        inside = b",".join(row.head + b"<id>".join(row.links) for row in rows)
        relationships = b'"relationships":{%b},' % inside if rows else b""
        pieces = (b",%b%b" % (relationships, end.encode())).split(b"<id>")
        return lambda resource_id: resource_id.encode().join(pieces)
    pieces = end.encode().split(b"<id>")

    def tail(resource_id: str) -> bytes:
        key = resource_id.encode()
        inside = b",".join(relationship_texts(rows, resource_id, key, found))
        return b',"relationships":{%b},%b' % (inside, key.join(pieces))

    return tail


def relationship_texts(
    rows: Iterable[Shape], resource_id: str, key: bytes, found: Found
) -> Iterator[bytes]:
    """The relationships of a resource, with the data of those in `found`."""
    for row in rows:
        links = key.join(row.links)
        targets = found.get(row.name)
        if targets is None:
            yield row.head + links
            continue
        ids = targets.get(resource_id, ())
        if row.many:
            data = b",".join(b'%b%b"}' % (row.target, one.encode()) for one in ids)
            yield b'%b"data":[%b],%b' % (row.head, data, links)
        elif ids:
            # Klaviyo leaves out a to-one relationship that leads nowhere.
            yield b'%b"data":%b%b"},%b' % (row.head, row.target, ids[0].encode(), links)


def relationship_targets(store: Store, look: Wanted, rows: Sequence[tuple[Any, ...]]) -> Found:
    """The ids at the far end of each relationship of `look.data`.

    `rows` are as for `documents`: what a column of their own says is not looked up again.
    """
    place = 2 + len(look.extras)
    found: dict[str, Targets] = {}
    for relation in look.relations:
        if relation.column:
            found[relation.name] = {row[0]: [row[place]] for row in rows if row[place]}
            place += 1
        else:
            found[relation.name] = targets(store, relation, [row[0] for row in rows])
    return found


def targets(store: Store, relation: Relation, ids: Sequence[str]) -> dict[str, list[str]]:
    """The ids at the far end of a relationship, by the id on this side."""
    found: dict[str, list[str]] = {}
    for start in range(0, len(ids), MOST_VALUES):
        chunk = ids[start : start + MOST_VALUES]
        origin = f"({relation.pairs}) WHERE source IN ({marks(chunk)})"
        statement = f"SELECT source, target FROM {origin} ORDER BY source, target"  # noqa: S608
        for source, target in store.all(statement, chunk):
            found.setdefault(source, []).append(target)
    return found


def included(store: Store, look: Wanted, query: Query, found: Found) -> list[bytes]:
    """The documents for `included`: each related resource once."""
    by_type: dict[str, set[str]] = {}
    for relation in look.relations:
        if relation.name in query.include and relation.target in KINDS:
            ids = by_type.setdefault(relation.target, set())
            ids.update(*found[relation.name].values())
    made: list[bytes] = []
    for target, target_ids in by_type.items():
        kind = KINDS[target]
        # No operation leads from an attribution to its campaign: included, it must say it itself.
        data = tuple(row.name for row in kind.relations) if kind.only_included else ()
        theirs = wanted(kind, look.base, query, data)
        rows = list(store.rows_with(kind, "id", target_ids, ("id", theirs.columns)))
        made += documents(theirs, rows, relationship_targets(store, theirs, rows))
    return made
