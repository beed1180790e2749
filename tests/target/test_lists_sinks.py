from typing import Any

import pytest

from klaviyo_sandbox.sandbox import Sandbox
from tests.target.running import held, load, profiles, records, schema, sent, state


def lists(sandbox: Sandbox) -> dict[str, str]:
    return {one["name"]: one["id"] for one in held(sandbox, "get_lists")}


def members(sandbox: Sandbox, name: str) -> set[str]:
    found = held(sandbox, "get_profiles_for_list", id=lists(sandbox)[name])
    return {one["email"] for one in found}


PEOPLE = [{"email": f"p{number}@shop.org", "external_id": str(number)} for number in range(5)]


def people(sandbox: Sandbox) -> None:
    told = schema("profiles", "email", "external_id")
    loaded = load(sandbox, [told, *records("profiles", PEOPLE)])
    assert loaded.error is None


def membership(*rows: dict[str, Any]) -> list[Any]:
    columns = ("list_id", "list_name", "id", "email", "external_id")
    return [schema("list_profiles", *columns), *records("list_profiles", rows), state({"n": 1})]


def test_lists_are_created_where_they_are_missing(sandbox: Sandbox) -> None:
    rows = [{"name": "News"}, {"name": "Friends"}, {"name": "News"}]
    messages = [schema("lists", "name"), *records("lists", rows)]
    loaded = load(sandbox, messages)
    assert loaded.counts("lists") == {"accepted": 2, "skipped: list exists already": 1}
    loaded = load(sandbox, messages)
    assert loaded.counts("lists") == {"skipped: list exists already": 3}
    assert {"News", "Friends"} <= set(lists(sandbox))
    assert sent(sandbox, "create_list") == [201, 201]


def test_a_list_whose_creation_lost_its_answer_is_found_again(sandbox: Sandbox) -> None:
    sandbox.faults.add("create_list", "lost_response")
    loaded = load(sandbox, [schema("lists", "name"), *records("lists", [{"name": "News"}])])
    assert loaded.counts("lists") == {"accepted": 1}
    assert [one["name"] for one in held(sandbox, "get_lists")].count("News") == 1


def test_people_join_by_any_identifier(sandbox: Sandbox) -> None:
    people(sandbox)
    p3 = profiles(sandbox)["p3@shop.org"]["id"]
    rows = [
        {"list_name": "News", "email": "P0@shop.org"},
        {"list_name": "News", "external_id": "1"},
        {"list_name": "News", "id": p3},
        {"list_name": "News", "email": "p0@shop.org"},
        {"list_name": "News", "email": "nobody@shop.org"},
        {"list_name": "Other", "email": "p0@shop.org"},
    ]
    loaded = load(sandbox, membership(*rows))
    assert loaded.counts("list_profiles") == {
        "accepted": 4,
        "skipped: duplicate": 1,
        "rejected: no profile has this email, phone_number or external_id": 1,
    }
    assert "row 5 rejected" in str(loaded.error)
    assert members(sandbox, "News") == {"p0@shop.org", "p1@shop.org", "p3@shop.org"}
    assert members(sandbox, "Other") == {"p0@shop.org"}


def test_lists_are_not_created_when_that_is_off(sandbox: Sandbox) -> None:
    people(sandbox)
    rows = [{"list_name": "News", "email": "p0@shop.org"}]
    loaded = load(sandbox, membership(*rows), create_lists=False)
    (reason,) = loaded.counts("list_profiles")
    assert "no list has this name" in reason
    assert not sent(sandbox, "create_list")


def test_a_list_by_its_id(sandbox: Sandbox) -> None:
    people(sandbox)
    load(sandbox, [schema("lists", "name"), *records("lists", [{"name": "News"}])])
    rows = [{"list_id": lists(sandbox)["News"], "email": one["email"]} for one in PEOPLE]
    for _ in range(2):
        assert load(sandbox, membership(*rows)).counts("list_profiles") == {"accepted": 5}
    assert len(members(sandbox, "News")) == 5


def test_pending_profiles_are_written_first(sandbox: Sandbox) -> None:
    rows = [{"list_name": "News", "email": one["email"]} for one in PEOPLE]
    told, *listed = membership(*rows)
    messages = [told, *listed, schema("profiles", "email"), *records("profiles", PEOPLE)]
    loaded = load(sandbox, messages)
    assert loaded.error is None
    assert loaded.counts("list_profiles") == {"accepted": 5}
    operations = [entry.operation for entry in sandbox.requests]
    assert operations.index("bulk_import_profiles") < operations.index("add_profiles_to_list")


def test_identifiers_are_looked_up_100_at_a_time(sandbox: Sandbox) -> None:
    rows = [{"email": f"p{number}@shop.org"} for number in range(250)]
    load(sandbox, [schema("profiles", "email"), *records("profiles", rows)])
    sandbox.requests.clear()
    loaded = load(sandbox, membership(*({"list_name": "News", **row} for row in rows)))
    assert loaded.counts("list_profiles") == {"accepted": 250}
    assert len(sent(sandbox, "get_profiles")) == 3
    assert sent(sandbox, "add_profiles_to_list") == [204]


def test_a_profile_that_is_gone_does_not_keep_the_others_out(sandbox: Sandbox) -> None:
    people(sandbox)
    ids = [one["id"] for one in profiles(sandbox).values()]
    ids.insert(2, "01ABCDEFGHJKMNPQRSTVWXYZ00")
    loaded = load(sandbox, membership(*({"list_name": "News", "id": one} for one in ids)))
    assert loaded.counts("list_profiles")["accepted"] == 5
    assert len(members(sandbox, "News")) == 5


@pytest.mark.parametrize("count", [1_001])
def test_1001_members_are_two_requests(sandbox: Sandbox, count: int) -> None:
    rows = [{"email": f"p{number}@shop.org"} for number in range(count)]
    messages = [schema("profiles", "email"), *records("profiles", rows)]
    messages += membership(*({"list_name": "News", **row} for row in rows))
    assert load(sandbox, messages).counts("list_profiles") == {"accepted": count}
    assert sent(sandbox, "add_profiles_to_list") == [204, 204]
