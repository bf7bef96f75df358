"""Python's collector of cycles, kept away while objects are made by the hundred thousand."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_lock = threading.Lock()
_inside = 0
_was_enabled = True


@contextmanager
def collector_set_aside() -> Iterator[None]:
    """Within it nothing is collected, in any thread, and what is there in the end is never looked
    through again. For imports, and for records without cycles: each pass of the collector over
    them, or later over what torch's import leaves (330,000 objects), holds every thread up for
    150 to 200 ms, the window's too. Threads may be inside at the same time."""
    global _inside, _was_enabled
    with _lock:
        if not _inside:
            _was_enabled = gc.isenabled()
            gc.disable()
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if not _inside:
                gc.freeze()
                if _was_enabled:
                    gc.enable()
