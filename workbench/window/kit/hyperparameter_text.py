"""Hyperparameters in words: values, limits, what an experiment trains in short, what changes."""

from __future__ import annotations

import html
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from workbench.plain_text import shortened, visible
from workbench.spec.augmentations import augmentations
from workbench.spec.experiment import HYPERPARAMETERS, Experiment, Hyperparameter, differences
from workbench.spec.layers import Layer
from workbench.window.kit.translation import tr


def number_text(value: float) -> str:
    """``0.00001``, ``10``, ``1e-9``: as a person would type it; reads back as ``value``."""
    text = repr(value)
    if isinstance(value, int) or text in ("inf", "-inf", "nan"):
        return text
    if value == 0 or 1e-7 <= abs(value) < 1e12:
        plain = format(Decimal(text), "f")
        return plain.rstrip("0").rstrip(".") if "." in plain else plain
    mantissa, _, exponent = text.partition("e")
    return f"{mantissa.removesuffix('.0')}e{int(exponent)}"


def value_text(parameter: Hyperparameter, value: Any) -> str:
    """A value as it is read, not typed: ``Leaky ReLU``, ``on``, ``50,000``."""
    if parameter.kind == "choice":
        return tr(parameter.choices.get(value, str(value)))
    if parameter.kind == "bool":
        return tr("on") if value else tr("off")
    if isinstance(value, str):  # a list of numbers
        return value
    return f"{value:,}" if isinstance(value, int) else number_text(value)


def limits_text(parameter: Hyperparameter) -> str:
    """``1 to 50,000 images``, ``greater than 0, 10 or less``; empty where there are none."""
    low, high = (
        None
        if limit is None
        else (f"{limit:,.0f}" if parameter.kind == "int" else number_text(float(limit)))
        for limit in (parameter.minimum, parameter.maximum)
    )
    if low and high and not (parameter.minimum_excluded or parameter.maximum_excluded):
        text = tr("{low} to {high}").format(low=low, high=high)
    else:
        parts = []
        if low:
            template = (
                tr("greater than {limit}") if parameter.minimum_excluded else tr("{limit} or more")
            )
            parts.append(template.format(limit=low))
        if high:
            template = (
                tr("less than {limit}") if parameter.maximum_excluded else tr("{limit} or less")
            )
            parts.append(template.format(limit=high))
        text = ", ".join(parts)
    return f"{text} {tr(parameter.unit)}" if text and parameter.unit else text


def summaries(experiment: Experiment) -> list[str]:
    """Return what it trains in short, from ``Adam 0.0001 · BN · dropout 0.2 · step 20 ×0.2 · 30
    epochs`` down to what a narrow place has room for."""
    optimizer = value_text(HYPERPARAMETERS["optimizer"], experiment.optimizer)
    network = [f"{optimizer} {number_text(experiment.learning_rate)}"]
    if experiment.batch_norm:
        network.append(tr("BN"))
    if experiment.dropout:
        network.append(tr("dropout {share}").format(share=number_text(experiment.dropout)))
    schedule = []
    if experiment.scheduler not in ("none", "step"):
        schedule.append(value_text(HYPERPARAMETERS["scheduler"], experiment.scheduler))
    if experiment.scheduler == "step":
        schedule.append(
            tr("step {epochs} ×{factor}").format(
                epochs=experiment.step_size, factor=number_text(experiment.gamma)
            )
        )
    used = [HYPERPARAMETERS[one.name].label for one in augmentations(experiment)]
    schedule += [tr(label) for label in used]
    epochs = [epochs_text(experiment.epochs)]
    return [" · ".join(parts) for parts in (network + schedule + epochs, network + epochs, network)]


def size_text(layers: Sequence[Layer], short: bool = False) -> str:
    """``434,294 parameters · 10.3 M multiply-adds an image``; empty where there are no layers.
    ``short``: in millions, for a narrow place."""
    if not layers:
        return ""
    parameters = sum(layer.parameters for layer in layers)
    operations = sum(layer.multiply_adds for layer in layers) / 1e6
    if short:
        return tr("{parameters} M parameters · {operations} M mult-adds").format(
            parameters=f"{parameters / 1e6:,.2f}", operations=f"{operations:,.0f}"
        )
    return tr("{parameters} parameters · {operations} M multiply-adds an image").format(
        parameters=f"{parameters:,}", operations=f"{operations:,.1f}"
    )


def epochs_text(count: int) -> str:
    """``30 epochs``."""
    return tr("1 epoch") if count == 1 else tr("{count} epochs").format(count=f"{count:,}")


def changes_text(before: Experiment, after: Experiment) -> str:
    """``Learning rate 0.001 → 0.0001 · Epochs 100 → 30``; empty where nothing differs.

    A field that only ``after`` has stands with its value alone; one that only ``before`` has is
    left out, as the change that took it away is named.
    """
    parts = []
    for name, (old, new) in differences(before, after).items():
        parameter = HYPERPARAMETERS[name]
        if new is None:
            continue
        values = [value_text(parameter, value) for value in (old, new) if value is not None]
        parts.append(f"{tr(parameter.label)} {' → '.join(values)}")
    return " · ".join(parts)


def button_text(text: object) -> str:
    """Words out of a file for a button or a menu, where Qt takes an ampersand for the mark of a
    shortcut: in one line, and not longer than a menu is wide."""
    return shortened(text).replace("&", "&&")


def tooltip(*paragraphs: str) -> str:
    """A tooltip of plain paragraphs (empty ones left out). As rich text, since Qt wraps only
    that."""
    shown = (html.escape(visible(text, keep="\n"), quote=False) for text in paragraphs if text)
    return "".join(f"<p>{text}</p>" for text in shown)
