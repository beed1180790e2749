"""The file behind `change_store`: fingerprints of what Klaviyo last accepted, in SQLite."""

from __future__ import annotations

import os
import secrets
import sqlite3
from collections.abc import Callable, Collection, Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

from klaviyo_client.errors import ConfigurationError
from target_klaviyo.errors import ChangeStoreError

# "Klvy": tells our files from other programs' databases.
APPLICATION_ID = 0x4B6C7679
PRAGMAS = (
    # One run at a time; and no lock to take and give back at each look.
    "PRAGMA locking_mode = EXCLUSIVE",
    "PRAGMA journal_mode = WAL",
    # A power cut must not bring back what was forgotten.
    "PRAGMA synchronous = FULL",
    # Kilobytes, for what is being written only; what is read is mapped.
    "PRAGMA cache_size = -8192",
    "PRAGMA mmap_size = 1073741824",
)
TABLES = (
    f"PRAGMA application_id = {APPLICATION_ID}",
    "CREATE TABLE salt (content BLOB NOT NULL)",
    # Looked up three times as fast as by a longer key; a mark covers the whole row, its key too, so
    # that two rows that should share a number are sent again and never taken for each other.
    "CREATE TABLE accepted (key INTEGER PRIMARY KEY, mark BLOB NOT NULL)",
)
KNOWN = "SELECT mark FROM accepted WHERE key = ?"
# Keys that one statement looks up: twice as fast as one by one.
TOGETHER = 250
KNOWN_TOGETHER = f"SELECT key, mark FROM accepted WHERE key IN ({','.join('?' * TOGETHER)})"  # noqa: S608
FORGET = "DELETE FROM accepted WHERE key = ?"
REMEMBER = "INSERT OR REPLACE INTO accepted VALUES (?, ?)"
DELETABLE = "deleting it costs one full sync"


class ChangeStore:
    """Fingerprint of a row's content by fingerprint of its key; never the data itself.

    The fingerprints are keyed with a random salt of the file, so that those of two files cannot
    be compared.
    """

    def __init__(self, path: str, *, changing: bool = True) -> None:
        """Open the file at `path`, or make it; without `changing`, leave everything as it is.

        Raises:
            ConfigurationError: it cannot be opened, is in use, or is something else.
        """
        self._path = path
        self._changing = changing
        # What `look_up` has found, as long as it is true.
        self._found: dict[int, bytes | None] = {}
        if changing:
            created(path)
        place = path if changing or Path(path).exists() else ":memory:"
        try:
            self._connection = sqlite3.connect(place, isolation_level=None, timeout=0)
        except sqlite3.Error as error:
            raise ConfigurationError(f"change_store: {path} {explained(error)}") from None
        try:
            self._salt = self._opened()
        except sqlite3.Error as error:
            self._connection.close()  # or the file would stay in use until somebody forgets us
            raise ConfigurationError(f"change_store: {path} {explained(error)}") from None
        except ConfigurationError:
            self._connection.close()
            raise

    def _opened(self) -> bytes:
        """Lock the file, make its tables where it is new, and read its salt.

        Raises:
            ConfigurationError: this is another program's database.
        """
        run = self._connection.execute
        for pragma in PRAGMAS:
            run(pragma)
        run("BEGIN EXCLUSIVE")
        if not run("SELECT 1 FROM sqlite_master").fetchone():
            for statement in TABLES:
                run(statement)
            run("INSERT INTO salt VALUES (?)", (secrets.token_bytes(32),))
        elif run("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
            raise ConfigurationError(
                f"change_store: {self._path} is another program's database; name another file",
            )
        salt: bytes = run("SELECT content FROM salt").fetchone()[0]
        run("COMMIT")
        return salt

    def key(self, content: bytes) -> int:
        """The number under which something is kept."""
        digest = blake2b(content, digest_size=8, key=self._salt).digest()
        return int.from_bytes(digest, "big", signed=True)

    def mark(self, content: bytes) -> bytes:
        """The digest that is kept of something."""
        return blake2b(content, digest_size=16, key=self._salt).digest()

    def look_up(self, keys: Sequence[int]) -> None:
        """Look many keys up at once; `known` then has them at hand, until the next ones.

        Raises:
            ChangeStoreError: the file cannot be read.
        """
        self._found = {**dict.fromkeys(keys), **self.marks(keys)}

    def marks(self, keys: Sequence[int]) -> dict[int, bytes]:
        """The marks that these keys have, of those that have one.

        Raises:
            ChangeStoreError: the file cannot be read.
        """
        found: dict[int, bytes] = {}
        for start in range(0, len(keys), TOGETHER):
            some = keys[start : start + TOGETHER]
            # A null equals no key, so that one statement serves any number of them.
            filled = [*some, *[None] * (TOGETHER - len(some))]
            found.update(self._read(KNOWN_TOGETHER, filled))
        return found

    def known(self, key: int) -> bytes | None:
        """The mark that `key` has, if any.

        Raises:
            ChangeStoreError: the file cannot be read.
        """
        if key in self._found:
            return self._found[key]
        found = self._read(KNOWN, (key,))
        return found[0][0] if found else None

    def _read(self, statement: str, values: Sequence[int | None]) -> list[Any]:
        """The rows that a statement finds."""
        try:
            return self._connection.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            raise ChangeStoreError(f"change_store: {self._path} {explained(error)}") from None

    def forget(self, keys: Collection[int]) -> None:
        """Take these keys out, for good when this returns.

        Raises:
            ChangeStoreError: the file cannot be written.
        """
        self._write(FORGET, keys, lambda key: (key,))

    def remember(self, marks: Mapping[int, bytes]) -> None:
        """Give these keys their marks, for good when this returns.

        Raises:
            ChangeStoreError: the file cannot be written.
        """
        self._write(REMEMBER, marks, lambda key: (key, marks[key]))

    def _write(self, statement: str, keys: Collection[int], row: Callable[[int], Any]) -> None:
        """Execute a statement for each key, in one transaction.

        In order of the key, as neighbours share a page.
        """
        if not keys or not self._changing:
            return
        for key in self._found.keys() & keys:
            del self._found[key]
        try:
            self._connection.execute("BEGIN")
            self._connection.executemany(statement, map(row, sorted(keys)))
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise ChangeStoreError(f"change_store: {self._path} {explained(error)}") from None

    def close(self) -> None:
        """Finish the file."""
        self._connection.close()


def created(path: str) -> None:
    """Make sure that there is a file, which only its owner may read where it is new.

    Raises:
        ConfigurationError: it cannot be made.
    """
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise ConfigurationError(f"change_store: {path}: {error.strerror}") from None


def explained(error: sqlite3.Error) -> str:
    """What SQLite's error means to the user."""
    words = str(error)
    if "locked" in words:
        return "is in use by another run"
    if "not a database" in words or "malformed" in words:
        return f"is no database, or damaged; {DELETABLE}"
    return f"cannot be used ({words}); {DELETABLE}"
