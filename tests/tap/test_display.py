"""The installed command on a terminal: what stands on its screen, and what it leaves behind."""

from __future__ import annotations

import json
import logging
import os
import re
import signal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from klaviyo_sandbox import Sandbox
from tap_klaviyo.display import Display
from tap_klaviyo.progress import Facts
from tests import processes
from tests.tap.running import catalog, environment
from tests.tap.terminal import Screen

LIVE = re.compile(r"events +[\d,]+ +[\d,]+  2\d{3}-\d\d-\d\d \d\d:\d\d:\d\d +\d+ %")
ENDED = r"{} +[\d,]+ +[\d,]+  [\d: -]+{}, \d+ s"


def live(lines: list[str]) -> bool:
    """Whether the heading stands above a stream that is read."""
    return any("stream" in one and LIVE.fullmatch(two) for one, two in pairwise(lines))


def started(
    folder: Path, screen: Screen, url: str, *streams: str, **settings: Any
) -> processes.Process:
    """The tap with its stderr on a terminal; it goes on when its stdout is read."""
    (folder / "catalog.json").write_text(json.dumps(catalog(*streams)))
    config = {"api_url": url, "api_key": "pk_test", **settings}
    (folder / "config.json").write_text(json.dumps(config))
    words = [f"--{name}={folder / name}.json" for name in ("catalog", "config")]
    own = environment({}) | {"TERM": "xterm-256color"}
    return processes.start("tap_klaviyo", *words, env=own, stderr=screen.end)


def read_out(process: processes.Process) -> list[dict[str, Any]]:
    """Everything on stdout, which must be Singer messages only."""
    with process:
        return [json.loads(one) for one in process.stdout.read().splitlines()]


def matching(lines: list[str], text: str) -> list[str]:
    return [one for one in lines if re.fullmatch(text, one)]


def test_a_terminal_shows_the_streams_below_the_log(tmp_path: Path) -> None:
    screen = Screen()
    with Sandbox(profiles=50, events=2000, limits=False, traps=False) as sandbox:
        options = {"events": {"page_size": 50}}
        process = started(tmp_path, screen, sandbox.url, "events", "lists", stream_options=options)
        screen.wait_for(live)
        os.write(screen.end, b"What the loader says\n")
        messages = read_out(process)
    assert process.returncode == 0
    assert {one["type"] for one in messages} == {"SCHEMA", "RECORD", "STATE"}
    assert sum(one.get("stream") == "events" for one in messages if one["type"] == "RECORD") == 2000
    lines = screen.ended()
    assert len(matching(lines, ENDED.format("events", "done"))) == 1
    assert len(matching(lines, ENDED.format("lists", "done"))) == 1
    assert "What the loader says" in lines, "it is not wiped out"
    assert not matching(lines, LIVE.pattern), "the display has gone"
    # The terminal has cut long lines; nothing is missing of them.
    assert '"metric":"record_count","value":2000,"tags":{"stream":"events"' in "".join(lines)


def test_a_signal_leaves_the_terminal_as_it_was(tmp_path: Path) -> None:
    screen = Screen()
    with Sandbox(profiles=50, events=2000, limits=False, traps=False) as sandbox:
        options = {"events": {"page_size": 50}}
        process = started(tmp_path, screen, sandbox.url, "events", stream_options=options)
        screen.wait_for(live)
        process.send_signal(signal.SIGTERM)
        # Nothing is read before: the tap could end its work while the signal is on its way.
        screen.wait_for(lambda lines: any("Told to stop" in one for one in lines))
        messages = read_out(process)
    assert process.returncode == 0
    assert messages[-1]["type"] == "STATE"
    assert len(matching(screen.ended(), ENDED.format("events", "interrupted"))) == 1


def test_a_stream_that_waits_for_a_limit_says_so(tmp_path: Path) -> None:
    screen = Screen()
    with Sandbox(profiles=10, events=10, limits=False) as sandbox:
        sandbox.faults.add(operation="get_lists", kind="status", status=429, retry_after=400)
        process = started(tmp_path, screen, sandbox.url, "lists", "tags")
        row = r"lists +0 +0 +waits (3\d\d|400) s"
        screen.wait_for(lambda lines: bool(matching(lines, row)))
        process.send_signal(signal.SIGTERM)
        read_out(process)
    assert process.returncode == 0
    lines = screen.ended()
    assert matching(lines, r"lists +0 +0 +interrupted, \d+ s")
    assert any("429" in one for one in lines), "the log says why"


@pytest.mark.parametrize("status", [400, 401])
def test_an_error_leaves_the_terminal_as_it_was(tmp_path: Path, status: int) -> None:
    screen = Screen()
    with Sandbox(profiles=10, events=10, limits=False) as sandbox:
        sandbox.faults.add(operation="get_events", kind="status", status=status)
        process = started(tmp_path, screen, sandbox.url, "events")
        read_out(process)
    assert process.returncode == 1
    lines = screen.ended()
    assert any(str(status) in one and "ERROR" in one for one in lines)
    assert len(matching(lines, r"events +0 +0 +ended early, \d+ s")) == 1


@pytest.mark.parametrize(("wish", "shown"), [("log", False), ("none", False), ("live", True)])
def test_the_setting_says_what_is_shown(tmp_path: Path, wish: str, shown: bool) -> None:
    screen = Screen()
    with Sandbox(profiles=10, events=10, limits=False) as sandbox:
        process = started(tmp_path, screen, sandbox.url, "lists", progress=wish)
        read_out(process)
    assert process.returncode == 0
    found = matching(screen.ended(), ENDED.format("lists", "done"))
    assert len(found) == int(shown)


def test_log_lines_come_out_whole_above_the_display() -> None:
    screen = Screen()
    logger = logging.getLogger("tests.display")
    with os.fdopen(os.dup(screen.end), "w", buffering=1) as file:
        handler = logging.StreamHandler(file)
        logger.addHandler(handler)
        with Display(file, ["events", "tags"]) as display:
            display.show([Facts("events", 1), Facts("tags", 1)])
            logger.warning("short")
            display.show([Facts("events", 2), Facts("tags", 1, outcome="done")])
            logger.warning("%s [bold]end[/bold]", "long " * 50)
            display.show([Facts("events", 3)])
            # As a program does that shares the terminal, but not our handlers.
            os.write(screen.end, b"a loader\nthat speaks\nof\nmany things\n")
            display.show([Facts("events", 4)])
        logger.warning("after")
        logger.removeHandler(handler)
    lines = [one for one in screen.ended() if one]
    assert lines[0] == "short"
    assert lines[1] == "tags              1         0                       done, 0 s"
    assert " ".join(lines[2:5]).split() == [*["long"] * 50, "[bold]end[/bold]"]
    # A foreign line covers one of the display's, as far as it reaches.
    foreign = ("a loader", "that speaks", "of", "many things")
    assert all(line.startswith(text) for line, text in zip(lines[5:9], foreign, strict=True))
    assert lines[9:] == [
        "events            4         0                       interrupted, 0 s",
        "after",
    ]
