import logging
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from workbench import paths
from workbench.data import image_decoding, image_folder
from workbench.data.data_choice import CIFAR10_CLASSES, choose_data
from workbench.data.datasets import Arrays, load_data
from workbench.data.image_decoding import decode, read_image
from workbench.data.image_folder import read_image_folder
from workbench.data.progress import DataProgress
from workbench.messages import Cancelled, WorkbenchError


def put(
    path: Path,
    color: int | tuple[int, ...] = 0,
    size: tuple[int, int] = (32, 32),
    mode: str = "RGB",
) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, color).save(path)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two classes; the red value says which image it is."""
    root = tmp_path / "pets"
    for base, split in ((0, "train"), (100, "test")):
        for label, name in enumerate(("cat", "dog")):
            for number in range(3):
                put(root / split / name / f"{number}.png", (base + 10 * label + number, 5, 6))
    return root


def read(folder: Path) -> Arrays:
    return read_image_folder(folder, lambda _: None, lambda: False)


def reds(images: np.ndarray) -> list[int]:
    return images[:, 0, 0, 0].tolist()


def entries() -> list[Path]:
    return sorted(paths.cache().iterdir())


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files that were decoded, not read from the cache."""
    names: list[str] = []

    def noted(path: str, ranges: Any) -> Any:
        names.append(path)
        return decode(path, ranges)

    monkeypatch.setattr(image_decoding, "decode", noted)
    return names


def test_classes_are_folders_and_files_come_by_name(folder: Path) -> None:
    put(folder / "train" / "cat" / "10.png", (50, 0, 0))
    arrays = read(folder)
    assert arrays.classes == ("cat", "dog")
    assert reds(arrays.train_images) == [0, 1, 50, 2, 10, 11, 12]
    assert arrays.train_labels.tolist() == [0, 0, 0, 0, 1, 1, 1]
    assert reds(arrays.test_images) == [100, 101, 102, 110, 111, 112]
    assert arrays.test_labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert arrays.train_images.dtype == np.uint8
    assert arrays.train_labels.dtype == np.int64
    assert (arrays.name, arrays.comparable, arrays.skipped) == ("pets", False, 0)


def test_hidden_and_side_files_are_left_out(folder: Path) -> None:
    for name in (".DS_Store", "Thumbs.db", "notes.txt", "._0.png"):
        (folder / "train" / "cat" / name).write_bytes(b"no image")
    (folder / "train" / ".git").mkdir()
    (folder / "train" / "README.md").write_text("no class")
    (folder / "train" / "cat" / "folder.png").mkdir()
    arrays = read(folder)
    assert (len(arrays.train_labels), arrays.skipped, arrays.classes) == (6, 0, ("cat", "dog"))


