"""Moderation of reviews, read back from the sandbox."""

from __future__ import annotations

from typing import Any

from klaviyo_sandbox.sandbox import Sandbox
from tests.target.running import held, records, run_target, schema, sent, state

COLUMNS = ("id", "status", "rejection_reason", "status_explanation")


def test_reviews_are_moderated(sandbox: Sandbox) -> None:
    before = {one["id"]: one for one in held(sandbox, "get_reviews")}
    first, second, third, fourth, *_ = before
    rows: list[dict[str, Any]] = [
        {"id": first, "status": "featured"},
        {"id": second, "status": "rejected", "rejection_reason": "fake"},
        {"id": third, "status": "published"},
        {
            "id": third,
            "status": "rejected",
            "rejection_reason": "other",
            "status_explanation": "Twice the same",
        },
        {"id": fourth, "status": "rejected"},
        {"id": fourth, "status": "published", "rejection_reason": "fake"},
        {"id": fourth, "status": "deleted"},
        {"id": "0", "status": "published"},
        {"id": first + "x" * 5_000_000, "status": "published"},
    ]
    messages = [schema("reviews", *COLUMNS), *records("reviews", rows), state({"n": 1})]
    ran = run_target(sandbox.url, messages, on_error="dead_letter", dead_letter_path="/dev/null")
    assert ran.code == 0, ran.log
    figures = ran.figures("reviews")
    assert (figures["rows"], figures["accepted"]) == (9, 3)
    assert (figures["skipped"], figures["rejected"]) == (1, 5)
    assert "rejection_reason goes with the status rejected, and with no other" in ran.log
    assert "status must be one of" in ran.log
    after = {one["id"]: one for one in held(sandbox, "get_reviews")}
    assert after[first]["status"] == {"value": "featured"}
    assert after[second]["status"] == {"value": "rejected", "rejection_reason": {"reason": "fake"}}
    assert after[third]["status"]["rejection_reason"]["status_explanation"] == "Twice the same"
    assert after[fourth] == before[fourth]
    assert after[first]["content"] == before[first]["content"]
    assert sorted(sent(sandbox, "update_review")) == [200, 200, 200, 404]
