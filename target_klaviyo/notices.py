"""What is said once of a stream, however many of its rows give cause."""

from __future__ import annotations

import logging
from collections.abc import Callable


class Notices:
    """Warnings in the log, each once for a stream."""

    def __init__(self, logger: logging.Logger) -> None:
        """Say them through `logger`."""
        self._logger = logger
        self._said: set[tuple[str, str]] = set()

    def of(self, stream: str) -> Callable[[str, str], None]:
        """Says something of one stream: what it is about, and the text."""

        def notice(key: str, text: str) -> None:
            if (stream, key) not in self._said:
                self._said.add((stream, key))
                self._logger.warning("stream '%s' %s", stream, text)

        return notice
