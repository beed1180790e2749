"""What became of a row: every input row ends with exactly one of these."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from target_klaviyo.lines import legible

Kind = Literal["accepted", "rejected", "skipped", "unknown"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of one row.

    `reason` holds no personal data, as it is logged and counted; `detail`, Klaviyo's own words,
    may quote the row and goes only into the dead-letter file, which holds the row anyway.
    `held` says of a row that was skipped that Klaviyo has taken what stands for it: `change_store`
    need not send it again.
    """

    kind: Kind
    reason: str | None = None
    detail: str | None = None
    job_id: str | None = None
    held: bool = False


ACCEPTED = Outcome("accepted")
DUPLICATE = Outcome("skipped", "duplicate")


@dataclass(frozen=True, slots=True)
class Row:
    """One incoming row: its number in its stream (from 1), its line of the input, what is wrong.

    The line, since what is read from it takes four times as much memory while a batch is sent.
    """

    number: int
    line: bytes | str
    flaw: str | None = None

    @property
    def message(self) -> Mapping[str, Any]:
        """The RECORD message as it came; as far as it is `legible` where its line has a flaw."""
        message: Mapping[str, Any] = legible(self.line)[0]
        return message


class RowError(Exception):
    """A row that will not be sent; `outcome` says why."""

    def __init__(self, outcome: Outcome) -> None:
        """Keep the outcome."""
        super().__init__(outcome.reason)
        self.outcome = outcome


class RejectedRowError(RowError):
    """A row that cannot be written as it is."""

    def __init__(self, reason: str) -> None:
        """`reason` must not quote the row."""
        super().__init__(Outcome("rejected", reason))


class SkippedRowError(RowError):
    """A row that need not be written."""

    def __init__(self, reason: str) -> None:
        """`reason` must not quote the row."""
        super().__init__(Outcome("skipped", reason))
