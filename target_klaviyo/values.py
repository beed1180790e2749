"""Values of a source, typed by declaration: text stays text unless the mapping says otherwise."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

import msgspec
import phonenumbers
from email_validator import EmailNotValidError, validate_email
from pendulum import Timezone

from target_klaviyo.decimals import PLAIN as PLAIN_NUMBER
from target_klaviyo.decimals import integer_as, number_as
from target_klaviyo.nesting import REASON, too_deep
from target_klaviyo.outcomes import RejectedRowError
from target_klaviyo.times import moment, rfc3339

Convert = Callable[[Any], Any]

DOCUMENT = msgspec.json.Decoder(float_hook=Decimal)
TRUE, FALSE = ("true", "t", "yes", "y", "1"), ("false", "f", "no", "n", "0")
# Longest address that Klaviyo takes.
EMAIL_CHARACTERS = 100
# Addresses that are right if their domain (the group) is.
ORDINARY = re.compile(r"[\w+-]+(?:\.[\w+-]+)*@((?!.*xn--)[a-z0-9.-]+)", re.ASCII | re.IGNORECASE)
# Distinct values that are looked at once only.
REMEMBERED = 50_000


@dataclass(frozen=True, slots=True)
class Locale:
    """How values that leave something open are read.

    `zone` is where times without zone belong, `region` (two letters) whose national phone
    numbers these are; None rejects such values. `decimal` is the form of numbers (`FORMS`).
    """

    zone: Timezone | None = None
    region: str | None = None
    decimal: str = PLAIN_NUMBER


def text(value: Any) -> Any:
    """Numbers as text; Klaviyo's names and identifiers are strings."""
    if isinstance(value, (int, Decimal)) and not isinstance(value, bool):
        return str(value)
    return rfc3339(value) if isinstance(value, datetime) else value


def boolean(value: Any) -> Any:
    """Text such as `true`, `yes` or `1` as a boolean."""
    if isinstance(value, str):
        lowered = value.strip().lower()
        if lowered in TRUE:
            return True
        if lowered in FALSE:
            return False
        raise RejectedRowError("is no boolean; write it as true or false")
    return bool(value) if value in (0, 1) else value


def document(value: Any) -> Any:
    """Text that holds JSON as what it says."""
    if isinstance(value, str):
        if too_deep(value):
            raise RejectedRowError(REASON)
        try:
            return DOCUMENT.decode(value)
        except (msgspec.DecodeError, RecursionError):
            raise RejectedRowError("is no JSON") from None
    return value


def values(value: Any) -> Any:
    """One value, or a list of them, as a list."""
    return value if isinstance(value, list) else [value]


def email(value: Any) -> Any:
    """An e-mail address of valid form; whether it can be delivered to is not looked up."""
    return checked_email(value.strip()) if isinstance(value, str) else value


def checked_email(address: str) -> str:
    """The address, unless its form is wrong; of ordinary ones each domain is looked at once."""
    ordinary = ORDINARY.fullmatch(address) if len(address) <= EMAIL_CHARACTERS else None
    if ordinary is None:
        return checked_form(address)
    checked_form(f"a@{ordinary[1]}")
    return address


@lru_cache(REMEMBERED)
def checked_form(address: str) -> str:
    """The address, unless its form is wrong; looked at character by character."""
    try:
        # Not `globally_deliverable`: whether a domain may receive mail is Klaviyo's decision.
        validate_email(address, check_deliverability=False, globally_deliverable=False)
    except EmailNotValidError:
        raise RejectedRowError("is no e-mail address") from None
    if "." not in address.rpartition("@")[2]:
        raise RejectedRowError("is no e-mail address")
    if len(address) > EMAIL_CHARACTERS:
        raise RejectedRowError(f"is an e-mail address of over {EMAIL_CHARACTERS} characters")
    return address


@lru_cache(REMEMBERED)
def phone(value: str, region: str | None) -> str:
    """A phone number in E.164, such as `+14155550123`."""
    written = value.strip()
    if not written.startswith("+") and region is None:
        raise RejectedRowError(
            "is no phone number in E.164 (+14155550123); set default_phone_region, such as US, "
            "for national ones",
        )
    try:
        read = phonenumbers.parse(written, region)
    except phonenumbers.NumberParseException:
        raise RejectedRowError("is no phone number") from None
    if not phonenumbers.is_possible_number(read) or read.extension:
        raise RejectedRowError("is no phone number")
    return phonenumbers.format_number(read, phonenumbers.PhoneNumberFormat.E164)


def phone_in(region: str | None) -> Convert:
    """The conversion of phone numbers of a region."""

    def convert(value: Any) -> Any:
        return phone(str(value), region) if isinstance(value, (str, int)) else value

    return convert


def time_in(zone: Timezone | None, pattern: str | None) -> Convert:
    """The conversion of times to RFC 3339 in UTC; each distinct text is read once."""

    @lru_cache(REMEMBERED)
    def read(value: str) -> str:
        return rfc3339(moment(value, pattern, zone))

    def convert(value: Any) -> Any:
        return read(value) if isinstance(value, str) else rfc3339(moment(value, pattern, zone))

    return convert


PLAIN: dict[str, Convert] = {
    "string": text,
    "boolean": boolean,
    "json": document,
    "list": values,
    "email": email,
}
NUMERIC: dict[str, Callable[[str], Convert]] = {"integer": integer_as, "number": number_as}
# What `types` in a mapping may declare.
DECLARABLE = ("string", "integer", "number", "boolean", "date-time", "json")


def conversion(kind: str, pattern: str | None, locale: Locale) -> Convert:
    """How values of a kind (`DECLARABLE`, `list`, `email` or `phone`) are read."""
    if kind == "date-time":
        return time_in(locale.zone, pattern)
    if kind in NUMERIC:
        return NUMERIC[kind](pattern or locale.decimal)
    return phone_in(locale.region) if kind == "phone" else PLAIN[kind]
