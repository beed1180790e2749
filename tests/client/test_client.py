from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest
import requests
from requests.adapters import HTTPAdapter

from klaviyo_client.auth import PrivateKey
from klaviyo_client.client import KlaviyoClient
from klaviyo_client.client_settings import ClientSettings
from klaviyo_client.errors import (
    ConfigurationError,
    ConnectionFailedError,
    InvalidRequestError,
    NotFoundError,
    PaginationError,
    RateLimitedError,
    ServerError,
    UnknownOperationError,
    WaitTooLongError,
)
from klaviyo_client.query import Query
from tests.client.conftest import response

if TYPE_CHECKING:
    from tests.client.conftest import FakeClock, ScriptedClient

API = "https://a.klaviyo.com/api"
DONE: Any = (200, {"data": []})
BUSY: Any = (503, "<html>later</html>")
RESET = requests.ConnectionError("('Connection aborted.', ConnectionResetError(104))")


def page(following: str | None, *ids: str) -> Any:
    return (200, {"data": [{"id": one} for one in ids], "links": {"next": following}})


def throttled(seconds: int) -> Any:
    return (429, {"errors": [{"code": "throttled"}]}, {"Retry-After": str(seconds)})


def test_every_request_says_who_asks_and_in_which_revision(scripted: ScriptedClient) -> None:
    one = scripted(DONE, revision="2026-07-15", user_agent="connector/1")
    one.client.get("get_lists")

    sent = one.adapter.requests[0]
    assert (sent.method, sent.url) == ("GET", f"{API}/lists")
    assert sent.headers["Authorization"] == "Klaviyo-API-Key pk_secret"
    assert sent.headers["revision"] == "2026-07-15"
    assert sent.headers["User-Agent"] == "connector/1"
    assert sent.headers["Accept"] == "application/vnd.api+json"


def test_a_query_is_sent(scripted: ScriptedClient) -> None:
    one = scripted(DONE)
    one.client.get("get_profiles", Query('equals(email,"a@b.org")', "-updated", 50))

    assert one.adapter.addresses == [
        f"{API}/profiles?filter=equals%28email%2C%22a%40b.org%22%29&page%5Bsize%5D=50&sort=-updated"
    ]


def test_what_the_facts_forbid_is_not_sent(scripted: ScriptedClient) -> None:
    one = scripted()
    with pytest.raises(InvalidRequestError):
        one.client.get("get_profiles", Query(page_size=101))
    with pytest.raises(UnknownOperationError):
        one.client.get("get_everything")
    assert one.adapter.requests == []


def test_a_write_sends_its_body_as_it_stands(scripted: ScriptedClient) -> None:
    one = scripted((200, {"data": {"id": "01"}}))
    answer = one.client.write("update_profile", b'{"data": 1.50}', path={"id": "01"})

    sent = one.adapter.requests[0]
    assert (sent.method, sent.url, sent.body) == ("PATCH", f"{API}/profiles/01", b'{"data": 1.50}')
    assert sent.headers["Content-Type"] == "application/vnd.api+json"
    assert answer.json() == {"data": {"id": "01"}}


def test_an_empty_answer_has_no_json(scripted: ScriptedClient) -> None:
    assert scripted((202, b"")).client.write("create_event", b"{}").json() is None


@pytest.mark.parametrize(
    ("method", "path", "operation_id"),
    [
        ("get", "/api/profiles?sort=-updated", "get_profiles"),
        ("POST", "/api/profile-bulk-import-jobs/", "bulk_import_profiles"),
        ("GET", "/api/brand-new", "an unknown operation"),
    ],
)
def test_a_raw_request_is_paced_as_what_it_turns_out_to_be(
    scripted: ScriptedClient, method: str, path: str, operation_id: str
) -> None:
    one = scripted(DONE)
    one.client.raw(method, path)

    assert one.adapter.addresses == ["https://a.klaviyo.com" + path]
    assert one.adapter.requests[0].method == method.upper()
    assert one.exchanges[0].operation_id == operation_id


@pytest.mark.parametrize(
    ("path", "sent"),
    [
        ("/api/lists?filter=equals(name,%22a%20b%22)", None),
        ("/api/lists?page[size]=5", "/api/lists?page%5Bsize%5D=5"),
        (
            '/api/lists?filter=equals(name,"é è")',
            "/api/lists?filter=equals(name,%22%C3%A9%20%C3%A8%22)",
        ),
        ("/api/lists?filter=50%", "/api/lists?filter=50%25"),
        ("/api/events/../lists", "/api/lists"),
    ],
)
def test_a_raw_path_is_sent_as_it_stands_or_escaped(
    scripted: ScriptedClient, path: str, sent: str | None
) -> None:
    one = scripted(DONE)
    one.client.raw("GET", path)
    assert one.adapter.addresses == ["https://a.klaviyo.com" + (sent or path)]


