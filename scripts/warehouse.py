"""Landed JSON Lines into DuckDB tables, one row a key, typed by the tap's own schemas."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

COLUMN_TYPES = {
    "string": "VARCHAR",
    "integer": "BIGINT",
    "number": "DOUBLE",
    "boolean": "BOOLEAN",
    "object": "JSON",
    "array": "JSON",
}


@dataclass(frozen=True)
class Table:
    """A table for one stream of a Singer catalog."""

    name: str
    keys: Sequence[str]
    columns: Mapping[str, str]


def tables(catalog: Mapping[str, Any]) -> list[Table]:
    """A table for every stream of a catalog that is selected: reports are not by themselves."""
    return [
        Table(
            stream["tap_stream_id"],
            stream["key_properties"],
            {name: column_type(part) for name, part in stream["schema"]["properties"].items()},
        )
        for stream in catalog["streams"]
        if any(
            one["metadata"].get("selected") for one in stream["metadata"] if not one["breadcrumb"]
        )
    ]


def column_type(schema: Mapping[str, Any]) -> str:
    """The DuckDB type of a column."""
    if schema.get("format") == "date-time":
        return "TIMESTAMPTZ"
    types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    return COLUMN_TYPES[next(one for one in types if one != "null")]


def merge(connection: duckdb.DuckDBPyConnection, table: Table, landed: Path) -> tuple[int, int]:
    """Put landed records into their table, the last of each key wins.

    Returns:
        Records landed, and rows in the table afterwards.
    """
    columns = ", ".join(f'"{name}" {kind}' for name, kind in table.columns.items())
    keys = ", ".join(f'"{key}"' for key in table.keys)
    connection.execute(f'CREATE TABLE IF NOT EXISTS "{table.name}" ({columns})')
    if not landed.is_file():
        return 0, count(connection, f'"{table.name}"')
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE landed AS SELECT *, row_number() OVER () AS line "
        "FROM read_json(?, format = 'newline_delimited', columns = "
        f"{json.dumps(dict(table.columns))}, maximum_object_size = 268435456)",
        [str(landed)],
    )
    connection.execute(
        f'DELETE FROM "{table.name}" WHERE ({keys}) IN (SELECT ({keys}) FROM landed)'
    )
    connection.execute(
        f'INSERT INTO "{table.name}" SELECT * EXCLUDE (line) FROM landed '
        f"QUALIFY row_number() OVER (PARTITION BY {keys} ORDER BY line DESC) = 1"
    )
    return count(connection, "landed"), count(connection, f'"{table.name}"')


def count(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    """Rows in a table."""
    row = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
    return int(row[0]) if row else 0
