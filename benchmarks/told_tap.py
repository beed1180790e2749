"""The tap, told beforehand where to cut a stream so that every request fetches a whole page.

python benchmarks/told_tap.py FILE OPTION...

FILE holds those times, as ISO texts in JSON; the options are tap-klaviyo's. What the tap itself
needs more than this is what it costs to find out how dense the records lie.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from unittest import mock

from tap_klaviyo.reading import Reader, ScanPage
from tap_klaviyo.scans import Bounds, Scan
from tap_klaviyo.tap import TapKlaviyo


def told(times: Sequence[datetime]) -> Callable[[Reader, Scan], Iterator[ScanPage]]:
    """Reads a scan cut at those times, all windows at once and nothing else."""

    def one(reader: Reader, scan: Scan) -> Iterator[ScanPage]:
        edges = [scan.bounds.start, *times, scan.bounds.end]
        bounds = (Bounds(start, end) for start, end in pairwise(edges))
        windows = (replace(scan, bounds=each, window=True) for each in bounds)
        yield from reader.several(windows, in_order=True)

    return one


def main(file: str, *options: str) -> None:
    """Run the tap."""
    times = [datetime.fromisoformat(text) for text in json.loads(Path(file).read_text())]
    with mock.patch.object(Reader, "one", told(times)):
        TapKlaviyo.cli(options)


if __name__ == "__main__":
    main(*sys.argv[1:])
