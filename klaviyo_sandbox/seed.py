"""The account that a new sandbox holds: the same for the same seed and size, byte for byte.

With `traps` it holds what makes readers lose or misread data at Klaviyo too; the parts are in
`seed_*`.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from random import Random

from klaviyo_sandbox.kinds import KINDS
from klaviyo_sandbox.seed_account import account_resources, the_account
from klaviyo_sandbox.seed_content import content_resources
from klaviyo_sandbox.seed_events import event_resources
from klaviyo_sandbox.seed_form import Account, Seed
from klaviyo_sandbox.seed_objects import object_resources
from klaviyo_sandbox.seed_profiles import member_rows, profile_resources
from klaviyo_sandbox.seed_shop import shop_resources
from klaviyo_sandbox.store import MEMBER, Resource, Store

BATCH = 5_000


def plant(store: Store, seed: Seed) -> None:
    """Fill an empty store."""
    random = Random(seed.number)  # noqa: S311 - repeatable, not secret
    with store.transaction():
        if seed.empty:
            store.put([the_account(random)])
            return
        account = account_resources(random, seed.end)
        store.put(account.resources)
        profile_ids = plant_profiles(store, random, seed, account)
        events = event_resources(random, seed, account, profile_ids)
        with store.filling(KINDS["event"]):
            for batch in batches(events):
                store.put(batch)
        for batch in batches(everything_else(seed, account, profile_ids)):
            store.put(batch)


def everything_else(seed: Seed, account: Account, profiles: list[str]) -> Iterator[Resource]:
    """What hangs on nothing that was made from the account's own random numbers."""
    random = Random(f"{seed.number} and more")  # noqa: S311 - repeatable, not secret
    yield from shop_resources(random, seed.end, profiles)
    yield from content_resources(random, seed.end, account, profiles)
    yield from object_resources(random, seed.end)


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
