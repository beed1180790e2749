"""The writes by operation, and what time does to the account between requests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from random import Random

import msgspec

from klaviyo_sandbox import (
    aggregates,
    bulk_jobs,
    catalog_link_writes,
    coupon_writes,
    event_writes,
    import_jobs,
    list_writes,
    object_writes,
    person_writes,
    profile_writes,
    reports,
    review_writes,
    subscription_writes,
    suppression_jobs,
    tag_writes,
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
    "request_profile_deletion": person_writes.request_deletion,
    "merge_profiles": person_writes.merge,
    "create_push_token": person_writes.create_push_token,
    "create_back_in_stock_subscription": person_writes.subscribe_to_stock,
    "create_event": event_writes.create,
    "bulk_create_events": event_writes.bulk_create,
    "create_list": list_writes.create,
    "update_list": list_writes.update,
    "delete_list": list_writes.delete,
    "add_profiles_to_list": list_writes.add_members,
    "remove_profiles_from_list": list_writes.remove_members,
    "add_items_to_catalog_category": catalog_link_writes.add,
    "remove_items_from_catalog_category": catalog_link_writes.remove,
    "create_coupon": coupon_writes.create,
    "update_coupon": coupon_writes.update,
    "create_data_source": object_writes.create_source,
    "bulk_create_data_source_records": object_writes.create_records,
    "bulk_delete_object_records": object_writes.delete_records,
    "update_review": review_writes.update,
    **dict(tag_writes.handlers()),
    **reports.HANDLERS,
    **aggregates.HANDLERS,
    **{name: partial(bulk_jobs.create, rule=rule) for name, rule in JOBS.items()},
}


@dataclass(frozen=True, slots=True)
class Due:
    """Something that has fallen due at `time`."""

    store: Store
    time: float
    target: str
    content: bytes
    random: Random


def process_events(due: Due) -> None:
    """Make accepted events visible."""
    rows = msgspec.json.decode(due.content)
    event_writes.process(due.store, rows, due.time, due.random)


def run_bulk_job(due: Due) -> None:
    """Let a job of the shop do its work."""
    rule = JOB_TYPES[msgspec.json.decode(due.content)["type"]]
    running = bulk_jobs.Running(due.store, due.time, due.random)
    bulk_jobs.run(rule, running, due.target, due.content)


def complete_job(due: Due) -> None:
    """Import the profiles of a job."""
    import_jobs.complete(due.store, due.target, due.time, due.content, due.random)


def suppress(due: Due) -> None:
    """Let a job suppress people, or lift that."""
    suppression_jobs.work(due.store, due.target, due.time, due.content, due.random)


ACTIONS: Mapping[str, Callable[[Due], None]] = {
    "process_events": process_events,
    "start_job": lambda due: import_jobs.start(due.store, due.target, due.time),
    "complete_job": complete_job,
    "cancel_job": lambda due: import_jobs.cancel(due.store, due.target, due.time),
    "start_bulk_job": lambda due: bulk_jobs.start(due.store, due.target, due.content),
    "run_bulk_job": run_bulk_job,
    "suppress": suppress,
    "end_suppressing": lambda due: suppression_jobs.end(due.store, due.target, due.content),
    "cancel_suppressing": lambda due: suppression_jobs.cancel(due.store, due.target, due.content),
    "delete_profiles": lambda due: person_writes.delete(due.store, due.content),
    "merge_profiles": lambda due: person_writes.merged(
        due.store, due.content, due.random, due.time
    ),
}


def settle(store: Store, now: float, random: Random) -> None:
    """Do everything that is due by `now`, in the order in which it fell due."""
    while (row := next_due(store, now)) is not None:
        number, time, action, target, content = row
        with store.transaction():
            store.run("DELETE FROM pending WHERE rowid = ?", (number,))
            ACTIONS[action](Due(store, time, target, content, random))


def next_due(store: Store, now: float) -> tuple[int, float, str, str, bytes] | None:
    """The oldest entry that is due."""
    statement = (
        "SELECT rowid, due, action, target, content FROM pending "
        "WHERE due <= ? ORDER BY due, rowid LIMIT 1"
    )
    row: tuple[int, float, str, str, bytes] | None = store.first(statement, (now,))
    return row
