from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from klaviyo_client.errors import WaitTooLongError
from klaviyo_client.operations import Rate
from klaviyo_client.pacing import Pacer, Ticket

if TYPE_CHECKING:
    from tests.client.conftest import FakeClock

SMALL = Rate(burst=1, steady=15)
MEDIUM = Rate(burst=10, steady=150)


def pacer(clock: FakeClock, max_wait_seconds: float = 600.0) -> Pacer:
    return Pacer(clock, max_wait_seconds)


def send(pacer: Pacer, rates: dict[str, Rate], headers: dict[str, str] | None = None) -> Ticket:
    """A request that is answered at once."""
    ticket = pacer.acquire("get_things", rates)
    pacer.release(ticket, headers or {})
    return ticket


def fullest(moments: Iterable[float], length: float) -> int:
    """The most moments that any half-open window of that length holds."""
    ordered = sorted(moments)
    # A window is fullest when it starts at a moment; the hair is for rounding.
    return max(
        sum(start <= moment < start + length - 1e-6 for moment in ordered) for start in ordered
    )


@given(
    burst=st.integers(1, 5),
    steady=st.integers(3, 20),
    journeys=st.lists(
        st.tuples(st.floats(0, 0.7), st.floats(0, 3), st.floats(0, 1)), min_size=1, max_size=50
    ),
)
@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_no_window_of_any_alignment_is_overfull(
    clock: FakeClock, burst: int, steady: int, journeys: list[tuple[float, float, float]]
) -> None:
    """Requests overlap; each counts at some moment between being sent and being answered."""
    one = pacer(clock)
    counted = []
    for pause, latency, share in journeys:
        clock.sleep(pause)
        ticket = one.acquire("get_things", {"get_things": Rate(burst, steady)})
        counted.append(clock.now + latency * share)
        clock.at(clock.now + latency, lambda ticket=ticket: one.release(ticket, {}))  # type: ignore[misc]
    clock.sleep(10)

    assert fullest(counted, 1) <= burst
    assert fullest(counted, 60) <= steady


def test_threads_share_the_windows(clock: FakeClock) -> None:
    one = pacer(clock)
    counted: list[float] = []

    def work() -> None:
        for _ in range(15):
            ticket = one.acquire("get_things", {"get_things": Rate(3, 20)})
            counted.append(clock.monotonic())
            one.release(ticket, {})

    threads = [threading.Thread(target=work, daemon=True) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)

    assert len(counted) == 90
    assert fullest(counted, 1) <= 3
    assert fullest(counted, 60) <= 20


def test_waits_no_longer_than_the_windows_ask(clock: FakeClock) -> None:
    one = pacer(clock)
    moments = []
    for _ in range(16):
        send(one, {"get_things": SMALL})
        moments.append(clock.now)

    assert moments == [1000.0 + second for second in range(15)] + [1060.0]


def test_operations_do_not_wait_for_each_other(clock: FakeClock) -> None:
    one = pacer(clock)
    send(one, {"get_accounts": SMALL})
    send(one, {"get_webhooks": SMALL})

    assert clock.now == 1000.0


def test_a_costly_parameter_has_a_bucket_that_operations_share(clock: FakeClock) -> None:
    one = pacer(clock)
    costly = {"include=lists": SMALL}
    send(one, {"get_profile": MEDIUM, **costly})
    send(one, {"get_profile": MEDIUM})
    assert clock.now == 1000.0

    send(one, {"get_list": MEDIUM, **costly})
    assert clock.now == 1001.0


def test_a_request_under_way_counts_until_a_window_after_its_answer(clock: FakeClock) -> None:
    one = pacer(clock)
    first = one.acquire("get_things", {"get_things": SMALL})
    clock.at(1005.0, lambda: one.release(first, {}))

    one.acquire("get_things", {"get_things": SMALL})

    assert clock.now == pytest.approx(1006.0, abs=0.011)


@pytest.mark.parametrize(
    ("header", "burst"),
    [("3, 3;w=1, 60;w=60", 3), ("60, 3;w=1, 60;w=60", 3), ("3,3;w=1,60;w=60", 3), ("", 10)],
)
def test_the_limits_of_the_headers_replace_the_known_ones(
    clock: FakeClock, header: str, burst: int
) -> None:
    one = pacer(clock)
    send(one, {"get_things": MEDIUM}, {"ratelimit-limit": header})
    clock.sleep(1)

    at_once = 0
    while clock.now == 1001.0:
        send(one, {"get_things": MEDIUM})
        at_once += clock.now == 1001.0

    assert at_once == burst


def test_what_others_have_used_is_left_to_them(clock: FakeClock) -> None:
    """75 a second are allowed and 2 remain: somebody else has sent 72 of them."""
    one = pacer(clock)
    headers = {"ratelimit-limit": "75, 75;w=1, 750;w=60", "ratelimit-remaining": "2"}
    send(one, {"get_things": Rate(75, 750)}, headers)

    send(one, {"get_things": Rate(75, 750)})
    send(one, {"get_things": Rate(75, 750)})
    assert clock.now == 1000.0
    send(one, {"get_things": Rate(75, 750)})
    assert clock.now == 1001.0


