"""Klaviyo's own Python client reads and writes every served operation without a complaint."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from klaviyo_api import KlaviyoAPI  # type: ignore[import-untyped]

from klaviyo_sandbox import ManualClock, Sandbox, served_operations
from klaviyo_sandbox.contract import operations
from klaviyo_sandbox.kinds import BY_COLLECTION
from tests.judges.openapi import RECORDED, assert_ledger_valid
from tests.sandbox import report_calls, shop_calls
from tests.sandbox.asking import bulk_events, event, event_of, import_job, profile

SERVED = [operations()[name] for name in served_operations()]
READS = [row.id for row in SERVED if row.method == "GET"]
WRITES = [row.id for row in SERVED if row.method != "GET"]
REQUIRED = {
    "get_campaigns": "equals(messages.channel,'email')",
    "get_coupon_codes": 'equals(coupon.id,"COUPON1")',
}
ADA = {"email": "ada@klaviyo-sandbox.dev", "properties": {"tier": "gold"}}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """Without the oddities: a date with a blank in it is none by the OpenAPI file."""
    clock = ManualClock()
    with Sandbox(
        profiles=40, events=100, clock=clock, limits=False, keep_answers=True, traps=False
    ) as made:
        klaviyo = client(made)
        rows = [profile(email="a@klaviyo-sandbox.dev"), profile(external_id="b")]
        klaviyo.Profiles.bulk_import_profiles(
            {"data": import_job(rows, (made.account.ids("list")[0],))}
        )
        made.faults.add("bulk_import_profiles", "row_failure", row=0)
        klaviyo.Profiles.bulk_import_profiles({"data": import_job(rows)})
        clock.advance(60)
        yield made


@cache
def client(sandbox: Sandbox) -> Any:
    return KlaviyoAPI("pk_test", max_delay=1, max_retries=0, test_host=sandbox.url)


def method(sandbox: Sandbox, operation: str) -> Any:
    klaviyo = client(sandbox)
    groups = [getattr(klaviyo, name) for name in dir(klaviyo) if name[0].isupper()]
    return next(getattr(group, operation) for group in groups if hasattr(group, operation))


def sample(sandbox: Sandbox, operation: str) -> tuple[str, ...]:
    """The id for the operation's path: of a resource that has what the path leads to."""
    parts = operations()[operation].path.split("/")
    if "{" not in operations()[operation].path:
        return ()
    kind = BY_COLLECTION[parts[2]].type
    relation = parts[-1]
    for row in sandbox.account.resources(kind):
        related = row.get("relationships", {}).get(relation, {})
        if relation.startswith("{") or related.get("data"):
            return (row["id"],)
    # Profiles of groups are not among what `resources` shows.
    return (sandbox.account.ids(kind)[0],)


@pytest.mark.parametrize("operation", READS)
def test_reads(sandbox: Sandbox, operation: str) -> None:
    fact = operations()[operation]
    options: dict[str, Any] = {}
    if fact.filter_required:
        options["filter"] = REQUIRED[operation]
    if fact.include:
        options["include"] = list(fact.include)
    for kind, names in fact.additional_fields.items():
        if kind == "metric-property":
            continue  # the client takes sample values for objects, which Klaviyo's file does not
        options[f"additional_fields_{kind.replace('-', '_')}"] = list(names)
    answer = method(sandbox, operation)(*sample(sandbox, operation), **options)
    assert answer is not None


def identifiers(sandbox: Sandbox) -> list[dict[str, str]]:
    return [{"type": "profile", "id": one} for one in sandbox.account.ids("profile")[:3]]


def consent_job(action: str, word: str) -> dict[str, Any]:
    """A bulk change of one person's consent to e-mail marketing."""
    subscriptions = {"email": {"marketing": {"consent": word}}}
    rows = [profile(email="ada@klaviyo-sandbox.dev", subscriptions=subscriptions)]
    return {
        "type": f"profile-subscription-bulk-{action}-job",
        "attributes": {"profiles": {"data": rows}},
    }


