"""Writes of coupons and their codes.

That a coupon that is there is a conflict (409), and a code that is there a job's error with that
code, is an assumption: Klaviyo documents neither.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from klaviyo_sandbox.bulk_jobs import JobRule, RowRefused, Running, attributes_of
from klaviyo_sandbox.clock import iso_seconds
from klaviyo_sandbox.kinds import KINDS
from klaviyo_sandbox.messages import Problem, Refusal, Response, invalid, not_found
from klaviyo_sandbox.query import Query
from klaviyo_sandbox.reads import Reading, resource
from klaviyo_sandbox.store import Resource
from klaviyo_sandbox.writing import Writing

COUPON, CODE = KINDS["coupon"], KINDS["coupon-code"]
PATTERN = re.compile(r"[0-9_A-z]+")
EXTERNAL_ID = "/data/attributes/external_id"
MOST_CODES = 1_000
MOST_JOBS = 100
YEAR = 365 * 86_400


def create(writing: Writing) -> Response:
    """POST /api/coupons: 201."""
    sent = writing.content["attributes"]
    coupon = sent["external_id"]
    if not PATTERN.fullmatch(coupon):
        raise invalid("The external_id has signs that are not allowed.", EXTERNAL_ID)
    if writing.store.exists(COUPON, coupon):
        detail = f"A coupon with id {coupon} already exists."
        raise Refusal(409, Problem("conflict", "Conflict.", detail, {"pointer": EXTERNAL_ID}))
    attributes = {"description": None, "monitor_configuration": None, **sent}
    writing.store.put([Resource("coupon", coupon, attributes)])
    return answer(writing, coupon, 201)


def update(writing: Writing) -> Response:
    """PATCH /api/coupons/{id}: 200."""
    (coupon,) = writing.route.values
    if not writing.store.exists(COUPON, coupon):
        raise not_found("coupon", coupon)
    kept = attributes_of(writing.store, "coupon", coupon)
    attributes = {**kept, **writing.content["attributes"]}
    writing.store.put([Resource("coupon", coupon, attributes)])
    return answer(writing, coupon, 200)


def answer(writing: Writing, coupon: str, status: int) -> Response:
    """The coupon as an answer."""
    reading = Reading(writing.store, writing.request, writing.route, writing.now)
    return Response(status, resource(reading, COUPON, Query(), coupon).body)


def create_code(running: Running, row: Mapping[str, Any]) -> None:
    """A new code; without a date it expires in a year."""
    coupon = row["relationships"]["coupon"]["data"]["id"]
    if not running.store.exists(COUPON, coupon):
        raise RowRefused("not_found", f"A coupon with id {coupon} does not exist.")
    sent = row["attributes"]
    code = f"{coupon}-{sent['unique_code']}"
    if running.store.exists(CODE, code):
        raise RowRefused("conflict", f"A coupon-code with id {code} already exists.")
    attributes = {
        "unique_code": sent["unique_code"],
        "expires_at": sent.get("expires_at") or iso_seconds(running.now + YEAR),
        "status": "UNASSIGNED",
    }
    running.store.put([Resource("coupon-code", code, attributes, {"coupon_id": coupon})])


RULES: Mapping[str, JobRule] = {
    "bulk_create_coupon_codes": JobRule(
        "coupon-code-bulk-create-job", "coupon-codes", MOST_CODES, MOST_JOBS, create_code
    )
}
