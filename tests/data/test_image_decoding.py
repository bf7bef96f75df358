"""Worked examples: which color a value in a file becomes."""

from __future__ import annotations

import io
import os
import struct
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.engine.raw_images import gray_tiff, png, squares, tiff
from workbench.data.image_decoding import (
    DAMAGED,
    FORMATS,
    NOT_A_FILE,
    NOT_AN_IMAGE,
    TOO_LARGE,
    UNKNOWN_RANGE,
    Measured,
    Range,
    UnreadableImage,
    decode,
    range_of,
    read_image,
)


def colors(image: np.ndarray) -> list[list[int]]:
    return [
        image[8, 8].tolist(),
        image[8, 24].tolist(),
        image[24, 8].tolist(),
        image[24, 24].tolist(),
    ]


def grays(image: np.ndarray) -> list[int]:
    found = colors(image)
    assert all(len(set(color)) == 1 for color in found)
    return [color[0] for color in found]


# Values of one image


FULL = [0, 21_845, 43_690, 65_535]
THIRDS = [0, 85, 170, 255]
TWELVE = [0, 1_365, 2_730, 4_095]


@pytest.mark.parametrize(
    "file",
    [
        lambda: png(squares(*FULL), 16, 0),
        lambda: png(squares(*TWELVE), 16, 0),
        lambda: png(squares(*((v, v, v) for v in FULL)), 16, 2),
        lambda: png(squares(*((v, v, v) for v in TWELVE)), 16, 2),
        lambda: png(squares(*((v, 65_535) for v in FULL)), 16, 4),
        lambda: png(squares(*((v, 65_535) for v in TWELVE)), 16, 4),
        lambda: png(squares(*((v, 4_095) for v in TWELVE)), 16, 4),
        lambda: png(squares(*((v, v, v, 65_535) for v in TWELVE)), 16, 6),
        lambda: gray_tiff(squares(*FULL)[:, :, 0]),
        lambda: gray_tiff(squares(*TWELVE)[:, :, 0]),
        lambda: gray_tiff(squares(*TWELVE, kind="u4")[:, :, 0]),
        lambda: gray_tiff(squares(*(v << 20 for v in TWELVE), kind="u4")[:, :, 0]),
        lambda: gray_tiff(squares(-300, -200, -100, 0, kind="i2")[:, :, 0]),
        lambda: gray_tiff(squares(-300, -200, -100, 0, kind="i4")[:, :, 0]),
        lambda: gray_tiff(squares(0, 1 / 3, 2 / 3, 1, kind="f4")[:, :, 0]),
        lambda: gray_tiff(squares(-1, -1 / 3, 1 / 3, 1, kind="f4")[:, :, 0]),
        lambda: gray_tiff(squares(0, 100, 200, 300, kind="f4")[:, :, 0]),
        lambda: gray_tiff(squares(0, 5, 10, 15, kind="f4")[:, :, 0], t340=0.0, t341=15.0),
        lambda: gray_tiff(squares(*FULL[::-1])[:, :, 0], t262=0),
        lambda: gray_tiff(squares(1, 2 / 3, 1 / 3, 0, kind="f4")[:, :, 0], t262=0),
    ],
)
def test_dark_to_bright_over_the_whole_range(file: Callable[[], io.BytesIO]) -> None:
    assert grays(read_image(file())) == THIRDS


@pytest.mark.parametrize(
    ("values", "tags", "expected"),
    [
        ([100, 200, 300, 400], {"t340": 0, "t341": 1_000}, [26, 51, 76, 102]),
        ([100, 200, 300, 400], {"t340": 100, "t341": 400}, [0, 85, 170, 255]),
        ([0, 100, 200, 300], {"t280": 0, "t281": 1_023}, [0, 25, 50, 75]),
    ],
)
def test_what_a_tiff_declares_holds(
    values: list[int], tags: dict[str, int], expected: list[int]
) -> None:
    assert grays(read_image(gray_tiff(squares(*values)[:, :, 0], **tags))) == expected


