from typing import Any

import pytest

from klaviyo_client.errors import ConfigurationError
from target_klaviyo.mapping import Declared, Source, own_mapping, stream_mappings


def problem(content: Any, stream: str = "orders") -> str:
    with pytest.raises(ConfigurationError) as caught:
        stream_mappings({stream: content})
    return str(caught.value)


def test_a_mapping() -> None:
    found = stream_mappings(
        {
            "orders": {
                "sink": "events",
                "columns": {
                    "external_id": "customer_id",
                    "metric": {"constant": "Placed Order"},
                    "time": {"column": "date", "format": "YYYYMMDD"},
                    "properties.Shop": "shop",
                },
                "types": {"number_of_cds": "integer", "on": {"type": "date-time", "format": "X"}},
                "ignore_columns": ["secret"],
            }
        }
    )["orders"]
    assert found.sink.name == "events"
    assert found.columns["external_id"] == Source("customer_id")
    assert found.columns["metric"] == Source(constant="Placed Order")
    assert found.columns["time"] == Source("date", format="YYYYMMDD")
    assert found.types == {"number_of_cds": Declared("integer"), "on": Declared("date-time", "X")}
    assert found.ignored == {"secret"}


def test_a_stream_called_like_a_sink_needs_no_mapping() -> None:
    own = own_mapping("profiles")
    assert own is not None
    assert own.sink.name == "profiles"
    assert own_mapping("customers") is None


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("events", "streams.orders must be an object"),
        ({}, "streams.orders.sink is missing; sinks: profiles, events, lists, list_profiles"),
        ({"sink": "evnts"}, "streams.orders.sink is no sink (did you mean 'events'?)"),
        ({"sink": "events", "colums": {}}, "unknown key 'colums' (did you mean 'columns'?)"),
        ({"sink": "events", "columns": []}, "streams.orders.columns must be an object"),
        (
            {"sink": "events", "columns": {"emial": "mail"}},
            "columns.emial: the sink events has no such field (did you mean 'email'?)",
        ),
        ({"sink": "lists", "columns": {"properties.x": "x"}}, "lists has no such field"),
        ({"sink": "events", "columns": {"email": 3}}, "columns.email must be a column's name"),
        ({"sink": "events", "columns": {"time": {"colum": "x"}}}, "columns.time must be"),
        (
            {"sink": "events", "columns": {"time": {"column": "x", "fmt": "X"}}},
            "unknown key 'fmt'",
        ),
        ({"sink": "events", "types": {"n": "int"}}, "types.n: no such type"),
        ({"sink": "events", "types": {"n": {"type": "integer", "x": 1}}}, "unknown key 'x'"),
        ({"sink": "events", "types": "integer"}, "types must be an object"),
        (
            {"sink": "events", "columns": {"value": "v"}, "types": {"v": "number"}},
            "types.v: this column fills a field",
        ),
        (
            {"sink": "lists", "immediate": True},
            "immediate works only with the sinks profiles and events",
        ),
        (
            {"sink": "events", "columns": {"value": {"column": "v", "format": "1.2"}}},
            "columns.value.format: a number's format is one of '1234.56', '1,234.56'",
        ),
        (
            {"sink": "events", "columns": {"email": {"column": "v", "format": "lower"}}},
            "columns.email.format: only times and numbers have a format",
        ),
        (
            {"sink": "events", "types": {"n": {"type": "number", "format": "0,0"}}},
            "types.n.format: a number's format is one of",
        ),
        (
            {"sink": "events", "columns": {"time": {"column": "t", "format": "%Y-%m-%d"}}},
            "columns.time.format: a time's format is written as YYYY-MM-DD HH:mm:ss",
        ),
        ({"sink": "events", "ignore_columns": "id"}, "ignore_columns must be a list of columns"),
        ({"sink": "events", "ignore_columns": [1]}, "ignore_columns must be a list of columns"),
        ({"sink": "events", "ignore_columns": 5}, "ignore_columns must be a list of columns"),
        ({"sink": "events", "immediate": "no"}, "immediate must be true or false"),
    ],
)
def test_problems_name_the_place_and_the_nearest_name(content: Any, expected: str) -> None:
    assert expected in problem(content)


def test_all_problems_come_at_once() -> None:
    text = problem({"sink": "events", "columns": {"emial": "a"}, "types": {"b": "int"}})
    assert len(text.splitlines()) == 2
