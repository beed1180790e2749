"""What was asked and answered: the requests that the sandbox remembers."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from klaviyo_sandbox.messages import Request

MOST_ENTRIES = 50_000
MOST_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Entry:
    """A request and what became of it. `headers` are without Authorization.

    `operation` is '' for a path that Klaviyo has not; `fault` is the kind of fault that was met,
    or ''. `answer` is empty unless answers are kept.
    """

    number: int
    time: float
    method: str
    path: str
    operation: str
    query: tuple[tuple[str, str], ...]
    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    body_size: int
    fault: str = ""
    answer: bytes = field(default=b"", repr=False)
    answer_headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    @property
    def json(self) -> Any:
        """The body, parsed."""
        return msgspec.json.decode(self.body)

    @property
    def parameters(self) -> dict[str, str]:
        """The query parameters by name."""
        return dict(self.query)


class Ledger:
    """Requests in the order of their answers; the oldest make way for new ones."""

    def __init__(self, *, keep_answers: bool = False) -> None:
        """Begin empty; `keep_answers` keeps the bodies of answers too."""
        self._entries: deque[Entry] = deque()
        self._keep_answers = keep_answers
        self._number = 0
        self._bytes = 0
        self._lock = threading.Lock()

    def __iter__(self) -> Iterator[Entry]:
        """Every remembered request, oldest first."""
        with self._lock:
            return iter(tuple(self._entries))

    def __len__(self) -> int:
        """How many requests are remembered."""
        return len(self._entries)

    def __getitem__(self, place: int) -> Entry:
        """The request at `place`, -1 being the latest."""
        return self._entries[place]

    def of(self, operation: str) -> list[Entry]:
        """The requests of one operation."""
        return [entry for entry in self if entry.operation == operation]

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._entries.clear()
            self._bytes = 0

    def add(self, time: float, request: Request, operation: str, outcome: Outcome) -> None:
        """Remember a request."""
        with self._lock:
            self._number += 1
            entry = Entry(
                self._number,
                time,
                request.method,
                request.path,
                operation,
                request.query,
                outcome.status,
                {k: v for k, v in request.headers.items() if k != "authorization"},
                request.body,
                len(request.body),
                outcome.fault,
                outcome.body if self._keep_answers else b"",
                outcome.headers if self._keep_answers else (),
            )
            self._entries.append(entry)
            self._bytes += size(entry)
            self._make_room()

    def _make_room(self) -> None:
        while len(self._entries) > MOST_ENTRIES or self._bytes > MOST_BYTES:
            self._bytes -= size(self._entries.popleft())


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a request, as the ledger wants it."""

    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...]
    fault: str


def size(entry: Entry) -> int:
    """Bytes that an entry holds."""
    return len(entry.body) + len(entry.answer)
