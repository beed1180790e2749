"""Coupons and their codes, read back from the sandbox."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from klaviyo_sandbox.sandbox import Sandbox
from tests.target.running import held, load, records, run_target, schema, sent, state

OBJECT: dict[str, Any] = {}
THERE = "skipped: coupon exists already, and the row says no more of it"
CODE_THERE = "skipped: coupon code exists already"
LENIENT = {"on_error": "dead_letter", "dead_letter_path": "/dev/null"}


def coupons(*rows: Mapping[str, Any]) -> list[Any]:
    told = schema("coupons", "external_id", "description", monitor_configuration=OBJECT)
    return [told, *records("coupons", rows), state({"n": 1})]


def codes(*rows: Mapping[str, Any]) -> list[Any]:
    told = schema("coupon_codes", "coupon_id", "unique_code", "expires_at", keys=["unique_code"])
    return [told, *records("coupon_codes", rows), state({"n": 1})]


def code(number: int, coupon: str = "SUMMER", **said: Any) -> dict[str, Any]:
    return {"coupon_id": coupon, "unique_code": f"S-{number}", **said}


def kept(sandbox: Sandbox) -> dict[str, dict[str, Any]]:
    return {one["id"]: one for one in held(sandbox, "get_coupons")}


def codes_of(sandbox: Sandbox, coupon: str) -> dict[str, dict[str, Any]]:
    found = held(sandbox, "get_coupon_codes_for_coupon", id=coupon)
    return {one["unique_code"]: one for one in found}


def test_coupons_are_created_or_changed(sandbox: Sandbox) -> None:
    before = kept(sandbox)
    rows: list[dict[str, Any]] = [
        {"external_id": "SUMMER", "description": "Sun"},
        {"external_id": "COUPON1", "description": "Changed"},
        {"external_id": "COUPON2"},
        {"external_id": "SUMMER", "monitor_configuration": {"low_balance_threshold": 3}},
        {"external_id": "No blanks"},
        {"external_id": "LARGE", "description": "x" * 5_000_000},
        {"description": "nameless"},
    ]
    ran = run_target(sandbox.url, coupons(*rows), **LENIENT)
    assert ran.code == 0
    figures = ran.figures("coupons")
    assert (figures["rows"], figures["accepted"]) == (7, 2)
    assert (figures["skipped"], figures["rejected"]) == (2, 3)
    assert "external_id may hold letters, digits and underscores only" in ran.log
    after = kept(sandbox)
    assert set(after) - set(before) == {"SUMMER"}
    assert after["SUMMER"]["description"] == "Sun"
    assert after["SUMMER"]["monitor_configuration"] == {"low_balance_threshold": 3}
    assert after["COUPON1"]["description"] == "Changed"
    assert after["COUPON2"] == before["COUPON2"]


def test_a_second_run_of_coupons_changes_nothing(sandbox: Sandbox) -> None:
    rows = [{"external_id": "SUMMER"}, {"external_id": "WINTER"}]
    assert load(sandbox, coupons(*rows)).counts("coupons") == {"accepted": 2}
    assert load(sandbox, coupons(*rows)).counts("coupons") == {THERE: 2}
    assert sent(sandbox, "create_coupon") == [201, 201]


def test_a_coupon_whose_answer_is_lost_is_unknown(sandbox: Sandbox) -> None:
    sandbox.faults.add("create_coupon", "lost_response")
    loaded = load(sandbox, coupons({"external_id": "SUMMER"}, {"external_id": "WINTER"}))
    counts = loaded.counts("coupons")
    assert counts.pop("accepted") == 1
    ((reason, count),) = counts.items()
    assert reason.startswith("unknown: no answer came")
    assert count == 1
    assert {"SUMMER", "WINTER"} <= set(kept(sandbox))


def test_codes_follow_their_coupon(sandbox: Sandbox) -> None:
    rows = [
        code(1, expires_at="2030-01-02T03:04:05Z"),
        code(2),
        code(2),
        code(3, coupon="NOWHERE"),
        code(4, coupon="no coupon"),
        code(5, expires_at="tomorrow"),
        {"coupon_id": "SUMMER"},
    ]
    messages = [*codes(*rows), *coupons({"external_id": "SUMMER"})]
    loaded = load(sandbox, messages, **LENIENT)
    assert loaded.counts("coupons") == {"accepted": 1}
    counts = loaded.counts("coupon_codes")
    assert sum(counts.values()) == len(rows)
    assert (counts["accepted"], counts["skipped: duplicate"]) == (2, 1)
    assert counts["rejected: Klaviyo's job refused it (not_found)"] == 1
    assert sum(n for reason, n in counts.items() if reason.startswith("rejected")) == 4
    found = codes_of(sandbox, "SUMMER")
    assert set(found) == {"S-1", "S-2"}
    assert found["S-1"]["expires_at"].startswith("2030-01-02T03:04:05")
    assert found["S-2"]["expires_at"]


def test_codes_that_are_there_are_skipped(sandbox: Sandbox) -> None:
    load(sandbox, coupons({"external_id": "SUMMER"}))
    assert load(sandbox, codes(code(1), code(2))).counts("coupon_codes") == {"accepted": 2}
    loaded = load(sandbox, codes(code(1), code(2), code(3)))
    assert loaded.error is None
    assert loaded.counts("coupon_codes") == {"accepted": 1, CODE_THERE: 2}
    assert set(codes_of(sandbox, "SUMMER")) == {"S-1", "S-2", "S-3"}


def test_1001_codes_are_two_jobs(sandbox: Sandbox) -> None:
    load(sandbox, coupons({"external_id": "SUMMER"}))
    rows = [code(number) for number in range(1_001)]
    assert load(sandbox, codes(*rows)).counts("coupon_codes") == {"accepted": 1_001}
    assert sent(sandbox, "bulk_create_coupon_codes") == [202, 202]
    assert len(codes_of(sandbox, "SUMMER")) == 1_001


def test_known_codes_of_a_large_coupon_are_asked_for_one_by_one(sandbox: Sandbox) -> None:
    load(sandbox, coupons({"external_id": "SUMMER"}))
    load(sandbox, codes(*(code(number) for number in range(1_000))))
    sandbox.requests.clear()
    rows = [code(5), code(998), code(999), code(1_000)]
    loaded = load(sandbox, codes(*rows))
    assert loaded.counts("coupon_codes") == {"accepted": 1, CODE_THERE: 3}
    assert len(sent(sandbox, "get_coupon_codes")) == 3, "pages, of ten"
    assert loaded.tallies["coupon_codes"].requests == 1 + 3 + len(sent(sandbox, "get_coupon_code"))


def test_a_code_refused_for_another_reason_stays_so(sandbox: Sandbox) -> None:
    load(sandbox, coupons({"external_id": "SUMMER"}))
    load(sandbox, codes(*(code(number) for number in range(200))))
    sandbox.requests.clear()
    rows = [code(7), code(200), code(8, coupon="NOWHERE")]
    counts = load(sandbox, codes(*rows), **LENIENT).counts("coupon_codes")
    assert counts[CODE_THERE] == 1
    assert counts["rejected: Klaviyo's job refused it (not_found)"] == 1
    assert counts["accepted"] == 1


def test_a_code_that_fits_no_address_is_looked_for_on_all_pages(sandbox: Sandbox) -> None:
    load(sandbox, coupons({"external_id": "SUMMER"}))
    odd = {**code(0), "unique_code": "a/b ?#c"}
    load(sandbox, codes(*(code(number) for number in range(300)), odd))
    sandbox.requests.clear()
    large = {**code(0), "unique_code": "x" * 5_000_000}
    counts = load(sandbox, codes(odd, large), **LENIENT).counts("coupon_codes")
    assert counts == {CODE_THERE: 1, "rejected: is larger than 5000 KB, Klaviyo's limit": 1}
    assert sent(sandbox, "get_coupon_code") == []
