from __future__ import annotations

import json
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from unittest import mock
from urllib.parse import parse_qsl

import plain_ways
import pytest
from comparison import Outcome, Way, compare
from hypothesis import given
from hypothesis import strategies as st
from limits import READINGS, Paced, steady_share, used_of_the_rest
from reading import EVENTS, PROFILES, Collection
from report_text import BEGIN, END
from running import SINGER, Command, CommandError, LineCounter, Run, run
from servers import Server

from klaviyo_sandbox import Sandbox
from tests.tap.running import run_in

PROJECT = Path(__file__).resolve().parent.parent
BENCHMARKS = PROJECT / "benchmarks"
NO_RUN = Run(1, 1, 1)


def test_one_command_measures_and_reports(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    report.write_text('{"limits": []}')
    command = [sys.executable, str(BENCHMARKS / "report.py"), "--only", "growth", "--rounds", "1"]
    command += ["--scale", "0.001", "--no-rivals", "--report", str(report)]
    environ = os.environ | {"TMPDIR": str(tmp_path)}
    subprocess.run(command, check=True, capture_output=True, env=environ, timeout=120)
    written = json.loads(report.read_text())
    assert list(written) == ["limits", "growth"], "other scenarios stay"
    assert [row[0] for row in written["growth"][0]["rows"]] == ["10", "100", "1,000"]
    text = report.with_suffix(".md").read_text()
    assert "| growth: memory for ten times" in text.partition(BEGIN)[2].partition(END)[0]


@pytest.mark.parametrize("size", [1, 7, 16, 1000])
def test_records_are_counted_however_the_pipe_cuts_them(size: int) -> None:
    line = SINGER + b',"stream":"x","record":{"text":"{\\"type\\":\\"RECORD\\""}}\n'
    text = b'{"type":"SCHEMA"}\n' + line * 100 + b'{"type":"STATE"}\n' + line
    counter = LineCounter(SINGER)
    for at in range(0, len(text), size):
        counter.add(text[at : at + size])
    assert counter.lines == 101


@pytest.mark.parametrize("collection", [EVENTS, PROFILES])
def test_the_minimal_loop_asks_for_the_pages_that_the_tap_asks_for(
    collection: Collection, tmp_path: Path
) -> None:
    with Sandbox(profiles=5, events=5, limits=False) as sandbox:
        run_in(tmp_path, sandbox.url, collection.stream)
        asked = sandbox.requests.of(f"get_{collection.stream}")[0]
    assert dict(parse_qsl(collection.query)) == dict(asked.query)


@given(st.lists(st.integers(0, 60), min_size=1), st.integers(1, 12))
def test_parts_fill_pages_and_cut_no_second(seconds: list[int], page: int) -> None:
    times = [f"{one:03}" for one in sorted(seconds)]
    with mock.patch.object(plain_ways, "PAGE", page):
        edges = [times[0], *plain_ways.starts(times), "~"]
    parts = [[one for one in times if a <= one < b] for a, b in pairwise(edges)]
    assert [one for part in parts for one in part] == times
    for part in parts:
        assert len(part) <= page or len(set(part)) == 1
    for part, following in pairwise(parts):
        wanted = len(part) + following.count(following[0])
        assert wanted > page, "one more second would not have fitted"


def test_the_tap_that_is_told_where_to_cut_asks_for_whole_pages_only(tmp_path: Path) -> None:
    with Sandbox(profiles=20, events=3_500, limits=False) as sandbox:
        server = Server(sandbox.url)
        times = plain_ways.page_starts(server, tmp_path)
        command = plain_ways.told_tap(server, tmp_path, plain_ways.Selection(["events"]), times)
        held = run(plain_ways.tap_command(server, tmp_path, plain_ways.Selection(["events"])))
        sandbox.requests.clear()
        assert run(command).records == held.records
        cuts = len(json.loads(times.read_text()))
        assert len(sandbox.requests.of("get_events")) == cuts + 1 < 6


def test_a_command_that_fails_says_why() -> None:
    with pytest.raises(CommandError, match=r"exit code 3: no such account"):
        run(
            Command(
                [
                    sys.executable,
                    "-c",
                    "import sys; print('no such account', file=sys.stderr); sys.exit(3)",
                ]
            )
        )


def test_ways_take_turns_and_ratios_are_taken_within_rounds() -> None:
    order: list[str] = []

    def measure(name: str, seconds: list[float]) -> Run:
        order.append(name)
        return Run(seconds.pop(0), 10, 1)

    slow, fast = [4.0, 40.0], [1.0, 20.0]
    ways = [Way("fast", lambda: measure("fast", fast)), Way("slow", lambda: measure("slow", slow))]
    outcomes = compare(ways, 2)
    assert order == ["fast", "slow", "fast", "slow"]
    assert outcomes["fast"].times(outcomes["slow"]) == pytest.approx((4 + 2) / 2)


def test_what_is_measured_once_is_held_against_the_median() -> None:
    seconds = [4.0, 1.0, 2.0]
    ways = [
        Way("often", lambda: Run(seconds.pop(0), 10, 1)),
        Way("once", lambda: Run(8.0, 10, 1), rounds=1),
    ]
    outcomes = compare(ways, 3)
    assert outcomes["often"].times(outcomes["once"]) == pytest.approx(4)


def test_a_wrong_count_ends_the_benchmark() -> None:
    with pytest.raises(SystemExit, match="read 10 records of 11"):
        compare([Way("tap", lambda: Run(1, 10, 1), needed=True, wanted=11)], 1)


def test_a_rival_that_fails_is_left_out_with_a_note() -> None:
    def failing() -> Run:
        raise CommandError("exit code 1: no such page")

    outcome = compare([Way("rival", failing)], 3)["rival"]
    assert outcome == Outcome({}, ["left out: exit code 1: no such page"])


def test_the_first_burst_does_not_flatter_the_share_of_the_limit() -> None:
    reading = READINGS[0]
    pages = [minute * 80 + page / 75 for minute in range(3) for page in range(reading.steady)]
    assert steady_share(reading, Paced(NO_RUN, [*pages, 240.0], [])) == pytest.approx(0.75)


def test_the_share_of_what_another_client_leaves_counts_whole_minutes() -> None:
    ours = [30 + page / 10 for page in range(1_500)]
    others = [page / 2.5 for page in range(500)]
    assert used_of_the_rest(Paced(NO_RUN, ours, others)) == pytest.approx(600 / (750 - 150))
