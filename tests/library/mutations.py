"""Runs whose files are spoiled in every way that a loop can think of.

Each mutation takes one file of a sound run and changes a value, its bytes, or what lies in its
place. :func:`use` then does with the library what the program does, and passes on whatever is
raised that is no sentence.
"""

from __future__ import annotations

import io
import json
import os
import random
import shutil
import signal
import socket
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tests.library.made_runs import make_run
from workbench.analysis.metrics import read_predictions
from workbench.engine.checkpoint import Checkpoint
from workbench.engine.networks import build_network
from workbench.library import catalog
from workbench.library.catalog import Library
from workbench.library.check import check_library, repair
from workbench.library.checkpoint import StoredCheckpoint, load_checkpoint, save_checkpoint
from workbench.library.giving_up import give_up
from workbench.library.labels import read_labels
from workbench.library.run_filter import searched_text
from workbench.library.run_folder import (
    read_epochs,
    read_log,
    read_losses,
    read_record,
    read_test,
    write_record,
)
from workbench.library.weights import Weights, load_weights, save_weights
from workbench.messages import WorkbenchError
from workbench.spec.experiment import experiment_from

Draw = random.Random
SECONDS = 20
"""No file of a library holds its reader up for longer."""


def make_victim(path: Path) -> Path:
    """A library of one stopped run with every file that a run can have; returns its folder."""
    record = make_run(
        Library(path), "007", (20.0, 25.0), status="stopped", steps=4, epochs=3, batch_size=16
    )
    folder = record.folder
    experiment = experiment_from(record.experiment)
    network = build_network(experiment, 10)
    state = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    save_weights(
        folder / "mlp_weight_007.pkl",
        Weights(experiment, tuple(record.data["classes"]), state, metrics={"epoch": 2}),
    )
    shutil.copy(folder / "mlp_weight_007.pkl", folder / "mlp_weight_007_best.pkl")
    random_state = torch.Generator().manual_seed(1).get_state()
    checkpoint = Checkpoint(
        epoch=3,
        step=0,
        steps_done=8,
        losses=torch.empty(0),
        network=state,
        optimizer=[],
        good=state,
        good_step=8,
        order=random_state,
        random=random_state,
        cuda_random=None,
        accuracy=25.0,
        best_accuracy=25.0,
        seconds=27.0,
        epoch_seconds=0.0,
    )
    save_checkpoint(
        folder,
        StoredCheckpoint(checkpoint, record.experiment, record.data["fingerprint"], {}),
    )
    predictions = np.zeros((50, 10), np.float32)
    np.savez(folder / "test_logits.npz", logits=predictions, labels=np.arange(50) % 10)
    Library(path).label(record, lambda labels: labels.__class__("a run", "notes", ("tag",), True))
    record = read_record(folder)
    write_record(
        replace(
            record,
            weights="mlp_weight_007.pkl",
            best_weights="mlp_weight_007_best.pkl",
            reason="The loss is nan.",
            reason_parts={"template": "The loss is {loss}.", "values": {"loss": "nan"}},
            resumed=[{"at": record.created, "epoch": 2, "step": 0, "notices": ["a word"]}],
        )
    )
    return folder


# --- mutations -------------------------------------------------------------------------

VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2**63, 10**400, -(10**4000), 0.5, -0.5, 1e308, 1e999, 10**9),
    *(float("nan"), "", " ", "x", "\ud800", "a\udc80", "\x1b[31m", "a\nb", "0.001", "é" * 400),
    *("x" * 100_000, "..", ".", "../..", "/", "/etc/passwd", "C:\\x", "..\\x", "a/b", "run.json"),
    *(
        "{",
        "{a}",
        "{a:>3000000000}",
        "{a.__class__}",
        "{0}",
        "{loss!r}",
        "%s" * 100,
        "{loss}" * 900,
    ),
    *([], {}, [[]], ["x"], [None], {"x": 1}, [1] * 2000, ["x"] * 2000, {"a": {"b": {"c": [1]}}}),
)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a value of JSON."""
    yield path
    items = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, item in items:
        yield from places(item, (*path, key))


def changed(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """``value`` with ``new`` at a place; ``...`` takes it away."""
    if not path:
        return {} if new is ... else new
    copy = json.loads(json.dumps(value))
    inner = copy
    for key in path[:-1]:
        inner = inner[key]
    if new is ...:
        del inner[path[-1]]
    else:
        inner[path[-1]] = new
    return copy


def json_mutation(path: Path, draw: Draw) -> None:
    content = json.loads(path.read_text(encoding="utf-8") or "{}")
    place = draw.choice(list(places(content)))
    new = draw.choice((*VALUES, ...))
    path.write_text(json.dumps(changed(content, place, new)), encoding="ascii")


def raw_json_mutation(path: Path, draw: Draw) -> None:
    path.write_bytes(
        draw.choice(
            (
                b"[" * 100_000,
                b'{"format": 1' + b'{"a":' * 50_000,
                b'"\xed\xa0\x80"',
                b"\xff\xfe{\x00}\x00",
                b'{"format": ' + b"9" * 10_000 + b"}",
                b"[" + b"[]," * 1_000_000 + b"1]",
                path.read_bytes().replace(b'"', b"'"),
            )
        )
    )


def table_mutation(path: Path, draw: Draw) -> None:
    rows = [line.split(",") for line in path.read_text(encoding="utf-8").splitlines()]
    row = draw.choice(rows)
    cell = draw.randrange(len(row))
    kind = draw.randrange(4)
    if kind == 0:
        row[cell] = draw.choice(
            (
                "",
                "x",
                "nan",
                "inf",
                "-1",
                "1e999",
                "1_0",
                "9" * 5000,
                "\x00",
                '"',
                "１",
                "0x1",
                "=1",
            )
        )
    elif kind == 1:
        del row[cell]
    elif kind == 2:
        rows.append(draw.choice(rows))
    else:
        rows[0] += [f"more{number}" for number in range(draw.choice((1, 100_000)))]
    path.write_text("\n".join(",".join(row) for row in rows), encoding="utf-8")


def bytes_mutation(path: Path, draw: Draw) -> None:
    content = bytearray(path.read_bytes())
    kind = draw.randrange(5)
    if kind == 0:
        content = content[: draw.randrange(len(content) + 1)]
    elif kind == 1:
        for _ in range(draw.choice((1, 3, 100))):
            if content:
                content[draw.randrange(len(content))] = draw.randrange(256)
    elif kind == 2:
        content += draw.randbytes(draw.choice((1, 3, 1000)))
    elif kind == 3:
        start = draw.randrange(len(content) + 1)
        content[start : start + draw.choice((1, 30))] = b""
    else:
        content = bytearray(draw.randbytes(draw.choice((0, 1, 4, 400))))
    path.write_bytes(content)


def _npz(path: Path, member: bytes, method: int = zipfile.ZIP_STORED) -> None:
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("logits.npy", member)
        archive.writestr("labels.npy", member)


def _header(text: str) -> bytes:
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()


def array_mutation(path: Path, draw: Draw) -> None:
    """Arrays that ask for memory, hold objects, or disagree with each other."""
    kinds = (
        "<f4",
        "<f8",
        "<f2",
        "<i8",
        "|O",
        "<U1000000000",
        "<c16",
        "|V8",
        ">f4",
        "[('a','<f4')]",
    )
    kind = draw.choice(kinds)
    shape = draw.choice(
        ("(7000000000,)", "(10**9,10)", "(-1,10)", "(50,10)", "(50,)", "()", "(0,10)", "(50,10,1)")
    )
    form = kind if kind.startswith("[") else repr(kind)
    header = f"{{'descr': {form}, 'fortran_order': False, 'shape': {shape}, }}"
    what = draw.randrange(4)
    if what == 0:
        _npz(path, _header(header) + b"\0" * 2000)
    elif what == 1:
        _npz(path, _header("(" * 9000) + b"\0" * 2000)
    elif what == 2:  # a bomb: 600 MB of nothing
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for name in ("logits.npy", "labels.npy"):
                with archive.open(name, "w", force_zip64=True) as file:
                    file.write(_header(header))
                    for _ in range(60):
                        file.write(b"\0" * 10_000_000)
        path.write_bytes(buffer.getvalue())
    else:
        number = draw.choice((0, 1, 49, 50))
        np.savez(path, logits=np.zeros((number, draw.choice((1, 9, 10)))), labels=np.arange(50) - 1)


def tensors_mutation(path: Path, draw: Draw) -> None:
    """Another value in a checkpoint or a file of weights."""
    content = torch.load(path, weights_only=True)
    name = draw.choice(list(content))
    inside = content[name]
    new: Any = draw.choice(
        (
            *VALUES[:14],
            *(float("nan"), float("inf"), "x", [], {}, {"x": "y"}, (1, 2)),
            torch.zeros(3),
            torch.zeros(1).expand(10**12),
            torch.zeros((2, 2), dtype=torch.int64),
        )
    )
    if isinstance(inside, dict) and draw.random() < 0.7 and inside:
        inside[draw.choice(list(inside))] = new
    else:
        content[name] = new
    if draw.random() < 0.1:
        content["much"] = torch.zeros(40_000_000)  # beyond what any file of ours holds
    torch.save(content, path)


def zip_bomb(path: Path, draw: Draw) -> None:
    """A file of ``torch.save`` that unpacks to much more than it is."""
    with zipfile.ZipFile(path) as archive:
        members = [(item.filename, archive.read(item)) for item in archive.infolist()]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            if name.endswith("/data/0"):
                with archive.open(name, "w", force_zip64=True) as file:
                    for _ in range(draw.choice((30, 60))):
                        file.write(b"\0" * 10_000_000)
            else:
                archive.writestr(name, content)


def place_mutation(outside: Path) -> Callable[[Path, Draw], None]:
    """Something else in the place of the file."""

    def mutate(path: Path, draw: Draw) -> None:
        kind = draw.choice(
            ("link", "link to a folder", "dangling", "fifo", "socket", "folder", "empty", "sparse")
        )
        if kind != "sparse":
            path.unlink()
        if kind == "link":
            path.symlink_to(outside / draw.choice(("precious.txt", path.name)))
        elif kind == "link to a folder":
            path.symlink_to(outside)
        elif kind == "dangling":
            path.symlink_to(outside / "made by nobody")
        elif kind == "fifo":
            os.mkfifo(path)
        elif kind == "socket":
            with socket.socket(socket.AF_UNIX) as made, suppress(OSError):  # too long a path
                made.bind(str(path))
        elif kind == "folder":
            path.mkdir()
            (path / "within").write_text("x")
        elif kind == "empty":
            path.touch()
        else:
            os.truncate(path, 3_000_000_000)

    return mutate


def mutations(outside: Path) -> dict[str, list[Callable[[Path, Draw], None]]]:
    """The mutations of each file of a run, and of the library itself."""
    place = place_mutation(outside)
    return {
        "run.json": [json_mutation, json_mutation, json_mutation, raw_json_mutation, place],
        "test.json": [json_mutation, json_mutation, raw_json_mutation, place],
        "labels.json": [json_mutation, raw_json_mutation, place],
        "epochs.csv": [table_mutation, table_mutation, bytes_mutation, place],
        "losses.f32": [bytes_mutation, place],
        "log.txt": [bytes_mutation, place],
        "run.lock": [place],
        "test_logits.npz": [array_mutation, bytes_mutation, place],
        "checkpoint.pt": [tensors_mutation, tensors_mutation, zip_bomb, bytes_mutation, place],
        "mlp_weight_007.pkl": [tensors_mutation, zip_bomb, bytes_mutation, place],
        "../.index.sqlite": [bytes_mutation, place],
        "../.labels.lock": [place],
    }


# --- use -------------------------------------------------------------------------------


def make_outside(path: Path, folder: Path) -> dict[str, bytes]:
    """A folder of somebody's own beside the library, with a copy of each file of the run."""
    path.mkdir()
    (path / "precious.txt").write_text("years of work" * 100)
    for file in folder.iterdir():
        shutil.copy(file, path / file.name)
    return content_of(path)


