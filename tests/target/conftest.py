from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from klaviyo_sandbox.sandbox import Sandbox
from tests.target.shops import copied, filled


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the SDK say that it would rather see a newer Python."""
    here = Path(__file__).parent
    for item in (one for one in items if here in one.path.parents):
        item.add_marker(pytest.mark.filterwarnings("ignore:Python 3.*end of life"))


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """An empty account whose jobs take no time to speak of."""
    with Sandbox(profiles=0, events=0, limits=False, time_scale=100) as made:
        yield made


@pytest.fixture(scope="module")
def opened(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of an account with what the module's `account` puts into it."""
    return filled(tmp_path_factory.mktemp("shop") / "account.db", request.module.account)


@pytest.fixture
def shop(opened: Path, tmp_path: Path) -> Iterator[Sandbox]:
    """Such an account, for one test."""
    with copied(opened, tmp_path) as made:
        yield made


@pytest.fixture(autouse=True)
def own_signals() -> Iterator[None]:
    """The SDK takes over the signals of the process; pytest wants them back."""
    kept = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in kept.items():
        signal.signal(number, handler)
