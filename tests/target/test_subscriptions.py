"""Consent given and taken back through the real command, and what it did in the account."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from klaviyo_sandbox.sandbox import Sandbox
from tests.target.running import Run, held, load, records, run_target, schema, sent, state

STREAM = "subscriptions"
EMAIL = {"channel": "email", "message_type": "marketing"}
PAST = {"historical_import": "true", "consented_at": "2024-05-01T10:00:00Z"}
IOS = {"push_platform": "ios", "push_vendor": "apns"}
COLUMNS = (
    "consent",
    "channel",
    "message_type",
    "email",
    "phone_number",
    "id",
    "list_name",
    "list_id",
    "historical_import",
    "consented_at",
    "custom_source",
    "push_token",
    "push_platform",
    "push_vendor",
    "anonymous_id",
)


def consents(*rows: dict[str, Any]) -> list[Any]:
    return [schema(STREAM, *COLUMNS), *records(STREAM, rows), state({"n": len(rows)})]


def yes(email: str, **others: Any) -> dict[str, Any]:
    return {"consent": "SUBSCRIBED", "email": email, **EMAIL, **PAST, **others}


def no(email: str, **others: Any) -> dict[str, Any]:
    return {"consent": "unsubscribed", "email": email, **EMAIL, **others}


def marketing(sandbox: Sandbox, channel: str = "email", kind: str = "marketing") -> dict[str, Any]:
    """Consent by address."""
    found: dict[str, Any] = {}
    for one in sandbox.account.resources("profile"):
        known = one["attributes"]["subscriptions"].get(channel) or {}
        name = one["attributes"]["email"] or one["attributes"]["phone_number"]
        found[name] = (known.get(kind) or {}).get("consent")
    return found


def members(sandbox: Sandbox, name: str) -> set[str]:
    (found,) = [one for one in held(sandbox, "get_lists") if one["name"] == name]
    return {one["email"] for one in held(sandbox, "get_profiles_for_list", id=found["id"])}


def make_list(sandbox: Sandbox, name: str, opt_in: str = "single_opt_in", *emails: str) -> None:
    rows = [{"email": email} for email in emails]
    messages = [
        schema("lists", "name", "opt_in_process"),
        *records("lists", [{"name": name, "opt_in_process": opt_in}]),
        schema("profiles", "email"),
        *records("profiles", rows),
        schema("list_profiles", "list_name", "email"),
        *records("list_profiles", [{"list_name": name, **row} for row in rows]),
    ]
    assert load(sandbox, messages).error is None


def lenient(folder: Path) -> dict[str, str]:
    return {"on_error": "dead_letter", "dead_letter_path": str(folder / "letters")}


def figures(run: Run) -> dict[str, int]:
    found = run.figures(STREAM)
    names = ("rows", "accepted", "skipped", "rejected", "unknown")
    assert found["rows"] == sum(found[name] for name in names[1:])
    return {name: found[name] for name in names if found[name]}


def test_consents_are_given_and_taken_back(sandbox: Sandbox, tmp_path: Path) -> None:
    rows = [
        yes("ada@shop.org"),
        yes("ben@shop.org"),
        yes("cy@shop.org"),
        no("cy@shop.org"),
        no("BEN@shop.org"),
        yes("ben@shop.org"),
        yes("dee@shop.org", consent="NEVER_SUBSCRIBED"),
        yes("no address"),
        yes("eve@shop.org", consent="maybe"),
        yes("eve@shop.org", channel="fax"),
        yes("eve@shop.org", message_type="transactional"),
        yes("eve@shop.org", historical_import="false"),
        yes("eve@shop.org", consented_at=None),
        yes("eve@shop.org", consented_at="2099-01-01T00:00:00Z"),
        {**yes(""), "phone_number": "+14155550100"},
        yes("eve@shop.org", channel="push", push_token="t" * 100_001, **IOS),
    ]
    receipts = tmp_path / "receipts"
    run = run_target(sandbox.url, consents(*rows), **lenient(tmp_path), receipts_path=str(receipts))
    assert run.code == 0, run.log
    assert figures(run) == {"rows": 16, "accepted": 3, "skipped": 4, "rejected": 9}
    assert marketing(sandbox) == {"ada@shop.org": "SUBSCRIBED", "ben@shop.org": "SUBSCRIBED"}
    reasons = Counter(json.loads(line)["reason"] for line in receipts.read_text().splitlines())
    assert reasons["a later row changes the same consent of this person"] == 3
    assert "consented_at is not in the past" in reasons
    assert "has consented_at without historical_import" in run.log
    run = run_target(sandbox.url, consents(no("ada@shop.org"), no("nobody@shop.org")))
    assert figures(run) == {"rows": 2, "accepted": 2}
    assert marketing(sandbox) == {"ada@shop.org": "UNSUBSCRIBED", "ben@shop.org": "SUBSCRIBED"}


def test_every_channel_and_message_type(sandbox: Sandbox) -> None:
    phone = {"phone_number": "+14155550123"}
    device = {"push_token": "t1", "push_platform": "ios", "push_vendor": "apns"}
    agreed: list[tuple[str, str, dict[str, str]]] = [
        ("email", "marketing", {}),
        ("sms", "marketing", phone),
        ("sms", "transactional", phone),
        ("whatsapp", "marketing", phone),
        ("whatsapp", "transactional", phone),
        ("push", "marketing", device),
    ]
    talks = [("whatsapp", "conversational", phone)]
    for consent, more, operation, extra, profiles in (
        ("SUBSCRIBED", PAST, "bulk_subscribe_profiles", [], 1),
        ("UNSUBSCRIBED", {}, "bulk_unsubscribe_profiles", talks, 2),
    ):
        rows = [
            {"consent": consent, "email": "ada@shop.org", "channel": channel, "message_type": kind}
            | more
            | others
            for channel, kind, others in [*agreed, *extra]
        ]
        run = run_target(sandbox.url, consents(*rows))
        # All of one profile in one request are merged into the last; withdrawals go by one address.
        skipped = len(rows) - profiles
        assert figures(run) == {"rows": len(rows), "accepted": profiles, "skipped": skipped}
        assert sent(sandbox, operation) == [202]
        for channel, kind, _ in agreed:
            kept = "mobile_push" if channel == "push" else channel
            assert marketing(sandbox, kept, kind) == {"ada@shop.org": consent}


def test_a_list_with_single_opt_in_subscribes_at_once(sandbox: Sandbox) -> None:
    make_list(sandbox, "News")
    now = {"historical_import": None, "consented_at": None, "list_name": "News"}
    run = run_target(sandbox.url, consents(yes("ada@shop.org", custom_source="till", **now)))
    assert figures(run) == {"rows": 1, "accepted": 1}
    assert marketing(sandbox) == {"ada@shop.org": "SUBSCRIBED"}
    assert members(sandbox, "News") == {"ada@shop.org"}


def test_who_has_to_confirm_is_not_subscribed_yet(sandbox: Sandbox) -> None:
    make_list(sandbox, "News", "double_opt_in")
    now = {"historical_import": None, "consented_at": None, "list_name": "News"}
    assert run_target(sandbox.url, consents(yes("ada@shop.org", **now))).code == 0
    assert marketing(sandbox) == {"ada@shop.org": "NEVER_SUBSCRIBED"}
    assert members(sandbox, "News") == set()


def test_nobody_is_unsubscribed_everywhere_who_is_not_on_the_list(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    make_list(sandbox, "News", "single_opt_in", "ada@shop.org", "ben@shop.org")
    everybody = [f"{name}@shop.org" for name in ("ada", "ben", "cy")]
    assert run_target(sandbox.url, consents(*map(yes, everybody))).code == 0
    rows = [no(email, list_name="News") for email in ("Ada@shop.org", "cy@shop.org")]
    rows += [no("ben@shop.org", list_name="Typo")]
    device = {"push_token": "t", "anonymous_id": "a", **IOS}
    rows += [no("", channel="push", list_name="News", **device)]
    run = run_target(sandbox.url, consents(*rows), **lenient(tmp_path))
    assert figures(run) == {"rows": 4, "accepted": 1, "rejected": 3}
    assert "to find the person on the list by" in run.log
    assert "is not on this list, and Klaviyo would unsubscribe it everywhere" in run.log
    assert set(marketing(sandbox).values()) == {"SUBSCRIBED"}
    assert members(sandbox, "News") == {"ben@shop.org"}
    assert "Typo" not in {one["name"] for one in held(sandbox, "get_lists")}


def test_each_list_is_left_and_joined_that_rows_name(sandbox: Sandbox) -> None:
    """A withdrawal from one list says nothing of another one, nor of all others."""
    names = ("News", "Offers", "Events")
    for name in names:
        make_list(sandbox, name, "single_opt_in", "zoe@shop.org")
    ada, ben, cy = (f"{name}@shop.org" for name in ("ada", "ben", "cy"))
    rows = [yes(email, list_name=name) for email in (ada, ben, cy) for name in names]
    run = run_target(sandbox.url, consents(*rows))
    assert figures(run) == {"rows": 9, "accepted": 9}
    assert [members(sandbox, name) - {"zoe@shop.org"} for name in names] == [{ada, ben, cy}] * 3
    rows = [
        no(ada, list_name="News"),
        no(ada, list_name="Offers"),
        no(ben),
        no(ben, list_name="News"),
        no(cy, list_name="News"),
        yes(cy, list_name="Events"),
    ]
    run = run_target(sandbox.url, consents(*rows))
    assert figures(run) == {"rows": 6, "accepted": 6}
    left = [{ada, ben, cy} - members(sandbox, name) for name in names]
    assert left == [{ada, ben, cy}, {ada}, set()]
    assert marketing(sandbox)[ada] == marketing(sandbox)[cy] == "SUBSCRIBED"
    assert marketing(sandbox)[ben] == "UNSUBSCRIBED"


def test_a_withdrawal_stands_until_a_later_consent_is_confirmed(sandbox: Sandbox) -> None:
    make_list(sandbox, "News", "double_opt_in")
    assert run_target(sandbox.url, consents(yes("ada@shop.org"), yes("ben@shop.org"))).code == 0
    now = {"historical_import": None, "consented_at": None, "list_name": "News"}
    rows = [
        no("ada@shop.org"),
        yes("ada@shop.org", **now),
        no("ben@shop.org"),
        yes("ben@shop.org", consented_at="2024-06-01T10:00:00Z"),
    ]
    run = run_target(sandbox.url, consents(*rows))
    assert figures(run) == {"rows": 4, "accepted": 3, "skipped": 1}
    assert marketing(sandbox) == {"ada@shop.org": "UNSUBSCRIBED", "ben@shop.org": "SUBSCRIBED"}


def test_a_withdrawal_reaches_its_own_address_whatever_else_the_row_says(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """The phone number of the row is somebody else's."""
    number = "+14155550123"
    given = {**yes(""), "phone_number": number, "channel": "sms"}
    assert run_target(sandbox.url, consents(yes("ada@shop.org"), given)).code == 0
    make_list(sandbox, "News", "single_opt_in", "ada@shop.org")
    both = {"phone_number": number, "email": "ada@shop.org"}
    listed = {**no(""), **both, "channel": "sms", "list_name": "News"}
    run = run_target(sandbox.url, consents(listed), **lenient(tmp_path))
    assert "is not on this list" in run.log
    assert marketing(sandbox, "sms")[number] == "SUBSCRIBED"
    assert figures(run_target(sandbox.url, consents({**no(""), **both})))["accepted"] == 1
    assert marketing(sandbox)["ada@shop.org"] == "UNSUBSCRIBED"
    assert marketing(sandbox, "sms")[number] == "SUBSCRIBED"


