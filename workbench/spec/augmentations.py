"""Augmentations of training images, declared; :mod:`workbench.engine.augmentation` has them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workbench.spec.registry import Choice, Registry

if TYPE_CHECKING:
    from workbench.spec.experiment import Experiment


@dataclass(frozen=True)
class Augmentation(Choice):
    """An augmentation. Its name is the field of the experiment that turns it on.

    Args:
        used: ``used(experiment)``: true where it changes images.
        draw: ``draw(experiment, images, epoch, random)``, or where it is, as
            ``"package.module:name"``: what it does to each of ``images`` training images in
            ``epoch``, counted from 1, an integer tensor (``images``, numbers) on the CPU, drawn
            from the ``torch.Generator`` ``random``.
        apply: ``apply(experiment, pixels, drawn, fill)``, or where it is: a batch of images, uint8
            (N, 32, 32, 3), changed as the rows of ``drawn`` (N, numbers) say, on any device,
            without a wait for it. ``fill``, uint8 (3,), is the color that is 0 to the network.
    """

    used: Callable[[Experiment], bool] = lambda experiment: False
    draw: Callable[..., Any] | str = ""
    apply: Callable[..., Any] | str = ""


_IN = "workbench.engine.augmentation"

AUGMENTATIONS: Registry[Augmentation] = Registry(
    Augmentation(
        "flip",
        "Flip",
        used=lambda e: e.flip != "none",
        draw=f"{_IN}:draw_flips",
        apply=f"{_IN}:flip",
    ),
    Augmentation(
        "crop_padding",
        "Crop padding",
        used=lambda e: e.crop_padding > 0,
        draw=f"{_IN}:draw_shifts",
        apply=f"{_IN}:crop",
    ),
    Augmentation(
        "cutout",
        "Cutout",
        used=lambda e: e.cutout > 0,
        draw=f"{_IN}:draw_centers",
        apply=f"{_IN}:cut_out",
    ),
)
"""In the order in which they change an image."""


def augmentations(experiment: Experiment) -> list[Augmentation]:
    """Return those that the experiment uses, in their order."""
    return [
        augmentation for augmentation in AUGMENTATIONS.values() if augmentation.used(experiment)
    ]
