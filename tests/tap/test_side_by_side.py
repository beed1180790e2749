"""Streams read at once: what comes out is whole, in order, and never behind its state."""

from __future__ import annotations

import json
import re
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from klaviyo_sandbox import Sandbox
from tests import processes
from tests.tap.account import HEADERS, ids, resources
from tests.tap.late_answers import LATE
from tests.tap.running import Run, RunTap, catalog, environment
from tests.waiting import until

EVENTS = {"page[size]": "1000", "sort": "datetime"}
PROFILES = {"page[size]": "100"}
OPTIONS = {
    "events": {"page_size": 100, "lookback_days": 0},
    "profiles": {"page_size": 20},
}
# What Klaviyo compares: records of the bookmark's own second may come again.
SECOND = len("2026-01-01T00:00:00")
FAULTS: tuple[dict[str, Any], ...] = (
    {"operation": "get_events", "kind": "status", "status": 503, "after": 2},
    {"operation": "get_events", "kind": "truncated", "after": 5},
    {"operation": "get_profiles", "kind": "reset", "after": 3},
    {"operation": "get_profiles", "kind": "status", "status": 429, "retry_after": 0, "after": 6},
    {"operation": "get_profiles_for_list", "kind": "html_403", "after": 1},
)


def check_states(messages: list[dict[str, Any]], times: dict[str, dict[str, str]]) -> None:
    """No state is ahead of the records before it; `times` are keys by id and stream."""
    seen: dict[str, set[str]] = {name: set() for name in times}
    for message in messages:
        if message["type"] == "RECORD" and message["stream"] in seen:
            seen[message["stream"]].add(message["record"]["id"])
        if message["type"] == "STATE":
            for name, known in times.items():
                mark = message["value"].get("bookmarks", {}).get(name, {})
                before = mark.get("replication_key_value", "")[:SECOND]
                missing = {i for i, when in known.items() if when[:SECOND] < before} - seen[name]
                assert not missing, f"{name} says {before}, but {len(missing)} had not come"


def started(
    folder: Path, url: str, *streams: str, module: str = "tap_klaviyo", **settings: Any
) -> processes.Process:
    """The tap, reading these streams."""
    (folder / "selected.json").write_text(json.dumps(catalog(*streams)))
    words = ["--catalog", str(folder / "selected.json")]
    own = {"api_url": url, "api_key": "pk_test", "stream_options": json.dumps(OPTIONS), **settings}
    return processes.start(module, *words, env=environment(own))


def test_streams_are_read_at_once_and_no_state_is_ahead(tmp_path: Path) -> None:
    with Sandbox(profiles=400, events=3000, limits=False) as sandbox:
        url = sandbox.url
        times = {
            "events": {
                one["id"]: one["attributes"]["datetime"]
                for one in resources(url, "events", **EVENTS)
            },
            "profiles": {
                one["id"]: one["attributes"]["updated"]
                for one in resources(url, "profiles", **PROFILES)
            },
        }
        # Neither stream can end before both have written.
        for operation in ("get_events", "get_profiles"):
            sandbox.faults.add(operation, "held", after=1)
        options = json.dumps(OPTIONS | {"profiles": {"page_size": 100}})
        streams = ("events", "profiles", "lists")
        with started(tmp_path, url, *streams, stream_options=options) as process:
            messages, written = [], set[str]()
            while not {"events", "profiles"} <= written:
                messages.append(json.loads(process.stdout.readline()))
                if messages[-1]["type"] == "RECORD":
                    written.add(messages[-1]["stream"])
            sandbox.faults.clear()
            messages += [json.loads(line) for line in process.stdout]
    assert process.returncode == 0
    check_states(messages, times)
    for name in streams:
        kinds = [one["type"] for one in messages if one.get("stream") == name]
        assert kinds[0] == "SCHEMA"
        assert "SCHEMA" not in kinds[1:]


def test_the_environment_may_ask_for_word_of_rows_that_are_gone(tmp_path: Path) -> None:
    wish = {"emit_activate_version_messages": "true"}
    with (
        Sandbox(profiles=0, events=0, limits=False) as sandbox,
        started(tmp_path, sandbox.url, "tags", **wish) as process,
    ):
        kinds = [json.loads(line)["type"] for line in process.stdout]
    assert process.returncode == 0
    assert "ACTIVATE_VERSION" in kinds


