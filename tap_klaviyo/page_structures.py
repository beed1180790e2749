"""Structures that a stream's pages are decoded into, no deeper than the names of attributes.

Klaviyo sends attributes that it does not describe. Those that are met are learned, so that the
pages that follow are read as fast as any other.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import UNSET, Raw

from klaviyo_client.wire import NOTHING, Links

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
    """What of a resource shows its attributes."""

    attributes: dict[str, Raw] | None = None


class NamedResources(msgspec.Struct):
    """What of a page shows its resources' attributes."""

    data: list[NamesOnly]


NAMES = msgspec.json.Decoder(NamedResources)


class PageStructures:
    """Decodes pages of one stream.

    Attributes:
        unknown: Attributes that were met and that the schema does not know. In the structure of
            attributes they stand behind all others, in this order; unset where one is missing.
    """

    def __init__(
        self, names: Sequence[str], kinds: Mapping[str, Any], relations: Sequence[str]
    ) -> None:
        """Know attributes of these `names`; `kinds` has the types of those that are no JSON text.

        A value that is JSON text stays what Klaviyo sent.
        """
        self.unknown: tuple[str, ...] = ()
        self._names = tuple(names)
        self._kinds = kinds
        self._relations = msgspec.defstruct(
            "Relations",
            [(field(i), Relation, NO_RELATION) for i, _ in enumerate(relations)],
            rename={field(i): name for i, name in enumerate(relations)},
            forbid_unknown_fields=True,
            gc=False,
        )
        self._lock = threading.Lock()
        self._decoder = self._made(self.unknown)

    def decoded(self, body: bytes) -> Any:
        """A page as structures; None where it does not fit them.

        Raises:
            RecursionError: it is nested too deeply.
        """
        decoder = self._decoder
        try:
            return decoder.decode(body)
        except msgspec.MsgspecError:
            if not self._learned(body):
                return None
        try:
            return self._decoder.decode(body)
        except msgspec.MsgspecError:
            return None

    def _learned(self, body: bytes) -> bool:
        """Whether a page has shown attributes that were unknown, and may be tried again."""
        try:
            resources = NAMES.decode(body).data
        except msgspec.MsgspecError:
            return False
        met = dict.fromkeys(name for one in resources for name in one.attributes or ())
        with self._lock:
            known = {*self._names, *self.unknown}
            unknown = (*self.unknown, *(name for name in met if name not in known))
            # Another thread may have learned them meanwhile.
            if len(unknown) > MOST_UNKNOWN or not set(met) - set(self._names):
                return False
            # First, so that whoever decodes with the new structures finds the names.
            self.unknown = unknown
            self._decoder = self._made(unknown)
        return True

    def _made(self, unknown: Sequence[str]) -> msgspec.json.Decoder[Any]:
        """The decoder of pages whose resources have these attributes too."""
        names = (*self._names, *unknown)
        known = [(field(i), self._kinds.get(name, Raw), None) for i, name in enumerate(self._names)]
        extra = [(field(i), Raw, UNSET) for i in range(len(known), len(names))]
        attributes = msgspec.defstruct(
            "Attributes",
            [*known, *extra],
            rename={field(i): name for i, name in enumerate(names)},
            forbid_unknown_fields=True,
            gc=False,
        )
        relations = self._relations | None
        resource = msgspec.defstruct(
            "Resource",
            [("id", str), ("attributes", attributes | None, None), ("relations", relations, None)],
            rename={"relations": "relationships"},
            gc=False,
        )
        page = msgspec.defstruct(
            "DecodedPage",
            [
                ("data", list[resource]),  # type: ignore[valid-type]
                ("included", Raw, NOTHING),
                ("links", Links | None, None),
            ],
        )
        return msgspec.json.Decoder(page)


def field(number: int) -> str:
    """The name of a structure's field; columns may have names that Python does not allow."""
    return f"f{number}"
