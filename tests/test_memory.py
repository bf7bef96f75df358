"""A training on the CPU must not ask the system for the same memory again at every step."""

from __future__ import annotations

import platform
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import resource
import threading
from workbench.running import runner
from workbench.engine.control import RunControl
from workbench.data.data_choice import choose_data
from workbench.engine.events import StepsDone
from workbench.library.catalog import Library
from workbench.spec.experiment import experiment_from

faults = []
def listen(event):
    if isinstance(event, StepsDone) and event.epoch >= 2:
        usage = resource.getrusage(resource.RUSAGE_SELF)
        faults.append((event.epoch * 8 + event.step, usage.ru_minflt))
def work():
    runner.run_experiment(experiment, Library(), listen, RunControl(), data=choose_data("sample"))
experiment = experiment_from({"epochs": 3, "batch_size": 250})  # 8 steps an epoch
thread = threading.Thread(target=work)  # as in the window
thread.start()
thread.join()
(first, before), (last, after) = faults[0], faults[-1]
assert last - first > 8, faults
print((after - before) / (last - first))
"""


@pytest.mark.slow
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="nothing to set elsewhere")
def test_steps_take_the_memory_that_the_last_one_freed() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        check=True,
    )
    # Some 20,000 and more with glibc's defaults: a step takes and frees some 150 MB.
    assert float(done.stdout) < 5_000
