"""Bulk writes of the catalog.

The codes of a job's errors are not documented: that a missing thing is `not_found` and an existing
one `conflict` is an assumption, and so are these: an update sets the categories that it names, a
null in it clears nothing, and the variants of a deleted item go with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from klaviyo_sandbox.bulk_jobs import JobRule, RowRefused, Running, attributes_of
from klaviyo_sandbox.clock import iso_seconds
from klaviyo_sandbox.kinds import KINDS
from klaviyo_sandbox.kinds_commerce import CATALOG
from klaviyo_sandbox.store import LINK, Resource

MOST_ROWS = 100
MOST_JOBS = 500
DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "catalog-item": {
        "price": None,
        "image_full_url": None,
        "image_thumbnail_url": None,
        "images": [],
        "custom_metadata": {},
        "published": True,
    },
    "catalog-variant": {
        "inventory_policy": 0,
        "image_full_url": None,
        "image_thumbnail_url": None,
        "images": [],
        "custom_metadata": {},
        "published": True,
    },
    "catalog-category": {},
}
PREFIX = "$custom:::$default:::"
NOT_KEPT = ("integration_type", "catalog_type")


def create(kind: str, running: Running, row: Mapping[str, Any]) -> None:
    """A new item, variant or category; one that is there already is refused."""
    sent = {k: v for k, v in row["attributes"].items() if v is not None and k not in NOT_KEPT}
    thing = PREFIX + sent["external_id"]
    if running.store.exists(KINDS[kind], thing):
        raise RowRefused("conflict", f"A {kind} with id {thing} already exists.")
    columns = parent(running, row) if kind == "catalog-variant" else {}
    moment = iso_seconds(running.now)
    times = {"updated": moment} if kind == "catalog-category" else dict.fromkeys(TIMES, moment)
    check_links(kind, running, row)
    running.store.put([Resource(kind, thing, {**DEFAULTS[kind], **sent, **times}, columns)])
    link(kind, running, thing, row)


TIMES = ("created", "updated")


def parent(running: Running, row: Mapping[str, Any]) -> dict[str, str]:
    """The item of a new variant."""
    item = row["relationships"]["item"]["data"]["id"]
    if not running.store.exists(KINDS["catalog-item"], item):
        raise RowRefused("not_found", f"A catalog-item with id {item} does not exist.")
    return {"item_id": item}


def update(kind: str, running: Running, row: Mapping[str, Any]) -> None:
    """Some attributes of a thing that is there."""
    kept = found(kind, running, row)
    check_links(kind, running, row)
    sent = {name: value for name, value in row["attributes"].items() if value is not None}
    attributes = {**kept, **sent, "updated": iso_seconds(running.now)}
    columns = {}
    if kind == "catalog-variant":
        (item,) = running.store.rows_with(KINDS[kind], "id", [row["id"]], ("item_id",))
        columns = {"item_id": item[0]}
    running.store.put([Resource(kind, row["id"], attributes, columns)])
    link(kind, running, row["id"], row)


def delete(kind: str, running: Running, row: Mapping[str, Any]) -> None:
    """A thing goes, and its links and variants with it."""
    found(kind, running, row)
    thing, store = row["id"], running.store
    store.run(f"DELETE FROM {KINDS[kind].table} WHERE id = ?", (thing,))  # noqa: S608
    store.run("DELETE FROM links WHERE source_type = ? AND source_id = ?", (kind, thing))
    if kind == "catalog-item":
        store.run("DELETE FROM catalog_variants WHERE item_id = ?", (thing,))
        store.run(UNLINK, (thing,))


UNLINK = "DELETE FROM links WHERE source_type = 'catalog-category' AND target_id = ?"


def found(kind: str, running: Running, row: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes of the thing that a row names."""
    if not running.store.exists(KINDS[kind], row["id"]):
        raise RowRefused("not_found", f"A {kind} with id {row['id']} does not exist.")
    return attributes_of(running.store, kind, row["id"])


def categories_of(row: Mapping[str, Any]) -> list[str] | None:
    """The categories that an item's row names; None where it says nothing of them."""
    said = (row.get("relationships") or {}).get("categories")
    return None if said is None else [one["id"] for one in said.get("data") or ()]


def check_links(kind: str, running: Running, row: Mapping[str, Any]) -> None:
    """Refuse an item of a category that is not there."""
    for category in (categories_of(row) or ()) if kind == "catalog-item" else ():
        if not running.store.exists(KINDS["catalog-category"], category):
            raise RowRefused("not_found", f"A catalog-category with id {category} does not exist.")


def link(kind: str, running: Running, thing: str, row: Mapping[str, Any]) -> None:
    """Put an item into the categories that its row names, and into no other."""
    categories = categories_of(row) if kind == "catalog-item" else None
    if categories is not None:
        running.store.run(UNLINK, (thing,))
        links = [("catalog-category", category, "items", thing) for category in categories]
        running.store.run_many(LINK, links)


RUNS = {"create": create, "update": update, "delete": delete}


def rules() -> Iterator[tuple[str, JobRule]]:
    """The rule of each bulk operation, by its name."""
    for thing, plural in CATALOG.items():
        for action, run in RUNS.items():
            kind = f"catalog-{thing}"
            job = f"{kind}-bulk-{action}-job"
            rule = JobRule(job, plural, MOST_ROWS, MOST_JOBS, partial(run, kind))
            yield f"bulk_{action}_catalog_{plural}", rule
