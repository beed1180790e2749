"""A real process that reads a report and is killed in the middle of it."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from klaviyo_sandbox import Sandbox
from tests import processes
from tests.tap.running import environment

FRAME = {"start": "2026-02-01", "end": "2026-02-20"}
REPORT = {"name": "days", "kind": "campaign_values", "timeframe": FRAME}
KEYS = ("date", "campaign_id", "campaign_message_id", "send_channel")


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(profiles=5, events=10, limits=False, raised=1_000, traps=False) as running:
        yield running


def command(folder: Path, url: str, state: dict[str, Any] | None = None) -> list[str]:
    """The arguments of a run that reads the report and nothing else, its files in `folder`."""
    config = {"api_url": url, "api_key": "pk_test", "reports": [REPORT]}
    (folder / "config.json").write_text(json.dumps(config))
    base = ["--config", str(folder / "config.json")]
    content = json.loads(processes.run("tap_klaviyo", *base, "--discover", env=own()).stdout)
    for stream in content["streams"]:
        stream["metadata"][-1]["metadata"]["selected"] = stream["tap_stream_id"] == "days"
    (folder / "catalog.json").write_text(json.dumps(content))
    (folder / "state.json").write_text(json.dumps(state or {}))
    return [*base, "--catalog", str(folder / "catalog.json"), "--state", str(folder / "state.json")]


def own() -> dict[str, str]:
    return environment({})


def rows(messages: list[dict[str, Any]]) -> set[tuple[str, ...]]:
    """The keys of the rows among messages."""
    found = [one["record"] for one in messages if one["type"] == "RECORD"]
    return {tuple(record[key] for key in KEYS) for record in found}


def whole_run(line: list[str]) -> list[dict[str, Any]]:
    done = processes.run("tap_klaviyo", *line, env=own())
    assert done.returncode == 0, done.stderr
    return [json.loads(one) for one in done.stdout.splitlines()]


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_run_goes_on_from_the_day_that_it_had_read(
    sandbox: Sandbox, tmp_path: Path, how: signal.Signals
) -> None:
    """The eleventh request is told to wait for minutes: that is when the process is killed."""
    wanted = rows(whole_run(command(tmp_path, sandbox.url)))
    sandbox.faults.add("query_campaign_values", "status", status=429, retry_after=500, after=10)
    line, messages = command(tmp_path, sandbox.url), []
    with processes.start("tap_klaviyo", *line, env=own(), stderr=processes.DEVNULL) as process:
        for text in process.stdout:
            messages.append(json.loads(text))
            if bookmark(messages[-1]) == "2026-02-10T00:00:00+00:00":
                break
        process.send_signal(how)
        messages += [json.loads(text) for text in process.stdout.readlines()]
    sandbox.faults.clear()
    state = [one["value"] for one in messages if one["type"] == "STATE"][-1]
    before = len(sandbox.requests)
    again = whole_run(command(tmp_path, sandbox.url, state))
    assert rows(messages) < wanted
    assert rows(messages) | rows(again) == wanted
    reports = [one for one in sandbox.requests if one.operation == "query_campaign_values"]
    assert len([one for one in reports if one.number > before]) == 10, "none twice"


def bookmark(message: dict[str, Any]) -> str | None:
    """The bookmark of the report in a STATE message."""
    bookmarks = message.get("value", {}).get("bookmarks", {})
    found = bookmarks.get("days", {}).get("replication_key_value")
    return None if found is None else str(found)
