"""Several ways to do the same, in turn, round after round; ratios within each round.

What is measured once is held against the median of the others: one round says less than all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from report_text import number
from running import CommandError, Run
from servers import progress

HEADER = ("Way", "Records", "Seconds", "Records/s", "The tap is faster by", "Peak MB", "Rounds")


class Skipped(Exception):  # noqa: N818 - no error: the way does not exist here
    """A way that cannot be gone on this machine; the text says why."""


@dataclass(frozen=True, slots=True)
class Way:
    """One way to do it.

    Attributes:
        name: As the report calls it.
        measure: Does it once.
        rounds: How often it takes part at most.
        needed: Whether the benchmark ends when it fails; a rival is left out then.
        wanted: Another number of records ends the benchmark: a fast wrong reader is no reader.
        note: What differs.
    """

    name: str
    measure: Callable[[], Run]
    rounds: int = 99
    needed: bool = False
    wanted: int | None = None
    note: str = ""


@dataclass
class Outcome:
    """The runs of a way by round, and what is to say of them."""

    runs: dict[int, Run] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Median of records a second."""
        return median(run.rate for run in self.runs.values())

    @property
    def peak_mb(self) -> float:
        """The largest peak of all rounds."""
        return max(run.peak_mb for run in self.runs.values())

    def times(self, other: Outcome) -> float:
        """How many times as fast as another way: within each round, if both ran in all of them."""
        if self.runs.keys() != other.runs.keys():
            return self.rate / other.rate
        both = sorted(self.runs)
        return median(self.runs[at].rate / other.runs[at].rate for at in both)


def compare(ways: Sequence[Way], rounds: int) -> dict[str, Outcome]:
    """Measure every way in turn, `rounds` times; a rival that fails is left out with a note."""
    outcomes = {way.name: Outcome(notes=[way.note] if way.note else []) for way in ways}
    for at in range(rounds):
        for way in ways:
            outcome = outcomes[way.name]
            if at < way.rounds and (at == 0 or outcome.runs):
                measured(way, at, outcome)
    return outcomes


def measured(way: Way, at: int, outcome: Outcome) -> None:
    """One run of a way.

    Raises:
        CommandError: One of ours failed.
        SystemExit: One of ours read another number of records than there are.
    """
    try:
        run = way.measure()
    except (CommandError, Skipped) as reason:
        if way.needed:
            raise
        outcome.notes.append(f"left out: {str(reason)[-300:]}")
        progress(f"  {way.name}: {reason}")
        return
    if way.wanted not in (None, run.records):
        raise SystemExit(f"{way.name} read {run.records} records of {way.wanted}")
    outcome.runs[at] = run
    rate = f"{run.records:,} in {run.seconds:.1f} s, {run.rate:,.0f}/s, {run.peak_mb:.0f} MB"
    progress(f"  round {at + 1}, {way.name}: {rate}")


def rows(outcomes: Mapping[str, Outcome]) -> list[list[str]]:
    """The table of a comparison; the first way is the one that the others are held against."""
    first = next(iter(outcomes.values()))
    return [
        [name, *figures(outcome, first)] if outcome.runs else [name, *[""] * (len(HEADER) - 1)]
        for name, outcome in outcomes.items()
    ]


def figures(outcome: Outcome, first: Outcome) -> list[str]:
    """A row of the table, without its name."""
    runs = list(outcome.runs.values())
    return [
        f"{median(run.records for run in runs):,.0f}",
        f"{median(run.seconds for run in runs):.1f}",
        f"{outcome.rate:,.0f}",
        "" if outcome is first else f"{number(first.times(outcome))} times",
        f"{outcome.peak_mb:.0f}",
        str(len(runs)),
    ]


def notes(outcomes: Mapping[str, Outcome]) -> list[str]:
    """What is to say of the ways."""
    return [f"{name}: {note}" for name, outcome in outcomes.items() for note in outcome.notes]
