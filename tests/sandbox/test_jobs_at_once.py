"""How many bulk jobs of a kind may wait at once."""

from __future__ import annotations

from typing import Any

from klaviyo_sandbox import ManualClock
from tests.sandbox.asking import Asking

PATH = "/api/coupon-code-bulk-create-jobs"


def codes(number: int, coupon: str) -> dict[str, Any]:
    """A job of one new code."""
    link = {"coupon": {"data": {"type": "coupon", "id": coupon}}}
    named = {"unique_code": f"C{number}"}
    code = {"type": "coupon-code", "attributes": named, "relationships": link}
    return {
        "type": "coupon-code-bulk-create-job",
        "attributes": {"coupon-codes": {"data": [code]}},
    }


def test_one_job_too_many_has_to_wait(ask: Asking, clock: ManualClock) -> None:
    coupon = ask.sandbox.account.ids("coupon")[0]
    for number in range(100):
        assert ask("POST", PATH, content=codes(number, coupon)).status_code == 202
    refused = ask("POST", PATH, content=codes(100, coupon))
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "1")
    clock.advance(10)
    assert ask("POST", PATH, content=codes(100, coupon)).status_code == 202
