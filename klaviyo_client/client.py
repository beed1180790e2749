"""The one client: paces, authorizes, sends, retries, and turns answers into values or errors."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, TypeVar

import backoff
import requests

from klaviyo_client.auth import Credentials, HostAuth
from klaviyo_client.clock import Clock, SystemClock
from klaviyo_client.errors import (
    AuthenticationError,
    ConnectionFailedError,
    InvalidRequestError,
    KlaviyoError,
)
from klaviyo_client.operations import Operation, Rate, facts_revision, operation, operation_at
from klaviyo_client.pacing import Pacer, Ticket
from klaviyo_client.query import Query, lowered_rates, query_parameters
from klaviyo_client.retry import delay_seconds, worth_retrying
from klaviyo_client.wire import (
    MEDIA_TYPE,
    Answer,
    Page,
    base_address,
    check_answer,
    next_address,
    read_page,
    request_address,
)

logger = logging.getLogger(__name__)

KLAVIYO = "https://a.klaviyo.com"
Result = TypeVar("Result")
NOTHING: Mapping[str, str] = {}
# What a request counts against where the facts do not know its path: Klaviyo's smallest tier.
UNKNOWN_RATE = Rate(burst=1, steady=15)


@dataclass(frozen=True, slots=True)
class ClientSettings:
    """How to reach Klaviyo. Times are in seconds; `max_tries` counts the first one."""

    base_url: str = KLAVIYO
    revision: str = field(default_factory=facts_revision)
    user_agent: str = "klaviyo-connector"
    max_wait_seconds: float = 600.0
    connect_timeout: float = 10.0
    read_timeout: float = 120.0
    max_tries: int = 8


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its answer, as metrics need it. `status` is None where none came."""

    operation_id: str
    status: int | None
    seconds: float


