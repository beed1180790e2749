"""What the machine allows: pages decoded and every record encoded again, nothing else.

python benchmarks/ceiling.py FILE...

The pages lie in files. Only decoding and encoding are timed: no start of Python, no HTTP, no pipe.
Prints records and seconds.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import orjson


def main(files: list[str]) -> None:
    """Measure."""
    records, seconds = 0, 0.0
    for file in files:
        content = Path(file).read_bytes()
        started = time.perf_counter()
        page = orjson.loads(content)
        for record in page["data"]:
            orjson.dumps(record)
        seconds += time.perf_counter() - started
        records += len(page["data"])
    print(records, seconds)


if __name__ == "__main__":
    main(sys.argv[1:])
