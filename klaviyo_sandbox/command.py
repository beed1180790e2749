"""The command `klaviyo-sandbox`."""

from __future__ import annotations

import argparse
import gc
import json
import signal
import sqlite3
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from klaviyo_sandbox.clock import microseconds
from klaviyo_sandbox.faults import FaultError
from klaviyo_sandbox.sandbox import Sandbox
from klaviyo_sandbox.seed_form import DATE
from klaviyo_sandbox.server import is_loopback


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(
        prog="klaviyo-sandbox", description="A local Klaviyo for demos and tests."
    )
    add = made.add_argument
    add("--host", default="127.0.0.1", type=loopback, help="loopback address to listen on")
    add("--port", default=8099, type=int, help="port to listen on; 0 picks one")
    add("--seed", default=7, type=int, help="number that the account is made from")
    add("--profiles", default=1_000, type=int, help="profiles in a new account")
    add("--events", default=20_000, type=int, help="events in a new account")
    add("--date", default=DATE, type=instant, help="day on which a new account's history ends")
    add("--bursts", default=0, type=int, help="crowds of events over the year; 0: its last day")
    add("--empty", action="store_true", help="a new account that holds nothing")
    add("--db", default=":memory:", help="file that keeps the account; memory without")
    add("--delay-ms", default=0, type=float, help="milliseconds that every answer takes more")
    add("--no-limits", action="store_true", help="answer without rate limits")
    add("--raised", default=1, type=int, help="how many times Klaviyo's limits are allowed")
    add("--time-scale", default=1.0, type=positive, help="how many times as fast time passes")
    add("--key", nargs="+", action="append", default=[], help="pk_...=scope,... (repeatable)")
    add("--faults", type=Path, help="JSON file with a list of faults")
    add("--plain", action="store_true", help="do not compress answers; Klaviyo does")
    return made


def loopback(host: str) -> str:
    """A host that is this machine."""
    if not is_loopback(host):
        raise argparse.ArgumentTypeError(
            f"the sandbox listens on loopback only (127.0.0.1, ::1, localhost), not on {host!r}"
        )
    return host


def positive(text: str) -> float:
    """A number greater than 0."""
    number = float(text)
    if number <= 0:
        raise argparse.ArgumentTypeError("time_scale must be greater than 0")
    return number


def instant(text: str) -> str:
    """A day such as 2026-09-01, or an instant of it."""
    microseconds(text)
    return text


def key_scopes(texts: Sequence[str]) -> dict[str, list[str] | None]:
    """Scopes by key, from `pk_...=scope,...`; a key without scopes may do everything."""
    pairs = (text.partition("=") for text in texts)
    return {key: names.split(",") if equals else None for key, equals, names in pairs}


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until SIGTERM or SIGINT."""
    command = parser()
    options = command.parse_args(arguments)
    sandbox = Sandbox(
        seed=options.seed,
        profiles=options.profiles,
        events=options.events,
        date=options.date,
        empty=options.empty,
        bursts=options.bursts,
        db=options.db,
        host=options.host,
        port=options.port,
        keys=key_scopes([text for texts in options.key for text in texts]),
        limits=not options.no_limits,
        raised=options.raised,
        time_scale=options.time_scale,
        delay=options.delay_ms / 1000,
        compress=not options.plain,
    )
    try:
        sandbox.faults.add_all(faults_in(options.faults))
    except (OSError, ValueError) as error:
        command.error(f"--faults: {error}")
    try:
        serve(sandbox)
    except (OSError, sqlite3.Error) as error:
        command.error(str(error))


def faults_in(path: Path | None) -> list[dict[str, Any]]:
    """The faults in a file."""
    if path is None:
        return []
    content = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(content, list) or not all(isinstance(row, dict) for row in content):
        raise FaultError("the file must hold a list of objects")
    return content


def serve(sandbox: Sandbox) -> None:
    """Say where, and wait for the signal to stop."""
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    with sandbox:
        sys.stdout.write(f"Klaviyo sandbox listening on {sandbox.url}\n")
        sys.stdout.flush()
        # Pages are made of thousands of tuples and no cycles: there is little to collect.
        gc.freeze()
        gc.set_threshold(20_000, 20, 20)
        stopped.wait()
