"""Seeded events: clustered in time, several in one second, a few without what others have."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import TYPE_CHECKING, Any

from klaviyo_sandbox.clock import iso_seconds
from klaviyo_sandbox.seed_account import METRICS, Account
from klaviyo_sandbox.seed_values import event_id, text_of, uuid_of_time, words
from klaviyo_sandbox.store import Resource

if TYPE_CHECKING:
    from klaviyo_sandbox.seed import Seed

DAY = 86_400
HISTORY = 365 * DAY
ENVELOPE = 880
"""Characters of an event in an answer beyond its filler text."""

PER_SECOND = 5
"""Events that share a second inside a cluster: no page size is a multiple of it and 7."""

FUTURE = 3_650 * DAY


def event_resources(
    random: Random, seed: Seed, account: Account, profiles: list[str]
) -> Iterator[Resource]:
    """The events, in no particular order of time."""
    for number in range(seed.events):
        moment = event_time(random, seed, number)
        metric = number % len(account.metrics)
        person = random.choice(profiles) if profiles else ""
        columns = {"profile_id": person, "metric_id": account.metrics[metric]}
        if seed.traps:
            columns |= odd_columns(number)
            moment = seed.end + FUTURE if number == 2 else moment  # noqa: PLR2004
        event = one_event(random, seed, metric, moment, columns)
        if seed.traps and number in (3, 4, 5):
            event.attributes["datetime"] = event.attributes["datetime"].replace("T", " ")  # type: ignore[index]
        yield event
        if number % 10 == 6:  # noqa: PLR2004
            yield attribution(random, account, event.id)


def event_time(random: Random, seed: Seed, number: int) -> float:
    """Half of the events crowd into the last day, five or more to a second; half are spread."""
    if number % 2:
        seconds = max(1, seed.events // (2 * PER_SECOND))
        crowded = min(seconds, DAY)
        return seed.end - DAY + (number // (2 * PER_SECOND)) % crowded
    return seed.end - HISTORY + int(random.random() * (HISTORY - DAY))


def odd_columns(number: int) -> dict[str, str]:
    """The first event has no profile, the second no metric."""
    return {0: {"profile_id": ""}, 1: {"metric_id": ""}}.get(number, {})


def one_event(
    random: Random, seed: Seed, metric: int, moment: float, columns: dict[str, str]
) -> Resource:
    """One event."""
    seconds = int(moment)
    unique_id = text_of(random, "0123456789abcdef", 24)
    attributes = {
        "timestamp": seconds,
        "event_properties": event_properties(random, seed, metric, unique_id),
        "datetime": iso_seconds(seconds),
        "uuid": uuid_of_time(random, seconds),
    }
    return Resource("event", event_id(random), attributes, {**columns, "unique_id": unique_id})


def event_properties(random: Random, seed: Seed, metric: int, unique_id: str) -> dict[str, Any]:
    """What an event says; the filler brings it to the seed's size."""
    name = METRICS[metric][0]
    value = round(random.uniform(5, 250), 2) if "Order" in name else 0
    return {
        "$event_id": unique_id,
        "$value": value,
        "$value_currency": "USD",
        "ItemNames": random.sample(("Täglich", "Шапка", "Mug", "Lamp", "Rug"), k=2),
        "Lines": [{"sku": text_of(random, "ABC123", 6), "quantity": random.randrange(1, 5)}],
        "Note": words(random, max(10, seed.event_bytes - ENVELOPE)),
    }


def attribution(random: Random, account: Account, event: str) -> Resource:
    """What an event is put down to: a campaign's message, or a flow."""
    place = random.randrange(len(account.messages))
    columns = {"event_id": event}
    if random.random() < 0.5:  # noqa: PLR2004
        columns |= {
            "campaign_id": account.campaigns[place],
            "campaign_message_id": account.messages[place],
        }
    else:
        columns |= {"flow_id": random.choice(account.flows)}
    return Resource("attribution", text_of(random, "0123456789abcdef", 32), {}, columns)
