from __future__ import annotations

import array
import fcntl
import json
import signal
import termios
from pathlib import Path
from typing import Any

import pytest

from klaviyo_sandbox import Sandbox
from tests import processes
from tests.tap.account import ids
from tests.tap.late_answers import LATE
from tests.tap.running import RunTap, catalog, environment
from tests.waiting import until

EVENTS = {"page[size]": "1000", "sort": "datetime"}


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "status": 429, "retry_after": 0, "times": 3},
        {"kind": "status", "status": 503, "times": 2},
        {"kind": "html_403"},
        {"kind": "reset"},
        {"kind": "truncated"},
        {"kind": "garbled", "times": 2},
        {"kind": "empty_page"},
        {"kind": "unknown_attribute"},
        {"kind": "unsorted", "times": 5},
    ],
    ids=lambda fault: fault["kind"] + str(fault.get("status", "")),
)
@pytest.mark.parametrize("module", ["tap_klaviyo", LATE])
def test_nothing_is_lost_or_doubled_under_a_fault(
    run_tap: RunTap, fault: dict[str, Any], module: str
) -> None:
    with Sandbox(profiles=20, events=400, limits=False) as sandbox:
        wanted = ids(sandbox.url, "events", **EVENTS)
        sandbox.faults.add(operation="get_events", after=1, **fault)
        options = {"events": {"page_size": 100}}
        run = run_tap(sandbox.url, "events", stream_options=options, module=module)
        assert sandbox.faults.met() >= 1, "the fault must have happened"
        assert run.code == 0, run.errors
        found = [one["id"] for one in run.records("events")]
        assert set(found) == wanted
        assert len(found) == len(wanted)


def test_an_unknown_attribute_is_kept(run_tap: RunTap) -> None:
    with Sandbox(profiles=20, events=0, limits=False) as sandbox:
        sandbox.faults.add(operation="get_profiles", kind="unknown_attribute")
        run = run_tap(sandbox.url, "profiles")
        plain = {"anonymous_id"}
        extras = [set(one["extra_attributes"] or {}) - plain for one in run.records("profiles")]
        assert any(extras)


def test_a_repeated_cursor_ends_the_run_with_the_reason(run_tap: RunTap) -> None:
    with Sandbox(profiles=20, events=400, limits=False) as sandbox:
        sandbox.faults.add(operation="get_events", kind="repeated_cursor", after=1, times=9)
        run = run_tap(sandbox.url, "events", stream_options={"events": {"page_size": 100}})
        assert run.code == 1
        assert "a next link repeats" in run.errors
        assert "Traceback" not in run.errors


def test_disorder_inside_a_scan_takes_the_bookmark_back(run_tap: RunTap) -> None:
    with Sandbox(profiles=20, events=400, limits=False) as sandbox:
        wanted = ids(sandbox.url, "events", **EVENTS)
        sandbox.requests.clear()
        # The read ends half-way: what was already emitted out of order must come again.
        sandbox.faults.add(operation="get_events", kind="status", status=400, after=3)
        sandbox.faults.add(operation="get_events", kind="unsorted", times=2, after=1)
        options = {"events": {"page_size": 100, "lookback_days": 0}}
        run = run_tap(sandbox.url, "events", stream_options=options, max_parallel_requests=1)
        assert run.code == 1
        assert run.records("events")
        assert run.state["bookmarks"]["events"] == {}
        sandbox.faults.clear()
        again = run_tap(sandbox.url, "events", stream_options=options, state=run.state)
        assert {one["id"] for one in again.records("events")} == wanted


def test_a_stream_that_breaks_off_keeps_its_progress_and_the_others_are_read(
    run_tap: RunTap,
) -> None:
    with Sandbox(profiles=20, events=400, limits=False) as sandbox:
        wanted = {
            name: ids(sandbox.url, name, **sizes)
            for name, sizes in (("events", EVENTS), ("lists", {}), ("profiles", {}))
        }
        sandbox.faults.add(operation="get_events", kind="status", status=400, after=2)
        options = {"events": {"page_size": 100, "lookback_days": 0}}
        run = run_tap(sandbox.url, *wanted, stream_options=options)
        assert run.code == 1
        assert "Stream events ends early: Klaviyo answered 400" in run.errors
        assert "not everything was read: events" in run.errors
        for name in ("lists", "profiles"):
            assert {one["id"] for one in run.records(name)} == wanted[name]
        bookmark = run.state["bookmarks"]["events"]["replication_key_value"]
        assert bookmark == run.records("events")[-1]["datetime"]
        sandbox.faults.clear()
        again = run_tap(sandbox.url, *wanted, stream_options=options, state=run.state)
        found = [one["id"] for part in (run, again) for one in part.records("events")]
        assert set(found) == wanted["events"]
        assert len(found) < 1.5 * len(wanted["events"]), "it continued"


