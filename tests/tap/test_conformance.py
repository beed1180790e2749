"""The SDK's own suite of tests for taps, against the sandbox."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from singer_sdk.testing import SuiteConfig, get_tap_test_class

from klaviyo_sandbox import Sandbox
from tap_klaviyo.reports_kinds import KINDS
from tap_klaviyo.tap import TapKlaviyo

# The suite makes its tap when the module is imported; the address comes with the fixture.
# Reports are declared, since those by default are not selected and so have no columns.
DAYS = {"start": "2026-02-01", "end": "2026-02-20"}
REPORTS = [
    {"name": f"{kind}_days", "kind": kind, "timeframe": DAYS}
    | ({"metrics": ["Placed Order"]} if kind == "metric_aggregates" else {})
    for kind in KINDS
]
CONFIG = {"api_key": "pk_test", "api_url": "http://127.0.0.1:9", "reports": REPORTS}


@pytest.fixture(scope="class", autouse=True)
def address() -> Iterator[None]:
    running = Sandbox(profiles=60, events=600, limits=False, raised=1_000)
    with running as sandbox, pytest.MonkeyPatch.context() as patch:
        patch.setenv("TAP_KLAVIYO_API_URL", sandbox.url)
        yield


@pytest.fixture(autouse=True)
def own_values(request: pytest.FixtureRequest) -> None:
    """The suite keeps the values of the column that it tests first, and tests only those."""
    request.function.__self__.__dict__.pop("non_null_attribute_values", None)


# Columns that are null in all records of the sandbox.
pytestmark = pytest.mark.filterwarnings("ignore:No records were available to test")

TestTapKlaviyo = get_tap_test_class(
    TapKlaviyo, config=CONFIG, suite_config=SuiteConfig(max_records_limit=500)
)
