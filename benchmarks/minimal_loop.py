"""The least that reads Klaviyo: one page after the other, each record printed as it came.

python benchmarks/minimal_loop.py URL STREAM QUERY
"""

from __future__ import annotations

import sys

import orjson
import requests

HEADERS = {"Authorization": "Klaviyo-API-Key pk_benchmark", "revision": "2026-07-15"}


def main(url: str, stream: str, query: str) -> None:
    """Read a collection to its end."""
    address = f"{url}/api/{stream}?{query}"
    with requests.Session() as session:
        session.headers.update(HEADERS)
        while address:
            page = orjson.loads(session.get(address).content)
            for record in page["data"]:
                line = orjson.dumps({"type": "RECORD", "stream": stream, "record": record})
                sys.stdout.buffer.write(line + b"\n")
            address = page["links"]["next"]


if __name__ == "__main__":
    main(*sys.argv[1:])
