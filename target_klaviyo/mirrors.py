"""Mirrors: what a complete stream no longer names is taken away once the stream has ended."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from target_klaviyo.errors import MirrorRefusedError
from target_klaviyo.plans import Directory, Plan, Roster


@dataclass(frozen=True, slots=True)
class Mirror:
    """How a sink takes away what is gone: requests by the rosters of its places."""

    removals: Callable[[Mapping[str, Roster], Directory], Plan]


Mirrored = Mapping[str, tuple[str, Mirror]]


def one_each(mirrored: Mirrored, sinks: Sequence[str]) -> dict[str, tuple[str, Mirror]]:
    """Sink and mirror by stream, the last stream of each sink: a sink is tidied up once.

    In the opposite order of `sinks`: what is part of something goes before that, or it would be
    gone already.
    """
    streams = {sink: stream for stream, (sink, _) in mirrored.items()}
    return {streams[sink]: mirrored[streams[sink]] for sink in reversed(sinks) if sink in streams}


class Figures(Protocol):
    """What became of a stream's rows."""

    rows: int

    @property
    def failed(self) -> int:
        """Rows that were refused, or whose fate is unknown."""


def check_sources(
    streams: Iterable[str], figures: Mapping[str, Figures], *, incomplete: str | None
) -> None:
    """Refuse to take anything away on behalf of streams that may not be complete.

    Raises:
        MirrorRefusedError: one is empty, some of its rows failed, or the input is `incomplete`.
    """
    for stream in streams:
        rows, failed = figures[stream].rows, figures[stream].failed
        problem = incomplete or source_problem(rows, failed)
        if problem:
            raise MirrorRefusedError(f"stream {stream!r}: the mirror took nothing away: {problem}")


def source_problem(rows: int, failed: int) -> str | None:
    """Why a source may not be complete."""
    if failed:
        return f"{failed} of its {rows} rows failed; mend them (see the summary) and run again"
    if not rows:
        return "the source brought 0 rows, and an empty source would take everybody away"
    return None


def all_removals(mirrored: Mirrored, directory: Directory, least: float) -> list[tuple[str, Plan]]:
    """What is to be taken away on behalf of each stream; nothing where one of them is too small.

    Raises:
        MirrorRefusedError: see `check_ratio`.
    """
    for stream, (sink, _) in mirrored.items():
        check_ratio(stream, directory.rosters(sink), least)
    return [
        (stream, mirror.removals(directory.rosters(sink), directory))
        for stream, (sink, mirror) in mirrored.items()
    ]


def check_ratio(stream: str, rosters: Mapping[str, Roster], least: float) -> None:
    """Refuse a source that is suspiciously small next to what is there.

    Raises:
        MirrorRefusedError: with the figures.
    """
    for place, roster in rosters.items():
        before, given = len(roster.before), len(roster.given)
        if given < least * before:
            raise MirrorRefusedError(
                f"stream {stream!r}: the mirror took nothing away: the source has {given} for "
                f"{place}, which held {before} before; {given / before:.2f} is under "
                f"mirror_min_ratio ({least}); look at the source, or lower mirror_min_ratio",
            )
