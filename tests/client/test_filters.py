from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from klaviyo_client.errors import InvalidRequestError
from klaviyo_client.filters import Condition, check_filter, condition, joined, literal, parse
from klaviyo_client.operations import operation, operations

FIELDS = st.sampled_from(sorted({name for row in operations().values() for name in row.filters}))
OPERATORS = st.sampled_from(["equals", "greater-or-equal", "contains-any", "any", "starts-with"])
VALUES = (
    st.text()
    | st.integers()
    | st.booleans()
    | st.datetimes(timezones=st.just(timezone.utc))
    | st.lists(st.text(), max_size=4)
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("abc", '"abc"'),
        ('say "hi", (you)', '"say \\"hi\\", (you)"'),
        ("back\\slash", '"back\\\\slash"'),
        (7, "7"),
        (1.5, "1.5"),
        (True, "true"),
        (None, "null"),
        (["a", 'b"'], '["a","b\\""]'),
        (datetime(2026, 1, 2, 3, 4, 5, 999_999, timezone.utc), "2026-01-02T03:04:05Z"),
        (datetime(901, 1, 2, tzinfo=timezone.utc), "0901-01-02T00:00:00Z"),
        (datetime(2026, 1, 2, tzinfo=timezone(timedelta(hours=-5))), "2026-01-02T05:00:00Z"),
    ],
)
def test_literals(value: str | float | datetime | list[str] | None, text: str) -> None:
    assert literal(value) == text


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(InvalidRequestError, match="needs a time zone"):
        literal(datetime(2026, 1, 2))  # noqa: DTZ001 - the point


def test_has_takes_no_value() -> None:
    assert condition("has", "metric") == "has(metric)"


def test_conditions_are_joined_and_empty_ones_left_out() -> None:
    assert joined("a(b,1)", None, "", "has(c)") == "a(b,1),has(c)"
    assert joined(None, "") is None


@given(st.lists(st.tuples(OPERATORS, FIELDS, VALUES), min_size=1, max_size=5))
def test_what_is_built_is_read_back(
    parts: list[tuple[str, str, str | int | bool | datetime | list[str]]],
) -> None:
    text = joined(*(condition(*part) for part in parts)) or ""
    expected = [Condition(one, name, literal(value)) for one, name, value in parts]

    assert parse(text) == expected
    assert parse(f"and({text})") == expected


@given(st.text(alphabet="equals(),\"'[]\\ ad@.1"))
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(InvalidRequestError):  # and nothing else
        assert parse(text)


def test_spaces_and_single_quotes_are_read() -> None:
    assert parse(" equals( name , 'it\\'s, (ok)' ) , has(metric)") == [
        Condition("equals", "name", "'it\\'s, (ok)'"),
        Condition("has", "metric", None),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "equals",
        "equals()",
        "equals(name)",
        "equals(name,1,2)",
        'equals(name,"a)',
        "equals(name,1",
        "equals(name,1))",
        "equals name 1",
        "has(metric,1)",
        "a(b,1),",
        "EQUALS(name,1)",
        'equals("jo@example.org",email)',
        "equals(jo@example.org,email)",
    ],
)
def test_broken_filters_are_refused_without_showing_them(text: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        check_filter(operation("get_profiles"), text)
    assert str(caught.value) == (
        f"the filter of {len(text)} characters cannot be read; write it as "
        "operator(field,value), conditions joined by commas, strings in quotes"
    )


@pytest.mark.parametrize(
    ("operation_id", "text"),
    [
        ("get_profiles", "greater-than(updated,2026-01-01T00:00:00Z)"),
        ("get_profiles", "greater-than(updated,2026-01-01T00:00:00.123+01:00)"),
        ("get_profiles", "greater-than(updated,2026-01-01)"),
        ("get_profiles", 'any(id,["a","b"]),equals(email,\'jo@example.org\')'),
        ("get_events", "greater-or-equal(timestamp,1700000000)"),
        ("get_events", "has(profile)"),
        ("get_campaigns", "equals(messages.channel,'email'),equals(archived,true)"),
        ("get_coupons", None),
    ],
)
def test_filters_that_the_facts_allow(operation_id: str, text: str | None) -> None:
    check_filter(operation(operation_id), text)


@pytest.mark.parametrize(
    ("operation_id", "text", "message"),
    [
        (
            "get_lists",
            'equals(nam,"a")',
            (
                "get_lists cannot be filtered by 'nam' (did you mean 'name'?); "
                "fields: created, id, name, updated"
            ),
        ),
        ("get_coupons", "equals(id,'a')", "get_coupons cannot be filtered by 'id'; fields: none"),
        (
            "get_profiles",
            "greater-or-equal(updated,2026-01-01)",
            (
                "'greater-or-equal' is no operator of 'updated' in get_profiles; "
                "operators: greater-than, less-than"
            ),
        ),
        (
            "get_profiles",
            'greater-than(updated,"2026-01-01T00:00:00Z")',
            (
                "the value of 'updated' in the filter of get_profiles must be "
                "a bare ISO 8601 time, such as 2026-01-01T00:00:00Z"
            ),
        ),
        (
            "get_profiles",
            "equals(email,jo@example.org)",
            (
                "the value of 'email' in the filter of get_profiles must be "
                'a quoted string, such as "abc"'
            ),
        ),
        (
            "get_profiles",
            'any(email,["a",b])',
            (
                "the value of 'email' in the filter of get_profiles must be "
                'a quoted string, such as "abc"'
            ),
        ),
        (
            "get_flows",
            "equals(archived,yes)",
            "the value of 'archived' in the filter of get_flows must be true or false",
        ),
        (
            "get_events",
            "less-than(timestamp,2026-01-01T00:00:00Z)",
            "the value of 'timestamp' in the filter of get_events must be a bare number",
        ),
        (
            "get_campaigns",
            None,
            (
                "get_campaigns needs a filter on one of: archived, created_at, id, "
                "messages.channel, name, scheduled_at, status, updated_at"
            ),
        ),
    ],
)
def test_filters_that_the_facts_forbid(operation_id: str, text: str | None, message: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        check_filter(operation(operation_id), text)
    assert str(caught.value) == message
