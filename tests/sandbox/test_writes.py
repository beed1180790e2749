"""Writes: profiles, bulk import jobs, events, lists."""

from __future__ import annotations

from typing import Any

import pytest

from klaviyo_sandbox import ManualClock, Sandbox
from tests.sandbox.asking import Asking, bulk_events, event, event_of, import_job, profile

ADA = "ada@klaviyo-sandbox.dev"
BOB = "bob@klaviyo-sandbox.dev"
PHONE = "+16175550123"
IMPORT = "/api/profile-import"
JOBS = "/api/profile-bulk-import-jobs"
BULK = "/api/event-bulk-create-jobs"


def imported(ask: Asking, status: int = 201, **attributes: Any) -> dict[str, Any]:
    answer = ask("POST", IMPORT, content=profile(**attributes))
    assert answer.status_code == status, answer.text
    return dict(answer.json()["data"])


def stored(ask: Asking, email: str = ADA) -> dict[str, Any]:
    found = ask.sandbox.account.profile(email=email)
    assert found is not None
    return found


def run_job(ask: Asking, clock: ManualClock, rows: list[dict[str, Any]]) -> dict[str, Any]:
    answer = ask("POST", JOBS, content=import_job(rows))
    assert answer.status_code == 202, answer.text
    clock.advance(60)
    return dict(ask.get(f"{JOBS}/{answer.json()['data']['id']}")["data"])


def pointers(ask: Asking, path: str, content: Any) -> list[str]:
    answer = ask("POST", path, content=content)
    assert answer.status_code == 400, answer.text
    return [error["source"]["pointer"] for error in answer.json()["errors"]]


def test_create_answers_201_and_then_409_with_the_other_id(ask: Asking) -> None:
    answer = ask("POST", "/api/profiles", content=profile(email=ADA))
    assert answer.status_code == 201
    error = ask.error("POST", "/api/profiles", 409, content=profile(email=ADA))
    assert error["code"] == "duplicate_profile"
    assert error["meta"] == {"duplicate_profile_id": answer.json()["data"]["id"]}


def test_import_answers_201_and_then_200(ask: Asking) -> None:
    first = imported(ask, email=ADA)
    assert imported(ask, 200, email=ADA, first_name="Ada")["id"] == first["id"]


def test_the_answer_to_a_write_has_microseconds_and_a_read_has_not(ask: Asking) -> None:
    written = imported(ask, email=ADA)
    assert "." in written["attributes"]["updated"]
    read = ask.get(f"/api/profiles/{written['id']}")["data"]["attributes"]
    assert "." not in read["updated"]


def test_null_clears_and_absence_keeps(ask: Asking) -> None:
    imported(ask, email=ADA, first_name="Ada", last_name="L", location={"city": "A", "zip": "1"})
    after = imported(ask, 200, email=ADA, first_name=None, location={"city": "B"})["attributes"]
    assert after["first_name"] is None
    assert after["last_name"] == "L"
    assert after["location"] == {"city": "B", "zip": "1"}


def test_bulk_import_ignores_null_and_empty(ask: Asking, clock: ManualClock) -> None:
    imported(ask, email=ADA, first_name="Ada", properties={"a": 1})
    row = profile(email=ADA, first_name=None, last_name="", properties={"a": None, "b": 2})
    run_job(ask, clock, [row])
    after = stored(ask)["attributes"]
    assert (after["first_name"], after["last_name"]) == ("Ada", None)
    assert after["properties"] == {"a": 1, "b": 2}


def test_properties_merge_by_top_level_key(ask: Asking) -> None:
    imported(ask, email=ADA, properties={"a": {"x": 1}, "b": 1})
    after = imported(ask, 200, email=ADA, properties={"a": {"y": 2}})
    assert after["attributes"]["properties"] == {"a": {"y": 2}, "b": 1}


def test_properties_can_be_patched(ask: Asking) -> None:
    imported(ask, email=ADA, properties={"sizes": ["S", "M"], "old": 1, "one": "x"})
    patch = {"append": {"sizes": "L", "one": ["y"]}, "unappend": {"sizes": "S"}, "unset": "old"}
    content = {**profile(email=ADA), "meta": {"patch_properties": patch}}
    after = ask("POST", IMPORT, content=content).json()["data"]["attributes"]["properties"]
    assert after == {"sizes": ["M", "L"], "one": ["x", "y"]}


