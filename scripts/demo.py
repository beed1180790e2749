"""The whole loop against a sandbox: Klaviyo into DuckDB, CSV into Klaviyo, and back.

Everything it makes stands in `output/demo`. Run it twice: the second run continues.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from pathlib import Path

import duckdb
from warehouse import Table, merge, tables

PROJECT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
KEY = "pk_demo"
Command = list[str | Path]


@dataclass(frozen=True)
class Demo:
    """Where the demo's files are, and the loader that lands records."""

    output: Path
    loader: Path

    @property
    def warehouse(self) -> Path:
        """The DuckDB file."""
        return self.output / "warehouse.duckdb"

    @property
    def state(self) -> Path:
        """The tap's state, as the loader confirmed it."""
        return self.output / "state.json"

    @property
    def receipts(self) -> Path:
        """What became of each row that was written."""
        return self.output / "receipts.jsonl"


def environment(url: str) -> dict[str, str]:
    """Settings of tap and target that point at the sandbox."""
    own = {"API_URL": url, "API_KEY": KEY, "LOGLEVEL": "WARNING"}
    settings = {f"{plugin}_{name}": own[name] for plugin in PLUGINS for name in own}
    return os.environ | settings


PLUGINS = ("TAP_KLAVIYO", "TARGET_KLAVIYO")


