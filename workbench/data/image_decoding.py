"""One image file, decoded to what a network gets: 32x32 pixels, R G B, 8 bits.

An image of more than 8 bits says nothing by itself of which values are black and white: a camera
of 12 bits writes 0 to 4095 into files of 16, a microscope 0.0 to 1.0. What the file declares holds;
else the range of all images of its kind does, which only the caller knows (:func:`range_of`).
"""

from __future__ import annotations

import math
import os
import stat
import sys
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

# Named, so that Pillow does not load all its plugins to find the two that it loads late.
from PIL import Image, ImageOps, TiffImagePlugin, WebPImagePlugin  # noqa: F401

from workbench.data.image_square import Fit, middle_square

# Pillow's own words on the terminal; what is too large is refused here.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)

SIZE = 32
FORMATS = ("JPEG", "PNG", "BMP", "GIF", "PPM", "TIFF", "WEBP")
"""Pillow's names of the formats that are read, known by their content: none that starts another
program (EPS starts Ghostscript), and none that is guessed."""
BACKGROUND = "white"
"""Behind what is transparent, as most viewers show it."""

_ROWS = 256
"""Rows that are scaled at once: a large image needs no second copy of 8 bytes a pixel."""
_DEEP_MODES = ("I;16", "I;16L", "I;16B", "I", "F")
_WHITE_IS_ZERO = 0  # TIFF's PhotometricInterpretation
_FULL_16 = 65_535

# Numbers of TIFF tags.
_BITS, _PHOTOMETRIC, _MIN, _MAX, _PLANES, _SMIN, _SMAX = 258, 262, 280, 281, 284, 340, 341


class UnreadableImage(Exception):
    """An image that cannot be read. ``reason`` is a phrase to translate, ``kind`` what stands for
    ``{kind}`` in it."""

    def __init__(self, reason: str, kind: str = "") -> None:
        super().__init__(reason.format(kind=kind))
        self.reason = reason
        self.kind = kind


NOT_AN_IMAGE = "no image that can be read ({kind})"
DAMAGED = "damaged or cut off"
TOO_LARGE = "too large to be opened safely"
UNKNOWN_RANGE = "which values are black and white is not known ({kind})"
NOT_A_FILE = "not a regular file"
CANNOT_OPEN = "cannot be opened ({kind})"
NO_ENDING = "no ending"


class Range(NamedTuple):
    """The values that are black and white, and the one that is opaque."""

    black: float
    white: float
    opaque: float = _FULL_16


@dataclass(frozen=True)
class Measured:
    """The smallest and largest color value of an image, and its largest alpha. Images of one
    ``kind`` (file format and type of its numbers) are scaled alike."""

    kind: str
    low: float
    high: float
    alpha: float
    integers: bool


@dataclass(frozen=True)
class _Deep:
    """Samples of more than 8 bits: (H, W, C). ``layout`` is Pillow's mode for 8 bits of each."""

    kind: str
    layout: str
    samples: np.ndarray
    declared: Range | None = None
    inverted: bool = False
    transparent: tuple[int, ...] | None = None


def range_of(measured: Iterable[Measured]) -> Range | None:
    """The range by which all images of one kind are scaled; ``None`` where it cannot be known.

    Whole numbers from 0: as many bits as the largest one needs. Fractions within 0 to 1: 0 to 1.
    Others: from the smallest to the largest.
    """
    images = list(measured)
    low, high = min(one.low for one in images), max(one.high for one in images)
    if images[0].integers and low >= 0:
        white = float(2 ** max(1, int(high).bit_length()) - 1)
        alpha = max(one.alpha for one in images)
        return Range(0.0, white, white if alpha <= white else _FULL_16)
    if low >= 0 and high <= 1:
        return Range(0.0, 1.0)
    return Range(low, high) if high > low else None


def read_image(
    source: str | Path | BinaryIO, fit: Fit = "whole", largest: int | None = None
) -> np.ndarray:
    """Return the one image of ``source``, uint8 (32, 32, 3), whose values are scaled by their own
    range where its file does not declare one. Otherwise, and what is raised, as :func:`decode`."""
    _, found = decode(source, None, fit, largest)
    if not isinstance(found, Measured):
        return found
    known = range_of([found])
    if known is None:
        raise UnreadableImage(UNKNOWN_RANGE, found.kind)
    found = decode(source, {found.kind: known}, fit, largest)[1]
    assert not isinstance(found, Measured)
    return found