def test_identifiers_of_two_profiles_are_a_conflict(ask: Asking) -> None:
    ada, bob = imported(ask, email=ADA), imported(ask, phone_number=PHONE)
    both = profile(email=ADA, phone_number=PHONE)
    error = ask.error("POST", IMPORT, 409, content=both)
    assert error["meta"]["duplicate_profile_id"] in (ada["id"], bob["id"])
    path = f"/api/profiles/{bob['id']}"
    change = {**profile(email=ADA), "id": bob["id"]}
    error = ask.error("PATCH", path, 409, content=change)
    assert error["meta"] == {"duplicate_profile_id": ada["id"]}
    ask.error("POST", IMPORT, 404, content=change)


def test_update_of_nobody_is_404(ask: Asking) -> None:
    content = {**profile(first_name="x"), "id": "01NOBODY"}
    ask.error("PATCH", "/api/profiles/01NOBODY", 404, content=content)
    ask.error("POST", IMPORT, 404, content=content)


@pytest.mark.parametrize(
    ("attributes", "pointer"),
    [
        ({"email": "no address"}, "/data/attributes/email"),
        ({"email": "a" * 100 + "@b.dev"}, "/data/attributes/email"),
        ({"phone_number": "617 555"}, "/data/attributes/phone_number"),
        ({"first_name": "nobody"}, "/data/attributes"),
        ({"email": 5}, "/data/attributes/email"),
        ({"email": ADA, "colour": "red"}, "/data/attributes"),
    ],
)
def test_what_a_profile_may_not_be(ask: Asking, attributes: dict[str, Any], pointer: str) -> None:
    assert pointers(ask, IMPORT, profile(**attributes)) == [pointer]


def test_large_bodies_are_413(ask: Asking) -> None:
    large = profile(email=ADA, properties={"text": "x" * 100_000})
    ask.error("POST", IMPORT, 413, content=large)
    rows = [profile(email=ADA, properties={"text": "x" * 90_000})] * 60
    ask.error("POST", JOBS, 413, content=import_job(rows))


def test_a_large_row_is_refused_by_its_place(ask: Asking) -> None:
    rows = [profile(email=ADA), profile(email=BOB, properties={"text": "x" * 100_001})]
    assert pointers(ask, JOBS, import_job(rows)) == ["/data/attributes/profiles/data/1"]


def test_too_many_rows_are_refused(ask: Asking) -> None:
    rows = [profile(external_id=str(number)) for number in range(10_001)]
    assert pointers(ask, JOBS, import_job(rows)) == ["/data/attributes/profiles/data"]
    assert pointers(ask, JOBS, import_job([]))


def test_malformed_identifiers_refuse_the_whole_import(ask: Asking) -> None:
    rows = [profile(email=ADA), profile(email="broken"), profile(phone_number="1")]
    assert pointers(ask, JOBS, import_job(rows)) == [
        "/data/attributes/profiles/data/1/attributes/email",
        "/data/attributes/profiles/data/2/attributes/phone_number",
    ]
    assert ask.sandbox.account.profile(email=ADA) is None


def test_a_job_is_queued_runs_and_completes_on_the_clock(ask: Asking, clock: ManualClock) -> None:
    group = ask.sandbox.account.ids("list")[0]
    job = ask("POST", JOBS, content=import_job([profile(email=ADA)], (group,))).json()["data"]
    assert job["attributes"]["status"] == "queued"
    states = []
    for _ in range(5):
        states.append(ask.get(f"{JOBS}/{job['id']}")["data"]["attributes"]["status"])
        clock.advance(1)
    assert states == ["queued", "processing", "processing", "complete", "complete"]
    done = ask.get(f"{JOBS}/{job['id']}")["data"]["attributes"]
    assert (done["status"], done["completed_count"], done["failed_count"]) == ("complete", 1, 0)
    assert stored(ask)["id"] in ask.sandbox.account.members(group)
    rows = ask.get(f"{JOBS}/{job['id']}/profiles")["data"]
    assert [row["id"] for row in rows] == [stored(ask)["id"]]
    assert [row["id"] for row in ask.get(f"{JOBS}/{job['id']}/lists")["data"]] == [group]
    listed = ask.get(JOBS, filter="equals(status,'complete')")["data"]
    assert job["id"] in [row["id"] for row in listed]


