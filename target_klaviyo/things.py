"""What sinks of things share: one item for each thing, and requests that carry one item."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from target_klaviyo.chunks import Envelope, Limits
from target_klaviyo.items import Item
from target_klaviyo.outcomes import Outcome
from target_klaviyo.plans import MEGABYTE, Plan, Settled, Shipment, Transport, oversize, shipped

ALONE = Limits(items=1, body_bytes=5 * MEGABYTE, item_bytes=5 * MEGABYTE)
DOCUMENT = Envelope(b'{"data":', b"}", "/data")


def merged(items: Iterable[Item]) -> list[Item]:
    """One item for each thing; of several rows the last value of each column wins."""
    things: dict[str, Item] = {}
    for item in items:
        (thing,) = item.identities
        earlier = things.get(thing)
        rows = (*earlier.rows, *item.rows) if earlier else item.rows
        content = {**(earlier.content if earlier else {}), **item.content}
        things[thing] = replace(item, rows=rows, content=content)
    return list(things.values())


def single(operation: str, *, repeat_safe: bool = True) -> Transport:
    """An operation that takes one resource."""
    return Transport(operation, ALONE, DOCUMENT, repeat_safe=repeat_safe)


def one_by_one(transport: Transport, items: Iterable[Item]) -> Plan:
    """A request for each item, its `path` filled in; they may be under way together."""
    shipments: list[Shipment] = []
    refused: list[Settled] = []
    for item in items:
        too_large = oversize(transport, item)
        if too_large:
            refused.append(too_large)
        else:
            shipments.append(Shipment(transport, (item,), dict(item.path)))
    return Plan([shipments], refused)


def both(first: Plan, second: Plan) -> Plan:
    """Two plans of one wave each that may go out together."""
    waves = [[one for plan in (first, second) for wave in plan.waves for one in wave]]
    return Plan(waves, [*first.settled, *second.settled])


def linked(
    transport: Transport, owner: str, ends: Mapping[str, Item], idle: Collection[str], done: Outcome
) -> Plan:
    """Requests that put `ends` (items by id) on a relationship of `owner`, or take them off.

    `idle` are those for which nothing has to be done, as `done` says of them.
    """
    settled = [Settled(item, done) for end, item in ends.items() if end in idle]
    plan = shipped(transport, (item for end, item in ends.items() if end not in idle))
    shipments = [replace(one, path={"id": owner}) for wave in plan.waves for one in wave]
    return Plan([shipments], [*settled, *plan.settled])
