"""Rows of another account: what may be written, what must not, and what is said of the rest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from klaviyo_sandbox.sandbox import Sandbox
from tests.target.running import held, load, records, run_here, schema, sent

CONSENTS = "profile_consents"
COLUMNS = (
    "profile_id",
    "channel",
    "message_type",
    "consent",
    "consent_timestamp",
    "email",
    "phone_number",
    "channel_phone_number",
    "valid_until",
)
BOOLEAN = {"type": ["boolean", "null"]}
SETTINGS: dict[str, Any] = {
    "streams": {
        CONSENTS: {"sink": "subscriptions", "mode": "copy"},
        "profile_suppressions": {"sink": "suppressions", "mode": "copy"},
        "lists": {"columns": {"source_list_id": "id"}},
        "list_tags": {
            "sink": "tag_links",
            "columns": {"source_list_id": "list_id"},
            "ignore_columns": ["tag_id"],
        },
        "list_profiles": {
            "columns": {"source_list_id": "list_id", "source_subscriptions": "subscriptions"},
            "ignore_columns": ["id"],
        },
        "coupon_codes": {"columns": {"status": "status"}},
    }
}
GIVEN = {"consent": "SUBSCRIBED", "consent_timestamp": "2024-05-01T10:00:00+00:00"}
EMAIL = {"channel": "email", "message_type": "marketing"}
OPEN = {"type": ["object", "null"]}


def consents(*rows: dict[str, Any]) -> list[Any]:
    """Records of the stream `profile_consents`."""
    empty = dict.fromkeys(COLUMNS)
    given = [{**empty, "profile_id": f"P{place}", **row} for place, row in enumerate(rows)]
    keys = ("profile_id", "channel", "message_type")
    declared = schema(CONSENTS, *COLUMNS, keys=keys, suppressed=BOOLEAN, can_receive=BOOLEAN)
    return [declared, *records(CONSENTS, given)]


def yes(email: str, **others: Any) -> dict[str, Any]:
    return {**EMAIL, **GIVEN, "email": email, "suppressed": False, **others}


def no(email: str, **others: Any) -> dict[str, Any]:
    return yes(email, **{"consent": "UNSUBSCRIBED", **others})


def people(*emails: str, phone: str | None = None) -> list[Any]:
    rows = [{"email": email, "phone_number": phone} for email in emails]
    return [schema("profiles", "email", "phone_number"), *records("profiles", rows)]


def marketing(sandbox: Sandbox, email: str) -> tuple[str, bool]:
    """Consent, and whether the address can be written to."""
    profile = sandbox.account.profile(email=email)
    assert profile
    entry = profile["attributes"]["subscriptions"]["email"]["marketing"]
    return entry["consent"], entry["can_receive_email_marketing"]


def copy(sandbox: Sandbox, messages: list[Any]) -> dict[str, dict[str, int]]:
    """Outcomes by stream."""
    done = load(sandbox, messages, **SETTINGS)
    assert done.error is None, done.error
    return {stream: done.counts(stream) for stream in done.tallies}


def test_a_copy_asks_nobody_to_confirm_and_keeps_when_consent_was_given(sandbox: Sandbox) -> None:
    found = copy(sandbox, [*people("ann@shop.org"), *consents(yes("ann@shop.org"))])
    assert found[CONSENTS] == {"accepted": 1}
    assert marketing(sandbox, "ann@shop.org") == ("SUBSCRIBED", True)
    profile = sandbox.account.profile(email="ann@shop.org")
    assert profile
    entry = profile["attributes"]["subscriptions"]["email"]["marketing"]
    assert entry["consent_timestamp"] == GIVEN["consent_timestamp"]


def test_who_has_unsubscribed_from_the_copy_stays_so(sandbox: Sandbox) -> None:
    left = {"consent": "UNSUBSCRIBED", "email": "ann@shop.org", **EMAIL}
    withdrawal = [schema("subscriptions", *left), *records("subscriptions", [left])]
    copy(sandbox, [*people("ann@shop.org"), *consents(yes("ann@shop.org"))])
    copy(sandbox, withdrawal)
    found = copy(sandbox, consents(yes("ann@shop.org")))
    reason = "skipped: has unsubscribed from this account, and stays so"
    assert found[CONSENTS] == {reason: 1}
    assert marketing(sandbox, "ann@shop.org") == ("UNSUBSCRIBED", False)


def test_who_was_suppressed_in_the_copy_stays_so(sandbox: Sandbox) -> None:
    row = {"email": "ann@shop.org"}
    blocked = [schema("suppressions", "email"), *records("suppressions", [row])]
    copy(sandbox, [*people("ann@shop.org"), *blocked])
    found = copy(sandbox, consents(yes("ann@shop.org")))
    assert found[CONSENTS] == {"skipped: is suppressed in this account, and stays so": 1}
    assert not marketing(sandbox, "ann@shop.org")[1]


def test_suppressed_people_are_suppressed_and_not_subscribed(sandbox: Sandbox) -> None:
    rows = [
        yes("ann@shop.org", suppressed=True, can_receive=False),
        yes("bob@shop.org", suppressed=True, consent="NEVER_SUBSCRIBED", consent_timestamp=None),
        no("eve@shop.org", suppressed=True),
    ]
    emails = [one["email"] for one in rows]
    found = copy(sandbox, [*people(*emails), *consents(*rows)])
    assert found[CONSENTS] == {"accepted": 3}
    assert [marketing(sandbox, email)[1] for email in emails] == [False, False, False]
    assert sent(sandbox, "bulk_subscribe_profiles") == []
    again = copy(sandbox, consents(*rows))
    assert again[CONSENTS] == {
        "skipped: is suppressed in this account already": 2,
        "skipped: has this consent already": 1,
    }


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (yes("ann@shop.org", consent=None), "nothing is known of this consent"),
        (
            yes("ann@shop.org", consent="NEVER_SUBSCRIBED"),
            "consent is NEVER_SUBSCRIBED, which changes nothing",
        ),
        (
            yes("ann@shop.org", can_receive=False),
            "cannot receive such messages in the other account",
        ),
        (
            yes("ann@shop.org", channel="mobile_push"),
            "consent to push belongs to devices, which are not copied",
        ),
        (
            yes("ann@shop.org", message_type="open_tracking"),
            "Klaviyo takes no consent of the past to email open_tracking",
        ),
        (
            yes("ann@shop.org", channel="whatsapp", phone_number="+14155550123")
            | {"message_type": "conversational"},
            "Klaviyo takes no consent of the past to whatsapp conversational",
        ),
        (
            yes("ann@shop.org", channel="whatsapp", phone_number="+14155550123")
            | {"valid_until": "2099-01-01T00:00:00+00:00"},
            "ends at a time (valid_until), which Klaviyo's API does not take",
        ),
        (
            yes("ann@shop.org", channel="sms"),
            "has no phone_number that channel sms could reach",
        ),
        (
            {**yes("ann@shop.org"), "email": None, "phone_number": "+14155550123"},
            "has no email that channel email could reach",
        ),
    ],
)
def test_what_changes_nothing_is_skipped_and_told(
    sandbox: Sandbox, row: dict[str, Any], reason: str
) -> None:
    found = copy(sandbox, [*people("ann@shop.org"), *consents(row)])
    assert found[CONSENTS] == {f"skipped: {reason}": 1}
    assert sent(sandbox, "bulk_subscribe_profiles") == []
    assert sent(sandbox, "bulk_unsubscribe_profiles") == []


def test_a_consent_without_its_time_or_for_another_number_is_refused(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    rows = [
        yes("ann@shop.org", consent_timestamp=None),
        yes("ann@shop.org", channel="whatsapp", phone_number="+14155550123")
        | {"channel_phone_number": "+14155550199"},
    ]
    letters = {"on_error": "dead_letter", "dead_letter_path": str(tmp_path / "letters")}
    done = load(sandbox, [*people("ann@shop.org"), *consents(*rows)], **SETTINGS, **letters)
    assert done.counts(CONSENTS) == {
        "rejected: has no consented_at, which historical_import needs": 1,
        "rejected: the consent is for another phone_number than the profile's": 1,
    }
    assert sent(sandbox, "bulk_subscribe_profiles") == []


def test_a_withdrawal_that_finds_nobody_is_sent_and_not_taken_for_done(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    letters = {"on_error": "dead_letter", "dead_letter_path": str(tmp_path / "letters")}
    done = load(sandbox, consents(no("ann@shop.org")), **SETTINGS, **letters)
    reason = "was sent, but no profile with this address was found; a second copy makes sure"
    assert done.counts(CONSENTS) == {f"unknown: {reason}": 1}
    assert sent(sandbox, "bulk_unsubscribe_profiles") == [202]
    again = copy(sandbox, [*people("ann@shop.org"), *consents(no("ann@shop.org"))])
    assert again[CONSENTS] == {"accepted": 1}
    assert marketing(sandbox, "ann@shop.org") == ("UNSUBSCRIBED", False)


@pytest.mark.parametrize("turned", [False, True])
def test_a_withdrawal_outweighs_a_consent_of_the_same_number(
    sandbox: Sandbox, turned: bool
) -> None:
    phone = "+14155550123"
    rows = [
        {**yes("ann@shop.org"), "channel": "sms", "email": None, "phone_number": phone},
        {**no("bob@shop.org"), "channel": "sms", "email": None, "phone_number": phone},
    ]
    rows = rows[::-1] if turned else rows
    found = copy(sandbox, [*people("ann@shop.org", phone=phone), *consents(*rows)])
    reason = "skipped: another row takes the same consent of this address back"
    assert found[CONSENTS] == {"accepted": 1, reason: 1}
    profile = sandbox.account.profile(phone_number=phone)
    assert profile
    assert profile["attributes"]["subscriptions"]["sms"]["marketing"]["consent"] == "UNSUBSCRIBED"


def test_a_dry_run_knows_whom_it_would_have_made(sandbox: Sandbox) -> None:
    messages = [*people("ann@shop.org"), *consents(no("ann@shop.org"))]
    done = load(sandbox, messages, **SETTINGS, dry_run=True)
    assert done.counts(CONSENTS) == {"accepted": 1}


def test_a_dry_run_tells_the_lists_apart_that_it_would_have_made(sandbox: Sandbox) -> None:
    rows = [
        {"list_id": name, "list_name": name, "email": "ann@shop.org"} for name in ("News", "Sales")
    ]
    done = load(sandbox, [*people("ann@shop.org"), *members(*rows)], **SETTINGS, dry_run=True)
    assert done.counts("list_profiles") == {"accepted": 2}


def test_channels_are_copied_each_for_itself(sandbox: Sandbox) -> None:
    phone = "+14155550123"
    rows = [
        no("ann@shop.org", phone_number=phone),
        yes("ann@shop.org", phone_number=phone, channel="sms"),
        no("ann@shop.org", phone_number=phone, channel="sms", message_type="transactional"),
    ]
    copy(sandbox, [*people("ann@shop.org", phone=phone), *consents(*rows)])
    profile = sandbox.account.profile(email="ann@shop.org")
    assert profile
    state = profile["attributes"]["subscriptions"]
    assert state["email"]["marketing"]["consent"] == "UNSUBSCRIBED"
    assert state["sms"]["marketing"]["consent"] == "SUBSCRIBED"
    assert state["sms"]["transactional"]["consent"] == "UNSUBSCRIBED"
    numbers = [one["phone_number"] for one in held(sandbox, "get_profiles")]
    assert numbers.count(phone) == 1, "it is one person"


def test_suppressions_are_written_before_profiles_come(sandbox: Sandbox) -> None:
    row = {"profile_id": "P1", "reason": "HARD_BOUNCE", "email": "ann@shop.org"}
    blocked = [schema("profile_suppressions", *row), *records("profile_suppressions", [row])]
    copy(sandbox, [*blocked, *people("ann@shop.org")])
    order = [entry.operation for entry in sandbox.requests]
    assert order.index("bulk_suppress_profiles") < order.index("bulk_import_profiles")
    assert not marketing(sandbox, "ann@shop.org")[1]


def members(*rows: dict[str, Any]) -> list[Any]:
    """Records of the stream `list_profiles`."""
    declared = schema("list_profiles", "list_id", "id", "list_name", "email", subscriptions=OPEN)
    given = [{"id": f"P{place}", "subscriptions": {}, **row} for place, row in enumerate(rows)]
    return [declared, *records("list_profiles", given)]


def suppressed_for(list_id: str) -> dict[str, Any]:
    entry = {"list_id": list_id, "reason": "USER_SUPPRESSED", "timestamp": "2026-01-01T00:00:00Z"}
    return {"email": {"marketing": {"list_suppressions": [entry]}}}


def test_who_is_suppressed_for_a_list_is_not_put_onto_it(sandbox: Sandbox) -> None:
    rows: list[dict[str, Any]] = [
        {"list_id": "L1", "list_name": "News", "email": "ann@shop.org"},
        {
            "list_id": "L1",
            "list_name": "News",
            "email": "bob@shop.org",
            "subscriptions": suppressed_for("L1"),
        },
        {
            "list_id": "L1",
            "list_name": "News",
            "email": "eve@shop.org",
            "subscriptions": suppressed_for("L2"),
        },
    ]
    emails = [one["email"] for one in rows]
    found = copy(sandbox, [*people(*emails), *members(*rows)])
    reason = "skipped: is suppressed for this list in the other account"
    assert found["list_profiles"] == {"accepted": 2, reason: 1}
    (news,) = [one for one in held(sandbox, "get_lists") if one["name"] == "News"]
    there = {one["email"] for one in held(sandbox, "get_profiles_for_list", id=news["id"])}
    assert there == {"ann@shop.org", "eve@shop.org"}


def test_nobody_is_put_onto_a_list_of_whom_it_is_not_told_who_is_suppressed(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """As the tap's column was not asked for."""
    row = {"list_id": "L1", "list_name": "News", "email": "ann@shop.org", "subscriptions": None}
    letters = {"on_error": "dead_letter", "dead_letter_path": str(tmp_path / "letters")}
    done = load(sandbox, [*people("ann@shop.org"), *members(row)], **SETTINGS, **letters)
    (reason,) = done.counts("list_profiles")
    assert "let the tap read the column that source_subscriptions names" in reason
    assert sent(sandbox, "add_profiles_to_list") == []


