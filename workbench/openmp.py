"""How long OpenMP's threads spin at a barrier: set here, before torch is imported.

torch shares each operation out to its threads, and they wait for each other at its end. Every
runtime lets them spin for a while there, as putting a thread to sleep and waking it costs some
microseconds. Where another program has taken one's core, all others spin for it in vain, and
longer than they compute.

``import workbench`` runs :func:`spin_briefly`, so that it holds wherever any part of the program
is imported before torch.
"""

from __future__ import annotations

import os
import sys
from collections.abc import MutableMapping

GOMP_SPINS = "20000"
"""Turns of libgomp's loop at a barrier (its own default is 300,000, and 1,000 where it knows of
more threads than cores). Preset 001 with two threads, steps a second, on an idle machine: no less
than by default on two cores of an AMD EPYC (2,000 and more cost nothing, 1,000 a tenth) and of an
Intel Xeon (4,000 cost a fifth). Beside one busy program 22 to 26 on the Xeon in place of 5 to 7."""

BLOCKTIME = "1"
"""Milliseconds that Intel's and LLVM's runtime waits before it puts a thread to sleep (its own
default is 200). Not measured: neither Windows nor macOS was at hand."""

SET_BY_HAND = ("GOMP_SPINCOUNT", "KMP_BLOCKTIME", "OMP_WAIT_POLICY")


def spin_briefly(environment: MutableMapping[str, str], platform: str) -> None:
    """Set what the OpenMP runtime of torch on ``platform`` (as ``sys.platform``) reads when it is
    loaded. Nothing is changed where the person has set any of :data:`SET_BY_HAND`."""
    if any(name in environment for name in SET_BY_HAND):
        return
    # The wheels for Linux bring libgomp; those for Windows Intel's libiomp5, those for macOS
    # LLVM's libomp. A build for Linux with Intel's runtime (conda's) reads the second name.
    if platform not in ("win32", "darwin"):
        environment["GOMP_SPINCOUNT"] = GOMP_SPINS
    environment["KMP_BLOCKTIME"] = BLOCKTIME


spin_briefly(os.environ, sys.platform)
