"""The Markdown report, from what was measured."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

# What stands between these goes into the README too.
BEGIN, END = "<!-- begin figures -->\n", "<!-- end figures -->\n"
HEAD = """# Benchmarks

Written by `python benchmarks/report.py`: the sandbox, what is measured and what drains its output
share one machine. The ways of a table take turns; figures are medians. A ratio is the median of
the ratios within each round; beside what is measured once, that of the medians.

"""
WORDS = {">=": "at least", "<=": "at most"}
SPEED = "Records/s"
PEAK = ": peak memory"
Report = Mapping[str, Sequence[Mapping[str, Any]]]


def report(scenarios: Report) -> str:
    """The report."""
    sections = [section for rows in scenarios.values() for section in rows]
    claims = [claim for section in sections for claim in section["claims"]]
    read = [*scenarios.get("events", ()), *scenarios.get("profiles", ())]
    figures = [overview(read)] if read else []
    figures += [table(CLAIM_HEADER, map(claim_row, with_one_peak(claims)))] if claims else []
    return HEAD + BEGIN + "\n".join(figures) + END + "".join(map(text, sections))


def overview(sections: Sequence[Mapping[str, Any]]) -> str:
    """Records a second of every way, a column for each table."""
    names = dict.fromkeys(row[0] for section in sections for row in section["rows"])
    columns = [
        {row[0]: row[section["header"].index(SPEED)] for row in section["rows"]}
        for section in sections
    ]
    header = ("Records a second", *(section["title"] for section in sections))
    return table(header, ((name, *(column.get(name, "") for column in columns)) for name in names))


def with_one_peak(claims: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The claims, of those on memory only the largest."""
    peaks = [claim for claim in claims if claim["text"].endswith(PEAK)]
    others = [claim for claim in claims if claim not in peaks]
    if not peaks:
        return others
    largest = max(peaks, key=lambda claim: float(claim["value"]))
    where = largest["text"].removesuffix(PEAK)
    return [*others, {**largest, "text": f"largest peak memory of all scenarios ({where})"}]


CLAIM_HEADER = ("Figure", "Measured", "Aim", "")


def claim_row(claim: Mapping[str, Any]) -> tuple[str, ...]:
    """A promise as a row."""
    unit, relation, target = claim["unit"], claim["relation"], claim["target"]
    more = relation == ">="
    kept = claim["value"] >= target if more else claim["value"] <= target
    return (
        claim["text"],
        f"{number(claim['value'])}{unit}",
        f"{WORDS[relation]} {number(target)}{unit}",
        "reached" if kept else "**missed**",
    )


def text(section: Mapping[str, Any]) -> str:
    """A table with its title and its notes."""
    notes = "".join(f"\n- {note}" for note in section["notes"])
    return (
        f"\n## {section['title']}\n\n{section['machine']}\n\n"
        + table(section["header"], section["rows"])
        + (f"{notes}\n" if notes else "")
    )


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [header, ["---" for _ in header], *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def number(value: float) -> str:
    """A figure with as many digits as mean something."""
    if value >= 100 or value == int(value):  # noqa: PLR2004
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.3g}"  # noqa: PLR2004