@pytest.mark.parametrize("name", [None, "News"])
def test_lists_of_one_name_do_not_mix(sandbox: Sandbox, tmp_path: Path, name: str | None) -> None:
    """Our tap gives such a list no name; another may."""
    lists = [{"id": "L1", "name": "News"}, {"id": "L2", "name": "News"}]
    rows = [{"list_id": one["id"], "list_name": name, "email": "ann@shop.org"} for one in lists]
    messages = [
        schema("lists", "id", "name"),
        *records("lists", lists),
        *people("ann@shop.org"),
        *members(*rows),
    ]
    letters = {"on_error": "dead_letter", "dead_letter_path": str(tmp_path / "letters")}
    done = load(sandbox, messages, **SETTINGS, **letters)
    accepted, refused = sorted(done.counts("lists").items())
    assert accepted == ("accepted", 1)
    assert refused[0].startswith("rejected: another list of the other account has the same name")
    (reason,) = done.counts("list_profiles")
    assert reason in {"rejected: has no list_id or list_name", *refused[:1]}
    assert done.counts("list_profiles")[reason] == len(rows)
    (news,) = [one for one in held(sandbox, "get_lists") if one["name"] == "News"]
    assert held(sandbox, "get_profiles_for_list", id=news["id"]) == []


@pytest.mark.parametrize("order", [1, -1])
def test_tags_of_lists_of_one_name_do_not_mix(sandbox: Sandbox, tmp_path: Path, order: int) -> None:
    lists = [
        {"id": "L1", "name": "News"},
        {"id": "L2", "name": "News"},
        {"id": "L3", "name": "VIP"},
    ]
    links = [
        {"list_id": one["id"], "tag_id": tag, "list_name": one["name"], "tag_name": tag}
        for one, tag in zip(lists, ("Spring", "Autumn", "Summer"), strict=True)
    ]
    messages = [
        schema("lists", "id", "name"),
        *records("lists", lists[::order]),
        schema("tags", "name"),
        *records("tags", [{"name": one["tag_name"]} for one in links]),
        schema("list_tags", "list_id", "tag_id", "list_name", "tag_name"),
        *records("list_tags", links[::order]),
    ]
    letters = {"on_error": "dead_letter", "dead_letter_path": str(tmp_path / "letters")}
    done = load(sandbox, messages, **SETTINGS, **letters)
    accepted, refused = sorted(done.counts("list_tags").items())
    assert accepted == ("accepted", 1)
    assert refused[0].startswith("rejected: another list of the other account has the same name")
    names = {one["id"]: one["name"] for one in held(sandbox, "get_lists")}
    (request,) = [one for one in sandbox.requests if one.operation == "tag_lists"]
    assert [names[one["id"]] for one in request.json["data"]] == ["VIP"]


