from __future__ import annotations

from klaviyo_client.clock import SystemClock


def test_sleeping_takes_the_time_it_is_told() -> None:
    clock = SystemClock()
    start = clock.monotonic()
    clock.sleep(0.002)
    assert clock.monotonic() - start >= 0.002
