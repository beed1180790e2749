"""How one request settles, told by a client that answers as the test says."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, cast

import msgspec
import pytest

from klaviyo_client.client import KlaviyoClient
from klaviyo_client.errors import (
    ApiError,
    ConnectionFailedError,
    ErrorDetail,
    KlaviyoError,
    NotFoundError,
    PayloadTooLargeError,
    PermissionDeniedError,
    ServerError,
)
from klaviyo_client.wire import Answer, Page
from target_klaviyo.delivery import Attempts, delivered, field_named
from target_klaviyo.events import BULK as EVENTS
from target_klaviyo.items import Item
from target_klaviyo.memberships import ADD
from target_klaviyo.outcomes import Row
from target_klaviyo.plans import Shipment, Transport
from target_klaviyo.profiles import BULK as PROFILES


class NoTime:
    def monotonic(self) -> float:
        return 0.0

    def sleep(self, seconds: float) -> None:
        """Nothing waits."""


class Teller:
    """Refuses the items that `bad` names, in one of Klaviyo's ways."""

    def __init__(self, refuse: Any = None, job: Mapping[str, Any] | None = None) -> None:
        self.refuse = refuse
        self.job = {"status": "complete", "failed_count": 0} | dict(job or {})
        self.bodies: list[list[int]] = []
        self.errors: list[Mapping[str, Any]] = []
        self.clock = NoTime()

    def write(self, _operation: str, body: bytes, **_: Any) -> Answer:
        numbers = [int(one) for one in found_numbers(json.loads(body))]
        self.bodies.append(numbers)
        error = self.refuse(numbers) if self.refuse else None
        if error:
            raise error
        return Answer(202, {}, b'{"data":{"id":"job"}}')

    def get(self, *_: Any, **__: Any) -> Answer:
        return Answer(200, {}, json.dumps({"data": {"attributes": self.job}}).encode())

    def pages(self, *_: Any, **__: Any) -> Iterator[Page]:
        resources = [{"attributes": one} for one in self.errors]
        yield Page(msgspec.Raw(json.dumps(resources).encode()))


def found_numbers(value: Any) -> Iterator[int]:
    if isinstance(value, dict):
        if "n" in value:
            yield value["n"]
        for part in value.values():
            yield from found_numbers(part)
    elif isinstance(value, list):
        for part in value:
            yield from found_numbers(part)


