"""Seeded catalog, coupons and reviews, and the jobs that wrote them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

import msgspec

from klaviyo_sandbox.clock import iso_microseconds, iso_seconds
from klaviyo_sandbox.kinds_commerce import ACTIONS, CATALOG
from klaviyo_sandbox.seed_values import WORDS, text_of, ulid, words
from klaviyo_sandbox.store import Resource

DAY = 86_400
ITEMS, VARIANTS_EACH, CATEGORIES = 120, 2, 7
"""More items than fit a page of 100, and of variants than fit two."""

COUPONS, CODES = 4, 110
JOB_STATUSES = ("complete", "complete", "processing", "queued", "cancelled")
CODE_STATUSES = ("UNASSIGNED", "ASSIGNED_TO_PROFILE", "USED", "PROCESSING")
REVIEWS = 31


def shop_resources(random: Random, end: float, profiles: Sequence[str]) -> Iterator[Resource]:
    """Everything of the shop; codes are assigned to some of the `profiles`."""
    items = [catalog_id(f"item-{number}") for number in range(ITEMS)]
    for number, item in enumerate(items):
        yield Resource("catalog-item", item, catalog_attributes(random, end, f"item-{number}"))
        yield from variants(random, end, item, number)
    yield from categories(random, end, items)
    yield from coupons(random, end, profiles)
    yield from bulk_jobs(random, end)
    for number in range(REVIEWS):
        yield review(random, end, items[number % ITEMS], number)


def catalog_id(external_id: str) -> str:
    """An id as Klaviyo makes it of the shop's own."""
    return f"$custom:::$default:::{external_id}"


def catalog_attributes(random: Random, end: float, external_id: str) -> dict[str, Any]:
    """What items and variants have in common."""
    created = end - random.randrange(100, 600) * DAY
    address = f"https://shop.klaviyo-sandbox.dev/{external_id}"
    return {
        "external_id": external_id,
        "title": f"{random.choice(WORDS)} «{external_id}»",
        "description": words(random, 80),
        "price": random.choice((None, 12.0, 19.99)),
        "url": address,
        "image_full_url": f"{address}.png",
        "image_thumbnail_url": None,
        "images": [f"{address}.png"],
        "custom_metadata": {"Top Pick": bool(random.randrange(2))},
        "published": random.random() < 0.9,  # noqa: PLR2004
        "created": iso_seconds(created),
        "updated": iso_seconds(created + random.randrange(90) * DAY),
    }


def variants(random: Random, end: float, item: str, number: int) -> Iterator[Resource]:
    """The variants of an item; every tenth item has none."""
    for place in range(VARIANTS_EACH if number % 10 else 0):
        name = f"variant-{number}-{place}"
        attributes = catalog_attributes(random, end, name) | {
            "sku": f"SKU-{number}-{place}",
            "inventory_policy": place % 3,
            "inventory_quantity": float(random.randrange(50)),
        }
        yield Resource("catalog-variant", catalog_id(name), attributes, {"item_id": item})


def categories(random: Random, end: float, items: list[str]) -> Iterator[Resource]:
    """Categories; the first holds more than a page of items, the last none."""
    for number in range(CATEGORIES):
        name = f"category-{number}"
        count = {0: 105, CATEGORIES - 1: 0}.get(number, 10)
        attributes = {
            "external_id": name,
            "name": f"Category {number}",
            "updated": iso_seconds(end - number * DAY),
        }
        links = {"items": random.sample(items, k=count)}
        yield Resource("catalog-category", catalog_id(name), attributes, links=links)


def coupons(random: Random, end: float, profiles: Sequence[str]) -> Iterator[Resource]:
    """Coupons and their codes: more than a page for the first, none for the last."""
    for number in range(COUPONS):
        name = f"COUPON{number}"
        attributes = {
            "external_id": name,
            "description": words(random, 40) if number else None,
            "monitor_configuration": {"low_balance_threshold": 10 * number},
        }
        yield Resource("coupon", name, attributes)
        for place in range({0: CODES, COUPONS - 1: 0}.get(number, 3)):
            status = CODE_STATUSES[place % len(CODE_STATUSES)]
            code = f"{name}-{text_of(random, 'ABCDEFGH', 6)}-{place}"
            content = {
                "unique_code": code,
                "expires_at": iso_seconds(end + place * DAY) if place % 5 else None,
                "status": status,
            }
            owner = random.choice(profiles) if status == "USED" and profiles else ""
            yield Resource("coupon-code", code, content, {"coupon_id": name, "profile_id": owner})


def bulk_jobs(random: Random, end: float) -> Iterator[Resource]:
    """Jobs of every kind."""
    kinds = [f"catalog-{thing}-bulk-{action}-job" for thing in CATALOG for action in ACTIONS]
    for kind in [*kinds, "coupon-code-bulk-create-job"]:
        for status in JOB_STATUSES:
            yield Resource(kind, job_id(random, end), job_attributes(end, status))


def job_id(random: Random, end: float) -> str:
    """An opaque id."""
    return ulid(random, end).lower()


def job_attributes(end: float, status: str) -> dict[str, Any]:
    """A job of 10 rows, one of which was refused."""
    done = status == "complete"
    failure = {
        "id": "d8b9a3b1-6a5f-4c8e-9f43-0d5cf3ad5d2f",
        "code": "invalid",
        "title": "Invalid input.",
        "detail": "The price must be a number.",
        "source": {"pointer": "/data/attributes/items/data/3"},
    }
    return {
        "status": status,
        "created_at": iso_microseconds(end - DAY),
        "total_count": 10,
        "completed_count": 9 if done else 0,
        "failed_count": 1 if done else 0,
        "completed_at": iso_microseconds(end - DAY + 60) if done else None,
        "errors": [failure] if done else [],
        "expires_at": iso_microseconds(end + 6 * DAY),
    }


def review(random: Random, end: float, item: str, number: int) -> Resource:
    """One review of a product."""
    created = iso_seconds(end - (number + 1) * DAY)
    rejected = {"value": "rejected", "rejection_reason": {"reason": "fake"}}
    reply = {"content": "Thank you", "author": "Sandbox", "updated": created}
    attributes: dict[str, Any] = {
        "email": f"person{number}@klaviyo-sandbox.dev",
        "status": rejected if number % 7 == 1 else {"value": ("published", "pending")[number % 2]},
        "verified": bool(number % 2),
        "review_type": "review",
        "created": created,
        "updated": iso_seconds(end - number * DAY),
        "images": [],
        "product": {
            "url": "https://shop.klaviyo-sandbox.dev/item",
            "name": f"Product of {item}",
            "image_url": None,
            "external_id": item.rpartition(":")[2],
        },
        "rating": number % 5 + 1,
        "author": "Ada",
        "content": words(random, 60),
        "title": None,
        "smart_quote": None,
        "public_reply": reply if number % 3 == 0 else None,
    }
    return Resource("review", str(900 + number), attributes, {"item_id": item})


def encoded(value: Any) -> str:
    """JSON text, for columns that hold some."""
    return msgspec.json.encode(value).decode()
