"""What was measured: kept in a JSON file, from which the Markdown report is written."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from report_text import report


@dataclass(frozen=True, slots=True)
class Claim:
    """A figure that was promised, as it was measured. `relation` is >= or <=."""

    text: str
    value: float
    relation: str
    target: float
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """A table of the report, and what it shows."""

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    claims: Sequence[Claim] = ()
    notes: Sequence[str] = ()
    machine: str = field(default_factory=lambda: f"{moment()}, {machine()}")


def moment() -> str:
    """Now, to the minute."""
    return datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC")


def machine() -> str:
    """What this ran on, without naming it, and how busy it was; 1 to 3 is the benchmark's own."""
    version, load = platform.python_version(), os.getloadavg()[0]
    return f"{os.cpu_count()} cores, Python {version}, load average {load:.1f}"


class Results:
    """The sections by scenario; each is written down when it is there."""

    def __init__(self, file: Path, order: Sequence[str]) -> None:
        """Go on with what `file` (.json) holds; the report lies beside it and keeps `order`."""
        self._file = file
        self._order = order
        self._sections: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}

    def add(self, scenario: str, sections: Sequence[Section]) -> None:
        """Replace what is known of a scenario, and write both files."""
        self._sections[scenario] = [asdict(section) for section in sections]
        ordered = {name: self._sections[name] for name in self._order if name in self._sections}
        write(self._file, json.dumps(ordered, indent=1, ensure_ascii=False) + "\n")
        write(self._file.with_suffix(".md"), report(ordered))


def write(file: Path, text: str) -> None:
    """Replace a file in one step: an interrupted run leaves the old one."""
    unfinished = file.with_suffix(".unfinished")
    unfinished.write_text(text, encoding="utf-8")
    unfinished.replace(file)
