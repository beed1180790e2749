"""OAuth: the token endpoint with its plain OAuth answers, and the tokens that it gave out."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from dataclasses import dataclass
from random import Random
from urllib.parse import parse_qs

import msgspec

from klaviyo_sandbox.access import Caller
from klaviyo_sandbox.clock import Clock
from klaviyo_sandbox.messages import Request, Response
from klaviyo_sandbox.seed_values import DIGITS, LETTERS, text_of

PATH = "/oauth/token"


@dataclass(frozen=True, slots=True)
class OAuthApp:
    """An app that the account installed.

    `lifetime` is in the sandbox's seconds; with `rotate`, every refresh ends the refresh token
    and gives a new one; `scopes` None is everything.
    """

    client_id: str
    client_secret: str
    refresh_token: str
    lifetime: float = 3_600.0
    rotate: bool = False
    scopes: frozenset[str] | None = None


class OAuthError(Exception):
    """The token request is refused with an OAuth error code."""

    def __init__(self, code: str, status: int = 400) -> None:
        """`code` as OAuth names it."""
        super().__init__(code)
        self.code = code
        self.status = status


class Tokens:
    """The installed apps, their refresh tokens, and the access tokens in use."""

    def __init__(self, apps: Iterable[OAuthApp], clock: Clock, random: Random) -> None:
        """Begin without any access token."""
        self._apps = {app.client_id: app for app in apps}
        self._refresh = {app.refresh_token: app for app in self._apps.values()}
        self._access: dict[str, tuple[OAuthApp, float]] = {}
        self._clock = clock
        self._random = random

    def caller(self, token: str) -> Caller | None:
        """The caller behind an access token: every installation has limits of its own."""
        app, expires = self._access.get(token, (None, 0.0))
        if app is None or expires <= self._clock.now():
            return None
        return Caller(f"app {app.client_id}", app.scopes)

    def answer(self, request: Request) -> Response:
        """The answer of the token endpoint."""
        try:
            content = self._grant(request)
        except OAuthError as error:
            return plain(error.status, {"error": error.code})
        return plain(200, content)

    def _grant(self, request: Request) -> dict[str, object]:
        app = self._client(request)
        form = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
        if form.get("grant_type") != "refresh_token":
            raise OAuthError("invalid_grant_type")
        token = form.get("refresh_token", "")
        if self._refresh.get(token) is not app:
            raise OAuthError("invalid_grant")
        if app.rotate:
            del self._refresh[token]
            token = self._new("rt")
            self._refresh[token] = app
        access = self._new("at")
        self._access[access] = (app, self._clock.now() + app.lifetime)
        return {
            "access_token": access,
            "refresh_token": token,
            "token_type": "Bearer",
            "expires_in": int(self._clock.real_seconds(app.lifetime)),
            "scope": " ".join(sorted(app.scopes or ())),
        }

    def _client(self, request: Request) -> OAuthApp:
        scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
        try:
            name, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, ValueError):
            raise OAuthError("invalid_client") from None
        app = self._apps.get(name)
        if scheme != "Basic" or app is None or app.client_secret != secret:
            raise OAuthError("invalid_client")
        return app

    def _new(self, prefix: str) -> str:
        return f"{prefix}_{text_of(self._random, LETTERS + DIGITS, 40)}"


def plain(status: int, content: dict[str, object]) -> Response:
    """An answer in plain JSON: the token endpoint knows no JSON:API."""
    return Response(status, msgspec.json.encode(content), (), "application/json")
