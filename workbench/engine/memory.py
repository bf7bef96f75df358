"""How the C library hands out memory while a run trains on the CPU."""

from __future__ import annotations

import ctypes
import sys
from typing import Any

# Parameters of mallopt(3), from glibc's malloc.h.
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD = -1, -2, -3
_MOST = 2**31 - 1  # the parameters are C ints
_ROOM = 64 << 20


def _libc_function(name: str) -> Any:
    # musl and other systems have none of them.
    return getattr(ctypes.CDLL(None), name, None) if sys.platform.startswith("linux") else None


def keep_freed_memory() -> bool:
    """Let glibc keep what torch frees in place of giving it back to the system at once.

    A step takes and frees 10 MB at batch 16, 150 MB at 256. With glibc's defaults that goes back
    and comes again as page faults at each step: at batch 16 none or 2,000 (as it happens to lie
    in the heap, and then a fifth of the step's time), at 250 always some 19,000. Changes no result.

    Holds for the whole process, until :func:`give_memory_back`. Returns whether the C library
    took it; elsewhere than on glibc there is nothing to set, and nothing is changed.
    """
    mallopt = _libc_function("mallopt")
    if mallopt is None:
        return False
    # Older releases of glibc refuse more than 32 MB. Where it cannot be set, the others must not
    # be: they would end glibc's own adapting of it.
    if not mallopt(_MMAP_THRESHOLD, _MOST) and not mallopt(_MMAP_THRESHOLD, 32 << 20):
        return False
    return all(
        (
            mallopt(_TRIM_THRESHOLD, _MOST),
            # In threads heaps are smaller; without room at their end each would go back when empty.
            mallopt(_TOP_PAD, _ROOM),
        )
    )


def give_memory_back() -> None:
    """Return to the system what is free now, as after a run."""
    malloc_trim = _libc_function("malloc_trim")
    if malloc_trim is not None:
        malloc_trim(0)
