"""What an account holds, read with plain requests: the tap's client has no part in it."""

from __future__ import annotations

from typing import Any

import requests

HEADERS = {"Authorization": "Klaviyo-API-Key pk_oracle", "revision": "2026-07-15"}


def resources(url: str, path: str, **parameters: str) -> list[dict[str, Any]]:
    """Every resource of a collection, with its included ones under `included`."""
    address: str | None = f"{url}/api/{path}"
    found: list[dict[str, Any]] = []
    with requests.Session() as session:
        while address:
            answer = session.get(address, params=parameters, headers=HEADERS, timeout=30)
            answer.raise_for_status()
            page = answer.json()
            data = page["data"]
            found += data if isinstance(data, list) else [data]
            address, parameters = page["links"].get("next"), {}
    return found


def ids(url: str, path: str, **parameters: str) -> set[str]:
    """The ids of a collection."""
    return {one["id"] for one in resources(url, path, **parameters)}


def account_ids(url: str) -> dict[str, set[str]]:
    """The ids of everything that the tap has a plain stream for."""
    channels = ("email", "sms", "mobile_push")
    archived = ("false", "true")
    filters = [
        f'equals(messages.channel,"{channel}"),equals(archived,{flag})'
        for channel in channels
        for flag in archived
    ]
    return {
        "accounts": ids(url, "accounts"),
        "campaigns": {one for text in filters for one in ids(url, "campaigns", filter=text)},
        "events": ids(url, "events", **{"page[size]": "1000", "sort": "datetime"}),
        "flows": {
            one for flag in archived for one in ids(url, "flows", filter=f"equals(archived,{flag})")
        },
        "lists": ids(url, "lists"),
        "metrics": ids(url, "metrics"),
        "profiles": ids(url, "profiles", **{"page[size]": "100"}),
        "segments": ids(url, "segments"),
        "tags": ids(url, "tags"),
        "templates": ids(url, "templates"),
    }


def memberships(url: str, kind: str) -> set[tuple[str, str]]:
    """Group id and profile id of every member of all lists or segments."""
    return {
        (group, profile)
        for group in ids(url, kind)
        for profile in ids(url, f"{kind}/{group}/profiles", **{"page[size]": "100"})
    }
