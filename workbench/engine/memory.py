"""How the C library hands out memory while a run trains on the CPU."""

from __future__ import annotations

import ctypes
import sys

# Parameters of mallopt(3), from glibc's malloc.h.
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD = -1, -2, -3
_MB = 1 << 20


def keep_freed_memory() -> bool:
    """Lets glibc keep what torch frees in place of giving it back to the system at once.

    A step takes and frees 10 MB at batch 16, 150 MB at 256. With glibc's defaults that goes back
    and comes again as page faults at each step: at batch 16 none or 2,000 (as it happens to lie
    in the heap, and then a fifth of the step's time), at 250 always some 19,000. Up to 512 MB
    of freed memory stay with the process instead. Changes no result.

    Holds for the whole process. Returns whether the C library took it; elsewhere than on glibc
    there is nothing to set, and nothing is changed.
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False  # musl
    return all(
        (
            mallopt(_MMAP_THRESHOLD, 1024 * _MB),
            mallopt(_TRIM_THRESHOLD, 512 * _MB),
            # In threads heaps are smaller; without room at their end each would go back when empty.
            mallopt(_TOP_PAD, 64 * _MB),
        )
    )
