"""A folder as people have them: names that are no text, files of all kinds, links, and what changes
while it is read."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.engine.raw_images import gray_tiff, png, squares
from workbench.data import folder_scan, image_decoding, image_folder
from workbench.data.arrays import Arrays
from workbench.data.class_names import class_names
from workbench.data.data_choice import LeftOut, choice_of, choose_data
from workbench.data.datasets import load_data
from workbench.data.image_folder import read_image_folder
from workbench.messages import WorkbenchError
from workbench.path_text import from_text, shown, to_text

CAT, DOG = "고양이".encode("cp949"), "강아지".encode("cp949")


def image(value: int = 0) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (32, 32), (value, 5, 6)).save(file, "PNG")
    return file.getvalue()


def fill(root: Path, *classes: bytes | str, images: int = 2) -> Path:
    for split in ("train", "test"):
        for label, name in enumerate(classes):
            folder = root / split / os.fsdecode(name)
            folder.mkdir(parents=True)
            for number in range(images):
                (folder / f"{number}.png").write_bytes(image(10 * label + number))
    return root


def read(root: Path) -> Arrays:
    return read_image_folder(root, lambda _: None, lambda: False)


def left_out(root: Path) -> dict[str, tuple[int, str]]:
    """What was left out, and the same from the cache."""
    first, again = read(root).left_out, read(root).left_out
    assert first == again
    return {one.what.replace("{kind}", one.kind): (one.count, one.example) for one in first}


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    return fill(tmp_path / "pets", "cat", "dog")


# Names

bytes_in_names = pytest.mark.skipif(os.name == "nt", reason="names are bytes on Unix only")


@bytes_in_names
def test_names_that_are_not_utf_8_stay_apart_and_say_which_folder_they_are(tmp_path: Path) -> None:
    root = fill(tmp_path / os.fsdecode("자료".encode("cp949")), CAT, DOG)
    arrays = read(root)
    assert arrays.name == shown(root.name)
    assert "�" in arrays.name
    # Of three syllables in two bytes each, none of them UTF-8.
    assert arrays.classes == (
        "������ (%B0%AD%BE%C6%C1%F6)",
        "������ (%B0%ED%BE%E7%C0%CC)",
    )
    assert arrays.train_images[:, 0, 0, 0].tolist() == [10, 11, 0, 1]  # sorted by their bytes


@bytes_in_names
def test_a_data_set_of_such_names_is_found_again_from_what_was_written(tmp_path: Path) -> None:
    root = fill(tmp_path / os.fsdecode(b"\xff\xfe"), CAT, "cat", "caf\xe9")
    (root / "train" / os.fsdecode(CAT) / os.fsdecode(b"\xb0.jpg")).write_bytes(b"broken")
    data = load_data(choose_data(str(root)), lambda _: None, lambda: False)
    written = asdict(data.info)
    str(written).encode("utf-8")  # no lone surrogate anywhere
    assert choice_of(written).path == root
    again = load_data(choice_of(written), lambda _: None, lambda: False)
    assert again.info == data.info
    (root / "train" / os.fsdecode(CAT)).rename(root / "train" / os.fsdecode(DOG))
    (root / "test" / os.fsdecode(CAT)).rename(root / "test" / os.fsdecode(DOG))
    other = load_data(choose_data(str(root)), lambda _: None, lambda: False)
    assert other.info.fingerprint != data.info.fingerprint  # other bytes, though they look alike


@pytest.mark.parametrize(
    ("folders", "expected"),
    [
        (["cat", "Cat", "CAT"], ["cat", "Cat", "CAT"]),
        (["caf\xe9", "cafe\u0301"], ["caf\xe9 (caf%C3%A9)", "cafe\u0301 (cafe%CC%81)"]),
        (["cafe\u0301", "tea"], ["cafe\u0301", "tea"]),
        (["cat", "cat "], ["cat (cat)", "cat  (cat%20)"]),
        (["cat", "c\u200bat"], ["cat (cat)", "c\u200bat (c%E2%80%8Bat)"]),
        (["a\nb", "a"], ["a\nb", "a"]),
        (["\udcb0"], ["\ufffd (%B0)"]),
        (["\ufffd"], ["\ufffd (%EF%BF%BD)"]),
    ],
)
def test_names_that_look_alike_are_told_apart(folders: list[str], expected: list[str]) -> None:
    assert list(class_names(folders)) == expected


def test_no_two_classes_ever_have_one_name() -> None:
    parts = ["\udcb0", "\udcb1", "\ufffd", "a", "\ufffd (%B0)", "a (a)", "a ", "\u00e9", "e\u0301"]
    folders = [*parts, *(first + second for first in parts for second in parts)]
    folders += ["\udcb0" * n for n in range(2, 250)]
    folders = list(dict.fromkeys(folders))
    names = class_names(folders)
    assert len(set(names)) == len(folders)
    assert max(map(len, names)) < 300
    "".join(names).encode("utf-8")


def test_paths_are_written_as_they_are_or_as_an_address(tmp_path: Path) -> None:
    for name in ("cat", "a b%20#?", "caf\xe9", os.fsdecode(b"\xff%41 x"), "\udcff"):
        path = tmp_path / name
        assert from_text(to_text(path)) == path
        to_text(path).encode("utf-8")
        assert (to_text(path) == str(path)) == (shown(path) == str(path))


def test_class_names_with_line_breaks_have_fingerprints_of_their_own(tmp_path: Path) -> None:
    prints = {
        load_data(
            choose_data(str(fill(tmp_path / str(number), *names))), lambda _: None, lambda: False
        ).info.fingerprint
        for number, names in enumerate((["a\nb", "c"], ["a", "b\nc"]))
    }
    assert len(prints) == 2


@bytes_in_names
def test_a_class_of_one_split_only_is_named_by_what_tells_it_apart(tmp_path: Path) -> None:
    root = fill(tmp_path, "caf\xe9", "tea")
    (root / "test" / "caf\xe9").rename(root / "test" / "caf\xe9\u200b")
    with pytest.raises(WorkbenchError, match=r"class caf\xe9 \(caf%C3%A9\) is in train/ only"):
        read(root)


# What is an image


@pytest.mark.parametrize("name", ["a.jfif", "a.jpe", "a.JPG", "image", "a.txt", "a.b.c", "a."])
def test_an_image_is_known_by_its_content(pets: Path, name: str) -> None:
    (pets / "train" / "cat" / name).write_bytes(image(77))
    arrays = read(pets)
    assert 77 in arrays.train_images[: 2 + 1, 0, 0, 0].tolist()
    assert (len(arrays.train_labels), arrays.skipped, arrays.left_out) == (5, 0, ())


def test_what_is_no_image_is_counted_by_its_ending(pets: Path) -> None:
    for name in ("notes.txt", "more.TXT", "list.csv", "README"):
        (pets / "train" / "cat" / name).write_text("no image")
    (pets / "test" / "dog" / "b.txt").write_text("no image")
    (pets / "test" / "dog" / "x.jpg").write_text("no image")  # is an image that cannot be read
    assert left_out(pets) == {
        "no image that can be read (.jpg)": (1, "test/dog/x.jpg"),
        "no image that can be read (no ending)": (1, "train/cat/README"),
        "no image that can be read (.csv)": (1, "train/cat/list.csv"),
        "no image that can be read (.txt)": (3, "train/cat/more.TXT"),
    }
    assert read(pets).skipped_files == ("test/dog/x.jpg",)


def test_all_that_is_no_file_of_a_class_is_counted(pets: Path) -> None:
    cat = pets / "train" / "cat"
    (cat / "more" / "even more").mkdir(parents=True)
    (cat / "more" / "even more" / "b.png").write_bytes(image())
    (cat / "more" / "a.png").write_bytes(image())
    (cat / "empty").mkdir()
    (cat / ".DS_Store").write_bytes(b"")
    (pets / "train" / ".git").mkdir()
    (pets / "train" / "stray.png").write_bytes(image())
    (pets / "valid").mkdir()
    (pets / "LICENSE").write_text("not of the images")
    assert left_out(pets) == {
        "hidden": (2, "train/.git"),
        "outside the class folders": (1, "train/stray.png"),
        "in a folder inside a class folder": (2, "train/cat/more/a.png"),
        "folder beside train and test": (1, "valid"),
    }
    assert len(read(pets).train_labels) == 4


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes and links")
def test_links_and_pipes(pets: Path) -> None:
    cat = pets / "train" / "cat"
    os.mkfifo(cat / "pipe.png")
    (cat / "gone.png").symlink_to("nowhere.png")
    (cat / "circle.png").symlink_to("circle.png")
    (cat / "up").symlink_to("..")
    (pets / "train" / "gone").symlink_to("nowhere")
    (cat / "good.png").symlink_to("0.png")
    assert left_out(pets) == {
        "link to nothing": (3, "train/gone"),
        "not a regular file": (1, "train/cat/pipe.png"),
        "link to a folder inside a class folder": (1, "train/cat/up"),
    }
    assert len(read(pets).train_labels) == 5  # the good link is one more


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs links")
def test_a_class_folder_that_leads_back_up_is_one_sentence(pets: Path) -> None:
    for split in ("train", "test"):
        (pets / split / "all").symlink_to("..")
    with pytest.raises(WorkbenchError, match="all: holds no readable image itself; move those"):
        read(pets)


def test_images_one_folder_deeper_only_are_named(pets: Path) -> None:
    for path in (pets / "train" / "dog").iterdir():
        path.unlink()
    (pets / "train" / "dog" / "part1").mkdir()
    (pets / "train" / "dog" / "part1" / "a.png").write_bytes(image())
    (pets / "train" / "dog" / "part2").mkdir()
    with pytest.raises(WorkbenchError) as error:
        read(pets)
    example = Path("part1/a.png").as_posix()
    assert str(error.value) == (
        f"{pets / 'train' / 'dog'}: holds no readable image itself; move those of the folders "
        f"inside it (for example {example}) up into it, or remove the class."
    )


def test_many_kinds_are_not_listed_without_end(pets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder_scan, "NAMED_REASONS", 3)
    for number in range(10):
        (pets / "train" / "cat" / f"x.{number}").write_text("no image")
    assert left_out(pets)["other files"] == (7, "train/cat/x.3")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
@pytest.mark.parametrize("change", ["gone", "pipe", "folder", "half"])
def test_a_file_that_changes_after_it_was_listed(
    pets: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    path = pets / "train" / "cat" / "1.png"
    scan = folder_scan.scan_folder

    def then_change(*arguments: Path) -> object:
        found = scan(*arguments)  # type: ignore[arg-type]
        content = path.read_bytes()
        path.unlink()
        if change == "pipe":
            os.mkfifo(path)
        elif change == "folder":
            path.mkdir()
        elif change == "half":
            path.write_bytes(content[: len(content) // 2])
        return found

    monkeypatch.setattr(image_folder, "scan_folder", then_change)
    arrays = read(pets)
    assert (len(arrays.train_labels), arrays.skipped) == (3, 1)
    assert arrays.skipped_files == ("train/cat/1.png",)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read all")
def test_what_may_not_be_read_is_named(pets: Path) -> None:
    (pets / "train" / "cat" / "0.png").chmod(0)
    assert "cannot be opened (Permission denied)" in left_out(pets)
    (pets / "train" / "dog").chmod(0)
    try:
        with pytest.raises(WorkbenchError, match="dog: cannot be read"):
            read(pets)
    finally:
        (pets / "train" / "dog").chmod(0o755)


# Ranges


def deep(root: Path, write: Callable[[int], io.BytesIO], name: str) -> Path:
    """Four values for each quarter of the images of two classes, dark ones in train/ only."""
    for split, factor in (("train", 1), ("test", 4)):
        for label in ("a", "b"):
            path = root / split / label / name
            path.parent.mkdir(parents=True)
            path.write_bytes(write(factor).getvalue())
    return root


@pytest.mark.parametrize(
    ("write", "name"),
    [
        (lambda f: png(squares(*(v * f for v in (0, 341, 682, 1_023))), 16, 0), "a.png"),
        (
            lambda f: gray_tiff(squares(*(v * f for v in (0, 341, 682, 1_023)))[:, :, 0]),
            "a.tif",
        ),
        (
            lambda f: gray_tiff(
                squares(*(v * f / 4 for v in (0, 1 / 3, 2 / 3, 1)), kind="f4")[:, :, 0]
            ),
            "a.tif",
        ),
        (
            lambda f: gray_tiff(squares(*(v * f for v in (0, 5, 10, 15)), kind="f4")[:, :, 0]),
            "a.tif",
        ),
    ],
    ids=["16-bit PNG", "16-bit TIFF", "0 to 1", "0 to 60"],
)
def test_all_images_of_a_kind_are_scaled_alike_in_both_splits(
    tmp_path: Path, write: Callable[[int], io.BytesIO], name: str
) -> None:
    arrays = read(deep(tmp_path, write, name))
    corners = [(8, 8), (8, 24), (24, 8), (24, 24)]
    train = [int(arrays.train_images[0, y, x, 0]) for y, x in corners]
    test = [int(arrays.test_images[0, y, x, 0]) for y, x in corners]
    assert np.abs(np.array(train) - [0, 21, 42, 64]).max() <= 1
    assert np.abs(np.array(test) - [0, 85, 170, 255]).max() <= 1


def test_images_of_8_bits_beside_them_keep_their_pixels(tmp_path: Path) -> None:
    root = deep(tmp_path, lambda f: png(squares(0, 1, 2, f), 16, 0), "deep.png")
    (root / "train" / "a" / "flat.png").write_bytes(image(99))
    assert read(root).train_images[1, 0, 0].tolist() == [99, 5, 6]


def test_a_range_that_cannot_be_known_is_said_once_for_each_kind(pets: Path) -> None:
    for number in range(3):
        for name, value in (("a", 7.0), ("b", np.nan)):
            path = pets / "train" / "cat" / f"{name}{number}.tif"
            path.write_bytes(gray_tiff(np.full((8, 8), value, "f4")).getvalue())
    assert left_out(pets) == {
        "which values are black and white is not known (TIFF, 32-bit floating point)": (
            3,
            "train/cat/a0.tif",
        ),
        "which values are black and white is not known (TIFF, values that are no numbers)": (
            3,
            "train/cat/b0.tif",
        ),
    }
    assert read(pets).skipped == 6


def test_a_cache_of_another_way_of_decoding_is_not_used(
    pets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read(pets)
    read_again: list[str] = []
    decode = image_decoding.decode

    def noted(path: str, ranges: object) -> object:
        read_again.append(path)
        return decode(path, ranges)  # type: ignore[arg-type]

    monkeypatch.setattr(image_decoding, "decode", noted)
    read(pets)
    assert not read_again
    monkeypatch.setattr(image_folder.PIL, "__version__", "0.0")
    read(pets)
    assert len(read_again) == 8


def test_a_left_out_line() -> None:
    one = LeftOut("no image that can be read ({kind})", ".txt", 1_234, "train/{cat}/a.txt")
    assert str(one) == "no image that can be read (.txt): 1,234, for example train/{cat}/a.txt"
