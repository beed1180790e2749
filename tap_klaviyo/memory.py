"""Keeping the process small and quick: pages of a megabyte come and go all the time."""

from __future__ import annotations

import atexit
import ctypes
import gc
from collections.abc import Iterator
from contextlib import contextmanager

# Of glibc's malloc.h.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8
KEPT_BYTES = 16 << 20
LARGE_BYTES = 32 << 20


def use_memory_again() -> None:
    """Have the C library keep freed blocks of pages for the pages that follow, in one place.

    By itself glibc takes large blocks from the system, which clears each of them anew: half of
    the time that inflating takes (measured). And it keeps what is freed in an arena for each
    thread: with many readers, up to twice what is in use. Other libraries know no `mallopt`;
    nothing happens there.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    mallopt(M_ARENA_MAX, 1)
    mallopt(M_MMAP_THRESHOLD, LARGE_BYTES)
    mallopt(M_TRIM_THRESHOLD, KEPT_BYTES)


def end_at_once() -> None:
    """Have Python not look through what goes with the process at its end (0.04 s, measured)."""
    atexit.register(gc.freeze)


@contextmanager
def looking_less_for_garbage() -> Iterator[None]:
    """Have Python look for cycles rarely, and not among what the start has made.

    Records hold none, but each one counts as a reason to look (measured: a tenth of the time).
    """
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
