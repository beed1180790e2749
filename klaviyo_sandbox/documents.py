"""Resource documents: JSON text put together around the attributes that the store holds.

Attributes are not parsed on the way out, unless the client asked for some of them only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
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
    def columns(self) -> str:
        """The SQL columns that the documents are made of."""
        return ", ".join((f"{self.kind.table}.attributes", *(sql for _, sql in self.extras)))


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


def documents(store: Store, look: Wanted, rows: Sequence[tuple[Any, ...]]) -> list[str]:
    """The JSON texts of rows (id, then the columns of `look`)."""
    head = f'{{"type":"{look.kind.type}","id":"'
    if not look.data:
        tail = tail_template(look.kind.type, look.base)
        if look.names is None and not look.extras and not look.constants:
            return [
                f'{head}{row[0]}","attributes":{row[1]}{tail.replace("<id>", row[0])}'
                for row in rows
            ]
        return [
            f'{head}{row[0]}","attributes":{attributes(look, row)}{tail.replace("<id>", row[0])}'
            for row in rows
        ]
    found = relationship_targets(store, look, [row[0] for row in rows])
    return [
        f'{head}{row[0]}","attributes":{attributes(look, row)}{tail_with_data(look, row[0], found)}'
        for row in rows
    ]


def identifiers(kind: str, ids: Iterable[str]) -> str:
    """Comma-separated resource identifiers."""
    return ",".join(f'{{"type":"{kind}","id":"{value}"}}' for value in ids)


def attributes(look: Wanted, row: tuple[Any, ...]) -> str:
    """The attributes of a row, with extras, and reduced to the names asked for."""
    text: str = row[1]
    extras = {name: row[2 + place] for place, (name, _) in enumerate(look.extras)}
    parts = [f'"{name}":{value or "null"}' for name, value in {**extras, **look.constants}.items()]
    if parts:
        comma = "," if len(text) > len("{}") else ""
        text = f"{text[:-1]}{comma}{','.join(parts)}}}"
    if look.names is None or EVENT_ATTRIBUTES.issubset(look.names):
        return text
    return reduced(text, (*look.names, *look.constants))


def reduced(text: str, names: tuple[str, ...]) -> str:
    """The attributes in `text` that `names` asks for, by whole name or by dotted path."""
    if not any("." in name for name in names):
        content = {key: value for key, value in RAW.decode(text).items() if key in names}
        return msgspec.json.encode(content).decode("utf-8")
    return msgspec.json.encode(picked(msgspec.json.decode(text), names)).decode("utf-8")


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
def tail_template(kind: str, base: str) -> str:
    """Everything behind the attributes, where no relationship carries data."""
    links = link_templates(kind, base).items()
    parts = ",".join(f'"{name}":{{{text}}}' for name, text in links)
    relationships = f'"relationships":{{{parts}}},' if parts else ""
    return f",{relationships}{self_template(kind, base)}}}"


def tail_with_data(look: Wanted, resource_id: str, found: Mapping[str, Targets]) -> str:
    """Everything behind the attributes, with the data of the relationships in `found`."""
    parts = []
    for name, links in link_templates(look.kind.type, look.base).items():
        data = ""
        if name in found:
            relation = look.kind.relation(name)
            ids = found[name].get(resource_id, [])
            data = relationship_data(relation, ids) if relation else ""
            if not data:
                # Klaviyo leaves out a to-one relationship that leads nowhere.
                continue
        parts.append(f'"{name}":{{{data}{links}}}')
    tail = f',"relationships":{{{",".join(parts)}}},{self_template(look.kind.type, look.base)}}}'
    return tail.replace("<id>", resource_id)


def relationship_data(relation: Relation, ids: list[str]) -> str:
    """The `data` member of a relationship with a comma behind it, or nothing."""
    if relation.many:
        return f'"data":[{identifiers(relation.target, ids)}],'
    return f'"data":{identifiers(relation.target, ids[:1])},' if ids else ""


def relationship_targets(
    store: Store, look: Wanted, ids: Sequence[str]
) -> dict[str, dict[str, list[str]]]:
    """The ids at the far end of each relationship of `look.data`, by relationship and id."""
    relations = [look.kind.relation(name) for name in look.data]
    return {row.name: targets(store, row, ids) for row in relations if row is not None}


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


def included(
    store: Store, kind: Kind, base: str, query: Query, ids: Sequence[str]
) -> Iterator[str]:
    """The documents for `included`: each related resource once."""
    by_type: dict[str, set[str]] = {}
    for name in query.include:
        relation = kind.relation(name)
        if relation is not None:
            found = targets(store, relation, ids).values()
            by_type.setdefault(relation.target, set()).update(*found)
    for target, target_ids in by_type.items():
        if target in KINDS:
            look = wanted(KINDS[target], base, query)
            rows = list(store.rows_with(KINDS[target], "id", target_ids, ("id", look.columns)))
            yield from documents(store, look, rows)
