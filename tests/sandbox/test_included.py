"""What is kept of included resources is forgotten as soon as anything changes."""

from __future__ import annotations

from typing import Any

from klaviyo_sandbox import Sandbox
from tests.sandbox.asking import Asking

WITH_PROFILE = {"include": "attributions,metric,profile", "page[size]": "1000", "sort": "datetime"}


def included(ask: Asking, kind: str, **query: str) -> dict[str, dict[str, Any]]:
    page = ask.get("/api/events", **WITH_PROFILE, **query)
    return {row["id"]: row["attributes"] for row in page["included"] if row["type"] == kind}


def test_an_included_profile_shows_what_was_written_since(ask: Asking) -> None:
    before = included(ask, "profile")
    who = next(iter(before))
    assert included(ask, "profile") == before
    data = {"type": "profile", "id": who, "attributes": {"first_name": "Renamed"}}
    assert ask("PATCH", f"/api/profiles/{who}", content=data).status_code == 200
    assert included(ask, "profile")[who]["first_name"] == "Renamed"


def test_an_included_profile_goes_when_it_is_removed(ask: Asking, sandbox: Sandbox) -> None:
    bare = {"fields[profile]": "id"}
    before = included(ask, "profile", **bare)
    who = next(iter(before))
    sandbox.account.remove("profile", who)
    assert before.keys() - included(ask, "profile", **bare).keys() == {who}


def test_fields_of_an_included_type_differ_from_request_to_request(ask: Asking) -> None:
    whole = included(ask, "metric")
    assert all(
        set(row) == {"name"}
        for row in included(ask, "metric", **{"fields[metric]": "name"}).values()
    )
    assert included(ask, "metric") == whole
    assert all(row == {} for row in included(ask, "profile", **{"fields[profile]": "id"}).values())
    assert all("email" in row for row in included(ask, "profile").values())


def test_a_bound_behind_the_cursor_still_holds(ask: Asking) -> None:
    pages = list(ask.pages("/api/events", {"page[size]": "7", "sort": "datetime"}))
    after = pages[2]["links"]["next"].partition("cursor%5D=")[2].replace("%3D", "=")
    rows = [row for page in pages for row in page["data"]]
    bound = rows[60]["attributes"]["datetime"].replace(" ", "T").replace("+00:00", "Z")
    query = {"filter": f"greater-or-equal(datetime,{bound})", "page[size]": "1000"}
    page = ask.get("/api/events", sort="datetime", **query, **{"page[cursor]": after})
    expected = {
        row["id"]
        for row in rows
        if row["attributes"]["timestamp"] >= rows[60]["attributes"]["timestamp"]
    }
    assert {row["id"] for row in page["data"]} == expected
