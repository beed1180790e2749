"""Runs the target as its users do, and reads what it says."""

from __future__ import annotations

import io
import json
import logging
import os
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from unittest.mock import patch

import msgspec

from klaviyo_client.auth import PrivateKey
from klaviyo_client.client import KlaviyoClient
from klaviyo_client.client_settings import ClientSettings
from klaviyo_client.operations import operations
from klaviyo_client.query import Query
from klaviyo_sandbox.sandbox import Sandbox
from target_klaviyo.plans import StreamRules
from target_klaviyo.report import Tally
from target_klaviyo.target import TargetKlaviyo
from tests import processes

PROJECT = Path(__file__).resolve().parents[2]
Message = Mapping[str, Any]
# Everything is an error, but that the SDK would rather see a newer Python.
WARNINGS = "error,ignore:Python 3"
STRING = {"type": ["string", "null"]}


def stream_rules(**changes: Any) -> StreamRules:
    """The rules of a stream that has none of its own."""
    now = datetime(2026, 1, 31, tzinfo=timezone.utc)
    settings: dict[str, Any] = {
        "keys": (),
        "earliest": datetime(2000, 1, 1, tzinfo=timezone.utc),
        "latest": now + timedelta(days=365),
        "now": now,
        "recent": now - timedelta(days=1),
        "clear_nulls": False,
        "immediate": False,
        "notice": lambda key, text: None,  # noqa: ARG005
    }
    return StreamRules(**{**settings, **changes})


def schema(stream: str, *columns: str, keys: Sequence[str] = (), **typed: Any) -> Message:
    """A SCHEMA message; columns are strings unless `typed` says otherwise."""
    properties = {**dict.fromkeys(columns, STRING), **typed}
    return {
        "type": "SCHEMA",
        "stream": stream,
        "schema": {"type": "object", "properties": properties},
        "key_properties": list(keys),
    }


def records(stream: str, rows: Iterable[Mapping[str, Any]]) -> list[Message]:
    """RECORD messages."""
    return [{"type": "RECORD", "stream": stream, "record": dict(row)} for row in rows]


def state(value: Any) -> Message:
    """A STATE message."""
    return {"type": "STATE", "value": value}


def text(messages: Iterable[Message]) -> str:
    """Messages as a tap writes them."""
    return "".join(json.dumps(message) + "\n" for message in messages)


@dataclass(frozen=True)
class Run:
    """What a run of the target left: exit code, state lines, log."""

    code: int
    states: list[Any]
    log: str

    @property
    def errors(self) -> list[str]:
        """The ERROR lines."""
        lines = (line for line in self.log.splitlines() if "| ERROR " in line)
        return [line.split("|", 3)[-1].strip() for line in lines]

    def figures(self, stream: str) -> dict[str, int]:
        """The counts of the summary."""
        found = re.search(rf"stream '{stream}': (rows .*)", self.log)
        assert found, self.log
        pairs = (part.rsplit(" ", 1) for part in found[1].split(", "))
        return {name: int(float(value)) for name, value in pairs}


def environment(url: str, settings: Mapping[str, Any]) -> dict[str, str]:
    """The environment of a run: settings as the variables that Meltano would set."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("TARGET_KLAVIYO_")}
    given = {"api_url": url, "api_key": "pk_test", **settings}
    named = {
        f"TARGET_KLAVIYO_{name.upper()}": value if isinstance(value, str) else json.dumps(value)
        for name, value in given.items()
        if value is not None
    }
    return {**clean, **named, "PYTHONWARNINGS": WARNINGS, "PYTHONPATH": str(PROJECT)}


COMMAND = (sys.executable, "-m", "target_klaviyo")


def run_target(
    url: str, messages: Iterable[Message] | str, *arguments: str, **settings: Any
) -> Run:
    """Run the command as a process."""
    content = messages if isinstance(messages, str) else text(messages)
    ended = processes.run(
        "target_klaviyo",
        *arguments,
        env=environment(url, settings),
        cwd=settings.get("cwd"),
        text=content,
    )
    assert "Traceback" not in ended.stderr, ended.stderr
    states = [json.loads(line) for line in ended.stdout.splitlines()]
    return Run(ended.returncode, states, ended.stderr)


def run_here(
    folder: Path, url: str, messages: Iterable[Message] | str, *arguments: str, **settings: Any
) -> Run:
    """Run the command inside this process, from command line to exit code; `folder` is scratch."""
    source = folder / "input.singer"
    source.write_text(messages if isinstance(messages, str) else text(messages))
    log = io.StringIO()
    handler = logging.StreamHandler(log)
    handler.setFormatter(logging.Formatter("- | %(levelname)s | %(name)s | %(message)s"))
    logger = logging.getLogger("target-klaviyo")
    logger.addHandler(handler)
    level = logger.level
    logger.setLevel(logging.INFO)
    command = TargetKlaviyo.get_singer_command()
    given = environment(url, settings)
    with patch.dict(os.environ, given, clear=True), redirect_stdout(io.StringIO()) as output:
        try:
            command.main(["--input", str(source), *arguments])
        except SystemExit as ended:
            code = int(ended.code or 0)
        finally:
            logger.removeHandler(handler)
            logger.setLevel(level)
    states = [json.loads(line) for line in output.getvalue().splitlines()]
    return Run(code, states, log.getvalue())


@dataclass(frozen=True)
class Load:
    """What a load inside this process left: its error, state lines, figures by stream."""

    error: Exception | None
    states: list[Any]
    tallies: Mapping[str, Tally]

    def counts(self, stream: str) -> dict[str, int]:
        """Rows by outcome, reasons apart; and the rows that came."""
        tally = self.tallies[stream]
        found = {
            f"{kind}: {reason}" if reason else kind: one.count
            for (kind, reason), one in tally.outcomes.items()
        }
        assert sum(found.values()) <= tally.rows
        return found


def load(sandbox: Sandbox, messages: Iterable[Message], **settings: Any) -> Load:
    """Run the target inside this process: fast, and with its errors as they are raised."""
    target = TargetKlaviyo(config={"api_url": sandbox.url, "api_key": "pk_test", **settings})
    error = None
    with redirect_stdout(io.StringIO()) as output:
        try:
            target.listen(io.StringIO(text(messages)))
        except Exception as caught:  # noqa: BLE001 - the test looks at it
            error = caught
    states = [json.loads(line) for line in output.getvalue().splitlines()]
    return Load(error, states, target.report.totals())


def held(sandbox: Sandbox, operation: str, **path: str) -> list[dict[str, Any]]:
    """Every resource of a collection of the sandbox: its attributes and its id."""
    settings = ClientSettings(base_url=sandbox.url)
    with KlaviyoClient(PrivateKey("pk_test"), settings) as client:
        page = operations()[operation].page
        query = Query(page_size=page.maximum if page else None)
        pages = list(client.pages(operation, query, path=path))
    found = [one for part in pages for one in msgspec.json.decode(part.data)]
    return [{**one["attributes"], "id": one["id"]} for one in found]


def profiles(sandbox: Sandbox) -> dict[str, dict[str, Any]]:
    """The profiles that the sandbox holds, by e-mail address."""
    return {one["email"]: one for one in held(sandbox, "get_profiles")}


def sent(sandbox: Sandbox, operation: str) -> list[int]:
    """Status of each answer that the sandbox gave to an operation."""
    return [entry.status for entry in sandbox.requests if entry.operation == operation]
