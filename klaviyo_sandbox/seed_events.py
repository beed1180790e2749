"""Seeded events: clustered in time, several in one second, a few without what others have."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from random import Random
from typing import Any

from klaviyo_sandbox.clock import MICROSECONDS, iso_seconds
from klaviyo_sandbox.seed_account import METRICS
from klaviyo_sandbox.seed_form import Account, Seed
from klaviyo_sandbox.seed_values import event_id, hex_text, short_id, text_of, uuid_of_time, words
from klaviyo_sandbox.store import Resource

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
    """The events, oldest first: neighbours in time are neighbours in the database."""
    moments = sorted(event_time(random, seed, number) for number in range(seed.events))
    odd = range(len(moments) // 2, len(moments) // 2 + 6) if seed.traps else range(0)
    for number, moment in enumerate(moments):
        metric = random.randrange(len(account.metrics))
        person = random.choice(profiles) if profiles else ""
        places = {"profile_id": person, "metric_id": account.metrics[metric]}
        event = one_event(random, seed, account, metric, places, seconds=moment)
        yield ODD[odd.index(number)](seed, event) if number in odd else event
        if number % 10 == 6:  # noqa: PLR2004
            yield attribution(random, account, event.id)


def event_time(random: Random, seed: Seed, number: int) -> int:
    """Half of the events crowd, five or more to a second; half are spread over the year."""
    end = int(seed.end)
    if number % 2 and seed.bursts > 0:
        return end - HISTORY + moment_of_burst(seed, number // 2)
    if number % 2:
        seconds = max(1, seed.events // (2 * PER_SECOND))
        return end - DAY + (number // (2 * PER_SECOND)) % min(seconds, DAY)
    return end - HISTORY + int(random.random() * (HISTORY - DAY))


def moment_of_burst(seed: Seed, number: int) -> int:
    """Seconds from the begin of the year to an event of a burst: campaigns go out evenly."""
    half = max(1, seed.events // 2)
    burst = number * seed.bursts // half
    place = number - burst * half // seed.bursts
    return (burst + 1) * HISTORY // (seed.bursts + 2) + place // PER_SECOND


def without_profile(_seed: Seed, event: Resource) -> Resource:
    """An event whose profile is gone."""
    return replace(event, columns={**event.columns, "profile_id": ""})


def without_metric(_seed: Seed, event: Resource) -> Resource:
    """An event whose metric cannot be resolved."""
    return replace(event, columns={**event.columns, "metric_id": ""})


def in_the_future(seed: Seed, event: Resource) -> Resource:
    """An event that has not happened yet, on whatever day the sandbox runs."""
    seconds = int(seed.end) + FUTURE
    moment = {"timestamp": seconds, "datetime": iso_seconds(seconds)}
    columns = {**event.columns, "datetime": seconds * MICROSECONDS}
    return replace(event, attributes={**event.attributes, **moment}, columns=columns)


def spelled_with_blank(_seed: Seed, event: Resource) -> Resource:
    """Seen at Klaviyo: a blank where RFC 3339 has a T."""
    moment = {"datetime": event.attributes["datetime"].replace("T", " ")}
    return replace(event, attributes={**event.attributes, **moment})


ODD = (
    without_profile,
    without_metric,
    in_the_future,
    spelled_with_blank,
    spelled_with_blank,
    spelled_with_blank,
)
"""What becomes of the six events in the middle, one after the other."""


def one_event(  # noqa: PLR0913 - what an event is made from
    random: Random,
    seed: Seed,
    account: Account,
    metric: int,
    places: dict[str, str],
    *,
    seconds: int,
) -> Resource:
    """One event."""
    unique_id = hex_text(random, 24)
    attributes = {
        "timestamp": seconds,
        "event_properties": event_properties(random, seed, account, metric, unique_id),
        "datetime": iso_seconds(seconds),
        "uuid": uuid_of_time(random, seconds),
    }
    # The moment as the column wants it: reading it out of the text would take longer.
    columns = {**places, "unique_id": unique_id, "datetime": seconds * MICROSECONDS}
    return Resource("event", event_id(random), attributes, columns)


def event_properties(
    random: Random, seed: Seed, account: Account, metric: int, unique_id: str
) -> dict[str, Any]:
    """What an event says; the filler brings it to the seed's size."""
    name = METRICS[metric][0]
    value = round(random.uniform(5, 250), 2) if "Order" in name else 0
    return {
        **(sent_message(random, account) if "Email" in name else {}),
        "$event_id": unique_id,
        "$value": value,
        "$value_currency": "USD",
        "ItemNames": random.sample(("Täglich", "Шапка", "Mug", "Lamp", "Rug"), k=2),
        "Lines": [{"sku": text_of(random, "ABC123", 6), "quantity": random.randrange(1, 5)}],
        "Note": words(random, max(10, seed.event_bytes - ENVELOPE)),
    }


def sent_message(random: Random, account: Account) -> dict[str, str]:
    """What an e-mail's event says of where it came from: a flow's message, or a campaign."""
    if random.random() < 0.5:  # noqa: PLR2004
        return {"$flow": random.choice(account.flows), "$message": short_id(random)}
    return {"$message": random.choice(account.campaigns)}


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
    return Resource("attribution", hex_text(random, 32), {}, columns)