@pytest.mark.parametrize("module", ["tap_klaviyo", LATE])
@pytest.mark.parametrize("workers", [3, 48])
def test_many_at_once_say_the_same_as_one_under_faults(
    run_tap: RunTap, workers: int, module: str
) -> None:
    streams = ("events", "list_profiles", "lists", "profiles", "templates")
    runs: list[Run] = []
    for count in (1, workers):
        # Without traps: an event of the future would set each bookmark to its own run's start.
        with Sandbox(profiles=150, events=3000, limits=False, delay=0.01, traps=False) as sandbox:
            for fault in FAULTS:
                sandbox.faults.add(**fault)
            run = run_tap(
                sandbox.url,
                *streams,
                stream_options=OPTIONS,
                max_parallel_requests=count,
                max_buffer_mb=1,
                module=module,
            )
            assert sandbox.faults.met() == len(FAULTS), "all faults must have happened"
            assert run.code == 0, run.errors
            runs.append(run)
    one, many = runs
    for name in streams:
        assert one.records(name) == many.records(name), name
    assert one.state == many.state


@pytest.mark.parametrize(("wish", "others"), [("finish", True), ("stop", False)])
def test_what_a_failing_stream_does_to_the_others(run_tap: RunTap, wish: str, others: bool) -> None:
    with Sandbox(profiles=50, events=2000, limits=False) as sandbox:
        wanted = ids(sandbox.url, "events", **EVENTS)
        sandbox.faults.add(operation="get_lists", kind="status", status=400)
        # An answer is held back until the other stream has failed.
        sandbox.faults.add(operation="get_events", kind="held", after=3)
        run = run_tap(
            sandbox.url,
            "events",
            "lists",
            stream_options={"events": {"page_size": 20, "lookback_days": 0}},
            on_stream_error=wish,
            when={"Stream lists ends early": sandbox.faults.clear},
        )
        assert run.code == 1
        assert "Stream lists ends early: Klaviyo answered 400" in run.errors
        found = {one["id"] for one in run.records("events")}
        assert (found == wanted) is others
        if others:
            assert "not everything was read: lists ended early" in run.errors
            return
        assert "Stream events ends early: another stream failed" in run.errors
        sandbox.faults.clear()
        again = run_tap(sandbox.url, "events", stream_options=OPTIONS, state=run.state)
        assert found | {one["id"] for one in again.records("events")} == wanted


def test_what_ends_the_run_does_not_wait_for_streams_that_wait(run_tap: RunTap) -> None:
    """One stream would wait ten minutes for its limit; the key is refused to another."""
    with Sandbox(profiles=20, events=300, limits=False) as sandbox:
        sandbox.faults.add(operation="get_profiles", kind="status", status=429, retry_after=590)
        sandbox.faults.add(operation="get_events", kind="status", status=401, after=2)
        run = run_tap(sandbox.url, "events", "profiles", stream_options=OPTIONS)
        assert run.code == 1
        assert "does not accept the credentials (401)" in run.errors


@contextmanager
def changing(url: str, profiles: list[str]) -> Iterator[list[str]]:
    """Somebody changes profiles and makes events all the while; gives the profiles changed."""
    stop, changed = threading.Event(), list[str]()

    def work() -> None:
        with requests.Session() as session:
            session.headers.update(HEADERS)
            while not stop.is_set():
                number = len(changed)
                one = profiles[number * 7 % len(profiles)]
                attributes = {"properties": {"changed": number}}
                body: dict[str, Any] = {"type": "profile", "id": one, "attributes": attributes}
                answer = session.post(f"{url}/api/profile-import", json={"data": body}, timeout=60)
                answer.raise_for_status()
                event = {
                    "properties": {"number": number},
                    "metric": {"data": {"type": "metric", "attributes": {"name": "Changed"}}},
                    "profile": {"data": {"type": "profile", "id": one, "attributes": {}}},
                    "unique_id": f"changed-{number}",
                }
                answer = session.post(
                    f"{url}/api/events",
                    json={"data": {"type": "event", "attributes": event}},
                    timeout=60,
                )
                answer.raise_for_status()
                changed.append(one)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        until(lambda: bool(changed))
        yield changed
    finally:
        stop.set()
        thread.join()


