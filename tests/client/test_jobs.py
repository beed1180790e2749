from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from klaviyo_client.errors import JobFailedError, NotFoundError, WaitTooLongError
from klaviyo_client.jobs import PollRule, import_errors, settled_job
from klaviyo_client.operations import operation, operations

if TYPE_CHECKING:
    from tests.client.conftest import FakeClock, ScriptedClient

RULE = PollRule("get_bulk_import_profiles_job", first_seconds=1, longest_seconds=5)
JOB_READS = sorted(
    name
    for name, row in operations().items()
    if row.method == "GET" and row.path.endswith("{job_id}") and "export" not in name
)


def job(status: str, **attributes: Any) -> Any:
    return (200, {"data": {"id": "J1", "attributes": {"status": status, **attributes}}})


def test_a_job_is_polled_with_growing_pauses_until_it_is_complete(
    scripted: ScriptedClient, clock: FakeClock
) -> None:
    one = scripted(
        job("queued"), *[job("processing")] * 4, job("complete", completed_count=3, failed_count=1)
    )
    attributes = settled_job(one.client, RULE, "J1")

    assert attributes == {"status": "complete", "completed_count": 3, "failed_count": 1}
    assert clock.slept == [1, 1.5, 2.25, 3.375, 5]
    assert one.adapter.addresses[0].endswith("/api/profile-bulk-import-jobs/J1")


def test_a_state_that_is_not_known_is_waited_for(scripted: ScriptedClient) -> None:
    one = scripted(job("brand new"), job("complete"))
    assert settled_job(one.client, RULE, "J1") == {"status": "complete"}


def test_a_cancelled_job_is_an_error(scripted: ScriptedClient) -> None:
    one = scripted(job("processing"), job("cancelled"))
    with pytest.raises(JobFailedError, match="has cancelled a bulk job"):
        settled_job(one.client, RULE, "J1")


def test_a_job_that_takes_too_long_is_an_error(scripted: ScriptedClient, clock: FakeClock) -> None:
    one = scripted(*[job("processing")] * 20)
    rule = PollRule("get_bulk_import_profiles_job", timeout_seconds=30)

    with pytest.raises(JobFailedError) as caught:
        settled_job(one.client, rule, "J1")

    assert str(caught.value) == (
        "a bulk job is still processing after 30 s; Klaviyo may finish it later"
    )
    assert 1030 <= clock.now <= 1040


def test_trouble_while_polling_is_retried(scripted: ScriptedClient) -> None:
    one = scripted((503, ""), (200, b'{"data": {"id"'), job("complete"))
    assert settled_job(one.client, RULE, "J1") == {"status": "complete"}


def test_a_job_that_cannot_be_read_is_an_error(scripted: ScriptedClient) -> None:
    with pytest.raises(NotFoundError):
        settled_job(scripted((404, {"errors": []})).client, RULE, "J1")
    throttled: Any = (429, {"errors": []}, {"Retry-After": "7200"})
    with pytest.raises(WaitTooLongError):
        settled_job(scripted(throttled).client, RULE, "J1")


@pytest.mark.parametrize("operation_id", JOB_READS)
def test_every_bulk_job_can_be_polled(scripted: ScriptedClient, operation_id: str) -> None:
    one = scripted(job("complete"))
    settled_job(one.client, PollRule(operation_id), "J1")
    assert one.adapter.addresses[0].endswith("/J1")


def test_rejected_rows_are_read_page_by_page(scripted: ScriptedClient) -> None:
    name = "get_errors_for_bulk_import_profiles_job"
    link = f"https://a.klaviyo.com{operation(name).path}?page%5Bcursor%5D=b"
    one = scripted(
        (
            200,
            {
                "data": [{"id": "1", "attributes": {"code": "invalid"}}],
                "links": {"next": link.replace("{id}", "J1")},
            },
        ),
        (200, {"data": [{"id": "2", "attributes": {"code": "missing"}}]}),
    )
    assert list(import_errors(one.client, name, "J1")) == [
        {"code": "invalid"},
        {"code": "missing"},
    ]
    assert one.adapter.addresses[0].endswith(
        "/profile-bulk-import-jobs/J1/import-errors?page%5Bsize%5D=100"
    )
