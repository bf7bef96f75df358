"""``cifar-workbench predict``: what weights say of images of a person's own."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np

from workbench.commands.options import AddCommand, add_device
from workbench.commands.output import print_json, text_table
from workbench.commands.terminal import tell
from workbench.data.image_file import read_image_file
from workbench.messages import WorkbenchError
from workbench.path_text import shown

SHOWN = 3
"""Classes that are printed for each image; ``--json`` has them all."""


def register(command: AddCommand) -> None:
    """Add what this file does to the command line."""
    parser = command(
        "predict",
        predict,
        "Classify images of your own with saved weights.",
        "cifar-workbench predict mlp_weight_007.pkl cat.jpg",
    )
    parser.add_argument("weights", metavar="WEIGHTS", type=Path, help="a .pkl file")
    parser.add_argument(
        "images", metavar="IMAGE", type=Path, nargs="+", help="any size; scaled to 32x32"
    )
    parser.add_argument(
        "--fit",
        choices=["crop", "whole"],
        default="crop",
        help="what is taken of an image that is not square: crop (the default) takes the square "
        "in its middle; whole squeezes all of it into the square, as is done with the images of "
        "a data folder",
    )
    add_device(parser)


def predict(options: argparse.Namespace) -> int:
    images, problems = [], {}
    for path in options.images:
        try:
            images.append((path, read_image_file(path, fit=options.fit)))
        except WorkbenchError as error:
            problems[path] = error
            tell(error, file=sys.stderr)
    if not images:
        if options.json:
            print_json([{"image": shown(p), "problem": str(e)} for p, e in problems.items()])
        return 2

    from workbench.running.inference import predict_images  # torch takes a second or two to import

    outcome = predict_images(
        options.weights, np.stack([pixels for _, pixels in images]), device=options.device
    )
    for note in outcome.notes:
        tell(note, file=sys.stderr)
    rows = iter(outcome.probabilities)
    results: list[dict[str, Any]] = []
    for path in options.images:
        if path in problems:
            results.append({"image": shown(path), "problem": str(problems[path])})
            continue
        row = next(rows)
        best = int(row.argmax())
        results.append(
            {
                "image": shown(path),
                "predicted": outcome.classes[best],
                "probability": float(row[best]),
                "probabilities": dict(zip(outcome.classes, map(float, row), strict=True)),
                "problem": None,
            }
        )
    if options.json:
        print_json(results)
    else:
        _print(results)
        tell(
            "The network sees 32x32 pixels of each image, and always chooses one of its classes, "
            "even for an image of something else."
        )
    return 2 if problems else 0


def _print(results: list[dict[str, Any]]) -> None:
    for result in results:
        if result["problem"]:
            continue
        tell(result["image"])
        ranked = sorted(result["probabilities"].items(), key=lambda item: -item[1])[:SHOWN]
        tell(*text_table([(name, f"{100 * share:.2f}%") for name, share in ranked], "  "))