def test_twelve_bits_are_declared_by_their_number() -> None:
    line = [0, 1_365] * 16
    bits = "".join(f"{value:012b}" for value in line * 32)
    data = int(bits, 2).to_bytes(len(bits) // 8, "big")
    image = read_image(tiff(data, 32, 32, {258: 12, 262: 1, 277: 1}))
    assert image[5, :4, 0].tolist() == [0, 85, 0, 85]


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("compressed", [False, True])
def test_sixteen_bits_for_each_color_of_a_tiff(big: bool, compressed: bool) -> None:
    samples = squares((0, 1_365, 4_095), (2_730, 0, 0), (1, 2, 3), (4_095, 4_095, 0))
    data = samples.astype(">u2" if big else "<u2").tobytes()
    tags: dict[int, object] = {258: (16, 16, 16), 262: 2, 277: 3}
    if compressed:
        data, tags[259] = zlib.compress(data), 8
    file = tiff(data, 32, 32, tags, big)
    assert colors(read_image(file)) == [[0, 85, 255], [170, 0, 0], [0, 0, 0], [255, 255, 0]]


def test_sixteen_bit_cmyk() -> None:
    samples = squares((65_535, 0, 0, 0), (0, 65_535, 0, 0), (0, 0, 0, 65_535), (0, 0, 0, 0))
    file = tiff(samples.astype("<u2").tobytes(), 32, 32, {258: (16,) * 4, 262: 5, 277: 4})
    assert colors(read_image(file)) == [[0, 255, 255], [255, 0, 255], [0, 0, 0], [255, 255, 255]]


# Transparency: on white


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        # One gray or color is transparent.
        (lambda: png(squares(0, 257, 258, 65_535), 16, 0, (b"tRNS", b"\1\1")), [0, 255, 1, 255]),
        (lambda: png(squares(0, 1, 2, 3), 2, 0, (b"tRNS", b"\0\1")), [0, 255, 170, 255]),
        (lambda: png(squares(0, 1, 14, 15), 4, 0, (b"tRNS", b"\0\0")), [255, 17, 238, 255]),
        (lambda: png(squares(0, 1, 1, 0), 1, 0, (b"tRNS", b"\0\0")), [255, 255, 255, 255]),
        (lambda: png(squares(0, 90, 91, 255), 8, 0, (b"tRNS", b"\0\x5a")), [0, 255, 91, 255]),
        (
            lambda: png(
                squares(*((v, v, v) for v in (0, 257, 258, 65_535))),
                *(16, 2),
                (b"tRNS", b"\1\1" * 3),
            ),
            [0, 255, 1, 255],
        ),
        # Each pixel has an alpha of its own.
        (
            lambda: png(squares((0, 0), (0, 32_768), (0, 65_535), (65_535, 65_535)), 16, 4),
            [255, 127, 0, 255],
        ),
        (
            lambda: png(
                squares((0, 0, 0, 0), (0, 0, 0, 32_768), (0, 0, 0, 65_535), (65_535,) * 4), 16, 6
            ),
            [255, 127, 0, 255],
        ),
        (lambda: png(squares((0, 0), (0, 128), (0, 255), (255, 255)), 8, 4), [255, 127, 0, 255]),
    ],
)
def test_transparency_is_on_white(file: Callable[[], io.BytesIO], expected: list[int]) -> None:
    assert grays(read_image(file())) == expected


