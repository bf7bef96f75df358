"""``test_logits.npz``: the logits and labels of the final test, read without trusting the file.

What an array says of its size is held against what lies in the file before memory is taken for it,
and nothing is unpickled. Opens without torch.
"""

from __future__ import annotations

import math
import zipfile
from pathlib import Path

import numpy as np
from numpy.lib import format as npy

from workbench.library.run_record import MOST_CLASSES
from workbench.library.safe_file import open_to_read

LARGEST = 512_000_000
"""In bytes: the test images of ImageNet with its thousand classes take 200 million."""


def read_stored_test(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Logits (float32, (N, classes)) and labels (int64, (N,), each a class) of a final test; N is
    one or more.

    Raises ``OSError`` where the file cannot be read, and ``ValueError`` where it is damaged.
    """
    with open_to_read(path, LARGEST) as file:
        try:
            with zipfile.ZipFile(file) as archive:
                logits = _array(archive, "logits.npy", "f", 2)
                labels = _array(archive, "labels.npy", "iu", 1)
        except OSError:
            raise
        except Exception as error:  # zipfile and numpy have no end of errors for what is damaged
            raise ValueError(str(error)) from None
    count = logits.shape[1]
    if not len(labels) or len(logits) != len(labels) or not 1 <= count <= MOST_CLASSES:
        raise ValueError("logits and labels do not fit")
    if not 0 <= labels.min() <= labels.max() < count:
        raise ValueError("labels that are no class")
    return logits.astype(np.float32, copy=False), labels.astype(np.int64, copy=False)


def _array(archive: zipfile.ZipFile, name: str, kinds: str, dimensions: int) -> np.ndarray:
    found = [member for member in archive.infolist() if member.filename == name]
    if len(found) != 1 or found[0].file_size > LARGEST:
        raise ValueError(f"{name}: missing, twice there, or too large")
    with archive.open(found[0]) as member:
        version = npy.read_magic(member)
        if version == (1, 0):
            shape, by_column, kind = npy.read_array_header_1_0(member)
        elif version == (2, 0):
            shape, by_column, kind = npy.read_array_header_2_0(member)
        else:
            raise ValueError("another version")
        if kind.kind not in kinds or kind.itemsize > 8 or len(shape) != dimensions or by_column:
            raise ValueError("another kind of array")
        wanted = math.prod(shape) * kind.itemsize
        # The size in the archive's list is what may be unpacked, and its checksum is compared.
        if min(shape) < 0 or not 0 <= wanted <= found[0].file_size:
            raise ValueError("of another size than the file")
        content = member.read()
    if len(content) != wanted:
        raise ValueError("of another size than the file")
    return np.frombuffer(content, kind).reshape(shape)
