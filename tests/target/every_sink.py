"""A case for every sink and mode: good, repeated, bad and oversize rows, and what they leave."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from klaviyo_sandbox.sandbox import Sandbox
from tests.target.running import held, load, profiles, records, schema

Row = Mapping[str, Any]
HUGE = "x" * 5_000_001
ANN, BOB, CY = ({"email": f"{name}@shop.example.org"} for name in ("ann", "bob", "cy"))
NEW, BAD = {"email": "new@shop.example.org"}, {"email": "no address"}
LONG = {"email": "x" * 101 + "@shop.example.org"}
OWN = "$custom:::$default:::"
ANY: dict[str, Any] = {}
THING = {"description": "d", "url": "https://s.dev/t"}
SIZE = {**THING, "sku": "s", "inventory_quantity": 1, "price": 2, "item_id": "t-old"}


def told(stream: str, rows: list[Row]) -> list[Any]:
    """Messages of a stream whose columns may hold anything."""
    columns: Any = dict.fromkeys((name for row in rows for name in row), ANY)
    return [schema(stream, **columns), *records(stream, rows)]


@dataclass(frozen=True)
class Case:
    """How a stream in a mode is tried.

    `ends` has a letter for each row: accepted, skipped, rejected. `write` is the operation whose
    answer gets lost in one of the tests, and `unknown` whether its rows are then in doubt.
    `effect` reads back what the rows were about, which is then as in `left`.
    """

    sink: str
    mode: str | None
    write: str
    rows: list[Row]
    ends: str
    effect: Callable[[Sandbox], Any]
    left: Any
    unknown: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)
    code: int = 0

    @property
    def name(self) -> str:
        """What the case is called in a test's report."""
        return "-".join([self.sink, *filter(None, (self.mode, *self.options))])

    def messages(self) -> list[Any]:
        """The stream."""
        return told(self.sink, self.rows)

    def settings(self) -> dict[str, Any]:
        """The mapping of the stream."""
        mode = {"mode": self.mode} if self.mode else {}
        return {"streams": {self.sink: {"sink": self.sink, **mode, **self.options}}}


def account(sandbox: Sandbox) -> None:
    """Three people, one of them on a list, one suppressed; a data source; a tag on a list."""
    streams: dict[str, list[Row]] = {
        "profiles": [{**one, "title": "Old"} for one in (ANN, BOB, CY)],
        "list_profiles": [{"list_name": "VIP", **CY}],
        "suppressions": [CY],
        "tags": [{"name": "kept"}, {"name": "t-tag"}],
        "tag_links": [{"tag_name": "kept", "list_name": "VIP"}],
        "catalog_categories": [{"external_id": "t-old", "name": "Old"}],
        "catalog_items": [{**THING, "external_id": "t-old", "title": "Old"}],
        "catalog_variants": [{**SIZE, "external_id": "t-old", "title": "Old"}],
        "coupons": [{"external_id": "T_OLD", "description": "Old"}],
        "coupon_codes": [{"coupon_id": "T_OLD", "unique_code": "there"}],
        "catalog_category_items": [{"category_id": "category-1", "item_id": "item-1"}],
    }
    source = {"data": {"type": "data-source", "attributes": {"title": "pet"}}}
    streams["requests"] = [{"method": "POST", "path": "/api/data-sources", "body": source}]
    messages = [message for stream, rows in streams.items() for message in told(stream, rows)]
    assert load(sandbox, messages).error is None
    sandbox.requests.clear()


def titles(sandbox: Sandbox) -> dict[str, Any]:
    """Title by the part of the address before the @."""
    return {email.split("@")[0]: one["title"] for email, one in profiles(sandbox).items()}


def event_ids(sandbox: Sandbox) -> list[str]:
    return sorted(one["event_properties"]["$event_id"] for one in held(sandbox, "get_events"))


def list_id(sandbox: Sandbox, name: str) -> str | None:
    found = [one["id"] for one in held(sandbox, "get_lists") if one["name"] == name]
    assert len(found) <= 1
    return found[0] if found else None


def members(sandbox: Sandbox) -> set[str]:
    found = held(sandbox, "get_profiles_for_list", id=str(list_id(sandbox, "VIP")))
    return {one["email"].split("@")[0] for one in found}


def consents(sandbox: Sandbox) -> dict[str, str]:
    """Who consented to e-mail, or took that back."""
    return {
        one["attributes"]["email"].split("@")[0]: said["consent"]
        for one in sandbox.account.resources("profile")
        if (said := one["attributes"]["subscriptions"]["email"]["marketing"])["consent"]
        != "NEVER_SUBSCRIBED"
    }


def suppressed(sandbox: Sandbox) -> set[str]:
    return {
        one["attributes"]["email"].split("@")[0]
        for one in sandbox.account.resources("profile")
        if one["attributes"]["subscriptions"]["email"]["marketing"]["suppression"]
    }


def tokens(sandbox: Sandbox) -> dict[str, str]:
    found = held(sandbox, "get_push_tokens")
    return {one["token"]: one["enablement_status"] for one in found if one["token"][:2] == "t-"}


def wishes(sandbox: Sandbox) -> int:
    """How many have asked to be told of a variant."""
    found = sandbox.account.resources("event")
    return sum("Channels" in one["attributes"]["event_properties"] for one in found)


def links_of(sandbox: Sandbox) -> set[str]:
    """The new and the old thing, where they are in their category."""
    found = held(sandbox, "get_items_for_catalog_category", id=f"{OWN}category-1")
    return {one["external_id"] for one in found} & {"item-1", "t-old"}


def tagged(sandbox: Sandbox) -> set[str]:
    found = held(sandbox, "get_tags_for_list", id=str(list_id(sandbox, "VIP")))
    return {one["name"] for one in found}


def pets(sandbox: Sandbox) -> dict[str, Any]:
    (pet,) = [one["id"] for one in held(sandbox, "get_object_types") if one["title"] == "pet"]
    found = held(sandbox, "get_records_for_object_type", id=pet)
    known = {one["id"]: one["record_properties"]["name"] for one in found}
    return {name: known.get(f"pet:::{name}") for name in ("1", "9001")}


def reviewed(sandbox: Sandbox) -> list[str]:
    found = {one["id"]: one["status"]["value"] for one in held(sandbox, "get_reviews")}
    return [found["900"], found["901"]]


def named(operation: str, said: str, **path: str) -> Callable[[Sandbox], Any]:
    """What those things of a collection say whose id begins with `t-` or `T_`."""

    def read(sandbox: Sandbox) -> dict[str, Any]:
        found = {one["id"].removeprefix(OWN): one[said] for one in held(sandbox, operation, **path)}
        return {name: value for name, value in found.items() if name[:2] in ("t-", "T_")}

    return read


def tags(sandbox: Sandbox) -> set[str]:
    return {one["name"] for one in held(sandbox, "get_tags")} & {"t-new", "kept"}
