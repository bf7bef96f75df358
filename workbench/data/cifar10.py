"""CIFAR-10 and CIFAR-100 from their published files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from workbench.data.arrays import Arrays
from workbench.messages import WorkbenchError


def load_cifar10(path: Path, progress: object, stop: object) -> Arrays:
    """As :func:`read_cifar10`, called as every source is."""
    return read_cifar10(path)


def load_cifar100(path: Path, progress: object, stop: object) -> Arrays:
    """CIFAR-100 from ``path / "cifar-100-python"``, by its 100 fine classes; otherwise as
    :func:`read_cifar10`."""
    from torchvision.datasets import CIFAR100

    return _read(CIFAR100, path, "CIFAR-100", comparable=False)


def read_cifar10(root: Path) -> Arrays:
    """CIFAR-10 from ``root / "cifar-10-batches-py"``: 50,000 and 10,000 images.

    The batch files are pickles, which can run code: each one's published MD5 is compared
    before it is opened. Raises :class:`WorkbenchError` naming the file that is missing,
    differs, or cannot be read.
    """
    # Slow to import: not before somebody reads CIFAR-10.
    from torchvision.datasets import CIFAR10

    return _read(CIFAR10, root, "CIFAR-10", comparable=True)


def _read(kind: Any, root: Path, name: str, *, comparable: bool) -> Arrays:
    folder = root / kind.base_folder
    try:
        train = kind(root, train=True, download=False)
        test = kind(root, train=False, download=False)
    except RuntimeError:
        # torchvision found a file missing or different, and does not say which.
        raise _what_is_wrong(kind, folder, name) from None
    except OSError as error:
        raise WorkbenchError(
            "{path}: cannot be read ({reason}); check its permissions, or delete it and "
            "download {data} again.",
            path=error.filename or folder,
            reason=error.strerror,
            data=name,
        ) from None
    return Arrays(
        name=name,
        classes=tuple(train.classes),
        # torchvision hands out a transposed view of its files' planes.
        train_images=np.ascontiguousarray(train.data),
        train_labels=np.array(train.targets, np.int64),
        test_images=np.ascontiguousarray(test.data),
        test_labels=np.array(test.targets, np.int64),
        comparable=comparable,
    )


def _what_is_wrong(kind: Any, folder: Path, data: str) -> WorkbenchError:
    from torchvision.datasets.utils import check_integrity

    files = [*kind.train_list, *kind.test_list]
    for name, md5 in [*files, (kind.meta["filename"], kind.meta["md5"])]:
        path = folder / name
        if not path.is_file():
            return WorkbenchError(
                "{path}: is missing; delete the folder {folder} and download {data} again.",
                path=path,
                folder=folder,
                data=data,
            )
        if not check_integrity(str(path), md5):
            return WorkbenchError(
                "{path}: is not the published file (its checksum differs); delete the folder "
                "{folder} and download {data} again.",
                path=path,
                folder=folder,
                data=data,
            )
    return WorkbenchError(
        "{path}: changed while it was read; try again, or delete it and download {data} again.",
        path=folder,
        data=data,
    )
