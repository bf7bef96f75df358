"""The learning rates of a run, epoch by epoch and step by step."""

from __future__ import annotations

import pytest

from workbench.spec.experiment import experiment_from


def rates(steps: int, **values: object) -> list[float]:
    experiment = experiment_from({"learning_rate": 0.2, "epochs": 4, **values})
    return [rate for epoch in range(1, 5) for rate in experiment.learning_rates(epoch, steps)]


def test_one_cycle_rises_in_the_warm_up_and_falls_to_0_in_a_straight_line() -> None:
    cycle = rates(10, scheduler="one_cycle", warmup_share=0.2)
    assert cycle[:8] == pytest.approx([0.2 * step / 8 for step in range(1, 9)])
    assert cycle[8:] == pytest.approx([0.2 * (32 - step) / 32 for step in range(32)])
    assert 0 < cycle[-1] < 0.01


def test_cosine_falls_as_torchs_does() -> None:
    torch = pytest.importorskip("torch")
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.2)
    wanted = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 40)
    for rate in rates(10, scheduler="cosine", warmup_share=0):
        assert rate == pytest.approx(wanted.get_last_lr()[0])
        optimizer.step()
        wanted.step()
    warm = rates(10, scheduler="cosine", warmup_share=0.5)
    assert max(warm) == warm[19] == 0.2
    assert warm[:20] == sorted(warm[:20])


def test_a_scheduler_by_epochs_has_one_rate_in_each() -> None:
    assert rates(3, scheduler="step", step_size=2, gamma=0.5) == [0.2] * 6 + [0.1] * 6
    assert rates(3) == [0.2] * 12


def test_a_run_of_another_length_has_other_rates() -> None:
    one = experiment_from({"scheduler": "one_cycle", "epochs": 10})
    two = experiment_from({"scheduler": "one_cycle", "epochs": 20})
    assert one.learning_rate_at(5) != two.learning_rate_at(5)
