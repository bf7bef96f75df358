"""The lines of a run's log."""

from __future__ import annotations

import torch

from workbench.engine.evaluation import figures
from workbench.engine.events import FinalTest
from workbench.words.report_lines import ReportLines


def test_a_figure_of_mirrored_images_says_so() -> None:
    labels = torch.tensor([0, 1, 1, 0])
    logits = torch.eye(2)[labels]
    for mirrored in (False, True):
        test = figures(logits, labels, ("cat", "dog"), "eval", mirrored)
        line = ReportLines().lines(FinalTest(test, logits.numpy(), labels.numpy()))[0]
        assert ("mirror" in line) is mirrored
        assert "4/4 (100.00%)" in line
