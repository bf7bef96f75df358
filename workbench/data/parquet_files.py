"""Images in Parquet files, as a hub of data sets stores them: encoded images and their labels."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from workbench.data import image_decoding
from workbench.data.arrays import Arrays, Progress, Stop
from workbench.data.data_choice import CIFAR10_CLASSES
from workbench.data.image_decoding import UnreadableImage
from workbench.data.progress import DataProgress
from workbench.data.sources import parquet_files
from workbench.messages import Cancelled, Message, WorkbenchError
from workbench.path_text import shown

MOST_IMAGES = 2_000_000
MOST_CLASSES = 1_000
LARGEST_IMAGE = 50_000_000  # in bytes
CIFAR_COUNTS = (50_000, 10_000)
_IMAGES = ("img", "image", "images")
_LABELS = ("label", "labels", "fine_label", "target")
_ROWS = 500


def read_parquet(path: Path, progress: Progress, stop: Stop) -> Arrays:
    """Return the images of the Parquet files in ``path``: a column of images (``img`` or
    ``image``, bytes or a struct with ``bytes``) and one of labels (``label``, ``fine_label``).

    Names of classes come from the files' metadata, as Hugging Face's library writes it, else they
    are the numbers. CIFAR-10's classes with as many images are comparable. Raises
    :class:`WorkbenchError` where pyarrow is missing or a file cannot be read, and
    :class:`Cancelled`.
    """
    try:
        import pyarrow.parquet as parquet
    except ImportError:
        raise WorkbenchError(
            "{path}: Parquet files need a package that is not installed; "
            "`python -m pip install pyarrow` installs it.",
            path=shown(path),
        ) from None
    found = parquet_files(path)
    if found is None:
        raise WorkbenchError("{path}: holds no train*.parquet and test*.parquet.", path=shown(path))
    files = []
    for place in (*found["train"], *found["test"]):
        try:
            files.append(parquet.ParquetFile(place, memory_map=False))
        except Exception:  # pyarrow has no end of errors for what is damaged
            raise _unreadable(place, Message("it is damaged or no Parquet")) from None
    total = sum(file.metadata.num_rows for file in files)
    if not 0 < total <= MOST_IMAGES:
        raise _unreadable(path, Message("it holds {rows} rows", rows=f"{total:,}"))
    names = [*found["train"], *found["test"]]
    image_column, label_column = _columns(names[0], files[0].schema_arrow)
    parts: list[list[tuple[np.ndarray, np.ndarray]]] = [[], []]
    formats: set[str] = set()
    done = 0
    for place, file in zip(names, files, strict=True):
        split = int(place in found["test"])
        for images, labels in _rows(place, file, image_column, label_column):
            if stop():
                raise Cancelled
            parts[split].append((_decoded(place, images, formats), labels))
            done += len(labels)
            progress(DataProgress(done, total, "files"))
    (train_images, train_labels), (test_images, test_labels) = map(_joined, parts)
    classes = _classes(names[0], files[0].schema_arrow, label_column, train_labels)
    for labels in (train_labels, test_labels):
        if set(np.unique(labels)) != set(range(len(classes))):
            raise _unreadable(
                path, Message("not every class has images in both splits, or a label is none")
            )
    comparable = (
        classes == CIFAR10_CLASSES
        and formats == {"PNG"}
        and (len(train_labels), len(test_labels)) == CIFAR_COUNTS
        and bool((np.bincount(train_labels) == 5_000).all())
    )
    return Arrays(
        name="CIFAR-10, Parquet" if comparable else shown(_name(path)),
        classes=classes,
        train_images=train_images,
        train_labels=train_labels,
        test_images=test_images,
        test_labels=test_labels,
        comparable=comparable,
    )


def _name(path: Path) -> str:
    return path.parent.name if path.name in ("data", "plain_text", "default") else path.name


def _columns(place: Path, schema: Any) -> tuple[str, str]:
    image = next((name for name in _IMAGES if name in schema.names), None)
    label = next((name for name in _LABELS if name in schema.names), None)
    if image is None or label is None:
        columns = ", ".join(schema.names[:8])
        raise _unreadable(
            place,
            Message(
                "its columns are {columns}; expected img or image, and label or fine_label",
                columns=columns,
            ),
        )
    return image, label


def _rows(place: Path, file: Any, image: str, label: str) -> Any:
    """Yield bytes of images and int64 labels, some at a time."""
    try:
        for batch in file.iter_batches(_ROWS, columns=[image, label]):
            content = batch.column(image).to_pylist()
            images = [one.get("bytes") if isinstance(one, dict) else one for one in content]
            labels = np.array(batch.column(label).to_pylist())
            if labels.dtype.kind not in "iu" or not all(isinstance(i, bytes) for i in images):
                raise ValueError("other kinds of values")
            yield images, labels.astype(np.int64)
    except Exception:  # as above
        raise _unreadable(
            place, Message("its images or labels are damaged or of another kind")
        ) from None


def _decoded(place: Path, images: Sequence[bytes], formats: set[str]) -> np.ndarray:
    pixels = np.empty((len(images), 32, 32, 3), np.uint8)
    for index, content in enumerate(images):
        try:
            if len(content) > LARGEST_IMAGE:
                raise UnreadableImage(image_decoding.TOO_LARGE)
            name, found = image_decoding.decode(io.BytesIO(content))
            if not isinstance(found, np.ndarray):
                found = image_decoding.read_image(io.BytesIO(content))
        except UnreadableImage as error:
            raise _unreadable(
                place, Message("an image of it: {problem}", problem=str(error))
            ) from None
        pixels[index] = found
        formats.add(name)
    return pixels


def _joined(parts: Sequence[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    images = [np.zeros((0, 32, 32, 3), np.uint8), *(one for one, _ in parts)]
    labels = [np.zeros(0, np.int64), *(one for _, one in parts)]
    return np.concatenate(images), np.concatenate(labels)


def _classes(place: Path, schema: Any, label: str, labels: np.ndarray) -> tuple[str, ...]:
    names: Any = None
    try:
        about = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))
        names = about["info"]["features"][label]["names"]
    except (ValueError, KeyError, TypeError, RecursionError):
        pass
    if isinstance(names, list) and names and all(type(name) is str for name in names):
        found = tuple(name[:200] for name in names)
        if len(set(found)) == len(found) <= MOST_CLASSES:
            return found
    count = int(labels.max(initial=-1)) + 1
    if not 2 <= count <= MOST_CLASSES or labels.min(initial=0) < 0:
        raise _unreadable(place, Message("its labels are not numbers of classes from 0"))
    return tuple(f"class {index}" for index in range(count))


def _unreadable(path: Path, reason: Message) -> WorkbenchError:
    return WorkbenchError(
        "{path}: cannot be read ({reason}); check the file, or choose other data.",
        path=shown(path),
        reason=reason,
    )
