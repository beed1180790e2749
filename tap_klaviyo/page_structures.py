"""Structures that a stream's pages are decoded into, no deeper than the names of attributes.

Klaviyo sends attributes that it does not describe, and links to what no column is about. Those
that are met are learned, so that the pages that follow are read as fast as any other.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import UNSET, Raw

from klaviyo_client.wire import Links

# No structure can have a member with such signs in its name.
UNNAMEABLE = re.compile(r'["\\\x00-\x1f]')
# More are no attributes but data: whoever sends them may have ever new ones.
MOST_UNKNOWN = 50


class Related(msgspec.Struct, gc=False):
    """What a relationship points to."""

    id: str


class Relation(msgspec.Struct, gc=False, frozen=True):
    """A relationship; `data` is unset where the relation was not included."""

    data: Related | list[Related] | msgspec.UnsetType | None = UNSET


NO_RELATION = Relation()


class NamesOnly(msgspec.Struct):
    """What of a resource shows its attributes and relations."""

    attributes: dict[str, Raw] | None = None
    relationships: dict[str, Raw] | None = None


class NamedResources(msgspec.Struct):
    """What of a page shows its resources' attributes and relations."""

    data: list[NamesOnly]


NAMES = msgspec.json.Decoder(NamedResources)


class PageStructures:
    """Decodes pages of one stream.

    Attributes:
        unknown: Attributes that were met and that the schema does not know. In the structure of
            attributes they stand behind all others, in this order; unset where one is missing.
        unknown_relations: The same of relations.
    """

    def __init__(
        self,
        names: Sequence[str],
        kinds: Mapping[str, Any],
        relations: Sequence[str],
        included: Any = None,
    ) -> None:
        """Know attributes of these `names`; `kinds` has the types of those that are no JSON text.

        A value that is JSON text stays what Klaviyo sent. `included` is the type of the list of
        included resources, where anybody looks at them.
        """
        self.unknown: tuple[str, ...] = ()
        self.unknown_relations: tuple[str, ...] = ()
        self._names = tuple(names)
        self._kinds = kinds
        self._relations = tuple(relations)
        self._included = included
        self._lock = threading.Lock()
        self._decoder = self._made()

    def decoded(self, body: bytes) -> Any:
        """A page as structures; None where it does not fit them.

        Raises:
            RecursionError: it is nested too deeply.
        """
        decoder = self._decoder
        try:
            return decoder.decode(body)
        except msgspec.MsgspecError:
            self._learn(body)
        if self._decoder is decoder:
            return None
        try:
            return self._decoder.decode(body)
        except msgspec.MsgspecError:
            return None

    def _learn(self, body: bytes) -> None:
        """Know the attributes and relations that a page has shown, from now on."""
        try:
            resources = NAMES.decode(body).data
        except msgspec.MsgspecError:
            return
        names = [name for one in resources for name in one.attributes or ()]
        relations = [name for one in resources for name in one.relationships or ()]
        if any(map(UNNAMEABLE.search, (*names, *relations))):
            return
        with self._lock:
            before = (self.unknown, self.unknown_relations)
            now = (
                with_new(self._names, self.unknown, names),
                with_new(self._relations, self.unknown_relations, relations),
            )
            # Another thread may have learned them meanwhile.
            if now != before and max(map(len, now)) <= MOST_UNKNOWN:
                # First, so that whoever decodes with the new structures finds the names.
                self.unknown, self.unknown_relations = now
                self._decoder = self._made()

    def _made(self) -> msgspec.json.Decoder[Any]:
        """The decoder of pages whose resources have what is known by now."""
        attributes = structure(
            "Attributes",
            [(name, self._kinds.get(name, Raw), None) for name in self._names]
            + [(name, Raw, UNSET) for name in self.unknown],
        )
        relations = structure(
            "Relations",
            [(name, Relation, NO_RELATION) for name in (*self._relations, *self.unknown_relations)],
        )
        resource = msgspec.defstruct(
            "Resource",
            [
                ("id", str),
                ("attributes", attributes | None, None),
                ("relations", relations | None, None),
            ],
            rename={"relations": "relationships"},
            gc=False,
        )
        looked_at = [("included", self._included, None)] if self._included else []
        page = msgspec.defstruct(
            "DecodedPage",
            [
                ("data", list[resource]),  # type: ignore[valid-type]
                ("links", Links | None, None),
                *looked_at,
            ],
        )
        return msgspec.json.Decoder(page)


def structure(name: str, members: Sequence[tuple[str, Any, Any]]) -> Any:
    """A structure of members with their types and defaults, and of no others."""
    return msgspec.defstruct(
        name,
        [(field(i), kind, default) for i, (_, kind, default) in enumerate(members)],
        rename={field(i): member for i, (member, _, _) in enumerate(members)},
        forbid_unknown_fields=True,
        gc=False,
    )


def with_new(known: Sequence[str], unknown: tuple[str, ...], met: Sequence[str]) -> tuple[str, ...]:
    """What is unknown, and behind it what has been met now and is neither."""
    return (*unknown, *(name for name in dict.fromkeys(met) if name not in {*known, *unknown}))


def field(number: int) -> str:
    """The name of a structure's field; columns may have names that Python does not allow."""
    return f"f{number}"
