"""Credentials: a private key, or OAuth tokens that renew themselves.

https://developers.klaviyo.com/en/docs/set_up_oauth
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import requests
from requests.auth import AuthBase

from klaviyo_client.clock import Clock
from klaviyo_client.errors import ConfigurationError, ConnectionFailedError
from klaviyo_client.wire import FIRST_SERVER_ERROR_STATUS, base_address, origin

logger = logging.getLogger(__name__)

RENEW_BEFORE_SECONDS = 60.0
TOKEN_TIMEOUT_SECONDS = 30.0
VISIBLE = re.compile(r"[!-~]+")


class Credentials(Protocol):
    """Something that can authorize a request."""

    def header(self) -> str:
        """The value of the Authorization header, renewed if it is about to expire."""

    def renew(self, refused: str) -> bool:
        """Replace the header value that a 401 refused; False where that is impossible."""


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """A private API key, which never changes.

    Raises:
        ConfigurationError: it holds what an HTTP header cannot, a line break for instance.
    """

    key: str

    def __post_init__(self) -> None:
        """Refuse here what would otherwise fail, with the key in its message, while sending."""
        if not VISIBLE.fullmatch(self.key):
            raise ConfigurationError(
                "api_key must be letters, digits and signs without spaces or line breaks",
            )

    def header(self) -> str:
        """Klaviyo's own scheme."""
        return f"Klaviyo-API-Key {self.key}"

    def renew(self, refused: str) -> bool:  # noqa: ARG002 - the protocol's signature
        """A key cannot be renewed."""
        return False

    def __repr__(self) -> str:
        """Hide the key."""
        return "PrivateKey(...)"


@dataclass(frozen=True, slots=True)
class OAuthCredentials:
    """What an installed OAuth app holds; the tokens are those of one account."""

    client_id: str
    client_secret: str
    refresh_token: str
    access_token: str | None = None

    def __repr__(self) -> str:
        """Hide everything."""
        return "OAuthCredentials(...)"


class OAuth:
    """Bearer tokens, renewed shortly before they expire and once after a refusal."""

    def __init__(
        self,
        credentials: OAuthCredentials,
        base_url: str,
        *,
        clock: Clock,
        post: Callable[..., requests.Response] = requests.post,
        on_new_refresh_token: Callable[[str], None] | None = None,
    ) -> None:
        """Renew at `base_url`; `on_new_refresh_token` is told when Klaviyo rotates it."""
        self._credentials = credentials
        self._address = base_address(base_url) + "/oauth/token"
        self._clock = clock
        self._post = post
        self._on_new_refresh_token = on_new_refresh_token
        self._refresh_token = credentials.refresh_token
        self._access_token = credentials.access_token
        self._expires_at = float("inf") if credentials.access_token else float("-inf")
        self._lock = threading.Lock()

    def header(self) -> str:
        """The bearer header, of a token that is good for another minute."""
        with self._lock:
            if self._clock.monotonic() > self._expires_at - RENEW_BEFORE_SECONDS:
                self._fetch()
            return f"Bearer {self._access_token}"

    def renew(self, refused: str) -> bool:
        """Fetch a new token, unless another thread already has."""
        with self._lock:
            if refused == f"Bearer {self._access_token}":
                self._fetch()
        return True

    def _fetch(self) -> None:
        """Trade the refresh token for an access token."""
        form = {"grant_type": "refresh_token", "refresh_token": self._refresh_token}
        client = (self._credentials.client_id, self._credentials.client_secret)
        try:
            answer = self._post(
                self._address,
                data=form,
                auth=client,
                timeout=TOKEN_TIMEOUT_SECONDS,
                allow_redirects=False,
            )
            self._take(token_in(answer))
        except (requests.RequestException, ValueError) as error:
            message = f"no OAuth token came ({type(error).__name__})"
            raise ConnectionFailedError(message, sent=False) from None

    def _take(self, content: Mapping[str, Any]) -> None:
        """Keep what the token endpoint gave."""
        self._access_token = content["access_token"]
        lifetime = float(content.get("expires_in") or 3600)
        self._expires_at = self._clock.monotonic() + lifetime
        rotated = content.get("refresh_token") or self._refresh_token
        if rotated != self._refresh_token:
            self._refresh_token = rotated
            if self._on_new_refresh_token:
                self._on_new_refresh_token(rotated)
            else:
                logger.warning("Klaviyo has replaced the OAuth refresh token; it was not saved")


def token_in(answer: requests.Response) -> dict[str, Any]:
    """What the token endpoint granted.

    Raises:
        ConfigurationError: it refused the credentials.
        ConnectionFailedError: it is busy or failing, or did not answer in its own form.
    """
    busy = answer.status_code == requests.codes.too_many_requests
    if busy or answer.status_code >= FIRST_SERVER_ERROR_STATUS:
        raise ConnectionFailedError(f"no OAuth token came ({answer.status_code})", sent=False)
    content = answer.json()
    if not isinstance(content, dict):
        raise ConnectionFailedError("no OAuth token came (not an object)", sent=False)
    if answer.status_code != requests.codes.ok or "access_token" not in content:
        raise ConfigurationError(
            f"Klaviyo refuses the OAuth credentials ({content.get('error', 'no reason')}); "
            "check oauth.client_id, oauth.client_secret and oauth.refresh_token",
        )
    return content


class HostAuth(AuthBase):
    """Puts the Authorization header on requests to one host and on no other."""

    def __init__(self, header: str, base_url: str) -> None:
        """Authorize requests to the scheme, host and port of `base_url`."""
        self._header = header
        self._origin = origin(base_url)

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Add the header if the request goes to that host."""
        if origin(request.url or "") == self._origin:
            request.headers["Authorization"] = self._header
        return request
