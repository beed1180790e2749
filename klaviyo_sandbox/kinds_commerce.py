"""The kinds of a shop: catalog, coupons, reviews, and the jobs that write them in bulk."""

from __future__ import annotations

from klaviyo_sandbox.kind import Kind, backwards, linked, one, owned

ACTIONS = ("create", "update", "delete")
CATALOG = {"category": "categories", "item": "items", "variant": "variants"}


def bulk_job(thing: str, relation: str, action: str, target: str) -> Kind:
    """A job that writes many things; `relation` names what it has written."""
    name = f"{thing}-bulk-{action}-job"
    return Kind(
        name,
        f"{name}s",
        text=("status",),
        dates=("created_at",),
        relations=(linked(name, relation, target),),
    )


COMMERCE = (
    Kind(
        "catalog-item",
        "catalog-items",
        text=("external_id", "title"),
        dates=("created", "updated"),
        flags=("published",),
        filters={"ids": "id"},
        through={"category.id": "categories"},
        relations=(
            owned("variants", "catalog-variant", "catalog_variants", "item_id"),
            backwards("catalog-category", "categories", "items"),
        ),
    ),
    Kind(
        "catalog-variant",
        "catalog-variants",
        text=("external_id", "sku", "title"),
        dates=("created", "updated"),
        flags=("published",),
        given=("item_id",),
        filters={"ids": "id", "item.id": "item_id"},
        relations=(one("catalog_variants", "item", "catalog-item"),),
        indexes=("item_id",),
    ),
    Kind(
        "catalog-category",
        "catalog-categories",
        text=("external_id", "name"),
        dates=("updated",),
        # Klaviyo sorts categories by when they were created, and does not show it.
        filters={"ids": "id", "created": "updated"},
        through={"item.id": "items"},
        relations=(linked("catalog-category", "items", "catalog-item"),),
    ),
    *(
        bulk_job(f"catalog-{thing}", plural, action, f"catalog-{thing}")
        for thing, plural in CATALOG.items()
        for action in ACTIONS
    ),
    Kind(
        "coupon",
        "coupons",
        text=("external_id",),
        relations=(owned("coupon-codes", "coupon-code", "coupon_codes", "coupon_id"),),
    ),
    Kind(
        "coupon-code",
        "coupon-codes",
        text=("unique_code", "status"),
        dates=("expires_at",),
        given=("coupon_id", "profile_id"),
        filters={"coupon.id": "coupon_id", "profile.id": "profile_id"},
        relations=(
            one("coupon_codes", "coupon", "coupon"),
            one("coupon_codes", "profile", "profile"),
        ),
        indexes=("coupon_id",),
    ),
    bulk_job("coupon-code", "coupon-codes", "create", "coupon-code"),
    Kind(
        "review",
        "reviews",
        text=("status", "review_type", "content"),
        dates=("created", "updated"),
        numbers=("rating",),
        flags=("verified",),
        given=("item_id",),
        paths={"status": "status.value"},
        filters={"item.id": "item_id"},
        relations=(linked("review", "events", "event"), one("reviews", "item", "catalog-item")),
    ),
)
