"""Seeded profiles: people in several scripts and places, with consents and suppressions."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

import msgspec

from klaviyo_sandbox.clock import MICROSECONDS, iso_seconds, microseconds
from klaviyo_sandbox.seed_form import Account, Seed
from klaviyo_sandbox.seed_values import CITIES, FIRST_NAMES, LAST_NAMES, WORDS, text_of, ulid
from klaviyo_sandbox.store import Resource

DAY = 86_400
HISTORY = 700 * DAY
PHONE_ONLY = 3


def profile_resources(random: Random, seed: Seed, account: Account) -> Iterator[Resource]:
    """The profiles, oldest first."""
    step = HISTORY / max(1, seed.profiles)
    for number in range(seed.profiles):
        created = seed.end - HISTORY + number * step
        yield profile(random, seed, account, number, created)


def profile(random: Random, seed: Seed, account: Account, number: int, created: float) -> Resource:
    """One profile."""
    updated = created + random.random() * (seed.end - created)
    attributes = {
        **identity(random, number),
        "organization": random.choice((None, "Harbor & Söhne", "Meadow Ltd")),
        "locale": random.choice((None, "en-US", "de-DE", "ja-JP")),
        "title": random.choice((None, "Buyer")),
        "image": None,
        "created": iso_seconds(created),
        "updated": iso_seconds(updated),
        "last_event_date": iso_seconds(updated) if number % 3 else None,
        "location": location(random),
        "properties": properties(random, number),
    }
    if seed.traps:
        attributes["anonymous_id"] = None if number % 2 else text_of(random, "0123456789abcdef", 16)
    state = subscriptions(random, seed, account, number, updated)
    columns = {
        "kx": text_of(random, "abcdefghijklmnopqrstuvwxyz", 20),
        "subscriptions": msgspec.json.encode(state).decode(),
        "predictive_analytics": msgspec.json.encode(predictions(random, seed.end)).decode(),
        **suppression_columns(state["email"]["marketing"]),
    }
    return Resource("profile", ulid(random, created), attributes, columns)


def identity(random: Random, number: int) -> dict[str, Any]:
    """Names and identifiers: one profile in seven has no e-mail, one in two no phone."""
    first, last = random.choice(FIRST_NAMES), random.choice(LAST_NAMES)
    phone = f"+1617{2_000_000 + number:07d}" if number % 2 else None
    return {
        "email": None
        if number % 7 == PHONE_ONLY and phone
        else f"person{number}@klaviyo-sandbox.dev",
        "phone_number": phone,
        "external_id": f"customer-{number}" if number % 4 else None,
        "first_name": first if number % 11 else None,
        "last_name": last,
    }


def location(random: Random) -> dict[str, Any] | None:
    """Where a person lives; one in four is nowhere."""
    if random.random() < 0.25:  # noqa: PLR2004
        return None
    city, region, country, timezone, postcode = random.choice(CITIES)
    return {
        "address1": f"{random.randrange(1, 200)} {random.choice(WORDS).title()} Street",
        "address2": None,
        "city": city,
        "country": country,
        "latitude": round(random.uniform(-60, 60), 4),
        "longitude": round(random.uniform(-180, 180), 4),
        "region": region,
        "zip": postcode,
        "timezone": timezone,
        "ip": None,
    }


def properties(random: Random, number: int) -> dict[str, Any]:
    """Custom properties: flat, nested, empty."""
    if number % 9 == 0:
        return {}
    return {
        "favourite colour": random.choice(WORDS),
        "loyalty": {"tier": random.choice(("gold", "silver")), "points": random.randrange(5_000)},
        "sizes": random.sample(("S", "M", "L", "XL"), k=2),
        "newsletter": bool(number % 2),
        "ünïcode ключ": "値 🎈",
    }


def subscriptions(
    random: Random, seed: Seed, account: Account, number: int, updated: float
) -> dict[str, Any]:
    """Consent per channel."""
    consent = ("SUBSCRIBED", "NEVER_SUBSCRIBED", "UNSUBSCRIBED", "SUBSCRIBED")[number % 4]
    moment = iso_seconds(updated) if consent != "NEVER_SUBSCRIBED" else None
    if seed.traps and number % 50 == 4 and moment:  # noqa: PLR2004
        # Seen at Klaviyo: a blank where RFC 3339 has a T.
        moment = moment.replace("T", " ")
    suppressed = suppression(random, number, updated)
    return {
        "email": {
            "marketing": {
                "can_receive_email_marketing": consent != "UNSUBSCRIBED" and not suppressed,
                "consent": consent,
                "consent_timestamp": moment,
                "last_updated": moment,
                "method": "PREFERENCE_PAGE" if moment else None,
                "method_detail": None,
                "custom_method_detail": None,
                "double_optin": bool(number % 2),
                "suppression": suppressed,
                "list_suppressions": list_suppressions(account, number, updated),
            }
        },
        "sms": {"marketing": sms_consent(number, iso_seconds(updated))},
        **({"whatsapp": {"marketing": whatsapp_consent(updated)}} if oddly(seed, number) else {}),
    }


def oddly(seed: Seed, number: int) -> bool:
    """Whether a profile has a consent of which Klaviyo's description knows not everything."""
    return seed.traps and number % 50 == 6  # noqa: PLR2004


