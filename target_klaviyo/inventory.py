"""Things of the account, looked up anew each time: rows of the same run may have changed them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

import msgspec

from klaviyo_client.client import KlaviyoClient
from klaviyo_client.errors import NotFoundError
from klaviyo_client.filters import condition
from klaviyo_client.query import Query

# Identifiers in one filter: a page holds as many things.
AT_ONCE = 100
# 8,000 bytes of address are what servers commonly take; a filter is only a part of one.
FILTER_BYTES = 6_000
# Klaviyo names no limit for codes; one that is longer is none that somebody types.
LONGEST_CODE = 1_000
# Codes that every server takes as part of an address.
PLAIN_CODE = re.compile(r"[0-9A-Za-z_.-]+")


class AccountInventory:
    """Finds catalogue, coupons, tags and what bears them.

    Each method raises KlaviyoError where Klaviyo could not be asked.
    """

    def __init__(self, client: KlaviyoClient, asked: Callable[[], None]) -> None:
        """Ask through `client`; `asked` is called for each request."""
        self._client = client
        self._asked = asked

    def known_ids(self, operation: str, kind: str, ids: Sequence[str] | None) -> frozenset[str]:
        """Which of these ids are there; with None, all that are there."""
        parts = in_batches(ids or ())
        conditions = [None] if ids is None else [condition("any", "ids", part) for part in parts]
        fields = {kind: ("external_id",)}
        queries = [Query(filter=one, fields=fields, page_size=100) for one in conditions]
        return frozenset(one["id"] for query in queries for one in self._all(operation, query))

    def coupon_codes(self, coupon: str, codes: Iterable[str]) -> frozenset[str]:
        """Which of these unique codes a coupon has; none where there is no such coupon.

        Klaviyo filters codes by nothing that names them. So all of a coupon are read, and where
        that has taken as many requests as there are codes left, those are asked for one by one.
        """
        wanted, found = {one for one in codes if len(one) <= LONGEST_CODE}, set[str]()
        of_coupon = condition("any", "coupon.id", [coupon])
        query = Query(filter=of_coupon, fields={"coupon-code": ("unique_code",)}, page_size=100)
        for number, page in enumerate(self._client.pages("get_coupon_codes", query), start=1):
            self._asked()
            there = {one["attributes"]["unique_code"] for one in msgspec.json.decode(page.data)}
            found |= wanted & there
            left = sorted(wanted - found)
            if len(left) <= number and all(map(PLAIN_CODE.fullmatch, left)):
                return frozenset(found.union(one for one in left if self._has_code(coupon, one)))
        return frozenset(found)

    def _has_code(self, coupon: str, code: str) -> bool:
        """Whether a coupon has this code."""
        self._asked()
        try:
            path = {"id": known_as(coupon, code)}
            self._client.get("get_coupon_code", Query(), path=path)
        except NotFoundError:
            return False
        return True

    def tag_ids(self) -> Mapping[str, str]:
        """The id of each tag, by its name."""
        query = Query(fields={"tag": ("name",)})
        return {one["attributes"]["name"]: one["id"] for one in self._all("get_tags", query)}

    def data_sources(self) -> Mapping[str, str]:
        """The title of each data source, by its id."""
        found = self._all("get_data_sources", Query(page_size=100))
        return {one["id"]: one["attributes"]["title"] for one in found}

    def related(self, operation: str, owner: str) -> frozenset[str] | None:
        """The ids on the other side of a relationship; None where its owner is not there."""
        try:
            return frozenset(one["id"] for one in self._all(operation, Query(), {"id": owner}))
        except NotFoundError:
            return None

    def _all(
        self, operation: str, query: Query, path: Mapping[str, str] | None = None
    ) -> Iterator[Mapping[str, Any]]:
        """Every resource of a collection."""
        self._asked()
        for number, page in enumerate(self._client.pages(operation, query, path=path or {})):
            if number:
                self._asked()
            yield from msgspec.json.decode(page.data)


def known_as(coupon: str, code: str) -> str:
    """The id of a coupon code, as Klaviyo makes it."""
    return f"{coupon}-{code}"


def in_batches(values: Iterable[str], size: int = AT_ONCE) -> list[list[str]]:
    """As many as one filter takes, by their number and by the bytes of the address."""
    batches: list[list[str]] = []
    left = 0
    for value in values:
        taken = len(quote(value, safe="")) + len(quote('"",'))
        if not batches or len(batches[-1]) == size or taken > left:
            batches.append([])
            left = FILTER_BYTES
        batches[-1].append(value)
        left -= taken
    return batches