@pytest.mark.parametrize("extra", [1, 2])
@pytest.mark.parametrize("bits", [8, 16])
def test_color_multiplied_by_its_alpha_or_not(extra: int, bits: int) -> None:
    full = 2**bits - 1
    half = full // 2 if extra == 1 else full  # half-transparent red
    samples = squares((0, 0, 0, 0), (half, 0, 0, full // 2), (0, full, 0, full), (full,) * 4)
    data = samples.astype("<u2" if bits == 16 else "u1").tobytes()
    file = tiff(data, 32, 32, {258: (bits,) * 4, 262: 2, 277: 4, 338: extra})
    found = np.array(colors(read_image(file)))
    expected = [[255, 255, 255], [255, 128, 128], [0, 255, 0], [255, 255, 255]]
    assert np.abs(found - expected).max() <= 1


@pytest.mark.parametrize("mode", ["PA", "LA", "La"])
def test_gray_and_palette_with_alpha(mode: str, tmp_path: Path) -> None:
    if mode == "La":
        samples = squares((0, 0), (0, 128), (0, 255), (255, 255), kind="u1")
        file: object = tiff(samples.tobytes(), 32, 32, {258: (8, 8), 262: 1, 277: 2, 338: 1})
    else:
        image = Image.new("LA", (32, 32), (0, 0))
        for place, value in (((16, 0), (0, 128)), ((0, 16), (0, 255)), ((16, 16), (255, 255))):
            image.paste(value, (*place, place[0] + 16, place[1] + 16))
        if mode == "PA":
            image = image.convert("RGBA").convert("PA")
        image.save(tmp_path / "a.tif")
        file = tmp_path / "a.tif"
    assert grays(read_image(file)) == [255, 127, 0, 255]  # type: ignore[arg-type]


# Colors in other spaces


def test_lab_is_converted(tmp_path: Path) -> None:
    image = Image.new("LAB", (32, 32), (255, 128, 128))
    image.paste((0, 128, 128), (0, 0, 16, 16))
    image.save(tmp_path / "a.tif")
    found = np.array(colors(read_image(tmp_path / "a.tif")))
    assert np.abs(found - np.array([[0] * 3, *[[255] * 3] * 3])).max() <= 2


def test_ycbcr_and_cmyk_of_8_bits(tmp_path: Path) -> None:
    red = Image.new("RGB", (32, 32), (254, 0, 0))
    red.convert("YCbCr").save(tmp_path / "y.tif")
    Image.new("CMYK", (32, 32), (0, 255, 255, 0)).save(tmp_path / "c.jpg", quality=100)
    for name in ("y.tif", "c.jpg"):
        assert np.abs(read_image(tmp_path / name)[5, 5].astype(int) - [254, 0, 0]).max() <= 3


def test_a_pgm_declares_its_maximum() -> None:
    values = squares(*TWELVE).astype(">u2")
    assert grays(read_image(io.BytesIO(b"P5 32 32 4095\n" + values.tobytes()))) == THIRDS
    values = squares(*(v // 2 for v in FULL)).astype(">u2")
    half = read_image(io.BytesIO(b"P5 32 32 65535\n" + values.tobytes()))
    assert grays(half) == [0, 42, 85, 127]


def test_a_float_map_is_stretched_from_0_to_1() -> None:
    values = squares(0, 1 / 3, 2 / 3, 1, kind="<f4")[::-1]  # from the bottom up
    assert grays(read_image(io.BytesIO(b"Pf\n32 32\n-1.0\n" + values.tobytes()))) == THIRDS


# The range of several images


def measured(low: float, high: float, integers: bool = True, alpha: float = 0) -> Measured:
    return Measured("TIFF, 16 bits", low, high, alpha, integers)


@pytest.mark.parametrize(
    ("images", "expected"),
    [
        ([(0, 900), (5, 4_000)], Range(0, 4_095, 4_095)),
        ([(0, 4_096)], Range(0, 8_191, 8_191)),
        ([(0, 0)], Range(0, 1, 1)),
        ([(-5, 20), (0, 30)], Range(-5, 30)),
        ([(-5, -5)], None),
    ],
)
def test_the_range_of_whole_numbers(images: list[tuple[int, int]], expected: Range | None) -> None:
    assert range_of(measured(*one) for one in images) == expected


def test_the_range_of_alpha() -> None:
    assert range_of([measured(0, 4_000, alpha=4_095)]) == Range(0, 4_095, 4_095)
    assert range_of([measured(0, 4_000, alpha=65_535)]) == Range(0, 4_095, 65_535)


@pytest.mark.parametrize(
    ("images", "expected"),
    [
        ([(0.2, 0.9), (0.0, 0.1)], Range(0, 1)),
        ([(0.0, 1.5)], Range(0, 1.5)),
        ([(-1.0, 1.0)], Range(-1, 1)),
        ([(7.0, 7.0)], None),
    ],
)
def test_the_range_of_fractions(images: list[tuple[float, float]], expected: Range | None) -> None:
    assert range_of(measured(*one, integers=False) for one in images) == expected


# What is not read


def reason(source: object) -> tuple[str, str]:
    with pytest.raises(UnreadableImage) as error:
        read_image(source)  # type: ignore[arg-type]
    return error.value.reason, error.value.kind


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([7, 7, 7, 7], "TIFF, 32-bit floating point"),
        ([0, 1, np.nan, 0], "TIFF, values that are no numbers"),
        ([0, 1, np.inf, 0], "TIFF, values that are no numbers"),
    ],
)
def test_values_that_may_mean_anything(values: list[float], kind: str) -> None:
    assert reason(gray_tiff(squares(*values, kind="f4")[:, :, 0])) == (UNKNOWN_RANGE, kind)


@pytest.mark.parametrize("compressed", [False, True])
def test_colors_in_planes_of_16_bits_are_not_guessed(compressed: bool) -> None:
    planes = [np.full((32, 32), 30_000 * n, "<u2").tobytes() for n in range(3)]
    if compressed:
        planes = [zlib.compress(plane) for plane in planes]
    sizes = tuple(map(len, planes))
    offsets = (8, 8 + sizes[0], 8 + sizes[0] + sizes[1])
    tags: dict[int, object] = {258: (16, 16, 16), 262: 2, 277: 3, 284: 2, 273: offsets, 279: sizes}
    tags[259] = 8 if compressed else 1
    file = tiff(b"".join(planes), 32, 32, tags)
    assert reason(file) == (UNKNOWN_RANGE, "TIFF, 16 bits, colors in planes of their own")


EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n9 9 lineto\n%%EOF\n"


@pytest.mark.parametrize(
    "content",
    [
        EPS,
        b"\xc5\xd0\xd3\xc6" + struct.pack("<II", 32, len(EPS)) + bytes(20) + EPS,
        b"%PDF-1.4\n%%EOF\n",
        b"\xd7\xcd\xc6\x9a" + bytes(60),  # WMF
        b"\x01\x00\x00\x00" + bytes(36) + b" EMF" + bytes(60),
        b"GRIB" + bytes(60),
        b"",
        b"hello",
    ],
    ids=["EPS", "DOS EPS", "PDF", "WMF", "EMF", "GRIB", "empty", "text"],
)
def test_formats_that_start_programs_are_not_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    def start(*_: object, **__: object) -> None:
        raise AssertionError("started a program")

    for name in ("subprocess.Popen", "subprocess.check_call", "os.system"):
        monkeypatch.setattr(name, start)
    (tmp_path / "photo.jpg").write_bytes(content)
    assert reason(tmp_path / "photo.jpg") == (NOT_AN_IMAGE, ".jpg")


def test_only_the_named_formats_are_read(tmp_path: Path) -> None:
    image = Image.new("RGB", (32, 32), (9, 9, 9))
    Image.init()
    read = []
    for name in (
        "JPEG",
        "PNG",
        "BMP",
        "GIF",
        "PPM",
        "TIFF",
        "WEBP",
        "TGA",
        "PCX",
        "ICO",
        "EPS",
        "PDF",
    ):
        image.save(tmp_path / "a", name)
        with suppress(UnreadableImage):
            read.append(decode(tmp_path / "a")[0])
    assert tuple(read) == FORMATS


def test_a_photo_of_two_images_counts_as_jpeg(tmp_path: Path) -> None:
    image = Image.new("RGB", (32, 32), (200, 9, 9))
    image.save(tmp_path / "a.jpg", "MPO", save_all=True, append_images=[image])
    name, pixels = decode(tmp_path / "a.jpg")
    assert name == "JPEG"
    assert isinstance(pixels, np.ndarray)


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.gif", "a.bmp", "a.webp", "a.tif", "a.ppm"])
def test_a_file_that_is_cut_off(tmp_path: Path, name: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / name)
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content[: len(content) // 2])
    assert reason(tmp_path / name)[0] in (DAMAGED, NOT_AN_IMAGE)


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("factor", [1.1, 5])
def test_an_image_that_would_fill_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, factor: float
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", int(40 * 40 / factor))
    Image.new("L", (40, 40)).save(tmp_path / "a.png")
    assert reason(tmp_path / "a.png") == (TOO_LARGE, "")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
def test_only_regular_files_are_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.jpg")  # would wait for a writer
    assert reason(tmp_path / "a.jpg") == (NOT_A_FILE, "")
    assert reason("/dev/zero") == (NOT_A_FILE, "")
    assert reason(tmp_path)[0] == NOT_A_FILE


def test_a_deep_photo_taken_sideways_is_upright(tmp_path: Path) -> None:
    pixels = np.zeros((32, 32), np.uint16)
    pixels[:, :16] = 65_535
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned a quarter clockwise
    for name in ("a.png", "a.tif"):
        Image.fromarray(pixels).convert("I;16").save(tmp_path / name, exif=exif)
        turned = read_image(tmp_path / name)
        assert turned[2, 16].tolist() == [255] * 3, name
        assert turned[29, 16].tolist() == [0] * 3, name
