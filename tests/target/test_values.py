from decimal import Decimal

import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import given
from hypothesis import strategies as st

from target_klaviyo.outcomes import RejectedRowError
from target_klaviyo.values import Locale, conversion

NOWHERE = Locale()


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("string", 12, "12"),
        ("string", "00012", "00012"),
        ("integer", "-12", -12),
        ("number", "12.00", Decimal("12.00")),
        ("number", "1e3", Decimal("1e3")),
        ("number", 3, 3),
        ("boolean", "Yes", True),
        ("boolean", "0", False),
        ("boolean", 1, True),
        ("json", '{"a": [1.50]}', {"a": [Decimal("1.50")]}),
        ("json", {"a": 1}, {"a": 1}),
        ("email", " ada@shop.org ", "ada@shop.org"),
        ("phone", "+1 (415) 555-0123", "+14155550123"),
        ("date-time", "2026-01-31T08:00:00Z", "2026-01-31T08:00:00+00:00"),
    ],
)
def test_values(kind: str, value: object, expected: object) -> None:
    assert conversion(kind, None, NOWHERE)(value) == expected


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("integer", "12.5"),
        ("integer", "9" * 5_000),
        ("number", "1,200"),
        ("number", "NaN"),
        ("boolean", "maybe"),
        ("json", "{"),
        ("json", "[" * 2_000),
        ("email", "ada"),
        ("email", "ada@localhost"),
        ("email", "a" * 64 + "@" + "b" * 60 + ".org"),
        ("phone", "+1"),
        ("phone", "hello"),
        ("phone", "0207 946 0018"),
        ("date-time", "soon"),
    ],
)
def test_what_cannot_be_read_is_refused_without_quoting_it(kind: str, value: str) -> None:
    with pytest.raises(RejectedRowError) as caught:
        conversion(kind, None, NOWHERE)(value)
    assert value not in str(caught.value)


@pytest.mark.parametrize(
    ("form", "text", "expected"),
    [
        ("1,234.56", "1,234,567.50", "1234567.50"),
        ("1,234.56", "1234.5", "1234.5"),
        ("1234,56", "-1234,56", "-1234.56"),
        ("1.234,56", "1.234", "1234"),
        ("1.234,56", "1.234,5", "1234.5"),
        ("1 234,56", "1\u00a0234\u202f567,5", "1234567.5"),
    ],
)
def test_decimals_in_a_declared_form(form: str, text: str, expected: str) -> None:
    assert conversion("number", form, NOWHERE)(text) == Decimal(expected)
    assert conversion("number", None, Locale(decimal=form))(text) == Decimal(expected)


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("1,234.56", "1,23"),
        ("1,234.56", "12,3456"),
        ("1,234.56", "1.234,5"),
        ("1234,56", "1.234,56"),
        ("1234,56", "1234.56"),
        ("1.234,56", "1.23"),
        ("1.234,56", "1234.5"),
        ("1 234,56", "1 23"),
    ],
)
def test_a_number_of_another_form_is_refused(form: str, text: str) -> None:
    with pytest.raises(RejectedRowError, match="is no number; write it as"):
        conversion("number", form, NOWHERE)(text)


def test_integers_may_be_grouped() -> None:
    assert conversion("integer", "1.234,56", NOWHERE)("-1.234") == -1234
    with pytest.raises(RejectedRowError):
        conversion("integer", "1.234,56", NOWHERE)("1.2")


def test_national_phone_numbers_need_a_region() -> None:
    convert = conversion("phone", None, Locale(region="GB"))
    assert convert("020 7946 0018") == "+442079460018"


@given(st.text("aZ9_.+-'é ", max_size=8), st.text("aZ9.-xné@_", max_size=12))
def test_an_address_is_as_good_as_the_library_says(local: str, domain: str) -> None:
    """Ordinary addresses take a short way through it."""
    address = f"{local}@{domain}.org".strip()
    try:
        validate_email(address, check_deliverability=False, globally_deliverable=False)
    except EmailNotValidError:
        with pytest.raises(RejectedRowError):
            conversion("email", None, NOWHERE)(address)
    else:
        assert conversion("email", None, NOWHERE)(address) == address
