"""The client against a server that judges it: the sandbox, whose clock the client's sleep moves."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import pytest
import requests

from klaviyo_client.auth import PrivateKey
from klaviyo_client.client import KlaviyoClient
from klaviyo_client.client_settings import ClientSettings
from klaviyo_client.errors import (
    AuthenticationError,
    NotFoundError,
    PaginationError,
    PermissionDeniedError,
    RateLimitedError,
)
from klaviyo_client.jobs import PollRule, import_errors, settled_job
from klaviyo_client.query import Query
from klaviyo_sandbox import Sandbox

POLL = PollRule("get_bulk_import_profiles_job")
ERRORS = "get_errors_for_bulk_import_profiles_job"


class SharedClock:
    """Time for both sides; it moves when the client sleeps."""

    def __init__(self) -> None:
        self._now = 1_790_000_000.25
        self._lock = threading.Lock()

    def now(self) -> float:
        with self._lock:
            return self._now

    monotonic = now

    def real_seconds(self, seconds: float) -> float:
        return seconds

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self._now += seconds


def test_what_a_session_holds_is_sent() -> None:
    """Cookies too: whoever stands before Klaviyo may set some."""

    def session() -> requests.Session:
        one = requests.Session()
        one.headers["X-Trace"] = "7"
        one.cookies.set("__cf_bm", "abc")
        return one

    with Sandbox(profiles=1, events=0) as sandbox:
        settings = ClientSettings(base_url=sandbox.url)
        with KlaviyoClient(PrivateKey("pk_x"), settings, session_factory=session) as client:
            client.get("get_lists")
            client.get("get_tags")
        sent = [one.headers for one in sandbox.requests]
    assert [(one["x-trace"], one["cookie"]) for one in sent] == [("7", "__cf_bm=abc")] * 2


@pytest.fixture
def shared() -> SharedClock:
    return SharedClock()


@pytest.fixture
def sandbox(shared: SharedClock) -> Iterator[Sandbox]:
    reads = [f"{name}:read" for name in ("accounts", "events", "flows", "lists", "profiles")]
    keys = {"pk_all": [*reads, "lists:write", "profiles:write"], "pk_lists": ["lists:read"]}
    with Sandbox(profiles=40, events=300, clock=shared, keys=keys) as one:
        yield one


@pytest.fixture
def client(sandbox: Sandbox, shared: SharedClock) -> Iterator[KlaviyoClient]:
    with client_with("pk_all", sandbox, shared) as one:
        yield one


def client_with(key: str, sandbox: Sandbox, clock: SharedClock) -> KlaviyoClient:
    return KlaviyoClient(PrivateKey(key), ClientSettings(base_url=sandbox.url), clock=clock)


def ids(client: KlaviyoClient, operation_id: str, query: Query) -> list[str]:
    return [
        str(resource["id"])
        for page in client.pages(operation_id, query)
        for resource in msgspec.json.decode(page.data)
    ]


def statuses(sandbox: Sandbox) -> set[int]:
    return {entry.status for entry in sandbox.requests}


def test_a_lone_client_never_meets_a_429(
    client: KlaviyoClient, sandbox: Sandbox, shared: SharedClock
) -> None:
    profile = ids(client, "get_profiles", Query(page_size=1))[0]
    for _ in range(40):
        client.get("get_accounts")
        client.get("get_flows")
        client.get("get_profile", Query(include=("lists",)), path={"id": profile})
        shared.sleep(0.1)

    assert statuses(sandbox) == {200}


def test_nor_do_its_threads(client: KlaviyoClient, sandbox: Sandbox) -> None:
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: client.get("get_flows"), range(150)))

    assert len(answers) == 150
    assert statuses(sandbox) == {200}


def test_another_process_on_the_account_is_made_room_for(
    client: KlaviyoClient, sandbox: Sandbox, shared: SharedClock
) -> None:
    headers = {"Authorization": "Klaviyo-API-Key pk_all", "revision": "2026-07-15"}
    for _ in range(4):
        for _ in range(2):  # of the three that a second allows
            url = f"{sandbox.url}/api/flows"
            assert requests.get(url, headers=headers, timeout=60).status_code == 200
        client.get("get_flows")
        client.get("get_flows")  # must wait for the next second
        shared.sleep(1)

    assert statuses(sandbox) == {200}


def test_trouble_on_the_way_loses_nothing_and_repeats_nothing(
    client: KlaviyoClient, sandbox: Sandbox
) -> None:
    query = Query(sort="datetime", page_size=20)
    expected = ids(client, "get_events", query)
    for kind in ("reset", "truncated", "html_403", "empty_page", "unknown_attribute"):
        sandbox.faults.add("get_events", kind, after=1)
    sandbox.faults.add("get_events", "status", status=503, times=3)
    sandbox.faults.add("get_events", "status", status=429, retry_after=5)

    assert ids(client, "get_events", query) == expected
    assert len(set(expected)) == len(expected) >= 300
    assert sandbox.faults.met() == 9


def test_a_repeated_cursor_is_refused(client: KlaviyoClient, sandbox: Sandbox) -> None:
    sandbox.faults.add("get_events", "repeated_cursor", times=99)
    with pytest.raises(PaginationError, match="repeats"):
        ids(client, "get_events", Query(page_size=20))


def test_a_missing_scope_is_named(sandbox: Sandbox, shared: SharedClock) -> None:
    with client_with("pk_lists", sandbox, shared) as client:
        assert client.get("get_lists").status == 200
        with pytest.raises(PermissionDeniedError, match="scope needed: events:read"):
            client.get("get_events")


def test_a_wrong_key_is_refused(sandbox: Sandbox, shared: SharedClock) -> None:
    with (
        client_with("pk_nobody", sandbox, shared) as client,
        pytest.raises(AuthenticationError, match="check the setting api_key"),
    ):
        client.get("get_lists")


def test_an_unknown_id_is_not_found(client: KlaviyoClient) -> None:
    with pytest.raises(NotFoundError, match=r"404 \(not_found\)"):
        client.get("get_profile", path={"id": "01HX/../nobody"})


def test_a_429_on_the_last_try_keeps_its_retry_after(
    client: KlaviyoClient, sandbox: Sandbox
) -> None:
    sandbox.faults.add("get_lists", "status", status=429, retry_after=3, times=8)
    with pytest.raises(RateLimitedError) as caught:
        client.get("get_lists")
    assert caught.value.retry_after == 3
    assert len(sandbox.requests.of("get_lists")) == 8


def import_body(*attributes: Any) -> bytes:
    rows = [{"type": "profile", "attributes": row} for row in attributes]
    job = {
        "type": "profile-bulk-import-job",
        "attributes": {"profiles": {"data": rows}},
    }
    return msgspec.json.encode({"data": job})


def test_a_bulk_job_settles_and_tells_what_it_rejected(
    client: KlaviyoClient, sandbox: Sandbox, shared: SharedClock
) -> None:
    started = shared.now()
    body = import_body({"email": "a@shop.example.net"}, {"email": "b@shop.example.net"})
    sandbox.faults.add("bulk_import_profiles", "row_failure", row=1)

    job = client.write("bulk_import_profiles", body).json()["data"]["id"]
    attributes = settled_job(client, POLL, job)

    assert (attributes["completed_count"], attributes["failed_count"]) == (1, 1)
    rejected = list(import_errors(client, ERRORS, job))
    assert [one["original_payload"]["attributes"]["email"] for one in rejected] == [
        "b@shop.example.net"
    ]
    assert shared.now() > started


def test_a_repeat_safe_write_whose_answer_was_lost_is_sent_again(
    client: KlaviyoClient, sandbox: Sandbox
) -> None:
    sandbox.faults.add("bulk_import_profiles", "lost_response")
    body = import_body({"email": "c@shop.example.net"})

    assert client.write("bulk_import_profiles", body, repeat_safe=True).status == 202
    assert len(sandbox.requests.of("bulk_import_profiles")) == 2
