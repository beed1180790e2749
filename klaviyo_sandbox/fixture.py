"""A sandbox as a pytest fixture: `pytest_plugins = ["klaviyo_sandbox.fixture"]`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from klaviyo_sandbox.sandbox import Sandbox


@pytest.fixture
def klaviyo_sandbox() -> Iterator[Sandbox]:
    """A freshly seeded Klaviyo without rate limits, whose clock runs a hundred times as fast."""
    with Sandbox(profiles=50, events=500, limits=False, time_scale=100) as sandbox:
        yield sandbox
