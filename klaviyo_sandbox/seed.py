"""The account that a new sandbox holds: the same for the same seed and size, byte for byte.

With `traps` it holds what makes readers lose or misread data at Klaviyo too; the parts are in
`seed_account`, `seed_profiles` and `seed_events`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from random import Random

from klaviyo_sandbox.clock import microseconds
from klaviyo_sandbox.seed_account import Account, account_resources
from klaviyo_sandbox.seed_events import event_resources
from klaviyo_sandbox.seed_profiles import member_rows, profile_resources
from klaviyo_sandbox.store import MEMBER, Resource, Store

BATCH = 5_000
DATE = "2026-09-01T00:00:00+00:00"
EVENT_BYTES = 1_150


@dataclass(frozen=True, slots=True)
class Seed:
    """What a seeded account is made from.

    `date` is the day on which its history ends; `event_bytes` is about the size of an event in
    an answer; `traps` puts in the oddities.
    """

    number: int = 7
    profiles: int = 1_000
    events: int = 20_000
    date: str = DATE
    event_bytes: int = EVENT_BYTES
    traps: bool = True

    @property
    def end(self) -> float:
        """Seconds since 1970 at which the history ends."""
        return microseconds(self.date) / 1_000_000


def plant(store: Store, seed: Seed) -> None:
    """Fill an empty store."""
    random = Random(seed.number)  # noqa: S311 - repeatable, not secret
    with store.transaction():
        account = account_resources(random, seed.end)
        store.put(account.resources)
        profile_ids = plant_profiles(store, random, seed, account)
        events = event_resources(random, seed, account, profile_ids)
        for batch in batches(events):
            store.put(batch)


def plant_profiles(store: Store, random: Random, seed: Seed, account: Account) -> list[str]:
    """Put the profiles and their memberships; the profiles' ids."""
    ids: list[str] = []
    for batch in batches(profile_resources(random, seed, account)):
        store.put(batch)
        ids += [resource.id for resource in batch]
    store.run_many(MEMBER, member_rows(random, seed.end, account, ids))
    return ids


def batches(resources: Iterator[Resource]) -> Iterator[list[Resource]]:
    """The resources in lists of `BATCH`."""
    while batch := list(islice(resources, BATCH)):
        yield batch