def content_of(path: Path) -> dict[str, bytes]:
    """What is in a folder."""
    return {str(p.relative_to(path)): p.read_bytes() for p in path.rglob("*") if p.is_file()}


@contextmanager
def limited(seconds: int = SECONDS) -> Iterator[None]:
    """Raises ``TimeoutError`` where something waits for longer, as for a FIFO."""

    def late(number: int, frame: object) -> None:
        raise TimeoutError(f"more than {seconds} seconds")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def use(folder: Path) -> int:
    """Does with a run what the program does that only reads; returns how many sentences it was
    told. Whatever else is raised is raised."""
    told = 0

    def attempt(act: Callable[[], object]) -> Any:
        nonlocal told
        try:
            return act()
        except WorkbenchError as error:
            text = str(error)
            assert text.isprintable() or "\\" in repr(text)
            assert len(text) < 12_000
            text.encode()
            told += 1
            return None

    library = Library(folder.parent)
    runs, problems = library.read()
    assert len(runs) + len(problems) >= 1, "a run that is there is not told of"
    Library(folder.parent).read()  # from the index
    for problem in problems:
        str(problem).encode()
    record = attempt(lambda: read_record(folder))
    for read in (read_losses, read_epochs, read_test, read_log, read_labels, load_checkpoint):
        attempt(lambda read=read: read(folder))  # type: ignore[misc]
    attempt(lambda: read_predictions(folder, ("a",) * 10))
    attempt(lambda: load_weights(folder / "mlp_weight_007.pkl", own=True))
    if record is not None:
        text = searched_text(record)
        text.encode()
        str(record.why).encode()
        record.label.encode()
        if record.weights:
            attempt(lambda: load_weights(folder / record.weights, own=True))
    return told


def use_and_write(folder: Path) -> None:
    """As :func:`use`, then what changes something: labels, ``runs check --fix``, the trash."""
    use(folder)
    library = Library(folder.parent)
    with suppress(WorkbenchError):
        library.label(read_record(folder), lambda labels: labels.__class__("new"))
    with suppress(WorkbenchError):
        give_up(library, read_record(folder))
    for _ in range(3):
        for finding in list(check_library(folder.parent)):
            str(finding.message).encode()
            with suppress(WorkbenchError):
                repair(finding)
    for run in library.runs():
        with suppress(WorkbenchError):
            library.restore(library.trash(run))


def with_an_index() -> None:
    """The smallest library has an index now."""
    catalog.FEW = 0
