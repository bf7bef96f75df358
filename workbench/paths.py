"""Where files lie: what ships with the program, and what belongs to the person."""

from __future__ import annotations

import os
import re
from pathlib import Path

import platformdirs

from workbench.messages import WorkbenchError

_PACKAGE = Path(__file__).resolve().parent


def shipped(name: str) -> Path:
    """The folder ``presets`` or ``resources``: inside the package in a built wheel, beside
    it in a checkout or an editable install."""
    inside = _PACKAGE / name
    return inside if inside.is_dir() else _PACKAGE.parent / name


def expanded(text: str | Path) -> Path:
    """A path that a person typed, with the home folder for ``~``. Raises
    :class:`WorkbenchError` where ``~name`` names nobody."""
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise WorkbenchError("{path}: names a user that is not there.", path=text) from None


# A path from the root of a drive or of the file system, with its last part apart.
_ABSOLUTE = re.compile(
    r"""(?<![\w~:/\\])(?:[A-Za-z]:)?(?:[/\\]+[^\s/\\:;,"'()]+)*[/\\]+([^\s/\\:;,"'()]+)"""
)


def without_places(text: str) -> str:
    """``text`` for a file that is handed on: of absolute paths, in which the person's account
    stands, only the last part."""
    for folder in (home(), Path.home()):
        if str(folder) != folder.anchor:  # the root, where HOME is /
            text = text.replace(str(folder), "~")
    return _ABSOLUTE.sub(lambda found: found[1], text)


def home() -> Path:
    """The person's folder: ``CIFAR_WORKBENCH_HOME``, else the platform's data folder."""
    chosen = os.environ.get("CIFAR_WORKBENCH_HOME")
    if chosen:
        try:
            return Path(chosen).expanduser().absolute()
        except RuntimeError:
            raise WorkbenchError(
                "CIFAR_WORKBENCH_HOME: {path} names a user that does not exist; correct or "
                "unset it.",
                path=chosen,
            ) from None
    return Path(platformdirs.user_data_dir("cifar-workbench", appauthor=False))


def user_presets() -> Path:
    """The person's own presets, one YAML file each."""
    return home() / "presets"


def user_networks() -> Path:
    """Networks of one's own, one Python file each."""
    return home() / "networks"


def data() -> Path:
    """Downloaded data sets (``cifar-10-batches-py``)."""
    return home() / "data"


def cache() -> Path:
    """Decoded image folders. May be deleted at any time."""
    return home() / "cache"


def library() -> Path:
    """The runs: one folder each."""
    return home() / "library"


def log_file() -> Path:
    """Tracebacks that a person is not shown."""
    return home() / "logs" / "cifar-workbench.log"
