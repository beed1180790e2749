from __future__ import annotations

import re

import pytest

from klaviyo_client.errors import UnknownOperationError
from klaviyo_client.operations import (
    FilterField,
    Operation,
    PageSize,
    ParameterRate,
    Rate,
    facts_revision,
    operation,
    operation_at,
    operations,
    request_body_schemas,
)


def test_there_are_all_345_operations_of_the_revision() -> None:
    assert facts_revision() == "2026-07-15"
    assert len(operations()) == 345
    assert len({(row.method, row.path) for row in operations().values()}) == 345


def test_what_is_known_of_an_operation() -> None:
    events = operation("get_events")
    assert (events.method, events.path) == ("GET", "/api/events")
    assert events.status == (200,)
    assert events.scopes == ("events:read",)
    assert events.rate == Rate(350, 3500)
    assert events.page == PageSize(default=200, maximum=1000)
    assert events.sort == ("datetime", "timestamp")
    assert events.include == ("attributions", "metric", "profile")
    assert events.filters["profile"] == FilterField(none=("has",))
    assert events.filters["metric_id"].operators == {"equals"}
    assert events.filters["timestamp"].value == "number"
    assert events.resource == "event"


@pytest.mark.parametrize(
    ("operation_id", "rate"),
    [
        ("create_list", Rate(10, 150, 150)),
        ("query_campaign_values", Rate(1, 2, 225)),
        ("get_accounts", Rate(1, 15)),
    ],
)
def test_daily_quotas(operation_id: str, rate: Rate) -> None:
    assert operation(operation_id).rate == rate


def test_costly_parameters_are_known() -> None:
    assert operation("get_profiles").parameter_rates == (
        ParameterRate("additional-fields[profile]", "predictive_analytics", Rate(10, 150)),
    )


def test_campaigns_and_coupon_codes_need_a_filter() -> None:
    needing = {name for name, row in operations().items() if row.filter_required}
    assert needing == {"get_campaigns", "get_coupon_codes"}


def test_an_unknown_operation_is_named() -> None:
    with pytest.raises(UnknownOperationError, match="no operation called 'get_everything'"):
        operation("get_everything")


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/api/profiles", "get_profiles"),
        ("get", "/api/profiles/", "get_profiles"),
        ("GET", "/api/profiles/01HX", "get_profile"),
        ("PATCH", "/api/profiles/01HX", "update_profile"),
        ("POST", "/api/profile-import", "create_or_update_profile"),
        ("GET", "/api/lists/AbC/relationships/profiles", "get_profile_ids_for_list"),
        (
            "GET",
            "/api/profile-bulk-import-jobs/J1/import-errors",
            "get_errors_for_bulk_import_profiles_job",
        ),
        ("DELETE", "/api/profiles", None),
        ("GET", "/api/profiles/a/b", None),
        ("GET", "/profiles", None),
    ],
)
def test_lookup_by_method_and_path(method: str, path: str, expected: str | None) -> None:
    found = operation_at(method, path)
    assert (found.id if found else None) == expected


@pytest.mark.parametrize("row", operations().values(), ids=lambda row: row.id)
def test_every_operation_is_found_by_its_own_path(row: Operation) -> None:
    assert operation_at(row.method, re.sub(r"\{\w+\}", "x1", row.path)) is row


def test_every_request_body_has_its_schema() -> None:
    known = request_body_schemas()["$defs"]
    named = {row.body for row in operations().values() if row.body}
    assert "ProfileCreateQuery" in named
    assert named <= set(known)
