"""Keys, scopes, headers, unknown places, and OAuth."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from klaviyo_sandbox import ManualClock, OAuthApp, Sandbox
from tests.sandbox.asking import Asking, import_job, profile

APP = OAuthApp("client", "secret", "rt_first")
READER = {"pk_reader": ["profiles:read"]}


@pytest.fixture
def guarded(clock: ManualClock) -> Iterator[Asking]:
    """A sandbox with one key for reading profiles, and an app."""
    with Sandbox(profiles=3, events=3, clock=clock, keys=READER, apps=[APP]) as sandbox:
        asking = Asking(sandbox)
        yield asking
        asking.session.close()


def test_wrong_keys_are_401_without_rate_headers(guarded: Asking) -> None:
    for header in ("Klaviyo-API-Key pk_other", "Bearer pk_reader", "Basic x"):
        answer = guarded("GET", "/api/profiles", Authorization=header)
        assert answer.status_code == 401
        assert answer.json()["errors"][0]["code"] == "authentication_failed"
        assert not [name for name in answer.headers if name.lower().startswith("ratelimit")]


def test_no_key_is_401(guarded: Asking) -> None:
    error = guarded.error("GET", "/api/profiles", 401, Authorization=None)
    assert error["code"] == "not_authenticated"


def test_a_missing_scope_is_403(guarded: Asking) -> None:
    key = "Klaviyo-API-Key pk_reader"
    assert guarded("GET", "/api/profiles", Authorization=key).ok
    error = guarded.error("GET", "/api/events", 403, Authorization=key)
    assert (error["code"], error["source"]) == ("permission_denied", {"pointer": "/data/"})


def test_revision_is_required_and_has_a_form(ask: Asking) -> None:
    for revision in (None, "latest", "2026-13-15"):
        assert ask.error("GET", "/api/lists", 400, revision=revision)["code"] == "invalid"
    assert ask("GET", "/api/lists", revision="2026-07-15.pre").ok


def test_media_types_are_checked(ask: Asking) -> None:
    ask.error("GET", "/api/lists", 415, Accept="text/html")
    content = import_job([profile(external_id="x")])
    path = "/api/profile-bulk-import-jobs"
    ask.error("POST", path, 415, content=content, Content_Type="text/plain")
    assert ask("POST", path, content=content, Content_Type="application/json").status_code == 202


def test_places_that_are_not_there(ask: Asking) -> None:
    assert "no operation" in ask.error("GET", "/api/nothing", 404)["detail"]
    detail = ask.error("GET", "/api/campaign-send-jobs/x", 404)["detail"]
    assert "get_campaign_send_job" in detail
    ask.error("PATCH", "/api/profiles", 405)


def test_too_many_requests_are_429_without_rate_headers(guarded: Asking) -> None:
    key = "Klaviyo-API-Key pk_reader"
    for _ in range(75):
        answer = guarded("GET", "/api/profiles", Authorization=key)
    assert answer.headers["ratelimit-limit"] == "75, 75;w=1, 750;w=60"
    assert answer.headers["ratelimit-remaining"] == "0"
    answer = guarded("GET", "/api/profiles", Authorization=key)
    assert answer.status_code == 429
    assert answer.headers["Retry-After"] == "1"
    assert "ratelimit-limit" not in answer.headers
    assert answer.json()["errors"][0]["code"] == "throttled"


def refresh(ask: Asking, token: str, secret: str = "secret", **form: str) -> requests.Response:  # noqa: S107
    data = {"grant_type": "refresh_token", "refresh_token": token, **form}
    url = f"{ask.sandbox.url}/oauth/token"
    return ask.session.post(url, data=data, auth=("client", secret), timeout=60)


def test_a_refreshed_token_works_until_it_expires(guarded: Asking, clock: ManualClock) -> None:
    given = refresh(guarded, "rt_first").json()
    assert (given["refresh_token"], given["expires_in"]) == ("rt_first", 3600)
    bearer = f"Bearer {given['access_token']}"
    assert guarded("GET", "/api/events", Authorization=bearer).ok
    clock.advance(3600)
    guarded.error("GET", "/api/events", 401, Authorization=bearer)


def test_oauth_errors_are_plain(guarded: Asking) -> None:
    assert refresh(guarded, "rt_other").json() == {"error": "invalid_grant"}
    assert refresh(guarded, "rt_first", "wrong").json() == {"error": "invalid_client"}
    wrong = refresh(guarded, "rt_first", grant_type="password")
    assert (wrong.status_code, wrong.json()) == (400, {"error": "invalid_grant_type"})


def test_refresh_tokens_may_rotate() -> None:
    app = OAuthApp("client", "secret", "rt_first", rotate=True)
    with Sandbox(profiles=0, events=0, apps=[app]) as sandbox:
        ask = Asking(sandbox)
        second = refresh(ask, "rt_first").json()["refresh_token"]
        assert refresh(ask, "rt_first").json() == {"error": "invalid_grant"}
        assert refresh(ask, second).ok
        ask.session.close()


def test_only_loopback_is_served() -> None:
    with pytest.raises(ValueError, match="loopback"):
        Sandbox(host="0.0.0.0")  # noqa: S104 - that is the point
