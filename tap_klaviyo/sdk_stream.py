"""What both kinds of streams, of resources and of reports, do otherwise than the SDK's own."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any

from singer_sdk import Stream
from singer_sdk.helpers.conform import TypeConformanceLevel

from klaviyo_client.errors import ConfigurationError
from tap_klaviyo.bookmarks import Bookmark
from tap_klaviyo.times import rfc3339


class TapStream(Stream):
    """A stream of this tap."""

    # Records are built from the stream's own schema; looking them over again costs the most.
    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE

    @property
    def partitions(self) -> None:
        """None, whatever the state of another tap may hold."""
        return None

    def log(self, message: str, *args: Any, level: int = logging.INFO, **keywords: Any) -> None:
        """Log, but not the SDK's word of an unhandled error: the command says what it was."""
        if not message.startswith("An unhandled error"):
            super().log(message, *args, level=level, **keywords)

    def compare_start_date(self, value: str, start_date_value: str) -> str:
        """The later of a bookmark and the start date, in whatever form the user wrote it."""
        return max(value, rfc3339(start_date_value))

    def _bookmark_at(self, key: str, ceiling: datetime, *, resumable: bool) -> Bookmark:
        """The bookmark in the state.

        Raises:
            ConfigurationError: it is no time.
        """
        try:
            return Bookmark(self.get_context_state(None), key, ceiling, resumable=resumable)
        except ConfigurationError as error:
            raise ConfigurationError(f"the state of stream {self.name}: {error}") from None

    def _write_activate_version_message(self, full_table_version: int) -> None:
        """Not before everything has been read: loaders drop the rows of before when it comes."""

    def _drop_older_rows(self) -> None:
        """Everything has been read: rows that have not come again are gone."""
        if self._stream_version is not None:
            super()._write_activate_version_message(self._stream_version)
