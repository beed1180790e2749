from decimal import Decimal
from typing import Any

import pytest

from klaviyo_client.errors import ConfigurationError
from target_klaviyo.mapping import own_mapping, stream_mappings
from target_klaviyo.outcomes import RejectedRowError
from target_klaviyo.projection import Projection, projection
from target_klaviyo.values import Locale

ORDERS: dict[str, Any] = {
    "sink": "events",
    "columns": {
        "external_id": "customer",
        "metric": {"constant": "Placed Order"},
        "time": "at",
        "value": "total",
        "properties.Shop": "shop",
    },
    "types": {"count": "integer"},
    "ignore_columns": ["internal"],
}


def orders(
    columns: list[str], fields: dict[str, Any] | None = None, *, check: bool = True
) -> Projection:
    filled = {**ORDERS["columns"], **(fields or {})}
    mapping = stream_mappings({"orders": {**ORDERS, "columns": filled}})["orders"]
    return projection(mapping, columns, Locale(), check=check)


COLUMNS = ["customer", "at", "total", "shop", "count", "internal", "note", "email"]


def test_fields_properties_types_and_constants() -> None:
    row = {
        "customer": "7",
        "at": "2026-01-01T00:00:00Z",
        "total": "9.50",
        "shop": "Bristol",
        "count": "3",
        "internal": "x",
        "note": "gift",
        "email": "",
    }
    assert orders(COLUMNS).accepted(row) == {
        "external_id": "7",
        "metric": "Placed Order",
        "time": "2026-01-01T00:00:00+00:00",
        "value": Decimal("9.50"),
        "properties": {"Shop": "Bristol", "count": 3, "note": "gift"},
    }


def test_rows_do_not_share_what_constants_hold() -> None:
    made = orders(COLUMNS, {"properties.a": {"constant": 1}})
    row = {"customer": "7", "at": "2026-01-01T00:00:00Z"}
    made.accepted({**row, "note": "first"})
    assert made.accepted(row)["properties"] == {"a": 1}


def test_a_value_that_cannot_be_read_names_its_column() -> None:
    with pytest.raises(RejectedRowError, match="column 'count' is no integer"):
        orders(COLUMNS).accepted({"customer": "7", "count": "many"})


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"at": "2026-01-01T00:00:00Z"}, "has no email or phone_number or external_id"),
        ({"customer": "7"}, "has no time"),
        ({"customer": None, "at": "2026-01-01T00:00:00Z"}, "has no email"),
    ],
)
def test_what_a_row_needs(row: dict[str, Any], expected: str) -> None:
    with pytest.raises(RejectedRowError, match=expected):
        orders(COLUMNS).accepted(row)


def test_a_mapping_that_names_a_column_the_stream_lacks() -> None:
    with pytest.raises(ConfigurationError) as caught:
        orders(["custmer", "at", "total", "shop", "count", "internal"])
    assert str(caught.value) == (
        "streams.orders.columns.external_id: the stream has no column 'customer' (did you mean "
        "'custmer'?); columns: custmer, at, total, shop, count, internal"
    )


def test_a_mapping_without_an_identifier() -> None:
    mapping = stream_mappings({"orders": {"sink": "events", "columns": {"metric": "m"}}})["orders"]
    with pytest.raises(ConfigurationError, match="nothing fills email or phone_number"):
        projection(mapping, ["m", "time"], Locale())


def test_blanks_around_the_name_of_a_column_are_shown() -> None:
    mapping = stream_mappings({"people": {"sink": "profiles"}})["people"]
    with pytest.raises(ConfigurationError, match=r"columns: 'email ', name"):
        projection(mapping, ["email ", "name"], Locale())


def test_a_constant_that_cannot_be_read() -> None:
    with pytest.raises(ConfigurationError, match=r"columns\.backfill\.constant.*no boolean"):
        orders(COLUMNS, {"backfill": {"constant": "perhaps"}})


def test_a_stream_that_declares_nothing_is_not_checked() -> None:
    row = {"customer": "7", "at": "2026-01-01T00:00:00Z"}
    assert orders([], check=False).accepted(row)["external_id"] == "7"


def own(stream: str, columns: list[str]) -> Projection:
    mapping = own_mapping(stream)
    assert mapping is not None
    return projection(mapping, columns, Locale())


def test_dotted_fields_fill_objects() -> None:
    made = own("profiles", ["email", "location.city", "location", "properties"])
    row = {
        "email": "ada@shop.org",
        "location": {"zip": "BS1"},
        "location.city": "Bristol",
        "properties": '{"plan": "gold"}',
    }
    assert made.accepted(row) == {
        "email": "ada@shop.org",
        "location": {"zip": "BS1", "city": "Bristol"},
        "properties": {"plan": "gold"},
    }


def test_a_shops_own_id_is_no_profile_id() -> None:
    accepted = own("profiles", ["id", "email"]).accepted({"id": "12", "email": "ada@shop.org"})
    assert accepted == {"email": "ada@shop.org", "properties": {"id": "12"}}


def test_records_of_tap_klaviyo_are_known_by_their_columns() -> None:
    columns = ["id", "email", "properties", "created", "subscriptions", "extra_attributes"]
    made = own("profiles", columns)
    assert made.read_only == ("created", "extra_attributes", "subscriptions")
    accepted = made.accepted(
        {
            "id": "01X",
            "email": "ada@shop.org",
            "properties": {"a": 1},
            "created": "2026",
            "subscriptions": {},
        }
    )
    assert accepted == {"source_id": "01X", "email": "ada@shop.org", "properties": {"a": 1}}


def test_events_of_tap_klaviyo() -> None:
    columns = ["id", "profile_id", "metric_name", "datetime", "event_properties", "uuid"]
    accepted = own("events", columns).accepted(
        {
            "id": "e1",
            "profile_id": "01X",
            "metric_name": "Placed Order",
            "datetime": "2026-01-01T00:00:00+00:00",
            "event_properties": {"$value": 3},
            "uuid": "u",
        }
    )
    assert accepted == {
        "unique_id": "e1",
        "source_id": "01X",
        "metric": "Placed Order",
        "time": "2026-01-01T00:00:00+00:00",
        "properties": {"$value": 3},
    }


def test_text_called_like_an_object_is_a_property() -> None:
    mapping = own_mapping("profiles")
    assert mapping is not None
    made = projection(mapping, ["email", "location"], Locale(), texts={"email", "location"})
    accepted = made.accepted({"email": "ada@shop.org", "location": "Bristol"})
    assert accepted == {"email": "ada@shop.org", "properties": {"location": "Bristol"}}


@pytest.mark.parametrize("names", [("properties", "note"), ("note", "properties")])
def test_a_null_object_does_not_swallow_other_columns(names: tuple[str, str]) -> None:
    row = {"email": "ada@shop.org", "properties": None, "note": "gift"}
    made = own("profiles", ["email", "properties", "note"])
    accepted = made.accepted({"email": row["email"], **{name: row[name] for name in names}})
    assert accepted == {"email": "ada@shop.org", "properties": {"note": "gift"}}
