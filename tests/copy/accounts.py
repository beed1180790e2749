"""An account with something of everything, and both accounts as the tap reads them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from klaviyo_sandbox import Sandbox
from klaviyo_sandbox.seed_profiles import suppression_columns

Record = dict[str, Any]
THEN, PAST = "2026-08-01T10:00:00+00:00", "2024-05-06T07:08:09+00:00"
NOT_YET = {"consent": "NEVER_SUBSCRIBED", "consent_timestamp": None, "last_updated": None}


def consent(word: str, **others: Any) -> Record:
    return {"consent": word, "consent_timestamp": PAST, "last_updated": THEN, **others}


def email(word: str, *suppressions: str, lists: tuple[str, ...] = ()) -> Record:
    """The consent to e-mail marketing, as Klaviyo shows it."""
    entry = consent(word) if word != "NEVER_SUBSCRIBED" else NOT_YET
    return {
        **entry,
        "can_receive_email_marketing": word != "UNSUBSCRIBED" and not suppressions,
        "method": None,
        "method_detail": None,
        "custom_method_detail": None,
        "double_optin": None,
        "suppression": [{"reason": one, "timestamp": THEN} for one in suppressions],
        "list_suppressions": [
            {"list_id": one, "reason": "USER_SUPPRESSED", "timestamp": THEN} for one in lists
        ],
    }


@dataclass(frozen=True)
class Person:
    """Somebody put into the account beside those that it is seeded with."""

    name: str
    subscriptions: Mapping[str, Any]
    identifiers: Mapping[str, str]
    properties: Mapping[str, Any] = field(default_factory=dict)


def person(name: str, marketing: Record, phone: str | None = None, **others: Any) -> Person:
    identifiers = {"email": f"{name}@copied.klaviyo-sandbox.dev"}
    if phone:
        identifiers["phone_number"] = phone
    return Person(name, {"email": {"marketing": marketing}, **others}, identifiers)


def sms(word: str, kind: str = "marketing") -> Record:
    return {**consent(word), f"can_receive_sms_{kind}": word == "SUBSCRIBED"}


def whatsapp(word: str) -> Record:
    return consent(word, can_receive=word == "SUBSCRIBED", phone_number=None)


SUBSCRIBED, UNSUBSCRIBED, NEVER = "SUBSCRIBED", "UNSUBSCRIBED", "NEVER_SUBSCRIBED"
PUSH = {"marketing": consent(SUBSCRIBED, can_receive_push_marketing=True)}
PEOPLE = (
    person("yes", email(SUBSCRIBED)),
    person("no", email(UNSUBSCRIBED, "UNSUBSCRIBE")),
    person("never", email(NEVER)),
    *(
        person(f"{reason.lower()}.{word.lower()}", email(word, reason))
        for reason in ("HARD_BOUNCE", "SPAM_COMPLAINT", "INVALID_EMAIL", "USER_SUPPRESSED")
        for word in (SUBSCRIBED, NEVER, UNSUBSCRIBED)
    ),
    person("texts", email(UNSUBSCRIBED), "+16175550101", sms={"marketing": sms(SUBSCRIBED)}),
    person(
        "receipts",
        email(NEVER),
        "+16175550102",
        sms={"marketing": sms(UNSUBSCRIBED), "transactional": sms(SUBSCRIBED, "transactional")},
    ),
    person(
        "chats",
        email(SUBSCRIBED),
        "+16175550103",
        whatsapp={
            "marketing": whatsapp(SUBSCRIBED),
            "transactional": whatsapp(UNSUBSCRIBED),
            "conversational": whatsapp(SUBSCRIBED),
        },
        mobile_push=PUSH,
    ),
    person(
        "other.number",
        email(SUBSCRIBED),
        "+16175550104",
        whatsapp={"marketing": {**whatsapp(SUBSCRIBED), "phone_number": "+16175550999"}},
    ),
    Person("phone only", {"email": {"marketing": email(NEVER)}}, {"phone_number": "+16175550105"}),
    Person("id only", {"email": {"marketing": email(NEVER)}}, {"external_id": "клиент/1 «ß»"}),
    Person("nobody", {"email": {"marketing": email(NEVER)}}, {}),
    Person(
        "unicode",
        {"email": {"marketing": email(SUBSCRIBED)}},
        {"email": "unicode@copied.klaviyo-sandbox.dev"},
        {"ключ 🎈": ["値", {"deep": "\u2028 \\ \" '"}], "zero": 0, "no": False, "none": None},
    ),
)


LIST = "Nachrichten «für» 値 🎈, and more"


def furnish(sandbox: Sandbox) -> None:
    """Put everybody of `PEOPLE` into the account, onto a list, with an event each."""
    account = sandbox.account
    attributes = {"name": LIST, "created": PAST, "updated": THEN, "opt_in_process": "single_opt_in"}
    account.put("list", "LiStNo", attributes, links={"tags": account.ids("tag")[:2]})
    metric = account.ids("metric")[0]
    for number, one in enumerate(PEOPLE):
        who = f"01COPY{number:020d}"
        put_person(sandbox, who, one)
        account.add_members("list", "LiStNo", {who: THEN})
        event = {
            "timestamp": 1_700_000_000,
            "datetime": "2023-11-14T22:13:20+00:00",
            "event_properties": {"$event_id": f"n{number}", "$value": 1.5, "naïve": "値 🎈"},
            "uuid": f"5b9e2c00-0000-11ee-8000-{number:012d}",
        }
        columns = {"profile_id": who, "metric_id": metric, "unique_id": f"n{number}"}
        account.put("event", f"copied{number:05d}", event, columns=columns)


def put_person(sandbox: Sandbox, who: str, one: Person) -> None:
    """Put one profile into the account."""
    state = json.loads(json.dumps(one.subscriptions))
    attributes = {
        **dict.fromkeys(("email", "phone_number", "external_id", "title", "image")),
        **one.identifiers,
        "first_name": f"{one.name} ünï",
        "created": PAST,
        "updated": THEN,
        "location": {"city": "Zürich", "latitude": 47.4, "address2": None},
        "properties": dict(one.properties),
    }
    marks = suppression_columns(state["email"]["marketing"])
    columns = {"subscriptions": json.dumps(state), **marks}
    sandbox.account.put("profile", who, attributes, columns=columns)
