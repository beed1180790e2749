"""Cases of the sinks of people (see `every_sink`)."""

from __future__ import annotations

from typing import Any

from tests.target.every_sink import (
    ANN,
    BAD,
    BOB,
    CY,
    LONG,
    NEW,
    Case,
    consents,
    event_ids,
    list_id,
    members,
    suppressed,
    titles,
    tokens,
    wishes,
)

OLD = {"ann": "Old", "bob": "Old", "cy": "Old"}
LARGE = {"note": "x" * 100_001}
NOBODY = {"email": "nobody@shop.example.org"}
PROFILES: list[Any] = [
    {**NEW, "title": "First"},
    {**ANN, "title": "Changed"},
    {**NEW, "title": "Last"},
    BAD,
    {**ANN, **LARGE},
    {"email": "large@shop.example.org", **LARGE},
]
EVENT = {**ANN, "metric": "Bought", "time": "2026-01-05T00:00:00Z", "backfill": True}
EVENTS: list[Any] = [
    {**EVENT, "unique_id": "t-1"},
    {**EVENT, **NEW, "unique_id": "t-2"},
    {**EVENT, "unique_id": "t-1"},
    {**EVENT, **BAD, "unique_id": "t-3"},
    {**EVENT, "unique_id": "t-4", "time": "1999-01-01T00:00:00Z"},
    {**EVENT, "unique_id": "t-5", "email": "a@example.com"},
    {**EVENT, "unique_id": "t-6", "note": "x" * 100_001},
]
VIP = {"list_name": "VIP"}
EMAIL = {"channel": "email", "message_type": "marketing"}
YES = {"consent": "SUBSCRIBED", "historical_import": True, "consented_at": "2024-01-01T00:00:00Z"}
GIVEN = {"consent": "SUBSCRIBED", "consented_at": "2024-01-01T00:00:00Z"}
NO = {"consent": "UNSUBSCRIBED"}
DEVICE = {"platform": "ios", "vendor": "apns", "enablement_status": "AUTHORIZED"}
WISH = {"channels": "EMAIL", "variant_external_id": "t-old"}


def merge(destination: dict[str, str], source: dict[str, str]) -> dict[str, str]:
    return {"destination_email": destination["email"], "source_email": source["email"]}


def profiles(mode: str, write: str, ends: str, **left: Any) -> Case:
    return Case("profiles", mode, write, PROFILES, ends, titles, {**OLD, **left})


def events(write: str, **options: Any) -> Case:
    left = ["t-1", "t-2"]
    return Case("events", None, write, EVENTS, "aasrrrr", event_ids, left, options=options)


def listed(mode: str, write: str, ends: str, *left: str) -> Case:
    people: list[Any] = [ANN, CY, ANN, NOBODY, BAD, LONG]
    rows: list[Any] = [{**VIP, **row} for row in people]
    # Refused rows might be of members: a mirror takes nobody off then.
    code = int(mode == "mirror")
    return Case("list_profiles", mode, write, rows, ends, members, set(left), code=code)


def deletions(sink: str, mode: str | None) -> Case:
    rows: list[Any] = [BOB, ANN, BOB, {"external_id": "nobody"}, BAD, LONG]
    return Case(sink, mode, "request_profile_deletion", rows, "aassrr", titles, {"cy": "Old"})


PEOPLE = [
    profiles("upsert", "bulk_import_profiles", "saarrr", new="Last", ann="Changed"),
    profiles("create_only", "create_profile", "ssarsr", new="Last"),
    profiles("update_only", "bulk_import_profiles", "sasrrs", ann="Changed"),
    deletions("profiles", "delete"),
    deletions("profile_deletions", None),
    events("bulk_create_events"),
    events("create_event", immediate=True),
    Case(
        "lists",
        None,
        "create_list",
        [{"name": "New"}, {"name": "VIP"}, {"name": "New"}, {"name": ""}],
        "assr",
        lambda sandbox: [bool(list_id(sandbox, name)) for name in ("New", "VIP")],
        [True, True],
    ),
    listed("add", "add_profiles_to_list", "aasrrr", "ann", "cy"),
    listed("remove", "remove_profiles_from_list", "aassrr"),
    listed("mirror", "add_profiles_to_list", "assrrr", "ann", "cy"),
    Case(
        "subscriptions",
        "copy",
        "bulk_subscribe_profiles",
        [
            {**EMAIL, **ANN, **GIVEN},
            {**EMAIL, **BOB, **NO},
            {**EMAIL, **ANN, **GIVEN},
            {**EMAIL, **BAD, **GIVEN},
            {**EMAIL, **LONG, **NO},
            # Suppressed in this account.
            {**EMAIL, **CY, **GIVEN},
            {**EMAIL, **CY, "consent": None},
        ],
        "saarrss",
        consents,
        {"ann": "SUBSCRIBED", "bob": "UNSUBSCRIBED"},
    ),
    Case(
        "subscriptions",
        "change",
        "bulk_subscribe_profiles",
        [
            {**EMAIL, **ANN, **YES},
            {**EMAIL, **BOB, **YES},
            {**EMAIL, **ANN, **NO},
            {**EMAIL, **BAD, **YES},
            {**EMAIL, **LONG, **NO},
            {**EMAIL, **CY, **YES, "consented_at": None},
            {**EMAIL, **CY, "consent": "maybe"},
        ],
        "saarrrr",
        consents,
        {"ann": "UNSUBSCRIBED", "bob": "SUBSCRIBED"},
    ),
    *(
        Case(
            "suppressions",
            mode,
            "bulk_suppress_profiles",
            [ANN, BOB, ANN, BAD, LONG],
            "aasrr",
            suppressed,
            {"ann", "bob", "cy"},
        )
        for mode in ("suppress", "copy")
    ),
    Case(
        "suppressions",
        "unsuppress",
        "bulk_unsuppress_profiles",
        [CY, CY, ANN, BAD, LONG],
        "asarr",
        suppressed,
        set(),
    ),
    Case(
        "profile_merges",
        None,
        "merge_profiles",
        [merge(ANN, BOB), merge(ANN, BOB), merge(ANN, NOBODY), merge(BAD, CY), merge(NOBODY, CY)],
        "assrr",
        titles,
        {"ann": "Old", "cy": "Old"},
        unknown=True,
    ),
    Case(
        "push_tokens",
        None,
        "create_push_token",
        [
            {**DEVICE, **ANN, "token": "t-1"},
            {**DEVICE, **ANN, "token": "t-1"},
            {**DEVICE, **BOB, "token": "t-2", "enablement_status": "DENIED"},
            {**DEVICE, **BAD, "token": "t-3"},
            {**DEVICE, **BOB, "token": "t-" + "x" * 100_001},
        ],
        "asarr",
        tokens,
        {"t-1": "AUTHORIZED", "t-2": "DENIED"},
    ),
    Case(
        "back_in_stock_subscriptions",
        None,
        "create_back_in_stock_subscription",
        [
            {**WISH, **ANN},
            {**WISH, **ANN},
            {**WISH, **BOB},
            {**WISH, **BAD},
            {**WISH, **BOB, "variant_external_id": "x" * 100_001},
            {**WISH, **BOB, "channels": "FAX"},
        ],
        "asarrr",
        wishes,
        2,
        unknown=True,
    ),
]
