"""Measure the tap and the target beside other ways to do the same, and write a report.

    python benchmarks/report.py                       everything, into benchmarks/report.md
    python benchmarks/report.py --only events limits  some scenarios; the others' tables stay
    python benchmarks/report.py --scale 0.01 --rounds 1 --report smoke.json

Every scenario starts its own sandbox, in its own process. What is finished is written at once.
"""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from bulk_sinks import load_in_bulk
from growth import read_more_and_more
from limits import account_with_limits, read_with_limits
from lists_and_accounts import read_account, read_lists
from reading import EVENTS, PROFILES, Bench, read_collection
from results import Results, Section
from rivals import Environments
from running import CommandError
from servers import Accounts, progress
from writing import write_rows

FAILURES = (SystemExit, OSError, CommandError, subprocess.SubprocessError)
HERE = Path(__file__).resolve().parent
SCENARIOS: Mapping[str, Callable[[Bench], Sequence[Section]]] = {
    "events": partial(read_collection, collection=EVENTS),
    "profiles": partial(read_collection, collection=PROFILES),
    "lists": read_lists,
    "account": read_account,
    "limits": read_with_limits,
    "account-limits": account_with_limits,
    "growth": read_more_and_more,
    "target": write_rows,
    "sinks": load_in_bulk,
}


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    add = made.add_argument
    add("--only", nargs="+", choices=SCENARIOS, default=list(SCENARIOS), help="scenarios to run")
    add("--rounds", type=int, default=3, help="how often each way is measured")
    add("--scale", type=float, default=1.0, help="size of the accounts, 1 being the full one")
    add(
        "--report",
        type=Path,
        default=HERE / "report.json",
        help="JSON file; the Markdown lies beside it",
    )
    add("--rivals", type=Path, default=HERE.parent / ".venv-rivals", help="where to install rivals")
    add("--no-rivals", action="store_true", help="leave the rivals out")
    add("--keep", type=Path, help="folder that keeps the accounts for the next time")
    return made


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the scenarios one after the other."""
    options = parser().parse_args(arguments)
    # As an interrupt does, so that sandboxes and readers end too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    results = Results(options.report, list(SCENARIOS))
    with tempfile.TemporaryDirectory() as folder:
        kept = options.keep or Path(folder)
        kept.mkdir(parents=True, exist_ok=True)
        rivals = Environments(None if options.no_rivals else options.rivals)
        bench = Bench(
            Path(folder), Accounts(kept, Path(folder)), rivals, options.rounds, options.scale
        )
        failed = [name for name in options.only if not measured(name, bench, results)]
    written = options.report.with_suffix(".md")
    print(written.read_text(encoding="utf-8") if written.exists() else "nothing was measured")
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


def measured(name: str, bench: Bench, results: Results) -> bool:
    """Run a scenario and write its tables; one that fails does not keep the others from running."""
    begun = time.perf_counter()
    try:
        results.add(name, SCENARIOS[name](bench))
    except FAILURES as error:
        progress(f"{name}: failed: {error}")
        return False
    progress(f"{name}: done in {time.perf_counter() - begun:.0f} s")
    return True


if __name__ == "__main__":
    main()
