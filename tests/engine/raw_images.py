"""Image files of any depth, byte by byte: Pillow cannot write most of them."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np


def png(samples: np.ndarray, bits: int, color: int, *chunks: tuple[bytes, bytes]) -> io.BytesIO:
    """A PNG of ``samples`` (H, W, C), as its specification says; ``color`` is its color type."""
    height, width, _ = samples.shape
    rows = samples.astype({16: ">u2"}.get(bits, "u1"))
    if bits < 8:
        values = np.unpackbits(rows.reshape(height, width, 1), axis=2)[:, :, 8 - bits :]
        lines = [np.packbits(line.reshape(-1)).tobytes() for line in values]
    else:
        lines = [line.tobytes() for line in rows]
    head = struct.pack(">IIBBBBB", width, height, bits, color, 0, 0, 0)
    content = b"\x89PNG\r\n\x1a\n"
    body = zlib.compress(b"".join(b"\0" + line for line in lines))
    for name, data in ((b"IHDR", head), *chunks, (b"IDAT", body), (b"IEND", b"")):
        content += struct.pack(">I", len(data)) + name + data
        content += struct.pack(">I", zlib.crc32(name + data))
    return io.BytesIO(content)


def tiff(
    data: bytes, width: int, height: int, tags: dict[int, object], big: bool = False
) -> io.BytesIO:
    """An uncompressed TIFF of one strip. A value is a number (16 bits), a tuple of them, or a
    float."""
    order = ">" if big else "<"
    values: dict[int, object] = {256: width, 257: height, 259: 1, 273: 8, 278: height}
    values |= {279: len(data), **tags}
    extra_at = 8 + len(data)
    entries, extra = b"", b""
    for tag in sorted(values):
        value = values[tag]
        if isinstance(value, float):
            kind, count, packed = 11, 1, struct.pack(order + "f", value)
        elif isinstance(value, int) and value > 65_535:
            kind, count, packed = 4, 1, struct.pack(order + "I", value)
        else:
            numbers = value if isinstance(value, tuple) else (value,)
            kind, count = 3, len(numbers)
            packed = struct.pack(f"{order}{count}H", *numbers)
        if len(packed) > 4:
            packed, extra = (
                struct.pack(order + "I", extra_at + len(extra)),
                extra + packed + bytes(len(packed) % 2),
            )
        entries += struct.pack(order + "HHI", tag, kind, count) + packed.ljust(4, b"\0")
    head = (b"MM" if big else b"II") + struct.pack(order + "HI", 42, extra_at + len(extra))
    directory = struct.pack(order + "H", len(values)) + entries + bytes(4)
    return io.BytesIO(head + data + extra + directory)


def gray_tiff(pixels: np.ndarray, **tags: object) -> io.BytesIO:
    """``tags`` by number: ``t341=0.5``."""
    form = {"u": 1, "i": 2, "f": 3}[pixels.dtype.kind]
    height, width = pixels.shape
    return tiff(
        pixels.tobytes(),
        *(width, height),
        {258: 8 * pixels.itemsize, 262: 1, 277: 1, 339: form}
        | {int(name[1:]): value for name, value in tags.items()},
    )


def squares(*values: object, kind: str = "u2") -> np.ndarray:
    """(32, 32, C): one quarter of each of four values."""
    quarters = [np.broadcast_to(np.atleast_1d(value), (16, 16, np.size(value))) for value in values]
    top, bottom = np.hstack(quarters[:2]), np.hstack(quarters[2:])
    return np.vstack([top, bottom]).astype(kind)
