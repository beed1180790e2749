"""The command as a process: exit codes, messages, files, signals."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from klaviyo_sandbox.sandbox import Sandbox
from tests import processes
from tests.target.running import (
    COMMAND,
    Run,
    environment,
    profiles,
    records,
    run_target,
    schema,
    sent,
    state,
    text,
)
from tests.waiting import until

CUSTOMERS = schema("profiles", "email", "title", keys=["email"])
NOBODY = "http://127.0.0.1:9"


def customers(*rows: dict[str, Any]) -> list[Any]:
    return [CUSTOMERS, *records("profiles", rows), state({"done": True})]


GOOD, BAD = {"email": "ada@shop.org"}, {"email": "no address"}


def one_error(ran: Run) -> str:
    assert ran.code == 1
    assert ran.states == []
    (line,) = ran.errors
    return line


def test_success(sandbox: Sandbox) -> None:
    ran = run_target(sandbox.url, customers(GOOD))
    assert (ran.code, ran.states, ran.errors) == (0, [{"done": True}], [])
    figures = ran.figures("profiles")
    assert (figures["rows"], figures["accepted"], figures["requests"]) == (1, 1, 1)
    assert "ada@shop.org" not in ran.log
    assert "pk_test" not in ran.log


def test_a_bad_row_stops_before_the_state_line(sandbox: Sandbox) -> None:
    ran = run_target(sandbox.url, customers(GOOD, BAD))
    assert one_error(ran) == (
        "stream 'profiles': 1 rows failed, first row 2 rejected: column 'email' is no e-mail "
        "address; mend the rows, or set on_error to dead_letter (with dead_letter_path) to go "
        "on without them"
    )
    assert ran.figures("profiles")["accepted"] == 1
    assert set(profiles(sandbox)) == {"ada@shop.org"}


def test_dead_letters_can_be_fed_back(sandbox: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "letters.jsonl"
    chosen = {"on_error": "dead_letter", "dead_letter_path": str(path)}
    ran = run_target(sandbox.url, customers(GOOD, BAD, {"email": "bob@shop.org"}), **chosen)
    assert (ran.code, ran.states) == (0, [{"done": True}])
    letters = [json.loads(line) for line in path.read_text().splitlines()]
    assert [one["type"] for one in letters] == ["SCHEMA", "RECORD"]
    assert letters[1]["record"] == BAD
    assert letters[1]["_rejected"] == {
        "row": 2,
        "outcome": "rejected",
        "reason": "column 'email' is no e-mail address",
        "detail": None,
    }
    mended = path.read_text().replace("no address", "cy@shop.org")
    ran = run_target(sandbox.url, mended, dead_letter_path=str(path))
    assert ran.code == 0
    assert set(profiles(sandbox)) == {"ada@shop.org", "bob@shop.org", "cy@shop.org"}
    assert len(path.read_text().splitlines()) == 2


def test_a_server_that_is_down() -> None:
    ran = run_target(NOBODY, customers(GOOD), max_wait_seconds=1)
    error = one_error(ran)
    assert "cannot be reached" in error or "max_wait_seconds" in error
    assert ran.figures("profiles")["not sent"] == 1


def begin(sandbox: Sandbox, **settings: Any) -> processes.Process:
    own = environment(sandbox.url, settings)
    return processes.start("target_klaviyo", env=own, stdin=processes.PIPE)


def wait_for_line(process: processes.Process, words: bytes) -> None:
    """Read the log up to a line with these words."""
    for line in process.stderr:
        if words in line:
            return
    raise AssertionError(words)


def give(process: processes.Process, messages: list[Any]) -> None:
    """Write messages to the process."""
    process.stdin.write(text(messages).encode())
    process.stdin.flush()


def ended(process: processes.Process) -> tuple[int, list[Any]]:
    """Exit code and state lines of a process whose input stays open."""
    code = process.wait()
    lines = process.stdout.read().splitlines()
    process.stdin.close()
    return code, [json.loads(line) for line in lines]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_during_a_batch_waits_until_it_has_settled(
    sandbox: Sandbox, number: signal.Signals
) -> None:
    sandbox.faults.add("*", "held")
    rows = customers(GOOD, {"email": "bob@shop.org"}, {"email": "cy@shop.org"})
    told, first, second, third, done = rows
    with begin(sandbox, batch_size_rows=2) as process:
        give(process, [told, first, state({"after": 1}), second, third, done])
        until(lambda: bool(sent(sandbox, "bulk_import_profiles")))
        for _ in range(2):
            process.send_signal(number)
            wait_for_line(process, b"finishing what is under way")
        sandbox.faults.clear()
        code, states = ended(process)
    written = set(profiles(sandbox))
    assert code == 0
    assert states == [{"after": 1}]
    assert written == {"ada@shop.org", "bob@shop.org"}


def test_a_signal_while_waiting_for_input_sends_what_was_read(sandbox: Sandbox) -> None:
    later = schema("people", "email", "extra_attributes", keys=["email"])
    with begin(sandbox, streams={"people": {"sink": "profiles"}}) as process:
        give(process, [CUSTOMERS, *records("profiles", [GOOD]), state({"done": True}), later])
        # What came before this message has been read too.
        wait_for_line(process, b"left out: extra_attributes")
        assert not len(sandbox.requests)
        process.send_signal(signal.SIGTERM)
        code, states = ended(process)
    assert (code, states) == (0, [{"done": True}])
    assert set(profiles(sandbox)) == {"ada@shop.org"}


def test_a_kill_leaves_no_state_for_what_was_not_settled(sandbox: Sandbox) -> None:
    sandbox.faults.add("*", "held")
    with begin(sandbox, batch_size_rows=1) as process:
        give(process, customers(GOOD))
        until(lambda: len(sandbox.requests) == 1)
        process.kill()
        assert ended(process) == (-signal.SIGKILL, [])


def test_about_needs_no_settings() -> None:
    done = subprocess.run(
        [*COMMAND, "--about", "--format", "json"], capture_output=True, check=True, env={}
    )
    settings = json.loads(done.stdout)["settings"]["properties"]
    assert "load_method" not in settings
    assert all("description" in one for one in settings.values())
