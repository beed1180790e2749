"""Streams of the catalog, coupons and reviews, and of the jobs that write them in bulk."""

from __future__ import annotations

from tap_klaviyo.relations import identifiers
from tap_klaviyo.spec import Parent, StreamSpec

# What Klaviyo calls the things of a catalog in paths and in the names of operations.
CATALOG = {"category": "categories", "item": "catalog_items", "variant": "variants"}

SHOP: tuple[StreamSpec, ...] = (
    StreamSpec("catalog_categories", "get_catalog_categories"),
    identifiers(
        "catalog_category_items",
        "get_item_ids_for_catalog_category",
        Parent("get_catalog_categories", "category_id"),
        "item_id",
    ),
    # Klaviyo does not say of a variant which item it is of: each item is asked for its own.
    StreamSpec(
        "catalog_item_variants",
        "get_variants_for_catalog_item",
        parent=Parent("get_catalog_items", "item_id"),
        often_absent=True,
    ),
    StreamSpec("catalog_items", "get_catalog_items"),
    StreamSpec("catalog_variants", "get_catalog_variants"),
    *(
        StreamSpec(f"catalog_{thing}_bulk_{action}_jobs", f"get_bulk_{action}_{plural}_jobs")
        for thing, plural in CATALOG.items()
        for action in ("create", "delete", "update")
    ),
    StreamSpec("coupon_code_bulk_create_jobs", "get_bulk_create_coupon_code_jobs"),
    StreamSpec(
        "coupon_codes", "get_coupon_codes_for_coupon", parent=Parent("get_coupons", "coupon_id")
    ),
    StreamSpec("coupons", "get_coupons"),
    StreamSpec("reviews", "get_reviews"),
)
