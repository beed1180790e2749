from __future__ import annotations

import pytest

from klaviyo_client.errors import InvalidRequestError
from klaviyo_client.operations import operation
from klaviyo_client.query import Query, lowered_rates, query_parameters


def test_everything_empty_asks_for_the_defaults() -> None:
    assert query_parameters(operation("get_profiles"), Query()) == {}


def test_every_part_has_its_parameter() -> None:
    query = Query(
        filter='equals(email,"a@b.org")',
        sort="-updated",
        page_size=100,
        include=("push-tokens", "conversations"),
        fields={"profile": ("email", "location.city"), "push-token": ("token",)},
        additional_fields={"profile": ("subscriptions", "predictive_analytics")},
    )
    assert query_parameters(operation("get_profiles"), query) == {
        "filter": 'equals(email,"a@b.org")',
        "sort": "-updated",
        "page[size]": "100",
        "include": "push-tokens,conversations",
        "fields[profile]": "email,location.city",
        "fields[push-token]": "token",
        "additional-fields[profile]": "subscriptions,predictive_analytics",
    }


def test_parameters_of_no_family() -> None:
    query = Query(parameters={"company_id": "ABC123"})
    assert query_parameters(operation("get_client_reviews"), query) == {"company_id": "ABC123"}


@pytest.mark.parametrize(
    ("operation_id", "query", "message"),
    [
        ("get_events", Query(page_size=1001), "page size 1001 is outside 1 to 1000 for get_events"),
        ("get_events", Query(page_size=0), "page size 0 is outside 1 to 1000 for get_events"),
        ("get_metrics", Query(page_size=10), "get_metrics takes no page size"),
        (
            "get_events",
            Query(sort="-date"),
            (
                "sort of get_events does not know 'date' (did you mean 'datetime'?); "
                "allowed: datetime, timestamp"
            ),
        ),
        (
            "get_lists",
            Query(include=("profiles",)),
            "include of get_lists does not know 'profiles'; allowed: flow-triggers, tags",
        ),
        (
            "get_accounts",
            Query(include=("users",)),
            "include of get_accounts does not know 'users'; allowed: nothing",
        ),
        (
            "get_tags",
            Query(fields={"tag": ("nam",)}),
            "fields[tag] of get_tags does not know 'nam' (did you mean 'name'?); allowed: id, name",
        ),
        (
            "get_accounts",
            Query(fields={"accounts": ("id",)}),
            (
                "fields of get_accounts does not know 'accounts' (did you mean 'account'?); "
                "allowed: account"
            ),
        ),
        (
            "get_list",
            Query(additional_fields={"list": ("profile_counts",)}),
            (
                "additional-fields[list] of get_list does not know 'profile_counts' "
                "(did you mean 'profile_count'?); allowed: profile_count"
            ),
        ),
        (
            "get_accounts",
            Query(parameters={"company_id": "x"}),
            "parameter of get_accounts does not know 'company_id'; allowed: nothing",
        ),
    ],
)
def test_what_the_facts_forbid_is_refused_with_what_they_allow(
    operation_id: str, query: Query, message: str
) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        query_parameters(operation(operation_id), query)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("operation_id", "parameters", "limits"),
    [
        ("get_profile", {}, []),
        ("get_profile", {"include": "push-tokens"}, []),
        ("get_profile", {"include": "push-tokens,segments"}, [("segments", 1, 15)]),
        ("get_profile", {"include": "lists,segments"}, [("lists", 1, 15), ("segments", 1, 15)]),
        (
            "get_profiles_for_list",
            {"additional-fields[profile]": "predictive_analytics"},
            [("predictive_analytics", 10, 150)],
        ),
        ("get_profiles_for_list", {"additional-fields[profile]": "subscriptions"}, []),
        (
            "get_segment",
            {"additional-fields[segment]": "profile_count"},
            [("profile_count", 1, 15)],
        ),
    ],
)
def test_costly_parameters(
    operation_id: str, parameters: dict[str, str], limits: list[tuple[str, int, int]]
) -> None:
    found = lowered_rates(operation(operation_id), parameters)
    assert [(one.value, one.rate.burst, one.rate.steady) for one in found] == limits