def test_an_image_of_32_by_32_keeps_its_pixels(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    for name in ("a.png", "a.jpg"):
        Image.fromarray(pixels).save(tmp_path / name)
        assert np.array_equal(read_image(tmp_path / name), np.asarray(Image.open(tmp_path / name)))


@pytest.mark.parametrize("size", [(1, 1), (7, 90), (500, 300), (33, 32)])
@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.gif", "a.bmp", "a.webp", "a.tiff"])
def test_any_size_and_format(tmp_path: Path, name: str, size: tuple[int, int]) -> None:
    image = read_image(put(tmp_path / name, (200, 100, 50), size))
    assert image.shape == (32, 32, 3)
    assert image.dtype == np.uint8
    assert np.abs(image - np.array([200.0, 100, 50])).max() < 6


@pytest.mark.parametrize(
    ("mode", "color", "expected"),
    [
        ("L", (90,), (90, 90, 90)),
        ("1", (1,), (255, 255, 255)),
        ("P", (0,), (0, 0, 0)),
        ("I;16", (60_000,), (233, 233, 233)),
        ("LA", (90, 0), (255, 255, 255)),  # transparent: white, as viewers show it
        ("RGBA", (90, 80, 70, 0), (255, 255, 255)),
        ("RGBA", (90, 80, 70, 255), (90, 80, 70)),
    ],
)
def test_any_mode(
    tmp_path: Path, mode: str, color: tuple[int, ...], expected: tuple[int, ...]
) -> None:
    value = color if len(color) > 1 else color[0]
    image = read_image(put(tmp_path / "a.png", value, (40, 40), mode))
    assert image[3, 4].tolist() == list(expected)


def test_fine_stripes_become_gray_and_no_pattern(tmp_path: Path) -> None:
    stripes = np.zeros((320, 320, 3), np.uint8)
    stripes[:, ::2] = 255
    Image.fromarray(stripes).save(tmp_path / "a.png")
    assert np.ptp(read_image(tmp_path / "a.png")[4:-4, 4:-4]) <= 8


def test_a_photo_taken_sideways_is_upright(tmp_path: Path) -> None:
    image = Image.new("RGB", (64, 64), "black")
    image.paste("white", (0, 0, 32, 64))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned a quarter clockwise
    image.save(tmp_path / "a.jpg", exif=exif)
    turned = read_image(tmp_path / "a.jpg")
    assert turned[2, 16].min() > 240
    assert turned[29, 16].max() < 15


def test_unreadable_files_are_counted_named_and_skipped(
    folder: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    cat = folder / "train" / "cat"
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 5_000)
    whole = put(cat / "0b.jpg", (1, 2, 3), (60, 60)).read_bytes()
    (cat / "0b.jpg").write_bytes(whole[: len(whole) // 2])
    (cat / "empty.png").write_bytes(b"")
    (cat / "text.jpg").write_text("no image")
    put(folder / "test" / "dog" / "bomb.png", 0, (101, 100))
    expected = (
        "train/cat/0b.jpg",
        "train/cat/empty.png",
        "train/cat/text.jpg",
        "test/dog/bomb.png",
    )
    with caplog.at_level(logging.WARNING, "workbench"):
        arrays = read(folder)
    assert reds(arrays.train_images) == [0, 1, 2, 10, 11, 12]
    assert arrays.train_labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert reds(arrays.test_images) == [100, 101, 102, 110, 111, 112]
    assert (arrays.skipped, arrays.skipped_files) == (4, expected)
    for name in expected:
        assert name in caplog.text.replace("\\", "/")
    again = read(folder)  # from the cache
    assert (again.skipped, again.skipped_files) == (4, expected)


def test_no_more_than_twenty_are_named(folder: Path) -> None:
    for number in range(30):
        (folder / "train" / "cat" / f"x{number}.jpg").write_bytes(b"")
    arrays = read(folder)
    assert (arrays.skipped, len(arrays.skipped_files)) == (30, 20)


def problem(folder: Path) -> str:
    with pytest.raises(WorkbenchError) as error:
        read(folder)
    return str(error.value)


def test_one_class_is_too_few(tmp_path: Path) -> None:
    for split in ("train", "test"):
        put(tmp_path / split / "cat" / "a.png")
    assert problem(tmp_path) == (
        f"{tmp_path / 'train'}: holds 1 class folder; training needs two or more."
    )


@pytest.mark.parametrize(("split", "missing"), [("train", "test"), ("test", "train")])
def test_a_class_of_one_split_only_is_named(folder: Path, split: str, missing: str) -> None:
    put(folder / split / "emu" / "a.png")
    assert problem(folder) == (
        f"{folder}: class emu is in {split}/ only; add it to {missing}/, or remove it."
    )


@pytest.mark.parametrize("left", [None, "notes.txt", "broken.png"])
def test_a_class_without_a_readable_image_is_named(folder: Path, left: str | None) -> None:
    empty = folder / "test" / "dog"
    for path in empty.iterdir():
        path.unlink()
    if left:
        (empty / left).write_bytes(b"?")
    assert problem(folder).startswith(f"{empty}: holds no readable image; add some (.jpg, ")


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    assert problem(tmp_path / "gone").startswith(f"{tmp_path / 'gone' / 'train'}: cannot be read")


def test_progress_in_files_ends_with_all_of_them(folder: Path) -> None:
    seen: list[DataProgress] = []
    start = time.monotonic()
    read_image_folder(folder, seen.append, lambda: False)
    assert seen[-1] == DataProgress(12, 12, "files")
    assert len(seen) <= 2 + 40 * (time.monotonic() - start)


@pytest.mark.parametrize("small", [0, 10**9], ids=["threads", "one thread"])
def test_stop_is_heard_within_a_fraction_of_a_second(
    folder: Path, monkeypatch: pytest.MonkeyPatch, small: int
) -> None:
    for number in range(200):
        put(folder / "train" / "cat" / f"more{number}.png")

    def slow(path: str, ranges: Any) -> Any:
        time.sleep(0.05)
        return "PNG", np.zeros((32, 32, 3), np.uint8)

    monkeypatch.setattr(image_decoding, "decode", slow)
    monkeypatch.setattr(image_folder, "_SMALL_FILE", small)
    start = time.monotonic()
    with pytest.raises(Cancelled):
        read_image_folder(folder, lambda _: None, lambda: time.monotonic() > start + 0.2)
    assert time.monotonic() - start < 1
    assert not paths.cache().exists()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("decode")]


def test_many_threads_keep_the_order(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = read(folder)
    monkeypatch.setattr(image_folder, "_SMALL_FILE", 0)
    monkeypatch.setattr(os, "cpu_count", lambda: 5)
    entries()[0].unlink()
    many = read(folder)
    assert np.array_equal(one.train_images, many.train_images)
    assert np.array_equal(one.test_images, many.test_images)


# The cache


def test_the_second_load_decodes_nothing(folder: Path, decoded: list[str]) -> None:
    first = load_data(choose_data(str(folder)), lambda _: None, lambda: False)
    assert len(decoded) == 12
    second = load_data(choose_data(str(folder)), lambda _: None, lambda: False)
    assert len(decoded) == 12
    assert first.info == second.info
    assert first.train_images.equal(second.train_images)
    assert first.test_labels.equal(second.test_labels)


def change_pixel(folder: Path) -> None:
    put(folder / "train" / "cat" / "0.png", (99, 5, 6))


def touch(folder: Path) -> None:
    os.utime(folder / "train" / "cat" / "0.png", ns=(0, 1))


def rename(folder: Path) -> None:
    (folder / "train" / "cat" / "0.png").rename(folder / "train" / "cat" / "9.png")


def remove(folder: Path) -> None:
    (folder / "train" / "cat" / "0.png").unlink()


def rename_class(folder: Path) -> None:
    for split in ("train", "test"):
        (folder / split / "cat").rename(folder / split / "bat")


@pytest.mark.parametrize("change", [change_pixel, touch, rename, remove, rename_class])
def test_a_change_is_seen_and_the_old_entry_goes(
    folder: Path, decoded: list[str], change: Callable[[Path], None]
) -> None:
    read(folder)
    old = entries()
    other = folder.with_name("others")
    for split in ("train", "test"):
        for name in ("a", "b"):
            put(other / split / name / "0.png")
    read(other)
    before = len(decoded)
    change(folder)
    read(folder)
    assert len(decoded) > before
    assert len(entries()) == 2  # this folder's new one, and the other folder's
    assert old[0] not in entries()


@pytest.mark.parametrize("damage", ["empty", "half", "bit", "foreign", "pickle", "classes"])
def test_a_broken_entry_is_written_anew(folder: Path, decoded: list[str], damage: str) -> None:
    first = read(folder)
    (cache,) = entries()
    content = bytearray(cache.read_bytes())
    if damage == "empty":
        cache.write_bytes(b"")
    elif damage == "half":
        cache.write_bytes(content[: len(content) // 2])
    elif damage == "bit":
        content[1_000] ^= 1  # within the first image
        cache.write_bytes(content)
    elif damage == "foreign":
        cache.write_text("someone else's")
    elif damage == "pickle":
        np.savez(cache, np.array([object()]))
    else:
        with np.load(cache) as stored:
            arrays = dict(stored)
        arrays["arr_1"] += 1  # labels beyond the classes
        np.savez(cache, **arrays)
    again = read(folder)
    assert len(decoded) == 24
    assert np.array_equal(first.train_images, again.train_images)
    read(folder)
    assert len(decoded) == 24


def test_a_cache_that_cannot_be_written_is_logged_and_no_error(
    folder: Path, home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    home.mkdir()
    (home / "cache").write_text("a file in the way")
    assert len(read(folder).train_labels) == 6
    assert "cannot be written" in caplog.text


# CIFAR-10 as images


@pytest.fixture
def cifar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """CIFAR-10's classes with two and one images of each instead of 5,000 and 1,000."""
    assert image_folder.CIFAR10_COUNTS == (5_000, 1_000)
    monkeypatch.setattr(image_folder, "CIFAR10_COUNTS", (2, 1))
    root = tmp_path / "images"
    for name in CIFAR10_CLASSES:
        put(root / "train" / name / "0.jpg")
        put(root / "train" / name / "1.jpg")
        put(root / "test" / name / "0.jpg")
    return root


def test_cifar10_as_jpeg_is_known_and_comparable(cifar: Path) -> None:
    arrays = read(cifar)
    assert (arrays.name, arrays.comparable) == ("CIFAR-10, JPEG", True)
    assert arrays.classes == CIFAR10_CLASSES


@pytest.mark.parametrize("change", ["one more", "one fewer", "one broken", "class", "mixed"])
def test_nearly_cifar10_is_just_a_folder(cifar: Path, change: str) -> None:
    image = cifar / "train" / "cat" / "0.jpg"
    if change == "one more":
        put(cifar / "test" / "cat" / "2.jpg")
    elif change == "one fewer":
        image.unlink()
    elif change == "one broken":
        image.write_bytes(b"")
    elif change == "class":
        for split in ("train", "test"):
            (cifar / split / "cat").rename(cifar / split / "puss")
    else:
        image.unlink()
        put(image.with_suffix(".png"))
    arrays = read(cifar)
    assert (arrays.name, arrays.comparable) == ("images", False)
