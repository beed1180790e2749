"""What Klaviyo took is sent once, also where the result of its job cannot be read."""

from __future__ import annotations

import pytest

from klaviyo_client.errors import ApiError
from klaviyo_sandbox.sandbox import Sandbox
from tests.target.running import load, records, schema, sent

POLL = "get_bulk_import_profiles_job"
READ_ERRORS = "get_errors_for_bulk_import_profiles_job"


@pytest.mark.parametrize("operation", [POLL, READ_ERRORS])
@pytest.mark.parametrize("status", [400, 404, 409])
def test_a_job_that_cannot_be_read_sends_nothing_again(
    sandbox: Sandbox, operation: str, status: int
) -> None:
    sandbox.faults.add("bulk_import_profiles", "row_failure", row=1)
    sandbox.faults.add(operation, "status", status=status)
    rows = [{"email": f"p{number}@shop.org"} for number in range(4)]
    loaded = load(sandbox, [schema("profiles", "email"), *records("profiles", rows)])
    assert isinstance(loaded.error, ApiError)
    assert sent(sandbox, operation)[-1] == status
    assert sent(sandbox, "bulk_import_profiles") == [202]
    ((reason, count),) = loaded.counts("profiles").items()
    assert reason.startswith("unknown: Klaviyo took the job")
    assert count == loaded.tallies["profiles"].rows == len(rows)