def decode(
    source: str | Path | BinaryIO,
    ranges: Mapping[str, Range] | None = None,
    fit: Fit = "whole",
    largest: int | None = None,
) -> tuple[str, np.ndarray | Measured]:
    """The file's format (one of :data:`FORMATS`), and uint8 (32, 32, 3): the image upright, in
    RGB, on :data:`BACKGROUND` where it is transparent.

    An image of 32x32 keeps its pixels; others are scaled with a Lanczos filter, ``whole`` without
    regard to their proportions or after a ``crop`` to the square in their middle. With ``largest``
    it is the image itself, uint8 (height, width, 3), both at most so large. An image whose range
    is neither declared nor in ``ranges`` is only measured.

    Raises :class:`UnreadableImage`.
    """
    try:
        if isinstance(source, str | Path):
            with open_regular(source) as file:
                return _decode(file, ranges or {}, fit, largest)
        source.seek(0)
        return _decode(source, ranges or {}, fit, largest)
    except UnreadableImage:
        raise
    except Image.UnidentifiedImageError:
        raise UnreadableImage(NOT_AN_IMAGE, ending(source)) from None
    except (Image.DecompressionBombError, MemoryError):
        raise UnreadableImage(TOO_LARGE) from None
    except Exception as error:
        # A damaged file raises nearly anything; what the system refuses has a reason.
        if isinstance(error, OSError) and error.errno is not None and error.strerror:
            raise UnreadableImage(CANNOT_OPEN, error.strerror) from None
        raise UnreadableImage(DAMAGED) from error


def ending(source: object) -> str:
    """``.txt``; :data:`NO_ENDING` where a name has none."""
    suffix = Path(source).suffix if isinstance(source, str | Path) else ""
    return suffix.lower() or NO_ENDING


def open_regular(path: str | Path) -> BinaryIO:
    """Open a regular file to read it. Raises :class:`UnreadableImage` for a pipe (which would wait
    for a writer for ever), a socket or a device, and ``OSError``."""
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    descriptor = os.open(path, flags | getattr(os, "O_CLOEXEC", 0))
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise UnreadableImage(NOT_A_FILE)
    return os.fdopen(descriptor, "rb")


def _decode(
    file: BinaryIO, ranges: Mapping[str, Range], fit: Fit, largest: int | None
) -> tuple[str, np.ndarray | Measured]:
    with Image.open(file, formats=FORMATS) as opened:
        # A large JPEG is decoded at a fraction of its size, still twice what is needed.
        wanted = largest or 2 * SIZE
        opened.draft(None, (wanted, wanted))
        limit = Image.MAX_IMAGE_PIXELS
        if limit is not None and opened.width * opened.height > limit:
            raise UnreadableImage(TOO_LARGE)
        name = opened.format or ""
        image: Image.Image = opened
        raw = _raw_mode(opened)
        if opened.mode in _DEEP_MODES or _bits(opened, raw) > 8:
            deep = _read_deep(file, opened, raw)
            known = deep.declared or ranges.get(deep.kind)
            if known is None:
                return name, _measure(deep)
            image = _to_8_bits(deep, known)
            image.info = {key: opened.info[key] for key in ("exif",) if key in opened.info}
        elif name == "PNG" and raw in ("L;2", "L;4") and "transparency" in opened.info:
            # Pillow stretches the pixels to 8 bits, and not the one that is transparent.
            opened.info["transparency"] *= 85 if raw == "L;2" else 17
        if "exif" in image.info:  # how a camera was held
            image = ImageOps.exif_transpose(image)
        return ("JPEG" if name == "MPO" else name), _to_pixels(image, fit, largest)


def _to_pixels(image: Image.Image, fit: Fit, largest: int | None) -> np.ndarray:
    if image.mode == "La":  # its color is multiplied by its alpha
        image = image.convert("LA")
    if image.mode in ("RGBA", "RGBa", "LA", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, BACKGROUND), image)
    if image.mode != "RGB":
        image = image.convert("RGB")
    if largest is not None:
        image.thumbnail((largest, largest), Image.Resampling.LANCZOS)
        return np.asarray(image)
    if fit == "crop":
        left, top, side = middle_square(*image.size)
        image = image.crop((left, top, left + side, top + side))
    if image.size != (SIZE, SIZE):
        image = image.resize((SIZE, SIZE), Image.Resampling.LANCZOS)
    return np.asarray(image)


def _raw_mode(image: Any) -> str:
    """Return how the samples lie in the file, by Pillow's name."""
    tiles = getattr(image, "tile", None)
    if not tiles:
        return ""
    args = tiles[0].args
    return str(args if isinstance(args, str) else args[0] if args else "")


def _bits(image: Any, raw: str) -> int:
    """Of each color in the file, where it is known."""
    tags = getattr(image, "tag_v2", None)
    if tags is not None:
        return max(tags.get(_BITS, (1,)))
    return 16 if image.format == "PNG" and ";16" in raw else 8


# More than 8 bits


def _read_deep(file: BinaryIO, opened: Any, raw: str) -> _Deep:
    name = opened.format
    tags = getattr(opened, "tag_v2", {})
    inverted = tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO
    if opened.mode not in _DEEP_MODES:
        return _read_deep_colors(file, opened, raw, name, tags)
    transparent = opened.info.get("transparency")
    bits, declared = tags.get(_BITS, (16,))[0], _declared(tags)
    samples = np.asarray(opened)[:, :, None]
    if opened.mode == "F":
        if not np.isfinite(samples).all():
            raise UnreadableImage(UNKNOWN_RANGE, f"{name}, values that are no numbers")
        kind = f"{name}, 32-bit floating point"
    elif opened.mode == "I" and name == "PPM":  # Pillow has stretched them by the file's maximum
        kind, declared = f"{name}, 16 bits", Range(0, _FULL_16)
    elif opened.mode == "I":
        if raw.endswith("N") and bits == 32:  # no sign in the file
            samples = samples.view(np.uint32)
        kind = f"{name}, {bits}-bit integers"
        kind += "" if raw.endswith("N") else " with a sign"
    else:
        kind = f"{name}, {bits} bits"
        if bits < 16 and declared is None:
            declared = Range(0, 2**bits - 1)
    return _Deep(
        kind,
        "L",
        samples,
        declared,
        inverted,
        (transparent,) if isinstance(transparent, int) else None,
    )


