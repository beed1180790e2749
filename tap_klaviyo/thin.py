"""The thin path from page to record: what is only passed on is never parsed.

Pages are decoded once, into structures made from the stream's schema; attributes stay the JSON
text that Klaviyo sent (`msgspec.Raw`) until they are written out. A page that does not fit (a
date that is none) takes the full path of `records.py`. Both say the same, which a property-based
test compares.
"""

from __future__ import annotations

import re
from codecs import utf_8_decode
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter, itemgetter
from typing import Any

import msgspec
from msgspec import UNSET, Raw

from klaviyo_client.wire import Answer, Page, read_page
from tap_klaviyo.page_structures import NO_RELATION, PageStructures, Relation, field
from tap_klaviyo.records import EXTRA, Completion, Included, RecordShape, Rows
from tap_klaviyo.times import TimeTree, are_wanted, normalise_times, rfc3339

# A text that begins like a date but is not in the one form: the object has to be looked into.
UNWANTED = re.compile(rb'" *\d{4}-\d\d-\d\d(?!T\d\d:\d\d:\d\d(?:\.\d{6})?\+00:00")')
# What a record's structures weigh beside the page's text: 820 bytes (events) to 1,400 (profiles).
RECORD_BYTES = 1_000
# Small: texts of 64 KB, made and thrown away by many threads, left 250 MB of holes (measured).
CHECKED_BYTES = 4_096


Column = Sequence[Any]
ONE_ID = attrgetter("data.id")


class UnusualError(Exception):
    """A page holds what only the full path can tell of."""


@dataclass(frozen=True, slots=True)
class ThinPage:
    """A page decoded no deeper than the names of its attributes.

    Attributes:
        resources: Structures, as `ThinPath` made them.
        included: The included resources, as far as completing records reads them.
        next: The address of the next page.
        answer: What it was decoded from.
        text_bytes: How long its text was.
        has_breaks: Whether there is a line break in it, which may be copied into a line.
    """

    resources: list[Any]
    included: Included
    next: str | None
    answer: Answer
    text_bytes: int
    has_breaks: bool

    @property
    def size(self) -> int:
        """Bytes that the page holds, about."""
        return self.text_bytes + RECORD_BYTES * len(self.resources)


class ThinPath:
    """Reads pages of one stream, and turns their resources into records that can be written."""

    def __init__(self, shape: RecordShape) -> None:
        """Make the structures of `shape`."""
        self._shape = shape
        self._complete = complete = shape.complete
        self._completed = complete.columns if complete else ()
        looks = complete.looks if complete else {}
        self._names = tuple(sorted(shape.attributes - set(self._completed) | set(looks)))
        included = complete.included.type if complete and complete.included else None
        texts, linked = self._texts(), tuple(shape.relations)
        self._structures = PageStructures(self._names, texts, linked, included)
        self._copied = [place for place, name in enumerate(self._names) if name not in texts]
        known = [*self._names, *shape.relations.values(), "id", EXTRA, *self._completed]
        self._places = {name: place for place, name in enumerate(known)}
        self._arranged = arranged([self._places[name] for name in shape.columns])
        self._reads = [self._places[name] for name in (complete.reads if complete else ())]
        self._looks = {name: self._names.index(name) for name in looks}
        self._times = [
            (place, shape.times[name])
            for place, name in enumerate(self._names)
            if name in shape.times
        ]
        self._record: Any = msgspec.defstruct(
            "Record",
            [(field(i), Any) for i, _ in enumerate(shape.columns)],
            rename={field(i): name for i, name in enumerate(shape.columns)},
            gc=False,
        )

    def _texts(self) -> Mapping[str, Any]:
        """The attributes that are date-times, and so text."""
        times = self._shape.times.items()
        return {name: str | None for name, below in times if below is None}

    def page(self, answer: Answer, operation_id: str) -> ThinPage | Page:
        """The page in an answer; a whole `Page` where it does not fit the structures.

        Raises:
            BrokenDocumentError: the body is not a whole JSON:API page.
            UnexpectedContentError: it is nested too deeply.
        """
        body = answer.body
        try:
            decoded = self._structures.decoded(body)
        except RecursionError:
            decoded = None
        if decoded is None:
            return read_page(answer, operation_id)
        following = decoded.links.next if decoded.links else None
        included = getattr(decoded, "included", None) or ()
        has_breaks = b"\n" in body or b"\r" in body
        return ThinPage(decoded.data, included, following, answer, len(body), has_breaks)

    def key_texts(self, page: ThinPage, key: str) -> list[str | None]:
        """What a page's resources say in one attribute."""
        name = field(self._names.index(key))
        return [getattr(one.attributes, name, None) for one in page.resources]

    def records(self, page: ThinPage, columns: Mapping[str, str | None]) -> list[Any]:
        """The records of a page, in its order, as structures of the selected columns.

        Args:
            page: The page.
            columns: What every record gets beside its own.

        Raises:
            UnusualError: the page has to take the full path.
        """
        complete, count = self._complete, len(page.resources)
        if not count:
            return []
        table = self._table(page.resources)
        for place, below in self._times:
            table[place] = to_one_form(table[place], below)
        if complete:
            self._fill(complete, table, page.included)
        for name, value in columns.items():
            table[self._places[name]] = [value] * count
        return list(map(self._record, *self._arranged(table)))

    def _table(self, resources: Sequence[Any]) -> list[Column]:
        """Everything that resources say by themselves: the columns, in the order of `_places`.

        Raises:
            UnusualError: what would be copied is no UTF-8, or see `_extra`.
        """
        known, linkable = len(self._names), len(self._shape.relations)
        given = fields_of([one.attributes for one in resources], None, known)
        if not are_utf8([given[place] for place in self._copied] + given[known:]):
            raise UnusualError
        linked = fields_of([one.relations for one in resources], NO_RELATION, linkable)
        ids = [one.id for one in resources]
        extra = self._extra(given[known:], linked[linkable:], len(resources))
        relations = [ids_of(column) for column in linked[:linkable]]
        return [*given[:known], *relations, ids, extra]

    def _extra(
        self, given: Sequence[Column], linked: Sequence[Sequence[Relation]], count: int
    ) -> Column:
        """The attributes and relations that no column is about; None in most rows.

        Raises:
            UnusualError: one is called like a column of times that comes from elsewhere: what is
                no time is kept beside it.
        """
        if not given and not linked:
            return [None] * count
        extra: list[dict[str, Any]] = [{} for _ in range(count)]
        for name, column in zip(self._structures.unknown, given, strict=False):
            if name in self._completed:
                if name in self._shape.times:
                    raise UnusualError
                continue
            for held, value in zip(extra, column, strict=True):
                if value is not UNSET:
                    held[name] = value
        for name, relations in zip(self._structures.unknown_relations, linked, strict=False):
            for held, relation in zip(extra, relations, strict=True):
                if relation.data is not UNSET:
                    held[name] = related_ids(relation)
        return [held or None for held in extra]

    def _fill(self, complete: Completion, table: list[Column], included: Included) -> None:
        """Add the columns that come from elsewhere."""
        given = {name: table[place] for name, place in self._looks.items()}
        read = [table[place] for place in self._reads]
        rows = Rows(read, given, complete.looks, included)
        try:
            table += complete.values(rows)
        except msgspec.MsgspecError:
            raise UnusualError from None