@contextmanager
def sandbox(demo: Demo) -> Iterator[str]:
    """A sandbox whose account lasts from run to run; gives its address."""
    # With Klaviyo's own limits, asking for parents' children one by one would take minutes.
    command = [str(BIN / "klaviyo-sandbox"), "--port", "0", "--raised", "1000"]
    command += ["--db", str(demo.output / "klaviyo.db")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            line = process.stdout.readline() if process.stdout else ""
            addresses = [word for word in line.split() if word.startswith("http://")]
            if not addresses:
                sys.exit("The sandbox did not start; see above.")
            yield addresses[0]
        finally:
            process.terminate()


def extract(demo: Demo, url: str, catalog: Path, step: str) -> dict[str, tuple[int, int]]:
    """Read the account into the warehouse; gives landed and held rows by stream."""
    landed = demo.output / "landed" / step
    shutil.rmtree(landed, ignore_errors=True)
    landed.mkdir(parents=True)
    settings = landed / "loader.json"
    settings.write_text(json.dumps({"destination_path": str(landed), "do_timestamp_file": False}))
    tap: Command = [BIN / "tap-klaviyo", "--catalog", catalog]
    if demo.state.exists():
        tap += ["--state", demo.state]
    lines = pipe([tap, [demo.loader, "--config", settings]], environment(url))
    if lines:
        demo.state.write_text(lines[-1])
    with duckdb.connect(str(demo.warehouse)) as connection:
        return {
            table.name: merge(connection, table, landed / f"{table.name}.jsonl")
            for table in catalog_tables(catalog)
        }


def catalog_tables(catalog: Path) -> list[Table]:
    """The tables of the catalog's streams."""
    return tables(json.loads(catalog.read_text()))


def load(demo: Demo, url: str) -> Counter[tuple[str, str, str]]:
    """Write the customers and orders of `examples/`; gives rows by stream, outcome and reason."""
    demo.receipts.unlink(missing_ok=True)
    settings = demo.output / "target.json"
    content = json.loads((PROJECT / "examples" / "target.json").read_text())
    content["receipts_path"] = str(demo.receipts)
    content["dead_letter_path"] = str(demo.output / "rejected.jsonl")
    settings.write_text(json.dumps(content, indent=2))
    files = [f"customers={PROJECT / 'examples' / 'customers.csv'}", f"orders={orders(demo)}"]
    source: Command = [BIN / "klaviyo-csv", *files]
    pipe([source, [BIN / "target-klaviyo", "--config", settings]], environment(url))
    receipts = [json.loads(line) for line in demo.receipts.read_text().splitlines()]
    return Counter((one["stream"], one["outcome"], one.get("reason") or "") for one in receipts)


def orders(demo: Demo) -> Path:
    """The example orders, moved to the last few days as a shop's export would have them."""
    path = demo.output / "orders.csv"
    if path.exists():
        return path
    with (PROJECT / "examples" / "orders.csv").open(newline="") as source:
        rows = list(csv.DictReader(source))
    days = [date.fromisoformat(row["ordered_at"][:10]) for row in rows if row["ordered_at"]]
    moved = datetime.now(tz=timezone.utc).date() - max(days) - timedelta(days=1)
    with path.open("w", newline="") as target:
        writer = csv.DictWriter(target, list(rows[0]))
        writer.writeheader()
        for row in rows:
            if row["ordered_at"]:
                day = date.fromisoformat(row["ordered_at"][:10]) + moved
                row["ordered_at"] = f"{day}{row['ordered_at'][10:]}"
            writer.writerow(row)
    return path


def pipe(commands: list[Command], environ: Mapping[str, str]) -> list[str]:
    """Run commands joined by pipes; gives the lines that the last one prints."""
    processes: list[subprocess.Popen[str]] = []
    for command in commands:
        source = processes[-1].stdout if processes else subprocess.DEVNULL
        process = subprocess.Popen(
            command, stdin=source, stdout=subprocess.PIPE, text=True, env=dict(environ)
        )
        if processes and processes[-1].stdout:
            processes[-1].stdout.close()
        processes.append(process)
    output = processes[-1].stdout.read() if processes[-1].stdout else ""
    codes = [process.wait() for process in processes]
    failed = [Path(command[0]).name for command, code in zip(commands, codes, strict=True) if code]
    if failed:
        sys.exit(f"{' and '.join(failed)} failed; see above.")
    return output.splitlines()


def print_table(title: str, header: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    """A table with aligned columns."""
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
    print(f"\n{title}")
    for row in [header, *rows]:
        print("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)))


def report(
    demo: Demo,
    first: Mapping[str, tuple[int, int]],
    second: Mapping[str, tuple[int, int]],
    written: Counter[tuple[str, str, str]],
) -> None:
    """Say what arrived."""
    print_table(
        "Klaviyo -> DuckDB (rows read before and after the CSV files were loaded)",
        ("stream", "read", "read again", "rows in DuckDB"),
        [(name, str(first[name][0]), str(second[name][0]), str(second[name][1])) for name in first],
    )
    print_table(
        "CSV -> Klaviyo",
        ("stream", "outcome", "rows", "reason"),
        [(*key[:2], str(number), key[2]) for key, number in sorted(written.items())],
    )
    print("\nFiles")
    for path in (demo.warehouse, demo.state, demo.receipts, demo.output / "rejected.jsonl"):
        if path.exists():
            print(f"  {path}")


def main() -> None:
    """Run the demo."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--loader", type=Path, required=True, help="path of target-jsonl")
    parser.add_argument("--output", type=Path, default=PROJECT / "output" / "demo")
    parser.add_argument("--fresh", action="store_true", help="forget earlier runs")
    arguments = parser.parse_args()
    if arguments.fresh:
        shutil.rmtree(arguments.output, ignore_errors=True)
    arguments.output.mkdir(parents=True, exist_ok=True)
    demo = Demo(arguments.output.resolve(), arguments.loader.absolute())
    kept = demo.state.exists()
    print("Continuing from the kept state: reading what changed." if kept else "First run.")
    started = time.monotonic()
    with sandbox(demo) as url:
        catalog = demo.output / "catalog.json"
        catalog.write_text("\n".join(pipe([[BIN / "tap-klaviyo", "--discover"]], environment(url))))
        first = extract(demo, url, catalog, "before")
        written = load(demo, url)
        second = extract(demo, url, catalog, "after")
    report(demo, first, second, written)
    how = "incremental, from the kept state" if kept else "complete; run it again"
    print(f"\nDone in {time.monotonic() - started:.1f} s ({how}).")


if __name__ == "__main__":
    main()
