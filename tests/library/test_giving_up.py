"""Giving up resuming: the last weights stay, the run counts as stopped, and it can be undone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.library.interrupted import interrupted_run
from workbench import atomic
from workbench.data.data_choice import LeftOut
from workbench.data.datasets import DataSet
from workbench.library.catalog import Library
from workbench.library.check import check_library
from workbench.library.checkpoint import load_checkpoint, save_checkpoint
from workbench.library.giving_up import give_up, given_up, take_back
from workbench.library.run_folder import RunWriter, has_checkpoint, read_record, write_record
from workbench.library.trash import empty_trash
from workbench.library.weights import load_weights, save_weights
from workbench.messages import WorkbenchError
from workbench.running import inference


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path / "my runs 실험 🙂")


def test_the_last_weights_come_out_of_the_checkpoint(library: Library, small: DataSet) -> None:
    run = interrupted_run(library, small, normalization="dataset")
    assert run.status == "interrupted"
    checkpoint = load_checkpoint(run.folder).checkpoint
    best = (run.folder / (run.best_weights or "")).read_bytes()
    given = give_up(library, run)
    assert given.problem is None
    assert given.record.status == "stopped"
    assert not has_checkpoint(run.folder)
    path = run.folder / (given.record.weights or "")
    weights = load_weights(path)
    assert all(torch.equal(weights.state_dict[n], t) for n, t in checkpoint.network.items())
    assert (weights.metrics["epoch"], weights.metrics["step"]) == (1, 5 + 3)
    assert weights.metrics["accuracy"] == run.accuracy
    assert (run.folder / (given.record.best_weights or "")).read_bytes() == best
    # They can be used: the scaling of their pixels is known.
    predictions = inference.predict_images(path, small.test_images[:3].numpy(), device="cpu")
    assert predictions.probabilities.shape == (3, 10)
    assert not [finding for finding in check_library(library.path) if finding.fault]


def test_of_averaged_weights_the_average_is_kept(library: Library, small: DataSet) -> None:
    run = interrupted_run(library, small, ema=0.9)
    checkpoint = load_checkpoint(run.folder).checkpoint
    assert checkpoint.averaged is not None
    given = give_up(library, run)
    weights = load_weights(run.folder / (given.record.weights or "")).state_dict
    assert all(torch.equal(weights[name], t) for name, t in checkpoint.averaged.items())
    assert any(not torch.equal(weights[name], t) for name, t in checkpoint.network.items())


def test_it_is_taken_back_with_the_very_checkpoint(library: Library, small: DataSet) -> None:
    run = interrupted_run(library, small)
    content = (run.folder / "checkpoint.pt").read_bytes()
    given = give_up(library, run)
    assert [path.name for path in library.trashed()] == [given.checkpoint]
    # As this object says, and as the command line finds it.
    for known in (given, given_up(library, given.record)):
        back = take_back(library, known)
        assert back.status == "interrupted"
        assert (run.folder / "checkpoint.pt").read_bytes() == content
        assert library.trashed() == []
        with pytest.raises(WorkbenchError, match="has changed since"):
            take_back(library, known)
        give_up(library, back)


def test_after_the_trash_was_emptied_it_cannot_be_taken_back(
    library: Library, small: DataSet
) -> None:
    given = give_up(library, interrupted_run(library, small))
    empty_trash(library.path)
    with pytest.raises(WorkbenchError, match="no checkpoint of this run in the trash"):
        take_back(library, given)
    assert read_record(given.record.folder).status == "stopped"


def test_later_weights_than_the_checkpoint_s_are_not_written_over(
    library: Library, small: DataSet
) -> None:
    # Killed between saving the weights of the last epoch and saying that it has ended.
    run = interrupted_run(library, small)
    last = load_weights(run.folder / (run.best_weights or ""))
    path = run.folder / "mlp_weight_001.pkl"
    save_weights(path, replace(last, metrics={"epoch": 3, "step": 15, "accuracy": 12.0}))
    later = path.read_bytes()
    given = give_up(library, run)
    assert given.record.weights == path.name  # run.json did not name it yet
    assert path.read_bytes() == later


def test_weights_that_are_not_numbers_leave_the_last_good_ones(
    library: Library, small: DataSet
) -> None:
    run = interrupted_run(library, small)
    stored = load_checkpoint(run.folder)
    network = {name: tensor.clone() for name, tensor in stored.checkpoint.network.items()}
    next(iter(network.values())).view(-1)[0] = torch.nan
    save_checkpoint(
        run.folder, replace(stored, checkpoint=replace(stored.checkpoint, network=network))
    )
    given = give_up(library, run)
    weights = load_weights(run.folder / (given.record.weights or ""))
    assert weights.metrics["step"] == stored.checkpoint.good_step
    assert all(torch.equal(weights.state_dict[n], t) for n, t in stored.checkpoint.good.items())


def test_a_checkpoint_that_cannot_be_read_is_said_and_kept_in_the_trash(
    library: Library, small: DataSet
) -> None:
    run = interrupted_run(library, small)
    (run.folder / "checkpoint.pt").write_bytes(b"rubbish")
    given = give_up(library, run)
    assert "the checkpoint is damaged" in str(given.problem)
    assert (given.record.status, given.record.weights) == ("stopped", None)
    assert given.record.best_weights
    assert take_back(library, given).status == "interrupted"


def test_a_run_without_a_checkpoint_is_stopped_all_the_same(
    library: Library, small: DataSet
) -> None:
    run = interrupted_run(library, small)
    (run.folder / "checkpoint.pt").unlink()
    given = give_up(library, run)
    assert (given.record.status, given.checkpoint, given.problem) == ("stopped", None, None)
    with pytest.raises(WorkbenchError, match="no checkpoint of this run"):
        given_up(library, given.record)
    assert take_back(library, given).status == "interrupted"


def test_only_an_interrupted_run_can_be_given_up(library: Library, small: DataSet) -> None:
    run = interrupted_run(library, small)
    writer = RunWriter(run.folder, replace(run, status="running"))
    with pytest.raises(WorkbenchError, match="is being trained"):
        give_up(library, run)
    writer.close()
    write_record(replace(run, status="stopped"))
    with pytest.raises(WorkbenchError, match="not interrupted any more"):
        give_up(library, run)
    assert has_checkpoint(run.folder)


def test_a_full_disk_leaves_the_run_as_it_was(
    library: Library, small: DataSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = interrupted_run(library, small)
    replacing = atomic.replacing
    for full in (".pkl", "run.json"):

        def refuse(path: Path, full: str = full) -> object:
            if path.name.endswith(full):
                raise OSError(28, "No space left on device")
            return replacing(path)

        monkeypatch.setattr(atomic, "replacing", refuse)
        with pytest.raises(WorkbenchError, match="No space left"):
            give_up(library, run)
        monkeypatch.undo()
        assert read_record(run.folder).status == "interrupted"
        assert has_checkpoint(run.folder)


def test_a_run_on_a_folder_that_left_files_out_can_be_given_up(
    library: Library, small: DataSet
) -> None:
    left = LeftOut("hidden", "", 2, "train/cat/.thumb")
    data = replace(small, info=replace(small.info, left_out=(left,), path="/somewhere"))
    given = give_up(library, interrupted_run(library, data))
    assert given.problem is None
    weights = load_weights(given.record.folder / (given.record.weights or ""))
    assert weights.data is not None
    assert not {"left_out", "path", "skipped_files"} & weights.data.keys()


def test_a_run_of_another_library_is_left_alone(
    library: Library, small: DataSet, tmp_path: Path
) -> None:
    run = interrupted_run(library, small)
    with pytest.raises(WorkbenchError, match="does not lie in the library"):
        give_up(Library(tmp_path / "other"), run)
    assert has_checkpoint(run.folder)
    assert read_record(run.folder).status == "interrupted"
