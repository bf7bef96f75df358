"""Every contender does the same work: as many steps, on the same data, that change the weights."""

from __future__ import annotations

import os
from functools import partial

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import contenders
import pytest
import torch
from contenders import BATCH, Clock, LeftOut, Listener, Run
from open_window import OpenWindow, WindowProcess
from pytestqt.qtbot import QtBot

from workbench.engine.events import RunEnded
from workbench.engine.networks import build_network
from workbench.messages import Message
from workbench.spec.experiment import Experiment, with_changes
from workbench.spec.presets import find_preset

STEPS = 3
DATA = contenders.random_data(STEPS * BATCH, torch.device("cpu"))

LOOPS = {
    "notebook": (contenders.notebook_loop, None),
    "lightning": (contenders.lightning, "pytorch_lightning"),
    "skorch": (contenders.skorch, "skorch"),
    "contiguous": (partial(contenders.bare_loop, layout=torch.contiguous_format), None),
    "channels last": (partial(contenders.bare_loop, layout=torch.channels_last), None),
    "ours": (contenders.ours, None),
    "ours, not counting": (contenders.ours_not_counting, None),
}


def experiment(preset: str) -> Experiment:
    changes = {"epochs": 1, "test_mode": "eval", "batch_size": BATCH}
    return with_changes(find_preset(preset).experiment, changes)


def check(run: Run, preset: str) -> None:
    assert run.steps == STEPS
    assert run.steps_per_second > 0
    torch.manual_seed(0)
    weights = run.weights()
    for name, before in build_network(experiment(preset), 10).state_dict().items():
        assert torch.isfinite(weights[name]).all(), name
        assert not torch.equal(weights[name], before), f"{name} was not trained"


@pytest.mark.parametrize("preset", ["001", "009", "012"])
@pytest.mark.parametrize("name", LOOPS)
def test_a_contender_trains_every_weight_in_as_many_steps(name: str, preset: str) -> None:
    loop, package = LOOPS[name]
    if package:
        pytest.importorskip(package)
    if (name, preset) == ("skorch", "012"):
        pytest.skip("skorch is timed with the report's presets alone")
    check(loop(experiment(preset), DATA), preset)


def test_the_window_trains_as_much_and_is_visible_meanwhile(qtbot: QtBot) -> None:
    window = OpenWindow()
    qtbot.addWidget(window.window)
    seen: list[bool] = []
    window.window.session.run_event.connect(
        lambda key, event: seen.append(window.window.run_view.live.isVisible())
    )
    run = window.train(experiment("001"), DATA)
    check(run, "001")
    assert seen
    assert all(seen)
    assert window.window.run_view.live.step_count() == STEPS
    window.close()


@pytest.mark.slow
def test_the_window_in_its_own_process_trains_again_and_again() -> None:
    window = WindowProcess()
    assert window.train(experiment("001"), DATA).steps == STEPS
    assert window.train(experiment("009"), DATA).steps == STEPS
    window.close()


def test_a_run_of_ours_that_fails_is_left_out_with_its_reason() -> None:
    ended = RunEnded("failed", 0, 0.0, Message("This processor has no bfloat16."))
    with pytest.raises(LeftOut, match="no bfloat16"):
        Listener(STEPS).run(ended)


def test_the_clock_leaves_the_first_steps_out(monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter([100.0, 104.0])
    monkeypatch.setattr("contenders.time.perf_counter", lambda: next(now))
    clock = Clock(experiment("001"), contenders.random_data(100 * BATCH, torch.device("cpu")))
    for _ in range(100):
        clock.step()
    # 100 steps, of which 20 came before the clock: 80 in 4 seconds.
    assert clock.run(torch.nn.Identity()).steps_per_second == pytest.approx(20.0)
