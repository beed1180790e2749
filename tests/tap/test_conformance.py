"""The SDK's own suite of tests for taps, against the sandbox."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from singer_sdk.testing import SuiteConfig, get_tap_test_class

from klaviyo_sandbox import Sandbox
from tap_klaviyo.tap import TapKlaviyo

# The suite makes its tap when the module is imported; the address comes with the fixture.
CONFIG = {"api_key": "pk_test", "api_url": "http://127.0.0.1:9"}


@pytest.fixture(scope="class", autouse=True)
def address() -> Iterator[None]:
    running = Sandbox(profiles=60, events=600, limits=False, raised=1_000)
    with running as sandbox, pytest.MonkeyPatch.context() as patch:
        patch.setenv("TAP_KLAVIYO_API_URL", sandbox.url)
        yield


TestTapKlaviyo = get_tap_test_class(
    TapKlaviyo, config=CONFIG, suite_config=SuiteConfig(max_records_limit=500)
)
