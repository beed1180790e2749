"""Rate limits: fixed windows, daily quotas, shared buckets, header forms."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from klaviyo_sandbox import ManualClock, Sandbox, ScaledClock
from klaviyo_sandbox.contract import operations
from klaviyo_sandbox.limits import Limiter
from klaviyo_sandbox.messages import Refusal
from tests.sandbox.asking import Asking

START = 86_400.0 * 20_000
LISTS = operations()["get_lists"]
PREDICTIVE = (("additional-fields[profile]", "subscriptions,predictive_analytics"),)


def limiter(clock: ManualClock) -> Limiter:
    return Limiter(clock, operations(), on=True)


def refused(limits: Limiter, operation: str, query: tuple[tuple[str, str], ...] = ()) -> int:
    with pytest.raises(Refusal) as raised:
        limits.admit("account", operations()[operation], query)
    assert raised.value.status == 429
    assert [name for name, _ in raised.value.headers] == ["Retry-After"]
    return int(raised.value.headers[0][1])


def test_headers_have_the_recorded_form() -> None:
    headers = dict(limiter(ManualClock(START)).admit("account", LISTS, ()))
    assert headers == {
        "ratelimit-limit": "75, 75;w=1, 750;w=60",
        "ratelimit-remaining": "74",
        "ratelimit-reset": "1",
    }


def test_daily_quota_is_in_the_headers_and_holds_for_a_day() -> None:
    clock = ManualClock(START)
    limits = limiter(clock)
    for _ in range(150):
        headers = dict(limits.admit("account", operations()["create_list"], ()))
        clock.advance(1)
    assert headers["ratelimit-limit"] == "150, 10;w=1, 150;w=60, 150;w=86400"
    assert refused(limits, "create_list") == 86_400 - 150
    clock.advance(86_400)
    limits.admit("account", operations()["create_list"], ())


def test_the_steady_window_is_fixed_and_begins_anew() -> None:
    clock = ManualClock(START)
    limits = limiter(clock)
    for _ in range(15):
        limits.admit("account", operations()["get_accounts"], ())
        clock.advance(1)
    assert refused(limits, "get_accounts") == 45
    clock.advance(44.9)
    assert refused(limits, "get_accounts") == 1
    clock.advance(0.1)
    limits.admit("account", operations()["get_accounts"], ())


@given(st.lists(st.floats(0, 0.4), min_size=1, max_size=200))
def test_no_window_ever_lets_more_through(steps: list[float]) -> None:
    clock = ManualClock(START)
    limits = limiter(clock)
    admitted: list[float] = []
    for step in steps:
        clock.advance(step)
        try:
            limits.admit("account", operations()["get_flows"], ())
        except Refusal:
            continue
        admitted.append(clock.now())
    for width, most in ((1, 3), (60, 60)):
        windows = [moment // width for moment in admitted]
        assert all(windows.count(one) <= most for one in set(windows))


def test_operations_and_callers_have_buckets_of_their_own() -> None:
    limits = limiter(ManualClock(START))
    limits.admit("account", operations()["get_accounts"], ())
    assert refused(limits, "get_accounts") == 1
    limits.admit("account", operations()["get_account"], ())
    limits.admit("app one", operations()["get_accounts"], ())


def test_a_costly_parameter_is_one_bucket_for_all_operations() -> None:
    limits = limiter(ManualClock(START))
    for number in range(10):
        name = ("get_profiles", "get_profiles_for_list")[number % 2]
        headers = dict(limits.admit("account", operations()[name], PREDICTIVE))
    assert headers["ratelimit-limit"] == "10, 10;w=1, 150;w=60"
    assert refused(limits, "get_profiles_for_segment", PREDICTIVE) == 1
    limits.admit("account", operations()["get_profiles"], ())


def test_a_refused_request_is_not_counted() -> None:
    clock = ManualClock(START)
    limits = limiter(clock)
    limits.admit("account", operations()["get_accounts"], ())
    for _ in range(30):
        refused(limits, "get_accounts")
    clock.advance(1)
    limits.admit("account", operations()["get_accounts"], ())


def test_retry_after_is_in_real_seconds() -> None:
    clock = ScaledClock(20, source=lambda: START)
    limits = Limiter(clock, operations(), on=True)
    for _ in range(3):
        limits.admit("account", operations()["get_flows"], ())
    with pytest.raises(Refusal) as raised:
        limits.admit("account", operations()["get_flows"], ())
    assert raised.value.headers == (("Retry-After", "1"),)
    assert clock.real_seconds(60) == 3


def test_without_limits_nothing_is_refused() -> None:
    limits = Limiter(ManualClock(START), operations(), on=False)
    for _ in range(100):
        headers = dict(limits.admit("account", operations()["get_accounts"], ()))
    assert headers["ratelimit-limit"] == "1, 1;w=1, 15;w=60"


def test_headers_state_the_window_that_binds() -> None:
    clock = ManualClock(START)
    limits = limiter(clock)
    for _ in range(10):
        for _ in range(74):
            headers = dict(limits.admit("account", LISTS, ()))
        assert (headers["ratelimit-limit"], headers["ratelimit-remaining"]) == (
            "75, 75;w=1, 750;w=60",
            "1",
        )
        clock.advance(1)
    headers = dict(limits.admit("account", LISTS, ()))
    assert headers == {
        "ratelimit-limit": "750, 75;w=1, 750;w=60",
        "ratelimit-remaining": "9",
        "ratelimit-reset": "50",
    }


def test_the_keys_of_an_account_share_its_limits() -> None:
    clock = ManualClock(START)
    with Sandbox(profiles=1, events=0, clock=clock, keys={"pk_a": None, "pk_b": None}) as sandbox:
        ask = Asking(sandbox)
        for number in range(15):
            key = ("Klaviyo-API-Key pk_a", "Klaviyo-API-Key pk_b")[number % 2]
            assert ask("GET", "/api/accounts", Authorization=key).status_code == 200
            clock.advance(1)
        clock.advance(0.5)
        for key in ("Klaviyo-API-Key pk_a", "Klaviyo-API-Key pk_b"):
            answer = ask("GET", "/api/accounts", Authorization=key)
            assert (answer.status_code, answer.headers["Retry-After"]) == (429, "45")
            assert not [name for name in answer.headers if name.lower().startswith("ratelimit")]
        clock.advance(44.5)
        assert ask("GET", "/api/accounts").status_code == 401
        answer = ask("GET", "/api/accounts", Authorization="Klaviyo-API-Key pk_b")
        assert answer.headers["ratelimit-remaining"] == "0"
        ask.session.close()
