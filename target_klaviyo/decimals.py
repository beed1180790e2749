"""Numbers as text, read in a declared form: which sign is the decimal one is never guessed."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from target_klaviyo.outcomes import RejectedRowError

PLAIN = "1234.56"
# Each form, the signs that may group its digits by three, and its decimal sign.
FORMS = {
    PLAIN: ("", "."),
    "1,234.56": (",", "."),
    "1234,56": ("", ","),
    "1.234,56": (".", ","),
    # Plain, no-break and narrow no-break space.
    "1 234,56": (" \u00a0\u202f", ","),
}
# Python reads no longer integers.
DIGITS = 1_000


def number_as(form: str) -> Callable[[Any], Any]:
    """The conversion of text of this form into a number with exactly its digits."""
    grouping, point = FORMS[form]
    whole, sign = digits(grouping), re.escape(point)
    fits = re.compile(rf"[+-]?(({whole})({sign}\d*)?|{sign}\d+)([eE][+-]?\d{{1,3}})?")

    def number(value: Any) -> Any:
        if not isinstance(value, str):
            return value
        text = value.strip()
        if not fits.fullmatch(text):
            raise RejectedRowError(f"is no number; write it as {form}, or set decimal_format")
        return Decimal(ungrouped(text, grouping).replace(point, "."))

    return number


def integer_as(form: str) -> Callable[[Any], Any]:
    """The conversion of text such as `12` into an integer, digits grouped as in this form."""
    grouping, _ = FORMS[form]
    fits = re.compile(rf"[+-]?({digits(grouping)})")

    def integer(value: Any) -> Any:
        if not isinstance(value, str):
            return value
        text = value.strip()
        if len(text) > DIGITS or not fits.fullmatch(text):
            raise RejectedRowError("is no integer")
        return int(ungrouped(text, grouping))

    return integer


def digits(grouping: str) -> str:
    """A pattern of digits, in groups of three where there are signs for that."""
    return rf"\d+|\d{{1,3}}([{re.escape(grouping)}]\d{{3}})+" if grouping else r"\d+"


def ungrouped(text: str, grouping: str) -> str:
    """The text without what groups its digits."""
    return text.translate(dict.fromkeys(map(ord, grouping)))
