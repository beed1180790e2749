"""Whatever is written: no request breaks a limit, and nothing is lost, doubled or reordered."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from target_klaviyo import (
    catalog,
    catalog_links,
    coupons,
    custom_objects,
    devices,
    events,
    memberships,
    profile_merges,
    profile_modes,
    profiles,
    stock,
    subscriptions,
    suppressions,
    tags,
)
from target_klaviyo.chunks import body
from target_klaviyo.consents import SUBSCRIBED, UNSUBSCRIBED
from target_klaviyo.items import Item
from target_klaviyo.outcomes import Row
from target_klaviyo.plans import Plan, Transport, shipped
from target_klaviyo.settings import SETTINGS
from target_klaviyo.things import merged as merged_things
from target_klaviyo.waves import each_once, one_by_one

NEWS = subscriptions.Request(SUBSCRIBED, "L1", True, "shop")
LEAVE = subscriptions.Request(UNSUBSCRIBED, None, False, None)
SHELVES = (catalog.ITEMS, catalog.VARIANTS, catalog.CATEGORIES)
# Every operation that takes rows, with the limits that Klaviyo names: items, bytes of the body.
TRANSPORTS: list[tuple[Transport, int, int]] = [
    (profiles.BULK, 10_000, 5_000_000),
    (profiles.SINGLE, 1, 100_000),
    (profile_modes.CREATE, 1, 100_000),
    (profile_modes.DELETE, 1, 1_000),
    (events.BULK, 1_000, 5_000_000),
    (events.SINGLE, 1, 5_000_000),
    (memberships.ADD, 1_000, 5_000_000),
    (memberships.REMOVE, 1_000, 5_000_000),
    (subscriptions.transport(NEWS), 1_000, 5_000_000),
    (subscriptions.transport(LEAVE), 100, 5_000_000),
    (suppressions.SUPPRESS, 100, 5_000_000),
    (suppressions.UNSUPPRESS, 100, 5_000_000),
    (profile_merges.MERGE, 1, 1_000),
    (devices.TOKEN, 1, 100_000),
    (stock.SUBSCRIBE, 1, 100_000),
    *(
        (shelf.transport(action), 100, 5_000_000)
        for shelf in SHELVES
        for action in ("create", "update", "delete")
    ),
    (catalog_links.ADD, 100, 5_000_000),
    (catalog_links.REMOVE, 100, 5_000_000),
    (coupons.CREATE, 1, 5_000_000),
    (coupons.UPDATE, 1, 5_000_000),
    (coupons.CODES, 1_000, 5_000_000),
    (tags.CREATE, 1, 5_000_000),
    (tags.transport("add", "list"), 100, 5_000_000),
    (custom_objects.create("S1"), 500, 4_000_000),
    (custom_objects.DELETE, 500, 5_000_000),
]


def numbered(sizes: Sequence[int]) -> list[Item]:
    """Items of these sizes, each of a row of its own; some share a group with their neighbour."""
    return [
        Item((Row(place, b""),), b'"' + b"x" * size + b'"', group=b'"%d"' % (place // 3))
        for place, size in enumerate(sizes)
    ]


def rows_of(plan: Plan) -> list[int]:
    """The rows of a plan's requests, in their order."""
    return [
        row.number
        for wave in plan.waves
        for request in wave
        for item in request.items
        for row in item.rows
    ]


@pytest.mark.parametrize(
    ("transport", "items", "size"), TRANSPORTS, ids=[one.operation for one, *_ in TRANSPORTS]
)
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_no_request_breaks_a_limit(transport: Transport, items: int, size: int, data: Any) -> None:
    """Runs of equally large items: few large ones fill the bytes, many small ones the count."""
    largest = transport.limits.item_bytes
    bytes_each = st.one_of(st.integers(0, 200), st.integers(0, largest), st.just(largest - 2))
    runs = data.draw(st.lists(st.tuples(bytes_each, st.integers(1, items + 1)), max_size=4))
    budget = 12_000_000
    sizes: list[int] = []
    for each, count in runs:
        sizes += [each] * max(1, min(count, budget // (each + 1)))
        budget = max(0, budget - sum(sizes))
    given_items = numbered(sizes)
    plan = shipped(transport, given_items)
    refused = {row.number for one in plan.settled for row in one.item.rows}
    assert rows_of(plan) == [n for n in range(len(given_items)) if n not in refused]
    for request in plan.waves[0]:
        content = body(transport.envelope, request.items)
        assert 0 < len(request.items) <= items
        assert len(content) <= size
        assert all(len(one.body) <= largest for one in request.items)
    for request in plan.waves[0][:1]:
        json.loads(body(transport.envelope, request.items))
    assert all(len(given_items[number].body) + 400 > min(largest, size) for number in refused)


def test_no_more_jobs_wait_than_klaviyo_allows() -> None:
    """Whoever sends a job waits for its end; Klaviyo lets 100 jobs of coupon codes wait."""
    assert SETTINGS["properties"]["max_parallel_requests"]["maximum"] < 100


names = st.lists(st.integers(0, 5), max_size=30)


def named(numbers: Sequence[int], *, alike: bool) -> list[Item]:
    """Items about these people or things; `alike` ones of one name are the same to the byte."""
    return [
        Item(
            (Row(place, b""),),
            b'"%d"' % (name if alike else place),
            identities=(f"id:{name}",),
            content={f"c{name % 2}": place},
        )
        for place, name in enumerate(numbers)
    ]


@given(names)
def test_of_one_person_one_request_is_under_way(numbers: list[int]) -> None:
    plan = one_by_one(named(numbers, alike=False), devices.TOKEN)
    assert sorted(rows_of(plan)) == list(range(len(numbers)))
    places: dict[int, list[int]] = {}
    for wave in plan.waves:
        people = [one.identities for request in wave for one in request.items]
        assert len(people) == len(set(people))
    for number in rows_of(plan):
        places.setdefault(numbers[number], []).append(number)
    assert all(order == sorted(order) for order in places.values())


@given(names, st.sampled_from([each_once, one_by_one]))
def test_what_repeats_is_sent_once(numbers: list[int], plan_of: Any) -> None:
    plan = plan_of(named(numbers, alike=True), devices.TOKEN)
    first = {numbers.index(name) for name in set(numbers)}
    assert set(rows_of(plan)) == first
    settled = [row.number for one in plan.settled for row in one.item.rows]
    assert sorted([*rows_of(plan), *settled]) == list(range(len(numbers)))
    assert {one.outcome.kind for one in plan.settled} <= {"skipped"}


@given(names)
def test_of_rows_of_one_thing_the_last_value_of_each_column_wins(numbers: list[int]) -> None:
    merged = merged_things(named(numbers, alike=False))
    assert len(merged) == len(set(numbers))
    rows = [[row.number for row in item.rows] for item in merged]
    assert sorted(number for part in rows for number in part) == list(range(len(numbers)))
    for item, part in zip(merged, rows, strict=True):
        assert part == sorted(part)
        assert set(item.content.values()) == {part[-1]}
