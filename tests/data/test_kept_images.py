from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from workbench.data.kept_images import MOST_KEPT, keep_test_images, kept_test_images

IMAGES = np.random.default_rng(0).integers(0, 256, (20, 32, 32, 3), np.uint8)


def test_kept_by_fingerprint_and_only_the_newest(home: Path) -> None:
    names = [f"{number:064x}" for number in range(MOST_KEPT + 2)]
    for age, name in enumerate(names):
        keep_test_images(name, IMAGES)
        file = home / "cache" / "test_images" / f"{name}.npz"
        os.utime(file, (age, age))
    assert not any(kept_test_images(name) for name in names[:2])
    for name in names[2:]:
        found = kept_test_images(name)
        assert found is not None
        assert found.fingerprint == name
        assert np.array_equal(found.images, IMAGES)
        assert sorted(found.positions.tolist()) == list(range(20))


@pytest.mark.parametrize("name", ["", "sample", "../" * 20 + "f" * 4, "F" * 64, "0" * 63])
def test_what_is_no_fingerprint_is_no_file(name: str, home: Path) -> None:
    keep_test_images(name, IMAGES)
    assert kept_test_images(name) is None
    assert not home.exists()


def test_damaged_is_as_not_kept(home: Path) -> None:
    name = "a" * 64
    keep_test_images(name, IMAGES)
    (file,) = (home / "cache" / "test_images").iterdir()
    content = bytearray(file.read_bytes())
    content[4000] ^= 1
    file.write_bytes(content)
    assert kept_test_images(name) is None
    assert kept_test_images(name) is None
    np.savez(file, images=IMAGES[:, :16])
    assert kept_test_images(name) is None
    (home / "cache" / "test_images").rmdir()
    (home / "cache").joinpath("test_images").write_text("in the way")
    keep_test_images(name, IMAGES)  # costs time later, and nothing else
    assert kept_test_images(name) is None