@pytest.mark.parametrize("path", ["api/profiles", "//evil.example/", "https://evil.example/", ""])
def test_a_raw_path_must_be_one(scripted: ScriptedClient, path: str) -> None:
    one = scripted()
    with pytest.raises(InvalidRequestError, match="path must start with one slash"):
        one.client.raw("GET", path)
    assert one.adapter.requests == []


def test_pages_are_followed_verbatim_through_an_empty_one(scripted: ScriptedClient) -> None:
    second = f"{API}/events?page%5Bcursor%5D=a%2Bb%3D&filter=x(y)"
    third = "https://a.klaviyo.com:443/api/events/?cursor=c"
    one = scripted(page(second, "1"), page(third), (200, {"data": [{"id": "2"}]}))

    pages = list(one.client.pages("get_events", Query(sort="datetime")))

    assert [bytes(one.data) for one in pages] == [b'[{"id": "1"}]', b"[]", b'[{"id": "2"}]']
    assert one.adapter.addresses[:2] == [f"{API}/events?sort=datetime", second]
    assert one.adapter.addresses[2] == third
    assert all("Authorization" in request.headers for request in one.adapter.requests)


def test_raw_pages_are_followed_too(scripted: ScriptedClient) -> None:
    one = scripted(page(f"{API}/brand-new?page[cursor]=b", "1"), page(None, "2"))

    assert len(list(one.client.raw_pages("/api/brand-new"))) == 2


@pytest.mark.parametrize(
    "following",
    [f"{API}/lists", "https://evil.example/api/lists", "http://a.klaviyo.com/api/lists"],
)
def test_a_next_link_that_cannot_be_right_ends_with_an_error(
    scripted: ScriptedClient, following: str
) -> None:
    one = scripted(page(following, "1"))
    pages = one.client.pages("get_lists")
    next(pages)

    with pytest.raises(PaginationError):
        next(pages)
    assert len(one.adapter.requests) == 1


def test_a_failing_page_is_read_again(scripted: ScriptedClient) -> None:
    one = scripted(page(f"{API}/lists?page[cursor]=b", "1"), (200, b'{"data":[{"id":'), page(None))

    assert len(list(one.client.pages("get_lists"))) == 2
    assert one.adapter.addresses[1] == one.adapter.addresses[2]


@pytest.mark.parametrize(
    "trouble",
    [
        RESET,
        requests.ReadTimeout(),
        requests.exceptions.ChunkedEncodingError(),
        BUSY,
        (403, "<html>Just a moment...</html>"),
        (200, b'{"data": {"id"'),
        throttled(3),
    ],
    ids=lambda trouble: type(trouble).__name__ if isinstance(trouble, Exception) else trouble[0],
)
def test_passing_trouble_is_waited_out(
    scripted: ScriptedClient, clock: FakeClock, trouble: Any
) -> None:
    one = scripted(trouble, trouble, (200, {"data": {"id": "01"}}))

    assert one.client.get("get_profile", path={"id": "01"}).json() == {"data": {"id": "01"}}
    assert clock.now > 1000.5


def test_retry_after_is_the_wait(scripted: ScriptedClient, clock: FakeClock) -> None:
    scripted(throttled(17), DONE).client.get("get_lists")

    assert clock.now == 1017.0


def test_a_retry_after_of_zero_does_not_burn_the_tries(
    scripted: ScriptedClient, clock: FakeClock
) -> None:
    one = scripted(*[throttled(0)] * 5, DONE)
    one.client.get("get_lists")

    assert clock.now > 1005.0


@pytest.mark.parametrize("max_tries", [2, 8])
def test_a_retry_after_of_hours_is_an_error_at_once(
    scripted: ScriptedClient, clock: FakeClock, max_tries: int
) -> None:
    one = scripted(throttled(7200), max_tries=max_tries, max_wait_seconds=600)

    with pytest.raises(WaitTooLongError, match="7200 s"):
        one.client.get("get_lists")
    with pytest.raises(WaitTooLongError):  # the next caller is told without asking again
        one.client.get("get_lists")
    assert (len(one.adapter.requests), clock.slept) == (1, [])


def test_tries_are_counted(scripted: ScriptedClient) -> None:
    one = scripted(BUSY, BUSY, BUSY, max_tries=3)
    with pytest.raises(ServerError):
        one.client.get("get_lists")
    assert len(one.adapter.requests) == 3
    assert [exchange.status for exchange in one.exchanges] == [503, 503, 503]


def test_a_single_try_of_a_429_is_the_callers_to_handle(scripted: ScriptedClient) -> None:
    with pytest.raises(RateLimitedError) as caught:
        scripted(throttled(5), max_tries=1).client.get("get_lists")
    assert caught.value.retry_after == 5.0


