"""No file that is handed on says where it was made: weights, reports, saved logs, tables."""

from __future__ import annotations

import shutil
from dataclasses import asdict
from pathlib import Path

import pytest
import torch

from tests.commands.conftest import Call, call  # noqa: F401 (a fixture)
from tests.library.made_runs import make_run
from workbench import paths
from workbench.data.data_choice import choice_of
from workbench.data.datasets import DataSet
from workbench.engine.networks import build_network
from workbench.library.catalog import Library
from workbench.library.run_folder import write_record
from workbench.library.weights import Weights, load_weights, save_weights
from workbench.messages import WorkbenchError
from workbench.report.document import write_report
from workbench.spec.experiment import experiment_from


def secret(tmp_path: Path) -> list[bytes]:
    return [str(tmp_path).encode(), str(Path.home()).encode(), b"jane"]


def test_weights_keep_name_and_fingerprint_and_no_path(tmp_path: Path, small: DataSet) -> None:
    data = {
        **asdict(small.info),
        "kind": "folder",
        "path": str(tmp_path / "jane" / "images"),
        "skipped_files": ("train/cat/jane.jpg",),
    }
    experiment = experiment_from({})
    state = build_network(experiment, 10).state_dict()
    path = tmp_path / "w.pkl"
    save_weights(path, Weights(experiment, small.info.classes, state, data=data))
    content = path.read_bytes()
    assert not [word for word in secret(tmp_path) if word in content]
    kept = load_weights(path).data
    assert kept is not None
    assert (kept["kind"], kept["fingerprint"]) == ("folder", small.info.fingerprint)
    assert kept["name"] == small.info.name
    with pytest.raises(WorkbenchError, match="it is not known where this folder of images is"):
        choice_of(kept)
    # A file of an earlier version, with the path in it, opens as before.
    old = torch.load(path, weights_only=True)
    torch.save({**old, "data": {**data, "skipped_files": []}}, path)
    loaded = load_weights(path).data
    assert loaded is not None
    assert loaded["path"] == data["path"]


@pytest.mark.parametrize("ending", ["html", "md"])
def test_a_report_says_nothing_of_folders_and_accounts(tmp_path: Path, ending: str) -> None:
    library = Library(tmp_path / "jane" / "library")
    run = make_run(library, accuracies=(20.0,))
    path = tmp_path / "jane" / "my images" / "x.png"
    write_record(
        run.__class__(
            **{
                **{name: getattr(run, name) for name in run.__dataclass_fields__},
                "status": "failed",
                "reason": f"{path.parent.parent}: the disk is full; free some space.",
                "data": {**run.data, "path": str(path)},
            }
        )
    )
    out = tmp_path / "out"
    out.mkdir()
    files = write_report(out / f"r.{ending}", library.runs(), library.runs())
    for file in files:
        content = file.read_bytes().replace(b"jane: the disk is full", b"")
        assert not [word for word in secret(tmp_path) if word in content], file
    assert "the disk is full; free some space." in files[0].read_text()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{home}/library/R: the disk is full", "~/library/R: the disk is full"),
        ("found in /data/jane/cifar-10-batches-py.", "found in cifar-10-batches-py."),
        (r"C:\Users\jane\x.pkl: no", "x.pkl: no"),
        (r"\\server\jane\x.pkl", "x.pkl"),
        ("train/ and test/, 7/10, https://a.org/b/c.tar.gz", None),
    ],
)
def test_of_absolute_paths_the_last_part_stays(text: str, expected: str | None) -> None:
    text = text.format(home=paths.home())
    assert paths.without_places(text) == (text if expected is None else expected)


def test_a_home_folder_that_is_the_root_leaves_the_slashes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Path, "home", lambda: Path("/"))
    text = "train/ and test/, 7/10; /data/jane/x.pkl"
    assert paths.without_places(text) == "train/ and test/, 7/10; x.pkl"


@pytest.mark.slow
def test_test_finds_the_folder_by_the_run_that_the_weights_lie_in(
    tmp_path: Path,
    call: Call,  # noqa: F811
) -> None:
    from PIL import Image

    folder = tmp_path / "images"
    for split in ("train", "test"):
        for color in ("red", "blue"):
            (folder / split / color).mkdir(parents=True)
            for number in range(4):
                Image.new("RGB", (32, 32), color).save(folder / split / color / f"{number}.png")
    code, _, err = call("train", "001", "--dataset", folder, "--set", "epochs=1")
    assert code == 0, err
    (run,) = Library().runs()
    weights = run.folder / str(run.weights)
    _, out, _ = call("test", weights)
    assert f"Folder of images: {folder}" in out
    shutil.copy(weights, tmp_path / "w.pkl")
    assert str(folder).encode() not in weights.read_bytes()
    _, out, err = call("test", tmp_path / "w.pkl", "--dataset", folder)
    assert "Accuracy of Test Data" in out
