"""How fast tap-klaviyo reads events, end to end, beside a minimal loop that only fetches.

    python benchmarks/tap_speed.py [--events 100000] [--runs 3] [--delay-ms 300]

The sandbox runs in a process of its own, without limits. Prints medians, the ratio within the
same runs, and the tap's peak memory.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

FETCH = """
import sys, requests
query = "page%5Bsize%5D=1000&sort=datetime&include=attributions,metric,profile"
address = f"{sys.argv[1]}/api/events?{query}"
headers = {"Authorization": "Klaviyo-API-Key pk_x", "revision": "2026-07-15"}
with requests.Session() as session:
    while address:
        page = session.get(address, headers=headers).json()
        address = page["links"]["next"]
"""


@contextmanager
def sandbox(events: int, delay: float) -> Iterator[str]:
    """A sandbox with that many events, every answer so many milliseconds late."""
    command = [sys.executable, "-m", "klaviyo_sandbox", "--port", "0", "--no-limits"]
    command += ["--profiles", "1000", "--events", str(events), "--delay-ms", str(delay)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            line = process.stdout.readline() if process.stdout else ""
            yield next(word for word in line.split() if word.startswith("http"))
        finally:
            process.terminate()


def timed(command: list[str], environ: dict[str, str]) -> tuple[float, float]:
    """Seconds and peak megabytes of a command."""
    started = time.perf_counter()
    process = subprocess.Popen(
        command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"failed: {command}")
    return time.perf_counter() - started, megabytes(usage)


def megabytes(usage: resource.struct_rusage) -> float:
    """Peak memory; Linux counts kilobytes."""
    return usage.ru_maxrss / 1024


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--delay-ms", type=float, default=0)
    arguments = parser.parse_args()
    with sandbox(arguments.events, arguments.delay_ms) as url:
        # Only events: every other stream is asked for nothing.
        tap = [sys.executable, "-c", EVENTS_ONLY]
        own = {"TAP_KLAVIYO_API_URL": url, "TAP_KLAVIYO_API_KEY": "pk_x"}
        environ = os.environ | own
        alternatives = {
            "tap-klaviyo": (tap, environ),
            "tap-klaviyo, one request at a time": (
                tap,
                environ | {"TAP_KLAVIYO_MAX_PARALLEL_REQUESTS": "1"},
            ),
            "fetch and parse only, one at a time": ([sys.executable, "-c", FETCH, url], environ),
        }
        runs = [
            {name: timed(*how) for name, how in alternatives.items()} for _ in range(arguments.runs)
        ]
    print_report(arguments.events, arguments.delay_ms, runs)


def print_report(events: int, delay: float, runs: list[dict[str, tuple[float, float]]]) -> None:
    """Medians; ratios are taken within each run."""
    print(f"| {events:,} events, {delay:.0f} ms | seconds | events/s | of fetching | peak MB |")
    print("| --- | --- | --- | --- | --- |")
    *_, fetching = runs[0]
    for name in runs[0]:
        seconds = statistics.median(run[name][0] for run in runs)
        ratio = statistics.median(run[fetching][0] / run[name][0] for run in runs)
        memory = max(run[name][1] for run in runs)
        rate = events / seconds
        print(f"| {name} | {seconds:.1f} | {rate:,.0f} | {ratio:.2f} | {memory:.0f} |")


EVENTS_ONLY = """
from tap_klaviyo.tap import TapKlaviyo
tap = TapKlaviyo(config={})
for name, stream in tap.streams.items():
    stream.selected = name == "events"
tap.sync_all()
"""


if __name__ == "__main__":
    main()