@pytest.mark.parametrize("trouble", [RESET, BUSY], ids=["reset", "503"])
def test_a_write_that_may_have_been_applied_is_not_repeated(
    scripted: ScriptedClient, trouble: Any
) -> None:
    one = scripted(trouble)
    with pytest.raises((ConnectionFailedError, ServerError)):
        one.client.write("create_event", b"{}")
    assert len(one.adapter.requests) == 1


@pytest.mark.parametrize("trouble", [RESET, BUSY], ids=["reset", "503"])
def test_a_repeat_safe_write_is_repeated(scripted: ScriptedClient, trouble: Any) -> None:
    one = scripted(trouble, (202, b""))
    one.client.write("bulk_create_events", b"{}", repeat_safe=True)
    assert [request.body for request in one.adapter.requests] == [b"{}", b"{}"]


def test_a_raw_write_is_not_repeated(scripted: ScriptedClient) -> None:
    one = scripted(BUSY)
    with pytest.raises(ServerError):
        one.client.raw("POST", "/api/lists", b"{}")


def test_a_failure_that_is_final_is_raised_at_once(
    scripted: ScriptedClient, clock: FakeClock
) -> None:
    one = scripted((404, {"errors": [{"code": "not_found"}]}))
    with pytest.raises(NotFoundError):
        one.client.get("get_profile", path={"id": "nobody"})
    assert clock.slept == []


def test_requests_keep_to_the_rate_of_their_operation(
    scripted: ScriptedClient, clock: FakeClock
) -> None:
    one = scripted(DONE, DONE, DONE)
    for _ in range(3):
        one.client.get("get_accounts")  # one a second
    assert clock.now == 1002.0


def test_a_costly_parameter_slows_down_to_its_own_rate(
    scripted: ScriptedClient, clock: FakeClock
) -> None:
    one = scripted(*[DONE] * 3)
    for _ in range(2):
        one.client.get("get_profile", Query(include=("lists",)), path={"id": "01"})
    one.client.get("get_profile", path={"id": "01"})
    assert clock.now == 1001.0


def test_a_raw_request_with_a_costly_parameter_does_too(
    scripted: ScriptedClient, clock: FakeClock
) -> None:
    one = scripted(*[DONE] * 2)
    for _ in range(2):
        one.client.raw("GET", "/api/profiles/01?include=segments%2Clists")
    assert clock.now == 1001.0


def test_failed_requests_give_their_place_back(scripted: ScriptedClient, clock: FakeClock) -> None:
    one = scripted(RESET, RESET, RESET, DONE, max_tries=1)
    for _ in range(3):
        with pytest.raises(ConnectionFailedError):
            one.client.get("get_accounts")
    one.client.get("get_accounts")

    assert clock.now == 1003.0
    assert [exchange.status for exchange in one.exchanges] == [None, None, None, 200]


def test_neither_errors_nor_log_show_key_or_filter(
    scripted: ScriptedClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    url = "https://a.klaviyo.com/api/profiles?filter=equals(email,'jo@example.org')"
    one = scripted(requests.ConnectionError(f"Max retries exceeded with url: {url}"), max_tries=1)

    with pytest.raises(ConnectionFailedError) as caught:
        one.client.get("get_profiles", Query("equals(email,'jo@example.org')"))

    assert str(caught.value) == (
        "the connection to https://a.klaviyo.com for get_profiles broke off (ConnectionError)"
    )
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    assert "get_profiles answered None in 0.000 s" in caplog.text
    assert not {"jo@example.org", "pk_secret"} & set(caplog.text.split())
    assert "example.org" not in caplog.text + repr(one.client.settings)


def test_an_unsafe_address_is_refused_before_anything_is_sent(scripted: ScriptedClient) -> None:
    with pytest.raises(ConfigurationError, match="plain http only for a loopback address"):
        scripted(base_url="http://klaviyo.example.org")


def test_defaults() -> None:
    settings = ClientSettings()
    assert (settings.base_url, settings.revision) == ("https://a.klaviyo.com", "2026-07-15")


def test_closing_ends_the_sessions(clock: FakeClock) -> None:
    closed = []

    class Session(requests.Session):
        def close(self) -> None:
            closed.append(self)
            super().close()

    def answer(request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        return response(request, 200, {"data": []}, {})

    def session() -> requests.Session:
        made = Session()
        adapter = HTTPAdapter()
        adapter.send = answer  # type: ignore[method-assign]
        made.mount("https://", adapter)
        return made

    with KlaviyoClient(PrivateKey("pk_x"), clock=clock, session_factory=session) as client:
        client.get("get_lists")
        client.get("get_tags")
        assert closed == []
    assert len(closed) == 1, "one connection was enough"
