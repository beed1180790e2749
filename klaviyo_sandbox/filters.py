"""Klaviyo's filter grammar: from text to conditions, checked against an operation's facts.

    filter  = term *("," term)
    term    = "and(" filter ")" / "has(" field ")" / operator "(" field "," value ")"
    value   = string / bare / "[" [value *("," value)] "]"

No blanks outside strings; strings in single or double quotes with backslash escapes; numbers,
booleans and date-times stand bare.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from klaviyo_sandbox.clock import microseconds
from klaviyo_sandbox.contract import FilterField
from klaviyo_sandbox.messages import Refusal, invalid_parameter

OPERATORS = frozenset(
    (
        "equals",
        "less-than",
        "less-or-equal",
        "greater-than",
        "greater-or-equal",
        "contains",
        "contains-any",
        "contains-all",
        "starts-with",
        "ends-with",
        "any",
        "has",
    )
)
COMPARABLE = frozenset(("greater-than", "greater-or-equal", "less-than", "less-or-equal"))
NAME = re.compile(r"[A-Za-z_$][\w$.\-]*")
NUMBER = re.compile(r"-?\d+(\.\d+)?")
BARE = re.compile(r"[^\s,()\[\]\"']+")
UNREADABLE = "Invalid filter provided. Verify your parentheses match."
Scalar = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Literal:
    """A value as written: its text, and whether it stood in quotes."""

    text: str
    quoted: bool


@dataclass(frozen=True, slots=True)
class Term:
    """One comparison as written; `values` is a list in brackets, one literal, or None."""

    operator: str
    field: str
    values: tuple[Literal, ...] | Literal | None


@dataclass(frozen=True, slots=True)
class Condition:
    """A comparison that the operation allows, its values typed.

    Date-times are microseconds since 1970.
    """

    operator: str
    field: str
    values: tuple[Scalar, ...]


class FilterReader:
    """Reads one filter text from left to right."""

    def __init__(self, text: str) -> None:
        """Stand before the first character of `text`."""
        self._text = text
        self._at = 0

    def read(self) -> list[Term]:
        """Every term of the filter.

        Raises:
            Refusal: 400, the text is no filter.
        """
        terms = self._terms()
        if self._at != len(self._text):
            raise unreadable()
        return terms

    def _terms(self) -> list[Term]:
        terms = self._term()
        while self._next_is(","):
            terms += self._term()
        return terms

    def _term(self) -> list[Term]:
        operator = self._match(NAME)
        self._expect("(")
        if operator == "and":
            terms = self._terms()
        elif operator == "has":
            terms = [Term(operator, self._match(NAME), None)]
        elif operator in OPERATORS:
            terms = [self._comparison(operator)]
        else:
            raise unreadable()
        self._expect(")")
        return terms

    def _comparison(self, operator: str) -> Term:
        field = self._match(NAME)
        self._expect(",")
        return Term(operator, field, self._values())

    def _values(self) -> tuple[Literal, ...] | Literal:
        if not self._next_is("["):
            return self._literal()
        if self._next_is("]"):
            return ()
        values = [self._literal()]
        while self._next_is(","):
            values.append(self._literal())
        self._expect("]")
        return tuple(values)

    def _literal(self) -> Literal:
        for quote in ("'", '"'):
            if self._next_is(quote):
                return Literal(self._string(quote), quoted=True)
        return Literal(self._match(BARE), quoted=False)

    def _string(self, quote: str) -> str:
        characters = []
        while not self._next_is(quote):
            self._next_is("\\")
            if self._at >= len(self._text):
                raise unreadable()
            characters.append(self._text[self._at])
            self._at += 1
        return "".join(characters)

    def _next_is(self, character: str) -> bool:
        found = self._text.startswith(character, self._at)
        self._at += len(character) if found else 0
        return found

    def _expect(self, character: str) -> None:
        if not self._next_is(character):
            raise unreadable()

    def _match(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self._text, self._at)
        if found is None:
            raise unreadable()
        self._at = found.end()
        return found.group()


def unreadable() -> Refusal:
    """400: the filter cannot be read."""
    return invalid_parameter(UNREADABLE, "filter")


def conditions(text: str, facts: Mapping[str, FilterField]) -> tuple[Condition, ...]:
    """The conditions of a filter text, each allowed by the operation's `facts`.

    Raises:
        Refusal: 400, not a filter, or one that the operation does not take.
    """
    return tuple(condition(term, facts) for term in FilterReader(text).read())


def condition(term: Term, facts: Mapping[str, FilterField]) -> Condition:
    """The condition of one term, checked."""
    fact = facts.get(term.field)
    if fact is None:
        raise invalid_parameter(f"'{term.field}' is not a filterable field.", "filter")
    if term.operator not in fact.operators:
        raise invalid_parameter(wrong_operator(term, fact), "filter")
    if term.values is None:
        return Condition(term.operator, term.field, ())
    check_arity(term, fact)
    literals = (term.values,) if isinstance(term.values, Literal) else term.values
    return Condition(term.operator, term.field, tuple(typed(term, fact, x) for x in literals))


def wrong_operator(term: Term, fact: FilterField) -> str:
    """The recorded text (with its two blanks) for an operator that the field does not take."""
    allowed = ", ".join(sorted(fact.operators))
    return (
        f"'{term.operator}' is not an allowed filter operator for {term.field}.  "
        f"Allowed operators are {allowed}"
    )


def check_arity(term: Term, fact: FilterField) -> None:
    """Refuse a list where one value is expected, and the other way round."""
    if isinstance(term.values, tuple):
        if term.operator not in fact.list:
            raise invalid_parameter(f"'{term.operator}' takes one value, not a list.", "filter")
        if not term.values:
            raise invalid_parameter(f"'{term.operator}' needs at least one value.", "filter")
    # The facts tag some `equals` as list-valued; Klaviyo's own examples give it one value.
    elif term.operator not in fact.single and term.operator != "equals":
        raise invalid_parameter(f"'{term.operator}' takes a list of values.", "filter")


def typed(term: Term, fact: FilterField, literal: Literal) -> Scalar:
    """The value of `literal` in the field's type."""
    try:
        value = READERS[fact.value or "string"](literal)
    except (KeyError, ValueError):
        detail = f"Invalid filter: {term.field} expects a {fact.value}."
        raise invalid_parameter(detail, "filter") from None
    if fact.enum and value not in fact.enum:
        allowed = ", ".join(fact.enum)
        detail = f"Invalid value for {term.field}. Allowed values are {allowed}"
        raise invalid_parameter(detail, "filter")
    return value


def read_string(literal: Literal) -> str:
    """A quoted string."""
    if not literal.quoted:
        raise ValueError(literal.text)
    return literal.text


def read_bare(literal: Literal) -> str:
    """The text of a value that must not be quoted."""
    if literal.quoted:
        raise ValueError(literal.text)
    return literal.text


def read_datetime(literal: Literal) -> int:
    """A bare ISO 8601 date or date-time."""
    return microseconds(read_bare(literal))


def read_number(literal: Literal) -> float:
    """A bare number."""
    if not NUMBER.fullmatch(read_bare(literal)):
        raise ValueError(literal.text)
    return float(literal.text)


def read_boolean(literal: Literal) -> bool:
    """A bare `true` or `false`."""
    return {"true": True, "false": False}[read_bare(literal)]


READERS: Mapping[str, Callable[[Literal], Scalar]] = {
    "string": read_string,
    "date-time": read_datetime,
    "number": read_number,
    "integer": read_number,
    "boolean": read_boolean,
}
