"""How long threads wait is set before torch is loaded, and what the person set is left alone."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from workbench.openmp import BLOCKTIME, GOMP_SPINS, SET_BY_HAND, spin_briefly


@pytest.mark.parametrize(
    ("platform", "expected"),
    [
        ("linux", {"GOMP_SPINCOUNT": GOMP_SPINS, "KMP_BLOCKTIME": BLOCKTIME}),
        ("win32", {"KMP_BLOCKTIME": BLOCKTIME}),
        ("darwin", {"KMP_BLOCKTIME": BLOCKTIME}),
    ],
)
def test_each_platforms_runtime_has_its_own_name(platform: str, expected: dict[str, str]) -> None:
    environment: dict[str, str] = {}
    spin_briefly(environment, platform)
    assert environment == expected


@pytest.mark.parametrize("name", SET_BY_HAND)
def test_what_the_person_set_stays_as_it_is(name: str) -> None:
    environment = {name: "7"}
    spin_briefly(environment, "linux")
    assert environment == {name: "7"}


@pytest.mark.parametrize(
    "module", ["workbench.cli", "workbench.running.runner", "workbench.window.app"]
)
def test_it_stands_before_torch_is_imported_wherever_one_begins(module: str) -> None:
    program = (
        "import os, sys\n"
        "class Watch:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'torch':\n"
        "            print('torch', os.environ.get('KMP_BLOCKTIME'))\n"
        "            sys.stdout.flush()\n"
        "            os._exit(0)\n"
        "sys.meta_path.insert(0, Watch())\n"
        f"import {module}\n"
        "import torch\n"
    )
    clean = {name: value for name, value in os.environ.items() if name not in SET_BY_HAND}
    done = subprocess.run(
        [sys.executable, "-c", program], env=clean, capture_output=True, text=True
    )
    assert done.stdout == f"torch {BLOCKTIME}\n", done.stderr
