"""HTTP as Klaviyo speaks it, without a socket: addresses, headers, answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from klaviyo_client.compression import GZIP, inflated
from klaviyo_client.errors import (
    ApiError,
    AuthenticationError,
    BrokenDocumentError,
    ConfigurationError,
    ConflictError,
    ErrorDetail,
    InvalidRequestError,
    NotFoundError,
    PaginationError,
    PayloadTooLargeError,
    PermissionDeniedError,
    RateLimitedError,
    ServerError,
    UnexpectedContentError,
)
from klaviyo_client.mending import mended_json

MEDIA_TYPE = "application/vnd.api+json"
DEFAULT_PORTS = {"http": 80, "https": 443}
LOOPBACK = ("127.0.0.1", "localhost", "::1")
ERRORS: Mapping[int, type[ApiError]] = {
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    409: ConflictError,
    413: PayloadTooLargeError,
    429: RateLimitedError,
}
FIRST_ERROR_STATUS, FIRST_SERVER_ERROR_STATUS = 300, 500


@dataclass(frozen=True, slots=True)
class Answer:
    """What Klaviyo answered.

    Attributes:
        status: The HTTP status.
        headers: The headers by lower-case name.
        sent: The body as it came: compressed where `content-encoding` says gzip.
        seconds: How long it took, from when the request was sent.
    """

    status: int
    headers: Mapping[str, str]
    sent: bytes
    seconds: float = 0.0

    @property
    def body(self) -> bytes:
        """The body, inflated anew each time: who waits with it keeps what is small.

        Raises:
            BrokenDocumentError: what is called gzip is not, or not whole.
        """
        if not self.sent or self.headers.get("content-encoding") != GZIP:
            return self.sent
        return inflated(self.sent)

    def json(self) -> Any:
        """The parsed body, or None where it is empty."""
        body = self.body
        return msgspec.json.decode(body) if body.strip() else None


NOTHING = msgspec.Raw(b"null")


class Links(msgspec.Struct):
    """The links of a page; only `next` is ever followed."""

    next: str | None = None


class HasNext(Protocol):
    """A page, however it was decoded."""

    @property
    def next(self) -> str | None:
        """The address of the next page, or None on the last."""


class Page(msgspec.Struct):
    """A page of a collection; resources stay unparsed JSON until someone needs them."""

    data: msgspec.Raw
    included: msgspec.Raw = NOTHING
    links: Links | None = None

    @property
    def next(self) -> str | None:
        """The address of the next page, or None on the last."""
        return self.links.next if self.links else None

    @property
    def size(self) -> int:
        """Bytes that the page holds."""
        return memoryview(self.data).nbytes + memoryview(self.included).nbytes

    @property
    def text_bytes(self) -> int:
        """How long the text was that the page came as, about."""
        return self.size


PAGE = msgspec.json.Decoder(Page)


def base_address(url: str) -> str:
    """The address of the API's host, without a trailing slash.

    Raises:
        ConfigurationError: it is no http(s) address, or plain http to another machine, which
            would show the key to the network.
    """
    scheme, host, _ = origin(url) or ("", None, None)
    parts = urlsplit(url) if host else None
    if scheme not in ("http", "https") or not parts:
        raise ConfigurationError("api_url must be an address such as https://a.klaviyo.com")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ConfigurationError("api_url holds more than scheme, host, port and path")
    if scheme == "http" and host not in LOOPBACK:
        raise ConfigurationError("api_url may use plain http only for a loopback address")
    return url.rstrip("/")


def origin(url: str) -> tuple[str, str | None, int | None] | None:
    """Scheme, host and port of an address, however written; None where it is none."""
    try:
        parts = urlsplit(url)
        return parts.scheme, parts.hostname, parts.port or DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        return None


def request_address(
    base: str, template: str, path: Mapping[str, str], parameters: Mapping[str, str]
) -> str:
    """The full address of a request; path values and parameters are escaped.

    Raises:
        InvalidRequestError: a value for a placeholder of the path is missing or empty.
    """
    filled = template
    for name, value in path.items():
        if value in (".", ".."):  # would climb out of the path
            raise InvalidRequestError(f"{value!r} is no {name} of {template}")
        filled = filled.replace("{" + name + "}", quote(value, safe=""))
    if "{" in filled or "//" in filled or filled.endswith("/"):
        raise InvalidRequestError(f"{template} needs a value for each of its placeholders")
    return f"{base}{filled}" + ("?" + urlencode(parameters, quote_via=quote) if parameters else "")


def next_address(base: str, link: str, seen: set[int]) -> str:
    """A page link that is safe to follow, verbatim; `seen` holds the hashes of those followed.

    Raises:
        PaginationError: it leaves the configured host, or was followed before.
    """
    if origin(link) != origin(base):
        raise PaginationError("a next link leads to another host than api_url; not followed")
    if hash(link) in seen:
        raise PaginationError("a next link repeats; following it would never end")
    seen.add(hash(link))
    return link


def read_page(answer: Answer, operation_id: str) -> Page:
    """The page in an answer.

    Raises:
        BrokenDocumentError: the body is not a whole JSON:API page.
        UnexpectedContentError: it is nested too deeply.
    """
    body = answer.body
    try:
        return PAGE.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        pass
    try:
        return PAGE.decode(mended_json(body))
    except (msgspec.MsgspecError, ValueError) as error:
        message = f"the answer to {operation_id} is no whole JSON:API document"
        raise BrokenDocumentError(message) from error
    except RecursionError as error:
        message = f"the answer to {operation_id} is nested too deeply to be read"
        raise UnexpectedContentError(message) from error


def check_body(answer: Answer, operation_id: str) -> Answer:
    """The answer itself, if what it calls JSON is whole.

    Raises:
        BrokenDocumentError: the body was cut off.
        UnexpectedContentError: it is nested too deeply.
    """
    body = answer.body
    if "json" in answer.headers.get("content-type", "") and body.strip():
        try:
            msgspec.json.decode(body, type=msgspec.Raw)
        except msgspec.MsgspecError as error:
            message = f"the answer to {operation_id} is no whole JSON document"
            raise BrokenDocumentError(message) from error
        except RecursionError as error:
            message = f"the answer to {operation_id} is nested too deeply to be read"
            raise UnexpectedContentError(message) from error
    return answer


def check_answer(answer: Answer, operation_id: str, scopes: tuple[str, ...]) -> Answer:
    """The answer itself, if it is a success.

    Raises:
        ApiError: the subclass that the status stands for.
    """
    if answer.status < FIRST_ERROR_STATUS:
        return answer
    body = answer.body
    errors = error_details(body)
    kind = ERRORS.get(answer.status, ApiError)
    # An intermediary's 403 page is not Klaviyo's word on permissions, and passes.
    page_of_intermediary = kind is PermissionDeniedError and not errors
    if answer.status >= FIRST_SERVER_ERROR_STATUS or page_of_intermediary:
        kind = ServerError
    wait = retry_after(answer.headers)
    error = kind(operation_id, answer.status, errors, scopes=scopes, retry_after=wait)
    error.body = body
    raise error


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds in `Retry-After`, or None where it is absent or not a number."""
    try:
        return max(0.0, float(headers.get("retry-after", "")))
    except ValueError:
        return None


def error_details(body: bytes) -> tuple[ErrorDetail, ...]:
    """The entries of a JSON:API error body; none where the body is something else."""
    try:
        errors = msgspec.json.decode(body)["errors"]
        return tuple(error_detail(error) for error in errors)
    except (msgspec.MsgspecError, KeyError, TypeError, AttributeError):
        return ()


def error_detail(error: dict[str, Any]) -> ErrorDetail:
    """One entry of a JSON:API error body."""
    source, meta = error.get("source") or {}, error.get("meta") or {}
    return ErrorDetail(
        code=str(error.get("code", "")),
        title=str(error.get("title", "")),
        detail=str(error.get("detail", "")),
        pointer=text_or_none(source.get("pointer")),
        parameter=text_or_none(source.get("parameter")),
        duplicate_profile_id=text_or_none(meta.get("duplicate_profile_id")),
        id=text_or_none(error.get("id")),
    )


def text_or_none(value: Any) -> str | None:
    """A value of an error body, which promises nothing."""
    return value if isinstance(value, str) else None
