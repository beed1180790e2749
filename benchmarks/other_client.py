"""Somebody else who uses the same account: requests at an even pace until it is ended.

python benchmarks/other_client.py URL REQUESTS_A_MINUTE
"""

from __future__ import annotations

import sys
import time

import requests
from minimal_loop import HEADERS


def main(url: str, a_minute: float) -> None:
    """Ask for profiles; a refusal is not asked again."""
    with requests.Session() as session:
        session.headers.update({**HEADERS, "User-Agent": "other"})
        due = time.monotonic()
        while True:
            session.get(f"{url}/api/profiles?page%5Bsize%5D=1")
            due += 60 / a_minute
            time.sleep(max(0, due - time.monotonic()))


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
