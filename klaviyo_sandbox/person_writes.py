"""Writes about one whole person: deletion, merge, push tokens, back-in-stock subscriptions.

Taken, as Klaviyo does not say: deletions and merges are done a second later; a merged profile
keeps what it has and takes over what it lacks; a back-in-stock subscription shows as an event.
"""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any

import msgspec

from klaviyo_sandbox import event_writes
from klaviyo_sandbox.bodies import LARGEST_PROFILE
from klaviyo_sandbox.clock import iso_seconds
from klaviyo_sandbox.identifiers import FORMS, check_identifiers
from klaviyo_sandbox.kinds import KINDS
from klaviyo_sandbox.messages import Problem, Refusal, Response, invalid, json_response, not_found
from klaviyo_sandbox.people import IDENTIFIERS, People
from klaviyo_sandbox.profile_writes import find
from klaviyo_sandbox.seed_values import LETTERS, text_of
from klaviyo_sandbox.store import Resource, Store
from klaviyo_sandbox.writing import Writing

PROFILE = KINDS["profile"]
TOKEN = KINDS["push-token"]
VARIANT = KINDS["catalog-variant"]
LATER_SECONDS = 1.0
PEND = "INSERT INTO pending VALUES (?, ?, ?, ?)"
BACK_IN_STOCK = "Subscribed to Back in Stock"
# Where rows name a profile, in the order in which they go.
OWNED = ("members", "events", "push_tokens", "conversations")


def request_deletion(writing: Writing) -> Response:
    """POST /api/data-privacy-deletion-jobs: 202, empty; by exactly one identifier."""
    row = writing.content["attributes"]["profile"]["data"]
    named = {"id": row.get("id"), **row["attributes"]}
    given = {name: value for name, value in named.items() if value}
    if len(given) != 1:
        raise invalid("Give exactly one identifier.", "/data/attributes/profile/data")
    ((name, value),) = given.items()
    has_form, detail = FORMS.get(name, (bool, ""))
    if not has_form(value):
        raise invalid(detail, f"/data/attributes/profile/data/attributes/{name}")
    content = msgspec.json.encode([name, value.lower() if name == "email" else value])
    writing.store.run(PEND, (writing.now + LATER_SECONDS, "delete_profiles", "", content))
    return Response(202)


def delete(store: Store, content: bytes) -> None:
    """Delete every profile that has an identifier, and what belongs to it."""
    name, value = msgspec.json.decode(content)
    for row in list(store.rows_with(PROFILE, name, [value], ("id",))):
        forget(store, row[0])


def forget(store: Store, profile_id: str) -> None:
    """Delete a profile, and what belongs to it."""
    for table in OWNED:
        store.run(f"DELETE FROM {table} WHERE profile_id = ?", (profile_id,))  # noqa: S608
    store.run("DELETE FROM profiles WHERE id = ?", (profile_id,))


def merge(writing: Writing) -> Response:
    """POST /api/profile-merge: 202, as recorded (Klaviyo's OpenAPI file says 201)."""
    destination = writing.content["id"]
    sources = writing.content["relationships"]["profiles"]["data"]
    if len(sources) != 1:
        raise invalid("Give exactly one source profile.", "/data/relationships/profiles/data")
    source = sources[0]["id"]
    if source == destination:
        raise invalid("A profile cannot be merged into itself.", "/data/id")
    for profile_id in (destination, source):
        if not writing.store.exists(PROFILE, profile_id):
            raise not_found("profile", profile_id)
    content = msgspec.json.encode([destination, source])
    writing.store.run(PEND, (writing.now + LATER_SECONDS, "merge_profiles", "", content))
    link = f"{writing.request.base}/api/profiles/{destination}/"
    data = {"type": "profile", "id": destination, "links": {"self": link}}
    return json_response(202, {"data": data, "links": {"self": writing.request.base}})


def merged(store: Store, content: bytes, random: Random, now: float) -> None:
    """Let one profile take over what another one has, and delete that."""
    destination, source = msgspec.json.decode(content)
    people = People(store, [{"id": destination}, {"id": source}], random, now)
    known = {row[0] for row in store.rows_with(PROFILE, "id", [destination, source], ("id",))}
    if known != {destination, source}:
        return
    kept, gone = people.find({"id": destination}), people.find({"id": source})
    if kept is None or gone is None:
        return
    attributes = taken_over(kept.attributes, gone.attributes)
    for table in OWNED:
        statement = f"UPDATE OR IGNORE {table} SET profile_id = ? WHERE profile_id = ?"  # noqa: S608
        store.run(statement, (destination, source))
    forget(store, source)
    people.merge(kept, {"attributes": attributes})
    people.save()


def taken_over(kept: Mapping[str, Any], gone: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes of a profile after it took over another's."""
    filled = {name: value for name, value in gone.items() if value and not kept.get(name)}
    properties = {**(gone.get("properties") or {}), **(kept.get("properties") or {})}
    return {**filled, "properties": properties}


def create_push_token(writing: Writing) -> Response:
    """POST /api/push-tokens: 202, empty; a token that is known is updated."""
    if len(writing.request.body) > LARGEST_PROFILE:
        detail = f"The payload is larger than the allowed {LARGEST_PROFILE} bytes."
        raise Refusal(413, Problem("payload_too_large", "Payload too large.", detail))
    sent = writing.content["attributes"]
    row = sent["profile"]["data"]
    check_identifiers([(row, "/data/attributes/profile/data")])
    people = People(writing.store, [row], writing.random, writing.now)
    person = find(people, row) or people.create()
    people.merge(person, row)
    moment = iso_seconds(writing.now)
    attributes = {
        "created": moment,
        "token": sent["token"],
        "enablement_status": sent.get("enablement_status") or "AUTHORIZED",
        "platform": sent["platform"],
        "vendor": sent["vendor"],
        "background": sent.get("background") or "AVAILABLE",
        "recorded_date": moment,
        "metadata": sent.get("device_metadata") or {},
    }
    token_id = token_known(writing.store, sent["token"]) or text_of(writing.random, LETTERS, 32)
    with writing.store.transaction():
        people.save()
        owner = {"profile_id": person.id}
        writing.store.put([Resource("push-token", token_id, attributes, owner)])
    return Response(202)


def token_known(store: Store, token: str) -> str | None:
    """The id of the push token with that text."""
    for token_id, attributes in store.all("SELECT id, attributes FROM push_tokens"):
        if msgspec.json.decode(attributes)["token"] == token:
            return str(token_id)
    return None


def subscribe_to_stock(writing: Writing) -> Response:
    """POST /api/back-in-stock-subscriptions: 202, empty."""
    sent = writing.content["attributes"]
    row = (sent.get("profile") or {}).get("data") or {"attributes": {}}
    row = {**row, "attributes": {k: v for k, v in row["attributes"].items() if k in IDENTIFIERS}}
    check_identifiers([(row, "/data/attributes/profile/data")])
    if not sent["channels"]:
        raise invalid("Give at least one channel.", "/data/attributes/channels")
    variant = writing.content["relationships"]["variant"]["data"]["id"]
    if not writing.store.exists(VARIANT, variant):
        raise not_found("catalog-variant", variant)
    metric = {"data": {"type": "metric", "attributes": {"name": BACK_IN_STOCK}}}
    properties = {"VariantId": variant, "Channels": sent["channels"]}
    event = {"metric": metric, "properties": properties, "unique_id": f"stock {variant}"}
    made = event_writes.stamped(event, row, writing.now)
    with writing.store.transaction():
        event_writes.process(writing.store, [made], writing.now, writing.random)
    return Response(202)
