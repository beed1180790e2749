"""The least that reads the members of every list: list by list, page by page.

python benchmarks/members_loop.py URL
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import orjson
import requests
from minimal_loop import HEADERS


def records(session: requests.Session, address: str) -> Iterator[Any]:
    """Every record of a collection."""
    while address:
        page = orjson.loads(session.get(address).content)
        yield from page["data"]
        address = page["links"]["next"]


def main(url: str) -> None:
    """Read every list."""
    with requests.Session() as session:
        session.headers.update(HEADERS)
        for one in records(session, f"{url}/api/lists"):
            address = f"{url}/api/lists/{one['id']}/profiles?page%5Bsize%5D=100"
            for record in records(session, address):
                line = {"type": "RECORD", "stream": one["id"], "record": record}
                sys.stdout.buffer.write(orjson.dumps(line) + b"\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
