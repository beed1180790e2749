"""Consents and suppressions: what Klaviyo refuses, and what its answers change."""

from __future__ import annotations

from typing import Any

import pytest

from klaviyo_sandbox import ManualClock
from tests.sandbox.asking import Asking, profile

ADA, BEN = "ada@klaviyo-sandbox.dev", "ben@klaviyo-sandbox.dev"
SUBSCRIBE = "/api/profile-subscription-bulk-create-jobs"
UNSUBSCRIBE = "/api/profile-subscription-bulk-delete-jobs"
SUPPRESS = "/api/profile-suppression-bulk-create-jobs"
PAST = "2024-05-01T10:00:00Z"
POINTER = "/data/attributes/profiles/data"


def consent_of(email: str, word: str = "SUBSCRIBED", **more: Any) -> dict[str, Any]:
    return profile(email=email, subscriptions={"email": {"marketing": {"consent": word, **more}}})


def job(path: str, *rows: Any, list_id: str | None = None, **more: Any) -> dict[str, Any]:
    content: dict[str, Any] = {
        "type": path.rpartition("/")[2].removesuffix("s"),
        "attributes": {"profiles": {"data": list(rows)}, **more},
    }
    if list_id:
        content["relationships"] = {"list": {"data": {"type": "list", "id": list_id}}}
    return content


def marketing(ask: Asking, email: str) -> dict[str, Any]:
    found = ask.sandbox.account.profile(email=email)
    assert found is not None
    return dict(found["attributes"]["subscriptions"]["email"]["marketing"])


def imported(ask: Asking, email: str) -> str:
    answer = ask("POST", "/api/profile-import", content=profile(email=email))
    return str(answer.json()["data"]["id"])


def subscribed(ask: Asking, *emails: str) -> None:
    rows = [consent_of(email, consented_at=PAST) for email in emails]
    answer = ask("POST", SUBSCRIBE, content=job(SUBSCRIBE, *rows, historical_import=True))
    assert (answer.status_code, answer.text) == (202, "")


@pytest.mark.parametrize(
    ("historical", "more", "problem"),
    [
        (True, {}, "required"),
        (True, {"consented_at": "2099-01-01T00:00:00Z"}, "in the past"),
        (False, {"consented_at": PAST}, "only for a historical import"),
    ],
)
def test_when_consent_was_given(
    ask: Asking, historical: bool, more: dict[str, str], problem: str
) -> None:
    rows = [consent_of(ADA, **more)]
    content = job(SUBSCRIBE, *rows, historical_import=historical)
    error = ask.error("POST", SUBSCRIBE, 400, content=content)
    assert problem in error["detail"]
    assert error["source"]["pointer"].startswith(f"{POINTER}/0/attributes/subscriptions/email")


def test_a_malformed_address_refuses_the_whole_request(ask: Asking) -> None:
    rows = [consent_of(ADA), consent_of("nonsense")]
    error = ask.error("POST", UNSUBSCRIBE, 400, content=job(SUBSCRIBE, *rows))
    assert error["source"]["pointer"]
    rows = [consent_of(ADA, "UNSUBSCRIBED"), consent_of("nonsense", "UNSUBSCRIBED")]
    error = ask.error("POST", UNSUBSCRIBE, 400, content=job(UNSUBSCRIBE, *rows))
    assert error["source"]["pointer"] == f"{POINTER}/1/attributes/email"


@pytest.mark.parametrize(("path", "most"), [(SUBSCRIBE, 1_000), (UNSUBSCRIBE, 100)])
def test_too_many_rows_are_refused(ask: Asking, path: str, most: int) -> None:
    word = "SUBSCRIBED" if path == SUBSCRIBE else "UNSUBSCRIBED"
    rows = [consent_of(f"p{number}@klaviyo-sandbox.dev", word) for number in range(most + 1)]
    assert str(most) in ask.error("POST", path, 400, content=job(path, *rows))["detail"]


