"""Lists as a stream's mode has it: people come off, or the list becomes what the rows say."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from klaviyo_sandbox.sandbox import Sandbox
from tests.target.running import Run, held, load, records, run_target, schema, sent, state
from tests.waiting import until

NOBODY = "no profile has this email, phone_number or external_id"


def people(sandbox: Sandbox, count: int) -> list[str]:
    emails = [f"p{number}@shop.org" for number in range(count)]
    rows = [{"email": email} for email in emails]
    assert load(sandbox, [schema("profiles", "email"), *records("profiles", rows)]).error is None
    return emails


def listed(*emails: Any, name: str = "VIP", stream: str = "list_profiles") -> list[Any]:
    rows = [{"list_name": name, "email": email} for email in emails]
    told = schema(stream, "list_name", "email", "id")
    return [told, *records(stream, rows), state({"n": len(rows)})]


def members(sandbox: Sandbox, name: str = "VIP") -> set[str]:
    (found,) = [one for one in held(sandbox, "get_lists") if one["name"] == name]
    return {one["email"] for one in held(sandbox, "get_profiles_for_list", id=found["id"])}


def consents(sandbox: Sandbox) -> set[str]:
    found = sandbox.account.resources("profile")
    return {one["attributes"]["subscriptions"]["email"]["marketing"]["consent"] for one in found}


def in_mode(mode: str, **others: Any) -> dict[str, Any]:
    return {"streams": {"list_profiles": {"mode": mode}}, **others}


def refused(run: Run) -> str:
    assert run.code == 1
    assert run.states == []
    return " ".join(run.errors)


def test_removal_takes_people_off_a_list_and_unsubscribes_nobody(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    emails = people(sandbox, 6)
    load(sandbox, listed(*emails))
    rows = listed(emails[0], emails[0].upper(), "stranger@shop.org", emails[1], "no address")
    rows += records("list_profiles", [{"list_name": "Typo", "email": emails[3]}])
    rows += records("list_profiles", [{"list_name": "VIP", "id": "x" * 1_001}])
    letters = tmp_path / "letters.singer"
    run = run_target(
        sandbox.url,
        rows,
        **in_mode("remove", on_error="dead_letter", dead_letter_path=str(letters)),
    )
    assert run.code == 0, run.log
    figures = run.figures("list_profiles")
    assert [figures[name] for name in ("rows", "accepted", "skipped", "rejected")] == [7, 2, 2, 3]
    assert "no list has this name" in run.log
    assert members(sandbox) == set(emails[2:])
    assert consents(sandbox) == {"NEVER_SUBSCRIBED"}
    assert sent(sandbox, "remove_profiles_from_list") == [204]
    assert sent(sandbox, "bulk_unsubscribe_profiles") == []
    assert {one["name"] for one in held(sandbox, "get_lists")} >= {"VIP"}
    assert "Typo" not in {one["name"] for one in held(sandbox, "get_lists")}


def test_a_mirrored_list_holds_exactly_the_rows(sandbox: Sandbox, tmp_path: Path) -> None:
    emails = people(sandbox, 8)
    load(sandbox, listed(*emails[:5]))
    receipts = tmp_path / "receipts"
    rows = listed(*emails[2:], emails[3])
    run = run_target(sandbox.url, rows, **in_mode("mirror", receipts_path=str(receipts)))
    assert run.code == 0, run.log
    assert members(sandbox) == set(emails[2:])
    figures = run.figures("list_profiles")
    assert {name: figures[name] for name in ("rows", "accepted", "skipped", "removed")} == {
        "rows": 7,
        "accepted": 3,
        "skipped": 4,
        "removed": 2,
    }
    assert consents(sandbox) == {"NEVER_SUBSCRIBED"}
    kept = [json.loads(line) for line in receipts.read_text().splitlines()]
    assert [one["outcome"] for one in kept if one["row"] is None] == ["removed", "removed"]
    sandbox.requests.clear()
    again = run_target(sandbox.url, listed(*emails[2:]), **in_mode("mirror"))
    assert again.figures("list_profiles")["skipped"] == 6
    assert [one.method for one in sandbox.requests if one.method != "GET"] == []


def test_a_mirror_of_many_pages(sandbox: Sandbox) -> None:
    emails = people(sandbox, 2_002)
    load(sandbox, listed(*emails))
    sandbox.requests.clear()
    run = run_target(sandbox.url, listed(*emails[1_001:]), **in_mode("mirror"))
    assert run.code == 0, run.log
    assert run.figures("list_profiles")["removed"] == 1_001
    assert members(sandbox) == set(emails[1_001:])
    assert sent(sandbox, "remove_profiles_from_list") == [204, 204]
    assert sent(sandbox, "add_profiles_to_list") == []


def test_a_list_that_no_row_names_is_left_alone(sandbox: Sandbox) -> None:
    emails = people(sandbox, 2)
    load(sandbox, [*listed(*emails, name="Other")])
    assert run_target(sandbox.url, listed(*emails), **in_mode("mirror")).code == 0
    assert members(sandbox, "Other") == set(emails)


def test_a_small_source_is_refused_with_the_figures(sandbox: Sandbox) -> None:
    emails = people(sandbox, 6)
    load(sandbox, listed(*emails))
    run = run_target(sandbox.url, listed(*emails[:2]), **in_mode("mirror"))
    assert "has 2 for" in refused(run)
    assert "which held 6 before; 0.33 is under mirror_min_ratio (0.5)" in refused(run)
    assert members(sandbox) == set(emails)
    wanted = in_mode("mirror", mirror_min_ratio=0.3)
    assert run_target(sandbox.url, listed(*emails[:2]), **wanted).code == 0
    assert members(sandbox) == set(emails[:2])


def test_an_empty_source_is_refused(sandbox: Sandbox) -> None:
    emails = people(sandbox, 3)
    load(sandbox, listed(*emails))
    run = run_target(sandbox.url, listed(), **in_mode("mirror", mirror_min_ratio=0))
    assert "the source brought 0 rows" in refused(run)
    assert members(sandbox) == set(emails)


@pytest.mark.parametrize("ratio", ["half", "1.5", "-0.1"])
def test_a_ratio_that_is_none_is_refused(sandbox: Sandbox, ratio: str) -> None:
    run = run_target(sandbox.url, listed(), **in_mode("mirror", mirror_min_ratio=ratio))
    assert "mirror_min_ratio must be a number from 0 to 1" in refused(run)


def test_a_failed_row_keeps_everybody_on_the_list(sandbox: Sandbox, tmp_path: Path) -> None:
    emails = people(sandbox, 4)
    load(sandbox, listed(*emails))
    letters = {"on_error": "dead_letter", "dead_letter_path": str(tmp_path / "letters")}
    rows = listed(*emails[1:], "stranger@shop.org")
    run = run_target(sandbox.url, rows, **in_mode("mirror", **letters))
    assert run.code == 1
    assert "1 of its 4 rows failed" in " ".join(run.errors)
    assert NOBODY in run.log
    assert members(sandbox) == set(emails)


def test_an_input_that_breaks_off_is_refused(sandbox: Sandbox) -> None:
    emails = people(sandbox, 4)
    load(sandbox, listed(*emails))
    rows = [*listed(emails[0], emails[1]), *listed(emails[2])[1:-1]]
    run = run_target(sandbox.url, rows, **in_mode("mirror"))
    assert run.code == 1
    assert "no STATE message after them" in " ".join(run.errors)
    assert members(sandbox) == set(emails)


@pytest.mark.parametrize("status", [403, 404])
def test_a_removal_that_klaviyo_refuses_is_said(sandbox: Sandbox, status: int) -> None:
    emails = people(sandbox, 4)
    load(sandbox, listed(*emails))
    sandbox.faults.add("remove_profiles_from_list", "status", status=status, times=9)
    run = run_target(sandbox.url, listed(*emails[1:]), **in_mode("mirror"))
    assert run.code == 1
    assert run.states == []
    assert run.errors
    assert members(sandbox) == set(emails)


def test_a_dry_run_shows_whom_a_mirror_would_remove(sandbox: Sandbox) -> None:
    emails = people(sandbox, 4)
    load(sandbox, listed(*emails[1:]))
    run = run_target(sandbox.url, listed(*emails[:-1]), **in_mode("mirror", dry_run=True))
    assert run.code == 0, run.log
    assert "first payload of remove_profiles_from_list" in run.log
    assert run.figures("list_profiles")["removed"] == 1
    assert members(sandbox) == set(emails[1:])


def test_a_mode_that_is_none_is_refused(sandbox: Sandbox) -> None:
    run = run_target(sandbox.url, listed(), **in_mode("miror"))
    assert run.code == 1
    assert "did you mean 'mirror'" in run.log
    assert "modes: add, remove, mirror" in run.log
    odd = {"streams": {"profiles": {"mode": ["x"]}}}
    assert "no mode of profiles" in run_target(sandbox.url, [], **odd).log


def test_dead_letters_fed_back_take_nobody_off(sandbox: Sandbox, tmp_path: Path) -> None:
    """They are only the rows that were refused, and would look like a whole, smaller list."""
    emails = people(sandbox, 4)
    letters = tmp_path / "letters"
    chosen = {"on_error": "dead_letter", "dead_letter_path": str(letters)}
    assert load(sandbox, listed(*emails)).error is None
    rows = listed(*emails[:1], "no address", "none at all")
    assert "2 of its 3 rows failed" in str(load(sandbox, rows, **in_mode("mirror", **chosen)).error)
    mended = letters.read_text().replace("no address", emails[1]).replace("none at all", emails[2])
    again = [json.loads(line) for line in mended.splitlines()]
    loaded = load(sandbox, again, **in_mode("mirror"))
    assert "dead letters are only a part of their source" in str(loaded.error)
    assert loaded.counts("list_profiles") == {"skipped: on the list already": 2}
    assert members(sandbox) == set(emails)


def test_lists_are_mirrored_side_by_side(sandbox: Sandbox) -> None:
    emails = people(sandbox, 6)
    names = ["VIP", "News", "Gold"]

    def rows(*who: str) -> list[Any]:
        both = [{"list_name": name, "email": email} for name in names for email in who]
        return [schema("list_profiles", "list_name", "email"), *records("list_profiles", both)]

    load(sandbox, rows(*emails[:4]))
    sandbox.faults.add("get_profile_ids_for_list", "held", times=3)
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(run_target, sandbox.url, rows(*emails[2:]), **in_mode("mirror"))
        until(lambda: sandbox.faults.met() == 3)
        sandbox.faults.clear()
        run = running.result()
    assert run.code == 0, run.log
    assert [members(sandbox, name) for name in names] == [set(emails[2:])] * 3
    assert run.figures("list_profiles")["removed"] == 6
