"""The tap and the target as processes, of which the tests start hundreds.

An interpreter that imports the Singer SDK takes half a second of processor time. So a process is
forked from one that has imported the command already (`tests/forking.py`). It is a process like
any other: with its own streams, environment, folder, signals and exit code.
"""

from __future__ import annotations

import atexit
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import IO

PROJECT = Path(__file__).resolve().parents[1]
DEVNULL, PIPE = subprocess.DEVNULL, subprocess.PIPE
# What a command imports before it does anything.
IMPORTS = {
    "tap_klaviyo": "tap_klaviyo.tap",
    "target_klaviyo": "target_klaviyo.target",
    "tests": "tap_klaviyo.tap",
}
HANGS = 120.0
"""Seconds after which a process is killed that ought to end by itself."""


class Process:
    """A process that runs; what of `subprocess.Popen` the tests need.

    Attributes:
        stdin: Its standard input, where that is a pipe; so are `stdout` and `stderr`.
        returncode: Its exit code once it has been waited for; of a signal as in `subprocess`.
    """

    stdin: IO[bytes]
    stdout: IO[bytes]
    stderr: IO[bytes]

    def __init__(self, news: IO[bytes], pipes: Mapping[str, IO[bytes]]) -> None:
        """`news` gives its number, and later its exit code."""
        self.returncode: int | None = None
        self._news = news
        self._pipes = pipes
        for name, pipe in pipes.items():
            setattr(self, name, pipe)
        self._number = int(news.readline())
        self._guard = threading.Timer(HANGS, self.kill)
        self._guard.daemon = True
        self._guard.start()

    def __enter__(self) -> Process:  # noqa: PYI034 - Self is in no Python 3.10
        """As it is."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close its pipes and wait; where a test has failed it is killed."""
        if kind:
            self.kill()
        for pipe in self._pipes.values():
            with suppress(BrokenPipeError):
                pipe.close()
        self.wait()

    def send_signal(self, number: int) -> None:
        """Send a signal, if it runs."""
        with suppress(ProcessLookupError):
            os.kill(self._number, number)

    def kill(self) -> None:
        """Send SIGKILL, if it runs."""
        self.send_signal(signal.SIGKILL)

    def wait(self) -> int:
        """Wait until it has ended; its exit code."""
        if self.returncode is None:
            with self._news:
                self.returncode = int(self._news.readline())
            self._guard.cancel()
        return self.returncode


@dataclass(frozen=True)
class Done:
    """What a process left that has ended."""

    returncode: int
    stdout: str
    stderr: str


def start(  # noqa: PLR0913 - as in subprocess
    module: str,
    *arguments: str,
    env: Mapping[str, str],
    cwd: str | Path | None = None,
    stdin: int = DEVNULL,
    stdout: int = PIPE,
    stderr: int = PIPE,
) -> Process:
    """Start `python -m module`, a command of `IMPORTS` or a module beside it.

    `stdin`, `stdout` and `stderr` are PIPE, DEVNULL or file descriptors.
    """
    order = {
        "module": module,
        "arguments": arguments,
        "environment": dict(env),
        "folder": str(cwd or Path.cwd()),
    }
    pipes: dict[str, IO[bytes]] = {}
    with ExitStack() as sent:
        file = sent.enter_context(tempfile.TemporaryFile())
        file.write(json.dumps(order).encode())
        file.seek(0)
        files = [file.fileno()]
        for name, wish in (("stdin", stdin), ("stdout", stdout), ("stderr", stderr)):
            files.append(its_end(name, wish, pipes, sent))
        news, teller = (sent.enter_context(one) for one in socket.socketpair())
        parent = forking(module.partition(".")[0], env.get("PYTHONWARNINGS"))
        socket.send_fds(parent, [b"."], [*files, teller.fileno()])
        told = news.makefile("rb")
    return Process(told, pipes)


def its_end(name: str, wish: int, pipes: dict[str, IO[bytes]], sent: ExitStack) -> int:
    """What the process gets as a stream; our end, if there is one, goes to `pipes`."""
    if wish == PIPE:
        reading, writing = os.pipe()
        ours, its = (writing, reading) if name == "stdin" else (reading, writing)
        pipes[name] = os.fdopen(ours, "wb" if name == "stdin" else "rb")
    elif wish == DEVNULL:
        its = os.open(os.devnull, os.O_RDWR)
    else:
        return wish
    sent.callback(os.close, its)
    return its


def run(
    module: str,
    *arguments: str,
    env: Mapping[str, str],
    cwd: str | Path | None = None,
    text: str = "",
    when: Mapping[str, Callable[[], None]] | None = None,
) -> Done:
    """Run `python -m module` to its end, with `text` for it to read.

    `when` says what to do once words are in its log.
    """
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as output:
        given.write(text.encode())
        given.seek(0)
        files = {"stdin": given.fileno(), "stdout": output.fileno()}
        log, due = "", dict(when or {})
        with start(module, *arguments, env=env, cwd=cwd, **files) as process:
            for line in process.stderr:
                log += line.decode()
                for words in [one for one in due if one in log]:
                    due.pop(words)()
        assert not due, f"{due} did not come: {log}"
        output.seek(0)
        return Done(process.wait(), output.read().decode(), log)


@cache
def forking(package: str, warnings: str | None) -> socket.socket:
    """Where orders go for processes of one command, with one setting of PYTHONWARNINGS."""
    ours, theirs = socket.socketpair()
    own = {name: value for name, value in os.environ.items() if name != "PYTHONWARNINGS"}
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.forking", str(theirs.fileno()), IMPORTS[package]],
            # Streams of the kind that most of its children have.
            stdin=PIPE,
            stdout=PIPE,
            cwd=PROJECT,
            env=own if warnings is None else own | {"PYTHONWARNINGS": warnings},
            pass_fds=[theirs.fileno()],
        )

    def end() -> None:
        ours.close()
        process.communicate()

    atexit.register(end)
    return ours
