"""The one client: paces, authorizes, sends, retries, and turns answers into values or errors."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar
from urllib.parse import parse_qsl

import backoff
import requests

from klaviyo_client.auth import Credentials
from klaviyo_client.calls import Call, reading_call
from klaviyo_client.client_settings import ClientSettings
from klaviyo_client.clock import Clock, SystemClock
from klaviyo_client.early import EarlyAnswers
from klaviyo_client.errors import InvalidRequestError, KlaviyoError, RateLimitedError
from klaviyo_client.operations import Rate, operation, operation_at
from klaviyo_client.pacing import Pacer, Ticket
from klaviyo_client.query import Query, request_rates
from klaviyo_client.retry import delay_seconds, worth_retrying
from klaviyo_client.transport import Transport
from klaviyo_client.wire import (
    Answer,
    HasNext,
    Page,
    base_address,
    check_answer,
    check_body,
    next_address,
    read_page,
    request_address,
)

logger = logging.getLogger(__name__)

Result = TypeVar("Result")
AnyPage = TypeVar("AnyPage", bound=HasNext)
NOTHING: Mapping[str, str] = {}
# What a request counts against where the facts do not know its path: Klaviyo's smallest tier.
UNKNOWN_RATE = Rate(burst=1, steady=15)


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its answer, as metrics need it. `status` is None where none came."""

    operation_id: str
    status: int | None
    seconds: float