def suppression_job(action: str) -> dict[str, Any]:
    """A suppression by hand of one address, or its end."""
    return {
        "type": f"profile-suppression-bulk-{action}-job",
        "attributes": {"profiles": {"data": [profile(email="ada@klaviyo-sandbox.dev")]}},
    }


def deletion(who: str) -> dict[str, Any]:
    """The request to delete somebody."""
    row = {"type": "profile", "id": who, "attributes": {}}
    return {"type": "data-privacy-deletion-job", "attributes": {"profile": {"data": row}}}


def merge(destination: str, source: str) -> dict[str, Any]:
    """The request to merge one profile into another."""
    sources = {"data": [{"type": "profile", "id": source}]}
    return {"type": "profile-merge", "id": destination, "relationships": {"profiles": sources}}


def push_token(who: dict[str, Any]) -> dict[str, Any]:
    """A device of somebody."""
    attributes = {"token": "t", "platform": "ios", "vendor": "apns", "profile": {"data": who}}
    return {"type": "push-token", "attributes": attributes}


def stock(who: dict[str, Any], variant: str) -> dict[str, Any]:
    """Somebody's wish to know when something is back."""
    return {
        "type": "back-in-stock-subscription",
        "attributes": {"channels": ["EMAIL"], "profile": {"data": who}},
        "relationships": {"variant": {"data": {"type": "catalog-variant", "id": variant}}},
    }


def arguments(sandbox: Sandbox, operation: str) -> list[Any]:
    """What the client's method for a write is called with."""
    account = sandbox.account
    who = account.ids("profile")[5]
    group = account.ids("list")[0]
    name = {"type": "list", "attributes": {"name": "New"}}
    calls: dict[str, list[Any]] = {
        "create_profile": [{"data": profile(email="new@klaviyo-sandbox.dev")}],
        "update_profile": [who, {"data": {**profile(first_name="Ada"), "id": who}}],
        "create_or_update_profile": [{"data": profile(**ADA)}],
        "bulk_import_profiles": [{"data": import_job([profile(**ADA)])}],
        "create_event": [{"data": event_of(profile(**ADA), value=9.5)}],
        "bulk_create_events": [{"data": bulk_events(profile(**ADA), [event(unique_id="1")])}],
        "bulk_subscribe_profiles": [{"data": consent_job("create", "SUBSCRIBED")}],
        "bulk_unsubscribe_profiles": [{"data": consent_job("delete", "UNSUBSCRIBED")}],
        "bulk_suppress_profiles": [{"data": suppression_job("create")}],
        "bulk_unsuppress_profiles": [{"data": suppression_job("delete")}],
        "request_profile_deletion": [{"data": deletion(who)}],
        "merge_profiles": [{"data": merge(who, account.ids("profile")[6])}],
        "create_push_token": [{"data": push_token(profile(**ADA))}],
        "create_back_in_stock_subscription": [
            {"data": stock(profile(**ADA), account.ids("catalog-variant")[0])}
        ],
        "create_list": [{"data": name}],
        "update_list": [group, {"data": {**name, "id": group}}],
        "delete_list": [account.ids("list")[1]],
        "add_profiles_to_list": [group, {"data": identifiers(sandbox)}],
        "remove_profiles_from_list": [group, {"data": identifiers(sandbox)}],
        **shop_calls.calls(sandbox),
        **report_calls.calls(sandbox),
    }
    return calls[operation]


@pytest.mark.parametrize("operation", WRITES)
def test_writes(sandbox: Sandbox, operation: str) -> None:
    before = len(sandbox.requests)
    method(sandbox, operation)(*arguments(sandbox, operation))
    assert sandbox.requests[-1].operation == operation
    status = sandbox.requests[-1].status
    said = RECORDED.get((operation, status), str(status))
    assert int(said) in operations()[operation].status
    assert len(sandbox.requests) == before + 1


def test_everything_above_is_what_the_openapi_file_describes(sandbox: Sandbox) -> None:
    assert_ledger_valid(sandbox)