def test_codes_that_somebody_has_are_not_given_out_again(sandbox: Sandbox) -> None:
    coupon = {"external_id": "SUMMER"}
    rows = [
        {"coupon_id": "SUMMER", "unique_code": f"C-{status}", "status": status}
        for status in ("UNASSIGNED", "USED", "ASSIGNED_TO_PROFILE", "PROCESSING")
    ]
    messages = [
        schema("coupons", "external_id"),
        *records("coupons", [coupon]),
        schema("coupon_codes", "coupon_id", "unique_code", "status"),
        *records("coupon_codes", rows),
    ]
    found = copy(sandbox, messages)
    reason = "skipped: is taken or used already, and must not be given out again"
    assert found["coupon_codes"] == {"accepted": 1, reason: 3}
    codes = held(sandbox, "get_coupon_codes_for_coupon", id="SUMMER")
    assert [one["unique_code"] for one in codes] == ["C-UNASSIGNED"]


def stream(name: str) -> list[Any]:
    return [schema(name, "id"), *records(name, [{"id": "1"}, {"id": "2"}])]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("flows", "it is built in Klaviyo itself"),
        ("campaign_messages", "it is built in Klaviyo itself"),
        ("segment_profiles", "Klaviyo works it out by itself"),
        ("catalog_item_bulk_create_jobs", "the history of jobs of another account"),
        ("metrics", "metrics come into being with their events"),
    ],
)
def test_a_stream_that_no_account_can_be_given_ends_the_run_with_its_reason(
    sandbox: Sandbox, tmp_path: Path, name: str, words: str
) -> None:
    run = run_here(tmp_path, sandbox.url, stream(name))
    assert run.code == 1
    (error,) = run.errors
    assert f"target-klaviyo does not write the stream '{name}'" in error
    assert words in error
    assert f'{{"{name}": {{"sink": null}}}}' in error


def test_consents_go_nowhere_unless_the_settings_say_so(sandbox: Sandbox, tmp_path: Path) -> None:
    run = run_here(tmp_path, sandbox.url, consents(yes("ann@shop.org")))
    assert run.code == 1
    assert '{"profile_consents": {"sink": "subscriptions", "mode": "copy"}}' in run.errors[0]
    assert sent(sandbox, "bulk_subscribe_profiles") == []


def test_a_stream_can_be_left_out(sandbox: Sandbox, tmp_path: Path) -> None:
    messages = [*people("ann@shop.org"), *stream("flows")]
    run = run_here(tmp_path, sandbox.url, messages, streams={"flows": {"sink": None}})
    assert run.code == 0, run.log
    assert run.figures("flows") == {**run.figures("flows"), "rows": 2, "skipped": 2}
    assert "the settings leave this stream out (it is built in Klaviyo itself" in run.log
    assert run.figures("profiles")["accepted"] == 1
