"""Files of ``torch.save``, looked through before ``torch.load`` sees them.

Without running any of it: the pickle in a file may name only what tensors are rebuilt from. That
gives each refusal its reason, and keeps out what ``weights_only=True`` lets through but weights and
checkpoints never need (such as a call that reserves memory of any size).
"""

from __future__ import annotations

import io
import itertools
import pickletools
import sys
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import torch
from torch import Tensor

from workbench.library.pickle_protocols import as_protocol_2
from workbench.library.safe_file import TooLargeFile, UnsafeFile, read_bytes, reason_of
from workbench.messages import WorkbenchError

LARGEST_FILE = 1_000_000_000
"""Of weights, in bytes: those of the report take 1.7 million, the largest CNN's 800 million."""

LARGEST_CHECKPOINT = 5 * LARGEST_FILE
"""Of a checkpoint: weights, those kept before a loss that is no number, an optimizer's averages."""

_MOST_OPERATIONS = 1_000_000  # of one pickle; that of a state dict has about a thousand

_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C  # how torch.save began its files until PyTorch 1.5
_LEGACY_PICKLES = 5  # magic number, protocol version, system, the object, keys of the storages

_STORAGES = (
    *("Float", "Double", "Half", "BFloat16", "ComplexFloat", "ComplexDouble"),
    *("Long", "Int", "Short", "Char", "Byte", "Bool"),
)
_ALLOWED = {
    "collections.OrderedDict",
    "torch._utils._rebuild_tensor_v2",
    "torch._utils._rebuild_parameter",
    *(f"torch.{name}Storage" for name in _STORAGES),
}


def load_plain(path: Path, *, own: bool = False, largest: int = LARGEST_FILE) -> dict[Any, Any]:
    """Return what ``torch.save`` wrote to ``path``: a dictionary of tensors and plain values, the
    tensors on the CPU. ``own``: the file belongs to a run, and may not be a link. ``largest``: its
    bytes.

    Raises :class:`WorkbenchError` with one sentence for everything else. No code in the file is
    run.
    """
    return plain_from(path, read_file(path, own=own, largest=largest), largest)


def plain_from(path: Path, content: bytes, largest: int = LARGEST_FILE) -> dict[Any, Any]:
    """As :func:`load_plain`, from the ``content`` of the file at ``path``."""
    content = look_through(path, content, largest)
    try:
        loaded = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except Exception:
        # Damage makes torch raise errors of every kind, with sentences for programmers.
        refuse_damaged(path)
    if not isinstance(loaded, dict):
        refuse_other_file(path)
    # A pickle can shadow an OrderedDict's methods, but not those of dict.
    return dict(dict.items(loaded))


def is_whole(tensor: Tensor) -> bool:
    """Return whether all of the tensor lies in the file: a stride of 0 makes one of any size out of
    a few bytes."""
    return tensor.numel() * tensor.element_size() <= tensor.untyped_storage().nbytes()


# --- looking through a file, without running it ------------------------------------------


def read_file(path: Path, *, own: bool = False, largest: int = LARGEST_FILE) -> bytes:
    """Return the content of the weight file ``path``, of at most ``largest`` bytes.
    ``own``: the file belongs to a run, and may not be a link.

    Raises :class:`WorkbenchError` with one sentence where it cannot be read.
    """
    try:
        if path.is_dir():
            raise WorkbenchError("{path}: is a folder; choose a weights file (.pkl).", path=path)
        content = read_bytes(path, largest, links=not own)
    except FileNotFoundError:
        raise WorkbenchError("{path}: there is no such file.", path=path) from None
    except TooLargeFile:
        _refuse_too_large(path, largest)
    except UnsafeFile:
        refuse_other_file(path)
    except OSError as error:
        raise WorkbenchError(
            "{path}: cannot be read ({reason}).", path=path, reason=reason_of(error)
        ) from None
    if not content:
        raise WorkbenchError("{path}: is empty; copy or save the file again.", path=path)
    return content


def look_through(path: Path, content: bytes, largest: int = LARGEST_FILE) -> bytes:
    """Return ``content`` with its pickles in protocol 2. Raises :class:`WorkbenchError` unless it
    is a file of ``torch.save`` whose pickles name nothing but tensors."""
    if content.startswith(b"PK\x03\x04"):
        in_zip = _pickles_in_zip(path, content, largest)
        changed = {name: _as_protocol_2(pickle) for name, pickle in in_zip.items()}
        if changed != in_zip:
            content = _zip_with(content, changed)
        pickles = [io.BytesIO(pickle) for pickle in changed.values()]
    elif _is_legacy(content):
        content = _as_protocol_2(content, _LEGACY_PICKLES)
        # One after the other in the same stream; the storages follow.
        pickles = [io.BytesIO(content)] * _LEGACY_PICKLES
    else:
        _refuse_other_pickle(path, content)
    names: list[str] = []
    try:
        for pickle in pickles:
            names.extend(_globals(pickle))
    except (ValueError, OverflowError):
        refuse_damaged(path)
    _refuse_code(path, names)
    return content


