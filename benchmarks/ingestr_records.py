"""Runs ingestr's Klaviyo source as ingestr does, and prints its records instead of loading them.

python benchmarks/ingestr_records.py RESOURCE START_DATE

ingestr has no destination that is a pipe. Without its loading it is faster than a user sees.
"""

from __future__ import annotations

import sys
import tempfile
from typing import Any

import dlt  # type: ignore[import-not-found]
import orjson
from ingestr.src.klaviyo import klaviyo_source  # type: ignore[import-not-found]


def main(resource: str, start_date: str) -> None:
    """Read a resource to its end."""
    write = sys.stdout.buffer.write
    # The source prints what it is about to fetch, from several threads.
    sys.stdout = sys.stderr

    def printed(record: dict[str, Any]) -> bool:
        line = {"type": "RECORD", "stream": resource, "record": record}
        write(orjson.dumps(line, default=str) + b"\n")
        return False  # Nothing is left to store.

    source = klaviyo_source("pk_benchmark", start_date).with_resources(resource)
    source.resources[resource].add_filter(printed)
    with tempfile.TemporaryDirectory() as folder:
        pipeline = dlt.pipeline("benchmark", pipelines_dir=folder, destination="duckdb")
        pipeline.extract(source)


if __name__ == "__main__":
    main(*sys.argv[1:])
