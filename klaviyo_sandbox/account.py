"""The account's content, for tests to compare with and to add to."""

from __future__ import annotations

import threading
from typing import Any

import msgspec

from klaviyo_sandbox.documents import wanted, documents
from klaviyo_sandbox.kinds import KINDS
from klaviyo_sandbox.query import Query
from klaviyo_sandbox.store import Store


class Account:
    """A window on what the sandbox holds."""

    def __init__(self, store: Store, lock: threading.RLock) -> None:
        self._store = store
        self._lock = lock
