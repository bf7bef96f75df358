"""The test images of runs, read beside the session's work."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pytestqt.qtbot import QtBot

from workbench.data.data_choice import choose_data
from workbench.data.datasets import DataSet, load_data
from workbench.data.kept_images import kept_test_images
from workbench.window.images.image_store import ImageStore


@pytest.fixture
def store(qtbot: QtBot) -> Iterator[ImageStore]:
    store = ImageStore()
    yield store
    assert store.stop(30_000)
    store._some_ended()
    store.deleteLater()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "pets"
    for split, first in (("train", 0), ("test", 100)):
        for label, name in enumerate(("cat", "dog")):
            place = root / split / name
            place.mkdir(parents=True)
            for number in range(3):
                color = (first + 10 * label + number, 5, 6)
                Image.new("RGB", (32, 32), color).save(place / f"{number}.png")
    return root


def known_of(folder: Path) -> dict[str, Any]:
    """What a run on ``folder`` keeps of its data."""
    data = load_data(choose_data(str(folder)), lambda _: None, lambda: False)
    return asdict(data.info)


def test_the_sample_in_the_order_of_the_logits(
    qtbot: QtBot, store: ImageStore, sample: DataSet
) -> None:
    known = asdict(sample.info)
    with qtbot.waitSignal(store.loaded, timeout=30_000) as heard:
        store.want(known)
        store.want(known)  # once is enough
        assert len(store._readings) == 1
    found = heard.args[0]
    assert found.fingerprint == sample.info.fingerprint
    assert np.array_equal(found.images, sample.test_images.numpy())
    assert sorted(found.positions.tolist()) == list(range(500))
    assert store.get(sample.info.fingerprint) is found
    assert store.get("0" * 64) is None


def test_they_are_there_after_the_folder_has_gone(
    qtbot: QtBot, store: ImageStore, folder: Path
) -> None:
    known = known_of(folder)
    expected = kept_test_images(known["fingerprint"])
    assert expected is not None
    shutil.rmtree(folder)
    with qtbot.waitSignal(store.loaded, timeout=30_000) as heard:
        store.want(known)
    assert np.array_equal(heard.args[0].images, expected.images)


def test_a_cache_that_was_emptied_or_damaged_is_read_anew(
    qtbot: QtBot, store: ImageStore, folder: Path, home: Path
) -> None:
    known = known_of(folder)
    expected = kept_test_images(known["fingerprint"])
    assert expected is not None
    (kept,) = (home / "cache" / "test_images").iterdir()
    content = kept.read_bytes()
    kept.write_bytes(content[:5000] + b"xx" + content[5002:])
    with qtbot.waitSignal(store.loaded, timeout=30_000) as heard:
        store.want(known)
    assert np.array_equal(heard.args[0].images, expected.images)
    shutil.rmtree(home / "cache")
    with qtbot.waitSignal(store.loaded) as heard:
        store.want(known)  # in memory
    store._last = None
    with qtbot.waitSignal(store.loaded, timeout=30_000):
        store.want(known)
    assert kept.read_bytes() == content


def test_other_images_and_none_are_said(qtbot: QtBot, store: ImageStore, folder: Path) -> None:
    known = known_of(folder) | {"fingerprint": "0" * 64}
    with qtbot.waitSignal(store.missing, timeout=30_000) as heard:
        store.want(known)
    assert heard.args[0] == "0" * 64
    assert str(heard.args[1]).endswith("are not the ones this run was tested on.")
    shutil.rmtree(folder)
    with qtbot.waitSignal(store.missing, timeout=30_000) as heard:
        store.want(known)
    assert "no longer on this machine" in str(heard.args[1])


def test_a_decode_says_how_far_it_is_and_can_be_ended(
    qtbot: QtBot, store: ImageStore, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import threading

    from workbench.data import image_decoding

    known = known_of(folder) | {"fingerprint": "0" * 64}
    shutil.rmtree(folder / "test" / "cat")
    shutil.copytree(folder / "test" / "dog", folder / "test" / "cat")  # not as it was cached
    began, go_on = threading.Event(), threading.Event()
    decode = image_decoding.decode

    def slow(path: str, ranges: Any) -> Any:
        began.set()
        go_on.wait(10)
        return decode(path, ranges)

    monkeypatch.setattr(image_decoding, "decode", slow)
    heard: list[object] = []
    store.loaded.connect(heard.append)
    store.missing.connect(lambda *_: heard.append(None))
    with qtbot.waitSignal(store.progress, timeout=30_000) as told:
        store.want(known)
    assert began.is_set()
    assert told.args[0] == "0" * 64
    assert (told.args[1].done, told.args[1].total) == (0, 12)
    store._stopped.set()
    go_on.set()
    assert store.stop(10_000)
    qtbot.wait(50)
    assert not heard
    store.want(known)  # nothing is begun any more
    assert not store._readings