def test_rows_fail_one_by_one(ask: Asking, clock: ManualClock) -> None:
    imported(ask, email=ADA)
    imported(ask, phone_number=PHONE)
    rows = [profile(email=BOB), profile(email=ADA, phone_number=PHONE), profile(external_id="x")]
    ask.sandbox.faults.add("bulk_import_profiles", "row_failure", row=2)
    job = run_job(ask, clock, rows)
    assert (job["attributes"]["completed_count"], job["attributes"]["failed_count"]) == (1, 2)
    errors = ask.get(f"{JOBS}/{job['id']}/import-errors")["data"]
    assert [row["attributes"]["source"]["pointer"] for row in errors] == [
        "/data/attributes/profiles/data/1/attributes",
        "/data/attributes/profiles/data/2/attributes",
    ]
    assert errors[0]["attributes"]["original_payload"] == rows[1]
    assert ask.sandbox.account.profile(external_id="x") is None
    stored(ask, BOB)


def test_a_job_can_be_cancelled(ask: Asking, clock: ManualClock) -> None:
    ask.sandbox.faults.add("bulk_import_profiles", "cancelled_job")
    job = run_job(ask, clock, [profile(email=ADA)])
    assert job["attributes"]["status"] == "cancelled"
    assert ask.sandbox.account.profile(email=ADA) is None


def test_rows_of_one_identity_merge(ask: Asking, clock: ManualClock) -> None:
    rows = [profile(email=ADA, first_name="A"), profile(email=ADA, last_name="L")]
    run_job(ask, clock, rows)
    after = stored(ask)["attributes"]
    assert (after["first_name"], after["last_name"]) == ("A", "L")


def events_of(ask: Asking, email: str = ADA) -> list[dict[str, Any]]:
    who = stored(ask, email)["id"]
    rows = ask.sandbox.account.resources("event")
    return [
        r for r in rows if r["relationships"].get("profile", {}).get("data", {}).get("id") == who
    ]


def test_an_event_brings_its_profile_and_metric(ask: Asking) -> None:
    content = event_of(profile(email=ADA, first_name="Ada"), "Brand New", value=9.5)
    answer = ask("POST", "/api/events", content=content)
    assert (answer.status_code, answer.content) == (202, b"")
    (made,) = events_of(ask)
    assert made["attributes"]["event_properties"]["$value"] == 9.5
    names = [row["attributes"]["name"] for row in ask.sandbox.account.resources("metric")]
    assert "Brand New" in names
    assert stored(ask)["attributes"]["last_event_date"] == made["attributes"]["datetime"]


def test_times_are_cut_to_the_second(ask: Asking) -> None:
    content = event_of(profile(email=ADA), time="2026-08-01T10:00:00.999+02:00")
    ask("POST", "/api/events", content=content)
    assert events_of(ask)[0]["attributes"]["datetime"] == "2026-08-01T08:00:00+00:00"


def test_the_first_write_of_a_unique_id_wins(ask: Asking) -> None:
    for number in (1, 2):
        who = profile(email=ADA)
        ask("POST", "/api/events", content=event_of(who, unique_id="one", value=number))
    (made,) = events_of(ask)
    assert made["attributes"]["event_properties"]["$value"] == 1
    ask("POST", "/api/events", content=event_of(profile(email=ADA), "Other", unique_id="one"))
    ask("POST", "/api/events", content=event_of(profile(email=BOB), unique_id="one"))
    assert (len(events_of(ask)), len(events_of(ask, BOB))) == (2, 1)


def test_without_unique_id_events_of_a_second_collapse(ask: Asking, clock: ManualClock) -> None:
    for step in (0, 0.4, 1):
        clock.advance(step)
        ask("POST", "/api/events", content=event_of(profile(email=ADA)))
    assert len(events_of(ask)) == 2


def test_a_unique_id_repeated_in_one_request_fails_it(ask: Asking) -> None:
    twice = [event(unique_id="a"), event(unique_id="b"), event(unique_id="a")]
    (pointer,) = pointers(ask, BULK, bulk_events(profile(email=ADA), twice))
    assert pointer.endswith("/data/0/attributes/events/data/2/attributes/unique_id")
    assert ask.sandbox.account.profile(email=ADA) is None
    apart = [event(unique_id="a"), event("Other", unique_id="a")]
    assert ask("POST", BULK, content=bulk_events(profile(email=ADA), apart)).status_code == 202
    assert len(events_of(ask)) == 2


@pytest.mark.parametrize(
    ("attributes", "pointer"),
    [
        ({"time": "1989-12-31T00:00:00Z"}, "time"),
        ({"time": "2999-01-01T00:00:00Z"}, "time"),
        ({"time": "yesterday"}, "time"),
        ({"metric": "m" * 128}, "metric/data/attributes/name"),
        ({"unique_id": "u" * 256}, "unique_id"),
        ({"properties": {str(number): 1 for number in range(401)}}, "properties"),
        ({"value": "nine"}, "value"),
    ],
)
def test_what_an_event_may_not_be(ask: Asking, attributes: dict[str, Any], pointer: str) -> None:
    content = event_of(profile(email=ADA), **attributes)
    assert pointers(ask, "/api/events", content) == [f"/data/attributes/{pointer}"]


