"""The formats that runs and weights can be exported to, declared; each is written by a file of its
own. Opens without torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Literal

from workbench.messages import Message, WorkbenchError
from workbench.spec.registry import Choice, Registry

Target = Literal["file", "file of each", "folder", "store"]
"""``file``: one file for all runs. ``file of each``: one file for each run, in a folder where there
are several. ``folder``: several files in a folder. ``store``: a folder or the address of a server,
to which runs are added."""


@dataclass(frozen=True)
class Exporter(Choice):
    """A format.

    Args:
        write: ``write(job)``, with a :class:`workbench.exporters.job.Job`; or where it is, as
            ``"package.module:name"``.
        target: what it is written to.
        ending: of its file, with the dot; empty for a folder or a store.
        takes_weights: weights are exported, of a run or of a weight file; else whole runs.
        traces: torch looks through the network, which must not happen while a run trains in the
            same process.
        packages: what it needs beside the plain dependencies, as pip names it.
        modules: the same as Python imports it.
    """

    write: Callable[..., Any] | str = ""
    target: Target = "file of each"
    ending: str = ""
    takes_weights: bool = False
    traces: bool = False
    packages: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()

    @property
    def missing(self) -> Message | None:
        """Return how to install what this format needs; ``None`` where all of it is installed."""
        if all(find_spec(module) for module in self.modules):
            return None
        return Message(
            "{label} needs packages that are not installed; "
            "`python -m pip install {packages}` installs them.",
            label=self.label,
            packages=" ".join(self.packages),
        )


EXPORTERS: Registry[Exporter] = Registry(
    Exporter(
        "safetensors",
        "safetensors",
        "Weights without code, for any program that reads safetensors.",
        write="workbench.exporters.safetensors_file:write",
        ending=".safetensors",
        takes_weights=True,
    ),
    Exporter(
        "onnx",
        "ONNX",
        "Network with its pixel scaling, for ONNX Runtime: browsers, phones, other languages.",
        write="workbench.exporters.onnx_file:write",
        ending=".onnx",
        takes_weights=True,
        traces=True,
        packages=("onnx", "onnxscript", "onnxruntime"),
        modules=("onnx", "onnxscript", "onnxruntime"),
    ),
    Exporter(
        "pt2",
        "torch.export",
        "Network with its pixel scaling, for PyTorch without this program.",
        write="workbench.exporters.pt2_file:write",
        ending=".pt2",
        takes_weights=True,
        traces=True,
    ),
    Exporter(
        "tensorboard",
        "TensorBoard",
        "Event files: the loss of every step, the figures of every epoch, hyperparameters.",
        write="workbench.exporters.tensorboard_events:write",
        target="folder",
        packages=("tensorboard",),
        modules=("tensorboard",),
    ),
    Exporter(
        "mlflow",
        "MLflow",
        "Runs with parameters, metrics and weights, into a folder or a server.",
        write="workbench.exporters.mlflow_store:write",
        target="store",
        packages=("mlflow-skinny",),
        modules=("mlflow",),
    ),
    Exporter(
        "csv",
        "CSV tables",
        "Tables of the chosen runs: their hyperparameters, all their epochs and all their steps.",
        write="workbench.exporters.tables:write_csv",
        target="folder",
    ),
    Exporter(
        "parquet",
        "Parquet tables",
        "The same tables, smaller and quicker to read.",
        write="workbench.exporters.tables:write_parquet",
        target="folder",
        packages=("pyarrow",),
        modules=("pyarrow",),
    ),
    Exporter(
        "html",
        "Report",
        "One document on the runs, with their curves.",
        write="workbench.exporters.document:write",
        target="file",
        ending=".html",
    ),
    Exporter(
        "share",
        "Share",
        "Whole runs in one file, for another library of this program.",
        write="workbench.exporters.share:write",
        target="file",
        ending=".zip",
    ),
)


def exporter_named(name: str) -> Exporter:
    """Return the exporter called ``name``. Raises :class:`WorkbenchError` where there is none."""
    found = EXPORTERS.get(name)
    if found is None:
        raise WorkbenchError(
            "{name}: there is no such format; choose one of {formats}.",
            name=name,
            formats=", ".join(EXPORTERS),
        )
    return found