def test_a_subscription_never_overtakes_another_of_the_person(sandbox: Sandbox) -> None:
    """Both channels change, in two requests, one after the other."""
    phone = {"phone_number": "+14155550123", "channel": "sms"}
    assert run_target(sandbox.url, consents(yes("ada@shop.org", **phone))).code == 0
    rows = [no("ada@shop.org", **phone), yes("ada@shop.org")]
    run = run_target(sandbox.url, consents(*rows))
    assert figures(run) == {"rows": 2, "accepted": 2}
    assert marketing(sandbox) == {"ada@shop.org": "SUBSCRIBED"}
    assert marketing(sandbox, "sms") == {"ada@shop.org": "UNSUBSCRIBED"}


@pytest.mark.parametrize(
    ("consent", "operation", "most"),
    [
        ("SUBSCRIBED", "bulk_subscribe_profiles", 1_000),
        ("UNSUBSCRIBED", "bulk_unsubscribe_profiles", 100),
    ],
)
def test_requests_hold_what_klaviyo_takes(
    sandbox: Sandbox, consent: str, operation: str, most: int
) -> None:
    more = PAST if consent == "SUBSCRIBED" else {}
    rows = [
        {"consent": consent, "email": f"p{number}@shop.org", **EMAIL, **more}
        for number in range(most + 1)
    ]
    assert figures(run_target(sandbox.url, consents(*rows))) == {
        "rows": most + 1,
        "accepted": most + 1,
    }
    assert sent(sandbox, operation) == [202, 202]


