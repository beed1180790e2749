"""The relationships of resources: the ids at their far end, and the text that shows them.

Pages hold a thousand resources: what is done for each of them is done by map, zip and join.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby, repeat

from klaviyo_sandbox.kind import Relation
from klaviyo_sandbox.kinds import KINDS
from klaviyo_sandbox.store import Store, marks

ID = b"<id>"
SEPARATOR = "\x1f"
FEW = 300
Found = Mapping[str, Sequence[str]]
"""By relationship, for each row the ids at the far end: SEPARATOR between them, '' for none."""

Part = bytes | Iterable[bytes]
"""Of a template: text for every row, in which `<id>` is the row's id, or a text for each row."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The texts around a relationship's data."""

    name: str
    many: bool
    head: bytes
    target: bytes
    links: bytes


@cache
def shapes(kind: str, base: str) -> tuple[Shape, ...]:
    """The shape of each relationship of a kind."""
    root = f"{base}/api/{KINDS[kind].collection}/<id>"
    return tuple(
        Shape(
            row.name,
            row.many,
            f'"{row.name}":{{'.encode(),
            f'{{"type":"{row.target}","id":"'.encode(),
            f'"links":{{"self":"{root}/relationships/{row.name}/",'
            f'"related":"{root}/{row.name}/"}}}}'.encode(),
        )
        for row in KINDS[kind].relations
    )


def written(template: Iterable[Part], keys: Sequence[bytes]) -> Iterator[bytes]:
    """The texts that a template makes for the ids `keys`."""
    columns: list[Iterable[bytes]] = []
    for is_text, parts in groupby(template, lambda part: isinstance(part, bytes)):
        if is_text:
            pieces = b"".join(parts).split(ID)  # type: ignore[arg-type]
            columns.append(map(bytes.join, keys, repeat(pieces)))
        else:
            columns += parts  # type: ignore[arg-type]
    return map(b"".join, zip(*columns, strict=True))


def relationships(rows: Sequence[Shape], keys: Sequence[bytes], found: Found) -> list[Part]:
    """The template of the members of `relationships`, with the data that is `found`."""
    members = [member(row, found.get(row.name)) for row in rows]
    gaps = [not row.many and "" in found.get(row.name, ()) for row in rows]
    if not any(gaps):
        return [part for parts in members for part in (b",", *parts)][1:]
    # Klaviyo leaves out a to-one relationship that leads nowhere.
    texts = [
        present(written(parts, keys), found[row.name]) if gap else written(parts, keys)
        for row, parts, gap in zip(rows, members, gaps, strict=True)
    ]
    return [[b",".join(filter(None, of_row)) for of_row in zip(*texts, strict=True)]]


def member(row: Shape, data: Sequence[str] | None) -> list[Part]:
    """The template of a relationship, with `data` where it is given."""
    if data is None:
        return [row.head, row.links]
    if row.many:
        texts = [identifiers(row, ids) if ids else b"" for ids in data]
        return [row.head, b'"data":[', texts, b"],", row.links]
    return [row.head, b'"data":', row.target, map(str.encode, data), b'"},', row.links]


def identifiers(row: Shape, ids: str) -> bytes:
    """The resource identifiers in a to-many relationship, in order."""
    return b",".join([b'%b%b"}' % (row.target, one.encode()) for one in in_order(ids)])


def present(texts: Iterable[bytes], data: Iterable[str]) -> list[bytes]:
    """The texts of a relationship, empty where it leads nowhere."""
    return [text if target else b"" for text, target in zip(texts, data, strict=True)]


def targets(store: Store, relation: Relation, ids: Sequence[str]) -> list[str]:
    """The ids at the far end of a relationship that has no column, as in `Found`.

    A big page looks into all that there is of the relationship, kept until something changes.
    """
    statement = f"SELECT source, group_concat(target, char(31)) FROM ({relation.pairs})"  # noqa: S608
    if len(ids) > FEW:
        everything = store.kept(relation.pairs)
        if not everything:
            everything.update(store.all(f"{statement} GROUP BY source"))
        return list(map(everything.get, ids, repeat("")))
    where = f"{statement} WHERE source IN ({marks(ids)}) GROUP BY source"
    found: dict[str, str] = dict(store.all(where, ids))
    return [found.get(one, "") for one in ids]


def in_order(ids: str) -> list[str]:
    """The ids in a text of `Found`."""
    return sorted(ids.split(SEPARATOR)) if ids else []


def far_ends(relation: Relation, data: Iterable[str]) -> set[str]:
    """Every id that a relationship leads to."""
    ids = set(data)
    if relation.many:
        ids = set(SEPARATOR.join(ids).split(SEPARATOR))
    return ids - {""}
