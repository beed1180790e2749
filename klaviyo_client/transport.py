"""The only module that touches a socket: one request, and its answer or one of our errors."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from functools import cached_property
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import HTTPError

from klaviyo_client.auth import HostAuth
from klaviyo_client.calls import Call
from klaviyo_client.client_settings import ClientSettings
from klaviyo_client.clock import Clock
from klaviyo_client.compression import GZIP
from klaviyo_client.errors import ConnectionFailedError, InvalidRequestError
from klaviyo_client.wire import LOOPBACK, Answer, base_address

# What needs no escaping: for `requests` to find that out is a tenth of what sending costs.
PLAIN_ADDRESS = re.compile(r"(?:[\w.~:/?&=,()@!$*+;-]|%[0-9A-F]{2})+", re.ASCII)


class Transport:
    """Sends over as many connections as are needed at once, and keeps them for later."""

    def __init__(
        self,
        settings: ClientSettings,
        session_factory: Callable[[], requests.Session],
        clock: Clock,
    ) -> None:
        """Send to the host of `settings`.

        Raises:
            ConfigurationError: `base_url` would send the key somewhere unsafe.
        """
        self._base = base_address(settings.base_url)
        self._headers = {**settings.headers(), "Accept-Encoding": GZIP}
        self._timeouts = settings.connect_timeout, settings.read_timeout
        self._clock = clock
        self._session_factory = session_factory
        self._idle: list[requests.Session] = []

    def send(self, call: Call, authorization: str) -> Answer:
        """Send once, authorized, without following redirects.

        The messages of `requests` hold the full address with its filter, which may hold an
        e-mail address: they are left out, in the error chain too.

        Raises:
            ConnectionFailedError: no whole answer came.
            InvalidRequestError: the request cannot be written as HTTP.
        """
        session = self._borrowed()
        started = self._clock.monotonic()
        try:
            request = self._prepared(call, authorization, session)
            around = session.merge_environment_settings(request.url, {}, True, None, None)
            response = session.send(
                request, timeout=self._timeouts, allow_redirects=False, **around
            )
            body = sent_body(response)
        except (requests.RequestException, HTTPError, ValueError) as error:
            raise sending_failed(call.operation_id, self._base, error) from None
        finally:
            self._idle.append(session)
        lowered = {name.lower(): value for name, value in response.headers.items()}
        return Answer(response.status_code, lowered, body, self._clock.monotonic() - started)

    @cached_property
    def _common(self) -> requests.PreparedRequest:
        """What all requests have in common: to prepare it anew is a sixth of what sending costs."""
        common = requests.Request("GET", self._base, self._headers, auth=unauthorized)
        return self._session_factory().prepare_request(common)

    def _prepared(
        self, call: Call, authorization: str, session: requests.Session
    ) -> requests.PreparedRequest:
        """The request that a call is."""
        request = self._common.copy()
        request.method = call.method
        if PLAIN_ADDRESS.fullmatch(call.address) and "/." not in call.address:
            request.url = call.address
        else:
            request.prepare_url(call.address, None)
        if session.cookies:
            request.prepare_cookies(session.cookies)
        request.prepare_body(call.body, None)
        request.prepare_auth(HostAuth(authorization, self._base))
        return request

    def close(self) -> None:
        """Close the connections that are not in use."""
        with suppress(IndexError):  # others may close them too
            while True:
                self._idle.pop().close()

    def _borrowed(self) -> requests.Session:
        """A session that nobody else uses: threads come and go, connections are kept."""
        try:
            return self._idle.pop()
        except IndexError:
            session = self._session_factory()
            # A proxy of the environment has no business between us and this machine.
            session.trust_env = urlsplit(self._base).hostname not in LOOPBACK
            return session


def unauthorized(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """A request as it is: `requests` by itself would look for a password in the user's netrc."""
    return request


def sent_body(response: requests.Response) -> bytes:
    """The body of a streamed answer as it was sent, read at once.

    `requests` by itself reads pieces of 10 KB, which for a page of a megabyte costs five times
    as much (measured). Read to its end, the connection goes back to the pool by itself.
    """
    ours = response.headers.get("Content-Encoding") == GZIP
    body: bytes = response.raw.read(decode_content=not ours)
    return body


def sending_failed(
    operation_id: str, base: str, error: requests.RequestException | HTTPError | ValueError
) -> ConnectionFailedError | InvalidRequestError:
    """What went wrong on the way, without the address's query or any header."""
    if isinstance(error, ValueError):  # an address or a header that HTTP cannot carry
        return InvalidRequestError(
            f"the request for {operation_id} cannot be written as HTTP ({type(error).__name__}); "
            "check api_url, user_agent, revision and the key for line breaks and the like",
        )
    never_connected = isinstance(error, requests.ConnectTimeout) or (
        "NewConnectionError" in repr(error) or "NameResolutionError" in repr(error)
    )
    reason = "cannot be reached" if never_connected else f"broke off ({type(error).__name__})"
    remedy = "; check api_url and the network" if never_connected else ""
    return ConnectionFailedError(
        f"the connection to {base} for {operation_id} {reason}{remedy}", sent=not never_connected
    )
