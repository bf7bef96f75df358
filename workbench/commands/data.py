"""The data on this machine, and the download of CIFAR-10."""

from __future__ import annotations

import argparse
import sys

from workbench import paths
from workbench.commands.options import DONE, AddCommand
from workbench.commands.output import print_json
from workbench.commands.terminal import Bars, signals_stop, tell
from workbench.data.data_choice import choose_data, find_cifar10
from workbench.engine.control import RunControl


def register(command: AddCommand) -> None:
    """Add what this file does to the command line."""
    parser = command(
        "data",
        show_or_download,
        "Show which data are on this machine, or download CIFAR-10.",
        "cifar-workbench data download",
    )
    parser.add_argument("action", nargs="?", choices=["download"], help="get CIFAR-10 (170 MB)")


def show_or_download(options: argparse.Namespace) -> int:
    if options.action == "download":
        from workbench.data.download import download_cifar10

        control = RunControl()
        with signals_stop(control, sys.stderr), Bars(sys.stderr, sys.stderr) as bars:
            place = download_cifar10(bars.show, lambda: control.stopping)
        if options.json:
            print_json({"cifar10": str(place)})
        else:
            tell(f"CIFAR-10 is in {place}.")
        return DONE
    found = find_cifar10()
    choice = choose_data(None)
    if options.json:
        print_json(
            {
                "cifar10": str(found) if found else None,
                "default": choice.kind,
                "reason": str(choice.reason),
                "data": str(paths.data()),
                "cache": str(paths.cache()),
            }
        )
        return DONE
    tell(choice.reason)
    tell(f"Downloads go to {paths.data()}, decoded folders of images to {paths.cache()}.")
    return DONE
