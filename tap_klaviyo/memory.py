"""Keeping the process small: pages of a megabyte come and go all the time."""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Iterator
from contextlib import contextmanager

# Of glibc's malloc.h.
M_MMAP_THRESHOLD = -3
LARGE_BYTES = 262_144


def give_large_blocks_back() -> None:
    """Have the C library return large blocks to the system as soon as they are freed.

    By itself glibc raises that threshold to the largest block freed so far, and keeps the rest
    in an arena for each thread: with many readers, up to twice what is in use (measured: 118 MB
    at most instead of 152 to 200). Other libraries know no `mallopt`; nothing happens there.
    """
    try:
        ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, LARGE_BYTES)
    except (AttributeError, OSError, TypeError):
        return


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
