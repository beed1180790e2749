"""One mishap on the way, anywhere: rows are written once, or said to be in doubt."""

from __future__ import annotations

from typing import Any

import pytest

from klaviyo_sandbox.sandbox import Sandbox
from tests.target.running import held, load, profiles, records, schema, sent, state

PASSING: list[dict[str, Any]] = [
    {"kind": "status", "status": 429, "retry_after": 0},
    {"kind": "status", "status": 500},
    {"kind": "status", "status": 503},
    {"kind": "reset"},
    {"kind": "truncated"},
    {"kind": "html_403"},
    {"kind": "lost_response"},
]
ROWS = [{"email": f"p{number}@shop.org", "title": str(number)} for number in range(3)]
CUSTOMERS = [schema("profiles", "email", "title"), *records("profiles", ROWS), state({"n": 3})]
CODES = [{"coupon_id": "COUPON0", "unique_code": f"NEW{number}"} for number in range(3)]
COUPONS = [schema("coupon_codes", *CODES[0]), *records("coupon_codes", CODES), state({"n": 3})]


def named(fault: dict[str, Any]) -> str:
    return str(fault.get("status") or fault["kind"])


IMPORT, POLL = "bulk_import_profiles", "get_bulk_import_profiles_job"
# Only writes have an effect whose answer can get lost.
READING = [one for one in PASSING if one["kind"] != "lost_response"]


@pytest.mark.parametrize(
    ("operation", "fault"), [*((IMPORT, one) for one in PASSING), *((POLL, one) for one in READING)]
)
def test_people_are_written_all_the_same(
    sandbox: Sandbox, operation: str, fault: dict[str, Any]
) -> None:
    sandbox.faults.add(operation, **fault)
    loaded = load(sandbox, CUSTOMERS)
    assert loaded.error is None
    assert loaded.states == [{"n": 3}]
    assert loaded.counts("profiles") == {"accepted": 3}
    assert sandbox.faults.met() == 1
    assert {email: one["title"] for email, one in profiles(sandbox).items()} == {
        row["email"]: row["title"] for row in ROWS
    }
    if operation.startswith("get"):
        assert sent(sandbox, "bulk_import_profiles") == [202]


@pytest.mark.parametrize("fault", PASSING, ids=named)
def test_codes_are_never_sent_twice(sandbox: Sandbox, fault: dict[str, Any]) -> None:
    """Only a 429 is sure not to have been worked off; the next run tells what became of others."""
    sandbox.faults.add("bulk_create_coupon_codes", **fault)
    loaded = load(sandbox, COUPONS)
    ends = {reason.split(":")[0]: count for reason, count in loaded.counts("coupon_codes").items()}
    assert ends == ({"accepted": 3} if fault.get("status") == 429 else {"unknown": 3})
    assert loaded.states == ([{"n": 3}] if fault.get("status") == 429 else [])
    assert load(sandbox, COUPONS).error is None
    found = held(sandbox, "get_coupon_codes_for_coupon", id="COUPON0")
    assert {row["unique_code"] for row in CODES} <= {one["unique_code"] for one in found}


@pytest.mark.parametrize("operation", [IMPORT, POLL])
def test_a_server_that_stays_down_ends_the_run_without_state(
    sandbox: Sandbox, operation: str
) -> None:
    sandbox.faults.add(operation, "status", status=500, times=100)
    loaded = load(sandbox, CUSTOMERS, max_tries=2)
    assert "500" in str(loaded.error)
    assert loaded.states == []
    ((reason, count),) = loaded.counts("profiles").items()
    assert (reason.split(":")[0], count) == ("unknown", 3)
    assert "repeating the run is safe" in reason
    sandbox.faults.clear()
    assert load(sandbox, CUSTOMERS).counts("profiles") == {"accepted": 3}
