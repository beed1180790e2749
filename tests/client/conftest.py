"""A scripted transport and a clock that only moves when somebody sleeps."""

from __future__ import annotations

import heapq
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import pytest
import requests
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict
from urllib3 import HTTPResponse

from klaviyo_client.auth import Credentials, PrivateKey
from klaviyo_client.client import Exchange, KlaviyoClient
from klaviyo_client.client_settings import ClientSettings

JSON = "application/vnd.api+json"
# A status, a body (anything but text and bytes goes as JSON) and headers, or what is raised.
Step = tuple[Any, ...] | Exception


class FakeClock:
    """Starts at 1000 s; `at` has something done when the time comes."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._order = 0
        self._lock = threading.RLock()

    def monotonic(self) -> float:
        with self._lock:
            return self.now

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.slept.append(seconds)
            end = self.now + seconds
            while self._due and self._due[0][0] <= end:
                self.now, _, action = heapq.heappop(self._due)
                action()
            self.now = end

    def at(self, moment: float, action: Callable[[], None]) -> None:
        self._order += 1
        heapq.heappush(self._due, (max(moment, self.now), self._order, action))


class ScriptedAdapter(BaseAdapter):
    """Answers requests with the steps of a script, in order, and keeps the requests."""

    def __init__(self, steps: tuple[Step, ...]) -> None:
        super().__init__()
        self.steps = list(steps)
        self.requests: list[requests.PreparedRequest] = []

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        self.requests.append(request)
        step = self.steps.pop(0)
        if isinstance(step, Exception):
            raise step
        status, body, headers = (*step, b"", {})[:3] if len(step) < 3 else step
        return response(request, status, body, headers or {})

    def close(self) -> None:
        """Nothing is open."""

    @property
    def addresses(self) -> list[str]:
        return [request.url or "" for request in self.requests]


def response(
    request: requests.PreparedRequest, status: int, body: Any, headers: dict[str, str]
) -> requests.Response:
    """An answer as `requests` hands it out."""
    answer = requests.Response()
    answer.status_code = status
    answer.request, answer.url = request, request.url or ""
    kind = JSON
    if isinstance(body, str):
        body, kind = body.encode(), "text/html"
    elif not isinstance(body, bytes):
        body = json.dumps(body).encode()
    answer.headers = CaseInsensitiveDict({"Content-Type": kind, **headers})
    answer.raw = HTTPResponse(BytesIO(body), preload_content=False)
    return answer


@dataclass(frozen=True, slots=True)
class Scripted:
    """A client, what it sends to, and what it reported."""

    client: KlaviyoClient
    adapter: ScriptedAdapter
    exchanges: list[Exchange]


ScriptedClient = Callable[..., Scripted]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def scripted(clock: FakeClock) -> ScriptedClient:
    """Make a client that is answered by a script."""

    def make(*steps: Step, credentials: Credentials | None = None, **settings: Any) -> Scripted:
        adapter = ScriptedAdapter(steps)
        exchanges: list[Exchange] = []

        def session() -> requests.Session:
            one = requests.Session()
            one.mount("https://", adapter)
            one.mount("http://", adapter)
            return one

        client = KlaviyoClient(
            credentials or PrivateKey("pk_secret"),
            ClientSettings(**settings),
            clock=clock,
            session_factory=session,
            on_exchange=exchanges.append,
        )
        return Scripted(client, adapter, exchanges)

    return make
