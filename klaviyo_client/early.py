"""Answers that are asked for before there is a client: while a program is still being loaded."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future

import requests

from klaviyo_client.auth import Credentials
from klaviyo_client.calls import Call, reading_call
from klaviyo_client.client_settings import ClientSettings
from klaviyo_client.clock import Clock, SystemClock
from klaviyo_client.query import Query
from klaviyo_client.transport import Transport
from klaviyo_client.wire import Answer, base_address


class EarlyAnswers:
    """Asks without waiting; a client takes an answer where it would ask for exactly the same.

    It counts as asked for when it is taken: then the client paces it, and retries what failed.
    """

    def __init__(
        self,
        settings: ClientSettings,
        credentials: Credentials,
        *,
        clock: Clock | None = None,
        session_factory: Callable[[], requests.Session] = requests.Session,
    ) -> None:
        """Ask the host of `settings`, with `credentials` as they are now.

        Raises:
            ConfigurationError: `base_url` would send the key somewhere unsafe.
        """
        self._base = base_address(settings.base_url)
        self._said = settings.headers()
        self._authorization = credentials.header()
        self._transport = Transport(settings, session_factory, clock or SystemClock())
        self._coming: dict[str, Future[Answer]] = {}

    def ask(self, operation_id: str, query: Query, path: Mapping[str, str]) -> None:
        """Ask for one page.

        Raises:
            InvalidRequestError: the operation takes no such query.
        """
        call = reading_call(self._base, operation_id, query, path)
        answer = self._coming[call.address] = Future()
        threading.Thread(target=self._send, args=(call, answer), daemon=True).start()

    def _send(self, call: Call, answer: Future[Answer]) -> None:
        """Send a call, and keep what comes of it."""
        try:
            answer.set_result(self._transport.send(call, self._authorization))
        except BaseException as error:  # noqa: BLE001 - raised again where the answer is taken
            answer.set_exception(error)
        finally:
            self._transport.close()

    @property
    def left(self) -> int:
        """How many answers nobody has taken."""
        return len(self._coming)

    def take(self, call: Call, said: Mapping[str, str], authorization: str) -> Answer | None:
        """The answer to a call with those headers, once; None where it was not asked for.

        Raises:
            KlaviyoError: what sending it raised.
        """
        if (said, authorization) != (self._said, self._authorization):
            return None
        coming = self._coming.pop(call.address, None)
        return coming.result() if coming else None
