"""One image of a person's own, from a file or from memory, as the network gets it."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import numpy as np

from workbench.data import image_decoding
from workbench.data.image_decoding import FORMATS, UnreadableImage, read_image
from workbench.data.image_square import Fit
from workbench.messages import WorkbenchError
from workbench.path_text import shown

PREVIEW = 256
"""Pixels that :func:`read_preview` gives at most, in either direction."""


def read_image_file(source: Path | BinaryIO, name: str = "", fit: Fit = "crop") -> np.ndarray:
    """uint8 (32, 32, 3): the pixels that the network gets, of an image that is not square as
    ``fit`` says. ``name`` stands for what has no path.

    Raises :class:`WorkbenchError` where it is no image, damaged, of values that may mean anything,
    or so large that decoding it would fill the memory.
    """
    return _read(source, name, fit, None)


def read_preview(source: Path | BinaryIO, name: str = "") -> np.ndarray:
    """Return the whole image in a size to look at, uint8 (height, width, 3). Raises as
    :func:`read_image_file`."""
    return _read(source, name, "whole", PREVIEW)


def _read(source: Path | BinaryIO, name: str, fit: Fit, largest: int | None) -> np.ndarray:
    label = shown(name or (source if isinstance(source, Path) else "?"))
    try:
        if isinstance(source, Path) and not source.exists():
            raise WorkbenchError("{path}: there is no such file.", path=label)
        return read_image(source, fit, largest)
    except UnreadableImage as error:
        raise _problem(error, label) from None
    except OSError as error:
        raise _problem(
            UnreadableImage(image_decoding.CANNOT_OPEN, str(error.strerror)), label
        ) from None


def _problem(error: UnreadableImage, label: str) -> WorkbenchError:
    if error.reason == image_decoding.NOT_AN_IMAGE:
        return WorkbenchError(
            "{name}: is not an image that can be read ({formats}).",
            name=label,
            formats=", ".join(sorted(FORMATS)),
        )
    if error.reason == image_decoding.TOO_LARGE:
        return WorkbenchError(
            "{name}: is too large to be opened safely; scale it down first.", name=label
        )
    if error.reason == image_decoding.UNKNOWN_RANGE:
        return WorkbenchError(
            "{name}: does not say which of its values are black and white ({kind}); save it with "
            "8 bits for each color.",
            name=label,
            kind=error.kind,
        )
    if error.reason == image_decoding.NOT_A_FILE:
        return WorkbenchError("{path}: is not a regular file.", path=label)
    if error.reason == image_decoding.CANNOT_OPEN:
        return WorkbenchError("{path}: cannot be read ({reason}).", path=label, reason=error.kind)
    return WorkbenchError("{name}: is a damaged image.", name=label)
