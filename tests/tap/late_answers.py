"""`tap-klaviyo` as it reads where answers are late: in windows at once, and not page after page.

Here they come at once, so that no test has to wait for them.
"""

from __future__ import annotations

from unittest import mock

from tap_klaviyo import reading
from tap_klaviyo.__main__ import main

LATE = "tests.tap.late_answers"
"""The module to run instead of `tap_klaviyo`."""


def workers(reader: reading.Reader, _: float) -> int:
    """As many as there may be."""
    return reader.workers


if __name__ == "__main__":
    with (
        mock.patch.object(reading, "QUICK_ANSWER", 0),
        mock.patch.object(reading.Reader, "_useful_workers", workers),
    ):
        main()
