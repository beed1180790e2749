"""Merges, push tokens and back-in-stock subscriptions through the real command."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from klaviyo_sandbox.sandbox import Sandbox
from tests.target.running import Run, held, load, profiles, records, run_target, schema, sent, state

MERGE, TOKENS, STOCK = "profile_merges", "push_tokens", "back_in_stock_subscriptions"
VARIANT = "$custom:::$default:::shirt-m"


def messages(stream: str, *rows: dict[str, Any]) -> list[Any]:
    columns = dict.fromkeys(name for row in rows for name in row)
    typed: dict[str, Any] = {
        name: {"type": ["object", "null"]}
        for row in rows
        for name, value in row.items()
        if isinstance(value, dict)
    }
    return [schema(stream, *columns, **typed), *records(stream, rows), state({"n": 1})]


def lenient(folder: Path) -> dict[str, str]:
    return {"on_error": "dead_letter", "dead_letter_path": str(folder / "letters")}


def figures(run: Run, stream: str) -> dict[str, int]:
    assert run.code == 0, run.log
    found = run.figures(stream)
    names = ("rows", "accepted", "skipped", "rejected", "unknown")
    assert found["rows"] == sum(found[name] for name in names[1:])
    return {name: found[name] for name in names if found[name]}


@pytest.fixture
def people(sandbox: Sandbox) -> dict[str, str]:
    rows: list[dict[str, Any]] = [
        {"email": "ada@shop.org", "first_name": "Ada"},
        {"email": "ada.old@shop.org", "last_name": "Byron", "external_id": "1"},
        {"email": "ben@shop.org", "first_name": "Ben"},
    ]
    event = {"email": "ada.old@shop.org", "metric": "Ordered", "time": "2026-01-01T00:00:00Z"}
    told = [*messages("profiles", *rows), *messages("events", event)]
    assert load(sandbox, told).error is None
    return {email: one["id"] for email, one in profiles(sandbox).items()}


def test_merges(sandbox: Sandbox, people: dict[str, str], tmp_path: Path) -> None:
    ada, old = people["ada@shop.org"], people["ada.old@shop.org"]
    row = {"destination_email": "ADA@shop.org", "source_email": None, "source_id": None}
    rows = [
        {**row, "source_email": "ada.old@shop.org"},
        {**row, "source_id": old},
        {**row, "source_email": "nobody@shop.org"},
        {**row, "source_id": ada},
        {**row, "destination_email": "nobody@shop.org", "source_id": ada},
        {**row, "destination_email": "no address", "source_id": ada},
        {**row, "source_id": "x" * 1_001},
    ]
    run = run_target(sandbox.url, messages(MERGE, *rows), **lenient(tmp_path))
    assert figures(run, MERGE) == {"rows": 7, "accepted": 1, "skipped": 3, "rejected": 3}
    assert sent(sandbox, "merge_profiles") == [202]
    found = profiles(sandbox)
    assert set(found) == {"ada@shop.org", "ben@shop.org"}
    assert found["ada@shop.org"]["last_name"] == "Byron"
    assert found["ada@shop.org"]["external_id"] == "1"
    (event,) = sandbox.account.resources("event")
    assert event["relationships"]["profile"]["data"]["id"] == ada
    again = run_target(sandbox.url, messages(MERGE, {**row, "source_email": "ada.old@shop.org"}))
    assert figures(again, MERGE) == {"rows": 1, "skipped": 1}


def test_a_merge_is_not_sent_twice_when_its_answer_gets_lost(
    sandbox: Sandbox, people: dict[str, str], tmp_path: Path
) -> None:
    sandbox.faults.add("merge_profiles", "lost_response")
    row = {"destination_id": people["ada@shop.org"], "source_id": people["ada.old@shop.org"]}
    run = run_target(sandbox.url, messages(MERGE, row), **lenient(tmp_path))
    assert figures(run, MERGE) == {"rows": 1, "unknown": 1}
    assert len(sent(sandbox, "merge_profiles")) == 1


def device(token: str, **more: Any) -> dict[str, Any]:
    row = {
        "token": token,
        "platform": "ios",
        "vendor": "apns",
        "enablement_status": "AUTHORIZED",
        "email": None,
        "profile_id": None,
        "device_metadata": None,
    }
    return {**row, **more}


def test_push_tokens(sandbox: Sandbox, people: dict[str, str], tmp_path: Path) -> None:
    rows = [
        device("t1", email="ada@shop.org"),
        device("t1", email="ada@shop.org"),
        device("t1", email="ada@shop.org", enablement_status="DENIED"),
        device("t2", profile_id=people["ben@shop.org"], device_metadata={"device_id": "d"}),
        device("t3", email="new@shop.org"),
        device("t4", email="new@shop.org", platform="android", vendor="fcm"),
        device("t5", profile_id="01ABCDEFGHJKMNPQRSTVWXYZ00"),
        device("t6", email="ada@shop.org", platform="windows"),
        device("t7", email="ada@shop.org", enablement_status=None),
        device("t" * 100_001, email="ada@shop.org"),
    ]
    run = run_target(sandbox.url, messages(TOKENS, *rows), **lenient(tmp_path))
    assert figures(run, TOKENS) == {"rows": 10, "accepted": 5, "skipped": 1, "rejected": 4}
    found = {one["token"]: one for one in held(sandbox, "get_push_tokens")}
    assert {token: one["enablement_status"] for token, one in found.items()} == {
        "t1": "DENIED",
        "t2": "AUTHORIZED",
        "t3": "AUTHORIZED",
        "t4": "AUTHORIZED",
    }
    assert found["t2"]["metadata"]["device_id"] == "d"
    assert set(profiles(sandbox)) == {*people, "new@shop.org"}


def test_a_token_says_whether_it_may_be_used(sandbox: Sandbox) -> None:
    row = device("t1", email="ada@shop.org")
    del row["enablement_status"]
    run = run_target(sandbox.url, messages(TOKENS, row))
    assert run.code == 1
    assert "nothing fills enablement_status" in run.log


def wish(channels: str, **more: Any) -> dict[str, Any]:
    row = {"channels": channels, "variant_external_id": "shirt-m", "email": None}
    return {**row, "variant_id": None, **more}


def test_back_in_stock(sandbox: Sandbox, people: dict[str, str], tmp_path: Path) -> None:
    sandbox.account.put("catalog-variant", VARIANT, {"external_id": "shirt-m", "title": "Shirt"})
    rows = [
        wish("email", email="ada@shop.org"),
        wish("EMAIL", email="ada@shop.org"),
        wish("SMS", email="ben@shop.org", variant_external_id=None, variant_id=VARIANT),
        wish("FAX", email="ben@shop.org"),
        wish("EMAIL", email="ben@shop.org", variant_external_id="gone"),
        wish("EMAIL", email="no address"),
        wish("EMAIL", email="ben@shop.org", variant_external_id="x" * 100_001),
    ]
    run = run_target(sandbox.url, messages(STOCK, *rows), **lenient(tmp_path))
    assert figures(run, STOCK) == {"rows": 7, "accepted": 2, "skipped": 1, "rejected": 4}
    made = [
        (
            one["relationships"]["profile"]["data"]["id"],
            one["attributes"]["event_properties"]["Channels"],
        )
        for one in sandbox.account.resources("event")
        if "Channels" in one["attributes"]["event_properties"]
    ]
    ada, ben = people["ada@shop.org"], people["ben@shop.org"]
    assert sorted(made) == sorted([(ada, ["EMAIL"]), (ben, ["SMS"])])


@pytest.mark.parametrize(
    ("stream", "row", "operation"),
    [
        (MERGE, {"destination_id": "a", "source_id": "b"}, "merge_profiles"),
        (TOKENS, device("t", email="x@shop.org"), "create_push_token"),
        (STOCK, wish("EMAIL", email="x@shop.org"), "create_back_in_stock_subscription"),
    ],
)
def test_dry_runs_write_nothing(
    sandbox: Sandbox, stream: str, row: dict[str, Any], operation: str
) -> None:
    run = run_target(sandbox.url, messages(stream, row), dry_run=True)
    assert f"first payload of {operation}" in run.log
    assert figures(run, stream) == {"rows": 1, "accepted": 1}
    assert sent(sandbox, operation) == []