class KlaviyoClient:
    """Calls Klaviyo's operations; safe to share between threads."""

    def __init__(
        self,
        credentials: Credentials,
        settings: ClientSettings | None = None,
        *,
        clock: Clock | None = None,
        session_factory: Callable[[], requests.Session] = requests.Session,
        on_exchange: Callable[[Exchange], None] | None = None,
    ) -> None:
        """Use `credentials` at the host of `settings`; a session for each request under way.

        Raises:
            ConfigurationError: `base_url` would send the key somewhere unsafe.
        """
        self.settings = settings or ClientSettings()
        self.clock = clock or SystemClock()
        self._base = base_address(self.settings.base_url)
        self._credentials = credentials
        self._pacer = Pacer(self.clock, self.settings.max_wait_seconds)
        self.waiting = self._pacer.waiting  # seconds that operations wait for a limit
        self._transport = Transport(self.settings, session_factory, self.clock)
        self._on_exchange = on_exchange
        # What has been asked for already, and is not asked for again.
        self.early: EarlyAnswers | None = None

    def __enter__(self) -> KlaviyoClient:  # noqa: PYI034 - Self is newer than Python 3.10
        """Close the connections at the end of a `with` block."""
        return self

    def __exit__(self, *error: object) -> None:
        """Close the connections."""
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def get(
        self, operation_id: str, query: Query | None = None, *, path: Mapping[str, str] = NOTHING
    ) -> Answer:
        """Read one resource or one page.

        Args:
            operation_id: Klaviyo's `operationId`.
            query: Filter, sort, include and the like.
            path: Values for the placeholders of the operation's path.

        Raises:
            KlaviyoError: see `klaviyo_client.errors`.
        """
        return self._send(self._reading(operation_id, query, path))

    def pages(
        self, operation_id: str, query: Query | None = None, *, path: Mapping[str, str] = NOTHING
    ) -> Iterator[Page]:
        """Read a collection page by page, following `links.next` as it stands.

        Raises:
            KlaviyoError: see `klaviyo_client.errors`.
        """
        return self.decoded_pages(operation_id, query, path=path, read=read_page)

    def decoded_pages(
        self,
        operation_id: str,
        query: Query | None = None,
        *,
        path: Mapping[str, str] = NOTHING,
        read: Callable[[Answer, str], AnyPage],
    ) -> Iterator[AnyPage]:
        """The same for pages that `read` decodes, from an answer and the operation's id."""
        return self._followed(self._reading(operation_id, query, path), read)

    def write(
        self,
        operation_id: str,
        body: bytes | None = None,
        *,
        path: Mapping[str, str] = NOTHING,
        parameters: Mapping[str, str] = NOTHING,
        repeat_safe: bool = False,
    ) -> Answer:
        """Send a write, or a question that has a body.

        Args:
            operation_id: Klaviyo's `operationId`.
            body: The JSON:API document as it goes on the wire.
            path: Values for the placeholders of the operation's path.
            parameters: The query, as it is.
            repeat_safe: Whether a second application would change nothing, so that the request
                may be repeated when it is unknown whether the first was applied.

        Raises:
            ConnectionFailedError: with `sent` true, Klaviyo may have applied the request.
            KlaviyoError: see `klaviyo_client.errors`.
        """
        known = operation(operation_id)
        address = request_address(self._base, known.path, path, parameters)
        rates, scopes = {known.id: known.rate}, known.scopes
        return self._send(Call(known.id, known.method, address, rates, scopes, body, repeat_safe))

    def raw(self, method: str, path: str, body: bytes | None = None) -> Answer:
        """Send any request; `path` starts with `/` and may hold a query.

        Raises:
            InvalidRequestError: `path` is no path.
            KlaviyoError: see `klaviyo_client.errors`.
        """
        return self._send(self._unchecked(method.upper(), path, body))

    def raw_pages(self, path: str) -> Iterator[Page]:
        """Read any collection page by page; `path` starts with `/` and may hold a query.

        Raises:
            InvalidRequestError: `path` is no path.
            KlaviyoError: see `klaviyo_client.errors`.
        """
        return self._followed(self._unchecked("GET", path, None), read_page)

    def _unchecked(self, method: str, path: str, body: bytes | None) -> Call:
        """A call that is sent as it stands, paced as the operation that it turns out to be."""
        if not path.startswith("/") or path.startswith("//"):
            raise InvalidRequestError("path must start with one slash, such as /api/profiles")
        plain_path, _, text = path.partition("?")
        known = operation_at(method, plain_path)
        name = known.id if known else "an unknown operation"
        rates = request_rates(known, dict(parse_qsl(text))) if known else {name: UNKNOWN_RATE}
        scopes = known.scopes if known else ()
        return Call(name, method, self._base + path, rates, scopes, body, method == "GET")

    def _reading(self, operation_id: str, query: Query | None, path: Mapping[str, str]) -> Call:
        """A GET call that the endpoint facts allow."""
        return reading_call(self._base, operation_id, query or Query(), path)

    def _followed(self, call: Call, read: Callable[[Answer, str], AnyPage]) -> Iterator[AnyPage]:
        """The page that a call answers, and those that its `next` links lead to."""

        def once(call: Call, ticket: Ticket) -> AnyPage:
            """Send once; a body that was cut off counts as a failed connection."""
            return read(self._answer(call, ticket), call.operation_id)

        seen = {hash(call.address)}
        while True:
            page = self._retried(call, once)
            yield page
            if page.next is None:
                return
            call = replace(call, address=next_address(self._base, page.next, seen))

    def _send(self, call: Call) -> Answer:
        """Send, with retries."""
        return self._retried(call, self._whole)

    def _whole(self, call: Call, ticket: Ticket) -> Answer:
        """Send once; a body that was cut off counts as a failed connection."""
        return check_body(self._answer(call, ticket), call.operation_id)

    def _retried(self, call: Call, attempt: Callable[[Call, Ticket], Result]) -> Result:
        """Attempt a call until it succeeds or is not worth another try.

        `backoff` counts the tries; the pacer waits, and with it all threads of the same bucket.
        """
        ticket: Ticket | None = None

        def once() -> Result:
            nonlocal ticket
            ticket = self._pacer.acquire(call.operation_id, call.rates)
            return attempt(call, ticket)

        def wait(details: Any) -> None:
            seconds = delay_seconds(details["exception"], details["tries"])
            logger.warning("%s; trying again in %.1f s", details["exception"], seconds)
            if ticket is not None:
                refused = isinstance(details["exception"], RateLimitedError)
                self._pacer.defer(ticket, seconds, refused=refused)

        retrying = backoff.on_exception(
            backoff.constant,
            KlaviyoError,
            interval=0,
            jitter=None,
            max_tries=self.settings.max_tries,
            giveup=lambda error: not worth_retrying(error, repeat_safe=call.repeat_safe),
            on_backoff=wait,
            logger=None,
        )
        return retrying(once)()

    def _answer(self, call: Call, ticket: Ticket) -> Answer:
        """Send once; after a 401, once more if the credentials can be renewed."""
        answer, header = self._exchange(call, ticket)
        if answer.status == requests.codes.unauthorized and self._credentials.renew(header):
            again = self._pacer.acquire(call.operation_id, call.rates)
            answer, _ = self._exchange(call, again)
        return check_answer(answer, call.operation_id, call.scopes)

    def _exchange(self, call: Call, ticket: Ticket) -> tuple[Answer, str]:
        """The answer and the header that authorized it; gives the ticket back in any case.

        The header is asked for here, not before: it may have to be renewed after a long wait
        for the ticket, and that may fail.
        """
        started = self.clock.monotonic()
        answer: Answer | None = None
        try:
            header = self._credentials.header()
            answer = self._asked_early(call, header) or self._transport.send(call, header)
            return answer, header
        finally:
            self._pacer.release(ticket, answer.headers if answer else NOTHING)
            seconds = answer.seconds if answer else self.clock.monotonic() - started
            status = answer.status if answer else None
            logger.debug("%s answered %s in %.3f s", call.operation_id, status, seconds)
            if self._on_exchange:
                self._on_exchange(Exchange(call.operation_id, status, seconds))

    def _asked_early(self, call: Call, authorization: str) -> Answer | None:
        """The answer to a call, if it was asked for early; it is waited for."""
        if self.early is None:
            return None
        return self.early.take(call, self.settings.headers(), authorization)
