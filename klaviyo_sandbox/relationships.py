"""The relationships of resources: the ids at their far end, and the text that shows them.

Pages hold a thousand resources: what is done for each of them is done by map, zip and join.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby, repeat
from typing import Any

from klaviyo_sandbox.kind import Relation
from klaviyo_sandbox.kinds import KINDS
from klaviyo_sandbox.store import MOST_VALUES, Store, marks

ID = b"<id>"
Ones = Sequence[str]
"""The id at the far end of a to-one relationship for each row, '' where it leads nowhere."""

Targets = Mapping[str, list[str]]
"""Ids at the far end of a to-many relationship, by the id on this side."""

Found = Mapping[str, Ones | Targets]
"""The relationship data of some rows, by relationship."""

Part = bytes | Iterable[bytes]
"""Of a template: text for every row, in which `<id>` is the row's id, or a text for each row."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The texts around a relationship's data."""

    name: str
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


def relationships(
    rows: Sequence[Shape], ids: Sequence[str], keys: Sequence[bytes], found: Found
) -> list[Part]:
    """The template of the members of `relationships`; `keys` are the ids as they are written."""
    members = [member(row, ids, found.get(row.name)) for row in rows]
    if not any(leads_nowhere(data) for data in found.values()):
        return [part for parts in members for part in (b",", *parts)][1:]
    # Klaviyo leaves out a to-one relationship that leads nowhere.
    texts = [
        present(written(parts, keys), found.get(row.name))
        for row, parts in zip(rows, members, strict=True)
    ]
    return [[b",".join(filter(None, of_row)) for of_row in zip(*texts, strict=True)]]


def member(row: Shape, ids: Sequence[str], data: Ones | Targets | None) -> list[Part]:
    """The template of a relationship, with `data` where it is given."""
    if data is None:
        return [row.head, row.links]
    if isinstance(data, Mapping):
        texts = [many_targets(row, data[one]) if one in data else b"" for one in ids]
        return [row.head, b'"data":[', texts, b"],", row.links]
    return [row.head, b'"data":', row.target, map(str.encode, data), b'"},', row.links]


def many_targets(row: Shape, ids: Iterable[str]) -> bytes:
    """The resource identifiers in a to-many relationship."""
    return b",".join([b'%b%b"}' % (row.target, one.encode()) for one in ids])


def leads_nowhere(data: Ones | Targets) -> bool:
    """Whether a to-one relationship is missing in a row."""
    return not isinstance(data, Mapping) and "" in data


def present(texts: Iterator[bytes], data: Ones | Targets | None) -> Iterable[bytes]:
    """The texts of a relationship, empty where it leads nowhere."""
    if data is None or isinstance(data, Mapping):
        return texts
    return [text if target else b"" for text, target in zip(texts, data, strict=True)]


def relationship_data(
    store: Store, relations: Iterable[Relation], rows: Sequence[tuple[Any, ...]], place: int
) -> Found:
    """The data of `relations` for rows that begin with their id.

    From `place` on a row holds what relations with a column of their own say: that is not looked
    up again.
    """
    found: dict[str, Ones | Targets] = {}
    for relation in relations:
        if relation.column:
            found[relation.name] = [row[place] for row in rows]
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


def far_ends(data: Ones | Targets) -> set[str]:
    """Every id that a relationship leads to."""
    return {*()}.union(*data.values()) if isinstance(data, Mapping) else {*data} - {""}
