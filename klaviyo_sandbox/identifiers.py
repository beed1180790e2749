"""The form of identifiers: what Klaviyo refuses before it looks anybody up."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from klaviyo_sandbox.messages import Problem, Refusal, invalid_problem

EMAIL = re.compile(r"[^@\s,;:<>()\[\]\"]+@[^@\s.,;:<>()\[\]\"]+(\.[^@\s.,;:<>()\[\]\"]+)+")
LONGEST_EMAIL = 100
PHONE = re.compile(r"\+[1-9]\d{6,14}")
NAMES = ("email", "phone_number", "external_id", "_kx", "anonymous_id")
MOST_PROBLEMS = 100
DROPPED_DOMAINS = ("example.com", "test.com")
Row = Mapping[str, Any]


def is_email(text: str) -> bool:
    """Whether a text has the form of an e-mail address."""
    return len(text) <= LONGEST_EMAIL and EMAIL.fullmatch(text) is not None


def is_phone(text: str) -> bool:
    """Whether a text has the form of an E.164 phone number."""
    return PHONE.fullmatch(text) is not None


FORMS: Mapping[str, tuple[Callable[[str], bool], str]] = {
    "email": (is_email, "Invalid email address"),
    "phone_number": (is_phone, "Invalid phone number: it must be in E.164 form, as +12345678901"),
}


def problems_of(row: Row, pointer: str) -> Iterator[Problem]:
    """What is wrong with the identifiers of a profile at `pointer`."""
    attributes = row.get("attributes") or {}
    if not row.get("id") and not any(attributes.get(name) for name in NAMES):
        detail = "One or more of the identifiers must be supplied."
        yield invalid_problem(detail, f"{pointer}/attributes")
    for name, (has_form, detail) in FORMS.items():
        value = attributes.get(name)
        if value and not has_form(value):
            yield invalid_problem(detail, f"{pointer}/attributes/{name}")


def check_identifiers(rows: Iterable[tuple[Row, str]]) -> None:
    """Refuse (400) the request for any malformed identifier; rows come with their pointers."""
    problems = [problem for row, pointer in rows for problem in problems_of(row, pointer)]
    if problems:
        raise Refusal(400, *problems[:MOST_PROBLEMS])


def is_dropped(row: Row) -> bool:
    """Whether Klaviyo accepts and then forgets what is said about this profile."""
    email = str((row.get("attributes") or {}).get("email") or "")
    return email.lower().rpartition("@")[2] in DROPPED_DOMAINS
