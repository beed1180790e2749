"""Lists that Klaviyo does not have or does not want, and what that costs."""

from __future__ import annotations

import pytest

from klaviyo_client.auth import PrivateKey
from klaviyo_client.client import KlaviyoClient
from klaviyo_client.client_settings import ClientSettings
from klaviyo_client.errors import ApiError
from klaviyo_sandbox.sandbox import Sandbox
from target_klaviyo.directory import AccountDirectory
from target_klaviyo.outcomes import ACCEPTED
from tests.target.running import Load, held, load, records, schema, sent
from tests.target.test_lists_sinks import lists, membership


def emails(count: int) -> list[dict[str, str]]:
    return [{"email": f"p{number}@shop.org"} for number in range(count)]


def people(sandbox: Sandbox, count: int) -> None:
    loaded = load(sandbox, [schema("profiles", "email"), *records("profiles", emails(count))])
    assert loaded.error is None
    sandbox.requests.clear()


def load_lists(sandbox: Sandbox, *names: str) -> Load:
    rows = [{"name": name} for name in names]
    return load(sandbox, [schema("lists", "name"), *records("lists", rows)])


def test_a_mistyped_list_id_is_asked_for_once(sandbox: Sandbox) -> None:
    people(sandbox, 50)
    loaded = load(sandbox, membership(*({"list_id": "XXXXXX", **row} for row in emails(50))))
    assert loaded.counts("list_profiles") == {"rejected: no list has this list_id": 50}
    assert len(sandbox.requests) <= 3
    assert not sent(sandbox, "add_profiles_to_list")


def test_a_list_that_may_not_be_read_can_be_joined(sandbox: Sandbox) -> None:
    people(sandbox, 2)
    load_lists(sandbox, "News")
    sandbox.faults.add("get_list", "status", status=403)
    list_id = lists(sandbox)["News"]
    loaded = load(sandbox, membership(*({"list_id": list_id, **row} for row in emails(2))))
    assert loaded.counts("list_profiles") == {"accepted": 2}


def test_a_list_id_that_klaviyo_refuses_to_read(sandbox: Sandbox) -> None:
    people(sandbox, 1)
    sandbox.faults.add("get_list", "status", status=400)
    loaded = load(sandbox, membership({"list_id": "?", **emails(1)[0]}))
    assert loaded.counts("list_profiles") == {"rejected: Klaviyo answered 400 (invalid)": 1}


@pytest.mark.parametrize("operation", ["create_list", "get_lists"])
def test_a_refused_name_rejects_its_own_rows_only(sandbox: Sandbox, operation: str) -> None:
    sandbox.faults.add(operation, "status", status=400, after=1)
    loaded = load_lists(sandbox, "News", "Bad", "Friends", "Bad")
    assert loaded.counts("lists") == {
        "accepted": 2,
        "rejected: Klaviyo answered 400 (invalid)": 2,
    }
    assert {one["name"] for one in held(sandbox, "get_lists")} >= {"News", "Friends"}


def test_an_error_about_more_than_a_name_ends_the_run(sandbox: Sandbox) -> None:
    sandbox.faults.add("create_list", "status", status=403, after=1)
    loaded = load_lists(sandbox, "News", "Friends", "Others")
    assert isinstance(loaded.error, ApiError)
    assert sent(sandbox, "create_list") == [201, 403]
    assert loaded.counts("lists") == {"accepted": 1}


def test_a_list_that_nobody_can_join_is_not_created(sandbox: Sandbox) -> None:
    people(sandbox, 1)
    nobody = {"email": "nobody@shop.org"}
    rows = [{"list_name": "News", **nobody}, {"list_name": "Empty", **nobody}]
    loaded = load(sandbox, membership(*rows, {"list_name": "News", **emails(1)[0]}))
    assert loaded.counts("list_profiles") == {
        "rejected: no profile has this email, phone_number or external_id": 2,
        "accepted": 1,
    }
    assert "Empty" not in lists(sandbox)
    assert sent(sandbox, "create_list") == [201]


def test_a_missing_list_is_asked_for_once_and_may_be_created_later(sandbox: Sandbox) -> None:
    settings = ClientSettings(base_url=sandbox.url)
    with KlaviyoClient(PrivateKey("pk_test"), settings) as client:
        directory = AccountDirectory(client, create_lists=False, dry_run=False)
        found = [directory.list_named("News", None, create=False) for _ in range(3)]
        assert [one.id for one in found] == [None] * 3
        assert directory.list_named("News", None, create=True).outcome == ACCEPTED
        assert directory.list_named("News", None, create=False).id
    assert sent(sandbox, "get_lists") == [200]