def _read_deep_colors(file: BinaryIO, opened: Any, raw: str, name: str, tags: Any) -> _Deep:
    """16 bits for each color, of which Pillow keeps the upper 8: decoded twice, for the upper and
    the lower ones."""
    kind = f"{name}, 16 bits"
    if tags.get(_PLANES, 1) != 1:
        raise UnreadableImage(UNKNOWN_RANGE, f"{kind}, colors in planes of their own")
    transparent = opened.info.get("transparency")
    layout, order = raw.split(";16")
    if layout == "LA":  # lies there as four bytes
        halves = _decode_as(file, "RGBA", "RGBA")
        upper, lower = halves[:, :, 0::2], halves[:, :, 1::2]
    else:
        if layout == "RGBa":  # Pillow would divide each half by its alpha
            layout = "RGBA"
        mode = "RGB" if layout == "RGBX" else layout
        if order == "N":
            order = "L" if sys.byteorder == "little" else "B"
        other = "B" if order == "L" else "L"
        ending = "N" if raw.endswith("N") else ""
        upper = _decode_as(file, mode, f"{layout};16{ending or order}")
        lower = _decode_as(file, mode, f"{layout};16{other}")
        layout = mode
    samples = upper.astype(np.uint16) << 8 | lower
    if raw.startswith("RGBa"):
        alpha = np.maximum(samples[:, :, 3:], 1).astype(np.float64)
        colors = np.minimum(samples[:, :, :3] / alpha * _FULL_16, _FULL_16)
        samples = np.concatenate([colors.round().astype(np.uint16), samples[:, :, 3:]], axis=2)
    return _Deep(
        kind,
        layout,
        samples,
        _declared(tags),
        False,
        tuple(transparent) if isinstance(transparent, tuple) else None,
    )


def _decode_as(file: BinaryIO, mode: str, raw: str) -> np.ndarray:
    """uint8 (H, W, C): the file once more, its samples unpacked as ``raw``."""
    file.seek(0)
    with Image.open(file, formats=FORMATS) as opened:
        image: Any = opened
        image._mode = mode
        image.tile = [
            tile._replace(args=raw if isinstance(tile.args, str) else (raw, *tile.args[1:]))
            for tile in image.tile
        ]
        return np.array(image)


def _declared(tags: Any) -> Range | None:
    """The range that a TIFF declares, by its tags."""
    for low, high in ((_SMIN, _SMAX), (_MIN, _MAX)):
        if high not in tags:
            continue
        black, white = _numbers(tags.get(low, 0)), _numbers(tags[high])
        if black and white and min(black) < max(white):
            return Range(min(black), max(white), max(white))
    return None


def _numbers(value: Any) -> list[float]:
    values = value if isinstance(value, tuple) else (value,)
    try:
        numbers = [float(one) for one in values]
    except (TypeError, ValueError, ZeroDivisionError):
        return []
    return numbers if all(map(math.isfinite, numbers)) else []


def _measure(deep: _Deep) -> Measured:
    alpha = deep.layout in ("LA", "RGBA")
    colors = deep.samples[:, :, :-1] if alpha else deep.samples
    return Measured(
        deep.kind,
        float(colors.min()),
        float(colors.max()),
        float(deep.samples[:, :, -1].max()) if alpha else 0.0,
        deep.samples.dtype.kind in "ui",
    )


def _to_8_bits(deep: _Deep, known: Range) -> Image.Image:
    samples, layout = deep.samples, deep.layout
    pixels = np.empty(samples.shape, np.uint8)
    for top in range(0, len(samples), _ROWS):
        rows = samples[top : top + _ROWS].astype(np.float64)
        rows -= known.black
        rows *= 255 / (known.white - known.black)
        if deep.inverted:
            rows = 255 - rows
        if layout in ("LA", "RGBA"):
            rows[:, :, -1] = samples[top : top + _ROWS, :, -1] * (255 / known.opaque)
        pixels[top : top + _ROWS] = rows.clip(0, 255).round()
    if deep.transparent is not None and layout in ("L", "RGB"):
        seen = (samples != np.array(deep.transparent)).any(axis=2, keepdims=True)
        pixels = np.concatenate([pixels, seen.astype(np.uint8) * 255], axis=2)
        layout += "A"
    if layout == "CMYK":
        size = samples.shape[1], samples.shape[0]
        return Image.frombytes("CMYK", size, pixels.tobytes())
    return Image.fromarray(pixels.squeeze(2) if layout == "L" else pixels)
