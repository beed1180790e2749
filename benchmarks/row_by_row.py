"""The plain way to write to Klaviyo: a POST for each row, one after the other.

python benchmarks/row_by_row.py URL profiles|events FILE COUNT

Reads the first rows of a file of Singer messages; prints a line for each row that was taken.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import orjson
import requests
from minimal_loop import HEADERS

Row = dict[str, Any]


def profile(row: Row) -> Row:
    """The body of a profile."""
    named = {name: row.pop(name) for name in ("email", "first_name", "last_name")}
    return {"data": {"type": "profile", "attributes": {**named, "properties": row}}}


def event(row: Row) -> Row:
    """The body of an event."""
    attributes = {name: row[name] for name in ("time", "value", "unique_id", "properties")}
    attributes["metric"] = {"data": {"type": "metric", "attributes": {"name": row["metric"]}}}
    attributes["profile"] = {"data": {"type": "profile", "attributes": {"email": row["email"]}}}
    return {"data": {"type": "event", "attributes": attributes}}


WAYS: Mapping[str, tuple[str, Callable[[Row], Row]]] = {
    "profiles": ("/api/profile-import", profile),
    "events": ("/api/events", event),
}


def main(url: str, stream: str, file: str, count: int) -> None:
    """Send the rows."""
    path, body = WAYS[stream]
    with requests.Session() as session, Path(file).open("rb") as lines:
        session.headers.update({**HEADERS, "Content-Type": "application/vnd.api+json"})
        messages = (orjson.loads(line) for line in lines)
        rows = (message["record"] for message in messages if message["type"] == "RECORD")
        for row in islice(rows, count):
            session.post(f"{url}{path}", orjson.dumps(body(row))).raise_for_status()
            print('{"type":"RECORD"}')


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
