"""Sandboxes for tests of the sandbox."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from klaviyo_sandbox import ManualClock, Sandbox
from tests.sandbox.asking import Asking


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def sandbox(clock: ManualClock) -> Iterator[Sandbox]:
    """A small account without limits, on a clock that stands still."""
    with Sandbox(profiles=30, events=120, clock=clock, limits=False, keep_answers=True) as made:
        yield made


@pytest.fixture
def ask(sandbox: Sandbox) -> Iterator[Asking]:
    asking = Asking(sandbox)
    yield asking
    asking.session.close()


@pytest.fixture(scope="module")
def account() -> Iterator[Asking]:
    """A seeded account for tests that only read."""
    with Sandbox(profiles=60, events=600, limits=False) as made:
        asking = Asking(made)
        yield asking
        asking.session.close()
