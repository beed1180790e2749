"""Small accounts are made once in a process, and copied from then on: tests start many."""

from __future__ import annotations

import atexit
import threading

from klaviyo_sandbox.seed import plant
from klaviyo_sandbox.seed_form import Seed
from klaviyo_sandbox.store import Store

MOST_RECORDS = 5_000
"""Profiles and events of a small account."""

MOST_KEPT = 8


class Copies:
    """The small accounts that were made last, as they were when new."""

    def __init__(self) -> None:
        """Begin with none."""
        self._kept: dict[Seed, Store] = {}
        self._lock = threading.Lock()

    def plant(self, store: Store, seed: Seed) -> None:
        """Fill an empty store: as `seed.plant` does, or with what that made before."""
        if seed.profiles + seed.events > MOST_RECORDS or not store.has_usual_pages:
            plant(store, seed)
            return
        with self._lock:
            if seed in self._kept:
                self._kept[seed].copy_to(store)
                return
            plant(store, seed)
            while len(self._kept) >= MOST_KEPT:
                self._kept.pop(next(iter(self._kept))).close()
            self._kept[seed] = Store()
            store.copy_to(self._kept[seed])

    def forget(self) -> None:
        """Keep none any more."""
        with self._lock:
            while self._kept:
                self._kept.popitem()[1].close()


COPIES = Copies()
atexit.register(COPIES.forget)
