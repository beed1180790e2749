from __future__ import annotations

from typing import Any

import jsonschema
import pytest

from klaviyo_client.call_operations import OPERATIONS, ROWS, check_request, named
from klaviyo_client.errors import InvalidRequestError
from klaviyo_client.operations import request_body_schemas

EMAIL = {"email": "jo@example.org"}
METRIC = {"data": {"type": "metric", "attributes": {"name": "Visit"}}}
PROFILE = {"data": {"type": "profile", "attributes": EMAIL}}


def body_of(name: str, request: Any) -> Any:
    build = OPERATIONS[name].body
    assert build
    return build(check_request(OPERATIONS[name], request))


def test_there_are_eleven_operations() -> None:
    assert {row.name: (row.required, row.optional) for row in ROWS} == {
        "list-profiles": ((), ("filter", "sort", "pageSize")),
        "get-profile": (("id",), ()),
        "create-profile": (("attributes",), ()),
        "update-profile": (("id", "attributes"), ()),
        "list-lists": ((), ()),
        "add-profiles-to-list": (("listId", "profileIds"), ()),
        "list-campaigns": ((), ("filter",)),
        "list-flows": ((), ("filter",)),
        "list-events": ((), ("sort", "pageSize")),
        "create-event": (("attributes",), ()),
        "raw-api-request": (("method", "path"), ("body",)),
    }


@pytest.mark.parametrize(
    ("name", "asked", "body"),
    [
        (
            "create-profile",
            {"attributes": EMAIL},
            {"data": {"type": "profile", "attributes": EMAIL}},
        ),
        (
            "create-profile",
            {"attributes": {"data": {"type": "profile", "attributes": {}, "meta": {"x": 1}}}},
            {"data": {"type": "profile", "attributes": {}, "meta": {"x": 1}}},
        ),
        (
            "update-profile",
            {"id": "01", "attributes": {"first_name": None}},
            {"data": {"type": "profile", "id": "01", "attributes": {"first_name": None}}},
        ),
        (
            "add-profiles-to-list",
            {"listId": "L1", "profileIds": ["01", "02"]},
            {"data": [{"type": "profile", "id": "01"}, {"type": "profile", "id": "02"}]},
        ),
        (
            "create-event",
            {"attributes": {"metric": {"name": "Visit"}, "profile": EMAIL, "value": 9.5}},
            {
                "data": {
                    "type": "event",
                    "attributes": {
                        "properties": {},
                        "metric": METRIC,
                        "profile": PROFILE,
                        "value": 9.5,
                    },
                }
            },
        ),
        (
            "create-event",
            {"attributes": {"metric": METRIC, "profile": {"id": "01"}, "properties": {"a": [1]}}},
            {
                "data": {
                    "type": "event",
                    "attributes": {
                        "properties": {"a": [1]},
                        "metric": METRIC,
                        "profile": {"data": {"type": "profile", "id": "01", "attributes": {}}},
                    },
                }
            },
        ),
        ("create-event", {"attributes": {"data": {"type": "event"}}}, {"data": {"type": "event"}}),
    ],
)
def test_bodies(name: str, asked: Any, body: Any) -> None:
    assert body_of(name, asked) == body


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("create-profile", {"attributes": EMAIL}),
        ("update-profile", {"id": "01", "attributes": EMAIL}),
        ("add-profiles-to-list", {"listId": "L1", "profileIds": ["01"]}),
        ("create-event", {"attributes": {"metric": {"name": "Visit"}, "profile": EMAIL}}),
        ("create-event", {"attributes": {"metric": METRIC, "profile": {"id": "01", **EMAIL}}}),
    ],
)
def test_bodies_are_as_klaviyos_schema_demands(name: str, asked: Any) -> None:
    facts = OPERATIONS[name].facts
    assert facts
    schema = {**request_body_schemas(), "$ref": f"#/$defs/{facts.body}"}
    jsonschema.Draft202012Validator(schema).validate(body_of(name, asked))


@pytest.mark.parametrize(
    ("name", "asked", "message"),
    [
        ("list-lists", [], "the request must be a JSON object"),
        ("list-lists", {"filter": "x"}, "list-lists has no request key 'filter'; keys: none"),
        (
            "list-profiles",
            {"page_size": 5},
            (
                "list-profiles has no request key 'page_size' (did you mean 'pageSize'?); "
                "keys: filter, sort, pageSize"
            ),
        ),
        ("get-profile", {}, "get-profile needs the request key 'id'"),
        ("get-profile", {"id": 7}, "the request key 'id' of get-profile must be a string"),
        (
            "list-events",
            {"pageSize": "5"},
            "the request key 'pageSize' of list-events must be a whole number",
        ),
        (
            "list-events",
            {"pageSize": True},
            "the request key 'pageSize' of list-events must be a whole number",
        ),
        (
            "add-profiles-to-list",
            {"listId": "L1", "profileIds": ["01", 2]},
            "the request key 'profileIds' of add-profiles-to-list must be a list of strings",
        ),
        (
            "create-profile",
            {"attributes": "jo@example.org"},
            "the request key 'attributes' of create-profile must be an object",
        ),
        (
            "raw-api-request",
            {"method": "FETCH", "path": "/api/lists"},
            "method must be one of GET, POST, PATCH, PUT, DELETE",
        ),
        (
            "list-campaigns",
            {"filter": "equals(archived,true)"},
            (
                "Klaviyo answers list-campaigns only with a filter on messages.channel; "
                'for example {"filter": "equals(messages.channel,\'email\')"}'
            ),
        ),
    ],
)
def test_requests_that_cannot_be_right(name: str, asked: Any, message: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        check_request(OPERATIONS[name], asked)
    assert str(caught.value) == message


@pytest.mark.parametrize("key", ["metric", "profile"])
def test_metric_and_profile_must_be_objects(key: str) -> None:
    with pytest.raises(InvalidRequestError, match=f"^{key} in attributes must be an object"):
        body_of("create-event", {"attributes": {key: "jo@example.org"}})


def test_an_unknown_operation_is_told_the_nearest() -> None:
    with pytest.raises(InvalidRequestError, match="did you mean 'list-profiles'"):
        named("list_profiles")
