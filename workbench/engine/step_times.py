"""How long steps took, as plain numbers. Free of torch."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Timing:
    """Seconds of a training step of a full batch, and of each test image; both ``None`` where
    nothing could be timed, as with too little memory on the GPU.

    ``peak_bytes``: what network, batch and step took of the GPU's memory at most (at least that
    much, where it did not do), without the data set. ``free_bytes``: what was free on the GPU
    before. Both ``None`` on the CPU.

    ``threads``: of the CPU, with which it was timed. ``bfloat16_gain``: how many times faster a
    step is in bfloat16 than in float32, ``None`` where that was not timed.
    """

    seconds_per_step: float | None
    seconds_per_test_image: float | None
    peak_bytes: int | None = None
    free_bytes: int | None = None
    threads: int | None = None
    bfloat16_gain: float | None = None
