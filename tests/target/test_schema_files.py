from decimal import Decimal

import pytest

from target_klaviyo.schema_files import compiled, sink_schema
from target_klaviyo.specs import SINKS


@pytest.mark.parametrize("spec", SINKS, ids=lambda spec: spec.name)
def test_every_sink_has_a_schema_of_its_fields(spec: object) -> None:
    name, fields = spec.name, spec.fields  # type: ignore[attr-defined]
    schema = sink_schema(name)
    compiled(schema)
    tops = {field.partition(".")[0] for field in fields}
    assert tops <= set(schema["properties"])


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"email": 3}, "email must be string or null"),
        ({"location": {"city": []}}, "location.city must be string or null"),
        ({"email": "a" * 101}, "email is longer than 100 characters"),
        ({"properties": "x"}, "properties must be object or null"),
        ({"email": "ada@shop.org", "properties": {"n": Decimal("1.5")}}, None),
    ],
)
def test_profiles(record: dict[str, object], expected: str | None) -> None:
    assert compiled(sink_schema("profiles"))(record) == expected


EVENT = {"metric": "m", "time": "t"}


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({**EVENT, "value": Decimal("9.50")}, None),
        ({**EVENT, "metric": "m" * 128}, "metric is longer than 127 characters"),
        ({**EVENT, "unique_id": "u" * 256}, "unique_id is longer than 255 characters"),
        ({**EVENT, "value_currency": "euro"}, "value_currency breaks the rule 'pattern'"),
        (
            {**EVENT, "properties": {str(n): n for n in range(401)}},
            "properties has more than 400 entries",
        ),
        (
            {**EVENT, "properties": {"a": {"b": ["x" * 100_001]}}},
            "properties.a.b.0 is longer than 100000 characters",
        ),
        (
            {**EVENT, "properties": {"a": [0] * 4_001}},
            "properties.a has more than 4000 elements",
        ),
    ],
)
def test_events(record: dict[str, object], expected: str | None) -> None:
    found = compiled(sink_schema("events"))(record)
    assert found == expected or (found is not None and expected and found.startswith(expected))


def test_lists() -> None:
    check = compiled(sink_schema("lists"))
    assert check({"name": "News", "opt_in_process": "single_opt_in"}) is None
    assert check({"name": "News", "opt_in_process": "none"}) == (
        "opt_in_process must be one of double_opt_in, single_opt_in, null"
    )


def test_what_is_no_schema() -> None:
    with pytest.raises(ValueError, match="3"):
        compiled({"properties": {"a": {"type": 3}}})