def fields_of(structures: Sequence[Any], missing: Any, least: int) -> list[Column]:
    """The fields of structures of one kind, each as a column.

    Where there is no structure, each of its fields is as by default; where there is none at all,
    there are `least` columns of what is `missing`.
    """
    kind = next((type(one) for one in structures if one is not None), None)
    if kind is None:
        return [[missing] * len(structures) for _ in range(least)]
    blank = kind()
    rows = [one or blank for one in structures]
    return [list(map(attrgetter(name), rows)) for name in kind.__struct_fields__]


def are_utf8(columns: Iterable[Column]) -> bool:
    """Whether the JSON texts in columns are UTF-8: whoever only passes over one does not look."""
    for column in columns:
        try:
            text = b"".join(column)
        except TypeError:  # some rows have none
            text = b"".join([one for one in column if isinstance(one, Raw)])
        if not (text.isascii() or is_utf8(text)):
            return False
    return True


def is_utf8(block: bytes) -> bool:
    """Whether a block is UTF-8; in parts, since one text of all of it costs more."""
    view, place = memoryview(block), 0
    try:
        while place < len(block):
            last = place + CHECKED_BYTES >= len(block)
            _, used = utf_8_decode(view[place : place + CHECKED_BYTES], "strict", last)
            place += used
    except UnicodeDecodeError:
        return False
    return True


def arranged(places: list[int]) -> Callable[[list[Column]], Sequence[Column]]:
    """Takes the columns at these places, in this order."""
    if len(places) <= 1:  # an itemgetter of one place would give the value itself
        first = places[0] if places else 0
        return itemgetter(slice(first, first + len(places)))
    return itemgetter(*places)


def to_one_form(values: Column, below: TimeTree | None) -> Column:
    """A column of date-times in the one form.

    Raises:
        UnusualError: one is no date-time.
    """
    if below is None and are_wanted(values):
        return values
    return [value if value is None else one_form(value, below) for value in values]


def one_form(value: Any, below: TimeTree | None) -> Any:
    """A date-time, or an object with the date-times in it, in the one form.

    Raises:
        UnusualError: it is no date-time.
    """
    if below is None:
        try:
            return rfc3339(value)
        except ValueError:
            raise UnusualError from None
    if not UNWANTED.search(bytes(value)):
        return value
    try:
        tree = msgspec.json.decode(value)
    except msgspec.MsgspecError:
        raise UnusualError from None
    normalise_times(tree, below)
    return tree


def ids_of(relations: Sequence[Relation]) -> list[str | list[str] | None]:
    """The ids in a column of relations; most hold one in each row, or seldom any."""
    try:
        return list(map(ONE_ID, relations))
    except AttributeError:
        return [[] if one.data == [] else related_ids(one) for one in relations]


def related_ids(relation: Relation) -> str | list[str] | None:
    """The id or ids in a relation's `data`; None where it was not included."""
    data = relation.data
    if data is UNSET or data is None:
        return None
    return [one.id for one in data] if isinstance(data, list) else data.id
