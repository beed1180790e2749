"""Items of one identity: merged, one after the other, or the first of them only."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from target_klaviyo.items import Item
from target_klaviyo.outcomes import DUPLICATE
from target_klaviyo.plans import Plan, Settled, Transport, shipped

# Two items as one, the later's values winning; None where they must stay two.
Together = Callable[[Item, Item], Item | None]


def merged(items: Iterable[Item], together: Together) -> list[list[Item]]:
    """Items by wave; within a wave no two share an identity.

    Items of one identity become one where `together` can do that; else the later one goes into a
    later wave.
    """
    waves: list[list[Item]] = [[]]
    places: dict[str, tuple[int, int]] = {}
    for item in items:
        met = places_met(item, waves, places)
        place = next(iter(met)) if len(met) == 1 else None
        joined = together(waves[place[0]][place[1]], item) if place else None
        if place is None or joined is None:
            wave = max((depth for depth, _ in met), default=-1) + 1
            if wave == len(waves):
                waves.append([])
            place, joined = (wave, len(waves[wave])), item
            waves[wave].append(item)
        waves[place[0]][place[1]] = joined
        places |= dict.fromkeys(item.identities, place)
    return waves


def places_met(
    item: Item, waves: Sequence[Sequence[Item]], places: Mapping[str, tuple[int, int]]
) -> set[tuple[int, int]]:
    """Where earlier rows stand that this one must not overtake.

    Those that share an identity with it, and those that have since taken over another identity
    of these: who is meant by a name may depend on them.
    """
    met = {places[name] for name in item.identities if name in places}
    names = [name for depth, place in met for name in waves[depth][place].identities]
    return met.union(places[name] for name in names)


def each_once(items: Iterable[Item], carrier: Transport) -> Plan:
    """The first item of each identity; the others are duplicates."""
    first: dict[tuple[str, ...], Item] = {}
    repeated = []
    for item in items:
        if item.identities in first:
            repeated.append(Settled(item, DUPLICATE))
        else:
            first[item.identities] = item
    plan = shipped(carrier, first.values())
    return replace(plan, settled=[*repeated, *plan.settled])


def one_by_one(items: Iterable[Item], carrier: Transport) -> Plan:
    """Items in waves, none merged; what repeats another item to the byte is a duplicate."""
    first: dict[bytes, Item] = {}
    settled = []
    for item in items:
        if item.body in first:
            settled.append(Settled(item, DUPLICATE))
        else:
            first[item.body] = item
    plans = [shipped(carrier, wave) for wave in merged(first.values(), never)]
    settled += [one for plan in plans for one in plan.settled]
    return Plan([wave for plan in plans for wave in plan.waves], settled)


def never(earlier: Item, later: Item) -> Item | None:  # noqa: ARG001
    """Two items stay two."""
    return None