def _as_protocol_2(content: bytes, count: int = 1) -> bytes:
    """Return ``content`` with its first ``count`` pickles in protocol 2; as it is where they are
    already, or are damaged, which is found out when they are looked through."""
    if content[:2] in (b"\x80\x02", b"\x80\x01", b"\x80\x00"):
        return content
    stream = io.BytesIO(content)
    try:
        pickles = [as_protocol_2(stream) for _ in range(count)]
    except (ValueError, OverflowError):
        return content
    return b"".join([*pickles, stream.read()])


def _zip_with(content: bytes, changed: dict[str, bytes]) -> bytes:
    """Return the archive ``content`` with other files under the names of ``changed``."""
    result = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as before, zipfile.ZipFile(result, "w") as after:
        for name in before.namelist():
            after.writestr(name, changed.get(name) or before.read(name))
    return result.getvalue()


def _pickles_in_zip(path: Path, content: bytes, largest: int) -> dict[str, bytes]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if sum(record.file_size for record in archive.infolist()) > largest:
                _refuse_too_large(path, largest)
            names = archive.namelist()
            # torch looks names up by itself, and might find the other of two.
            if len({name.casefold() for name in names}) < len(names):
                refuse_damaged(path)
            if any(name.endswith("/constants.pkl") for name in names):
                raise WorkbenchError(
                    "{path}: is a TorchScript program, not weights; save model.state_dict() "
                    "instead.",
                    path=path,
                )
            pickles = [name for name in names if name.endswith("/data.pkl")]
            if not pickles:
                refuse_other_file(path)
            if archive.testzip():  # torch reads over a flipped bit
                refuse_damaged(path)
            return {name: archive.read(name) for name in pickles}
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError):
        # RuntimeError: encrypted or a compression that Python does not know.
        refuse_damaged(path)


def _is_legacy(content: bytes) -> bool:
    try:
        first = itertools.islice(pickletools.genops(content), 3)
        return any(argument == _LEGACY_MAGIC for _, argument, _ in first)
    except (ValueError, OverflowError):
        return False


def _globals(pickle: io.BytesIO) -> Iterator[str]:
    """The functions and classes that one pickle names, in its order; the stream stands behind
    the pickle afterwards. Raises ``ValueError`` where the pickle is cut off or damaged."""
    strings = ["", ""]
    for number, (operation, argument, _) in enumerate(pickletools.genops(pickle)):
        if number == _MOST_OPERATIONS:
            raise ValueError("too long")
        if operation.name in ("GLOBAL", "INST"):
            yield str(argument).replace(" ", ".", 1)
        elif operation.name == "STACK_GLOBAL":
            # Picklers put module and name right before it. torch.load knows no such operation,
            # so a pickle that does otherwise gets a wrong name here, but is still refused.
            yield ".".join(strings[-2:])
        elif isinstance(argument, str):
            strings.append(argument)


def _refuse_other_pickle(path: Path, content: bytes) -> NoReturn:
    """A pickle that torch.save did not write, or no pickle at all."""
    names: list[str] = []
    complete = True
    try:
        names.extend(_globals(io.BytesIO(content)))
    except (ValueError, OverflowError):
        complete = False
    # Text can begin like an old pickle by chance; from protocol 2 on there is a first byte.
    if complete or content.startswith(b"\x80"):
        _refuse_code(path, names)
    refuse_other_file(path)


def _refuse_code(path: Path, names: list[str]) -> None:
    others = [name for name in names if name not in _ALLOWED]
    if not others:
        return
    from_python = [name for name in others if _belongs_to_python(name)]
    if any(name.startswith("torch.nn.modules.") for name in others) and not from_python:
        raise WorkbenchError(
            "{path}: is a whole pickled network, which is code; save model.state_dict() instead.",
            path=path,
        )
    raise WorkbenchError(
        "{path}: contains code (it would call {name}), so nothing of it was run; if it is "
        "yours, save model.state_dict() with torch.save instead.",
        path=path,
        name=short_text((from_python or others)[0]),
    )


def _belongs_to_python(name: str) -> bool:
    module = name.partition(".")[0]
    # Protocol 2 writes sets, which every network holds, under their name in Python 2.
    is_set = name in ("__builtin__.set", "builtins.set")
    return not is_set and (module == "__builtin__" or module in sys.stdlib_module_names)


def refuse_damaged(path: Path) -> NoReturn:
    raise WorkbenchError(
        "{path}: is damaged or incomplete; copy or download the file again.", path=path
    ) from None


def refuse_other_file(path: Path) -> NoReturn:
    raise WorkbenchError(
        "{path}: is not a weights file; choose one that this program or torch.save wrote.",
        path=path,
    )


def _refuse_too_large(path: Path, largest: int) -> NoReturn:
    raise WorkbenchError(
        "{path}: holds more than {limit} MB, too much for weights of this program's networks; "
        "choose another file.",
        path=path,
        limit=largest // 1_000_000,
    )


def short_text(text: str) -> str:
    """Text out of a file, fit for a sentence: one line, not long."""
    printable = text if text.isprintable() else ascii(text)[1:-1]
    return printable if len(printable) <= 60 else f"{printable[:59]}…"
