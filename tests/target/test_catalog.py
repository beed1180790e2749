"""The catalogue: items, variants and categories, in every mode, read back from the sandbox."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from klaviyo_sandbox.sandbox import Sandbox
from tests.target.running import Run, held, load, records, run_target, schema, sent, state

NUMBER = {"type": ["number", "null"]}
ANYTHING: dict[str, Any] = {}
MERGED = "skipped: merged into a later row of the same person or thing"
COLUMNS = ("external_id", "title", "description", "url", "color")
TYPED = {"price": NUMBER, "custom_metadata": ANYTHING, "category_ids": ANYTHING}


@pytest.fixture
def shop() -> Any:
    """An account with a catalogue: items item-0, item-1 and so on."""
    with Sandbox(profiles=0, events=0, limits=False, time_scale=100, traps=False) as made:
        yield made


def item(name: str, **said: Any) -> dict[str, Any]:
    described = {"title": name.title(), "description": "A thing", "url": f"https://s.dev/{name}"}
    return {"external_id": name, **described, **said}


def items(*rows: Mapping[str, Any], stream: str = "catalog_items") -> list[Any]:
    told = schema(stream, *COLUMNS, keys=["external_id"], **TYPED)
    return [told, *records(stream, rows), state({"n": 1})]


def catalog(sandbox: Sandbox, plural: str = "items") -> dict[str, dict[str, Any]]:
    return {one["external_id"]: one for one in held(sandbox, f"get_catalog_{plural}")}


def mode(name: str) -> dict[str, Any]:
    return {"streams": {"catalog_items": {"mode": name}}}


def added_up(ran: Run, stream: str) -> dict[str, int]:
    figures = ran.figures(stream)
    kinds = ("accepted", "skipped", "rejected", "unknown")
    assert sum(figures[kind] for kind in kinds) == figures["rows"]
    return figures


def test_upsert_updates_what_is_there_and_creates_the_rest(shop: Sandbox, tmp_path: Path) -> None:
    before = catalog(shop)
    rows = [
        item("item-1", price=5.5, color="red"),
        item("new-1", price=7.25, color="blue", category_ids=["category-1"]),
        {"external_id": "item-2", "title": "Only the title"},
        {"external_id": "nowhere", "title": "No more than a title"},
        item("item-1", price=6.5),
        item("bad-1", category_ids=["no such category"]),
        item("large-1", custom_metadata={"text": "x" * 100_000}),
        item("large-2", description="x" * 5_000_000),
        {"external_id": ""},
    ]
    letters = {"on_error": "dead_letter", "dead_letter_path": str(tmp_path / "letters")}
    ran = run_target(shop.url, items(*rows), **letters)
    assert ran.code == 0, ran.log
    figures = added_up(ran, "catalog_items")
    assert (figures["accepted"], figures["skipped"], figures["rejected"]) == (3, 1, 5)
    assert "needs description, url (first: row 4)" in ran.log
    after = catalog(shop)
    assert set(after) - set(before) == {"new-1"}
    assert after["item-1"]["price"] == 6.5
    assert after["item-1"]["custom_metadata"] == {"color": "red"}
    assert after["item-2"]["title"] == "Only the title"
    assert after["item-2"]["url"] == before["item-2"]["url"]
    assert after["item-3"] == before["item-3"]
    members = held(shop, "get_items_for_catalog_category", id="$custom:::$default:::category-1")
    assert "new-1" in {one["external_id"] for one in members}
    assert sent(shop, "bulk_update_catalog_items") == [202]
    assert sent(shop, "bulk_create_catalog_items") == [202]


def test_a_second_upsert_changes_nothing_and_creates_nothing(shop: Sandbox) -> None:
    rows = [item(f"new-{number}") for number in range(3)]
    for _ in range(2):
        assert load(shop, items(*rows)).counts("catalog_items") == {"accepted": 3}
    assert sent(shop, "bulk_create_catalog_items") == [202]
    assert sum(name.startswith("new-") for name in catalog(shop)) == 3


@pytest.mark.parametrize("count", [100, 101, 250])
def test_jobs_hold_100_at_the_most(sandbox: Sandbox, count: int) -> None:
    rows = [item(f"thing-{number}") for number in range(count)]
    assert load(sandbox, items(*rows), **mode("create")).counts("catalog_items") == {
        "accepted": count
    }
    jobs = held(sandbox, "get_bulk_create_catalog_items_jobs")
    sizes = sorted(
        one["total_count"] for one in jobs if one["total_count"] == one["completed_count"]
    )
    full, rest = divmod(count, 100)
    assert sizes == sorted([100] * full + [rest] * bool(rest))


def test_create_refuses_what_is_there(shop: Sandbox) -> None:
    kept = catalog(shop)["item-1"]
    loaded = load(shop, items(item("new-1"), item("item-1"), item("new-2")), **mode("create"))
    assert loaded.counts("catalog_items") == {
        "accepted": 2,
        "rejected: Klaviyo's job refused it (conflict)": 1,
    }
    assert "row 2 rejected" in str(loaded.error)
    assert catalog(shop)["item-1"] == kept
    assert {"new-1", "new-2"} <= set(catalog(shop))


def test_a_thing_may_be_named_by_klaviyos_own_id(shop: Sandbox, tmp_path: Path) -> None:
    own, other = "$custom:::$default:::", "$shopify:::$default:::"
    letters = {"on_error": "dead_letter", "dead_letter_path": str(tmp_path / "letters")}
    rows = [item(f"{own}item-1", price=9), item(f"{own}new-1"), item(f"{other}9")]
    loaded = load(shop, items(*rows), **letters)
    assert loaded.counts("catalog_items") == {
        "accepted": 2,
        "rejected: external_id is of another integration; only $custom:::$default::: is "
        "writable": 1,
    }
    after = catalog(shop)
    assert after["item-1"]["price"] == 9
    assert [name for name in after if "new-1" in name] == ["new-1"]


def test_update_never_creates(shop: Sandbox) -> None:
    loaded = load(shop, items(item("new-1"), item("item-1", price=1)), **mode("update"))
    assert loaded.counts("catalog_items") == {
        "accepted": 1,
        "rejected: Klaviyo's job refused it (not_found)": 1,
    }
    assert "new-1" not in catalog(shop)
    assert catalog(shop)["item-1"]["price"] == 1


def test_delete(shop: Sandbox) -> None:
    before = set(catalog(shop))
    gone = [{"external_id": name} for name in ("item-1", "item-2", "item-1", "nowhere")]
    loaded = load(shop, items(*gone), **mode("delete"))
    assert loaded.counts("catalog_items") == {
        "accepted": 2,
        MERGED: 1,
        "skipped: is not in the catalogue": 1,
    }
    assert before - set(catalog(shop)) == {"item-1", "item-2"}


def test_a_deletion_whose_answer_is_lost_is_repeated(shop: Sandbox) -> None:
    """Klaviyo refuses what the first request has deleted already; nothing has failed by that."""
    shop.faults.add("bulk_delete_catalog_items", "lost_response")
    loaded = load(shop, items({"external_id": "item-1"}), **mode("delete"))
    assert loaded.error is None
    assert loaded.counts("catalog_items") == {"skipped: is not in the catalogue": 1}
    assert "item-1" not in catalog(shop)


def test_a_mirror_deletes_what_no_row_names(shop: Sandbox) -> None:
    before = set(catalog(shop))
    wanted = sorted(before)[5:]
    rows = [*(item(name) for name in wanted), item("new-1")]
    loaded = load(shop, items(*rows), **mode("mirror"))
    assert loaded.error is None
    assert loaded.counts("catalog_items") == {"accepted": len(rows)}
    assert set(catalog(shop)) == {*wanted, "new-1"}


def test_a_mirror_of_items_and_their_variants(shop: Sandbox, tmp_path: Path) -> None:
    """Variants go first: they would be gone with their items."""
    gone = ["item-2", "item-3"]
    before = {plural: set(catalog(shop, plural)) for plural in ("items", "variants")}
    parents = [name for name in sorted(before["items"]) if name not in gone]
    offered = [name for name in before["variants"] if name.split("-")[1] not in "23"]
    mirrored = {f"catalog_{plural}": {"mode": "mirror"} for plural in before}
    variants = [schema("catalog_variants", "external_id", "title")]
    variants += records("catalog_variants", [{"external_id": name} for name in offered])
    receipts = tmp_path / "receipts"
    loaded = load(
        shop,
        [*items(*map(item, parents)), *variants, state({"n": 2})],
        streams=mirrored,
        receipts_path=str(receipts),
    )
    assert loaded.error is None
    assert set(catalog(shop)) == set(parents)
    assert set(catalog(shop, "variants")) == set(offered)
    lines = [json.loads(line) for line in receipts.read_text().splitlines()]
    taken = {one["keys"]["external_id"]: one["outcome"] for one in lines if one["row"] is None}
    missing = before["items"].union(before["variants"]).difference(parents, offered)
    assert taken == dict.fromkeys(missing, "removed")


def test_a_mirrors_deletion_whose_answer_is_lost_is_repeated(shop: Sandbox) -> None:
    shop.faults.add("bulk_delete_catalog_items", "lost_response")
    kept = sorted(catalog(shop))[3:]
    assert load(shop, items(*map(item, kept)), **mode("mirror")).error is None
    assert set(catalog(shop)) == set(kept)
    assert sent(shop, "bulk_delete_catalog_items") == [202, 202]


def test_a_mirror_of_next_to_nothing_is_refused(shop: Sandbox) -> None:
    before = set(catalog(shop))
    loaded = load(shop, items(item("item-1")), **mode("mirror"))
    assert "took nothing away" in str(loaded.error)
    assert set(catalog(shop)) == before


def test_a_creation_whose_answer_is_lost_is_unknown_and_not_repeated(shop: Sandbox) -> None:
    shop.faults.add("bulk_create_catalog_items", "lost_response")
    loaded = load(shop, items(item("new-1")), **mode("create"))
    ((reason, count),) = loaded.counts("catalog_items").items()
    assert reason.startswith("unknown: no answer came")
    assert count == 1
    assert sent(shop, "bulk_create_catalog_items") == [202]


def test_an_update_whose_answer_is_lost_is_repeated(shop: Sandbox) -> None:
    shop.faults.add("bulk_update_catalog_items", "lost_response")
    assert load(shop, items(item("item-1", price=3))).counts("catalog_items") == {"accepted": 1}
    assert sent(shop, "bulk_update_catalog_items") == [202, 202]
    assert catalog(shop)["item-1"]["price"] == 3


def test_a_row_that_the_job_refuses_stays_refused(shop: Sandbox) -> None:
    shop.faults.add("bulk_update_catalog_items", "row_failure", row=1)
    loaded = load(shop, items(item("item-1"), item("item-2"), item("item-3")))
    assert loaded.counts("catalog_items") == {
        "accepted": 2,
        "rejected: Klaviyo's job refused it (invalid)": 1,
    }
    assert not sent(shop, "bulk_create_catalog_items")


def test_a_cancelled_job_leaves_its_rows_unknown(shop: Sandbox) -> None:
    shop.faults.add("bulk_update_catalog_items", "cancelled_job")
    loaded = load(shop, items(item("item-1"), item("item-2")))
    ((reason, count),) = loaded.counts("catalog_items").items()
    assert (reason.split(":")[0], count) == ("unknown", 2)


def test_a_dry_run_shows_and_sends_nothing(shop: Sandbox) -> None:
    ran = run_target(shop.url, items(item("item-1"), item("new-1")), dry_run=True)
    assert added_up(ran, "catalog_items")["accepted"] == 2
    assert "first payload of bulk_update_catalog_items" in ran.log
    assert not sent(shop, "bulk_update_catalog_items")


def test_variants_and_categories_come_in_their_order(sandbox: Sandbox) -> None:
    columns = (*COLUMNS, "sku", "item_id")
    variants = schema("catalog_variants", *columns, price=NUMBER, inventory_quantity=NUMBER)
    stock = {"sku": "S1", "inventory_quantity": 4, "price": 2.5}
    messages = [
        variants,
        *records(
            "catalog_variants",
            [
                item("red-1", item_id="shirt", **stock),
                item("red-2", item_id="nothing", **stock),
                item("red-3", **stock),
            ],
        ),
        *items(item("shirt", category_ids=["tops"])),
        schema("catalog_categories", "external_id", "name"),
        *records("catalog_categories", [{"external_id": "tops", "name": "Tops"}]),
    ]
    loaded = load(sandbox, messages, on_error="dead_letter", dead_letter_path="/dev/null")
    assert loaded.counts("catalog_items") == {"accepted": 1}
    assert loaded.counts("catalog_categories") == {"accepted": 1}
    assert loaded.counts("catalog_variants") == {
        "accepted": 1,
        "rejected: Klaviyo's job refused it (not_found)": 1,
        "rejected: is not in the catalogue, and a new catalog variant needs item_id": 1,
    }
    (variant,) = held(sandbox, "get_variants_for_catalog_item", id="$custom:::$default:::shirt")
    assert (variant["external_id"], variant["inventory_quantity"]) == ("red-1", 4)
    (category,) = held(sandbox, "get_categories_for_catalog_item", id="$custom:::$default:::shirt")
    assert category["name"] == "Tops"
    assert load(sandbox, messages[-2:]).counts("catalog_categories") == {"accepted": 1}


def test_a_wrong_mode_is_named(sandbox: Sandbox) -> None:
    ran = run_target(sandbox.url, items(item("a")), **mode("upset"))
    assert ran.code == 1
    assert "did you mean 'upsert'" in ran.errors[0]
    lacking = [schema("catalog_items", "external_id"), *records("catalog_items", [])]
    ran = run_target(sandbox.url, lacking, **mode("create"))
    assert "nothing fills title" in ran.errors[0]
