"""Networks of one's own, built: here their code runs, because somebody installed it."""

from __future__ import annotations

import importlib
import importlib.util
import traceback
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from workbench.messages import WorkbenchError
from workbench.spec.experiment import Experiment
from workbench.spec.layers import IMAGE, Layer, LayerKind
from workbench.spec.networks import NETWORKS, NetworkError
from workbench.spec.own_networks import OwnNetwork, at_line

TRIED_WITH = 2
"""Images that a network is tried with once it is built: batch norm needs two."""


def build_own(experiment: Experiment, classes: int) -> nn.Module:
    """Build the experiment's own network with fresh weights, and try it with two images.

    Raises :class:`NetworkError` with one sentence where its file cannot be run, or it gives
    something else than logits.
    """
    own = _own(experiment)
    try:
        function = _function(own.path, own.module, own.function, _version(own.path))
        values = {name: getattr(experiment, name) for name in own.fields}
        network = function(classes=classes, **values)
    except Exception as error:
        raise _said(own.path, error) from error
    if not isinstance(network, nn.Module):
        raise NetworkError(
            "{path}: {function} must return a torch.nn.Module, not {kind}.",
            path=own.path,
            function=own.function,
            kind=type(network).__name__,
        )
    if not any(parameter.requires_grad for parameter in network.parameters()):
        raise NetworkError(
            "{path}: {function} must return a network with parameters to train; it has none.",
            path=own.path,
            function=own.function,
        )
    _try(own.path, network, classes)
    return network


def _own(experiment: Experiment) -> OwnNetwork:
    network = NETWORKS[experiment.network]
    assert isinstance(network, OwnNetwork)
    return network


def _version(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


# By the time of its last change: an edited file is read again, a package's module is not.
@lru_cache(maxsize=64)
def _function(path: Path, module: str, function: str, version: int) -> Callable[..., Any]:
    if module:
        found = importlib.import_module(module)
    else:
        spec = importlib.util.spec_from_file_location(f"own_network_{path.stem}", path)
        assert spec is not None
        assert spec.loader is not None
        found = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(found)
    result: Callable[..., Any] = getattr(found, function)
    return result


def _said(path: Path, error: Exception) -> WorkbenchError:
    """The sentence for what the code in ``path`` raised, with the line of it that was last."""
    lines = [
        frame.lineno
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename == str(path)
    ]
    reason = " ".join(str(error).split())
    return at_line(path, (lines or [1])[-1] or 1, f"{type(error).__name__}: {reason}")


def _try(path: Path, network: nn.Module, classes: int) -> None:
    weight = next(network.parameters(), None)
    device = weight.device if weight is not None else torch.get_default_device()
    images = torch.zeros(TRIED_WITH, *IMAGE, device=device)
    was_training = network.training
    random = torch.get_rng_state()
    try:
        with torch.no_grad():
            logits = network.eval()(images)
    except Exception as error:
        raise _said(path, error) from error
    finally:
        torch.set_rng_state(random)
        network.train(was_training)
    wanted = (TRIED_WITH, classes)
    if not isinstance(logits, Tensor) or tuple(logits.shape) != wanted:
        given = type(logits).__name__
        if isinstance(logits, Tensor):
            given = "×".join(map(str, logits.shape)) or "a single number"
        raise NetworkError(
            "{path}: the network must give logits, {images}×{classes} for {images} images and "
            "{classes} classes; it gives {given}.",
            path=path,
            images=TRIED_WITH,
            classes=classes,
            given=given,
        )


# --- its layers ------------------------------------------------------------------------


def own_layers(experiment: Experiment, classes: int) -> Sequence[Layer]:
    """Return the modules of the experiment's own network in the order in which they run, as layers;
    none where it cannot be built. Draws no random number."""
    own = _own(experiment)
    fields = tuple(getattr(experiment, name) for name in own.fields)
    return _layers(experiment, classes, own.path, _version(own.path), fields)


_kept: dict[tuple[object, ...], Sequence[Layer]] = {}


def _layers(
    experiment: Experiment, classes: int, path: Path, version: int, fields: tuple[object, ...]
) -> Sequence[Layer]:
    key = (path, version, classes, fields)
    if key not in _kept:
        try:
            with torch.device("meta"):
                _kept[key] = _traced(build_own(experiment, classes))
        except Exception:  # said when it is to be trained
            _kept[key] = ()
    return _kept[key]


def _traced(network: nn.Module) -> Sequence[Layer]:
    layers: list[Layer] = []
    seen: set[int] = set()

    def note(module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        if isinstance(output, Tensor) and inputs and isinstance(inputs[0], Tensor):
            layers.append(_layer(module, inputs[0], output, id(module) not in seen))
            seen.add(id(module))

    leaves = [module for module in network.modules() if not list(module.children())]
    hooks = [leaf.register_forward_hook(note) for leaf in leaves]
    try:
        with torch.no_grad():
            network.eval()(torch.zeros(TRIED_WITH, *IMAGE, device="meta"))
    finally:
        for hook in hooks:
            hook.remove()
    trained, others = _numbers(network)
    trained -= sum(layer.parameters for layer in layers)
    others -= sum(layer.buffers for layer in layers)
    if trained or others or not layers:  # what no such module has
        end = layers[-1].outputs if layers else IMAGE
        name = type(network).__name__
        layers.append(Layer("other", "", end, end, name=name, numbers=(trained, others)))
    return layers


_KINDS: dict[type[nn.Module], LayerKind] = {
    nn.ReLU: "relu",
    nn.LeakyReLU: "leaky_relu",
    nn.GELU: "gelu",
    nn.Flatten: "flatten",
}


def _layer(module: nn.Module, before: Tensor, after: Tensor, first: bool) -> Layer:
    inputs, outputs = tuple(before.shape[1:]), tuple(after.shape[1:])
    if type(module) in _KINDS:
        return Layer(_KINDS[type(module)], "", inputs, outputs)
    if isinstance(module, nn.Dropout | nn.Dropout2d):
        return Layer("dropout", "", inputs, outputs, module.p)
    operations = 0
    weight = getattr(module, "weight", None)
    if isinstance(module, nn.Conv2d) and isinstance(weight, Tensor):
        operations = weight.numel() * after.shape[-1] * after.shape[-2]
    elif isinstance(module, nn.Linear) and isinstance(weight, Tensor):
        operations = weight.numel() * (after[0].numel() // max(after.shape[-1], 1))
    # A module that runs twice has its numbers once.
    numbers = _numbers(module) if first else (0, 0)
    name = type(module).__name__
    return Layer("other", "", inputs, outputs, name=name, numbers=numbers, operations=operations)


def _numbers(module: nn.Module) -> tuple[int, int]:
    trained = sum(p.numel() for p in module.parameters() if p.requires_grad)
    fixed = sum(p.numel() for p in module.parameters() if not p.requires_grad)
    return trained, fixed + sum(buffer.numel() for buffer in module.buffers())
