"""Cases of the sinks of things (see `every_sink`)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.target.every_sink import (
    HUGE,
    SIZE,
    THING,
    Case,
    links_of,
    named,
    pets,
    reviewed,
    tagged,
    tags,
)

SHELVES: dict[str, tuple[str, dict[str, Any]]] = {
    "categories": ("name", {}),
    "items": ("title", THING),
    "variants": ("title", SIZE),
}
OLD = {"t-old": "Old"}
UPSERTED = {"t-old": "Changed", "t-new": "Last"}
# By mode: the operation, how the rows end, what is left, the exit code.
MODES: dict[str, tuple[str, str, dict[str, str], int]] = {
    "upsert": ("update", "saarrr", UPSERTED, 0),
    "create": ("create", "srarrr", {**OLD, "t-new": "Last"}, 0),
    "update": ("update", "rarrrr", {"t-old": "Changed"}, 0),
    # Refused rows might be of things that are there: nothing is deleted.
    "mirror": ("update", "saarrr", UPSERTED, 1),
}


def shelf_cases(plural: str) -> Iterator[Case]:
    """The catalogue's modes for one kind of thing."""
    said, others = SHELVES[plural]
    sink, effect = f"catalog_{plural}", named(f"get_catalog_{plural}", said)
    rows: list[Any] = [
        {**others, "external_id": "t-new", said: "First"},
        {**others, "external_id": "t-old", said: "Changed"},
        {**others, "external_id": "t-new", said: "Last"},
        {**others, "external_id": "", said: "Nameless"},
        {**others, "external_id": "t-large", said: HUGE},
        {"external_id": "t-none"},
    ]
    for mode, (action, ends, left, code) in MODES.items():
        unknown = action == "create"
        write = f"bulk_{action}_{sink}"
        yield Case(sink, mode, write, rows, ends, effect, left, unknown=unknown, code=code)
    gone: list[Any] = [{"external_id": one} for one in ("t-old", "t-old", "t-none", "", HUGE)]
    yield Case(sink, "delete", f"bulk_delete_{sink}", gone, "sasrr", effect, {})


LINK = {"category_id": "category-1", "item_id": "t-old"}
LINKED = {"category_id": "category-1", "item_id": "item-1"}
NOWHERE = {"category_id": "nowhere", "item_id": "item-1"}
LARGE_LINK = {"category_id": "category-1", "item_id": "x" * 10_001}
TAG = {"tag_name": "t-tag", "list_name": "VIP"}
KEPT = {"tag_name": "kept", "list_name": "VIP"}
CODE = {"coupon_id": "T_OLD"}
PET = {"data_source": "pet", "name": "Rex"}
RECORD = {"object_record_id": "pet:::1"}


def tag_request(name: str) -> dict[str, Any]:
    body = {"data": {"type": "tag", "attributes": {"name": name}}}
    return {"method": "POST", "path": "/api/tags", "body": body}


SHOPS = [
    *(case for plural in SHELVES for case in shelf_cases(plural)),
    Case(
        "catalog_category_items",
        "add",
        "add_items_to_catalog_category",
        [LINK, LINKED, LINK, NOWHERE, LARGE_LINK],
        "assrr",
        links_of,
        {"item-1", "t-old"},
        unknown=True,
    ),
    Case(
        "catalog_category_items",
        "remove",
        "remove_items_from_catalog_category",
        [LINKED, LINK, LINKED, NOWHERE],
        "assr",
        links_of,
        set(),
        unknown=True,
    ),
    Case(
        "coupons",
        None,
        "create_coupon",
        [
            {"external_id": "T_NEW", "description": "First"},
            {"external_id": "T_OLD", "description": "Changed"},
            {"external_id": "T_NEW", "description": "Last"},
            {"external_id": "T OLD"},
            {"external_id": "T_LARGE", "description": HUGE},
        ],
        "saarr",
        named("get_coupons", "description"),
        {"T_OLD": "Changed", "T_NEW": "Last"},
        unknown=True,
    ),
    Case(
        "coupon_codes",
        None,
        "bulk_create_coupon_codes",
        [
            {**CODE, "unique_code": "new"},
            {**CODE, "unique_code": "there"},
            {**CODE, "unique_code": "new"},
            {"coupon_id": "NOWHERE", "unique_code": "lost"},
            {"coupon_id": "no coupon", "unique_code": "lost"},
            {**CODE, "unique_code": HUGE},
        ],
        "assrrr",
        named("get_coupon_codes_for_coupon", "unique_code", id="T_OLD"),
        {"T_OLD-new": "new", "T_OLD-there": "there"},
        unknown=True,
    ),
    Case(
        "tags",
        None,
        "create_tag",
        [{"name": "t-new"}, {"name": "kept"}, {"name": "t-new"}, {"name": ""}, {"name": HUGE}],
        "ssarr",
        tags,
        {"t-new", "kept"},
        unknown=True,
    ),
    Case(
        "tag_links",
        "add",
        "tag_lists",
        [TAG, KEPT, TAG, {**TAG, "tag_name": "none"}, {**TAG, "list_name": "none"}],
        "assrr",
        tagged,
        {"kept", "t-tag"},
        unknown=True,
    ),
    Case(
        "tag_links",
        "remove",
        "remove_tag_from_lists",
        [KEPT, TAG, KEPT, {**TAG, "tag_name": "none"}, {**KEPT, "list_name": "none"}],
        "assrr",
        tagged,
        set(),
        unknown=True,
    ),
    Case(
        "object_records",
        "create",
        "bulk_create_data_source_records",
        [
            {**PET, "id": 9001},
            {**PET, "id": 1},
            {**PET, "id": 9001, "name": "Max"},
            {**PET, "id": 9002, "name": "x" * 600_000},
            {**PET, "id": 9003, "data_source": "none"},
            {"data_source": "pet"},
        ],
        "aaarrr",
        pets,
        {"1": "Rex", "9001": "Max"},
    ),
    Case(
        "object_records",
        "delete",
        "bulk_delete_object_records",
        [RECORD, RECORD, {"object_record_id": ""}, {"object_record_id": HUGE}],
        "asrr",
        pets,
        {"1": None, "9001": None},
    ),
    Case(
        "reviews",
        None,
        "update_review",
        [
            {"id": "900", "status": "published"},
            {"id": "901", "status": "featured"},
            {"id": "900", "status": "rejected", "rejection_reason": "fake"},
            {"id": "900", "status": "rejected"},
            {"id": "0", "status": "published"},
            {"id": "901" + HUGE, "status": "published"},
        ],
        "saarrr",
        reviewed,
        ["rejected", "featured"],
    ),
    Case(
        "requests",
        None,
        "create_tag",
        [
            tag_request("t-new"),
            {"method": "GET", "path": "/api/tags", "body": {}},
            {"method": "POST", "path": "/api/nothing", "body": {}},
            {"method": "POST", "path": "/api/tags", "body": {"data": {"type": "tag"}}},
            tag_request(HUGE),
        ],
        "arrrr",
        tags,
        {"t-new", "kept"},
        unknown=True,
    ),
]
