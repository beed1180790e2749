"""Rows that are requests: sent one by one, each with its outcome."""

from __future__ import annotations

from typing import Any

from klaviyo_sandbox.sandbox import Sandbox
from tests.target.running import held, load, profiles, records, run_target, schema, sent, state

LENIENT = {"on_error": "dead_letter", "dead_letter_path": "/dev/null"}


def requests(*rows: dict[str, Any]) -> list[Any]:
    told = schema("requests", "method", "path", "repeat_safe", body={})
    return [told, *records("requests", rows), state({"n": 1})]


def new_list(name: str, **said: Any) -> dict[str, Any]:
    body = {"data": {"type": "list", "attributes": {"name": name}}}
    return {"method": "POST", "path": "/api/lists", "body": body, **said}


def lists(sandbox: Sandbox) -> list[str]:
    return [one["name"] for one in held(sandbox, "get_lists")]


def test_every_row_is_one_request_in_order(sandbox: Sandbox) -> None:
    list_id = held(sandbox, "get_lists")[0]["id"]
    rows = [
        new_list("First"),
        {"method": "delete", "path": f"/api/lists/{list_id}"},
        {"method": "DELETE", "path": f"/api/lists/{list_id}"},
        new_list("Second", path="/api/lists/"),
        {"method": "GET", "path": "/api/lists"},
        {"method": "POST", "path": "/api/nothing", "body": {}},
        {"method": "POST", "path": "https://elsewhere.dev/api/lists", "body": {}},
        {"method": "DELETE", "path": "/api/lists/.."},
        {"method": "POST", "path": "/api/lists"},
        {"method": "POST", "path": "/api/lists", "body": {"data": {"type": "list"}}},
        new_list("x" * 5_000_000),
    ]
    ran = run_target(sandbox.url, requests(*rows), **LENIENT)
    assert ran.code == 0, ran.log
    figures = ran.figures("requests")
    assert (figures["rows"], figures["accepted"], figures["rejected"]) == (11, 3, 8)
    for words in (
        "method must be one of POST",
        "no operation of this method and path",
        "path must begin with /api/",
        "path lacks an id",
        "has no body, which create_list needs",
        "Klaviyo answered 404",
        "Klaviyo answered 400",
        "is larger than 5000 KB",
    ):
        assert words in ran.log, words
    assert {"First", "Second"} <= set(lists(sandbox))
    assert list_id not in {one["id"] for one in held(sandbox, "get_lists")}


def test_what_may_not_be_repeated_is_unknown_and_the_next_row_goes_out(sandbox: Sandbox) -> None:
    sandbox.faults.add("create_list", "lost_response")
    loaded = load(sandbox, requests(new_list("First"), new_list("Second")))
    counts = loaded.counts("requests")
    assert counts.pop("accepted") == 1
    ((reason, count),) = counts.items()
    assert reason.startswith("unknown: no answer came")
    assert count == 1
    assert sent(sandbox, "create_list") == [201, 201]


def test_what_may_be_repeated_is(sandbox: Sandbox) -> None:
    sandbox.faults.add("create_or_update_profile", "lost_response")
    person = {"data": {"type": "profile", "attributes": {"email": "ada@shop.org"}}}
    row = {"method": "POST", "path": "/api/profile-import", "body": person, "repeat_safe": "yes"}
    assert load(sandbox, requests(row)).counts("requests") == {"accepted": 1}
    assert len(sent(sandbox, "create_or_update_profile")) == 2
    assert set(profiles(sandbox)) == {"ada@shop.org"}


def test_a_dry_run_sends_none(sandbox: Sandbox) -> None:
    before = lists(sandbox)
    loaded = load(sandbox, requests(new_list("First")), dry_run=True)
    assert loaded.counts("requests") == {"accepted": 1}
    assert lists(sandbox) == before


def test_a_text_body_needs_to_be_said_json(sandbox: Sandbox) -> None:
    told = schema("requests", "method", "path", "document")
    body = '{"data": {"type": "list", "attributes": {"name": "First"}}}'
    row = {"method": "POST", "path": "/api/lists", "document": body}
    chosen = {"streams": {"requests": {"columns": {"body": "document"}}}}
    loaded = load(sandbox, [told, *records("requests", [row])], **chosen)
    assert loaded.counts("requests") == {"accepted": 1}
    assert "First" in lists(sandbox)
