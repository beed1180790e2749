"""The ways that need nothing but this project: the tap, a minimal loop, the machine's ceiling."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zlib
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import requests
from minimal_loop import HEADERS
from running import Command, Run, run
from servers import KEY, Server

HERE = Path(__file__).resolve().parent
BIN = Path(sys.executable).parent
CEILING_PAGES = 50
# Events on a page, as the tap asks for them.
PAGE = 1_000


@dataclass(frozen=True, slots=True)
class Selection:
    """Streams of a catalog, and columns that are selected beyond the usual ones."""

    streams: Collection[str]
    columns: Collection[str] = ()


def catalog(server: Server, folder: Path, selection: Selection) -> Path:
    """A catalog file that selects just this, made as a user would: discover, then select."""
    name = "-".join(sorted([*selection.streams, *selection.columns]))
    file = folder / f"catalog-{zlib.crc32(name.encode())}.json"
    if not file.exists():
        content = discovered(server)
        for entry in content["streams"]:
            choose(entry, selection)
        file.write_text(json.dumps(content))
    return file


def choose(entry: Mapping[str, Any], selection: Selection) -> None:
    """Select a stream of a catalog or not."""
    for row in entry["metadata"]:
        if not row["breadcrumb"]:
            row["metadata"]["selected"] = entry["tap_stream_id"] in selection.streams
        elif row["breadcrumb"][1] in selection.columns:
            row["metadata"]["selected"] = True


def discovered(server: Server) -> Any:
    """The catalog that the tap prints."""
    command = [str(BIN / "tap-klaviyo"), "--config=ENV", "--discover"]
    variables = {**os.environ, **environ(server)}
    said = subprocess.run(command, env=variables, capture_output=True, check=True)
    return json.loads(said.stdout)


def stream_names(server: Server) -> list[str]:
    """Every stream that the tap reads unless told otherwise."""
    return [
        entry["tap_stream_id"]
        for entry in discovered(server)["streams"]
        for row in entry["metadata"]
        if not row["breadcrumb"] and row["metadata"].get("selected", True)
    ]


def environ(server: Server, **settings: Any) -> dict[str, str]:
    """The environment that configures the tap."""
    given = {"api_url": server.url, "api_key": KEY, **settings}
    return {f"TAP_KLAVIYO_{name.upper()}": str(value) for name, value in given.items()}


def tap_command(server: Server, folder: Path, selection: Selection, **settings: Any) -> Command:
    """The tap as a user runs it."""
    file = str(catalog(server, folder, selection))
    command = [str(BIN / "tap-klaviyo"), "--config=ENV", "--catalog", file]
    return Command(command, environ(server, **settings))


def told_tap(server: Server, folder: Path, selection: Selection, times: Path) -> Command:
    """The tap, told where to cut what it reads."""
    tap = tap_command(server, folder, selection)
    program = [sys.executable, str(HERE / "told_tap.py"), str(times)]
    return Command([*program, *tap.arguments[1:]], tap.environ)


def page_starts(server: Server, folder: Path) -> Path:
    """A file of the times at which events have to be cut so that each part fills a page.

    A second is never cut: Klaviyo compares no finer.
    """
    address = f"{server.url}/api/events?page[size]={PAGE}&sort=datetime&fields[event]=datetime"
    events = (event for answer in answers(address) for event in answer.json()["data"])
    times = [event["attributes"]["datetime"] for event in events]
    file = folder / "page-starts.json"
    file.write_text(json.dumps(list(starts(times))))
    return file


def starts(times: Sequence[str]) -> Iterator[str]:
    """The first time of every page but the first, each page beginning with a new second."""
    begun = 0
    while begun + PAGE < len(times):
        start = bisect_left(times, times[begun + PAGE])
        begun = start if start > begun else bisect_right(times, times[begun])
        if begun < len(times):
            yield times[begun]


def answers(address: str | None) -> Iterator[requests.Response]:
    """The pages of a collection, one after the other."""
    while address:
        answer = requests.get(address, headers=HEADERS, timeout=120)
        answer.raise_for_status()
        yield answer
        address = answer.json()["links"]["next"]


def minimal_loop(server: Server, stream: str, query: str) -> Command:
    """A loop that reads one page after the other."""
    return Command([sys.executable, str(HERE / "minimal_loop.py"), server.url, stream, query])


def ceiling(server: Server, folder: Path, stream: str, query: str) -> Callable[[], Run]:
    """Decoding and encoding of pages that are fetched now."""
    files = list(map(str, pages(server, folder, stream, query)))

    def measure() -> Run:
        command = [sys.executable, str(HERE / "ceiling.py"), *files]
        peak = run(Command(command)).peak_mb
        said = subprocess.run(command, capture_output=True, check=True, text=True).stdout.split()
        return Run(float(said[1]), int(said[0]), peak)

    return measure


def pages(server: Server, folder: Path, stream: str, query: str) -> list[Path]:
    """Files of the first pages of a collection."""
    address = f"{server.url}/api/{stream}?{query}"
    files: list[Path] = []
    for answer in islice(answers(address), CEILING_PAGES):
        files.append(folder / f"page-{stream}-{len(files)}.json")
        files[-1].write_bytes(answer.content)
    return files
