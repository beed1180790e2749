"""Resource documents: JSON text put together around the attributes that the store holds.

Attributes are not parsed on the way out, unless the client asked for some of them only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from typing import Any

import msgspec

from klaviyo_sandbox.kind import Kind, Relation
from klaviyo_sandbox.kinds import KINDS
from klaviyo_sandbox.query import Query
from klaviyo_sandbox.relationships import (
    Found,
    far_ends,
    relationships,
    shapes,
    targets,
    written,
)
from klaviyo_sandbox.store import Store

MEMBER_COUNT = "(SELECT COUNT(*) FROM members WHERE group_id = {table}.id)"
ADDITIONAL = {
    ("profile", "subscriptions"): "subscriptions",
    ("profile", "predictive_analytics"): "predictive_analytics",
    ("flow", "definition"): "definition",
    ("metric-property", "sample_values"): "sample_values",
    ("list", "profile_count"): MEMBER_COUNT.format(table="lists"),
    ("segment", "profile_count"): MEMBER_COUNT.format(table="segments"),
}
"""SQL for the JSON text of an additional field; one that is not here is null."""

JOINED = (
    "joined_group_at",
    "strftime('\"%Y-%m-%dT%H:%M:%S+00:00\"', members.joined / 1000000, 'unixepoch')",
)
EMPTY = "x'7B7D'"
"""SQL for the bytes of {}."""

Columns = Sequence[Sequence[Any]]
"""The columns of some rows; none where there are no rows."""

MOST_KEPT = 50_000
"""Included documents of one look that are kept, of a kilobyte or two."""

RAW = msgspec.json.Decoder(dict[str, msgspec.Raw])
ENCODER = msgspec.json.Encoder()
EVENT_ATTRIBUTES = frozenset(("timestamp", "event_properties", "datetime", "uuid"))


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
    def bare(self) -> bool:
        """Whether no attribute is asked for: `id` is none."""
        return self.names == ("id",) and not self.constants

    @property
    def columns(self) -> str:
        """The SQL columns that the documents are made of."""
        content = EMPTY if self.bare else f"{self.kind.table}.attributes"
        own = [content, *(sql for _, sql in self.extras)]
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


def columns_of(rows: Iterable[tuple[Any, ...]]) -> Columns:
    """Rows turned round."""
    return tuple(zip(*rows, strict=True))


def data_of(store: Store, look: Wanted, columns: Columns) -> Found:
    """The relationship data of resources with columns as for `documents`."""
    if not columns:
        return {}
    own = iter(columns[2 + len(look.extras) :])
    return {
        row.name: next(own) if row.column else targets(store, row, columns[0])
        for row in look.relations
    }


def documents(look: Wanted, columns: Columns, found: Found) -> list[bytes]:
    """The JSON texts of resources, from their ids and the columns of `look`."""
    if not columns:
        return []
    kind = look.kind
    keys = [one.encode() for one in columns[0]]
    members = relationships(shapes(kind.type, look.base), keys, found)
    template = [
        f'{{"type":"{kind.type}","id":"<id>","attributes":'.encode(),
        contents(look, columns),
        *((b',"relationships":{', *members, b"}") if members else ()),
        f',"links":{{"self":"{look.base}/api/{kind.collection}/<id>/"}}}}'.encode(),
    ]
    return list(written(template, keys))


def identifiers(kind: str, ids: Iterable[str]) -> str:
    """Comma-separated resource identifiers."""
    return ",".join(f'{{"type":"{kind}","id":"{value}"}}' for value in ids)


def contents(look: Wanted, columns: Columns) -> Iterable[bytes]:
    """The attributes of each resource, with extras, and reduced to the names asked for."""
    texts: Iterable[bytes] = columns[1]
    if look.bare:
        return texts
    if look.extras or look.constants:
        texts = extended(look, columns)
    if look.names is None or EVENT_ATTRIBUTES.issubset(look.names):
        return texts
    names = (*look.names, *look.constants)
    if any("." in name for name in names):
        return [ENCODER.encode(picked(msgspec.json.decode(text), names)) for text in texts]
    wanted_names = frozenset(names)
    return [reduced(text, wanted_names) for text in texts]


def extended(look: Wanted, columns: Columns) -> Iterator[bytes]:
    """The attributes with what is beyond the stored ones: every piece of their text by columns."""
    heads = [text[:-1] + b"," if len(text) > len("{}") else text[:-1] for text in columns[1]]
    pieces: list[Iterable[bytes]] = [heads]
    for (name, _), values in zip(look.extras, columns[2:], strict=False):
        pieces += [repeat(f'"{name}":'.encode()), map(json_text, values), repeat(b",")]
    for name, value in look.constants.items():
        pieces += [repeat(f'"{name}":{value}'.encode()), repeat(b",")]
    return map(b"".join, zip(*pieces[:-1], repeat(b"}"), strict=False))


def json_text(value: str | int | None) -> bytes:
    """The JSON of an extra: SQL gives a number, or the text itself, empty where there is none."""
    return b"null" if value is None or value == "" else str(value).encode()


def reduced(text: bytes, names: frozenset[str]) -> bytes:
    """The attributes in `text` whose names are asked for."""
    return ENCODER.encode({key: value for key, value in RAW.decode(text).items() if key in names})


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


def included(store: Store, look: Wanted, query: Query, found: Found) -> list[bytes]:
    """The documents for `included`: each related resource once."""
    by_type: dict[str, set[str]] = {}
    for relation in look.relations:
        if relation.name in query.include and relation.target in KINDS:
            ids = by_type.setdefault(relation.target, set())
            ids |= far_ends(relation, found.get(relation.name, ()))
    made: list[bytes] = []
    for target, target_ids in by_type.items():
        kind = KINDS[target]
        # No operation leads from an attribution to its campaign: included, it must say it itself.
        data = tuple(row.name for row in kind.relations) if kind.only_included else ()
        made += finished(store, wanted(kind, look.base, query, data), target_ids)
    return made


def finished(store: Store, look: Wanted, ids: set[str]) -> list[bytes]:
    """The documents of resources by id; what an earlier page included is not made again."""
    texts = store.kept((look.kind.type, look.base, look.names, look.extras, look.data))
    in_order = sorted(ids)
    made = list(map(texts.get, in_order))
    if not all(made):
        if len(texts) > MOST_KEPT:
            texts.clear()
        missing = [one for one, text in zip(in_order, made, strict=True) if not text]
        rows = list(store.rows_with(look.kind, "id", missing, ("id", look.columns)))
        columns = columns_of(rows)
        new = documents(look, columns, data_of(store, look, columns))
        texts.update((row[0], text) for row, text in zip(rows, new, strict=True))
        made = [text or texts.get(one) for one, text in zip(in_order, made, strict=True)]
    return list(filter(None, made))
