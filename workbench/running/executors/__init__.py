"""Where a run is trained: in this process, in processes of this machine, or wherever else one file
says. :mod:`~workbench.running.executors.executor` is what they have in common."""

from __future__ import annotations

from typing import Any

from workbench.running.executors.executor import AllLost, Executor, ExecutorChoice, Lost
from workbench.running.executors.job import Job, Ready
from workbench.spec.registry import Registry, resolve

__all__ = [
    "EXECUTORS",
    "AllLost",
    "Executor",
    "ExecutorChoice",
    "Job",
    "Lost",
    "Ready",
    "open_executor",
]

EXECUTORS: Registry[ExecutorChoice] = Registry(
    ExecutorChoice(
        "in_process",
        "In this process",
        "Trains in the process of the program itself, one run after the other.",
        build="workbench.running.executors.in_process:InProcess",
        most_workers=1,
    ),
    ExecutorChoice(
        "local",
        "Processes of this machine",
        "Trains in worker processes, each with its share of the cores.",
        build="workbench.running.executors.local:LocalProcesses",
    ),
    ExecutorChoice(
        "ray",
        "A Ray cluster",
        "Trains on the machines of a Ray cluster.",
        build="workbench.running.executors.ray_cluster:RayCluster",
    ),
)
"""An executor is one file here and one entry of this registry."""


def open_executor(name: str, workers: int, **options: Any) -> Executor:
    """Return an executor for so many runs at once, made with ``options`` of its own. To be closed
    when it is no longer needed."""
    executor: Executor = resolve(EXECUTORS[name].build)(workers, **options)
    return executor
