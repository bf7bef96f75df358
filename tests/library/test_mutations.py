"""Whatever lies in the place of a run's file: a sentence, and nothing outside the library changes.

The long form is ``tests/soak/spoil_files.py``.
"""

from __future__ import annotations

import os
import random
import resource
import shutil
import sys
from pathlib import Path

import pytest

from tests.library import mutations
from tests.matrix import slow_after
from workbench.library import catalog
from workbench.library.catalog import Library

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="makes FIFOs and links")

COUNT = 6
"""Mutations of each file."""
MOST_MEMORY = 900_000_000
"""In bytes, more than before; the largest file that is read holds half of it."""


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a sound run."""
    return mutations.make_victim(tmp_path_factory.mktemp("sound") / "library")


def memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def test_the_sound_run_is_read_without_a_word(sound: Path, tmp_path: Path) -> None:
    assert mutations.use(Path(shutil.copytree(sound, tmp_path / "library" / "run"))) == 0


@pytest.mark.parametrize("name", slow_after(2, mutations.mutations(Path())))
def test_a_spoiled_file_is_a_sentence_and_nothing_outside_changes(
    name: str, sound: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalog, "FEW", 0)  # with an index
    outside = tmp_path / "outside"
    before = mutations.make_outside(outside, sound)
    used = memory()
    for number in range(COUNT):
        draw = random.Random(f"{name} {number}")
        folder = Path(shutil.copytree(sound, tmp_path / f"library {number}" / "run"))
        Library(folder.parent).runs()
        path = Path(os.path.normpath(folder / name))
        path.touch()
        mutate = draw.choice(mutations.mutations(outside)[name])
        mutate(path, draw)
        with mutations.limited():
            mutations.use_and_write(folder)
        assert mutations.content_of(outside) == before, (number, mutate)
        shutil.rmtree(folder.parent)
    assert memory() - used < MOST_MEMORY
