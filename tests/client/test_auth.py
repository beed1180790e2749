from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
import requests

from klaviyo_client.auth import HostAuth, OAuth, OAuthCredentials, PrivateKey
from klaviyo_client.errors import (
    AuthenticationError,
    ConfigurationError,
    ConnectionFailedError,
)

if TYPE_CHECKING:
    from tests.client.conftest import FakeClock, ScriptedClient

KLAVIYO = "https://a.klaviyo.com"
CREDENTIALS = OAuthCredentials("app", "app-secret", "refresh-1")
REFUSED: Any = (401, {"errors": [{"code": "not_authenticated"}]})
DONE: Any = (200, {"data": []})


class TokenEndpoint:
    """Grants numbered tokens, or answers what it is told to."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.status = 200
        self.extra: dict[str, Any] = {}
        self.content: Any = None
        self.failure: Exception | None = None

    def post(self, address: str, **request: Any) -> requests.Response:
        self.asked.append({"address": address, **request})
        if self.failure:
            raise self.failure
        answer = requests.Response()
        answer.status_code = self.status
        granted = {"access_token": f"token-{len(self.asked)}", "expires_in": 3600, **self.extra}
        answer.json = lambda **_: granted if self.content is None else self.content  # type: ignore[method-assign]
        return answer


@pytest.fixture
def endpoint() -> TokenEndpoint:
    return TokenEndpoint()


@pytest.fixture
def oauth(endpoint: TokenEndpoint, clock: FakeClock) -> OAuth:
    return OAuth(CREDENTIALS, KLAVIYO + "/", clock=clock, post=endpoint.post)


@pytest.mark.parametrize("key", ["pk_x\n", " pk_x", "pk x", "pk_\u00e9", ""])
def test_a_key_that_no_header_carries_is_refused_without_being_shown(key: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        PrivateKey(key)
    assert str(caught.value) == (
        "api_key must be letters, digits and signs without spaces or line breaks"
    )


def test_credentials_do_not_show_their_secrets() -> None:
    assert f"{PrivateKey('pk_secret')} {CREDENTIALS!r}" == "PrivateKey(...) OAuthCredentials(...)"


@pytest.mark.parametrize(
    ("base", "url", "authorized"),
    [
        (KLAVIYO, "https://a.klaviyo.com/api/lists", True),
        ("https://A.Klaviyo.com:443", "https://a.klaviyo.com/api/lists", True),
        (KLAVIYO, "https://b.klaviyo.com/api/lists", False),
        (KLAVIYO, "http://a.klaviyo.com/api/lists", False),
        (KLAVIYO, "https://a.klaviyo.com:444/api/lists", False),
        (KLAVIYO, "https://a.klaviyo.com.evil.example/", False),
        ("http://127.0.0.1:8099", "http://127.0.0.1:8098/", False),
    ],
)
def test_the_key_goes_to_the_configured_host_only(base: str, url: str, authorized: bool) -> None:
    request = requests.Request("GET", url, auth=HostAuth("Klaviyo-API-Key pk_x", base)).prepare()

    assert ("Authorization" in request.headers) is authorized


def test_a_redirect_is_an_error_and_not_followed(scripted: ScriptedClient) -> None:
    one = scripted((302, b"", {"Location": "https://evil.example/"}), max_tries=1)
    with pytest.raises(Exception, match="Klaviyo answered 302"):
        one.client.get("get_lists")
    assert one.adapter.addresses == [f"{KLAVIYO}/api/lists"]


def test_the_refresh_token_is_traded_for_a_token(oauth: OAuth, endpoint: TokenEndpoint) -> None:
    assert oauth.header() == "Bearer token-1"
    assert endpoint.asked[0]["address"] == f"{KLAVIYO}/oauth/token"
    assert endpoint.asked[0]["auth"] == ("app", "app-secret")
    assert endpoint.asked[0]["data"] == {
        "grant_type": "refresh_token",
        "refresh_token": "refresh-1",
    }
    assert endpoint.asked[0]["allow_redirects"] is False


def test_a_token_is_renewed_a_minute_before_it_expires(
    oauth: OAuth, endpoint: TokenEndpoint, clock: FakeClock
) -> None:
    oauth.header()
    clock.sleep(3539)
    assert oauth.header() == "Bearer token-1"
    clock.sleep(2)
    assert oauth.header() == "Bearer token-2"
    assert len(endpoint.asked) == 2


def test_a_given_token_is_used_until_it_is_refused(
    endpoint: TokenEndpoint, clock: FakeClock, scripted: ScriptedClient
) -> None:
    given = OAuthCredentials("app", "app-secret", "refresh-1", "given")
    one = scripted(
        DONE, REFUSED, DONE, credentials=OAuth(given, KLAVIYO, clock=clock, post=endpoint.post)
    )
    one.client.get("get_lists")
    assert endpoint.asked == []

    one.client.get("get_lists")
    assert [sent.headers["Authorization"] for sent in one.adapter.requests] == [
        "Bearer given",
        "Bearer given",
        "Bearer token-1",
    ]


def test_a_second_refusal_is_final(
    oauth: OAuth, endpoint: TokenEndpoint, scripted: ScriptedClient
) -> None:
    one = scripted(REFUSED, REFUSED, credentials=oauth)
    with pytest.raises(AuthenticationError):
        one.client.get("get_lists")
    assert len(endpoint.asked) == 2


def test_a_refused_key_is_not_sent_again(scripted: ScriptedClient) -> None:
    one = scripted(REFUSED)
    with pytest.raises(AuthenticationError):
        one.client.get("get_lists")
    assert len(one.adapter.requests) == 1


def test_a_rotated_refresh_token_is_used_and_told(
    endpoint: TokenEndpoint, clock: FakeClock
) -> None:
    told: list[str] = []
    oauth = OAuth(
        CREDENTIALS, KLAVIYO, clock=clock, post=endpoint.post, on_new_refresh_token=told.append
    )
    endpoint.extra = {"refresh_token": "refresh-2"}
    oauth.header()
    oauth.renew("Bearer token-1")

    assert endpoint.asked[1]["data"] == {
        "grant_type": "refresh_token",
        "refresh_token": "refresh-2",
    }
    assert told == ["refresh-2"]


def test_a_rotated_refresh_token_that_nobody_keeps_is_warned_of(
    oauth: OAuth, endpoint: TokenEndpoint, caplog: pytest.LogCaptureFixture
) -> None:
    endpoint.extra = {"refresh_token": "refresh-2"}
    oauth.header()

    assert "replaced the OAuth refresh token; it was not saved" in caplog.text
    assert "refresh-2" not in caplog.text


def test_threads_that_are_refused_together_renew_once(
    oauth: OAuth, endpoint: TokenEndpoint
) -> None:
    header = oauth.header()
    together = threading.Barrier(8)

    def renew(_: int) -> bool:
        together.wait(timeout=60)
        return oauth.renew(header)

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(renew, range(8)))
    assert len(endpoint.asked) == 2


@pytest.mark.parametrize(
    ("status", "content", "reason"),
    [
        (400, {"error": "invalid_grant"}, "(invalid_grant)"),
        (401, {"error": "invalid_client"}, "(invalid_client)"),
        (200, {}, "(no reason)"),
    ],
)
def test_refused_credentials_name_their_settings(
    oauth: OAuth, endpoint: TokenEndpoint, status: int, content: Any, reason: str
) -> None:
    endpoint.status, endpoint.content = status, content
    with pytest.raises(ConfigurationError) as caught:
        oauth.header()
    assert str(caught.value) == (
        f"Klaviyo refuses the OAuth credentials {reason}; "
        "check oauth.client_id, oauth.client_secret and oauth.refresh_token"
    )


@pytest.mark.parametrize(
    "trouble",
    [
        (429, {"error": "throttled"}, None),
        (503, {"error": "busy"}, None),
        (200, ["odd"], None),
        (200, None, requests.ConnectionError("https://app:app-secret@a.klaviyo.com")),
        (200, None, ValueError("not JSON")),
    ],
)
def test_a_token_endpoint_in_trouble_is_asked_again_and_blocks_nobody(
    oauth: OAuth, endpoint: TokenEndpoint, scripted: ScriptedClient, trouble: Any
) -> None:
    endpoint.status, endpoint.content, endpoint.failure = trouble
    one = scripted(DONE, credentials=oauth, max_tries=3)
    with pytest.raises(ConnectionFailedError, match="no OAuth token came") as caught:
        one.client.get("get_accounts")
    assert "secret" not in str(caught.value)
    assert len(endpoint.asked) == 3

    endpoint.status, endpoint.content, endpoint.failure = 200, None, None
    assert one.client.get("get_accounts").status == 200


def test_a_token_is_not_asked_for_over_plain_http(clock: FakeClock) -> None:
    with pytest.raises(ConfigurationError):
        OAuth(CREDENTIALS, "http://klaviyo.example.org", clock=clock)