def test_an_unknown_list_is_404(ask: Asking) -> None:
    content = job(SUBSCRIBE, consent_of(ADA), list_id="NOSUCH")
    assert ask.error("POST", SUBSCRIBE, 404, content=content)["code"] == "not_found"


def test_a_historical_import_subscribes_new_people_as_of_then(ask: Asking) -> None:
    subscribed(ask, ADA)
    assert marketing(ask, ADA)["consent"] == "SUBSCRIBED"
    assert marketing(ask, ADA)["consent_timestamp"] == PAST


def test_without_list_or_history_a_new_address_makes_no_profile(ask: Asking) -> None:
    assert ask("POST", SUBSCRIBE, content=job(SUBSCRIBE, consent_of(ADA))).status_code == 202
    assert ask.sandbox.account.profile(email=ADA) is None


def test_who_is_not_on_the_list_is_unsubscribed_everywhere(ask: Asking) -> None:
    subscribed(ask, ADA, BEN)
    group = ask.sandbox.account.ids("list")[0]
    ada = imported(ask, ADA)
    ask(
        "POST",
        f"/api/lists/{group}/relationships/profiles",
        content=[{"type": "profile", "id": ada}],
    )
    rows = [consent_of(email, "UNSUBSCRIBED") for email in (ADA, BEN)]
    answer = ask("POST", UNSUBSCRIBE, content=job(UNSUBSCRIBE, *rows, list_id=group))
    assert answer.status_code == 202
    assert marketing(ask, ADA)["consent"] == "SUBSCRIBED"
    assert [one["list_id"] for one in marketing(ask, ADA)["list_suppressions"]] == [group]
    assert ada not in ask.sandbox.account.members(group)
    assert marketing(ask, BEN)["consent"] == "UNSUBSCRIBED"
    assert [one["reason"] for one in marketing(ask, BEN)["suppression"]] == ["UNSUBSCRIBE"]


def test_a_subscription_lifts_what_the_person_or_the_user_did(
    ask: Asking, clock: ManualClock
) -> None:
    imported(ask, ADA)
    unsubscribed = job(UNSUBSCRIBE, consent_of(ADA, "UNSUBSCRIBED"))
    assert ask("POST", UNSUBSCRIBE, content=unsubscribed).status_code == 202
    assert ask("POST", SUPPRESS, content=job(SUPPRESS, profile(email=ADA))).status_code == 202
    clock.advance(60)
    assert len(marketing(ask, ADA)["suppression"]) == 2
    subscribed(ask, ADA)
    assert marketing(ask, ADA)["suppression"] == []


def test_a_suppression_job_has_a_completion_time_before_it_is_complete(
    ask: Asking, clock: ManualClock
) -> None:
    imported(ask, ADA)
    answer = ask("POST", SUPPRESS, content=job(SUPPRESS, profile(email=ADA)))
    path = f"{SUPPRESS}/{answer.json()['data']['id']}"
    assert ask.get(path)["data"]["attributes"]["status"] == "queued"
    clock.advance(2)
    attributes = ask.get(path)["data"]["attributes"]
    assert (attributes["status"], bool(attributes["completed_at"])) == ("processing", True)
    clock.advance(60)
    attributes = ask.get(path)["data"]["attributes"]
    assert attributes["status"] == "complete"
    assert (attributes["completed_count"], attributes["skipped_count"]) == (1, 0)


def test_a_whole_list_is_suppressed(ask: Asking, clock: ManualClock) -> None:
    group = ask.sandbox.account.ids("list")[0]
    content = job(SUPPRESS, list_id=group)
    assert ask.error("POST", SUPPRESS, 400, content=content)["detail"].startswith("Give either")
    del content["attributes"]["profiles"]
    assert ask("POST", SUPPRESS, content=content).status_code == 202
    clock.advance(60)
    for profile_id in ask.sandbox.account.members(group):
        found = ask.sandbox.account.resource("profile", profile_id)["attributes"]
        if found["email"]:
            state = found["subscriptions"]["email"]["marketing"]["suppression"]
            assert state[0]["reason"] == "USER_SUPPRESSED"