def shipment(transport: Transport, count: int, per_group: int = 2) -> Shipment:
    items = [
        Item(
            (Row(n, json.dumps({"record": {}})),),
            b'{"n":%d}' % n,
            b'{"who":%d}' % (n // per_group),
            identities=(f"email:p{n}@shop.org",),
        )
        for n in range(count)
    ]
    return Shipment(transport, tuple(items))


def settle(
    teller: Teller, what: Shipment, attempts: Attempts | None = None
) -> tuple[dict[int, str], KlaviyoError | None]:
    outcomes: dict[int, str] = {}
    try:
        told = delivered(cast("KlaviyoClient", teller), what, attempts or Attempts(), 10.0)
        for one in told:
            number = one.item.rows[0].number
            assert number not in outcomes
            outcomes[number] = f"{one.outcome.kind} {one.outcome.reason or ''}".strip()
    except KlaviyoError as error:
        return outcomes, error
    return outcomes, None


def refusal(*pointers: str | None, kind: type[ApiError] = ApiError, status: int = 400) -> ApiError:
    details = tuple(ErrorDetail("invalid", "", "quotes ada@shop.org", one) for one in pointers)
    return kind("operation", status, details)


def test_named_rows_are_stripped_round_after_round() -> None:
    def refuse(numbers: list[int]) -> ApiError | None:
        bad = [place for place, number in enumerate(numbers) if number in (1, 5)]
        pointer = f"/data/attributes/profiles/data/{bad[0]}/attributes/email" if bad else None
        return refusal(pointer) if bad else None

    teller = Teller(refuse)
    outcomes, error = settle(teller, shipment(PROFILES, 7))
    assert error is None
    assert [number for number, one in outcomes.items() if one.startswith("rejected")] == [1, 5]
    assert outcomes[1] == "rejected Klaviyo answered 400 (invalid at email)"
    assert teller.bodies[-1] == [0, 2, 3, 4, 6]


def test_a_pointer_to_a_persons_profile_refuses_that_persons_events() -> None:
    pointer = "/data/attributes/events-bulk-create/data/1/attributes/profile/data/attributes/email"

    def refuse(numbers: list[int]) -> ApiError | None:
        return refusal(pointer) if 2 in numbers else None

    teller = Teller(refuse)
    outcomes, _ = settle(teller, shipment(EVENTS, 6))
    assert [n for n, one in outcomes.items() if one.startswith("rejected")] == [2, 3]
    assert teller.bodies == [[0, 1, 2, 3, 4, 5], [0, 1, 4, 5]]


@pytest.mark.parametrize("bad", [{0}, {3, 17}, {31}])
def test_without_pointers_the_bad_rows_are_found_by_halves(bad: set[int]) -> None:
    def refuse(numbers: list[int]) -> ApiError | None:
        found = bad.intersection(numbers)
        return refusal(None, kind=NotFoundError, status=404) if found else None

    outcomes, error = settle(Teller(refuse), shipment(ADD, 32))
    assert error is None
    assert {number for number, one in outcomes.items() if one.startswith("rejected")} == bad
    assert len(outcomes) == 32


def test_the_search_for_bad_rows_is_bounded() -> None:
    attempts = Attempts(left=10)
    outcomes, _ = settle(Teller(lambda _: refusal(None)), shipment(ADD, 1_000), attempts)
    assert len(outcomes) == 1_000
    assert attempts.requests < 25


def test_too_large_is_split() -> None:
    def refuse(numbers: list[int]) -> ApiError | None:
        return refusal(kind=PayloadTooLargeError, status=413) if len(numbers) > 3 else None

    teller = Teller(refuse)
    outcomes, _ = settle(teller, shipment(EVENTS, 10))
    assert set(outcomes.values()) == {"accepted"}
    assert max(len(body) for body in teller.bodies[1:]) <= 5


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (refusal(kind=PermissionDeniedError, status=403), {}),
        (ConnectionFailedError("down", sent=False), {}),
        (
            ConnectionFailedError("cut", sent=True),
            {0: "unknown no answer came, it may have been written; repeating the run is safe"},
        ),
        (
            refusal(kind=ServerError, status=503),
            {0: "unknown no answer came, it may have been written; repeating the run is safe"},
        ),
    ],
)
def test_what_stops_everything(error: KlaviyoError, expected: dict[int, str]) -> None:
    outcomes, raised = settle(Teller(lambda _: error), shipment(PROFILES, 1))
    assert raised is error
    assert outcomes == expected


def job_error(pointer: str | None, payload: Any = None) -> Mapping[str, Any]:
    return {"code": "invalid", "source": {"pointer": pointer}, "original_payload": payload}


@pytest.mark.parametrize(
    "error",
    [
        job_error("/data/attributes/profiles/data/2/attributes/email"),
        job_error("/data/2"),
        job_error(None, {"type": "profile", "attributes": {"email": "P2@shop.org"}}),
        job_error(None, {"email": "p2@shop.org"}),
    ],
)
def test_the_errors_of_a_job_find_their_row(error: Mapping[str, Any]) -> None:
    teller = Teller(job={"failed_count": 1})
    teller.errors = [error]
    outcomes, _ = settle(teller, shipment(PROFILES, 4))
    assert [number for number, one in outcomes.items() if one != "accepted"] == [2]
    assert outcomes[2].startswith("rejected")


def test_a_refusal_that_fits_no_row_leaves_the_others_in_doubt() -> None:
    teller = Teller(job={"failed_count": 2})
    teller.errors = [job_error("/data/attributes/profiles/data/0/attributes"), job_error(None)]
    outcomes, _ = settle(teller, shipment(PROFILES, 3))
    assert [one.split()[0] for one in outcomes.values()] == ["rejected", "unknown", "unknown"]


def test_fields_are_named_without_their_surroundings() -> None:
    assert field_named("/data/attributes/profiles/data/3/attributes/location/city") == (
        " at location.city"
    )
    assert field_named("/data/attributes/profiles/data/3/attributes") == ""
    assert field_named("/data/attributes/email") == " at email"
    assert field_named(None) == ""
