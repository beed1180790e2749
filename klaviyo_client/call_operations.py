"""The operations of `klaviyo-call`, one row each: their request keys and how a body is built."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from klaviyo_client.errors import InvalidRequestError
from klaviyo_client.filters import nearest, parse
from klaviyo_client.operations import Operation, operation

Json = dict[str, Any]
METHODS = ("GET", "POST", "PATCH", "PUT", "DELETE")
# What each request key holds, as a type and in words.
KEYS: Mapping[str, tuple[type, str]] = {
    "attributes": (dict, "an object"),
    "body": (dict, "an object"),
    "filter": (str, "a string"),
    "id": (str, "a string"),
    "listId": (str, "a string"),
    "method": (str, "a string"),
    "pageSize": (int, "a whole number"),
    "path": (str, "a string"),
    "profileIds": (list, "a list of strings"),
    "sort": (str, "a string"),
}


def profile_document(request: Json) -> Json:
    """The body of create-profile and update-profile."""
    return document("profile", request["attributes"], request.get("id"))


def event_document(request: Json) -> Json:
    """The body of create-event; `properties` may be left out, which Klaviyo does not allow."""
    attributes = request["attributes"]
    if "data" in attributes:
        return dict(attributes)
    related = {
        kind: nested(kind, attributes[kind]) for kind in ("metric", "profile") if kind in attributes
    }
    return document("event", {"properties": {}, **attributes, **related})


def members_document(request: Json) -> Json:
    """The body of add-profiles-to-list."""
    return {"data": [{"type": "profile", "id": one} for one in request["profileIds"]]}


def nested(kind: str, given: Any) -> Json:
    """A resource inside the attributes of another, given flat or in full."""
    if not isinstance(given, dict):
        raise InvalidRequestError(f"{kind} in attributes must be an object")
    rest = {key: value for key, value in given.items() if key != "id"}
    return document(kind, rest, given.get("id"))


def document(kind: str, attributes: Json, resource_id: str | None = None) -> Json:
    """A JSON:API document; attributes that are one already stay as they are."""
    if "data" in attributes:
        return dict(attributes)
    identity = {"id": resource_id} if resource_id is not None else {}
    return {"data": {"type": kind, **identity, "attributes": attributes}}


@dataclass(frozen=True, slots=True)
class CallOperation:
    """One row. `identity` is the request key that fills the `{id}` of the path.

    `repeat_safe` says whether sending the write again would change nothing.
    """

    name: str
    operation_id: str | None
    optional: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    identity: str | None = None
    body: Callable[[Json], Json] | None = None
    repeat_safe: bool = False
    filter_on: tuple[str, str] | None = None

    @property
    def keys(self) -> tuple[str, ...]:
        """Every request key."""
        return (*self.required, *self.optional)

    @property
    def facts(self) -> Operation | None:
        """What is known of the operation; None for raw requests."""
        return operation(self.operation_id) if self.operation_id else None


PAGE = ("filter", "sort", "pageSize")
ATTRIBUTES = ("attributes",)
CHANNEL = ("messages.channel", "equals(messages.channel,'email')")

ROWS = (
    CallOperation("list-profiles", "get_profiles", PAGE),
    CallOperation("get-profile", "get_profile", required=("id",), identity="id"),
    CallOperation("create-profile", "create_profile", required=ATTRIBUTES, body=profile_document),
    CallOperation(
        "update-profile",
        "update_profile",
        required=("id", *ATTRIBUTES),
        identity="id",
        body=profile_document,
        repeat_safe=True,
    ),
    CallOperation("list-lists", "get_lists"),
    CallOperation(
        "add-profiles-to-list",
        "add_profiles_to_list",
        required=("listId", "profileIds"),
        identity="listId",
        body=members_document,
        repeat_safe=True,
    ),
    CallOperation("list-campaigns", "get_campaigns", ("filter",), filter_on=CHANNEL),
    CallOperation("list-flows", "get_flows", ("filter",)),
    CallOperation("list-events", "get_events", ("sort", "pageSize")),
    CallOperation("create-event", "create_event", required=ATTRIBUTES, body=event_document),
    CallOperation("raw-api-request", None, ("body",), ("method", "path")),
)
OPERATIONS: Mapping[str, CallOperation] = {row.name: row for row in ROWS}


def named(name: str) -> CallOperation:
    """The row of that name.

    Raises:
        InvalidRequestError: there is none; the message says which is nearest.
    """
    if name not in OPERATIONS:
        raise InvalidRequestError(
            f"unknown operation {name!r}{nearest(name, OPERATIONS)}; "
            f"operations: {', '.join(OPERATIONS)}",
        )
    return OPERATIONS[name]


def check_request(row: CallOperation, request: Any) -> Json:
    """The request, if it has the keys of its operation.

    Raises:
        InvalidRequestError: a key is unknown, missing or of another type, or a filter that
            Klaviyo insists on is missing.
    """
    if not isinstance(request, dict):
        raise InvalidRequestError("the request must be a JSON object")
    for key in request:
        if key not in row.keys:
            raise InvalidRequestError(
                f"{row.name} has no request key {key!r}{nearest(key, row.keys)}; "
                f"keys: {', '.join(row.keys) or 'none'}",
            )
    for key in row.required:
        if key not in request:
            raise InvalidRequestError(f"{row.name} needs the request key {key!r}")
    for key, value in request.items():
        check_value(row, key, value)
    check_required_filter(row, request.get("filter"))
    return request


def check_value(row: CallOperation, key: str, value: Any) -> None:
    """Refuse a value of another type than its key has."""
    kind, words = KEYS[key]
    fits = isinstance(value, kind) and not isinstance(value, bool)
    if not fits or (kind is list and not all(isinstance(one, str) for one in value)):
        raise InvalidRequestError(f"the request key {key!r} of {row.name} must be {words}")
    if key == "method" and value.upper() not in METHODS:
        raise InvalidRequestError(f"method must be one of {', '.join(METHODS)}")


def check_required_filter(row: CallOperation, text: str | None) -> None:
    """Refuse a request that Klaviyo only answers with a filter on a certain field."""
    if row.filter_on is None:
        return
    field, example = row.filter_on
    if text is None or all(condition.field != field for condition in parse(text)):
        raise InvalidRequestError(
            f"Klaviyo answers {row.name} only with a filter on {field}; "
            f'for example {{"filter": "{example}"}}',
        )
