"""Which failures are worth another try, and how long to wait first."""

from __future__ import annotations

import random
from collections.abc import Callable

from klaviyo_client.errors import (
    ConnectionFailedError,
    KlaviyoError,
    RateLimitedError,
    ServerError,
)

FIRST_DELAY_SECONDS = 0.5
LONGEST_DELAY_SECONDS = 60.0


def worth_retrying(error: KlaviyoError, *, repeat_safe: bool) -> bool:
    """Whether to send the request again.

    A 429 was not processed, and a connection that was never made carried nothing: both are
    always safe. After anything else the request may have been applied, so only a request that
    changes nothing the second time (`repeat_safe`) is repeated.
    """
    if isinstance(error, RateLimitedError):
        return True
    if isinstance(error, ConnectionFailedError):
        return repeat_safe or not error.sent
    return isinstance(error, ServerError) and repeat_safe


def delay_seconds(
    error: KlaviyoError, tries: int, uniform: Callable[[float, float], float] = random.uniform
) -> float:
    """Seconds to wait after failure number `tries`: the server's word, else growing with jitter.

    Klaviyo has been seen to say zero seconds, rounded down: that is no word.
    """
    if isinstance(error, (RateLimitedError, ServerError)) and error.retry_after:
        return error.retry_after
    ceiling = min(LONGEST_DELAY_SECONDS, FIRST_DELAY_SECONDS * 2.0 ** (tries - 1))
    return uniform(ceiling / 2, ceiling)