@pytest.mark.parametrize("times", [1, 2])
def test_a_metric_counts_as_refused_only_where_klaviyo_takes_the_rest(
    run_tap: RunTap, times: int
) -> None:
    metrics = ["Placed Order", "Opened Email"]
    with Sandbox(profiles=20, events=400, limits=False) as sandbox:
        options = {"events": {"metrics": {"include": metrics}}}
        whole = run_tap(sandbox.url, "events", stream_options=options)
        sandbox.faults.add(operation="get_events", kind="status", status=400, times=times)
        run = run_tap(sandbox.url, "events", stream_options=options, max_parallel_requests=1)
        names = {one["metric_name"] for one in run.records("events")}
        assert len(names) == (1 if times == 1 else 0)
        assert ("goes on without" in run.errors) == (times == 1)
        assert ("Stream events ends early" in run.errors) == (times > 1)
        assert run.code == (0 if times == 1 else 1)
        assert names < {one["metric_name"] for one in whole.records("events")}


def test_metrics_that_may_not_be_read_skip_the_stream_that_excludes_some(run_tap: RunTap) -> None:
    with Sandbox(profiles=5, events=50, limits=False) as sandbox:
        sandbox.faults.add(operation="get_metrics", kind="status", status=403)
        options = {"events": {"metrics": {"exclude": ["Placed Order"]}}}
        settings = {"stream_options": options, "on_missing_scope": "skip"}
        run = run_tap(sandbox.url, "events", "lists", **settings)
        assert run.code == 0, run.errors
        assert "Stream events is skipped" in run.errors
        assert run.records("lists")
        assert not run.records("events")


def test_credentials_that_end_in_the_middle_leave_a_state(run_tap: RunTap) -> None:
    with Sandbox(profiles=20, events=400, limits=False) as sandbox:
        sandbox.faults.add(operation="get_events", kind="status", status=401, after=2, times=5)
        options = {"events": {"page_size": 100, "lookback_days": 0}}
        run = run_tap(sandbox.url, "events", stream_options=options, max_parallel_requests=1)
        assert run.code == 1
        assert "check the setting api_key" in run.errors
        bookmark = run.state["bookmarks"]["events"]["replication_key_value"]
        assert bookmark == run.records("events")[-1]["datetime"]


def test_keys_come_even_where_a_catalog_does_not_select_them(run_tap: RunTap) -> None:
    with Sandbox(profiles=20, events=400, limits=False) as sandbox:
        content = catalog("events")
        for stream in content["streams"]:
            for row in stream["metadata"]:
                if row["breadcrumb"] in (["properties", "id"], ["properties", "datetime"]):
                    row["metadata"] = {"inclusion": "available", "selected": False}
        options = {"events": {"page_size": 50}}
        run = run_tap(sandbox.url, catalog_content=content, stream_options=options)
        assert run.code == 0, run.errors
        found = [one["id"] for one in run.records("events")]
        assert len(found) == len(set(found)) == sandbox.account.count("event")
        assert run.state["bookmarks"]["events"]["replication_key_value"]


def test_a_400_in_the_middle_of_a_metric_is_no_refusal(run_tap: RunTap) -> None:
    with Sandbox(profiles=20, events=400, limits=False) as sandbox:
        options = {"events": {"page_size": 20, "metrics": {"include": ["Placed Order"]}}}
        sandbox.faults.add(operation="get_events", kind="status", status=400, after=1)
        run = run_tap(sandbox.url, "events", stream_options=options)
        assert run.code == 1
        assert "Stream events ends early" in run.errors


