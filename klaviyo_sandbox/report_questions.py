"""What a report request asks for, checked by the rules that Klaviyo gives in prose.

Days are those of the account's time zone: whatever offset a timeframe has is passed over.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from klaviyo_sandbox.filters import FilterReader, Literal, Term
from klaviyo_sandbox.messages import Refusal, invalid

ATTRIBUTES = "/data/attributes"
DAY = timedelta(days=1)
YEAR = timedelta(days=366)
LONGEST = {"hourly": 7 * DAY, "daily": 60 * DAY, "weekly": YEAR, "monthly": 52 * 7 * DAY}
MOST_VALUES = 100
FIRST_OF_SEGMENTS = datetime(2023, 6, 1)  # noqa: DTZ001 - of the account's time zone
MESSAGE_OPERATORS = frozenset(("equals", "contains-any"))
LIST_OPERATORS = frozenset(("contains-any", "contains-all"))
OTHER_OPERATORS = frozenset(("equals", "any"))


@dataclass(frozen=True, slots=True)
class Rule:
    """What one kind of report can be grouped and filtered by.

    Attributes:
        groups: By what results are grouped where the request does not say.
        needed: What a grouping must hold.
        filters: The fields of filters, with their operators.
    """

    groups: tuple[str, ...]
    needed: tuple[str, ...]
    filters: Mapping[str, frozenset[str]]


def of_messages(parent: str, *names: str) -> Rule:
    """The rule of reports on messages of a campaign or a flow."""
    groups = (f"{parent}_id", f"{parent}_message_id", "send_channel")
    scalars = (*groups, *names, "variation", "variation_name", "text_message_format")
    filters = dict.fromkeys(scalars, MESSAGE_OPERATORS)
    filters |= dict.fromkeys(("tag_id", "tag_name"), LIST_OPERATORS)
    return Rule(groups, groups[:2], filters)


FORM_FILTERS = dict.fromkeys(("form_id", "form_version_id"), OTHER_OPERATORS)
RULES: Mapping[str, Rule] = {
    "campaign": of_messages("campaign", "campaign_message_name"),
    "flow": of_messages("flow", "flow_name", "flow_message_name"),
    "form": Rule(("form_id",), ("form_id",), FORM_FILTERS),
    "segment": Rule(("segment_id",), (), {"segment_id": OTHER_OPERATORS}),
}


@dataclass(frozen=True, slots=True)
class Question:
    """A report request, checked. `start` and `end` are clock times of the account."""

    subject: str
    statistics: tuple[str, ...]
    start: datetime
    end: datetime
    interval: str | None
    groups: tuple[str, ...]
    terms: tuple[Term, ...]
    metric: str


def question(subject: str, attributes: Mapping[str, Any], today: datetime) -> Question:
    """The question in a request's attributes.

    Raises:
        Refusal: 400, Klaviyo would not answer it.
    """
    rule = RULES[subject]
    start, end = timeframe(attributes["timeframe"], today)
    interval = attributes.get("interval")
    check_length(subject, start, end, interval)
    groups = tuple(attributes.get("group_by") or rule.groups)
    missing = [name for name in rule.needed if name not in groups]
    if missing:
        raise refusal(f"group_by needs {', '.join(missing)}.", "group_by")
    statistics = tuple(attributes["statistics"])
    if not statistics:
        raise refusal("At least one statistic is required.", "statistics")
    terms = read_terms(rule, attributes.get("filter"))
    metric = attributes.get("conversion_metric_id", "")
    return Question(subject, statistics, start, end, interval, groups, terms, metric)


def check_length(subject: str, start: datetime, end: datetime, interval: str | None) -> None:
    """Refuse a timeframe that is too long, too early or no timeframe."""
    longest = LONGEST[interval] if interval else YEAR
    if end <= start:
        raise refusal("The end must be after the start.", "timeframe")
    if end - start > longest:
        detail = f"The timeframe cannot be longer than {longest.days} days."
        raise refusal(detail, "timeframe")
    if subject == "segment" and start < FIRST_OF_SEGMENTS:
        raise refusal("Data is unavailable before June 1st, 2023.", "timeframe")


def timeframe(given: Mapping[str, str], today: datetime) -> tuple[datetime, datetime]:
    """Start and end of a timeframe: from its key, or as they stand without their offset."""
    if "key" in given:
        return of_key(given["key"], today)
    try:
        return clock_time(given["start"]), clock_time(given["end"])
    except ValueError:
        raise refusal("Not a valid datetime.", "timeframe") from None


def clock_time(text: str) -> datetime:
    """What a clock shows at a moment as it is written, whatever its offset."""
    return datetime.fromisoformat(text[:19].replace(" ", "T"))


def of_key(key: str, today: datetime) -> tuple[datetime, datetime]:
    """The days that one of Klaviyo's keys stands for. Months count as 30 days."""
    days = {"last_7_days": 7, "last_30_days": 30, "last_90_days": 90, "last_3_months": 90}
    if key in days:
        return today - days[key] * DAY, today
    week, month, year = today - today.weekday() * DAY, today.replace(day=1), first_of_year(today)
    spans = {
        "today": (today, today + DAY),
        "yesterday": (today - DAY, today),
        "this_week": (week, today + DAY),
        "last_week": (week - 7 * DAY, week),
        "this_month": (month, today + DAY),
        "last_month": ((month - DAY).replace(day=1), month),
        "this_year": (year, today + DAY),
        "last_year": (first_of_year(year - DAY), year),
    }
    return spans.get(key, (today - 365 * DAY, today))


def first_of_year(moment: datetime) -> datetime:
    """The first day of a year."""
    return moment.replace(month=1, day=1)


def read_terms(rule: Rule, text: str | None) -> tuple[Term, ...]:
    """The conditions of a filter.

    Raises:
        Refusal: 400, the filter is not allowed.
    """
    if not text:
        return ()
    terms = tuple(FilterReader(text).read())
    for term in terms:
        if term.operator not in rule.filters.get(term.field, frozenset()):
            raise refusal(f"'{term.operator}' is not allowed for {term.field}.", "filter")
        if len(literals(term)) > MOST_VALUES:
            raise refusal(f"A filter takes at most {MOST_VALUES} values.", "filter")
    if len({term.field for term in terms}) < len(terms):
        raise refusal("Only one filter can be used per attribute.", "filter")
    return terms


def literals(term: Term) -> tuple[str, ...]:
    """The values of a condition."""
    values = (term.values,) if isinstance(term.values, Literal) else term.values or ()
    return tuple(value.text for value in values)


def fits(terms: tuple[Term, ...], groupings: Mapping[str, Any]) -> bool:
    """Whether something with these groupings is asked for."""
    return all(fits_one(term, groupings.get(term.field)) for term in terms)


def fits_one(term: Term, value: Any) -> bool:
    """Whether one condition holds."""
    wanted, held = set(literals(term)), set(value if isinstance(value, list) else [value])
    return wanted <= held if term.operator == "contains-all" else bool(wanted & held)


def refusal(detail: str, name: str) -> Refusal:
    """400 at an attribute."""
    return invalid(detail, f"{ATTRIBUTES}/{name}")
