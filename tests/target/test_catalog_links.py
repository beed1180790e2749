"""Items of categories as links, read back from the sandbox."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from klaviyo_sandbox.sandbox import Sandbox
from tests.target.running import held, load, records, run_target, schema, sent, state

LENIENT = {"on_error": "dead_letter", "dead_letter_path": "/dev/null"}
REMOVE = {"streams": {"catalog_category_items": {"mode": "remove"}}}
SINK = "catalog_category_items"


def links(*pairs: tuple[str, str]) -> list[Any]:
    rows: list[Mapping[str, Any]] = [{"category_id": one, "item_id": two} for one, two in pairs]
    told = schema(SINK, "category_id", "item_id", keys=["category_id", "item_id"])
    return [told, *records(SINK, rows), state({"n": 1})]


def members(sandbox: Sandbox, category: str) -> set[str]:
    found = held(sandbox, "get_items_for_catalog_category", id=f"$custom:::$default:::{category}")
    return {one["external_id"] for one in found}


def test_items_come_into_categories_and_out_of_them(sandbox: Sandbox) -> None:
    # The last of the seeded categories is empty.
    before = members(sandbox, "category-1")
    there, *_ = sorted(before)
    pairs = [
        ("category-6", "item-1"),
        ("category-6", "$custom:::$default:::item-2"),
        ("$custom:::$default:::category-6", "item-1"),
        ("category-1", there),
        ("category-6", "no-such-item"),
        ("no-such-category", "item-1"),
        ("category-6", ""),
    ]
    ran = run_target(sandbox.url, links(*pairs), **LENIENT)
    assert ran.code == 0, ran.log
    figures = ran.figures(SINK)
    assert (figures["rows"], figures["accepted"]) == (7, 2)
    assert (figures["skipped"], figures["rejected"]) == (2, 3)
    assert "the catalogue has no category of this category_id" in ran.log
    assert members(sandbox, "category-6") == {"item-1", "item-2"}
    assert members(sandbox, "category-1") == before
    loaded = load(sandbox, links(("category-6", "item-1"), ("category-6", "item-9")), **REMOVE)
    assert loaded.counts(SINK) == {"accepted": 1, "skipped: is not in the category": 1}
    assert members(sandbox, "category-6") == {"item-2"}


def test_a_lost_answer_is_unknown_and_a_second_run_skips_what_is_there(sandbox: Sandbox) -> None:
    sandbox.faults.add("add_items_to_catalog_category", "lost_response")
    loaded = load(sandbox, links(("category-6", "item-1")))
    ((reason, _),) = loaded.counts(SINK).items()
    assert reason.startswith("unknown: no answer came")
    again = load(sandbox, links(("category-6", "item-1")))
    assert again.counts(SINK) == {"skipped: is in the category already": 1}
    assert sent(sandbox, "add_items_to_catalog_category") == [204]


def test_101_links_are_two_requests(sandbox: Sandbox) -> None:
    pairs = [("category-6", f"item-{number}") for number in range(101)]
    assert load(sandbox, links(*pairs)).counts(SINK) == {"accepted": 101}
    assert sent(sandbox, "add_items_to_catalog_category") == [204, 204]
    assert len(members(sandbox, "category-6")) == 101
