"""A long read against Klaviyo's fixed windows, in the sandbox's time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import requests

from klaviyo_client.auth import PrivateKey
from klaviyo_client.client import Exchange, KlaviyoClient
from klaviyo_client.client_settings import ClientSettings
from klaviyo_sandbox import Sandbox

if TYPE_CHECKING:
    from tests.client.conftest import FakeClock

MINUTES = 3
# Allowed: 10 a second and 150 a minute.
OPERATION, PATH, STEADY = "get_metrics", "/api/metrics", 150
OTHERS = {"Authorization": "Klaviyo-API-Key pk_other", "revision": "2026-07-15"}


class SharedClock:
    """The client's clock as the sandbox reads it; its windows begin at an odd moment."""

    def __init__(self, clock: FakeClock, offset: float) -> None:
        self.clock, self.offset = clock, offset

    def now(self) -> float:
        return 1_790_000_000.0 + self.offset + self.clock.now

    def real_seconds(self, seconds: float) -> float:
        return seconds


@pytest.mark.parametrize("offset", [0.0, 17.3, 45.0])
@pytest.mark.parametrize("share", [0.0, 1 / 3])
def test_a_long_read_uses_the_limit_and_meets_a_handful_of_429s(
    clock: FakeClock, offset: float, share: float
) -> None:
    """`share` is what another client uses of the same minute, evenly."""
    statuses: list[tuple[float, int | None]] = []
    others: list[tuple[float, int | None]] = []
    with (
        Sandbox(profiles=1, events=1, clock=SharedClock(clock, offset)) as sandbox,
        requests.Session() as session,
    ):

        def other() -> None:
            answer = session.get(sandbox.url + PATH, headers=OTHERS, timeout=60)
            others.append((clock.now, answer.status_code))
            clock.at(clock.now + 60 / (STEADY * share), other)

        def exchanged(exchange: Exchange) -> None:
            statuses.append((clock.now, exchange.status))

        if share:
            clock.at(clock.now, other)
        client = KlaviyoClient(
            PrivateKey("pk_me"),
            ClientSettings(base_url=sandbox.url),
            clock=clock,
            on_exchange=exchanged,
        )
        end = clock.now + MINUTES * 60
        with client:
            while clock.now < end:
                client.get(OPERATION)
                clock.sleep(0.02)
    first = end - MINUTES * 60 + 60
    taken = [status for when, status in (*statuses, *others) if when >= first]
    # The first minute is left out: in it, two fixed windows may be used up.
    assert taken.count(200) >= 0.95 * STEADY * (MINUTES - 1)
    refused = sum(status == 429 for _, status in statuses)
    assert refused <= MINUTES + 2, "a handful"
