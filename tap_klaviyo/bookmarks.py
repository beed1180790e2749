"""One stream's bookmark: the moment up to which everything has been emitted."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping, Sequence
from datetime import datetime
from typing import Any

from klaviyo_client.errors import ConfigurationError
from tap_klaviyo.times import parse_time, rfc3339

State = MutableMapping[str, Any]


class Bookmark:
    """Moves a Singer bookmark forward, and only to where nothing before it is missing.

    It never passes `ceiling` (the start of the run: future-dated events exist) and never goes
    back for rows inside the look-back. Where rows come out of order it returns to where it
    started until `finish`, and where `resumable` is false it does not move before. `notes` are
    put beside it into the state by `finish`.
    """

    def __init__(self, state: State, key: str, ceiling: datetime, *, resumable: bool) -> None:
        """Continue from the bookmark in `state`, a stream's part of the tap's state.

        A bookmark of the future, as other taps leave behind, counts as one of now.

        Raises:
            ConfigurationError: the bookmark there is no time.
        """
        self._state = state
        self._key = key
        self._ceiling = ceiling.isoformat()
        self._resumable = resumable
        known = state.get("replication_key_value") if state.get("replication_key") == key else None
        try:
            found = parse_time(known) if known else None
        except (ValueError, AttributeError):
            raise ConfigurationError(
                f"its replication_key_value ({key}) is no time: write it as "
                "2026-01-31T08:00:00+00:00, or take it out to read everything",
            ) from None
        self.notes: Mapping[str, str] = {}
        self.was_future = found is not None and found > ceiling
        self.start = min(found, ceiling) if found else None
        self._started = self._written = self.start.isoformat() if self.start else ""
        self._highest = ""
        if self.was_future:
            state["replication_key_value"] = self._started

    def see(self, value: str | None) -> bool:
        """Take note of an emitted record; True where the bookmark moved."""
        if value is None:
            return False
        value = rfc3339(value)
        # Rows from before the bookmark are only read again; their order does not matter.
        if self._resumable and self._started < value < self._highest:
            self._resumable = False
            return self._restore()
        self._highest = max(self._highest, value)
        return self._resumable and self._write()

    def see_all(self, values: Sequence[str | None]) -> bool:
        """Take note of emitted records in their order; True where the bookmark moved.

        Their times are in the one form.
        """
        known = [value for value in values if value is not None]
        if known and known[0] >= self._highest and known == sorted(known):
            return self.see(known[-1])  # the others cannot tell more than the last
        moved = [self.see(value) for value in known]
        return any(moved)

    def finish(self) -> bool:
        """Everything has been emitted; True where the state changed."""
        self._state.update(self.notes)
        return self._write() or bool(self.notes)

    def _write(self) -> bool:
        """Put the highest value seen, below the ceiling, into the state."""
        value = min(self._highest, self._ceiling)
        if value <= self._written:
            return False
        self._written = value
        self._state["replication_key"] = self._key
        self._state["replication_key_value"] = value
        return True

    def _restore(self) -> bool:
        """Put back what the state held: rows before the bookmark may still come."""
        self._written = self._started
        if self._started:
            self._state["replication_key_value"] = self._started
        else:
            self._state.pop("replication_key", None)
            self._state.pop("replication_key_value", None)
        return True
