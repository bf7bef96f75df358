"""The presets, listed."""

from __future__ import annotations

import argparse

from workbench.commands.options import DONE, AddCommand
from workbench.commands.output import print_json
from workbench.commands.terminal import tell
from workbench.spec.augmentations import augmentations
from workbench.spec.experiment import HYPERPARAMETERS, differences, plain_value
from workbench.spec.presets import BrokenPreset, Preset, list_presets


def register(command: AddCommand) -> None:
    """Add what this file does to the command line."""
    command(
        "presets",
        list_all,
        "List the presets: what they train, and the accuracy reported for them.",
        "cifar-workbench presets",
    )


def list_all(options: argparse.Namespace) -> int:
    presets = list_presets()
    if options.json:
        print_json(
            [
                {
                    "id": p.id,
                    "title": None,
                    "experiment": None,
                    "as_run": None,
                    "reported": None,
                    "published": None,
                    "problem": str(p.problem),
                }
                if isinstance(p, BrokenPreset)
                else {
                    "id": p.id,
                    "title": p.title,
                    "experiment": p.experiment.values(),
                    "as_run": p.as_run.values() if p.as_run else None,
                    "reported": p.reported.model_dump() if p.reported else None,
                    "published": p.published.model_dump() if p.published else None,
                    "after": p.after or None,
                    "epochs_run": p.epochs_run,
                    "tried": p.tried,
                    "changed": p.changed,
                    "found": p.found,
                    "explained": p.explained,
                    "note": p.note,
                }
                for p in presets
            ]
        )
        return DONE
    tell("preset  reported  title")
    beyond = False
    for p in presets:
        if isinstance(p, Preset) and p.beyond and not beyond:
            beyond = True
            tell("Beyond the report:")
        if isinstance(p, BrokenPreset):
            tell(f"{p.id:<6}  cannot be read: {p.problem}")
            continue
        reported = f"{p.reported.accuracy:7.2f}%" if p.reported else f"{'':8}"
        e = p.experiment
        decay = f", times {e.gamma:g} every {e.step_size} epochs" if e.scheduler == "step" else ""
        if e.scheduler not in ("none", "step"):
            decay = f", {HYPERPARAMETERS['scheduler'].choices[e.scheduler].lower()}"
        unit = "epoch" if e.epochs == 1 else "epochs"
        extras = ["leaky ReLU"] * (e.activation == "leaky_relu")
        extras += ["batch norm"] * e.batch_norm + [f"dropout {e.dropout:g}"] * (e.dropout > 0)
        extras += [HYPERPARAMETERS[one.name].label.lower() for one in augmentations(e)]
        published = f" (published: {p.published.accuracy:g}%)" if p.published else ""
        tell(f"{p.id:<6}  {reported}  {p.title}{published}")
        tell(
            f"{'':18}{e.optimizer} {e.learning_rate:g}{decay}, {e.epochs} {unit}"
            + "".join(f", {extra}" for extra in extras)
        )
        if p.as_run:
            changes = differences(e, p.as_run).items()
            texts = [f"{name}={plain_value(new)}" for name, (_, new) in changes if new is not None]
            tell(f"{'':18}as actually run: {', '.join(texts)}")
    return DONE
