"""How many requests reports need, and what of it fits into a day; pure.

Klaviyo answers two report requests a minute and 225 a day, of each endpoint.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from klaviyo_client.errors import ConfigurationError
from klaviyo_client.operations import Rate, operation
from tap_klaviyo.reports_declared import Report
from tap_klaviyo.reports_kinds import DAILY, HOURLY, MONTHLY, WEEKLY
from tap_klaviyo.reports_timeframes import DAY, days_of

# What a first run reads where neither the report nor `start_date` says more.
FIRST_DAYS = 30
MINUTE = 60


@dataclass(frozen=True, slots=True)
class Window:
    """The days of one request, from `start` on and before `end`."""

    start: date
    end: date


@dataclass(frozen=True, slots=True)
class RunDays:
    """What a run knows of time.

    Attributes:
        today: The day of the run.
        start: The setting `start_date`.
        end: The setting `end_date`.
        bookmark: The last day that has been read.
        read_on: The day of the last run that came to its end.
        begun_on: The day of a run that broke off since, or of the first of several.
        read_to: The last day that it has read.
    """

    today: date
    start: date | None = None
    end: date | None = None
    bookmark: date | None = None
    read_on: date | None = None
    begun_on: date | None = None
    read_to: date | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run asks for one report.

    Attributes:
        report: The report.
        windows: One for each request and metric.
        again: How many windows have been read before, or have to be read by each run.
        left: How many windows later runs have to read.
    """

    report: Report
    windows: tuple[Window, ...]
    again: int = 0
    left: int = 0

    @property
    def each(self) -> int:
        """Requests for one window."""
        return max(1, len(self.report.metrics)) if self.report.kind.asks == "metrics" else 1

    @property
    def requests(self) -> int:
        """Requests of this run, where no answer has a second page."""
        return len(self.windows) * self.each

    def cut(self, count: int) -> Plan:
        """The plan of a run that reads only so many windows."""
        return replace(self, windows=self.windows[:count], left=len(self.windows[count:]))


NEXT: Mapping[str, Callable[[date], date]] = {
    HOURLY: lambda day: day + DAY,
    DAILY: lambda day: day + DAY,
    WEEKLY: lambda day: day + 7 * DAY,
    MONTHLY: lambda day: (day + 31 * DAY).replace(day=1),
}


def plan(report: Report, days: RunDays) -> Plan:
    """What to ask for one report in this run."""
    start, end = extent(report, days)
    found = tuple(windows(report, start, end))
    if report.timeframe.whole:
        return Plan(report, found, len(found))
    again = sum(one.start < days.bookmark for one in found) if days.bookmark else 0
    return Plan(report, found, again)


def extent(report: Report, days: RunDays) -> tuple[date, date]:
    """The first day to read, and the one after the last."""
    frame, tomorrow = report.timeframe, days.today + DAY
    if frame.key:
        start, end = days_of(frame.key, days.today)
    elif frame.rolling_days:
        start, end = days.today - frame.rolling_days * DAY, tomorrow
    else:
        start = first_day(report, days)
        end = min(frame.end + DAY, tomorrow) if frame.end else tomorrow
        if days.bookmark:
            start = max(start, continued(days.bookmark, days.read_on, report.lookback_days))
    if days.begun_on and days.read_to:
        start = max(start, continued(days.read_to, days.begun_on, 1))
    end = min(end, days.end) if days.end else end
    return max(start, report.kind.first or start), end


def continued(bookmark: date, read_on: date | None, lookback_days: int) -> date:
    """Where to go on: after the last day read, but not after those that may have changed since.

    The day before a run may have been under way still: accounts' days end later than UTC's.
    """
    back = max(1, lookback_days) * DAY
    if read_on is None:
        return bookmark - back
    return min(bookmark + DAY, read_on - back)


def first_day(report: Report, days: RunDays) -> date:
    """Where the first run begins."""
    frame = report.timeframe
    start = frame.start or days.start or days.today - FIRST_DAYS * DAY
    if frame.first_days is None:
        return start
    # Where the report has been read before, what is older is not asked for again.
    return max(start, (days.bookmark or days.today) - frame.first_days * DAY)


def windows(report: Report, start: date, end: date) -> list[Window]:
    """The days from `start` on, whole intervals, as many at once as a request may ask for."""
    step, count = NEXT[report.interval], report.kind.steps[report.interval]
    found, day = [], beginning(report.interval, start)
    while day < end:
        begun = day
        for _ in range(count):
            day = step(day)
        found.append(Window(begun, min(day, end)))
    return found


