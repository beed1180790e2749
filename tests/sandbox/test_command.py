"""The command as a process, and the fixture."""

from __future__ import annotations

import gzip
import json
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import requests

from klaviyo_sandbox import Sandbox

pytest_plugins = ["pytester"]
HEADERS = {"Authorization": "Klaviyo-API-Key pk_a", "revision": "2026-07-15"}
SMALL = ["--port", "0", "--profiles", "5", "--events", "10"]


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "klaviyo_sandbox", *arguments]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_says_where_it_listens_and_stops_cleanly(number: signal.Signals, tmp_path: Path) -> None:
    faults = tmp_path / "faults.json"
    faults.write_text(json.dumps([{"operation": "get_lists", "kind": "status", "status": 503}]))
    more = ["--faults", str(faults), "--key", "pk_a=lists:read", "pk_all"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command(*SMALL, *more), stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdout
        assert process.stderr
        url = process.stdout.readline().split()[-1]
        get = [requests.get(f"{url}/api/lists", headers=HEADERS, timeout=60) for _ in range(2)]
        assert [answer.status_code for answer in get] == [503, 200]
        refused = requests.get(f"{url}/api/events", headers=HEADERS, timeout=60)
        assert refused.status_code == 403
        full = {**HEADERS, "Authorization": "Klaviyo-API-Key pk_all"}
        assert requests.get(f"{url}/api/events", headers=full, timeout=60).ok
        process.send_signal(number)
        assert process.wait(60) == 0
        assert process.stderr.read() == ""


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--host", "0.0.0.0"], "loopback only"),  # noqa: S104 - that is the point
        (["--faults", "nowhere.json"], "--faults"),
        (["--time-scale", "0"], "greater than 0"),
        (["--date", "yesterday"], "--date"),
        (["--db", "nowhere/at/all.sqlite"], "unable to open"),
    ],
)
def test_wrong_options_are_explained(arguments: list[str], says: str) -> None:
    done = subprocess.run(command(*arguments), capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("options", "crowds"),
    [
        ([], {"2027-02-28"}),
        (["--bursts", "2"], {"2026-05-31", "2026-08-30"}),
        (["--bursts", "20"], set()),
    ],
)
def test_half_of_the_events_crowd_where_it_is_said(options: list[str], crowds: set[str]) -> None:
    size = ["--port", "0", "--profiles", "5", "--events", "60", "--date", "2027-03-01"]
    with subprocess.Popen(command(*size, *options), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        url = process.stdout.readline().split()[-1]
        answer = requests.get(f"{url}/api/events?page%5Bsize%5D=100", headers=HEADERS, timeout=60)
        process.terminate()
    times = [event["attributes"]["datetime"] for event in answer.json()["data"]]
    assert min(times) >= "2026-03-01"
    assert sum(one >= "2027-03-01" for one in times) == 1, "the trap, and no burst"
    days = Counter(one[:10] for one in times)
    assert {day for day, count in days.items() if count > 5} == crowds


def test_a_port_in_use_is_explained() -> None:
    with Sandbox(profiles=0, events=0) as sandbox:
        port = sandbox.url.rpartition(":")[2]
        taken = command("--port", port, "--profiles", "0", "--events", "0")
        done = subprocess.run(taken, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "in use" in done.stderr


def test_answers_are_compressed_only_when_wanted() -> None:
    with Sandbox(profiles=2, events=2) as sandbox:
        url = f"{sandbox.url}/api/lists"
        with requests.get(url, headers=HEADERS, timeout=60, stream=True) as answer:
            assert answer.headers["Content-Encoding"] == "gzip"
            assert json.loads(gzip.decompress(answer.raw.read()))["data"]
        plain = {**HEADERS, "Accept-Encoding": "identity"}
        with requests.get(url, headers=plain, timeout=60) as answer:
            assert "Content-Encoding" not in answer.headers
    with Sandbox(profiles=2, events=2, compress=False) as sandbox:
        answer = requests.get(f"{sandbox.url}/api/lists", headers=HEADERS, timeout=60)
        assert "Content-Encoding" not in answer.headers


def test_the_fixture_is_there_for_whoever_wants_it(pytester: pytest.Pytester) -> None:
    pytester.makeconftest('pytest_plugins = ["klaviyo_sandbox.fixture"]')
    pytester.makepyfile("def test_one(klaviyo_sandbox): assert klaviyo_sandbox.account.ids('list')")
    pytester.runpytest_inprocess("-p", "no:cacheprovider").assert_outcomes(passed=1)
