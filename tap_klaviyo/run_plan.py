"""What one run of a stream reads: its time bounds, a second pass, and which parents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tap_klaviyo.options import CHANGED, StreamOptions
from tap_klaviyo.scans import NOT_OF_ALL, Bounds, reading_start, second_of
from tap_klaviyo.spec import StreamSpec
from tap_klaviyo.times import parse_time

# Notes in a stream's state, beside its bookmark; written when everything has been read.
PARENTS_READ = "parents_read_at"
REFRESHED = "full_refreshed_at"
READ_AGAIN = "read_again_until"
# Parents that changed while the last run was reading, or whose change shows late.
MARGIN = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class RunTimes:
    """When the run began, and the user's dates."""

    started: datetime
    start_date: datetime | None = None
    end_date: datetime | None = None

    @property
    def end(self) -> datetime | None:
        """What Klaviyo is asked for as an end: none that lies in the future, as flows refuse it."""
        return self.end_date if self.end_date and self.end_date <= self.started else None


@dataclass(frozen=True, slots=True)
class RunPlan:
    """What to read.

    Attributes:
        bounds: The time bounds that Klaviyo is asked for.
        end: Records of this time and later are left out.
        late: A window that ended long ago, to be read once more after them.
        parents_since: Only parents that changed from then on; None for all of them.
        notes: What to put into the state in the end.
    """

    bounds: Bounds = field(default_factory=Bounds)
    end: datetime | None = None
    late: Bounds | None = None
    parents_since: datetime | None = None
    notes: Mapping[str, str] = field(default_factory=dict)


def run_plan(
    spec: StreamSpec,
    options: StreamOptions,
    times: RunTimes,
    bookmark: datetime | None,
    state: Mapping[str, Any],
) -> RunPlan:
    """The plan of an incremental run, which continues from `bookmark`.

    A note in the state that is no time counts as none: more is read then, never less.
    """
    notes: dict[str, str] = {}
    if options.full_refresh_days and is_due(state, options.full_refresh_days, times, bookmark):
        notes[REFRESHED] = times.started.isoformat()
        bookmark = None
    start = reading_start(bookmark, times.start_date, options.days_again(spec))
    parents_since = None
    if options.parents == CHANGED:
        if times.end is None:  # else their later records have not been read
            notes[PARENTS_READ] = times.started.isoformat()
        known = noted(state, PARENTS_READ)
        parents_since = known - MARGIN if known else None
    late = None
    if options.late_pass_days and times.end is None:
        until = second_of(times.started - timedelta(days=options.late_pass_days))
        until = min(until, start) if start else until
        late = late_window(spec, noted(state, READ_AGAIN), until) if start else None
        notes[READ_AGAIN] = max(until, noted(state, READ_AGAIN) or until).isoformat()
    bounds = asked_bounds(spec, start, times.end)
    return RunPlan(bounds, times.end_date, late, parents_since, notes)


def whole_plan(spec: StreamSpec, times: RunTimes) -> RunPlan:
    """The plan of a run that reads everything."""
    if spec.parent:
        return RunPlan()  # whole lists were asked for, and half ones would look like leavers
    return RunPlan(asked_bounds(spec, times.start_date, times.end), times.end_date)


def asked_bounds(spec: StreamSpec, start: datetime | None, end: datetime | None) -> Bounds:
    """What Klaviyo is asked for: it takes only one bound of suppressions."""
    one_only = (spec.time_field or "").endswith(NOT_OF_ALL)
    return Bounds(start, None if one_only else end)


def late_window(spec: StreamSpec, since: datetime | None, until: datetime) -> Bounds | None:
    """The window since the last second pass, or None where there is none."""
    return asked_bounds(spec, since, until) if since and since < until else None


def is_due(state: Mapping[str, Any], days: int, times: RunTimes, bookmark: datetime | None) -> bool:
    """Whether everything is to be read once more; a first run does so anyway."""
    last = noted(state, REFRESHED)
    return bookmark is None or last is None or last <= times.started - timedelta(days=days)


def noted(state: Mapping[str, Any], name: str) -> datetime | None:
    """The moment of a note; None where there is none, or it is no time."""
    try:
        return parse_time(str(state[name])) if state.get(name) else None
    except ValueError:
        return None