def test_a_thousand_and_one_events_are_too_many(ask: Asking) -> None:
    rows = [event(unique_id=str(number)) for number in range(1_001)]
    assert pointers(ask, BULK, bulk_events(profile(email=ADA), rows))
    assert ask("POST", BULK, content=bulk_events(profile(email=ADA), rows[1:])).status_code == 202


@pytest.mark.parametrize("email", ["a@example.com", "a@Test.com"])
def test_events_of_example_addresses_are_dropped(ask: Asking, email: str) -> None:
    before = ask.sandbox.account.count("event")
    answer = ask("POST", "/api/events", content=event_of(profile(email=email)))
    assert answer.status_code == 202
    assert ask.sandbox.account.count("event") == before
    assert len(ask.sandbox.account.dropped_events()) == 1
    assert ask.sandbox.account.profile(email=email) is None


def test_events_may_become_visible_late(clock: ManualClock) -> None:
    with Sandbox(profiles=0, events=0, clock=clock, limits=False, event_delay=600) as sandbox:
        ask = Asking(sandbox)
        ask("POST", "/api/events", content=event_of(profile(email=ADA)))
        assert sandbox.account.count("event") == 0
        clock.advance(600)
        assert len(ask.get("/api/events")["data"]) == 1
        ask.session.close()


def test_profile_instructions_of_an_event_move_with_the_revision(ask: Asking) -> None:
    patch = {"patch_properties": {"unset": "old"}}
    for revision, outside, left in (
        ("2026-07-15", True, {"old": 1}),
        ("2026-10-15", True, {}),
        ("2026-07-15", False, {}),
    ):
        imported_again = ask("POST", IMPORT, content=profile(email=ADA, properties={"old": 1}))
        assert imported_again.ok
        who = profile(email=ADA) if outside else profile(email=ADA, meta=patch)
        who |= {"meta": patch} if outside else {}
        ask("POST", "/api/events", content=event_of(who, revision), revision=revision)
        assert stored(ask)["attributes"]["properties"] == left


def test_updated_moves_with_writes_and_events(ask: Asking, clock: ManualClock) -> None:
    imported(ask, email=ADA)
    first = stored(ask)["attributes"]["updated"]
    clock.advance(10)
    ask("POST", "/api/events", content=event_of(profile(email=ADA)))
    second = stored(ask)["attributes"]["updated"]
    assert second > first
    later = ask.get("/api/profiles", filter=f"greater-than(updated,{first})")["data"]
    assert [row["attributes"]["email"] for row in later] == [ADA]


def test_members_come_and_go(ask: Asking, clock: ManualClock) -> None:
    made = ask("POST", "/api/lists", content={"type": "list", "attributes": {"name": "Mine"}})
    group = made.json()["data"]["id"]
    path = f"/api/lists/{group}/relationships/profiles"
    rows = [{"type": "profile", "id": one} for one in ask.sandbox.account.ids("profile")[:3]]
    assert ask("POST", path, content=rows[:2]).status_code == 204
    joined = ask.sandbox.account.members(group)
    clock.advance(60)
    assert ask("POST", path, content=rows).status_code == 204
    after = ask.sandbox.account.members(group)
    assert {one: after[one] for one in joined} == joined
    assert len(after) == 3
    assert ask("DELETE", path, content=rows[:1]).status_code == 204
    assert len(ask.sandbox.account.members(group)) == 2
    ask.error("POST", path, 404, content=[*rows, {"type": "profile", "id": "01NOBODY"}])
    ask.error("POST", path, 400, content=rows * 334)
    assert ask("DELETE", f"/api/lists/{group}").status_code == 204
    ask.error("GET", f"/api/lists/{group}", 404)


def test_bodies_that_are_no_json_or_no_document(ask: Asking) -> None:
    url = ask.sandbox.url + IMPORT
    headers = {"Authorization": "Klaviyo-API-Key pk_a", "revision": "2026-07-15"}
    headers["Content-Type"] = "application/json"
    for body in (b"{", b"[]", b'"x"', b"\xff", b'{"data": null}'):
        answer = ask.session.post(url, data=body, headers=headers, timeout=60)
        assert answer.status_code == 400, body
