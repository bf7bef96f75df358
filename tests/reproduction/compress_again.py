"""Compresses the images of a folder once more, to measure what JPEG costs in accuracy.

    python tests/reproduction/compress_again.py ~/cifar10-jpeg ~/cifar10-jpeg-twice

CIFAR-10 itself is not compressed; where only JPEG files are to be had, the cost of the first
compression cannot be measured, but that of a second one can: at the same quality (75, chroma
halved), with the image moved by 3 pixels against the blocks of 8x8, as the same blocks would lose
hardly anything again. What comes out is written as PNG, which loses nothing. The first compression
had the whole images to take from, so it will hardly have cost less than the second.
"""

from __future__ import annotations

import sys
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

QUALITY, OFFSET, SIDE = 75, 3, 48


def compressed(pixels: np.ndarray) -> np.ndarray:
    """``pixels``, uint8 (height, width, 3), after a compression whose blocks begin elsewhere."""
    height, width, _ = pixels.shape
    room = ((OFFSET, SIDE - OFFSET - height), (OFFSET, SIDE - OFFSET - width), (0, 0))
    file = BytesIO()
    Image.fromarray(np.pad(pixels, room, mode="edge")).save(
        file, "JPEG", quality=QUALITY, subsampling="4:2:0"
    )
    again = np.asarray(Image.open(file))
    return again[OFFSET : OFFSET + height, OFFSET : OFFSET + width]


def main() -> None:
    source, target = map(Path, sys.argv[1:3])
    changes = []
    for path in sorted(source.glob("*/*/*.jpg")):
        before = np.asarray(Image.open(path).convert("RGB"))
        after = compressed(before)
        changes.append(float(np.abs(before.astype(int) - after).mean()))
        place = (target / path.relative_to(source)).with_suffix(".png")
        place.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(after).save(place)
    print(f"{len(changes):,} images; a value changes by {np.mean(changes):.2f} of 255 on average")


if __name__ == "__main__":
    main()
