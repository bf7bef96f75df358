"""What is no better than guessing."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import binom

from workbench.analysis.chance import chance_of, chance_sentence
from workbench.engine.evaluation import figures
from workbench.engine.events import Evaluation, FinalTest
from workbench.words.report_lines import ReportLines


def outcome(support: list[int], right: int) -> Evaluation:
    """A test with ``support`` images of each class, ``right`` of all answered correctly."""
    labels = np.repeat(np.arange(len(support)), support)
    answers = np.where(np.arange(len(labels)) < right, labels, (labels + 1) % len(support))
    logits = torch.from_numpy(np.eye(len(support), dtype=np.float32)[answers])
    names = tuple(f"class{number}" for number in range(len(support)))
    return figures(logits, torch.from_numpy(labels), names, "eval")


@pytest.mark.parametrize(
    "support", [[100] * 10, [1_000] * 10, [5, 5], [2] * 100, [900, 100], [70_000, 30_000, 5]]
)
def test_the_limit_is_that_of_the_exact_binomial_test(support: list[int]) -> None:
    total, most = sum(support), max(support)
    limit = int(binom.isf(0.025, total, most / total))  # P(X > limit) is 0.025 or less
    assert chance_of(outcome(support, 0)).high == pytest.approx(100 * limit / total)
    assert chance_sentence(outcome(support, limit)) is not None
    assert (limit == total) or chance_sentence(outcome(support, limit + 1)) is None


def test_the_first_run_of_a_newcomer_on_the_sample_is_chance() -> None:
    sentence = str(chance_sentence(outcome([100] * 10, 102)))
    assert "10.20% is no better than chance" in sentence
    assert "10 classes gives 10.00%" in sentence
    assert "1,000 test images" in sentence
    assert chance_sentence(outcome([100] * 10, 300)) is None


def test_with_unequal_classes_chance_is_the_share_of_the_largest() -> None:
    sentence = str(chance_sentence(outcome([50, 900, 50], 905)))
    assert "always answering class1" in sentence
    assert "gives 90.00%" in sentence
    assert chance_sentence(outcome([50, 900, 50], 960)) is None


def test_classes_without_images_do_not_count() -> None:
    assert chance_of(outcome([100, 0, 100], 0)).level == 50.0
    assert chance_of(outcome([100, 0, 0], 0)) is None


def test_the_final_test_of_a_run_says_it_among_the_lines_of_the_log() -> None:
    final = FinalTest(outcome([100] * 10, 102), np.zeros(0), np.zeros(0))
    lines = ReportLines().lines(final)
    assert lines[1:] == [str(chance_sentence(final.figures))]
    assert len(ReportLines().lines(FinalTest(outcome([100] * 10, 970), None, None))) == 1
