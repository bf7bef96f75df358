"""Layouts that others' data come in, and what is said where there are none."""

from __future__ import annotations

import io
import json
import unicodedata
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from workbench.data.data_choice import choose_data
from workbench.data.datasets import DataSet, load_data
from workbench.data.sources import DATA_SOURCES
from workbench.messages import WorkbenchError

COLORS = {"blue": (0, 0, 200), "red": (200, 0, 0)}


def make(root: Path, train: str = "train", test: str = "test", inside: str = "") -> Path:
    for split in (train, test):
        for name, color in COLORS.items():
            folder = root / split / name / inside
            folder.mkdir(parents=True)
            for number in range(2):
                Image.new("RGB", (32, 32), color).save(folder / f"{number}.png")
    return root


def load(path: Path | str) -> DataSet:
    return load_data(choose_data(str(path)), lambda _: None, lambda: False)


@pytest.fixture
def fingerprint(tmp_path: Path) -> str:
    return load(make(tmp_path / "plain")).info.fingerprint


@pytest.mark.parametrize(
    ("train", "test", "inside"),
    [
        ("Train", "Test", ""),
        ("TRAIN", "test", ""),
        ("train", "val", ""),
        ("train", "Validation", ""),
        ("train", "test", "images"),
        ("Train", "VAL", "images"),
    ],
)
def test_other_layouts_are_the_same_data(
    tmp_path: Path, fingerprint: str, train: str, test: str, inside: str
) -> None:
    root = make(tmp_path / "other", train, test, inside)
    if inside:
        (root / train / "red" / "boxes.txt").write_text("0 0 31 31")
    assert load(root).info.fingerprint == fingerprint


def test_test_comes_before_val_and_the_other_is_said_to_be_left_out(
    tmp_path: Path, fingerprint: str
) -> None:
    root = make(tmp_path / "other")
    (root / "val" / "red").mkdir(parents=True)
    info = load(root).info
    assert info.fingerprint == fingerprint
    assert [(one.what, one.example) for one in info.left_out] == [
        ("folder beside train and test", "val")
    ]


def test_folders_of_storage_systems_are_no_classes(tmp_path: Path, fingerprint: str) -> None:
    root = make(tmp_path / "other")
    for place in ("train", "train/red", "test"):
        (root / place / "@eaDir").mkdir()
        (root / place / "@eaDir" / "0.png").write_bytes(b"x")
    assert load(root).info.fingerprint == fingerprint


def test_images_beside_a_folder_stay_the_only_ones(tmp_path: Path, fingerprint: str) -> None:
    root = make(tmp_path / "other")
    (root / "train" / "red" / "more").mkdir()
    Image.new("RGB", (32, 32)).save(root / "train" / "red" / "more" / "0.png")
    assert load(root).info.fingerprint == fingerprint


def test_class_names_are_equal_up_to_normalization(tmp_path: Path) -> None:
    root = make(tmp_path / "other")
    names = [unicodedata.normalize(form, "é") for form in ("NFC", "NFD")]
    for split, name in zip(("train", "test"), names, strict=True):
        (root / split / "red").rename(root / split / name)
    info = load(root).info
    assert info.classes == ("blue", names[0])
    assert (info.train_images, info.test_images) == (4, 4)


def test_two_classes_that_look_alike_in_both_splits_stay_two(tmp_path: Path) -> None:
    root = make(tmp_path / "other")
    for split in ("train", "test"):
        for old, form in zip(COLORS, ("NFC", "NFD"), strict=True):
            (root / split / old).rename(root / split / unicodedata.normalize(form, "é"))
    assert len(load(root).info.classes) == 2


@pytest.mark.parametrize(
    ("inside", "found"),
    [((), "it holds nothing"), (("train", "images"), "it holds images/, train/")],
)
def test_a_folder_without_data_says_what_was_found_and_what_is_expected(
    tmp_path: Path, inside: tuple[str, ...], found: str
) -> None:
    for name in inside:
        (tmp_path / "d" / name).mkdir(parents=True)
    (tmp_path / "d").mkdir(exist_ok=True)
    with pytest.raises(WorkbenchError) as caught:
        choose_data(str(tmp_path / "d"))
    assert found in str(caught.value)
    for source in DATA_SOURCES.values():
        assert source.expected in str(caught.value)


