"""How many cores this process may use. Free of torch."""

from __future__ import annotations

import math
import os
from pathlib import Path

import psutil

CGROUPS = Path("/sys/fs/cgroup")


def usable_cores() -> int:
    """Physical cores that this process may keep busy, 1 at least: those of the machine, fewer
    where its affinity or a container's quota allows fewer."""
    logical = os.cpu_count() or 1
    # A core with two hardware threads counts once: the second one adds nothing to arithmetic.
    limits: list[float] = [psutil.cpu_count(logical=False) or logical, _allowed(logical)]
    if (quota := cpu_quota()) is not None:
        limits.append(quota)
    return max(1, math.floor(min(limits)))


def numbers_to_time(cores: int) -> list[int]:
    """Numbers of threads that are worth a try on so many ``cores``: 1 to 8, then in steps of a
    quarter (10, 12, 15, ...) to ``cores``."""
    numbers = list(range(1, min(cores, 8) + 1))
    while numbers[-1] < cores:
        numbers.append(min(cores, numbers[-1] * 5 // 4))
    return numbers


def _allowed(logical: int) -> int:
    """Logical cores of the affinity, which macOS does not have."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    affinity = getattr(psutil.Process(), "cpu_affinity", None)
    try:
        return len(affinity() or ()) or logical if affinity else logical
    except psutil.Error:
        return logical


def cpu_quota(root: Path = CGROUPS, own: Path = Path("/proc/self/cgroup")) -> float | None:
    """Cores' worth of time that Linux control groups (version 2, or 1) allow this process, the
    least of its own group and those above; ``None`` without a limit, and elsewhere."""
    quotas = [
        quota
        for kind, group in _groups(own)
        for folder in _upwards(root if kind == 2 else root / "cpu", group)
        if (quota := _quota(folder, kind)) is not None
    ]
    return min(quotas, default=None)


def _groups(own: Path) -> list[tuple[int, str]]:
    """Version and path of the groups in which the processor's time is counted."""
    try:
        lines = own.read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    groups = []
    for line in lines:  # hierarchy:controllers:path, see cgroups(7)
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if "cpu" in controllers.split(","):
            groups.append((1, path))
        elif number == "0" and not controllers:
            groups.append((2, path))
    return groups


def _upwards(root: Path, group: str) -> list[Path]:
    folder = root / group.strip("/")
    # In a container the path may be one that only the host can see: its root always counts.
    inside = [folder, *folder.parents]
    return [place for place in inside if place == root or root in place.parents]


def _quota(folder: Path, kind: int) -> float | None:
    try:
        if kind == 2:
            quota, period = (folder / "cpu.max").read_text(encoding="ascii").split()
        else:
            quota = (folder / "cpu.cfs_quota_us").read_text(encoding="ascii").strip()
            period = (folder / "cpu.cfs_period_us").read_text(encoding="ascii").strip()
        share = float(quota) / float(period)
    except (OSError, ValueError, ZeroDivisionError):  # "max" is no number, and no limit
        return None
    return share if share > 0 else None  # version 1 has -1 for no limit
