"""CIFAR-10 from its published batch files."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from workbench.data.arrays import Arrays
from workbench.data.data_choice import BATCHES_FOLDER
from workbench.messages import WorkbenchError


def read_cifar10(root: Path) -> Arrays:
    """CIFAR-10 from ``root / "cifar-10-batches-py"``: 50,000 and 10,000 images.

    The batch files are pickles, which can run code: each one's published MD5 is compared
    before it is opened. Raises :class:`WorkbenchError` naming the file that is missing,
    differs, or cannot be read.
    """
    # Slow to import: not before somebody reads CIFAR-10.
    from torchvision.datasets import CIFAR10

    folder = root / BATCHES_FOLDER
    try:
        train = CIFAR10(root, train=True, download=False)
        test = CIFAR10(root, train=False, download=False)
    except RuntimeError:
        # torchvision found a file missing or different, and does not say which.
        raise _what_is_wrong(folder) from None
    except OSError as error:
        raise WorkbenchError(
            "{path}: cannot be read ({reason}); check its permissions, or delete it and "
            "download CIFAR-10 again.",
            path=error.filename or folder,
            reason=error.strerror,
        ) from None
    return Arrays(
        name="CIFAR-10",
        classes=tuple(train.classes),
        # torchvision hands out a transposed view of its files' planes.
        train_images=np.ascontiguousarray(train.data),
        train_labels=np.array(train.targets, np.int64),
        test_images=np.ascontiguousarray(test.data),
        test_labels=np.array(test.targets, np.int64),
        comparable=True,
    )


def _what_is_wrong(folder: Path) -> WorkbenchError:
    from torchvision.datasets import CIFAR10
    from torchvision.datasets.utils import check_integrity

    files = [*CIFAR10.train_list, *CIFAR10.test_list]
    for name, md5 in [*files, (CIFAR10.meta["filename"], CIFAR10.meta["md5"])]:
        path = folder / name
        if not path.is_file():
            return WorkbenchError(
                "{path}: is missing; delete the folder {folder} and download CIFAR-10 again.",
                path=path,
                folder=folder,
            )
        if not check_integrity(str(path), md5):
            return WorkbenchError(
                "{path}: is not the published file (its checksum differs); delete the folder "
                "{folder} and download CIFAR-10 again.",
                path=path,
                folder=folder,
            )
    return WorkbenchError(
        "{path}: changed while it was read; try again, or delete it and download CIFAR-10 again.",
        path=folder,
    )
