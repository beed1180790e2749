"""What ends one stream and not the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from klaviyo_client.errors import (
    ApiError,
    AuthenticationError,
    BrokenDocumentError,
    KlaviyoError,
    PaginationError,
    PermissionDeniedError,
    UnexpectedContentError,
    WaitTooLongError,
)
from tap_klaviyo.progress import ENDED_EARLY, SKIPPED
from tap_klaviyo.side_by_side import StreamStoppedError

if TYPE_CHECKING:
    from tap_klaviyo.reports_stream import ReportStream
    from tap_klaviyo.streams import KlaviyoStream
    from tap_klaviyo.tap import TapKlaviyo

OF_ONE_STREAM = (
    ApiError,
    BrokenDocumentError,
    PaginationError,
    StreamStoppedError,
    UnexpectedContentError,
    WaitTooLongError,
)


def ends_only_itself(error: KlaviyoError) -> bool:
    """Whether a stream's error says nothing of the other streams."""
    return isinstance(error, OF_ONE_STREAM) and not isinstance(error, AuthenticationError)


def end_early(tap: TapKlaviyo, stream: KlaviyoStream | ReportStream, error: KlaviyoError) -> None:
    """Say why a stream ends here; its bookmark stands where everything has been emitted.

    Raises:
        AuthenticationError: that ends all streams.
    """
    skip = tap.config["on_missing_scope"] == "skip"
    if isinstance(error, AuthenticationError):
        raise error
    if isinstance(error, PermissionDeniedError) and skip:
        stream.logger.warning("Stream %s is skipped: %s", stream.name, error)
        stream.progress.outcome = SKIPPED
        return
    of = "".join(f" ({name} {value})" for name, value in stream.spec.path.items())
    stream.logger.error("Stream %s%s ends early: %s", stream.name, of, error)
    stream.progress.outcome = ENDED_EARLY
    tap.end_early(stream.name)
