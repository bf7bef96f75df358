"""Cores that this process may use: the machine's, its affinity's, its container's."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from workbench.engine import cores
from workbench.engine.cores import cpu_quota, numbers_to_time, usable_cores


def cgroup(root: Path, own: str, files: dict[str, str]) -> Path:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    (root / "own").write_text(own)
    return root / "own"


@pytest.mark.parametrize(
    ("own", "files", "quota"),
    [
        ("0::/\n", {"cpu.max": "150000 100000\n"}, 1.5),
        ("0::/\n", {"cpu.max": "max 100000\n"}, None),
        # The least of the group and those above it.
        ("0::/a/b\n", {"a/b/cpu.max": "400000 100000", "a/cpu.max": "200000 100000"}, 2.0),
        # A container sees its own limit at the root, and a path that only the host has.
        ("0::/docker/1234\n", {"cpu.max": "50000 100000"}, 0.5),
        (
            "4:cpu,cpuacct:/a\n3:memory:/b\n",
            {"cpu/a/cpu.cfs_quota_us": "300000", "cpu/a/cpu.cfs_period_us": "100000"},
            3.0,
        ),
        (
            "4:cpu:/\n",
            {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"},
            None,
        ),
        ("0::/\n", {"cpu.max": "what?"}, None),
        ("nonsense\n", {}, None),
    ],
)
def test_a_containers_quota(
    own: str, files: dict[str, str], quota: float | None, tmp_path: Path
) -> None:
    assert cpu_quota(tmp_path, cgroup(tmp_path, own, files)) == quota


def test_no_control_groups_no_quota(tmp_path: Path) -> None:
    assert cpu_quota(tmp_path, tmp_path / "none") is None


@pytest.mark.parametrize(
    ("logical", "physical", "allowed", "quota", "expected"),
    [
        (16, 8, 16, None, 8),  # two hardware threads a core
        (16, None, 16, None, 16),  # a system that does not say
        (16, 8, 3, None, 3),  # taskset
        (16, 8, 16, 2.5, 2),
        (16, 8, 16, 0.3, 1),
    ],
)
def test_the_least_of_all_limits_holds(
    logical: int,
    physical: int | None,
    allowed: int,
    quota: float | None,
    expected: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: logical)
    monkeypatch.setattr(cores.psutil, "cpu_count", lambda logical: physical)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(allowed)), raising=False)
    monkeypatch.setattr(cores, "cpu_quota", lambda: quota)
    assert usable_cores() == expected


def test_numbers_worth_a_try_end_at_the_cores() -> None:
    assert numbers_to_time(1) == [1]
    assert numbers_to_time(3) == [1, 2, 3]
    assert numbers_to_time(16) == [*range(1, 9), 10, 12, 15, 16]
    assert numbers_to_time(128)[-1] == 128
    assert len(numbers_to_time(128)) < 24
