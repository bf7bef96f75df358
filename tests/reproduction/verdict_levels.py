"""How often the verdicts are wrong, by simulation, and on the runs that ship.

    python tests/reproduction/verdict_levels.py

Seeds are drawn from a normal distribution; "on track" is asked after every epoch of a curve whose
epochs hang together more or less. The figures of the story are this script's (200,000 draws).
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from unittest.mock import patch

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))  # to run as a script

from workbench.spec import expected
from workbench.spec.expected import Curve, expected_of, shipped_curves
from workbench.spec.intervals import prediction_margin, student_t

DRAWS = 200_000


def compatible(
    runs: int, shift: float = 0.0, shipped: str = "", draws: int = DRAWS, seed: int = 0
) -> float:
    """Share of verdicts that are "compatible" with ``runs`` seeds where the report's run is of a
    mean that lies ``shift`` standard deviations away. ``shipped``: by the spread of the preset's
    seeds around one run that is one of them (``"same"``) or another (``"other"``); empty: by the
    person's own."""
    random = np.random.default_rng(seed)
    values = random.standard_normal((draws, runs))
    reported = random.standard_normal(draws) + shift
    deviation = values.std(1, ddof=1)
    if not shipped:
        centre, margin = values.mean(1), prediction_margin(1.0, runs) * deviation
    else:
        centre = values[:, 0] if shipped == "same" else random.standard_normal(draws)
        margin = student_t(0.95, runs - 1) * deviation * math.sqrt(2.0)
    return float((np.abs(reported - centre) <= margin).mean())


def off_track(runs: int, epochs: int, together: float, draws: int = 20_000, seed: int = 0) -> float:
    """Share of honest runs that the band of ``runs`` seeds calls off track in some epoch of
    ``epochs``. ``together``: correlation of one epoch with the next, from 0 to 1."""
    random = np.random.default_rng(seed)
    noise = random.standard_normal((epochs, draws, runs + 1))
    for epoch in range(1, epochs):
        fresh = math.sqrt(1.0 - together**2)
        noise[epoch] = together * noise[epoch - 1] + fresh * noise[epoch]
    seeds, new = noise[:, :, :runs], noise[:, :, runs]
    level = 1.0 - (1.0 - expected.LEVEL) / epochs
    margin = prediction_margin(1.0, runs, level) * seeds.std(2, ddof=1)
    return float((np.abs(new - seeds.mean(2)) > margin).any(0).mean())


def left_out(curves: Sequence[Curve], several: int) -> Iterator[tuple[Curve, list[str | None]]]:
    """Each of the curves whose preset has more than ``several`` seeds, with how the band of the
    other seeds judges it after each epoch."""
    for curve in curves:
        others = [c for c in curves if c.preset == curve.preset and c is not curve]
        if len(others) >= several:
            with patch.object(expected, "SEVERAL", several):
                band = expected_of(curve.experiment, others)
            assert band is not None
            judged = [band.judge(epoch, a) for epoch, a in enumerate(curve.accuracy, 1)]
            yield curve, judged


def main() -> None:
    print("compatible, with the report's mean 0, 3 and 5 standard deviations away:")
    for runs in (3, 5, 9, 20):
        shares = [f"{compatible(runs, shift):6.1%}" for shift in (0.0, 3.0, 5.0)]
        half = prediction_margin(1.0, runs)
        print(f"  {runs:2} own seeds: {' '.join(shares)}; half-width {half:.2f} deviations")
    for shipped in ("other", "same"):
        shares = [f"{compatible(5, shift, shipped):6.1%}" for shift in (0.0, 3.0, 5.0)]
        print(f"  5 shipped seeds, this run {shipped}: {' '.join(shares)}")
    print("honest runs that are called off track in some epoch, by how epochs hang together:")
    for runs in (5, 10):
        for epochs in (3, 30, 100):
            shares = [f"{off_track(runs, epochs, rho):6.2%}" for rho in (0.0, 0.7, 0.95, 1.0)]
            print(f"  {runs:2} seeds, {epochs:3} epochs: {' '.join(shares)} (0, 0.7, 0.95, 1)")
    print("shipped runs, judged by the others of their preset (four seeds or more):")
    for curve, judged in left_out(shipped_curves(), 4):
        print(f"  {curve.preset}, seed {curve.experiment.seed}: {judged}")


if __name__ == "__main__":
    main()
