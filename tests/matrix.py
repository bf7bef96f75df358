"""Members of a matrix of tests: the first ones in every run, the rest with the slow tests."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest


def slow_after(kept: int, members: Iterable[Any]) -> list[Any]:
    """Return ``members`` for ``parametrize``, those after the first ``kept`` marked as slow. A
    tuple stands for several arguments."""
    marked = []
    for place, member in enumerate(members):
        values = member if isinstance(member, tuple) else (member,)
        marks = (pytest.mark.slow,) if place >= kept else ()
        marked.append(pytest.param(*values, marks=marks))
    return marked
