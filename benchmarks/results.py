"""What was measured: kept in a JSON file, from which the Markdown report is written."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

BEGIN, END = "<!-- begin figures -->\n", "<!-- end figures -->\n"
WORDS = {">=": "at least", "<=": "at most"}


@dataclass(frozen=True, slots=True)
class Claim:
    """A figure that was promised, as it was measured. `relation` is >= or <=."""

    text: str
    value: float
    relation: str
    target: float
    unit: str = ""

    @property
    def holds(self) -> bool:
        """Whether the promise is kept."""
        more = self.relation == ">="
        return self.value >= self.target if more else self.value <= self.target


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
    """What this ran on, without naming it."""
    return f"{os.cpu_count()} cores, Python {platform.python_version()}"


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
        write(self._file.with_suffix(".md"), markdown(ordered))


def write(file: Path, text: str) -> None:
    """Replace a file in one step: an interrupted run leaves the old one."""
    unfinished = file.with_suffix(".unfinished")
    unfinished.write_text(text, encoding="utf-8")
    unfinished.replace(file)


def markdown(scenarios: Mapping[str, Any]) -> str:
    """The report."""
    sections = [section for rows in scenarios.values() for section in rows]
    claims = [Claim(**claim) for section in sections for claim in section["claims"]]
    head = (
        "# Benchmarks\n\nWritten by `python benchmarks/report.py`. Every table is one run, "
        "its ways in turn; figures are medians.\n\n"
    )
    return head + BEGIN + table(CLAIM_HEADER, map(claim_row, claims)) + END + texts(sections)


CLAIM_HEADER = ("Figure", "Measured", "Promised", "")


def claim_row(claim: Claim) -> tuple[str, ...]:
    """A promise as a row."""
    promised = f"{WORDS[claim.relation]} {number(claim.target)}{claim.unit}"
    kept = "kept" if claim.holds else "**missed**"
    return claim.text, f"{number(claim.value)}{claim.unit}", promised, kept


def texts(sections: Sequence[Mapping[str, Any]]) -> str:
    """The sections one below the other."""
    parts = []
    for section in sections:
        notes = "".join(f"\n- {note}" for note in section["notes"])
        parts.append(
            f"\n## {section['title']}\n\n{section['machine']}\n\n"
            + table(section["header"], section["rows"])
            + (f"{notes}\n" if notes else "")
        )
    return "".join(parts)


def table(header: Sequence[str], rows: Any) -> str:
    """A Markdown table."""
    lines = [header, ["---" for _ in header], *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def number(value: float) -> str:
    """A figure with as many digits as mean something."""
    if value >= 100:  # noqa: PLR2004
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.3g}"  # noqa: PLR2004
