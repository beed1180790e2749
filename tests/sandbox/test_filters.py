"""The filter grammar."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from klaviyo_sandbox.contract import operations
from klaviyo_sandbox.filters import FilterReader, conditions
from klaviyo_sandbox.messages import Refusal

PROFILES = operations()["get_profiles"].filters
EVENTS = operations()["get_events"].filters
CAMPAIGNS = operations()["get_campaigns"].filters
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


def refusal(text: str, facts: object = PROFILES) -> str:
    with pytest.raises(Refusal) as raised:
        conditions(text, facts)  # type: ignore[arg-type]
    assert raised.value.status == 400
    assert raised.value.problems[0].source == {"parameter": "filter"}
    return raised.value.problems[0].detail


def quoted(text: str, quote: str) -> str:
    return quote + text.replace("\\", "\\\\").replace(quote, "\\" + quote) + quote


@given(texts, st.sampled_from("'\""))
def test_a_string_survives_quoting(text: str, quote: str) -> None:
    found = conditions(f"equals(email,{quoted(text, quote)})", PROFILES)
    assert found[0].values == (text,)


@given(st.lists(texts, min_size=1, max_size=5))
def test_lists_keep_their_order(values: list[str]) -> None:
    written = ",".join(quoted(value, '"') for value in values)
    assert conditions(f"any(id,[{written}])", PROFILES)[0].values == tuple(values)


@given(st.datetimes(datetime(1990, 1, 1), datetime(2050, 1, 1)))  # noqa: DTZ001 - UTC is added
def test_moments_are_read_to_the_microsecond(moment: datetime) -> None:
    moment = moment.replace(tzinfo=timezone.utc)
    found = conditions(f"greater-than(updated,{moment.isoformat()})", PROFILES)
    whole = int(moment.replace(microsecond=0).timestamp()) * 1_000_000
    assert found[0].values == (whole + moment.microsecond,)


@given(texts)
def test_any_text_is_a_filter_or_refused(text: str) -> None:
    try:
        terms = FilterReader(text).read()
    except Refusal:
        return
    assert terms
    assert text.endswith(")")


@pytest.mark.parametrize(
    "text",
    ["", "equals(email,'a'", "equals(email,'a'))", "equals (email,'a')", "or(has(a),has(b))"],
)
def test_garbage_gets_the_recorded_text(text: str) -> None:
    assert refusal(text) == "Invalid filter provided. Verify your parentheses match."


def test_terms_combine_with_commas_and_and() -> None:
    one = conditions("equals(email,'a'),greater-than(updated,2026-01-01)", PROFILES)
    other = conditions("and(equals(email,'a'),greater-than(updated,2026-01-01))", PROFILES)
    assert one == other
    assert [row.field for row in one] == ["email", "updated"]


def test_wrong_operator_gets_the_recorded_text() -> None:
    assert refusal("equals(name,'x')", CAMPAIGNS) == (
        "'equals' is not an allowed filter operator for name.  Allowed operators are contains"
    )


@pytest.mark.parametrize(
    "text",
    [
        "equals(nothing,'a')",
        "equals(email,a)",
        "any(id,'a')",
        "any(id,[])",
        "greater-than(updated,'2026-01-01T00:00:00Z')",
        "greater-than(updated,yesterday)",
        "greater-or-equal(updated,2026-01-01)",
        "has(email)",
    ],
)
def test_what_a_field_does_not_take_is_refused(text: str) -> None:
    assert refusal(text)


@pytest.mark.parametrize("value", ["'1'", "nan", "1e5x", "true"])
def test_numbers_are_bare_and_finite(value: str) -> None:
    assert refusal(f"greater-than(timestamp,{value})", EVENTS)


def test_enumerations_are_closed() -> None:
    assert "email, sms, mobile_push" in refusal("equals(messages.channel,'fax')", CAMPAIGNS)


def test_booleans_are_bare() -> None:
    assert conditions("equals(archived,true)", CAMPAIGNS)[0].values == (True,)
    assert refusal("equals(archived,'true')", CAMPAIGNS)