@dataclass(frozen=True, slots=True)
class Call:
    """A request that is ready to send."""

    operation_id: str
    method: str
    address: str
    rates: Mapping[str, Rate]
    scopes: tuple[str, ...] = ()
    body: bytes | None = None
    repeat_safe: bool = True


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
        """Use `credentials` at the host of `settings`; one session for each thread.

        Raises:
            ConfigurationError: `base_url` would send the key somewhere unsafe.
        """
        self.settings = settings or ClientSettings()
        self.clock = clock or SystemClock()
        self._base = base_address(self.settings.base_url)
        self._credentials = credentials
        self._pacer = Pacer(self.clock, self.settings.max_wait_seconds)
        self._session_factory = session_factory
        self._on_exchange = on_exchange
        self._local = threading.local()
        self._sessions: list[requests.Session] = []

    def __enter__(self) -> KlaviyoClient:  # noqa: PYI034 - Self is newer than Python 3.10
        """Close the connections at the end of a `with` block."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the connections."""
        self.close()

    def close(self) -> None:
        """Close the connections of all threads."""
        while self._sessions:
            self._sessions.pop().close()

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
        return self._send(self._reading(operation(operation_id), query or Query(), path))

    def pages(
        self, operation_id: str, query: Query | None = None, *, path: Mapping[str, str] = NOTHING
    ) -> Iterator[Page]:
        """Read a collection page by page, following `links.next` as it stands.

        Raises:
            KlaviyoError: see `klaviyo_client.errors`.
        """
        call = self._reading(operation(operation_id), query or Query(), path)
        seen = {call.address}
        while True:
            page = self._retried(call, self._page)
            yield page
            if page.next is None:
                return
            address = next_address(self._base, page.next, seen)
            call = Call(call.operation_id, call.method, address, call.rates, call.scopes)

    def write(
        self,
        operation_id: str,
        body: bytes | None = None,
        *,
        path: Mapping[str, str] = NOTHING,
        repeat_safe: bool = False,
    ) -> Answer:
        """Send a write.

        Args:
            operation_id: Klaviyo's `operationId`.
            body: The JSON:API document as it goes on the wire.
            path: Values for the placeholders of the operation's path.
            repeat_safe: Whether a second application would change nothing, so that the request
                may be repeated when it is unknown whether the first was applied.

        Raises:
            ConnectionFailedError: with `sent` true, Klaviyo may have applied the request.
            KlaviyoError: see `klaviyo_client.errors`.
        """
        known = operation(operation_id)
        address = request_address(self._base, known.path, path, {})
        rates = {known.id: known.rate}
        call = Call(known.id, known.method, address, rates, known.scopes, body, repeat_safe)
        return self._send(call)

    def raw(self, method: str, path: str, body: bytes | None = None) -> Answer:
        """Send any request; `path` starts with `/` and may hold a query.

        Raises:
            InvalidRequestError: `path` is no path.
            KlaviyoError: see `klaviyo_client.errors`.
        """
        if not path.startswith("/") or path.startswith("//"):
            raise InvalidRequestError("path must start with one slash, such as /api/profiles")
        known = operation_at(method, path.partition("?")[0])
        name = known.id if known else "an unknown operation"
        rates = {name: known.rate if known else UNKNOWN_RATE}
        scopes = known.scopes if known else ()
        safe = method.upper() == "GET"
        return self._send(Call(name, method.upper(), self._base + path, rates, scopes, body, safe))

    def _reading(self, known: Operation, query: Query, path: Mapping[str, str]) -> Call:
        """A GET call that the endpoint facts allow."""
        parameters = query_parameters(known, query)
        address = request_address(self._base, known.path, path, parameters)
        rates = {known.id: known.rate}
        for limit in lowered_rates(known, parameters):
            rates[f"{limit.parameter}={limit.value}"] = limit.rate
        return Call(known.id, known.method, address, rates, known.scopes)

    def _send(self, call: Call) -> Answer:
        """Send, with retries."""
        return self._retried(call, self._answer)

    def _page(self, call: Call, ticket: Ticket) -> Page:
        """Send once and read a page; a body that was cut off counts as a failed connection."""
        return read_page(self._answer(call, ticket), call.operation_id)

    def _retried(self, call: Call, attempt: Callable[[Call, Ticket], Result]) -> Result:
        """Attempt a call until it succeeds or is not worth another try.

        `backoff` counts the tries; the waiting is the pacer's, so that every thread that uses
        the same bucket waits too.
        """
        ticket: Ticket | None = None

        def once() -> Result:
            nonlocal ticket
            ticket = self._pacer.acquire(call.operation_id, call.rates)
            return attempt(call, ticket)

        def wait(details: Any) -> None:
            if ticket is not None:
                self._pacer.defer(ticket, delay_seconds(details["exception"], details["tries"]))

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
        header = self._credentials.header()
        answer = self._exchange(call, ticket, header)
        try:
            return check_answer(answer, call.operation_id, call.scopes)
        except AuthenticationError:
            if not self._credentials.renew(header):
                raise
        again = self._pacer.acquire(call.operation_id, call.rates)
        answer = self._exchange(call, again, self._credentials.header())
        return check_answer(answer, call.operation_id, call.scopes)

    def _exchange(self, call: Call, ticket: Ticket, header: str) -> Answer:
        """Send over this thread's session and give the ticket back, whatever happens."""
        started = self.clock.monotonic()
        answer: Answer | None = None
        try:
            answer = self._transmit(call, header)
            return answer
        finally:
            self._pacer.release(ticket, answer.headers if answer else NOTHING)
            seconds = self.clock.monotonic() - started
            status = answer.status if answer else None
            logger.debug("%s answered %s in %.3f s", call.operation_id, status, seconds)
            if self._on_exchange:
                self._on_exchange(Exchange(call.operation_id, status, seconds))

    def _transmit(self, call: Call, header: str) -> Answer:
        """One HTTP request; what `requests` raises becomes one of our errors.

        The messages of `requests` hold the full address with its filter, which may hold an
        e-mail address: they are left out, in the error chain too.
        """
        headers = {
            "Accept": MEDIA_TYPE,
            "Content-Type": MEDIA_TYPE,
            "User-Agent": self.settings.user_agent,
            "revision": self.settings.revision,
        }
        try:
            response = self._session().request(
                call.method,
                call.address,
                data=call.body,
                headers=headers,
                auth=HostAuth(header, self._base),
                timeout=(self.settings.connect_timeout, self.settings.read_timeout),
                allow_redirects=False,
            )
        except requests.RequestException as error:
            raise connection_failed(call.operation_id, self._base, error) from None
        lowered = {name.lower(): value for name, value in response.headers.items()}
        return Answer(response.status_code, lowered, response.content)

    def _session(self) -> requests.Session:
        """This thread's session."""
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = self._local.session = self._session_factory()
            self._sessions.append(session)
        return session


def connection_failed(
    operation_id: str, base: str, error: requests.RequestException
) -> ConnectionFailedError:
    """What went wrong on the way, without the address's query."""
    never_connected = isinstance(error, requests.ConnectTimeout) or (
        "NewConnectionError" in repr(error) or "NameResolutionError" in repr(error)
    )
    reason = "cannot be reached" if never_connected else f"broke off ({type(error).__name__})"
    remedy = "; check api_url and the network" if never_connected else ""
    return ConnectionFailedError(
        f"the connection to {base} for {operation_id} {reason}{remedy}", sent=not never_connected
    )
