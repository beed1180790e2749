"""The writes by operation, and what time does to the account between requests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from random import Random

import msgspec

from klaviyo_sandbox import (
    bulk_jobs,
    coupon_writes,
    event_writes,
    import_jobs,
    list_writes,
    profile_writes,
    subscription_writes,
    suppression_jobs,
)
from klaviyo_sandbox.messages import Response
from klaviyo_sandbox.shop_jobs import JOB_TYPES, JOBS
from klaviyo_sandbox.store import Store
from klaviyo_sandbox.writing import Writing

HANDLERS: Mapping[str, Callable[[Writing], Response]] = {
    "create_profile": profile_writes.create,
    "update_profile": profile_writes.update,
    "create_or_update_profile": profile_writes.create_or_update,
    "bulk_import_profiles": import_jobs.create,
    "bulk_subscribe_profiles": subscription_writes.subscribe,
    "bulk_unsubscribe_profiles": subscription_writes.unsubscribe,
    "bulk_suppress_profiles": suppression_jobs.create,
    "bulk_unsuppress_profiles": suppression_jobs.create,
    "create_event": event_writes.create,
    "bulk_create_events": event_writes.bulk_create,
    "create_list": list_writes.create,
    "update_list": list_writes.update,
    "delete_list": list_writes.delete,
    "add_profiles_to_list": list_writes.add_members,
    "remove_profiles_from_list": list_writes.remove_members,
    "create_coupon": coupon_writes.create,
    "update_coupon": coupon_writes.update,
    **{name: partial(bulk_jobs.create, rule=rule) for name, rule in JOBS.items()},
}


def settle(store: Store, now: float, random: Random) -> None:
    """Do everything that is due by `now`, in the order in which it fell due."""
    while (row := next_due(store, now)) is not None:
        number, due, action, target, content = row
        with store.transaction():
            store.run("DELETE FROM pending WHERE rowid = ?", (number,))
            if action == "process_events":
                event_writes.process(store, msgspec.json.decode(content), due, random)
            elif action == "complete_job":
                import_jobs.complete(store, target, due, content, random)
            elif action == "start_bulk_job":
                bulk_jobs.start(store, target, content)
            elif action == "run_bulk_job":
                rule = JOB_TYPES[msgspec.json.decode(content)["type"]]
                bulk_jobs.run(rule, bulk_jobs.Running(store, due, random), target, content)
            elif action == "suppress":
                suppression_jobs.work(store, target, due, content, random)
            elif action == "end_suppressing":
                suppression_jobs.end(store, target, content)
            elif action == "start_job":
                import_jobs.start(store, target, due)
            else:
                import_jobs.cancel(store, target, due)


def next_due(store: Store, now: float) -> tuple[int, float, str, str, bytes] | None:
    """The oldest entry that is due."""
    statement = (
        "SELECT rowid, due, action, target, content FROM pending "
        "WHERE due <= ? ORDER BY due, rowid LIMIT 1"
    )
    row: tuple[int, float, str, str, bytes] | None = store.first(statement, (now,))
    return row
