"""Faults: queued, met, counted."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from klaviyo_sandbox import FaultError, Sandbox
from tests.sandbox.asking import Asking, event_of, profile
from tests.waiting import LIMIT_SECONDS, until

SORTED = {"sort": "id", "page[size]": "10"}


def ids(page: dict[str, Any]) -> list[str]:
    return [row["id"] for row in page["data"]]


def test_faults_wait_strike_and_are_counted(ask: Asking) -> None:
    ask.sandbox.faults.add("get_lists", "status", status=503, after=1, times=2)
    states = [ask("GET", "/api/lists").status_code for _ in range(5)]
    assert states == [200, 503, 503, 200, 200]
    assert [row["met"] for row in ask.sandbox.faults.report()] == [2]
    assert [entry.fault for entry in ask.sandbox.requests] == ["", "status", "status", "", ""]


def test_a_fault_is_for_its_operation_or_for_all(ask: Asking) -> None:
    ask.sandbox.faults.add("get_tags", "status", status=500)
    assert ask("GET", "/api/lists").ok
    assert ask.sandbox.faults.met() == 0
    ask.sandbox.faults.add("*", "status", status=429, retry_after=7)
    answer = ask("GET", "/api/lists")
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "7")


def test_html_403(ask: Asking) -> None:
    ask.sandbox.faults.add("get_lists", "html_403")
    answer = ask("GET", "/api/lists")
    assert answer.status_code == 403
    assert answer.headers["Content-Type"].startswith("text/html")


@pytest.mark.parametrize("kind", ["reset", "truncated"])
def test_broken_connections(ask: Asking, kind: str) -> None:
    ask.sandbox.faults.add("get_lists", kind)
    with pytest.raises(requests.RequestException):
        ask("GET", "/api/lists")
    assert ask("GET", "/api/lists").ok


def test_a_lost_response_was_applied(ask: Asking) -> None:
    ask.sandbox.faults.add("create_event", "lost_response")
    before = ask.sandbox.account.count("event")
    with pytest.raises(requests.ConnectionError):
        ask("POST", "/api/events", content=event_of(profile(external_id="x")))
    assert ask.sandbox.account.count("event") == before + 1


def test_a_delay_passes(ask: Asking) -> None:
    ask.sandbox.faults.add("get_lists", "delay", seconds=0.02)
    assert ask("GET", "/api/lists").elapsed.total_seconds() >= 0.02


def test_an_answer_is_held_until_the_faults_are_forgotten(ask: Asking) -> None:
    faults = ask.sandbox.faults
    faults.add("get_lists", "held", after=1)
    assert ask("GET", "/api/lists").ok
    with ThreadPoolExecutor() as threads:
        waiting = threads.submit(ask, "GET", "/api/lists")
        until(lambda: len(ask.sandbox.requests.of("get_lists")) == 2)
        assert not waiting.done()
        faults.clear()
        assert waiting.result().ok
    assert ask.sandbox.requests[-1].fault == "held"


def test_an_answer_in_the_making_goes_when_the_faults_are_forgotten(ask: Asking) -> None:
    faults = ask.sandbox.faults
    faults.add("get_lists", "held")
    with ThreadPoolExecutor() as threads:
        with ask.sandbox.app._lock:  # no answer is made meanwhile
            waiting = threads.submit(ask, "GET", "/api/lists")
            until(lambda: faults.met() == 1)
            faults.clear()
        try:
            assert waiting.result(LIMIT_SECONDS).ok
        finally:
            faults.clear()


def test_what_is_held_does_not_keep_the_sandbox_from_ending() -> None:
    with ThreadPoolExecutor() as threads:
        with Sandbox(profiles=0, events=0) as sandbox:
            sandbox.faults.add("get_lists", "held")
            asking = Asking(sandbox)
            waiting = threads.submit(asking, "GET", "/api/lists")
            until(lambda: len(sandbox.requests) == 1)
        assert waiting.exception() or waiting.result().ok
    asking.session.close()


def test_a_repeated_cursor_leads_to_the_same_page(ask: Asking) -> None:
    ask.sandbox.faults.add("get_profiles", "repeated_cursor")
    first = ask.get("/api/profiles", **SORTED)
    second = ask.get(first["links"]["next"])
    assert second["links"]["next"] == second["links"]["self"] == first["links"]["next"]
    assert ask.sandbox.faults.met() == 1


def test_an_unsorted_page_holds_the_same_rows(ask: Asking) -> None:
    expected = ids(ask.get("/api/profiles", **SORTED))
    ask.sandbox.faults.add("get_profiles", "unsorted")
    assert ids(ask.get("/api/profiles", **SORTED)) == expected[::-1]


def test_an_empty_page_loses_nothing(ask: Asking) -> None:
    expected = [one for page in ask.pages("/api/profiles", SORTED) for one in ids(page)]
    ask.sandbox.faults.add("get_profiles", "empty_page", after=1)
    pages = list(ask.pages("/api/profiles", SORTED))
    assert ids(pages[1]) == []
    assert [one for page in pages for one in ids(page)] == expected


def test_a_garbled_page_is_whole_but_no_json(ask: Asking) -> None:
    ask.sandbox.faults.add("get_profiles", "garbled")
    answer = ask("GET", "/api/profiles")
    assert answer.status_code == 200
    with pytest.raises(ValueError, match="line 1 column 2"):
        answer.json()


def test_an_unknown_attribute(ask: Asking) -> None:
    ask.sandbox.faults.add("get_lists", "unknown_attribute")
    row = ask.get("/api/lists")["data"][0]
    assert row["attributes"]["unannounced_attribute"] == {"of": "a later day"}


@pytest.mark.parametrize(
    "content",
    [
        {"operation": "get_everything", "kind": "reset"},
        {"operation": "get_lists", "kind": "earthquake"},
        {"operation": "get_lists", "kind": "status"},
        {"operation": "get_lists", "kind": "reset", "seconds": 1},
        {"operation": "get_lists", "kind": "reset", "times": 0},
        {"operation": "get_lists", "kind": "cancelled_job"},
        {"kind": "reset"},
    ],
)
def test_impossible_faults_are_refused(sandbox: Sandbox, content: dict[str, Any]) -> None:
    with pytest.raises(FaultError):
        sandbox.faults.add_all([content])
    assert sandbox.faults.report() == []


def test_faults_over_the_wire(ask: Asking) -> None:
    url = f"{ask.sandbox.url}/sandbox/faults"
    fault = {"operation": "get_lists", "kind": "status", "status": 502}
    assert ask.session.post(url, json=[fault], timeout=60).status_code == 201
    assert ask.session.post(url, json={**fault, "kind": "x"}, timeout=60).status_code == 400
    assert ask("GET", "/api/lists").status_code == 502
    assert ask.session.get(url, timeout=60).json() == [{**fault, "times": 1, "after": 0, "met": 1}]
    assert ask.session.delete(url, timeout=60).status_code == 204
    assert ask.session.get(url, timeout=60).json() == []


def test_the_ledger_over_the_wire(ask: Asking) -> None:
    ask("POST", "/api/events", content=event_of(profile(external_id="x")))
    ask("GET", "/api/lists", {"sort": "name"})
    url = f"{ask.sandbox.url}/sandbox/requests"
    rows = ask.session.get(url, timeout=60).json()
    assert [row["operation"] for row in rows] == ["create_event", "get_lists"]
    assert rows[1]["query"] == {"sort": "name"}
    assert "authorization" not in rows[0]["headers"]
    body = ask.session.get(f"{url}/{rows[0]['number']}/body", timeout=60)
    assert body.json()["data"]["type"] == "event"
    assert ask.sandbox.requests[0].json == body.json()
    later = ask.session.get(url, params={"after": str(rows[0]["number"])}, timeout=60).json()
    assert later == rows[1:]
    assert ask.session.delete(url, timeout=60).status_code == 204
    assert len(ask.sandbox.requests) == 0


def test_the_rest_of_the_control_endpoints(ask: Asking) -> None:
    def shown(path: str) -> Any:
        return ask.session.get(f"{ask.sandbox.url}/sandbox/{path}", timeout=60)

    assert "get_events" in shown("operations").json()
    assert shown("resources/list").json() == ask.sandbox.account.resources("list")
    assert shown("dropped-events").json() == []
    assert shown("usage").json()["cpu_seconds"] > 0
    assert shown("nothing").status_code == shown("resources/thing").status_code == 404
