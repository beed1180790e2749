"""Pages, cursors, filters, fields, includes."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from klaviyo_sandbox import ManualClock, Sandbox
from klaviyo_sandbox.clock import iso_seconds
from klaviyo_sandbox.messages import Request
from tests.sandbox.asking import Asking

EMAIL = {"filter": "equals(messages.channel,'email')"}


def scan(ask: Asking, path: str, **query: str) -> list[dict[str, Any]]:
    return [row for page in ask.pages(path, query) for row in page["data"]]


@pytest.mark.parametrize("size", ["1", "7", "20", "100"])
@pytest.mark.parametrize("sort", ["updated", "-updated", "email", "id", "-created"])
def test_following_next_visits_each_profile_once(account: Asking, size: str, sort: str) -> None:
    rows = scan(account, "/api/profiles", **{"page[size]": size, "sort": sort})
    assert sorted(row["id"] for row in rows) == account.sandbox.account.ids("profile")
    name = sort.removeprefix("-")
    values = [row["id"] if name == "id" else row["attributes"][name] or "" for row in rows]
    assert values == sorted(values, reverse=sort.startswith("-"))


@settings(max_examples=25, deadline=None)
@given(size=st.integers(1, 200), sort=st.sampled_from(["datetime", "-datetime", "timestamp"]))
def test_events_of_one_second_are_never_lost_between_pages(size: int, sort: str) -> None:
    seconds = [1_780_000_000 + number // 9 for number in range(60)]
    with_ids = {f"event{number:06d}": moment for number, moment in enumerate(seconds)}
    seen = walk_events(with_ids, {"page[size]": str(size), "sort": sort})
    assert sorted(seen) == sorted(with_ids)


def walk_events(moments: dict[str, int], query: dict[str, str]) -> list[str]:
    """The ids that a scan of the given events meets, without sockets."""
    sandbox = Sandbox(profiles=0, events=0, limits=False, clock=ManualClock())
    with sandbox:
        for name, moment in moments.items():
            attributes = {"timestamp": moment, "datetime": iso_seconds(moment)}
            sandbox.account.put("event", name, attributes)
        headers = {"authorization": "Klaviyo-API-Key pk_a", "revision": "2026-07-15"}
        seen: list[str] = []
        following: str | None = ""
        while following is not None:
            extra = {"page[cursor]": following} if following else {}
            pairs = tuple({**query, **extra}.items())
            page = json.loads(sandbox.app(Request("GET", "/api/events", pairs, headers)).body)
            seen += [row["id"] for row in page["data"]]
            following = cursor_of(page["links"]["next"])
    return seen


def cursor_of(link: str | None) -> str | None:
    return None if link is None else dict(parse_qsl(urlsplit(link).query))["page[cursor]"]


def test_next_carries_every_parameter(account: Asking) -> None:
    query = {
        "page[size]": "5",
        "sort": "-datetime",
        "include": "metric",
        "fields[event]": "datetime",
        "filter": "greater-or-equal(datetime,2026-01-01T00:00:00+00:00),has(profile)",
    }
    page = account.get("/api/events", **query)
    carried = dict(parse_qsl(urlsplit(page["links"]["next"]).query))
    assert carried.pop("page[cursor]")
    assert carried == query


def test_a_bad_cursor_gets_the_recorded_answer(account: Asking) -> None:
    for cursor in ("nonsense", "bmV4dA==", "ü"):
        error = account.error("GET", "/api/events", 400, query={"page[cursor]": cursor})
        assert error["detail"] == "Invalid cursor provided."
        assert error["source"] == {"pointer": "/data/"}


def test_a_cursor_of_another_order_is_refused(account: Asking) -> None:
    page = account.get("/api/profiles", **{"page[size]": "2", "sort": "email"})
    query = {"page[cursor]": cursor_of(page["links"]["next"]) or "", "sort": "updated"}
    assert account.error("GET", "/api/profiles", 400, query=query)["code"] == "invalid"


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/api/lists", {"page[size]": "100"}),
        ("/api/lists", {"page[size]": "0"}),
        ("/api/lists", {"page[size]": "x"}),
        ("/api/metrics", {"page[size]": "10"}),
        ("/api/lists", {"limit": "10"}),
        ("/api/lists", {"sort": "opt_in_process"}),
        ("/api/lists", {"include": "profiles"}),
        ("/api/lists", {"fields[list]": "colour"}),
        ("/api/lists", {"fields[profile]": "email"}),
        ("/api/profiles", {"additional-fields[profile]": "everything"}),
    ],
)
def test_what_a_query_may_not_say(account: Asking, path: str, query: dict[str, str]) -> None:
    error = account.error("GET", path, 400, query=query)
    assert error["source"] == {"parameter": next(iter(query))}


def test_a_parameter_given_twice_is_refused(account: Asking) -> None:
    account.error("GET", "/api/lists?sort=id&sort=name", 400)


def test_prev_of_lists_is_nonsense_on_the_first_page(account: Asking) -> None:
    assert "Filters" in account.get("/api/lists")["links"]["prev"]
    assert account.get("/api/tags")["links"]["prev"] is None


def test_links_of_resources_end_with_a_slash_and_both_forms_are_answered(account: Asking) -> None:
    row = account.get("/api/lists")["data"][0]
    assert row["links"]["self"].endswith(f"/api/lists/{row['id']}/")
    assert account.get(row["links"]["self"])["data"]["id"] == row["id"]
    assert "data" not in row["relationships"]["tags"]


def test_campaigns_need_a_channel(account: Asking) -> None:
    account.error("GET", "/api/campaigns", 400)
    error = account.error("GET", "/api/campaigns", 400, query={"filter": "equals(archived,true)"})
    assert error["source"] == {"parameter": "filter"}


@pytest.mark.parametrize("channel", ["email", "sms", "mobile_push"])
def test_archived_campaigns_are_hidden_until_asked_for(account: Asking, channel: str) -> None:
    wanted = f"equals(messages.channel,'{channel}')"
    shown = scan(account, "/api/campaigns", filter=wanted)
    hidden = scan(account, "/api/campaigns", filter=f"{wanted},equals(archived,true)")
    assert shown
    assert hidden
    assert not any(row["attributes"]["archived"] for row in shown)
    assert all(row["attributes"]["archived"] for row in hidden)


def test_archived_flows_are_hidden_until_asked_for(account: Asking) -> None:
    assert len(scan(account, "/api/flows")) == 10
    assert len(scan(account, "/api/flows", filter="equals(archived,true)")) == 2


def test_flows_refuse_bounds_in_the_future_and_other_sorts(account: Asking) -> None:
    future = {"filter": "less-than(updated,2999-01-01T00:00:00Z)"}
    account.error("GET", "/api/flows", 400, query=future)
    other = {"filter": "less-than(updated,2026-08-01T00:00:00Z)", "sort": "name"}
    account.error("GET", "/api/flows", 400, query=other)


def test_filters_select(account: Asking) -> None:
    everything = account.sandbox.account.resources("event")
    bound = "2026-08-01T00:00:00+00:00"
    expected = {
        row["id"] for row in everything if row["attributes"]["datetime"].replace(" ", "T") >= bound
    }
    found = scan(account, "/api/events", filter=f"greater-or-equal(datetime,{bound})")
    assert {row["id"] for row in found} == expected
    seconds = everything[0]["attributes"]["timestamp"]
    same = scan(account, "/api/events", filter=f"greater-or-equal(timestamp,{seconds})")
    assert min(row["attributes"]["timestamp"] for row in same) == seconds


def test_events_without_metric_or_profile_are_there_unless_excluded(account: Asking) -> None:
    events = scan(account, "/api/events", include="metric,profile")
    without = [row for row in events if "metric" not in row["relationships"]]
    assert len(without) == 1
    assert len(scan(account, "/api/events", filter="has(metric)")) == len(events) - 1
    assert len(scan(account, "/api/events", filter="has(profile)")) == len(events) - 1


def test_include_brings_each_resource_once(account: Asking) -> None:
    page = account.get("/api/events", include="metric,profile", **{"page[size]": "200"})
    names = [(row["type"], row["id"]) for row in page["included"]]
    assert len(names) == len(set(names))
    linked = {
        (data["type"], data["id"])
        for row in page["data"]
        for data in (row["relationships"].get(n, {}).get("data") for n in ("metric", "profile"))
        if data
    }
    assert set(names) == linked


def test_fields_reduce_attributes_and_keep_relationships(account: Asking) -> None:
    fields = {"fields[profile]": "email,location.city"}
    rows = scan(account, "/api/profiles", **fields)
    assert all(set(row["attributes"]) <= {"email", "location"} for row in rows)
    places = [row["attributes"]["location"] for row in rows if row["attributes"]["location"]]
    assert all(set(place) == {"city"} for place in places)
    assert "lists" in rows[0]["relationships"]


def test_additional_fields_only_when_asked_for(account: Asking) -> None:
    plain = account.get("/api/profiles")["data"][0]["attributes"]
    assert "subscriptions" not in plain
    asked = {"additional-fields[profile]": "subscriptions,predictive_analytics"}
    more = account.get("/api/profiles", **asked)["data"][0]["attributes"]
    assert more["subscriptions"]["email"]["marketing"]["consent"]
    assert "churn_probability" in more["predictive_analytics"]
    group = account.sandbox.account.ids("list")[0]
    counted = {"additional-fields[list]": "profile_count"}
    answer = account.get(f"/api/lists/{group}", **counted)["data"]["attributes"]
    assert answer["profile_count"] == len(account.sandbox.account.members(group))


def test_members_carry_the_moment_they_joined(account: Asking) -> None:
    group = account.sandbox.account.ids("list")[0]
    query = {"page[size]": "7", "sort": "-joined_group_at"}
    rows = scan(account, f"/api/lists/{group}/profiles", **query)
    joined = {row["id"]: row["attributes"]["joined_group_at"] for row in rows}
    assert joined == account.sandbox.account.members(group)
    ids = scan(account, f"/api/lists/{group}/relationships/profiles", **query)
    assert [row["id"] for row in ids] == [row["id"] for row in rows]
    assert set(ids[0]) == {"type", "id"}


def test_member_filters(account: Asking) -> None:
    group = account.sandbox.account.ids("list")[0]
    moments = sorted(account.sandbox.account.members(group).values())
    middle = moments[len(moments) // 2]
    rows = scan(
        account, f"/api/lists/{group}/profiles", filter=f"less-than(joined_group_at,{middle})"
    )
    assert len(rows) == sum(moment < middle for moment in moments)


def test_suppressions_are_filtered_and_not_mixed(account: Asking) -> None:
    prefix = "subscriptions.email.marketing"
    bound = f"greater-than({prefix}.suppression.timestamp,2020-01-01T00:00:00Z)"
    assert len(scan(account, "/api/profiles", filter=bound)) == 3
    other = f"equals({prefix}.list_suppressions.reason,'USER_SUPPRESSED')"
    account.error("GET", "/api/profiles", 400, query={"filter": f"{bound},{other}"})


def test_relationship_data_can_be_everywhere() -> None:
    with Sandbox(profiles=5, events=20, always_data=True) as sandbox:
        ask = Asking(sandbox)
        rows = ask.get("/api/events")["data"]
        assert any(row["relationships"].get("profile", {}).get("data") for row in rows)
        ask.session.close()


def test_campaigns_have_microseconds_and_the_rest_whole_seconds(account: Asking) -> None:
    campaign = account.get("/api/campaigns", **EMAIL)["data"][0]["attributes"]
    assert "." in campaign["created_at"]
    assert "." not in account.get("/api/lists")["data"][0]["attributes"]["updated"]


def test_unknown_ids_are_404(account: Asking) -> None:
    error = account.error("GET", "/api/profiles/01J0000000000000000000000X", 404)
    assert error["code"] == "not_found"
    assert error["detail"].startswith("A profile with id 01J")
    account.error("GET", "/api/lists/nobody/profiles", 404)


def test_campaigns_of_the_next_revision_have_another_form(account: Asking) -> None:
    def ask(**query: str) -> requests.Response:
        return account("GET", "/api/campaigns", query, revision="2026-10-15")

    campaigns = ask(include="campaign-messages").json()
    for row in campaigns["data"]:
        assert set(row["attributes"]) == {"created_at", "updated_at", "definition"}
    statuses = {row["attributes"]["status"] for row in campaigns["included"]}
    assert statuses <= {"draft", "sent"}
    few = ask(**{"fields[campaign]": "definition", "filter": "equals(archived,true)"}).json()
    assert all(row["attributes"]["definition"]["archived"] for row in few["data"])
    assert all(set(row["attributes"]) == {"definition"} for row in few["data"])
    assert ask(filter="equals(messages.channel,'email')").status_code == 400
    assert ask(**{"fields[campaign]": "status"}).status_code == 400
    assert account("GET", "/api/campaigns", {}).status_code == 400


def test_profile_count_of_an_empty_list_is_0(account: Asking) -> None:
    held = account.sandbox.account
    for group in held.ids("list"):
        row = account.get(f"/api/lists/{group}", **{"additional-fields[list]": "profile_count"})
        assert row["data"]["attributes"]["profile_count"] == len(held.members(group))
    assert any(not held.members(group) for group in held.ids("list"))
