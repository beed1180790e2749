"""What the official client's methods for writes of a shop are called with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from klaviyo_sandbox import Sandbox
from klaviyo_sandbox.kinds_commerce import ACTIONS, CATALOG
from klaviyo_sandbox.tag_writes import BEARERS

PRODUCT = {"title": "T", "description": "D", "url": "https://s.dev/t"}
STOCK = {"sku": "S", "inventory_quantity": 1, "price": 2.5}


def job(kind: str, rows: str, *things: Mapping[str, Any]) -> list[Any]:
    """A bulk job."""
    return [{"data": {"type": kind, "attributes": {rows: {"data": list(things)}}}}]


def catalog_calls(sandbox: Sandbox) -> dict[str, list[Any]]:
    """The bulk jobs of the catalog."""
    calls = {}
    ids = {thing: sandbox.account.ids(f"catalog-{thing}") for thing in CATALOG}
    item = {"item": {"data": {"type": "catalog-item", "id": ids["item"][0]}}}
    new: dict[str, dict[str, Any]] = {
        "item": {"attributes": {**PRODUCT, "external_id": "new"}},
        "variant": {
            "attributes": {**PRODUCT, **STOCK, "external_id": "new"},
            "relationships": item,
        },
        "category": {"attributes": {"name": "N", "external_id": "new"}},
    }
    for thing, plural in CATALOG.items():
        name = "name" if thing == "category" else "title"
        rows: dict[str, dict[str, Any]] = {
            "create": new[thing],
            "update": {"id": ids[thing][1], "attributes": {name: "Other"}},
            "delete": {"id": ids[thing][2]},
        }
        for action in ACTIONS:
            row = {"type": f"catalog-{thing}", **rows[action]}
            kind = f"catalog-{thing}-bulk-{action}-job"
            calls[f"bulk_{action}_catalog_{plural}"] = job(kind, plural, row)
    # The last category has no item yet.
    link = [ids["category"][-1], {"data": [{"type": "catalog-item", "id": ids["item"][3]}]}]
    names = ("add_items_to_catalog_category", "remove_items_from_catalog_category")
    return {**calls, **dict.fromkeys(names, link)}


def coupon_calls(sandbox: Sandbox) -> dict[str, list[Any]]:
    """Coupons and their codes."""
    coupon = sandbox.account.ids("coupon")[0]
    new = {"type": "coupon", "attributes": {"external_id": "NEW", "description": "D"}}
    code = {
        "type": "coupon-code",
        "attributes": {"unique_code": "C1"},
        "relationships": {"coupon": {"data": {"type": "coupon", "id": coupon}}},
    }
    changed = {"type": "coupon", "id": coupon, "attributes": {"description": "Other"}}
    return {
        "create_coupon": [{"data": new}],
        "update_coupon": [coupon, {"data": changed}],
        "bulk_create_coupon_codes": job("coupon-code-bulk-create-job", "coupon-codes", code),
    }


def tag_calls(sandbox: Sandbox) -> dict[str, list[Any]]:
    """Tags, and what bears them."""
    new = {"type": "tag", "attributes": {"name": "New"}}
    found: dict[str, list[Any]] = {"create_tag": [{"data": new}]}
    tag = sandbox.account.ids("tag")[-1]
    for kind in BEARERS:
        body = {"data": [{"type": kind, "id": sandbox.account.ids(kind)[2]}]}
        found[f"tag_{kind}s"] = found[f"remove_tag_from_{kind}s"] = [tag, body]
    return found


def other_calls(sandbox: Sandbox) -> dict[str, list[Any]]:
    """Custom objects and reviews."""
    source, record, review = (
        sandbox.account.ids(kind)[0] for kind in ("data-source", "object-record", "review")
    )
    new = {"type": "data-source", "attributes": {"title": "New"}}
    link = {"data-source": {"data": {"type": "data-source", "id": source}}}
    row = {"type": "data-source-record", "attributes": {"record": {"id": 1}}}
    records = {
        "type": "data-source-record-bulk-create-job",
        "attributes": {"data-source-records": {"data": [row]}},
        "relationships": link,
    }
    gone = {
        "type": "object-record-bulk-delete-job",
        "relationships": {"object-records": {"data": [{"type": "object-record", "id": record}]}},
    }
    status = {"status": {"value": "featured"}}
    return {
        "create_data_source": [{"data": new}],
        "bulk_create_data_source_records": [{"data": records}],
        "bulk_delete_object_records": [{"data": gone}],
        "update_review": [review, {"data": {"type": "review", "id": review, "attributes": status}}],
    }


def calls(sandbox: Sandbox) -> dict[str, list[Any]]:
    """Every write of a shop."""
    return {
        **catalog_calls(sandbox),
        **coupon_calls(sandbox),
        **tag_calls(sandbox),
        **other_calls(sandbox),
    }
