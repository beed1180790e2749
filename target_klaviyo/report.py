"""Counts what became of every row, writes it down, and decides whether the run may go on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from klaviyo_client.errors import ConfigurationError
from target_klaviyo.courier import Delivery
from target_klaviyo.errors import MirrorRefusedError, RowsFailedError
from target_klaviyo.files import DeadLetters, LineFile, receipt, removal
from target_klaviyo.outcomes import Kind, Outcome, Row

KINDS: tuple[Kind, ...] = ("accepted", "skipped", "rejected", "unknown")
FAILED: tuple[Kind, ...] = ("rejected", "unknown")


@dataclass(frozen=True, slots=True)
class Policy:
    """When refused rows end the run: at once, or once there are more than `max_errors`."""

    stop: bool = True
    max_errors: int | None = None


@dataclass(slots=True)
class Reason:
    """How often an outcome came, and the first row that met it."""

    count: int = 0
    first_row: int = 0


@dataclass(slots=True)
class Tally:
    """The figures of one stream; `seconds` run from its first row to its latest answer."""

    schema: Mapping[str, Any]
    rows: int = 0
    requests: int = 0
    jobs: int = 0
    removed: int = 0
    started: float = 0.0
    seconds: float = 0.0
    outcomes: dict[tuple[Kind, str | None], Reason] = field(default_factory=dict)

    def count(self, *kinds: Kind) -> int:
        """Rows that ended in one of these ways."""
        return sum(one.count for (kind, _), one in self.outcomes.items() if kind in kinds)

    @property
    def failed(self) -> int:
        """Rows that were refused, or whose fate is unknown."""
        return self.count(*FAILED)

    def settle(self, number: int, outcome: Outcome, rows: int = 1) -> None:
        """Count a row, or several from this number on."""
        reason = self.outcomes.setdefault((outcome.kind, outcome.reason), Reason())
        reason.count += rows
        reason.first_row = min(reason.first_row or number, number)

    def first_failure(self) -> str:
        """The first refused row and why."""
        failures = [(one.first_row, key) for key, one in self.outcomes.items() if key[0] in FAILED]
        number, (kind, reason) = min(failures, key=lambda failure: failure[0])
        return f"row {number} {kind}: {reason}"


class Report:
    """The one place that knows what became of the rows of a run."""

    def __init__(
        self,
        policy: Policy,
        monotonic: Callable[[], float],
        *,
        receipts: LineFile | None = None,
        dead_letters: DeadLetters | None = None,
    ) -> None:
        """Write to the given files, where there are any."""
        self._policy = policy
        self._monotonic = monotonic
        self._receipts = receipts
        self._dead_letters = dead_letters
        self._tallies: dict[str, Tally] = {}

    def describe(self, name: str, schema: Mapping[str, Any]) -> None:
        """Take the SCHEMA message that the following rows of stream `name` came under."""
        if name in self._tallies:
            self._tallies[name].schema = schema
        else:
            self._tallies[name] = Tally(schema)

    def next_row(self, name: str) -> int:
        """Count a row in, and number it."""
        return self._next_rows(name, 1)

    def _next_rows(self, name: str, rows: int) -> int:
        """Count rows in; the number of the first of them."""
        tally = self._tallies[name]
        if not tally.rows:
            tally.started = self._monotonic()
        tally.rows += rows
        return tally.rows - rows + 1

    def settle_alike(self, name: str, lines: Sequence[bytes], outcome: Outcome) -> None:
        """Count rows in, one after the other, that all end in the same way, unsent."""
        first = self._next_rows(name, len(lines))
        tally = self._tallies[name]
        tally.settle(first, outcome, len(lines))
        tally.seconds = self._monotonic() - tally.started
        if self._receipts:
            for number, line in enumerate(lines, first):
                self._receipts.write(receipt(tally.schema, Row(number, line), outcome))

    def settle(self, name: str, row: Row, outcome: Outcome) -> None:
        """Note what became of a row."""
        tally = self._tallies[name]
        tally.settle(row.number, outcome)
        tally.seconds = self._monotonic() - tally.started
        if self._receipts:
            self._receipts.write(receipt(tally.schema, row, outcome))
        if self._dead_letters and outcome.kind in FAILED:
            self._dead_letters.write(tally.schema, row, outcome)

    def delivered(self, name: str, delivery: Delivery) -> None:
        """Note what became of a batch; of merged rows the last got the item's outcome.

        The earlier ones are skipped where the item was accepted, for their values are in it or
        were overwritten; else they failed with it.
        """
        tally = self._tallies[name]
        for one in delivery.settled:
            *earlier, last = one.item.rows
            outcome = one.outcome
            if earlier and outcome.kind in FAILED:
                outcome = shared(outcome, one.item.rows)
            for row in earlier:
                self.settle(name, row, MERGED if outcome.kind == "accepted" else outcome)
            self.settle(name, last, outcome)
        tally.requests += delivery.requests
        tally.jobs += delivery.jobs

    def removed(self, name: str, delivery: Delivery) -> None:
        """Note what a mirror took away, which no row stands for.

        Raises:
            MirrorRefusedError: some of it is still there, or may be.
        KlaviyoError: nothing more could be sent.
        """
        tally = self._tallies[name]
        for one in delivery.settled:
            if one.outcome.kind == "accepted":
                tally.removed += 1
            if self._receipts:
                self._receipts.write(removal(name, one.item.content, one.outcome))
        tally.requests += delivery.requests
        tally.seconds = self._monotonic() - tally.started
        left = [one.outcome for one in delivery.settled if one.outcome.kind in FAILED]
        if delivery.error:
            raise delivery.error
        if left:
            raise MirrorRefusedError(
                f"stream {name!r}: the mirror could not take {len(left)} away: {left[0].reason}"
            )

    def check(self) -> None:
        """Put everything on file, and stop where the settings say so.

        Raises:
            RowsFailedError: too many rows were refused.
        """
        self.flush()
        failed = {name: tally for name, tally in self._tallies.items() if tally.count(*FAILED)}
        total = sum(tally.count(*FAILED) for tally in failed.values())
        if total and self._policy.stop:
            raise RowsFailedError(
                f"{described(failed)}; mend the rows, or set on_error to dead_letter (with "
                "dead_letter_path) to go on without them",
            )
        if self._policy.max_errors is not None and total > self._policy.max_errors:
            limit = self._policy.max_errors
            raise RowsFailedError(
                f"more than max_errors ({limit}) rows failed: {described(failed)}"
            )

    def flush(self) -> None:
        """Put everything on file."""
        for file in (self._receipts, self._dead_letters):
            if file:
                file.flush()

    def close(self) -> None:
        """Finish the files."""
        with ExitStack() as both:
            for file in (self._receipts, self._dead_letters):
                if file:
                    both.callback(file.close)

    def summary(self) -> Iterator[str]:
        """The figures of each stream: one line, and one for each reason."""
        for name, tally in self._tallies.items():
            yield from summary_lines(name, tally)

    def totals(self) -> Mapping[str, Tally]:
        """The figures by stream."""
        return self._tallies


def opened_report(
    config: Mapping[str, Any], policy: Policy, monotonic: Callable[[], float]
) -> Report:
    """The report, with the files that the settings name.

    Raises:
        ConfigurationError: one cannot be written.
    """
    letters, receipts = (config.get(name) for name in ("dead_letter_path", "receipts_path"))
    if letters and receipts and Path(letters).resolve() == Path(receipts).resolve():
        raise ConfigurationError("dead_letter_path and receipts_path must be different files")
    # A receipt of something that was not sent must not pass for one of something that was.
    rehearsed = {"dry_run": True} if config.get("dry_run") else {}
    return Report(
        policy,
        monotonic,
        receipts=LineFile("receipts_path", receipts, rehearsed) if receipts else None,
        dead_letters=DeadLetters(LineFile("dead_letter_path", letters)) if letters else None,
    )


def shared(outcome: Outcome, rows: Sequence[Row]) -> Outcome:
    """The outcome of rows that failed together, though perhaps only one of them is wrong."""
    reason = f"{outcome.reason} (sent as one with other rows of the same person)"
    numbers = ", ".join(str(row.number) for row in rows)
    detail = f"{outcome.detail or ''} sent as one: rows {numbers}".strip()
    return replace(outcome, reason=reason, detail=detail)


MERGED = Outcome("skipped", "merged into a later row of the same person or thing")


def described(failed: Mapping[str, Tally]) -> str:
    """The refused rows of each stream, and the first of them."""
    return "; ".join(
        f"stream {name!r}: {tally.count(*FAILED)} rows failed, first {tally.first_failure()}"
        for name, tally in failed.items()
    )


def summary_lines(name: str, tally: Tally) -> Iterator[str]:
    """The figures of one stream."""
    counts = [f"{kind} {tally.count(kind)}" for kind in KINDS]
    if tally.removed:
        counts.append(f"removed {tally.removed}")
    left = tally.rows - tally.count(*KINDS)
    if left:
        counts.append(f"not sent {left}")
    speed = tally.rows / tally.seconds if tally.seconds else 0.0
    yield (
        f"stream {name!r}: rows {tally.rows}, {', '.join(counts)}, requests {tally.requests}, "
        f"jobs {tally.jobs}, seconds {tally.seconds:.1f}, rows/s {speed:.0f}"
    )
    for (kind, reason), one in tally.outcomes.items():
        if reason:
            yield f"stream {name!r}: {kind} {one.count}: {reason} (first: row {one.first_row})"
