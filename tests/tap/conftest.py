from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from tests.tap.running import RunTap, run_in


@pytest.fixture
def run_tap(tmp_path: Path) -> RunTap:
    """Runs the tap as a process: `run_tap(url, "events", state=..., **settings)`."""
    return partial(run_in, tmp_path)


@pytest.fixture(scope="module")
def module_tap(tmp_path_factory: pytest.TempPathFactory) -> RunTap:
    """The same, for runs that several tests look at."""
    return partial(run_in, tmp_path_factory.mktemp("tap"))
