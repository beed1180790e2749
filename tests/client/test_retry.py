from __future__ import annotations

import pytest

from klaviyo_client.errors import (
    ApiError,
    AuthenticationError,
    ConfigurationError,
    ConflictError,
    ConnectionFailedError,
    InvalidRequestError,
    KlaviyoError,
    NotFoundError,
    PaginationError,
    PayloadTooLargeError,
    PermissionDeniedError,
    RateLimitedError,
    ServerError,
    WaitTooLongError,
)
from klaviyo_client.retry import delay_seconds, worth_retrying

FINAL: list[KlaviyoError] = [
    ApiError("get_things", 400),
    AuthenticationError("get_things", 401),
    PermissionDeniedError("get_things", 403),
    NotFoundError("get_things", 404),
    ConflictError("get_things", 409),
    ApiError("get_things", 410),
    PayloadTooLargeError("get_things", 413),
    ApiError("get_things", 415),
    InvalidRequestError("no"),
    ConfigurationError("no"),
    PaginationError("no"),
    WaitTooLongError("get_things", 900, 600),
]


@pytest.mark.parametrize("error", FINAL, ids=str)
def test_final_errors_are_never_retried(error: KlaviyoError) -> None:
    assert not worth_retrying(error, repeat_safe=True)


@pytest.mark.parametrize(
    "error",
    [RateLimitedError("create_thing", 429), ConnectionFailedError("unreachable", sent=False)],
    ids=str,
)
def test_what_was_not_processed_is_retried_even_if_not_repeat_safe(error: KlaviyoError) -> None:
    assert worth_retrying(error, repeat_safe=False)


@pytest.mark.parametrize(
    "error",
    [
        *(ServerError("create_thing", status) for status in (403, 500, 502, 503, 504, 524)),
        ConnectionFailedError("broke off", sent=True),
    ],
    ids=str,
)
def test_what_may_have_been_applied_is_retried_only_if_repeat_safe(error: KlaviyoError) -> None:
    assert worth_retrying(error, repeat_safe=True)
    assert not worth_retrying(error, repeat_safe=False)


@pytest.mark.parametrize("kind", [RateLimitedError, ServerError])
def test_the_servers_word_wins(kind: type[ApiError]) -> None:
    assert delay_seconds(kind("a", 429, retry_after=17.0), 1) == 17.0
    assert delay_seconds(kind("a", 429, retry_after=17.0), 9) == 17.0


@pytest.mark.parametrize("retry_after", [None, 0.0])
@pytest.mark.parametrize(
    ("tries", "shortest", "longest"), [(1, 0.25, 0.5), (4, 2, 4), (20, 30, 60)]
)
def test_without_it_the_delay_doubles_up_to_a_minute_with_jitter(
    retry_after: float | None, tries: int, shortest: float, longest: float
) -> None:
    error = RateLimitedError("a", 429, retry_after=retry_after)

    assert delay_seconds(error, tries, uniform=lambda low, _: low) == shortest
    assert delay_seconds(error, tries, uniform=lambda _, high: high) == longest
