"""Sandboxes in processes of their own, and accounts that are made once and then copied."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import requests
from minimal_loop import HEADERS

KEY = "pk_benchmark"
INCLUDED = "include=attributions,metric,profile"
Furnish = Callable[["Server"], None]


@dataclass(frozen=True, slots=True)
class Server:
    """A running sandbox."""

    url: str

    def control(self, name: str, **query: str | int) -> Any:
        """What a control endpoint of the sandbox shows."""
        answer = requests.get(f"{self.url}/sandbox/{name}", params=query, timeout=120)
        answer.raise_for_status()
        return answer.json()

    def forget_requests(self) -> None:
        """Empty the sandbox's ledger."""
        requests.delete(f"{self.url}/sandbox/requests", timeout=120).raise_for_status()

    def warm_up(self) -> None:
        """Have it answer once: the first way would pay for what only a first answer costs."""
        address = f"{self.url}/api/events?page[size]=1000&sort=datetime&{INCLUDED}"
        requests.get(address, headers=HEADERS, timeout=120).raise_for_status()
        self.forget_requests()

    def statuses(self, operation: str) -> dict[int, int]:
        """How many requests of an operation got each status."""
        counts: dict[int, int] = {}
        for row in self.control("requests", operation=operation):
            counts[row["status"]] = counts.get(row["status"], 0) + 1
        return counts


@dataclass(frozen=True, slots=True)
class Size:
    """How much an account holds. `furnish` puts in through the API what seeding does not make.

    Its history ends today, as that of an account in use does: else the last windows of a read
    would be the emptier the longer after the sandbox's own date it is measured.
    """

    profiles: int = 1_000
    events: int = 0
    furnish: Furnish | None = None
    bursts: int = 0
    date: str = field(default_factory=lambda: time.strftime("%Y-%m-%d", time.gmtime()))

    @property
    def name(self) -> str:
        """The name of the file that keeps such an account."""
        furnished = self.furnish.__name__ if self.furnish else "seeded"
        return f"{furnished}-{self.profiles}-{self.events}-{self.bursts}-{self.date}.db"


class Accounts:
    """Files of sandbox accounts in a folder, each made when it is first asked for."""

    def __init__(self, folder: Path, copies: Path) -> None:
        """Keep the files in `folder`, and what is served in `copies`."""
        self._folder = folder
        self._copies = copies
        self._numbers = count()

    @contextmanager
    def serve(self, size: Size, *, delay_ms: float = 0, limits: bool = False) -> Iterator[Server]:
        """A sandbox with a copy of such an account."""
        original = self.make(size)
        copy = self._copies / f"served-{next(self._numbers)}.db"
        shutil.copyfile(original, copy)
        try:
            with started(size, copy, delay_ms=delay_ms, limits=limits) as server:
                server.warm_up()
                yield server
        finally:
            forget(copy)

    def make(self, size: Size) -> Path:
        """The file of such an account."""
        file = self._folder / size.name
        if not file.exists():
            begun = time.perf_counter()
            unfinished = file.with_suffix(".unfinished")
            forget(unfinished)
            with started(size, unfinished) as server:
                if size.furnish:
                    size.furnish(server)
            unfinished.rename(file)
            progress(f"made {size.name} in {time.perf_counter() - begun:.0f} s")
        return file


def forget(file: Path) -> None:
    """Remove a database and what SQLite keeps beside it."""
    for path in file.parent.glob(f"{file.name}*"):
        path.unlink()


@contextmanager
def started(
    size: Size, file: Path, *, delay_ms: float = 0, limits: bool = False
) -> Iterator[Server]:
    """A sandbox on a database file."""
    command = [sys.executable, "-m", "klaviyo_sandbox", "--port", "0", "--db", str(file)]
    command += ["--profiles", str(size.profiles), "--events", str(size.events)]
    command += ["--date", size.date, "--bursts", str(size.bursts)]
    command += ["--delay-ms", str(delay_ms), *([] if limits else ["--no-limits"])]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            line = process.stdout.readline() if process.stdout else ""
            if "http" not in line:
                raise SystemExit("the sandbox did not start")
            yield Server(line.split()[-1])
        finally:
            end(process)


def end(process: subprocess.Popen[str]) -> None:
    """Ask a process to end, and see to it."""
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()


def progress(text: str) -> None:
    """Say how far it is."""
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")
    sys.stderr.flush()
