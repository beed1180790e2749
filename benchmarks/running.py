"""A command run from start to end into a pipe that is drained: seconds, records, peak memory.

The kernel counts the memory of this process, as it was when it made the other one, into the other
one's peak. So this one stays small: what commands read lies in files.
"""

from __future__ import annotations

import os
import resource
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

CHUNK = 1 << 16
# What would have Python compile modules anew at each start, and write every line by itself.
UNUSUAL = ("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED")
SINGER, SINGER_SPACED = b'{"type":"RECORD"', b'{"type": "RECORD"'


class CommandError(Exception):
    """A command that failed; the text ends with what it said last."""


@dataclass(frozen=True, slots=True)
class Command:
    """What to run, and how a line of its output that holds a record begins.

    `log` is where its standard error is kept, if anywhere.
    """

    arguments: Sequence[str]
    environ: Mapping[str, str] = field(default_factory=dict)
    record_prefix: bytes = SINGER
    standard_input: Path | None = None
    log: Path | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """How a run went. `peak_mb` is the largest resident size of its largest process."""

    seconds: float
    records: int
    peak_mb: float

    @property
    def rate(self) -> float:
        """Records a second, start and end of the process included."""
        return self.records / self.seconds


def run(command: Command) -> Run:
    """Run a command.

    Raises:
        CommandError: It ended with another code than 0.
    """
    with command.log.open("w+b") if command.log else tempfile.TemporaryFile() as said:
        started = time.perf_counter()
        process = start(command, said.fileno())
        try:
            records, usage = drained(process, command.record_prefix)
        finally:
            process.kill()
        seconds = time.perf_counter() - started
        if process.returncode:
            raise CommandError(last_words(process.returncode, said.fileno()))
    # Linux counts kilobytes.
    return Run(seconds, records, usage.ru_maxrss / 1024)


def start(command: Command, standard_error: int) -> subprocess.Popen[bytes]:
    """The process of a command, its output in a pipe."""
    usual = {name: value for name, value in os.environ.items() if name not in UNUSUAL}
    environ = {**usual, **command.environ}
    with Path(command.standard_input or os.devnull).open("rb") as given:
        return subprocess.Popen(
            list(command.arguments),
            env=environ,
            stdin=given,
            stdout=subprocess.PIPE,
            stderr=standard_error,
        )


def drained(
    process: subprocess.Popen[bytes], record_prefix: bytes
) -> tuple[int, resource.struct_rusage]:
    """Read what a process writes to its end: the records in it, and what the process has used."""
    counter = LineCounter(record_prefix)
    with process.stdout or Path(os.devnull).open("rb") as pipe:
        while chunk := os.read(pipe.fileno(), CHUNK):
            counter.add(chunk)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return counter.lines, usage


def last_words(code: int, said: int) -> str:
    """An exit code and the end of what a process wrote to its standard error."""
    size = os.fstat(said).st_size
    text = os.pread(said, 2_000, max(0, size - 2_000)).decode(errors="replace")
    return f"exit code {code}: {text.strip()}"


class LineCounter:
    """Counts lines that begin with a prefix, in chunks as they come out of a pipe."""

    def __init__(self, prefix: bytes) -> None:
        """Count lines that begin with `prefix`."""
        self.lines = 0
        self._wanted = b"\n" + prefix
        self._rest = b"\n"

    def add(self, chunk: bytes) -> None:
        """Count the beginnings that this chunk completes."""
        text = self._rest + chunk
        self.lines += text.count(self._wanted)
        # Shorter than what is looked for, so nothing is counted twice.
        self._rest = text[1 - len(self._wanted) :]
