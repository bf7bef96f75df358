"""Compresses the images of a folder once more, to measure what JPEG costs in accuracy.

    python tests/reproduction/compress_again.py ~/cifar10-jpeg ~/cifar10-jpeg-twice
    python tests/reproduction/compress_again.py ~/cifar10-jpeg-twice ~/cifar10-jpeg-thrice 5

CIFAR-10 itself is not compressed; where only JPEG files are to be had, the cost of the first
compression cannot be measured, but that of a second one can: at the same quality (75, chroma
halved), with the image moved by 3 pixels (or what is given) against the blocks of 8x8, as the same
blocks would lose hardly anything again. What comes out is written as PNG, which loses nothing.

Each further compression, with blocks that begin elsewhere, finds less to take (the line that is
printed says how much), so the first cost the images more than the second.
"""

from __future__ import annotations

import sys
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

QUALITY, SIDE = 75, 48


def compressed(pixels: np.ndarray, offset: int) -> np.ndarray:
    """``pixels``, uint8 (height, width, 3), after a compression whose blocks begin ``offset``, 1 to
    7, pixels before them."""
    height, width, _ = pixels.shape
    room = ((offset, SIDE - offset - height), (offset, SIDE - offset - width), (0, 0))
    file = BytesIO()
    Image.fromarray(np.pad(pixels, room, mode="edge")).save(
        file, "JPEG", quality=QUALITY, subsampling="4:2:0"
    )
    again = np.asarray(Image.open(file))
    return again[offset : offset + height, offset : offset + width]


def main() -> None:
    source, target = map(Path, sys.argv[1:3])
    offset = int(sys.argv[3]) if len(sys.argv) > 3 else 3
    changes = []
    for path in sorted(source.glob("*/*/*.*")):
        before = np.asarray(Image.open(path).convert("RGB"))
        after = compressed(before, offset)
        changes.append(float(np.abs(before.astype(int) - after).mean()))
        place = (target / path.relative_to(source)).with_suffix(".png")
        place.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(after).save(place)
    print(f"{len(changes):,} images; a value changes by {np.mean(changes):.2f} of 255 on average")


if __name__ == "__main__":
    main()
