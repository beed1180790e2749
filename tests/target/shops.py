"""An account that is filled once for many tests: bulk jobs take a moment each."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from klaviyo_sandbox.sandbox import Sandbox

EMPTY: dict[str, Any] = {
    "profiles": 0,
    "events": 0,
    "limits": False,
    "time_scale": 100,
    "traps": False,
}


def filled(file: Path, fill: Callable[[Sandbox], None]) -> Path:
    """The file of an account with what `fill` puts into it."""
    with Sandbox(db=str(file), **EMPTY) as made:
        fill(made)
    return file


@contextmanager
def copied(file: Path, folder: Path) -> Iterator[Sandbox]:
    """A copy of that account, which lies in a folder."""
    with Sandbox(db=str(shutil.copy(file, folder)), **EMPTY) as made:
        yield made
