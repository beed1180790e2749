from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from klaviyo_client.errors import ConfigurationError
from klaviyo_sandbox import Sandbox
from tap_klaviyo.custom_streams import all_specs
from tap_klaviyo.property_types import TYPES, typed
from tests.tap.running import RunTap
from tests.tap.test_custom_streams import chosen, discover

DECLARED: dict[str, dict[str, Any]] = {
    "profile_properties": {
        "favourite colour": "string",
        "loyalty": "object",
        "sizes": "array",
        "newsletter": "boolean",
        "ünïcode ключ": {"type": "string", "column": "balloon"},
        "not there": "number",
    },
    "event_properties": {
        "$value": {"type": "number", "column": "value"},
        "$value_currency": "string",
    },
}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(profiles=60, events=400, limits=False, raised=1_000) as running:
        yield running


@pytest.mark.parametrize("path", ["thin", "whole"])
def test_declared_keys_are_columns_on_both_paths(
    sandbox: Sandbox, run_tap: RunTap, path: str
) -> None:
    names = ("events", "profiles", "list_profiles")
    settings = dict(DECLARED)
    if path == "whole":
        settings["stream_maps"] = {"tags": {"id": "id"}}
    catalog = chosen(discover(**DECLARED), *names)
    run = run_tap(sandbox.url, catalog_content=catalog, **settings)
    assert run.code == 0, run.errors
    for name in ("profiles", "list_profiles"):
        for record in run.records(name):
            held = record["properties"]
            assert record["property_favourite_colour"] == held.get("favourite colour")
            assert record["property_loyalty"] == held.get("loyalty")
            assert record["property_sizes"] == held.get("sizes")
            assert record["property_newsletter"] == held.get("newsletter")
            assert record["balloon"] == held.get("ünïcode ключ")
            assert record["property_not_there"] is None
    for record in run.records("events"):
        value = record["event_properties"].get("$value")
        assert record["value"] == (None if value is None else float(value))
    metrics = {one["id"]: one["attributes"]["name"] for one in sandbox.account.resources("metric")}
    for record in run.records("events"):
        assert record["metric_name"] == metrics.get(record["metric_id"])
    assert any(one["value"] for one in run.records("events"))
    assert any(one["property_loyalty"] for one in run.records("profiles"))


def test_both_paths_say_the_same(sandbox: Sandbox, run_tap: RunTap) -> None:
    names = ("events", "profiles", "segment_profiles")
    runs = [
        run_tap(
            sandbox.url,
            catalog_content=chosen(discover(**DECLARED), *names),
            stream_maps=maps,
            **DECLARED,
        )
        for maps in ({}, {"tags": {"id": "id"}})
    ]
    for name in names:
        thin, whole = (run.records(name) for run in runs)
        assert thin
        assert thin == whole


@pytest.mark.parametrize(("kind", "kept"), [("date-time", True), ("string", False)])
def test_a_declared_column_may_be_called_like_an_attribute_of_a_later_day(
    run_tap: RunTap, kind: str, kept: bool
) -> None:
    """Klaviyo's own value has no place any more, but what is no time is kept beside times."""
    declared = {"loyalty": {"type": kind, "column": "unannounced_attribute"}}
    runs = []
    with Sandbox(profiles=20, events=0, limits=False, raised=1_000) as sandbox:
        for maps in ({}, {"tags": {"id": "id"}}):
            sandbox.faults.add(operation="get_profiles", kind="unknown_attribute")
            catalog = chosen(discover(profile_properties=declared), "profiles")
            settings = {"profile_properties": declared, "stream_maps": maps}
            runs.append(run_tap(sandbox.url, catalog_content=catalog, **settings))
    thin, whole = (run.records("profiles") for run in runs)
    assert thin == whole
    assert ("unannounced_attribute" in thin[0]["extra_attributes"]) == kept


def test_a_declared_column_does_not_need_the_whole_object(
    sandbox: Sandbox, run_tap: RunTap
) -> None:
    catalog = chosen(discover(**DECLARED), "profiles")
    for stream in catalog["streams"]:
        for row in stream["metadata"]:
            if row["breadcrumb"] == ["properties", "properties"]:
                row["metadata"]["selected"] = False
    run = run_tap(sandbox.url, catalog_content=catalog, **DECLARED)
    assert run.code == 0, run.errors
    assert not any("properties" in one for one in run.records("profiles"))
    assert any(one["property_favourite_colour"] for one in run.records("profiles"))


@pytest.mark.parametrize(
    ("kind", "value", "wanted"),
    [
        ("string", 5, "5"),
        ("string", {"a": [1]}, '{"a":[1]}'),
        ("integer", "12", 12),
        ("integer", 3.0, 3),
        ("integer", 3.5, None),
        ("integer", " 12 ", 12),
        ("integer", "9007199254740993", 9007199254740993),
        ("integer", "1_000", None),
        ("integer", 2**63 - 1, 2**63 - 1),
        ("integer", 2**63, None),
        ("integer", "9" * 5000, None),
        ("integer", 1e300, None),
        ("integer", True, None),
        ("number", "1.5", 1.5),
        ("number", "nan", None),
        ("number", "1_000", None),
        ("number", 10**400, None),
        ("boolean", "TRUE", True),
        ("boolean", 1, None),
        ("date-time", "2026-01-31", "2026-01-31T00:00:00+00:00"),
        ("date-time", "2026-01-31 08:00:00+02:00", "2026-01-31T06:00:00+00:00"),
        ("date-time", "soon", None),
        ("date-time", "now", None),
        ("date-time", "12:30", None),
        ("date-time", "2026", None),
        ("object", [1], None),
        ("array", [1, None, "a"], ["1", None, "a"]),
        ("array", "a", None),
    ],
)
def test_values_become_the_declared_type_or_nothing(kind: str, value: Any, wanted: Any) -> None:
    assert typed(kind, value) == wanted


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(kind=st.sampled_from(sorted(TYPES)), value=JSON)
def test_whatever_customers_write_fits_the_column(kind: str, value: Any) -> None:
    known = {"string": str, "integer": int, "number": float, "boolean": bool, "date-time": str}
    found = typed(kind, value)
    assert found is None or isinstance(found, (known | {"object": dict, "array": list})[kind])


@pytest.mark.parametrize(
    ("declared", "reason"),
    [
        ({"a": "strng"}, "string"),
        ({"a": 5}, "needs a type"),
        ({"a": {"kind": "string"}}, "needs a type"),
        ({"A b": "string", "a-b": "string"}, "share the column property_a_b"),
        ({"a": {"type": "string", "column": "email"}}, "has email already"),
        ({"a": {"type": "string", "column": "Email"}}, "has Email already"),
        ({"a": {"column": "Size"}, "b": {"column": "size"}}, "share the column size"),
    ],
)
def test_a_declaration_that_cannot_be_is_refused(declared: dict[str, Any], reason: str) -> None:
    with pytest.raises(ConfigurationError, match=r"profile_properties") as error:
        all_specs({"profile_properties": declared})
    assert reason in str(error.value)