def whatsapp_consent(updated: float) -> dict[str, Any]:
    """Consent to WhatsApp, with an attribute that is not in Klaviyo's description."""
    moment = iso_seconds(updated)
    return {
        "consent": "SUBSCRIBED",
        "consent_timestamp": moment,
        "last_updated": moment,
        "created_timestamp": moment,
        "metadata": {"source": "form"},
        "can_receive": True,
        "valid_until": None,
        "phone_number": None,
        "business": "sandbox",
    }


def suppression(random: Random, number: int, updated: float) -> list[dict[str, str]]:
    """Global suppressions: one profile in twenty has one."""
    if number % 20 != 2:  # noqa: PLR2004
        return []
    reason = random.choice(("HARD_BOUNCE", "SPAM_COMPLAINT", "USER_SUPPRESSED", "UNSUBSCRIBE"))
    return [{"reason": reason, "timestamp": iso_seconds(updated)}]


def list_suppressions(account: Account, number: int, updated: float) -> list[dict[str, str]]:
    """Suppressions for one list: one profile in thirty has one."""
    if number % 30 != 5:  # noqa: PLR2004
        return []
    moment = iso_seconds(updated)
    return [{"list_id": account.lists[0], "reason": "USER_SUPPRESSED", "timestamp": moment}]


def sms_consent(number: int, moment: str) -> dict[str, Any]:
    """Consent to text messages."""
    agreed = number % 8 == 1
    return {
        "can_receive_sms_marketing": agreed,
        "consent": "SUBSCRIBED" if agreed else "NEVER_SUBSCRIBED",
        "consent_timestamp": moment if agreed else None,
        "method": "SERVER" if agreed else None,
        "method_detail": None,
        "last_updated": moment if agreed else None,
    }


def predictions(random: Random, end: float) -> dict[str, Any]:
    """Predictive analytics."""
    orders = random.randrange(10)
    return {
        "historic_clv": round(orders * 40.5, 2),
        "predicted_clv": round(random.uniform(0, 200), 2),
        "total_clv": round(orders * 40.5 + 100, 2),
        "historic_number_of_orders": float(orders),
        "predicted_number_of_orders": round(random.uniform(0, 5), 2),
        "average_days_between_orders": 30.0 if orders else None,
        "average_order_value": 40.5 if orders else None,
        "churn_probability": round(random.random(), 4),
        "expected_date_of_next_order": iso_seconds(end + orders * DAY) if orders else None,
        "ranked_channel_affinity": ["email", "sms", "push"],
    }


def suppression_columns(marketing: dict[str, Any]) -> dict[str, Any]:
    """What can be filtered of suppressions."""
    everywhere = (marketing.get("suppression") or [{}])[0]
    on_list = (marketing.get("list_suppressions") or [{}])[0]
    return {
        "suppression_reason": everywhere.get("reason", ""),
        "suppressed_at": microseconds(everywhere["timestamp"]) if everywhere else 0,
        "list_suppression_reason": on_list.get("reason", ""),
        "list_suppressed_at": microseconds(on_list["timestamp"]) if on_list else 0,
        "list_suppression_list": on_list.get("list_id", ""),
    }


def member_rows(
    random: Random, end: float, account: Account, ids: list[str]
) -> Iterator[tuple[str, str, str, int]]:
    """Who is in which list and segment; the last list stays empty."""
    groups = [("list", group) for group in account.lists[:-1]]
    groups += [("segment", group) for group in account.segments]
    for place, (kind, group) in enumerate(groups):
        for profile_id in random.sample(ids, k=len(ids) // (place % 5 + 2)):
            # Many join in the same second, as they do in an import.
            joined = end - DAY * random.randrange(1, 90)
            yield kind, group, profile_id, int(joined) * MICROSECONDS