@pytest.mark.parametrize("module", ["tap_klaviyo", LATE])
@pytest.mark.parametrize("lines", [300, 2500])
def test_rows_that_change_meanwhile_are_not_lost_by_a_kill(
    tmp_path: Path, run_tap: RunTap, lines: int, module: str
) -> None:
    with Sandbox(profiles=150, events=3000, limits=False, delay=0.02) as sandbox:
        url = sandbox.url
        known = sorted(ids(url, "profiles", **PROFILES))
        with changing(url, known) as changed:
            taken = killed(started(tmp_path, url, "events", "profiles", module=module), lines)
            before = len(changed)
            until(lambda: len(changed) > before)
        state = next((one["value"] for one in reversed(taken) if one["type"] == "STATE"), None)
        wish = {"stream_options": OPTIONS, "module": module}
        again = run_tap(url, "events", "profiles", state=state, **wish)
        assert again.code == 0, again.errors
        messages = taken + again.messages
        events = {
            one["record"]["id"]
            for one in messages
            if one["type"] == "RECORD" and one["stream"] == "events"
        }
        assert events == ids(url, "events", **EVENTS)
        latest = {
            one["record"]["id"]: one["record"]["properties"]
            for one in messages
            if one["type"] == "RECORD" and one["stream"] == "profiles"
        }
        account = resources(url, "profiles", **PROFILES)
        assert latest == {one["id"]: one["attributes"]["properties"] for one in account}


def killed(process: processes.Process, lines: int) -> list[dict[str, Any]]:
    """The whole messages of a run that is killed after so many lines."""
    with process:
        taken = [process.stdout.readline() for _ in range(lines)]
        process.send_signal(signal.SIGKILL)
        taken += process.stdout.readlines()
    return [json.loads(line) for line in taken if line.endswith(b"\n")]


LONG_SCANS: list[tuple[str, str, dict[str, Any], str | None]] = [
    ("list_profiles", "get_profiles_for_list", {}, "2025-12-01"),
    ("list_profiles", "get_profiles_for_list", {}, None),
    ("segment_profiles", "get_profiles_for_segment", {}, None),
    ("events", "get_events", {"metrics": {"include": ["Placed Order"]}}, None),
]


@pytest.mark.parametrize(("stream", "operation", "options", "start"), LONG_SCANS)
def test_one_long_scan_is_read_by_many(
    run_tap: RunTap, stream: str, operation: str, options: dict[str, Any], start: str | None
) -> None:
    """Its records come in the same order, and requests for later ones go out early."""
    runs: list[Run] = []
    for workers in (1, 16):
        with Sandbox(profiles=200, events=1000, limits=False, delay=0.01) as sandbox:
            run = run_tap(
                sandbox.url,
                stream,
                stream_options={stream: {"page_size": 10, **options}},
                max_parallel_requests=workers,
                **({"start_date": start} if start else {}),
            )
            assert run.code == 0, run.errors
            runs.append(run)
            asked = sandbox.requests.of(operation)
            cut = [one for one in asked if "less-than" in one.parameters.get("filter", "")]
            assert bool(cut) is (workers > 1)
    one, many = runs
    assert one.records(stream) == many.records(stream) != []
    assert one.state == many.state


def test_the_last_days_are_asked_for_before_their_turn(run_tap: RunTap) -> None:
    """They are often the densest by far, which is known only when they have come."""
    with Sandbox(profiles=50, events=1000, limits=False, delay=0.02, traps=False) as sandbox:
        options = {"events": {"page_size": 10}}
        wish = {"stream_options": options, "max_parallel_requests": 4}
        run = run_tap(sandbox.url, "events", module=LATE, **wish)
        asked = [one.parameters["filter"] for one in sandbox.requests.of("get_events")[1:]]
        wanted = ids(sandbox.url, "events", **EVENTS)
    assert run.code == 0, run.errors
    assert {one["id"] for one in run.records("events")} == wanted
    ends = [
        found[1]
        for found in (re.search(r"less-than\(datetime,(.*?)\)", one) for one in asked)
        if found
    ]
    assert len(ends) > 20
    assert max(ends) in ends[:4], "among the first four, which are under way at once"
