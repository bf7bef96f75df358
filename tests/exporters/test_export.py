"""Every format is read with its own reader, and what cannot be exported is one sentence."""

from __future__ import annotations

import csv
import json
import re
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.library.made_runs import make_run
from tests.library.test_weights import REGULARIZED, make_weights, same
from workbench.data.datasets import DataSet
from workbench.engine.devices import use_full_float32
from workbench.exporters import onnx_file
from workbench.exporters.export import export
from workbench.exporters.registry import EXPORTERS
from workbench.library.catalog import Library
from workbench.library.run_folder import RunRecord, read_epochs, read_losses
from workbench.library.weights import load_weights, save_weights
from workbench.messages import Cancelled, WorkbenchError
from workbench.spec.experiment import HYPERPARAMETERS, with_changes


def refusal(*arguments: Any, **options: Any) -> str:
    with pytest.raises(WorkbenchError) as caught:
        export(*arguments, **options)
    text = str(caught.value)
    assert "\n" not in text
    assert "Unexpected" not in text
    return text


def everything(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


# --- weights ---------------------------------------------------------------------------


def test_safetensors_is_bit_equal_for_its_own_reader_and_for_load(
    run: RunRecord, out: Path
) -> None:
    from safetensors import safe_open

    done = export([run], "safetensors", out / "m")
    path = out / "m.safetensors"
    assert done.files == (path, out / "m.safetensors.md")
    ours = load_weights(run.folder / str(run.weights))
    with safe_open(path, framework="pt") as file:
        about = file.metadata()
        assert same({key: file.get_tensor(key) for key in ours.state_dict}, ours.state_dict)
    assert json.loads(about["classes"]) == list(ours.classes)
    assert json.loads(about["metrics"])["accuracy"] == 55.0
    assert json.loads(about["scaling"])["offset"] == [-1.0] * 3
    again = load_weights(path)
    assert (again.experiment, again.data, again.metrics) == (
        *(ours.experiment, ours.data, ours.metrics),
    )


@pytest.mark.slow
def test_onnx_gives_the_same_class_for_any_number_of_images(
    run: RunRecord, out: Path, sample: DataSet
) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    done = export([run], "onnx", out / "m.onnx")
    assert "the same class for all 500 test images" in str(done.said[-1])
    content = (out / "m.onnx").read_bytes()
    assert b"deployable.py" not in content
    session = onnxruntime.InferenceSession(out / "m.onnx")
    assert [(i.name, i.shape, i.type) for i in session.get_inputs()] == [
        ("images", ["N", 32, 32, 3], "tensor(uint8)")
    ]
    about = session.get_modelmeta().custom_metadata_map
    assert json.loads(about["classes"]) == list(sample.info.classes)
    for count in (1, 3):
        images = sample.test_images[:count].numpy()
        logits, probabilities = session.run(None, {"images": images})
        assert logits.shape == (count, 10)
        np.testing.assert_allclose(probabilities.sum(1), 1, rtol=1e-5)


def test_an_onnx_file_that_gives_another_class_is_not_kept(
    run: RunRecord, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return -np.ones((len(images), 10)), np.zeros((len(images), 10))

    monkeypatch.setattr(onnx_file, "_write", lambda path, place, *_: place.write_bytes(b"x"))
    monkeypatch.setattr(onnx_file, "_runtime", lambda place: wrong)
    assert "gives another class for" in refusal([run], "onnx", out / "m.onnx")
    assert everything(out) == []


def test_pt2_gives_exactly_the_same_numbers(run: RunRecord, out: Path, sample: DataSet) -> None:
    done = export([run], "pt2", out / "m.pt2")
    assert "exactly the same numbers on all 500 test images" in str(done.said[-1])
    extra = {"cifar-workbench.json": ""}
    program = torch.export.load(out / "m.pt2", extra_files=extra).module()
    assert json.loads(extra["cifar-workbench.json"])["preset"] == "009"
    logits, probabilities = program(sample.test_images[:1])
    assert (logits.argmax(1) == probabilities.argmax(1)).all()
    assert b"deployable.py" not in (out / "m.pt2").read_bytes()


@pytest.mark.parametrize("form", ["pt2", "onnx"])
def test_after_a_training_a_network_is_exported_and_nothing_is_computed_otherwise(
    form: str, run: RunRecord, out: Path
) -> None:
    use_full_float32()  # as every training does
    conv = getattr(torch.backends.cudnn, "conv", None)
    before = (torch.backends.mkldnn.enabled, conv and conv.fp32_precision)
    export([run], form, out / f"m.{form}")
    assert (torch.backends.mkldnn.enabled, conv and conv.fp32_precision) == before
    assert before[0]


def test_a_network_that_does_not_fit_in_is_one_sentence(
    run: RunRecord, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise torch._dynamo.exc.Unsupported("a long text\nof torch's")

    monkeypatch.setattr(torch.export, "export", fail)
    assert "torch.export cannot hold this network (Unsupported)" in refusal(
        [run], "pt2", out / "m.pt2"
    )
    assert everything(out) == []


def test_several_runs_become_files_in_a_folder(run: RunRecord, out: Path, tmp_path: Path) -> None:
    path = tmp_path / "mine.pkl"
    save_weights(path, make_weights(REGULARIZED))
    done = export([run, path], "safetensors", out / "all")
    assert {file.name for file in done.files if file.suffix == ".safetensors"} == {
        f"{run.id}.safetensors",
        "mine.safetensors",
    }


def test_the_card_says_data_figures_with_their_uncertainty_and_limits(
    run: RunRecord, out: Path
) -> None:
    export([run], "safetensors", out / "m", known=[run])
    card = (out / "m.safetensors.md").read_text()
    assert "Test accuracy on sample data: 55.00% (5,500 of 10,000 test images)" in card
    assert "95% interval for other images of the same kind: 54.02% to 55.97% (Wilson)" in card
    assert "It is one run with one seed" in card
    assert "recognizes nothing in photographs" in card
    assert "red disc" in card
    assert "state_dict" in card  # how to use the file
    assert str(run.folder.parent) not in card


# --- figures ---------------------------------------------------------------------------


def test_tensorboard_reads_every_step_and_epoch(run: RunRecord, out: Path) -> None:
    pytest.importorskip("tensorboard")
    export([run], "tensorboard", out / "tb")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(out / "tb" / run.id), size_guidance={"scalars": 0})
    events.Reload()
    losses = read_losses(run.folder)
    curve = events.Scalars("train/loss")
    assert [point.step for point in curve] == list(range(1, len(losses) + 1))
    np.testing.assert_array_equal(np.float32([point.value for point in curve]), losses)
    accuracies = [point.value for point in events.Scalars("test/accuracy")]
    assert accuracies == [row["accuracy"] for row in read_epochs(run.folder)]
    plugin = events.SummaryMetadata("_hparams_/session_start_info").plugin_data
    assert b"learning_rate" in plugin.content
    assert events.Scalars("final/test_accuracy")[0].value == pytest.approx(run.accuracy)


def test_mlflow_gives_back_parameters_metrics_and_weights(run: RunRecord, out: Path) -> None:
    pytest.importorskip("mlflow")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        export([run], "mlflow", out / "store")
        export([run], "mlflow", out / "store")  # is added to it
        from mlflow import MlflowClient

        client = MlflowClient(tracking_uri=(out / "store").as_uri())
        (experiment,) = (e for e in client.search_experiments() if e.name == "CIFAR Workbench")
        first, second = client.search_runs([experiment.experiment_id])
        assert first.data.params == second.data.params
        assert first.data.params["learning_rate"] == str(run.experiment["learning_rate"])
        assert first.data.metrics["final/test_accuracy"] == run.accuracy
        history = client.get_metric_history(first.info.run_id, "train/loss")
        assert len(history) == len(read_losses(run.folder))
        assert first.info.status == "FINISHED"
        (artifact,) = client.list_artifacts(first.info.run_id, "weights")
        assert artifact.path == f"weights/{run.weights}"


def test_an_address_that_mlflow_does_not_know_is_one_sentence(run: RunRecord) -> None:
    pytest.importorskip("mlflow")
    assert "is no place that MLflow can write to" in refusal([run], "mlflow", "ftp://x/y")


def test_tables_hold_all_runs_epochs_and_steps(library: Library, run: RunRecord, out: Path) -> None:
    other = make_run(
        library, "001", (20.0,), epochs=3, validation=(21.0,), validation_share=0.1, name="=1+1"
    )
    done = export([run, other], "csv", out / "tables")
    assert "Read again: 2 runs, 3 epochs, 12 steps." in map(str, done.said)

    def rows(name: str) -> list[dict[str, str]]:
        with (out / "tables" / name).open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    first, second = rows("runs.csv")
    assert set(HYPERPARAMETERS) < set(first)
    assert float(first["learning_rate"]) == run.experiment["learning_rate"]
    assert second["name"] == "'=1+1"  # no formula for a spreadsheet
    epochs = rows("epochs.csv")
    assert [row["validation_accuracy"] for row in epochs] == ["", "", "21.0"]
    losses = np.array([row["loss"] for row in rows("steps.csv")], np.float32)
    assert losses.tobytes() == b"".join(read_losses(r.folder).tobytes() for r in (run, other))
    assert [row["epoch"] for row in rows("steps.csv")][:8] == ["1"] * 4 + ["2"] * 4


def test_parquet_holds_the_same_numbers(run: RunRecord, out: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    export([run], "parquet", out / "tables")
    steps = parquet.read_table(out / "tables" / "steps.parquet")
    assert steps["loss"].to_numpy().tobytes() == read_losses(run.folder).tobytes()
    runs = parquet.read_table(out / "tables" / "runs.parquet").to_pylist()
    assert runs[0]["batch_norm"] is True


def test_the_report_is_an_export_too(run: RunRecord, out: Path) -> None:
    export([run], "html", out / "r", known=[run])
    assert "<svg" in (out / "r.html").read_text()


# --- bad input -------------------------------------------------------------------------


def test_what_cannot_be_exported_is_one_sentence(
    library: Library, run: RunRecord, out: Path, tmp_path: Path
) -> None:
    running = replace(run, status="running")
    assert "is still training" in refusal([running], "csv", out / "t")
    bare = make_run(library, "001", (20.0,), epochs=3)
    assert "has no weights of its last epoch" in refusal([bare], "safetensors", out / "m")
    assert "no weights of a best epoch" in refusal([run], "safetensors", out / "m", best=True)
    interrupted = replace(bare, status="interrupted")
    assert "resume it, or give up resuming" in refusal([interrupted], "pt2", out / "m")
    assert "there is no such format; choose one of" in refusal([run], "gif", out / "m")
    assert "ends in .onnx" in refusal([run], "onnx", out / "m.zip")
    assert "is made from a whole run" in refusal([tmp_path / "w.pkl"], "csv", out / "t")
    (out / "m.safetensors").write_text("mine")
    assert "is there already; choose another name" in refusal([run], "safetensors", out / "m")
    assert (out / "m.safetensors").read_text() == "mine"
    assert everything(out) == ["m.safetensors"]
    export([run], "safetensors", out / "m", force=True)
    assert load_weights(out / "m.safetensors").preset == "009"
    (out / "file").write_text("")
    assert "is a file; CSV tables takes a folder" in refusal([run], "csv", out / "file")
    assert "cannot be written or read" in refusal([run], "html", out / "file" / "x.html")


def test_unknown_pixel_statistics_are_asked_for(out: Path, tmp_path: Path) -> None:
    weights = make_weights(with_changes(REGULARIZED, {"normalization": "dataset"}))
    path = tmp_path / "w.pkl"
    save_weights(path, weights)
    said = refusal([path], "pt2", out / "m")
    assert "does not say which mean and deviation its pixels were scaled with" in said
    assert everything(out) == []


def test_a_missing_package_comes_with_the_line_that_installs_it(
    run: RunRecord, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workbench.exporters.registry.find_spec", lambda name: None)
    assert "`python -m pip install onnx onnxscript onnxruntime` installs them" in refusal(
        [run], "onnx", out / "m"
    )


def test_a_cancelled_export_leaves_nothing(run: RunRecord, out: Path) -> None:
    for name in ("csv", "safetensors", "share", "html"):
        with pytest.raises(Cancelled):
            export([run], name, out / "x", stop=lambda: True)
    assert everything(out) == []


def test_extras_name_the_packages_of_the_formats() -> None:
    text = (Path(__file__).parents[2] / "pyproject.toml").read_text()
    for exporter in EXPORTERS.values():
        if exporter.packages:
            line = re.search(rf"^{exporter.name} = \[(.*)\]$", text, re.MULTILINE)
            assert line is not None, exporter.name
            for package in exporter.packages:
                assert f'"{package}>=' in line[1]