def test_cifar100_in_torchvisions_layout_is_checked_before_it_is_opened(tmp_path: Path) -> None:
    with pytest.raises(WorkbenchError, match="CIFAR-100 is not on this machine"):
        choose_data("cifar100")
    folder = tmp_path / "home" / "data" / "cifar-100-python"
    folder.mkdir(parents=True)
    for name in ("train", "test", "meta"):
        (folder / name).write_bytes(b"cos\nsystem\n.")
    for wanted in ("cifar100", str(folder), str(folder.parent)):
        choice = choose_data(wanted)
        assert (choice.kind, choice.path) == ("cifar100", folder.parent)
    with pytest.raises(WorkbenchError, match=r"its checksum differs.*download CIFAR-100 again"):
        load_data(choice, lambda _: None, lambda: False)


# --- Parquet ---------------------------------------------------------------------------

Change = Callable[[dict[str, list[object]]], None]


def png(color: tuple[int, int, int]) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (32, 32), color).save(file, "PNG")
    return file.getvalue()


def make_parquet(root: Path, change: Change = lambda columns: None, names: bool = True) -> Path:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    root.mkdir(parents=True)
    for split in ("train", "test"):
        columns: dict[str, list[object]] = {
            "img": [{"bytes": png(c), "path": None} for c in COLORS.values() for _ in range(2)],
            "label": [0, 0, 1, 1],
        }
        change(columns)
        table = pyarrow.table(columns)
        if names:
            about = {"info": {"features": {"label": {"names": list(COLORS)}}}}
            table = table.replace_schema_metadata({"huggingface": json.dumps(about)})
        parquet.write_table(table, root / f"{split}-00000-of-00001.parquet")
    return root


@pytest.mark.parametrize("inside", ["", "data", "plain_text"])
def test_parquet_of_a_hub_is_the_same_data(tmp_path: Path, fingerprint: str, inside: str) -> None:
    root = (
        make_parquet(tmp_path / "hub" / inside).parent if inside else make_parquet(tmp_path / "h")
    )
    data = load(root)
    assert data.info.fingerprint == fingerprint
    assert (data.info.kind, data.info.classes) == ("parquet", ("blue", "red"))
    assert load(next(root.rglob("train*.parquet"))).info.fingerprint == fingerprint


def test_parquet_without_names_has_numbers(tmp_path: Path) -> None:
    assert load(make_parquet(tmp_path / "h", names=False)).info.classes == ("class 0", "class 1")


def _rename(columns: dict[str, list[object]]) -> None:
    columns["picture"] = columns.pop("img")


def _text_labels(columns: dict[str, list[object]]) -> None:
    columns["label"] = ["a", "a", "b", "b"]


def _damaged_image(columns: dict[str, list[object]]) -> None:
    columns["img"][0] = {"bytes": b"x", "path": None}


def _far_label(columns: dict[str, list[object]]) -> None:
    columns["label"] = [0, 0, 1, 7]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (_rename, "its columns are label, picture; expected img or image"),
        (_text_labels, "of another kind"),
        (_damaged_image, "an image of it: no image that can be read"),
        (_far_label, "not every class has images in both splits"),
    ],
)
def test_parquet_that_cannot_be_read_is_one_sentence(
    tmp_path: Path, change: Change, reason: str
) -> None:
    with pytest.raises(WorkbenchError) as caught:
        load(make_parquet(tmp_path / "h", change))
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_damaged_parquet_and_a_missing_package_are_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = make_parquet(tmp_path / "h")
    (root / "test-00000-of-00001.parquet").write_bytes(b"PAR1" + bytes(50))
    with pytest.raises(WorkbenchError, match="damaged or no Parquet"):
        load(root)
    monkeypatch.setitem(__import__("sys").modules, "pyarrow.parquet", None)
    with pytest.raises(WorkbenchError, match="pip install pyarrow"):
        load(root)


def test_images_of_a_parquet_keep_their_pixels(tmp_path: Path) -> None:
    data = load(make_parquet(tmp_path / "h"))
    assert np.unique(data.train_images[:2].numpy().reshape(-1, 3), axis=0).tolist() == [[0, 0, 200]]
