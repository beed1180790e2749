"""Date-times in one form: RFC 3339, UTC, with a `T`.

Loaders drop other offsets, bookmarks compare as strings, and Klaviyo writes several forms:
`2026-09-04T13:38:55+00:00`, `...55.123456+00:00`, `...55Z`, and `2026-09-04 13:38:55+00:00`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timezone
from typing import Any

# Already in the one form: most values are, and a look is cheaper than parsing.
WANTED = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{6})?\+00:00", re.ASCII)
ALL_WANTED = re.compile(rf"(?:{WANTED.pattern}\n)*", re.ASCII)
# The form of nearly all, compared with digits made equal: a quarter of what the expression costs.
DIGITS = str.maketrans("123456789", "000000000")
USUAL, UTC_END = "0000-00-00T00:00:00+00:00\n", "+00:00\n"
# Without a date (`12:00`, `now`) the parser would take today's.
DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)

# Which values inside an object are date-times: by name, or for every item of a list (`ITEMS`).
TimeTree = Mapping[str, Any]
ITEMS = "[]"


def rfc3339(value: str) -> str:
    """The same moment in the one form; a value without offset is taken as UTC.

    Raises:
        ValueError: `value` is no date-time.
    """
    if WANTED.fullmatch(value):
        return value
    return parse_time(value).isoformat()


def are_wanted(values: Sequence[str | None]) -> bool:
    """Whether date-times are in the one form, as far as they are there."""
    texts = [value for value in values if value is not None]
    lines = "\n".join([*texts, ""])  # one look at them all costs the least
    if lines.translate(DIGITS) == USUAL * len(texts):
        return lines.count(UTC_END) == len(texts)
    return lines.count("\n") == len(texts) and ALL_WANTED.fullmatch(lines) is not None


def in_one_form(values: Sequence[str | None]) -> Sequence[str]:
    """Date-times in the one form, in which they compare as text; none where one is missing."""
    if None in values:
        return ()
    texts = [value for value in values if value is not None]
    if are_wanted(texts):
        return texts
    try:
        return [rfc3339(text) for text in texts]
    except ValueError:
        return ()


def parse_time(value: str) -> datetime:
    """A moment in UTC from what a user, a state file or Klaviyo wrote; a date is its midnight.

    Raises:
        ValueError: `value` is no date or date-time.
    """
    text = value.strip()
    if WANTED.fullmatch(text):
        with suppress(ValueError):  # of a day that no calendar has: what follows says so
            return datetime.fromisoformat(text)
    # Loaded where it is needed: to do that takes 0.03 s, and most runs meet the one form only.
    import pendulum  # noqa: PLC0415

    if not DATE.match(text):
        raise ValueError("not a date or date-time")
    try:
        parsed = pendulum.parse(text, tz="UTC")
    except (ValueError, OverflowError) as error:
        raise ValueError("not a date or date-time") from error
    if not isinstance(parsed, datetime):
        raise ValueError("not a date or date-time")  # noqa: TRY004 - one error for bad text
    moment = datetime.fromtimestamp(parsed.int_timestamp, tz=timezone.utc)
    return moment.replace(microsecond=parsed.microsecond)


def time_tree(schema: Mapping[str, Any]) -> TimeTree:
    """Where in an object of this JSON Schema date-times stand."""
    tree: dict[str, Any] = {}
    for name, part in schema.get("properties", {}).items():
        if part.get("format") == "date-time":
            tree[name] = None
        elif "properties" in part and time_tree(part):
            tree[name] = time_tree(part)
        elif "items" in part and time_tree(part["items"]):
            tree[name] = {ITEMS: time_tree(part["items"])}
    return tree


def normalise_times(value: Any, tree: TimeTree) -> None:
    """Bring the date-times inside an object into the one form, in place.

    A text that is no date-time is left as it is.
    """
    if isinstance(value, list):
        for item in value if ITEMS in tree else ():
            normalise_times(item, tree[ITEMS])
    elif isinstance(value, dict):
        for name, below in tree.items():
            inner = value.get(name)
            if isinstance(inner, str) and below is None:
                value[name] = normalised(inner)
            elif inner and below is not None:
                normalise_times(inner, below)


def normalised(value: str) -> str:
    """The one form of a date-time, or the text itself where it is none."""
    try:
        return rfc3339(value)
    except ValueError:
        return value