def test_a_list_that_goes_away_meanwhile_does_not_end_the_run(run_tap: RunTap) -> None:
    with Sandbox(profiles=60, events=0, limits=False) as sandbox:
        groups = ids(sandbox.url, "lists")
        sandbox.faults.add(operation="get_profiles_for_list", kind="status", status=404)
        run = run_tap(sandbox.url, "list_profiles", "tags", max_parallel_requests=1)
        assert run.code == 0, run.errors
        assert "Stream list_profiles goes on without" in run.errors
        read = {one["list_id"] for one in run.records("list_profiles")}
        assert read
        assert read < groups
        assert run.records("tags")


def started(folder: Path, url: str, *streams: str, stderr: int) -> processes.Process:
    """The tap, reading some streams."""
    (folder / "selected.json").write_text(json.dumps(catalog(*streams)))
    words = ["--catalog", str(folder / "selected.json")]
    settings = environment({"api_url": url, "api_key": "pk_test"})
    return processes.start("tap_klaviyo", *words, env=settings, stderr=stderr)


def kill_after(process: processes.Process, lines: int, how: signal.Signals) -> list[str]:
    """Read some lines, kill; gives all whole lines that came."""
    with process:
        taken = [process.stdout.readline() for _ in range(lines)]
        process.send_signal(how)
        taken += process.stdout.readlines()
    return [line.decode() for line in taken if line.endswith(b"\n")]


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
@pytest.mark.parametrize("lines", [1, 3_500])
def test_a_killed_run_continues_from_its_last_state(
    tmp_path: Path, run_tap: RunTap, lines: int, how: signal.Signals
) -> None:
    with Sandbox(profiles=100, events=4_000, limits=False) as sandbox:
        wanted = {
            name: ids(sandbox.url, name, **sizes)
            for name, sizes in (
                ("events", EVENTS),
                ("profiles", {"page[size]": "100"}),
                ("lists", {}),
            )
        }
        process = started(tmp_path, sandbox.url, *wanted, stderr=processes.DEVNULL)
        messages = [json.loads(line) for line in kill_after(process, lines, how)]
        states = [one["value"] for one in messages if one["type"] == "STATE"]
        options = {"events": {"lookback_days": 0}}
        again = run_tap(
            sandbox.url,
            *wanted,
            stream_options=options,
            state=states[-1] if states else None,
        )
        assert again.code == 0, again.errors
        for stream, everything in wanted.items():
            found = {
                one["record"]["id"]
                for one in messages
                if one["type"] == "RECORD" and one["stream"] == stream
            }
            found |= {one["id"] for one in again.records(stream)}
            assert found == everything, stream


@pytest.mark.parametrize("times", [1, 2])
def test_a_signal_while_the_loader_is_busy_leaves_whole_lines_and_a_state(
    tmp_path: Path, times: int
) -> None:
    with Sandbox(profiles=20, events=3_000, limits=False) as sandbox:
        with started(tmp_path, sandbox.url, "events", stderr=processes.PIPE) as process:
            # A pipe of one page: whatever is written to it is cut in two.
            fcntl.fcntl(process.stdout, fcntl.F_SETPIPE_SZ, 1)
            first = process.stdout.readline()
            until(lambda: held_in(process.stdout.fileno()) > 0)
            for number in range(times):
                process.send_signal(signal.SIGTERM)
                if number == 0:
                    assert any(b"Told to stop" in line for line in process.stderr)
            lines = [first, *process.stdout.readlines()]
        assert process.returncode == 0
        assert all(line.endswith(b"\n") for line in lines)
        assert json.loads(lines[-1])["type"] == "STATE"


def held_in(pipe: int) -> int:
    """How many bytes of a pipe nobody has read."""
    held = array.array("i", [0])
    fcntl.ioctl(pipe, termios.FIONREAD, held)
    return held[0]


def test_a_loader_that_goes_away_is_named(tmp_path: Path) -> None:
    with Sandbox(profiles=20, events=3000, limits=False) as sandbox:
        with started(tmp_path, sandbox.url, "events", stderr=processes.PIPE) as process:
            process.stdout.readline()
            process.stdout.close()
            errors = process.stderr.read().decode()
        assert process.returncode == 1
        assert "The loader closed the pipe" in errors
        assert "Traceback" not in errors
