"""One image of a person's own, from a file or from memory, as the network gets it."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image

from workbench.engine.image_folder import read_image
from workbench.messages import WorkbenchError

FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
"""Pillow's names of the formats that are read: none that starts another program."""


def read_image_file(source: Path | BinaryIO, name: str = "") -> np.ndarray:
    """uint8 (32, 32, 3): the pixels that the network gets. ``name`` stands for what has no path.

    Raises :class:`WorkbenchError` where it is no image, damaged, or so large that decoding it
    would fill the memory.
    """
    label = name or (source if isinstance(source, Path) else "?")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(source, formats=FORMATS):
                pass  # looks at the head of the file, which tells format and size
            if not isinstance(source, Path):
                source.seek(0)
            return read_image(source)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise WorkbenchError(
            "{name}: is too large to be opened safely; scale it down first.", name=label
        ) from None
    except FileNotFoundError:
        raise WorkbenchError("{path}: there is no such file.", path=label) from None
    except Image.UnidentifiedImageError:
        raise WorkbenchError(
            "{name}: is not an image that can be read ({formats}).",
            name=label,
            formats=", ".join(FORMATS),
        ) from None
    except MemoryError:
        raise WorkbenchError("{name}: does not fit into memory.", name=label) from None
    except Exception as error:
        # A damaged file raises nearly anything.
        reason = getattr(error, "strerror", None)
        if reason:
            raise WorkbenchError(
                "{path}: cannot be read ({reason}).", path=label, reason=reason
            ) from None
        raise WorkbenchError("{name}: is a damaged image.", name=label) from None
