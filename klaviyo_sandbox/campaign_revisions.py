"""Campaigns as revisions from 2026-10-15 on show them.

What is known of it is what Klaviyo's own client of that revision sends and expects: attributes
in a `definition`, no status and no channel filter; messages say their status themselves.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec

from klaviyo_sandbox.contract import Operation
from klaviyo_sandbox.messages import Request, Response
from klaviyo_sandbox.query import Query

REDESIGNED = "2026-10-15"
FIELDS = ("created_at", "definition", "id", "updated_at")
FILTERS = ("id", "name", "archived", "created_at", "updated_at")
SETTINGS = ("audiences", "send_options", "tracking_options", "send_strategy")


def is_redesigned(request: Request) -> bool:
    """Whether a request is of such a revision."""
    return request.headers.get("revision", "")[: len(REDESIGNED)] >= REDESIGNED


def facts_at(operation: Operation, request: Request) -> Operation:
    """The facts of an operation at the revision of a request."""
    if "campaign" not in operation.fields or not is_redesigned(request):
        return operation
    fields = {**operation.fields, "campaign": FIELDS}
    if operation.id != "get_campaigns":
        return replace(operation, fields=fields)
    filters = {name: fact for name, fact in operation.filters.items() if name in FILTERS}
    return replace(operation, fields=fields, filters=filters, filter_required=False)


def whole_campaigns(query: Query, request: Request) -> Query:
    """The query for campaigns as they are kept, from which the others are made."""
    if not is_redesigned(request):
        return query
    fields = {kind: names for kind, names in query.fields.items() if kind != "campaign"}
    return replace(query, fields=fields)


def campaigns_at(response: Response, query: Query, request: Request) -> Response:
    """The answer with campaigns and their messages in the form of the request's revision."""
    if not is_redesigned(request) or b'"campaign' not in response.body:
        return response
    document = msgspec.json.decode(response.body)
    data = document["data"] or []
    asked = query.fields.get("campaign", FIELDS)
    for one in [*(data if isinstance(data, list) else [data]), *document.get("included", ())]:
        if one["type"] == "campaign" and "attributes" in one:
            made = redesigned(one["attributes"])
            one["attributes"] = {name: made[name] for name in made if name in asked}
        elif one["type"] == "campaign-message" and "attributes" in one:
            one["attributes"]["status"] = "sent" if one["attributes"].get("send_times") else "draft"
    return replace(response, body=msgspec.json.encode(document))


def redesigned(attributes: dict[str, Any]) -> dict[str, Any]:
    """The attributes of a campaign in the new form."""
    definition = {
        "name": attributes["name"],
        "builder": "wizard",
        "archived": attributes["archived"],
        "color": None,
        "description": None,
        "send_settings": {name: attributes.get(name) for name in SETTINGS},
    }
    moments = {name: attributes[name] for name in ("created_at", "updated_at")}
    return {**moments, "definition": definition}
