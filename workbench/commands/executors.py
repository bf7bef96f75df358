"""Options that say where runs are trained, and how many at once."""

from __future__ import annotations

import argparse
from typing import Any

from workbench.commands.options import whole_number
from workbench.messages import WorkbenchError

OF_RAY = ("address", "cpus", "gpus", "insecure")
"""Options that only a Ray cluster knows."""


def add_executor(parser: argparse.ArgumentParser) -> None:
    """Add ``--workers``, ``--executor`` and what the executors know."""
    parser.add_argument(
        "--workers",
        metavar="N",
        type=whole_number,
        help="runs at a time; default: one for each core, 4 at most, or 1 where there is a GPU or "
        "with ray",
    )
    parser.add_argument(
        "--executor",
        metavar="NAME",
        default="local",
        help="local (worker processes), in_process, or ray (machines of a Ray cluster); default: "
        "local",
    )
    parser.add_argument(
        "--address", metavar="HOST:PORT", help="of a Ray cluster's head, with --executor ray"
    )
    parser.add_argument(
        "--cpus",
        metavar="N",
        type=float,
        help="with ray: CPUs of a run, which are its threads; default: 1",
    )
    parser.add_argument(
        "--gpus",
        metavar="N",
        type=float,
        help="with ray: GPUs of a run; 0.25 puts four on one; default: 0",
    )
    parser.add_argument(
        "--insecure",
        action="store_true",
        help="with ray: use a cluster without a token; whoever reaches its ports can run any "
        "program on its machines and on this one",
    )


def executor_options(options: argparse.Namespace) -> dict[str, Any]:
    """Return what the executor is made with. Raises :class:`WorkbenchError` for options that it
    does not know, and where nobody is at the address of a cluster: before anything is begun."""
    given = {
        name: value for name in OF_RAY if (value := getattr(options, name)) not in (None, False)
    }
    if given and options.executor != "ray":
        raise WorkbenchError(
            "--{name} is only for a Ray cluster; add --executor ray.", name=next(iter(given))
        )
    if options.executor == "ray":
        from workbench.running.executors import open_executor  # torch takes a second to import
        from workbench.running.ray_bridge import require_answer

        open_executor("ray", 1, **given).close()
        require_answer(given["address"])
    return given


def default_workers(executor: str) -> int:
    """Return the number of workers where none is asked for."""
    from workbench.engine.cores import usable_cores
    from workbench.engine.devices import choose_device
    from workbench.running.executors import EXECUTORS

    choice = EXECUTORS.get(executor)
    if choice is not None and choice.most_workers is not None:
        return choice.most_workers
    if executor == "ray":
        return 1  # what the cluster has is known once it is connected
    return 1 if choose_device("auto").device.type != "cpu" else min(4, usable_cores())