def beginning(interval: str, day: date) -> date:
    """The first day of the interval that a day is in."""
    if interval == WEEKLY:
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if interval == MONTHLY else day


def fitting(
    plans: Sequence[Plan], most_requests: int, max_wait_seconds: float, *, spread: bool
) -> list[Plan]:
    """The plans, or with `spread` as much of them as fits into a day.

    Raises:
        ConfigurationError: with the arithmetic, they do not fit, or ask for longer waits.
    """
    found = []
    for name in dict.fromkeys(one.report.kind.operation for one in plans):
        own = [one for one in plans if one.report.kind.operation == name]
        rate = operation(name).rate
        check_waits(own, rate, max_wait_seconds)
        if rate.daily is not None and needed(own) > most_requests:
            own = spread_out(own, most_requests, spread=spread)
        found += own
    return found


def needed(plans: Sequence[Plan]) -> int:
    """All requests of plans."""
    return sum(one.requests for one in plans)


def check_waits(plans: Sequence[Plan], rate: Rate, max_wait_seconds: float) -> None:
    """Refuse what has to wait longer between two requests than the user allows."""
    wait = MINUTE if needed(plans) > rate.steady else 0
    if wait <= max_wait_seconds:
        return
    raise ConfigurationError(
        f"reports: {arithmetic(plans)}\nKlaviyo answers {rate.steady} of them a minute, so that "
        f"one waits up to {MINUTE} s, and max_wait_seconds is {max_wait_seconds:g}; raise it",
    )


def spread_out(plans: Sequence[Plan], most: int, *, spread: bool) -> list[Plan]:
    """As much of plans as fits: first what is read again, and one window more of each."""
    least = sum((min(one.again + 1, len(one.windows))) * one.each for one in plans)
    if not spread or least > most:
        raise ConfigurationError(refusal(plans, most, least, spread=spread))
    spare, found = most - least, []
    for one in plans:
        base = min(one.again + 1, len(one.windows))
        more = min(spare // one.each, len(one.windows) - base)
        spare -= more * one.each
        found.append(one.cut(base + more))
    return found


def refusal(plans: Sequence[Plan], most: int, least: int, *, spread: bool) -> str:
    """Why a run cannot be, and what to do."""
    lines = [f"reports: {arithmetic(plans)}", f"A run may use {most} (max_report_requests; 225 is"]
    lines[-1] += " what Klaviyo answers in a day of each report endpoint)"
    if spread:
        lines.append(
            f"Even what every run reads again needs {least}: lower lookback_days or rolling_days, "
            "or take a longer interval",
        )
        return "\n".join(lines)
    days = -(-needed(plans) // most)
    lines.append(
        "Begin later (start_date, or the report's timeframe or rolling_days), take a longer "
        f"interval, or set on_report_overrun to spread: then {days} runs on {days} days read it",
    )
    return "\n".join(lines)


def arithmetic(plans: Sequence[Plan]) -> str:
    """How the number of requests comes about."""
    count = needed(plans)
    verb = "request of {} is" if count == 1 else "requests of {} are"
    whole = f"{count} {verb.format(plans[0].report.kind.operation)} needed: "
    return whole + " + ".join(sentence(one) for one in plans)


def sentence(one: Plan) -> str:
    """What one report needs."""
    if not one.windows:
        return f"{one.report.name} 0 (no day is left to read)"
    first, last = one.windows[0].start, one.windows[-1].end - DAY
    count, interval = one.report.kind.steps[one.report.interval], one.report.interval
    size = f"one for each {interval} row" if count == 1 else f"{count} {UNITS[interval]} each"
    metrics = f" for each of {one.each} metrics" if one.each > 1 else ""
    return f"{one.report.name} {one.requests} ({first} to {last}, {size}{metrics})"


UNITS: Mapping[str, str] = {HOURLY: "days", DAILY: "days", WEEKLY: "weeks", MONTHLY: "months"}


def announcement(plans: Sequence[Plan]) -> str:
    """What a run is about to ask of one endpoint, for the log; more where answers have pages."""
    rate = operation(plans[0].report.kind.operation).rate
    minutes = max(0, needed(plans) - 1) // rate.steady
    about = f"about {minutes} minutes" if minutes > 1 else "about a minute"
    text = f"Reports: {arithmetic(plans)}; {about} at {rate.steady} a minute"
    text += f", {rate.daily} a day" if rate.daily else ""
    left = sum(one.left * one.each for one in plans)
    return f"{text}. {left} more are left to later runs" if left else text
