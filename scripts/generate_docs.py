"""Write the README's tables from the code.

python scripts/generate_docs.py            write them
python scripts/generate_docs.py --check    exit 1 if the README differs
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from klaviyo_client.operations import operation, operations
from klaviyo_sandbox import served_operations
from tap_klaviyo.coverage import VIEWS, carriers, collections
from tap_klaviyo.scopes import needed_scopes
from tap_klaviyo.settings import SETTINGS as TAP_SETTINGS
from tap_klaviyo.specs import STREAMS, StreamSpec
from target_klaviyo.settings import SETTINGS as TARGET_SETTINGS
from target_klaviyo.specs import SINKS

PROJECT = Path(__file__).resolve().parent.parent
README = PROJECT / "README.md"
MEASURED = PROJECT / "benchmarks" / "report.md"
FIGURES = re.compile(r"<!-- begin figures -->\n(.*?)<!-- end figures -->", re.DOTALL)
VERBS = {"datetime": "happened", "joined_group_at": "joined", "timestamp": "came"}
BLOCK = re.compile(r"(<!-- begin (?P<name>[a-z ]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def table(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A Markdown table."""
    lines = [header, tuple("---" for _ in header), *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def streams() -> str:
    """The tap's streams."""
    header = ("Stream", "Keys", "Each run reads", "Scopes")
    return table(
        header,
        [
            (
                f"`{spec.name}`",
                ", ".join(f"`{key}`" for key in spec.primary_keys),
                reading(spec),
                ", ".join(f"`{scope}`" for scope in needed_scopes(spec)),
            )
            for spec in STREAMS
        ],
    )


def reading(spec: StreamSpec) -> str:
    """What an incremental run reads."""
    if spec.replication_key is None:
        return "everything"
    verb = VERBS.get(spec.replication_key, "changed")
    text = f"what {verb} by `{spec.replication_key}`"
    if spec.lookback_days:
        text += f", and the last {spec.lookback_days} days again"
    return text


def coverage() -> str:
    """What becomes of each collection that Klaviyo shows."""
    carried = carriers()
    rows = []
    for known in collections():
        names = ", ".join(f"`{name}`" for name in carried.get(known.id, ()))
        rows.append((f"`{known.path}`", names or f"another view of `{VIEWS[known.id]}`"))
    return table(("Collection", "Stream"), rows)


def settings(schema: Mapping[str, Any]) -> str:
    """The settings of a plugin."""
    header = ("Setting", "Default", "Meaning")
    return table(
        header,
        [
            (f"`{name}`", default(part), str(part.get("description", "")))
            for name, part in schema["properties"].items()
        ],
    )


def default(part: Mapping[str, Any]) -> str:
    """A setting's default."""
    value = part.get("default")
    return "" if value is None else f"`{value}`"


def sinks() -> str:
    """The target's sinks."""
    header = ("Sink", "Modes", "Fields that columns can fill", "At least one of each")
    return table(
        header,
        [
            (
                f"`{sink.name}`",
                ", ".join(f"`{mode}`" for mode in sink.modes),
                ", ".join(f"`{name}`" for name in sink.fields),
                "; ".join(" or ".join(f"`{name}`" for name in group) for group in sink.needs),
            )
            for sink in SINKS
        ],
    )


def sandbox() -> str:
    """The operations that the sandbox serves."""
    rows = []
    for name in sorted(served_operations(), key=lambda one: operations()[one].path):
        known = operation(name)
        rows.append((f"`{known.method} {known.path}`", f"`{name}`"))
    return table(("Request", "Operation"), rows)


def speed() -> str:
    """The figures of the last benchmark."""
    found = FIGURES.search(MEASURED.read_text(encoding="utf-8"))
    if found is None:
        raise SystemExit(f"{MEASURED} has no figures; run benchmarks/report.py")
    return found[1]


TABLES = {
    "speed": speed,
    "streams": streams,
    "coverage": coverage,
    "tap settings": lambda: settings(TAP_SETTINGS),
    "target settings": lambda: settings(TARGET_SETTINGS),
    "sinks": sinks,
    "sandbox operations": sandbox,
}


def filled(text: str) -> str:
    """The README with fresh tables."""
    return BLOCK.sub(lambda match: match[1] + TABLES[match["name"]]() + match[3], text)


def main() -> int:
    """Write or check the README."""
    text = README.read_text(encoding="utf-8")
    fresh = filled(text)
    if "--check" in sys.argv[1:]:
        if fresh != text:
            sys.stdout.write("README.md: tables are stale; run scripts/generate_docs.py\n")
        return int(fresh != text)
    README.write_text(fresh, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
