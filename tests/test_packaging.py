"""An installed program finds its presets and resources from any folder."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def _pip(*arguments: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "pip", *arguments], check=True, capture_output=True, text=True
    )


@pytest.fixture
def python(tmp_path: Path) -> Path:
    """The Python of an empty environment that sees this one's dependencies, and not the
    program."""
    folder = tmp_path / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    (site,) = folder.glob("[Ll]ib/**/site-packages")
    # Names of packages alone: the .pth files of an editable install must not come along.
    for entry in Path(sysconfig.get_paths()["purelib"]).iterdir():
        ours = entry.name == "workbench" or "cifar_workbench" in entry.name
        if not ours and entry.suffix != ".pth":
            (site / entry.name).symlink_to(entry)
    return next(folder.glob("bin/python")) if sys.platform != "win32" else folder / "Scripts/python"


@pytest.mark.slow
@pytest.mark.parametrize("editable", [False, True])
def test_presets_are_found_from_any_folder(editable: bool, python: Path, tmp_path: Path) -> None:
    if editable:
        source = ["-e", str(ROOT)]
    else:
        _pip("wheel", "--no-deps", "--no-build-isolation", "-w", str(tmp_path), str(ROOT))
        (wheel,) = tmp_path.glob("*.whl")
        names = zipfile.ZipFile(wheel).namelist()
        assert "workbench/presets/001.yaml" in names
        assert "workbench/presets/curves.json" in names
        assert any(name.startswith("workbench/resources/") for name in names)
        top = {name.split("/")[0] for name in names}
        assert {name for name in top if not name.endswith(".dist-info")} == {"workbench"}
        source = [str(wheel)]
    _pip(
        "--python",
        str(python),
        "install",
        "--no-deps",
        "--no-index",
        "--no-build-isolation",
        *source,
    )
    command = python.with_name("cifar-workbench")
    listed = subprocess.run(
        [str(command), "presets"], cwd=tmp_path, check=True, capture_output=True, text=True
    )
    assert "75.18%" in listed.stdout
    where = subprocess.run(
        [str(python), "-c", "import workbench; print(workbench.__file__)"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
    )
    assert (str(ROOT) in where.stdout) is editable