def test_rows_that_klaviyo_refuses_do_not_keep_the_others_out(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    rows = [yes("ada@shop.org"), yes("bad..address@-.-"), yes("ben@shop.org")]
    rows.append({**yes(""), "channel": "sms", "phone_number": "+1415"})
    run = run_target(sandbox.url, consents(*rows), **lenient(tmp_path))
    assert figures(run)["accepted"] == 2
    assert marketing(sandbox) == dict.fromkeys(["ada@shop.org", "ben@shop.org"], "SUBSCRIBED")


def test_a_lost_answer_leaves_a_fresh_subscription_unknown(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    make_list(sandbox, "News")
    now = {"historical_import": None, "consented_at": None, "list_name": "News"}
    sandbox.faults.add("bulk_subscribe_profiles", "lost_response")
    rows = [yes("ada@shop.org", **now), yes("ben@shop.org")]
    run = run_target(sandbox.url, consents(*rows), max_parallel_requests=1, **lenient(tmp_path))
    assert run.code == 0, run.log
    assert figures(run) == {"rows": 2, "accepted": 1, "unknown": 1}
    assert "look in Klaviyo before sending it again" in run.log
    assert sent(sandbox, "bulk_subscribe_profiles").count(202) == 2


def test_nothing_is_implied(sandbox: Sandbox) -> None:
    rows = [{"email": "ada@shop.org", "consent": "SUBSCRIBED", "channel": "email"}]
    messages = [schema(STREAM, "email", "consent", "channel"), *records(STREAM, rows)]
    run = run_target(sandbox.url, messages)
    assert run.code == 1
    assert "nothing fills message_type" in run.log
    assert sandbox.account.count("profile") == 0


def test_a_dry_run_changes_no_consent(sandbox: Sandbox) -> None:
    run = run_target(sandbox.url, consents(yes("ada@shop.org")), dry_run=True)
    assert "first payload of bulk_subscribe_profiles" in run.log
    assert figures(run) == {"rows": 1, "accepted": 1}
    assert sandbox.account.count("profile") == 0
