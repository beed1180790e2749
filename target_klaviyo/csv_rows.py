"""`klaviyo-csv`: CSV files as Singer messages, every column a string, nothing guessed.

klaviyo-csv orders=orders.csv --key order_id | target-klaviyo --config config.json
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

ENCODER = msgspec.json.Encoder()
# Longest text of one cell; Python's own limit is 128 KB.
CELL_CHARACTERS = 10_000_000
# What separates the columns of files that are no comma-separated ones.
OTHERS = (";", "\t", "|", ",")


class UnreadableFileError(Exception):
    """A file that is no CSV table; the message names it and the line."""


@dataclass(frozen=True, slots=True)
class Table:
    """A file, the stream it becomes, and how it is read.

    `row_number` names a column to add that counts the rows from 1.
    """

    stream: str
    path: Path
    keys: tuple[str, ...] = ()
    row_number: str | None = None
    delimiter: str = ","
    encoding: str = "utf-8-sig"


def rows(table: Table) -> Iterator[list[str]]:
    """The header, then each row, all of the header's length.

    Raises:
        UnreadableFileError: the file cannot be read, or is not what it should be.
    """
    reader = None
    try:
        with table.path.open(encoding=table.encoding, newline="") as file:
            reader = csv.reader(file, delimiter=table.delimiter, strict=True)
            header = checked_header(table, next(reader, []))
            yield header
            for row in reader:
                if row:
                    yield checked_row(table, row, len(header), reader.line_num)
    except OSError as error:
        raise UnreadableFileError(f"{table.path}: {error.strerror}") from None
    except UnicodeError as error:
        line = reader.line_num + 1 if reader else 1
        what = "what stands there"
        if isinstance(error, UnicodeDecodeError):
            what = f"byte {error.object[error.start]:#04x}"
        raise UnreadableFileError(
            f"{table.path}, line {line} or after: {what} is no {table.encoding}; give the file's "
            "encoding with --encoding",
        ) from None
    except csv.Error as error:
        line = reader.line_num if reader else 1
        raise UnreadableFileError(f"{table.path}, line {line}: {error}") from None


def checked_header(table: Table, header: list[str]) -> list[str]:
    """The names of the columns.

    Raises:
        UnreadableFileError: one is empty or there twice, a key is missing, or the only column
            looks like several.
    """
    problem = None
    if not header:
        problem = "there is no header"
    elif not all(header):
        problem = f"column {header.index('') + 1} has no name"
    elif len(set(header)) < len(header):
        twice = next(name for name in header if header.count(name) > 1)
        problem = f"two columns are called {twice!r}"
    elif len(header) == 1 and (other := next((one for one in OTHERS if one in header[0]), None)):
        problem = f"there is one column, {header[0]!r}; give its --delimiter, perhaps {other!r}"
    elif table.row_number in header:
        problem = f"there is a column {table.row_number!r} already; choose another --row-number"
    missing = {key for key in table.keys if key not in (*header, table.row_number)}
    if not problem and missing:
        problem = f"--key: there is no column {min(missing)!r}; columns: {', '.join(header)}"
    if problem:
        raise UnreadableFileError(f"{table.path}, line 1: {problem}")
    return header


def checked_row(table: Table, row: list[str], width: int, line: int) -> list[str]:
    """The cells of a row.

    Raises:
        UnreadableFileError: there are more or fewer than columns.
    """
    if len(row) != width:
        raise UnreadableFileError(
            f"{table.path}, line {line}: {len(row)} cells, but the header names {width} columns",
        )
    return row


def messages(table: Table, counted: Counter[str]) -> Iterator[dict[str, Any]]:
    """The Singer messages of a file; `counted` holds the rows that came of each stream.

    Raises:
        UnreadableFileError: see `rows`.
    """
    read = rows(table)
    header = next(read)
    extra = [table.row_number] if table.row_number else []
    keys = list(table.keys) or extra
    columns = {name: {"type": "string"} for name in (*header, *extra)}
    schema = {"type": "object", "properties": columns}
    yield {"type": "SCHEMA", "stream": table.stream, "schema": schema, "key_properties": keys}
    for row in read:
        counted[table.stream] += 1
        record = dict(zip(header, row, strict=True))
        if table.row_number:
            record[table.row_number] = str(counted[table.stream])
        yield {"type": "RECORD", "stream": table.stream, "record": record}


def lines(tables: Iterable[Table]) -> Iterator[bytes]:
    """All messages as JSON lines; state says which files were read to their end."""
    finished: dict[str, bool] = {}
    counted: Counter[str] = Counter()
    for table in tables:
        for message in messages(table, counted):
            yield ENCODER.encode(message) + b"\n"
        finished[table.stream] = True
        yield ENCODER.encode({"type": "STATE", "value": {"finished": finished}}) + b"\n"


ROW_NUMBER = (
    "add a column that counts the stream's rows, as their key; the same files in the same order "
    "give the same numbers, other files would give theirs again"
)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(prog="klaviyo-csv", description="CSV files as Singer messages.")
    made.add_argument("files", nargs="+", metavar="STREAM=FILE", help="stream name and file")
    made.add_argument("--key", default="", metavar="COLUMN,...", help="columns that name a row")
    made.add_argument("--row-number", metavar="COLUMN", help=ROW_NUMBER)
    made.add_argument("--delimiter", default=",", help="one character; default a comma")
    made.add_argument("--encoding", default="utf-8-sig", help="of the files; default UTF-8")
    return made


def tables(options: argparse.Namespace) -> list[Table]:
    """The files that the command line names.

    Raises:
        UnreadableFileError: an argument is not of the form STREAM=FILE, or not usable.
    """
    try:
        "".encode(options.encoding)
    except LookupError:
        raise UnreadableFileError(f"--encoding: there is no {options.encoding!r}") from None
    if len(options.delimiter) != 1:
        raise UnreadableFileError("--delimiter must be one character")
    keys = tuple(name for name in options.key.split(",") if name)
    found = []
    for argument in options.files:
        stream, _, path = argument.partition("=")
        if not stream or not path:
            raise UnreadableFileError(f"{argument!r}: write it as STREAM=FILE")
        rest = (keys, options.row_number, options.delimiter, options.encoding)
        found.append(Table(stream, Path(path), *rest))
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the messages of all files to standard output; exit 1 where one cannot be read."""
    csv.field_size_limit(CELL_CHARACTERS)
    options = parser().parse_args(arguments)
    output = sys.stdout.buffer
    try:
        for line in lines(tables(options)):
            output.write(line)
        output.flush()
    except UnreadableFileError as error:
        output.flush()
        sys.stderr.write(f"klaviyo-csv: {error}\n")
        sys.exit(1)
    except BrokenPipeError:
        # The reader has gone and has said why. The interpreter flushes stdout once more at exit,
        # which must not fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


if __name__ == "__main__":
    main()
