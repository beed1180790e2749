"""The sinks of things: catalogue, coupons, tags, custom objects, reviews, plain requests."""

from __future__ import annotations

from functools import partial

from target_klaviyo.catalog import (
    CATEGORIES,
    ITEMS,
    VARIANTS,
    Shelf,
    build_thing,
    plan_creation,
    plan_deletion,
    plan_mirror,
    plan_update,
    plan_upsert,
    removals,
)
from target_klaviyo.catalog_links import build_link as build_category_link
from target_klaviyo.catalog_links import plan_additions, plan_removals
from target_klaviyo.coupons import build_code, build_coupon, plan_codes, plan_coupons
from target_klaviyo.custom_objects import (
    build_deletion,
    build_record,
    plan_deletions,
    plan_records,
)
from target_klaviyo.mirrors import Mirror
from target_klaviyo.plain_requests import build_request, plan_requests
from target_klaviyo.reviews import build_review, plan_reviews
from target_klaviyo.sink_rows import Mode, SinkSpec, TapForm
from target_klaviyo.tags import (
    BEARERS,
    build_link,
    build_tag,
    plan_links,
    plan_tags,
    plan_unlinks,
)

PRODUCT = {
    "external_id": "string",
    "title": "string",
    "description": "string",
    "url": "string",
    "price": "number",
    "image_full_url": "string",
    "image_thumbnail_url": "string",
    "images": "json",
    "custom_metadata": "json",
    "published": "boolean",
}


def shelf_modes(shelf: Shelf) -> dict[str, Mode]:
    """The ways to write to the catalogue."""
    needs = (("external_id",), *((name,) for name in shelf.needed))
    return {
        "upsert": Mode(),
        "create": Mode(plan=partial(plan_creation, shelf), needs=needs),
        "update": Mode(plan=partial(plan_update, shelf)),
        "delete": Mode(plan=partial(plan_deletion, shelf)),
        "mirror": Mode(plan=partial(plan_mirror, shelf), mirror=Mirror(partial(removals, shelf))),
    }


SHOPS: tuple[SinkSpec, ...] = (
    SinkSpec(
        "catalog_categories",
        fields={"external_id": "string", "name": "string"},
        needs=(("external_id",),),
        build=partial(build_thing, CATEGORIES),
        plan=partial(plan_upsert, CATEGORIES),
        modes=shelf_modes(CATEGORIES),
        tap=TapForm(frozenset({"extra_attributes"}), {}, frozenset({"id", "updated"})),
    ),
    SinkSpec(
        "catalog_items",
        fields={**PRODUCT, "category_ids": "json"},
        needs=(("external_id",),),
        build=partial(build_thing, ITEMS),
        plan=partial(plan_upsert, ITEMS),
        properties=True,
        holder="custom_metadata",
        after=("catalog_categories",),
        modes=shelf_modes(ITEMS),
        tap=TapForm(
            frozenset({"extra_attributes"}),
            {},
            frozenset({"id", "created", "updated", "variant_ids", "extra_attributes"}),
        ),
    ),
    SinkSpec(
        "catalog_variants",
        fields={
            **PRODUCT,
            "sku": "string",
            "inventory_policy": "integer",
            "inventory_quantity": "number",
            "item_id": "string",
        },
        needs=(("external_id",),),
        build=partial(build_thing, VARIANTS),
        plan=partial(plan_upsert, VARIANTS),
        properties=True,
        holder="custom_metadata",
        after=("catalog_items",),
        modes=shelf_modes(VARIANTS),
        tap=TapForm(
            frozenset({"extra_attributes"}),
            {},
            frozenset({"id", "created", "updated", "extra_attributes"}),
        ),
    ),
    SinkSpec(
        "catalog_category_items",
        fields={"category_id": "string", "item_id": "string"},
        needs=(("category_id",), ("item_id",)),
        build=build_category_link,
        plan=plan_additions,
        after=("catalog_categories", "catalog_items"),
        modes={"add": Mode(), "remove": Mode(plan=plan_removals)},
    ),
    SinkSpec(
        "coupons",
        fields={
            "external_id": "string",
            "description": "string",
            "monitor_configuration": "json",
        },
        needs=(("external_id",),),
        build=build_coupon,
        plan=plan_coupons,
    ),
    SinkSpec(
        "coupon_codes",
        fields={
            "coupon_id": "string",
            "unique_code": "string",
            "expires_at": "date-time",
            "status": "string",
        },
        needs=(("coupon_id",), ("unique_code",)),
        explicit=frozenset({"status"}),
        build=build_code,
        plan=plan_codes,
        after=("coupons",),
    ),
    SinkSpec(
        "tags",
        fields={"name": "string", "tag_group_id": "string"},
        needs=(("name",),),
        build=build_tag,
        plan=plan_tags,
        # A group of another account means nothing here.
        explicit=frozenset({"tag_group_id"}),
    ),
    SinkSpec(
        "tag_links",
        fields=dict.fromkeys(
            ("tag_id", "tag_name", *BEARERS, "list_name", "source_list_id"), "string"
        ),
        explicit=frozenset({"source_list_id"}),
        needs=(("tag_id", "tag_name"), (*BEARERS, "list_name")),
        build=build_link,
        plan=plan_links,
        after=("tags", "lists"),
        modes={"add": Mode(), "remove": Mode(plan=plan_unlinks)},
    ),
    SinkSpec(
        "object_records",
        fields={
            "data_source_id": "string",
            "data_source": "string",
            "record": "json",
            "object_record_id": "string",
        },
        needs=(("data_source_id", "data_source"),),
        build=build_record,
        plan=plan_records,
        properties=True,
        holder="record",
        modes={
            "create": Mode(),
            "delete": Mode(
                build=build_deletion, plan=plan_deletions, needs=(("object_record_id",),)
            ),
        },
    ),
    SinkSpec(
        "reviews",
        fields=dict.fromkeys(("id", "status", "rejection_reason", "status_explanation"), "string"),
        needs=(("id",), ("status",)),
        build=build_review,
        plan=plan_reviews,
    ),
    SinkSpec(
        "requests",
        fields={"method": "string", "path": "string", "body": "json", "repeat_safe": "boolean"},
        needs=(("method",), ("path",)),
        build=build_request,
        plan=plan_requests,
    ),
)
