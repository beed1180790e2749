"""Who may ask: keys, tokens, scopes, the revision and the content headers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from klaviyo_sandbox.contract import Operation
from klaviyo_sandbox.messages import JSON_API, Problem, Refusal, Request

KEY_SCHEME = "Klaviyo-API-Key"
TOKEN_SCHEME = "Bearer"  # noqa: S105 - a scheme, no secret
REVISION = re.compile(r"20\d\d-(0[1-9]|1[0-2])-([0-2]\d|3[01])(\.pre)?")
MEDIA = (JSON_API, "application/json")
MULTIPART = "multipart/form-data"


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose limits a request counts against, and what it may do (None: everything)."""

    account: str
    scopes: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Keys:
    """The private keys with their scopes, None being all. With no key, every `pk_...` has all."""

    scopes: Mapping[str, frozenset[str] | None]

    def caller(self, key: str) -> Caller | None:
        """The caller behind a key: all keys of the account share its limits."""
        if key in self.scopes:
            return Caller("account", self.scopes[key])
        known = not self.scopes and key.startswith("pk_")
        return Caller("account") if known else None


def credentials(request: Request) -> tuple[str, str]:
    """Scheme and secret of the Authorization header.

    Raises:
        Refusal: 401, there is none.
    """
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    if not scheme or not secret.strip():
        raise refused_401("not_authenticated", "Authentication credentials were not provided.")
    return scheme, secret.strip()


def wrong_credentials() -> Refusal:
    """401: the key or token is not one of ours."""
    return refused_401("authentication_failed", "Incorrect authentication credentials.")


def refused_401(code: str, detail: str) -> Refusal:
    """401, as recorded."""
    return Refusal(401, Problem(code, detail, detail, {"pointer": "/data/"}))


def check_scopes(caller: Caller, operation: Operation) -> None:
    """Refuse (403) a caller that lacks a scope of the operation."""
    if caller.scopes is not None and not caller.scopes.issuperset(operation.scopes):
        detail = "You do not have permission to perform this action."
        raise Refusal(403, Problem("permission_denied", detail, detail, {"pointer": "/data/"}))


def check_revision(request: Request) -> None:
    """Refuse (400) a request without a well-formed `revision`."""
    revision = request.headers.get("revision", "")
    if not REVISION.fullmatch(revision):
        detail = (
            f"'{revision}' is not a valid revision."
            if revision
            else "A revision header is required."
        )
        problem = Problem("invalid", "Invalid input.", detail, {"pointer": "/data/"})
        raise Refusal(400, problem)


def check_media(request: Request, operation: Operation) -> None:
    """Refuse (415) a body or an answer in a form that Klaviyo does not speak."""
    accepted = request.headers.get("accept", "*/*")
    if not any(media in accepted for media in (*MEDIA, "*/*", "application/*")):
        raise wrong_media(accepted)
    sent = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    allowed = (MULTIPART,) if operation.multipart else MEDIA
    if request.body and sent not in allowed:
        raise wrong_media(sent)


def wrong_media(media: str) -> Refusal:
    """415: that media type is not spoken here."""
    detail = f'Unsupported media type "{media}" in request.'
    return Refusal(415, Problem("unsupported_media_type", "Unsupported media type.", detail))
