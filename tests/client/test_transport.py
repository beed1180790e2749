from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
import requests

from klaviyo_client.auth import PrivateKey
from klaviyo_client.client import KlaviyoClient
from klaviyo_client.client_settings import ClientSettings
from klaviyo_client.errors import ConnectionFailedError, InvalidRequestError

if TYPE_CHECKING:
    from tests.client.conftest import FakeClock, ScriptedClient


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port that nobody listens on, and nobody else can take."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        yield one.getsockname()[1]


def test_a_server_that_is_down_is_named_with_the_remedy(clock: FakeClock, closed_port: int) -> None:
    settings = ClientSettings(base_url=f"http://127.0.0.1:{closed_port}", max_tries=3)
    client = KlaviyoClient(PrivateKey("pk_x"), settings, clock=clock)
    with client, pytest.raises(ConnectionFailedError) as caught:
        client.write("create_event", b"{}")

    assert str(caught.value) == (
        f"the connection to http://127.0.0.1:{closed_port} for create_event cannot be reached; "
        "check api_url and the network"
    )
    assert not caught.value.sent
    assert len(clock.slept) == 2


@pytest.mark.parametrize(
    ("error", "sent"),
    [
        (requests.ConnectTimeout(), False),
        (requests.ReadTimeout(), True),
        (requests.exceptions.SSLError(), True),
        (requests.ConnectionError("RemoteDisconnected"), True),
    ],
    ids=lambda value: type(value).__name__,
)
def test_whether_klaviyo_may_have_received_the_request(
    scripted: ScriptedClient, error: Exception, sent: bool
) -> None:
    with pytest.raises(ConnectionFailedError) as caught:
        scripted(error, max_tries=1).client.get("get_lists")
    assert caught.value.sent is sent


@pytest.mark.parametrize("user_agent", ["a\nb", "caf\u0142"])
def test_what_http_cannot_carry_is_refused_at_once(
    clock: FakeClock, closed_port: int, user_agent: str
) -> None:
    base = f"http://127.0.0.1:{closed_port}"
    settings = ClientSettings(base_url=base, user_agent=user_agent)
    client = KlaviyoClient(PrivateKey("pk_x"), settings, clock=clock)
    with client, pytest.raises(InvalidRequestError, match="cannot be written as HTTP") as caught:
        client.get("get_lists")

    assert "pk_x" not in str(caught.value)
    assert clock.slept == []


@pytest.mark.parametrize(
    ("base", "trusts"), [("https://a.klaviyo.com", True), ("http://127.0.0.1:8099", False)]
)
def test_a_proxy_of_the_environment_does_not_see_loopback(
    clock: FakeClock, base: str, trusts: bool
) -> None:
    with KlaviyoClient(PrivateKey("pk_x"), ClientSettings(base_url=base), clock=clock) as client:
        assert client._transport._borrowed().trust_env is trusts
