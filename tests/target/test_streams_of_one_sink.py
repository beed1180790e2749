"""Several streams of one sink: their rows keep the order in which they came."""

from __future__ import annotations

from typing import Any

from klaviyo_sandbox.sandbox import Sandbox
from tests.target.running import load, profiles, records, schema, sent

PAST = {"historical_import": "true", "consented_at": "2024-01-01T00:00:00Z"}
ADA = {"email": "ada@shop.org"}


def rows(stream: str, *given: dict[str, Any]) -> list[Any]:
    return records(stream, given)


def test_the_last_row_wins_whichever_stream_it_is_of(sandbox: Sandbox) -> None:
    """The full batch of the second stream would else overtake the first stream's row."""
    streams = {"crm": {"sink": "profiles"}, "shop": {"sink": "profiles"}}
    messages = [
        schema("crm", "email", "title"),
        *rows("crm", {**ADA, "title": "First"}),
        schema("shop", "email", "title"),
        *rows("shop", {**ADA, "title": "Second"}, {"email": "ben@shop.org", "title": "Ben"}),
        *rows("crm", {**ADA, "title": "Last"}),
    ]
    loaded = load(sandbox, messages, streams=streams, batch_size_rows=2)
    assert loaded.error is None
    assert loaded.counts("crm") == {"accepted": 2}
    assert loaded.counts("shop") == {"accepted": 2}
    found = {email: one["title"] for email, one in profiles(sandbox).items()}
    assert found == {"ada@shop.org": "Last", "ben@shop.org": "Ben"}


def test_a_withdrawal_is_not_overtaken_by_the_consent_before_it(sandbox: Sandbox) -> None:
    said = {"channel": {"constant": "email"}, "message_type": {"constant": "marketing"}}
    streams = {
        "signups": {"sink": "subscriptions", "columns": {**said, "consent": "answer"}},
        "leavers": {"sink": "subscriptions", "columns": {**said, "consent": "answer"}},
    }
    yes = {**ADA, "answer": "SUBSCRIBED", **PAST}
    messages = [
        schema("signups", *yes),
        *rows("signups", yes),
        schema("leavers", "email", "answer"),
        *rows("leavers", {**ADA, "answer": "UNSUBSCRIBED"}),
        *rows("leavers", {"email": "ben@shop.org", "answer": "UNSUBSCRIBED"}),
    ]
    assert load(sandbox, messages, streams=streams, batch_size_rows=2).error is None
    (ada,) = sandbox.account.resources("profile")
    consent = ada["attributes"]["subscriptions"]["email"]["marketing"]["consent"]
    assert (ada["attributes"]["email"], consent) == ("ada@shop.org", "UNSUBSCRIBED")


def test_events_of_several_streams_travel_together(sandbox: Sandbox) -> None:
    """Their order does not matter: streams that take turns do not make requests small."""
    columns = {"metric": {"constant": "Bought"}, "time": "at", "backfill": {"constant": True}}
    streams = {name: {"sink": "events", "columns": columns} for name in ("orders", "refunds")}
    messages = [schema(name, "email", "at", "n") for name in streams]
    event = {**ADA, "at": "2026-01-01T00:00:00Z"}
    for number in range(10):
        messages += rows("orders" if number % 2 else "refunds", {**event, "n": str(number)})
    loaded = load(sandbox, messages, streams=streams)
    assert loaded.error is None
    assert sent(sandbox, "bulk_create_events") == [202, 202]
