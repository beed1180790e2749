"""What can go wrong between us and Klaviyo.

    KlaviyoError
    ├── InvalidRequestError        refused before sending: the endpoint facts forbid it
    │   └── UnknownOperationError
    ├── ConfigurationError         a setting is missing or wrong
    ├── ConnectionFailedError      no usable answer came (server down, cut off, timed out)
    │   └── BrokenDocumentError    an answer came, but is not whole
    ├── UnexpectedContentError     a whole answer holds what cannot be understood
    ├── WaitTooLongError           a rate limit asks for a longer wait than `max_wait_seconds`
    ├── PaginationError            a cursor repeats, or a link leaves the configured host
    ├── JobFailedError             a bulk job was cancelled or did not finish in time
    └── ApiError                   Klaviyo answered with an error
        ├── AuthenticationError    401
        ├── PermissionDeniedError  403
        ├── NotFoundError          404
        ├── ConflictError          409
        ├── PayloadTooLargeError   413
        ├── RateLimitedError       429
        └── ServerError            5xx, and a 403 page of an intermediary

No message holds a key, a token or personal data: Klaviyo's own `detail` may quote what was sent
(an e-mail address, say), so it is kept apart in `ErrorDetail` and never part of a message.
"""

from __future__ import annotations

from dataclasses import dataclass

FORBIDDEN = 403


@dataclass(frozen=True, slots=True)
class ErrorDetail:
    """One entry of a JSON:API `errors` list.

    `detail` may quote the request: never log it where personal data must not appear.
    """

    code: str
    title: str
    detail: str
    pointer: str | None = None
    parameter: str | None = None
    duplicate_profile_id: str | None = None
    id: str | None = None


class KlaviyoError(Exception):
    """Root of every error that this package raises."""


class InvalidRequestError(KlaviyoError):
    """The request breaks the endpoint facts and was not sent."""


class UnknownOperationError(InvalidRequestError):
    """Klaviyo has no operation of that name."""

    def __init__(self, operation_id: str) -> None:
        """Name the operation."""
        super().__init__(f"Klaviyo has no operation called {operation_id!r}")


class ConfigurationError(KlaviyoError):
    """A setting is missing or wrong; the message names it and the remedy."""


class ConnectionFailedError(KlaviyoError):
    """No usable answer came. `sent` tells whether Klaviyo may have received the request."""

    def __init__(self, message: str, *, sent: bool) -> None:
        """Keep whether the request may have arrived."""
        super().__init__(message)
        self.sent = sent


class BrokenDocumentError(ConnectionFailedError):
    """An answer came whose body is no whole document; trying again may help."""

    def __init__(self, message: str) -> None:
        """An answer tells that the request arrived."""
        super().__init__(message, sent=True)


class UnexpectedContentError(KlaviyoError):
    """A whole document holds what no such document should; trying again would not help."""


class WaitTooLongError(KlaviyoError):
    """A rate limit asks for a wait longer than `max_wait_seconds`."""

    def __init__(self, operation_id: str, seconds: float, limit: float) -> None:
        """Name the operation, the wait it asks for and the setting that forbids it."""
        super().__init__(
            f"Klaviyo's rate limit of {operation_id} asks to wait {seconds:.0f} s, more than "
            f"max_wait_seconds ({limit:.0f}); run again later or raise that setting",
        )
        self.seconds = seconds


class PaginationError(KlaviyoError):
    """The server's page links cannot be followed safely."""


class JobFailedError(KlaviyoError):
    """A bulk job was cancelled or did not finish in time."""


class ApiError(KlaviyoError):
    """Klaviyo answered with an error status.

    `body` is the answer as it came: like `ErrorDetail.detail` it may quote the request.
    """

    body: bytes = b""

    def __init__(
        self,
        operation_id: str,
        status: int,
        errors: tuple[ErrorDetail, ...] = (),
        *,
        scopes: tuple[str, ...] = (),
        retry_after: float | None = None,
    ) -> None:
        """Keep what a caller decides on; the message names operation, status and codes."""
        self.operation_id = operation_id
        self.status = status
        self.errors = errors
        self.scopes = scopes
        self.retry_after = retry_after
        super().__init__(self.explanation())

    def explanation(self) -> str:
        """One sentence without personal data."""
        codes = ", ".join(dict.fromkeys(error.code for error in self.errors)) or "no error code"
        places = [error.pointer or error.parameter for error in self.errors]
        where = ", ".join(dict.fromkeys(place for place in places if place))
        at = f" at {where}" if where else ""
        return f"Klaviyo answered {self.status} ({codes}){at} to {self.operation_id}"


class AuthenticationError(ApiError):
    """401: the key or token is wrong."""

    def explanation(self) -> str:
        """Name the setting."""
        return (
            "Klaviyo does not accept the credentials (401); check the setting api_key "
            "(a private key that starts with pk_) or the oauth credentials"
        )


class PermissionDeniedError(ApiError):
    """403: the key lacks a scope, or the account lacks the plan."""

    @property
    def plan_missing(self) -> bool:
        """Whether the account's plan, not the key, is what lacks (code `forbidden`)."""
        return any(error.code == "forbidden" for error in self.errors)

    def explanation(self) -> str:
        """Name the scope."""
        if self.plan_missing:
            return f"the account's Klaviyo plan does not include {self.operation_id} (403)"
        scopes = ", ".join(self.scopes) or "unknown"
        return f"the API key may not call {self.operation_id} (403); scope needed: {scopes}"


class NotFoundError(ApiError):
    """404."""


class ConflictError(ApiError):
    """409; `duplicate_profile_id` is set when another profile holds the identifier."""

    @property
    def duplicate_profile_id(self) -> str | None:
        """The id of the profile that already has the identifier."""
        return next((e.duplicate_profile_id for e in self.errors if e.duplicate_profile_id), None)


class PayloadTooLargeError(ApiError):
    """413: split the request."""


class RateLimitedError(ApiError):
    """429; `retry_after` holds the seconds that Klaviyo asks to wait."""


class ServerError(ApiError):
    """5xx, or an intermediary's page; trying again may help."""

    def explanation(self) -> str:
        """Say where a 403 that is not Klaviyo's may come from."""
        if self.status == FORBIDDEN:
            return (
                f"something on the way to Klaviyo refused {self.operation_id} (403, a page "
                "without Klaviyo's error code); if it persists, look at proxies and firewalls"
            )
        return super().explanation()