def test_what_others_have_used_of_a_minute(clock: FakeClock) -> None:
    one = pacer(clock)
    headers = {"ratelimit-limit": "750, 75;w=1, 750;w=60", "ratelimit-remaining": "0"}
    send(one, {"get_things": Rate(75, 750)}, headers)

    send(one, {"get_things": Rate(75, 750)})

    assert clock.now == 1060.0


def test_what_is_under_way_may_not_be_counted_yet(clock: FakeClock) -> None:
    """Others have nearly used the minute up: the answers under way are waited for first."""
    one, rates = pacer(clock), {"get_things": Rate(75, 750)}
    headers = {"ratelimit-limit": "750, 75;w=1, 750;w=60"}
    tickets = [one.acquire("get_things", rates) for _ in range(4)]
    three = headers | {"ratelimit-remaining": "3"}
    one.release(tickets[0], three)
    clock.at(1000.5, lambda: one.release(tickets[1], three))

    one.acquire("get_things", rates)

    assert 1000.5 <= clock.now < 1000.6, "3 may have been those under way"


def test_the_plain_form_of_the_headers_is_read_too(clock: FakeClock) -> None:
    one = pacer(clock)
    send(one, {"a": MEDIUM}, {"ratelimit-limit": "150", "ratelimit-remaining": "0"})
    send(one, {"a": MEDIUM})

    assert clock.now == 1060.0


@pytest.mark.parametrize("headers", [{"ratelimit-limit": "x;w=y"}, {"ratelimit-remaining": "-"}])
def test_headers_that_say_nothing_change_nothing(clock: FakeClock, headers: dict[str, str]) -> None:
    one = pacer(clock)
    for _ in range(10):
        send(one, {"a": MEDIUM}, headers)

    assert clock.now == 1000.0


def test_the_headers_of_a_costly_parameter_do_not_slow_down_the_operation(
    clock: FakeClock,
) -> None:
    one = pacer(clock)
    headers = {"ratelimit-limit": "1, 1;w=1, 15;w=60", "ratelimit-remaining": "0"}
    send(one, {"get_profile": MEDIUM, "include=lists": SMALL}, headers)
    for _ in range(9):
        send(one, {"get_profile": MEDIUM})

    assert clock.now == 1000.0


def test_the_headers_of_the_operation_are_heeded_beside_a_costly_parameter(
    clock: FakeClock,
) -> None:
    one = pacer(clock)
    headers = {"ratelimit-limit": "10, 10;w=1, 150;w=60", "ratelimit-remaining": "0"}
    send(one, {"get_profile": MEDIUM, "include=lists": SMALL}, headers)
    send(one, {"get_profile": MEDIUM})

    assert clock.now == 1001.0


def test_a_limit_of_zero_does_not_stop_everything(clock: FakeClock) -> None:
    one = pacer(clock)
    send(one, {"a": MEDIUM}, {"ratelimit-limit": "0, 0;w=1, 0;w=60"})
    clock.at(1100.0, lambda: pytest.fail("still waiting"))
    send(one, {"a": MEDIUM})

    assert clock.now == 1060.0


def test_a_deferred_bucket_lets_nothing_through_until_then(clock: FakeClock) -> None:
    one = pacer(clock)
    ticket = send(one, {"a": MEDIUM})
    one.defer(ticket, 30)
    one.defer(ticket, 5)

    send(one, {"a": MEDIUM})

    assert clock.now == 1030.0


def test_a_wait_that_is_too_long_is_an_error_and_takes_no_time(clock: FakeClock) -> None:
    one = pacer(clock, max_wait_seconds=600)
    one.defer(send(one, {"query_values": MEDIUM}), 7200)

    with pytest.raises(WaitTooLongError) as caught:
        send(one, {"query_values": MEDIUM})

    assert str(caught.value) == (
        "Klaviyo's rate limit of get_things asks to wait 7200 s, more than max_wait_seconds "
        "(600); run again later or raise that setting"
    )
    assert clock.slept == []


def test_a_daily_quota_that_is_used_up_is_an_error(clock: FakeClock) -> None:
    one = pacer(clock)
    for _ in range(3):
        send(one, {"report": Rate(1, 2, daily=3)})

    with pytest.raises(WaitTooLongError, match="asks to wait 863"):
        send(one, {"report": Rate(1, 2, daily=3)})


def test_says_who_waits_and_for_how_much_longer(clock: FakeClock) -> None:
    one = pacer(clock)
    send(one, {"get_things": SMALL})
    assert one.waiting() == {}
    seen = []
    clock.at(clock.now + 0.25, lambda: seen.append(one.waiting()))
    send(one, {"get_things": SMALL})

    assert seen == [{"get_things": 0.75}]
    assert one.waiting() == {}
