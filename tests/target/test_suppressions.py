"""Addresses suppressed and freed again through the real command, and what that did."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from klaviyo_sandbox.sandbox import Sandbox
from tests.target.running import Run, load, records, run_target, schema, sent, state

STREAM = "suppressions"


def addresses(*emails: Any) -> list[Any]:
    rows = [{"email": email} for email in emails]
    return [schema(STREAM, "email"), *records(STREAM, rows), state({"n": 1})]


def reasons(sandbox: Sandbox) -> dict[str, list[str]]:
    """Why each address is suppressed."""
    found = {}
    for one in sandbox.account.resources("profile"):
        marketing = one["attributes"]["subscriptions"]["email"]["marketing"]
        assert marketing["can_receive_email_marketing"] == (not marketing["suppression"])
        found[one["attributes"]["email"]] = [kept["reason"] for kept in marketing["suppression"]]
    return found


def consents(sandbox: Sandbox) -> set[str]:
    found = sandbox.account.resources("profile")
    return {one["attributes"]["subscriptions"]["email"]["marketing"]["consent"] for one in found}


def in_mode(mode: str, **others: Any) -> dict[str, Any]:
    return {"streams": {STREAM: {"mode": mode}}, **others}


def figures(run: Run) -> dict[str, int]:
    found = run.figures(STREAM)
    names = ("rows", "accepted", "skipped", "rejected", "unknown")
    assert found["rows"] == sum(found[name] for name in names[1:])
    return {name: found[name] for name in names if found[name]}


@pytest.fixture
def people(sandbox: Sandbox) -> list[str]:
    emails = [f"{name}@shop.org" for name in ("ada", "ben", "cy")]
    rows = [{"email": email} for email in emails]
    assert load(sandbox, [schema("profiles", "email"), *records("profiles", rows)]).error is None
    return emails


def test_addresses_are_suppressed_and_freed(
    sandbox: Sandbox, people: list[str], tmp_path: Path
) -> None:
    letters = {"on_error": "dead_letter", "dead_letter_path": str(tmp_path / "letters")}
    rows = addresses(*people[:2], "ADA@shop.org", "no address", None, "x" * 99 + "@shop.org")
    run = run_target(sandbox.url, rows, **letters)
    assert run.code == 0, run.log
    assert figures(run) == {"rows": 6, "accepted": 2, "skipped": 1, "rejected": 3}
    assert run.figures(STREAM)["jobs"] == 1
    both = {"ada@shop.org": ["USER_SUPPRESSED"], "ben@shop.org": ["USER_SUPPRESSED"]}
    assert reasons(sandbox) == {**both, "cy@shop.org": []}
    assert consents(sandbox) == {"NEVER_SUBSCRIBED"}
    run = run_target(sandbox.url, addresses(people[0]), **in_mode("unsuppress"))
    assert figures(run) == {"rows": 1, "accepted": 1}
    assert reasons(sandbox) == {**both, "ada@shop.org": [], "cy@shop.org": []}


def test_who_unsubscribed_stays_suppressed(sandbox: Sandbox, people: list[str]) -> None:
    row = {
        "consent": "UNSUBSCRIBED",
        "channel": "email",
        "message_type": "marketing",
        "email": people[0],
    }
    told = [schema("subscriptions", *row), *records("subscriptions", [row])]
    assert load(sandbox, told).error is None
    run = run_target(sandbox.url, addresses(people[0]), **in_mode("unsuppress"))
    assert figures(run) == {"rows": 1, "skipped": 1}
    assert "Klaviyo's job skipped it" in run.log
    assert reasons(sandbox)[people[0]] == ["UNSUBSCRIBE"]


def test_a_job_that_skipped_some_says_so(sandbox: Sandbox, people: list[str]) -> None:
    assert run_target(sandbox.url, addresses(people[0])).code == 0
    run = run_target(sandbox.url, addresses(*people))
    assert figures(run) == {"rows": 3, "accepted": 3}
    assert "its job skipped some rows, as nothing to change, without saying which" in run.log
    assert set(map(tuple, reasons(sandbox).values())) == {("USER_SUPPRESSED",)}


def test_101_addresses_are_two_jobs(sandbox: Sandbox) -> None:
    run = run_target(sandbox.url, addresses(*(f"p{number}@shop.org" for number in range(101))))
    assert figures(run) == {"rows": 101, "accepted": 101}
    assert sent(sandbox, "bulk_suppress_profiles") == [202, 202]
    assert set(map(tuple, reasons(sandbox).values())) == {("USER_SUPPRESSED",)}


def test_a_dry_run_suppresses_nobody(sandbox: Sandbox, people: list[str]) -> None:
    run = run_target(sandbox.url, addresses(*people), dry_run=True)
    assert "first payload of bulk_suppress_profiles" in run.log
    assert figures(run) == {"rows": 3, "accepted": 3}
    assert set(map(tuple, reasons(sandbox).values())) == {()}


@pytest.mark.parametrize("mode", ["suppress", "unsuppress"])
def test_a_cancelled_job_leaves_its_rows_unknown(
    sandbox: Sandbox, people: list[str], mode: str
) -> None:
    sandbox.faults.add(f"bulk_{mode}_profiles", "cancelled_job")
    loaded = load(sandbox, addresses(*people), **in_mode(mode))
    ((reason, count),) = loaded.counts(STREAM).items()
    assert reason.startswith("unknown: Klaviyo has cancelled a bulk job")
    assert count == len(people)
    assert not any(reasons(sandbox).values())
