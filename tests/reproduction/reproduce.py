"""Measures the presets on the real images: one table and the curves that ship.

    python tests/reproduction/reproduce.py run --dataset ~/cifar10-jpeg --library RUNS 001 003 009
    python tests/reproduction/reproduce.py run --dataset ~/cifar10-jpeg --library RUNS --seeds 3 012
    python tests/reproduction/reproduce.py collect --library RUNS
    python tests/reproduction/reproduce.py originals --library RUNS
    python tests/reproduction/reproduce.py test-images mlp_weight_009.pkl --dataset ~/cifar10-jpeg

`run` trains each preset as the report ran it (`--declared`: as it declared it), with the seeds 0 to
N-1 (`--seeds N`); what is finished in the library, or trained there by another process, is left
out, and what was broken off goes on from its checkpoint, so that the same command goes on where it
was stopped. `--set` asks a question beside it, such
as `--set normalization=none`. `originals` is `run` on the published CIFAR-10 where it is at hand
(three seeds of 001, 003, 008 and 009, beside those on JPEG files: about 6 hours on a core).
`collect` takes over what it finds in a library, whoever trained it.

All three write `tests/reproduction/results.csv`, one row for each run on data that may be compared
with the report, and `presets/curves.json`. Rows of other libraries stay. `test-images` measures
what it is worth that the running statistics of batch norm take in the test images, from the weights
of one run, and writes `tests/reproduction/test_images.csv`.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from workbench import atomic
from workbench.commands.terminal import Bars, signals_stop
from workbench.data.data_choice import choose_data
from workbench.engine.control import RunControl
from workbench.library.catalog import Library
from workbench.library.run_folder import RunRecord, has_checkpoint, read_epochs, read_losses
from workbench.messages import WorkbenchError
from workbench.spec import expected
from workbench.spec.altered_data import ALTERED, is_comparable
from workbench.spec.expected import alike_until, binomial_error
from workbench.spec.experiment import (
    Experiment,
    differences,
    experiment_from,
    parse_assignments,
    plain_value,
    tests_otherwise,
    with_changes,
)
from workbench.spec.presets import Preset, find_preset, list_presets
from workbench.streams import Unbreakable

HERE = Path(__file__).parent
RESULTS = HERE / "results.csv"
TEST_IMAGES = HERE / "test_images.csv"
CURVES = HERE.parents[1] / "presets" / "curves.json"

PRINTED = (0, 1000, 2000, 3000)
"""Iterations of an epoch whose loss the report printed."""

OPEN_QUESTIONS = {
    "normalization",
    "scheduler",
    "eval_after_first_step",
    "test_images_in_batch_norm",
}
"""What the report leaves open: a run that differs from its preset in nothing else stands beside
the reported figure."""

COMPRESSED_AGAIN = "images=compressed_again"
"""What is changed in a run on images out of `compress_again.py`, which the program knows by their
fingerprint. It answers a question, and is no reproduction."""

ON_ORIGINALS = ("001", "003", "008", "009")
"""Presets that tell what saving the images as JPEG files costs: those with several seeds there, and
those that lie below the report."""

COLUMNS = [
    "preset",
    "ran",
    "overrides",
    "seed",
    "from",
    "epochs_done",
    "epochs",
    "state",
    "reported",
    "measured",
    "difference",
    "binomial_error",
    "last_epoch_accuracy",
    "test_mode",
    "mean_loss",
    "losses",
    "seconds",
    "device",
    "device_name",
    "threads",
    "torch",
    "data",
    "fingerprint",
    "date",
]
KEY = ("preset", "overrides", "seed", "device_name", "fingerprint")
"""What makes two rows the same measurement."""


# --- what is to be measured --------------------------------------------------------------


def wanted(preset: Preset, declared: bool, changes: dict[str, Any], seed: int) -> Experiment:
    start = preset.experiment if declared or preset.as_run is None else preset.as_run
    return with_changes(start, {**changes, "seed": seed})


def found(records: list[RunRecord], experiment: Experiment, fingerprint: str) -> RunRecord | None:
    """The run of ``experiment`` on these data that got furthest; ``None`` where there is none."""
    same = [
        record
        for record in records
        if record.data.get("fingerprint") == fingerprint and experiment_of(record) == experiment
    ]
    return max(same, key=lambda r: (r.status == "finished", r.epochs_done), default=None)


def experiment_of(record: RunRecord) -> Experiment | None:
    try:
        return experiment_from(record.experiment)
    except WorkbenchError:
        return None


def run(options: argparse.Namespace) -> int:
    from workbench.data.datasets import load_data
    from workbench.running.runner import resume_run, run_experiment

    library, choice = Library(options.library), choose_data(options.dataset)
    control, errors = RunControl(), Unbreakable(sys.stderr)
    changes = parse_assignments(options.changes)
    presets = [find_preset(name) for name in options.presets] or of_the_report()
    failed = 0
    with signals_stop(control, errors), Bars(errors, errors) as bars:
        info = load_data(choice, bars.show, lambda: control.stopping).info
        # A seed of all presets first, so that there is something of each early on.
        for seed in range(options.first_seed, options.first_seed + options.seeds):
            for preset in presets:
                experiment = wanted(preset, options.declared, changes, seed)
                what = f"{preset.id}, seed {seed}"
                before = found(library.runs(), experiment, info.fingerprint)
                if before and before.status in ("finished", "running"):
                    print(f"{what}: {before.status}, {before.folder}", file=errors)
                    continue
                where: dict[str, Any] = {"data": choice, "device": options.device}
                where["threads"] = options.threads
                if before and has_checkpoint(before.folder):
                    print(f"{what}: goes on after epoch {before.epochs_done}", file=errors)
                    end = resume_run(before.folder, library, bars.show, control, **where)
                else:
                    print(f"{what}: {experiment.epochs} epochs", file=errors)
                    end = run_experiment(
                        experiment,
                        library,
                        bars.show,
                        control,
                        preset=preset.id,
                        title=preset.title,
                        **where,
                    )
                print(f"{what}: {end.status} after {end.epochs_done} epochs", file=errors)
                failed += end.status == "failed"
                write(library.runs())
                if control.stopping:
                    return 130
    return 1 if failed else 0


def built_in() -> list[Preset]:
    return [p for p in list_presets() if isinstance(p, Preset) and p.built_in]


def of_the_report() -> list[Preset]:
    return [preset for preset in built_in() if not preset.beyond]


# --- the table ---------------------------------------------------------------------------


def rows_of(record: RunRecord) -> list[dict[str, Any]]:
    """The rows of the table that a run gives: none where it says nothing of the report, and more
    than one where another preset is the same experiment with fewer epochs (006 as run and 002)."""
    experiment, rows = experiment_of(record), read_epochs(record.folder)
    preset = next((p for p in built_in() if p.id == record.preset), None)
    known = is_comparable(record.data) or altered(record)
    if experiment is None or preset is None or not rows or not known:
        return []
    finished = record.status == "finished"
    # As the report took it: where it gives the accuracy in training mode apart, of the final test,
    # else after the last epoch. Apart from 008 the two are the same.
    final = is_final_test(preset)
    measured = record.accuracy if final else rows[-1]["accuracy"]
    made = [_row(record, preset, experiment, rows, finished, measured or 0.0)]
    for other in built_in():
        same = {"seed": experiment.seed, "normalization": experiment.normalization}
        shorter = with_changes(other.as_run or other.experiment, same)
        if goes_on_from(experiment, shorter) and shorter.epochs <= len(rows):
            first = rows[: shorter.epochs]
            row = _row(record, other, shorter, first, True, float(first[-1]["accuracy"]))
            made.append({**row, "from": f"epoch {shorter.epochs} of {preset.id}"})
    return made


def is_final_test(preset: Preset) -> bool:
    """True where the report's result is of the final test and not of the one after an epoch."""
    return preset.reported is not None and preset.reported.accuracy_train_mode is not None


def altered(record: RunRecord) -> bool:
    return record.data.get("fingerprint") in ALTERED


def goes_on_from(longer: Experiment, shorter: Experiment) -> bool:
    """Whether a run of ``longer`` passes through the end of one of ``shorter``, with the same
    numbers: where only the epochs differ, and the test after an epoch is the final test, which
    dropout and batch norm make two."""
    return (
        set(differences(longer, shorter)) == {"epochs"}
        and longer.epochs > shorter.epochs
        and not longer.dropout
        and not longer.batch_norm
    )


def _row(
    record: RunRecord,
    preset: Preset,
    experiment: Experiment,
    rows: list[dict[str, Any]],
    finished: bool,
    measured: float,
) -> dict[str, Any]:
    changes = {
        name: new
        for name, (_, new) in differences(preset.experiment, experiment).items()
        if new is not None and name != "seed"
    }
    reported_epochs = preset.epochs_run or preset.experiment.epochs
    compares = changes.keys() <= OPEN_QUESTIONS | {"epochs"} and experiment.epochs in (
        preset.experiment.epochs,
        reported_epochs,
    )
    reported = preset.reported
    epochs, last = len(rows), rows[-1]
    fingerprint = str(record.data.get("fingerprint", ""))[:16]
    overrides = [f"{name}={plain_value(value)}" for name, value in changes.items()]
    row: dict[str, Any] = {
        "preset": preset.id,
        "ran": "other" if altered(record) else ran(preset, experiment),
        "overrides": " ".join([*overrides, *([COMPRESSED_AGAIN] if altered(record) else [])]),
        "seed": experiment.seed,
        "from": "",
        "epochs_done": epochs,
        "epochs": experiment.epochs,
        "state": "finished" if finished else f"as far as epoch {epochs}",
        "measured": f"{measured:.2f}",
        "binomial_error": f"{binomial_error(measured, int(last['total'])):.2f}",
        "last_epoch_accuracy": f"{last['accuracy']:.2f}",
        "test_mode": last["test_mode"],
        "mean_loss": f"{last['loss']:.4f}",
        "losses": " ".join(f"{i}:{loss:.4f}" for i, loss in printed_losses(record, epochs).items()),
        "seconds": f"{sum(r['seconds'] + r['test_seconds'] for r in rows):.1f}",
        "device": record.device,
        "device_name": record.environment.get("device_name", ""),
        "threads": record.environment.get("cpu_threads", ""),
        "torch": record.environment.get("torch", ""),
        "data": record.data.get("name", ""),
        "fingerprint": fingerprint,
        "date": record.created[:10],
    }
    if compares and reported is not None:
        like = reported.accuracy
        if not finished and tests_otherwise(experiment.values()):
            like = reported.accuracy_train_mode or like  # what there is of it was taken so
        row["reported"] = f"{like:.2f}"
        if finished:
            row["difference"] = f"{measured - reported.accuracy:+.2f}"
    return row


def ran(preset: Preset, experiment: Experiment) -> str:
    """What a run was: the preset as run (also where it ran as declared), or as declared."""
    for name, one in (
        ("as run", preset.as_run or preset.experiment),
        ("as declared", preset.experiment),
    ):
        different = set(differences(one, experiment)) - {"seed"}
        if not different:
            return name
        if different == {"test_images_in_batch_norm"}:
            return f"{name}, without test images"  # the same but for the final test
    return "other"


def printed_losses(record: RunRecord, epoch: int) -> dict[int, float]:
    """The losses that the report's program would have printed in ``epoch``."""
    start = (epoch - 1) * record.steps_per_epoch
    losses = read_losses(record.folder)[start : start + record.steps_per_epoch]
    return {i: float(losses[i]) for i in PRINTED if i < len(losses)}


def _got_further(row: dict[str, Any], before: dict[str, Any]) -> bool:
    """Whether ``row`` replaces ``before``; a run of its own stays before part of another."""
    return (int(row["epochs_done"]), not row["from"]) >= (
        int(before["epochs_done"]),
        not before["from"],
    )


def merged(old: list[dict[str, Any]], new: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """All measurements, each once, in the row that got furthest."""
    rows: dict[tuple[str, ...], dict[str, Any]] = {}
    for row in [*old, *new]:
        key = tuple(str(row[name]) for name in KEY)
        if key not in rows or _got_further(row, rows[key]):
            rows[key] = row
    order = ("as run", "as declared", "other")
    return sorted(
        rows.values(),
        key=lambda r: (
            r["preset"],
            order.index(r["ran"].partition(",")[0]),
            r["overrides"],
            int(r["seed"]),
        ),
    )


def read_table(path: Path) -> list[dict[str, Any]]:
    try:
        return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))
    except FileNotFoundError:
        return []


def write_table(path: Path, columns: list[str], rows: list[dict[str, Any]]) -> None:
    text = io.StringIO()
    table = csv.DictWriter(text, fieldnames=columns, lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    atomic.write_text(path, text.getvalue())


def write(records: list[RunRecord]) -> None:
    """Table and curves, from what was there and from ``records``."""
    new = [row for record in records for row in rows_of(record)]
    write_table(RESULTS, COLUMNS, merged(read_table(RESULTS), new))
    write_curves(records)


# --- the curves --------------------------------------------------------------------------


def curve_of(record: RunRecord) -> dict[str, Any] | None:
    """The curve of a run as its preset was declared or run, from its first epoch on."""
    experiment, rows = experiment_of(record), read_epochs(record.folder)
    preset = next((p for p in built_in() if p.id == record.preset), None)
    if experiment is None or preset is None or not rows or not is_comparable(record.data):
        return None
    starts = [e for e in (preset.experiment, preset.as_run) if e is not None]
    if not any(alike_until(start, experiment) >= len(rows) for start in starts):
        return None
    final = record.accuracy if is_final_test(preset) and record.status == "finished" else None
    return {
        "preset": preset.id,
        "experiment": experiment.values(),
        "data": record.data.get("name", ""),
        "fingerprint": str(record.data.get("fingerprint", ""))[:16],
        "device": record.environment.get("device_name", ""),
        "threads": record.environment.get("cpu_threads"),
        "torch": record.environment.get("torch", ""),
        "date": record.created[:10],
        "loss": [round(row["loss"], 4) for row in rows],
        "accuracy": [round(row["accuracy"], 2) for row in rows],
        **({} if final is None else {"final": round(final, 2)}),
    }


def write_curves(records: list[RunRecord]) -> None:
    try:
        old = json.loads(CURVES.read_text(encoding="utf-8"))["curves"]
    except FileNotFoundError:
        old = []
    curves: dict[str, dict[str, Any]] = {}
    for curve in [*old, *filter(None, map(curve_of, records))]:
        # Read anew, as one that was written before a field came has it not.
        curve["experiment"] = experiment_from(curve["experiment"]).values()
        what = {k: v for k, v in curve["experiment"].items() if k != "epochs"}
        key = json.dumps([curve["preset"], what, curve["device"], curve["fingerprint"]])
        if key not in curves or len(curve["loss"]) >= len(curves[key]["loss"]):
            curves[key] = curve
    lines = (json.dumps(curves[key], ensure_ascii=False) for key in sorted(curves))
    body = ",\n".join(lines)
    atomic.write_text(CURVES, f'{{"format": {expected.FORMAT}, "curves": [\n{body}\n]}}\n')


def collect(options: argparse.Namespace) -> int:
    records, problems = Library(options.library).read()
    for problem in problems:
        print(problem, file=sys.stderr)
    write(records)
    print_table(read_table(RESULTS))
    return 0


def print_table(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        print(
            f"{row['preset']}  {row['ran']:<29}  seed {row['seed']}  {row['state']:<18}  "
            f"measured {row['measured']:>5}  reported {row['reported'] or '-':>5}  "
            f"{row['difference'] or '-':>6}  {row['overrides']}"
        )


# --- test images in batch norm -------------------------------------------------------------


def test_images(options: argparse.Namespace) -> int:
    """What a test in training mode does to the final test of weights with batch norm, for several
    draws of dropout and sizes of the test batch.

    The running statistics are first those of as many training images, in a random order: batch
    norm's momentum of 0.1 forgets within fifty batches or so which ones the weights came with. Then
    a test in training mode moves them on.
    """
    import torch

    from workbench.data.datasets import load_data
    from workbench.engine.devices import choose_device
    from workbench.engine.evaluation import evaluate, evaluate_in_training_mode
    from workbench.engine.steps import pixel_scaling
    from workbench.library.weights import build_from, load_weights

    weights = load_weights(options.weights)
    device = choose_device(options.device)
    data = load_data(choose_data(options.dataset), lambda p: None, lambda: False)
    data = data.to(device.device)
    experiment = with_changes(
        weights.experiment, {"test_mode": "train", "test_images_in_batch_norm": True}
    )
    scaling = pixel_scaling(experiment, data)

    def in_training_mode(seen: Any, batch_size: int, draw: int) -> float:
        test, _ = evaluate_in_training_mode(
            network,
            seen,
            scaling,
            with_changes(experiment, {"batch_size": batch_size}),
            draw,
            lambda: None,
            lambda p: None,
            moves_statistics=True,
        )
        return test.accuracy

    def final() -> float:
        return evaluate(network, data, scaling, lambda: None, lambda p: None)[0].accuracy

    rows = []
    for draw in range(options.draws):
        generator = torch.Generator().manual_seed(draw)
        order = torch.randperm(len(data.train_labels), generator=generator)
        order = order[: len(data.test_labels)].to(device.device)
        training = replace(
            data, test_images=data.train_images[order], test_labels=data.train_labels[order]
        )
        for batch_size in options.batch_sizes or [experiment.batch_size]:
            network = build_from(load_weights(options.weights)).to(device.device)
            in_training_mode(training, experiment.batch_size, draw)
            before = final()
            curve = in_training_mode(data, batch_size, draw)
            after = final()
            rows.append(
                {
                    "preset": weights.preset,
                    "seed": experiment.seed,
                    "epochs": weights.metrics.get("epoch"),
                    "test_batch": batch_size,
                    "draw": draw,
                    "statistics_of_training_images": f"{before:.2f}",
                    "statistics_of_test_images": f"{after:.2f}",
                    "difference": f"{after - before:+.2f}",
                    "training_mode": f"{curve:.2f}",
                    "device_name": device.name,
                    "data": data.info.name,
                    "fingerprint": data.info.fingerprint[:16],
                }
            )
    key = ("preset", "seed", "epochs", "test_batch", "draw", "fingerprint")
    kept = {tuple(str(r[name]) for name in key): r for r in [*read_table(TEST_IMAGES), *rows]}
    numbers = ("seed", "epochs", "test_batch", "draw")
    ordered = sorted(
        kept.values(), key=lambda r: (r["preset"], *(int(r[name]) for name in numbers))
    )
    write_table(TEST_IMAGES, list(rows[0]), ordered)
    for row in ordered:
        print(*(row[name] for name in list(rows[0])[:9]))
    return 0


# --- command line ------------------------------------------------------------------------


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(required=True)
    one = commands.add_parser("run", help="train what is missing, then write table and curves")
    one.set_defaults(action=run)
    one.add_argument("presets", nargs="*", metavar="PRESET", help="default: the report's eleven")
    one.add_argument("--dataset", required=True, metavar="PATH", help="as in cifar-workbench train")
    four = commands.add_parser("originals", help="the same on the published images")
    four.set_defaults(action=run, dataset="cifar10")
    four.add_argument(
        "presets",
        nargs="*",
        metavar="PRESET",
        default=ON_ORIGINALS,
        help=f"default: {' '.join(ON_ORIGINALS)}",
    )
    for sub, seeds in ((one, 1), (four, 3)):
        sub.add_argument("--seeds", type=int, default=seeds, metavar="N", help=f"default: {seeds}")
        sub.add_argument("--first-seed", type=int, default=0, metavar="N", help="default: 0")
        sub.add_argument("--declared", action="store_true", help="as declared, not as run")
        sub.add_argument("--set", dest="changes", action="append", default=[], metavar="KEY=VALUE")
        sub.add_argument("--threads", type=int, metavar="N", help="threads of the CPU")
    two = commands.add_parser("collect", help="write table and curves from a library")
    two.set_defaults(action=collect)
    for sub in (one, two, four):
        sub.add_argument("--library", type=Path, required=True, metavar="DIR")
    three = commands.add_parser("test-images", help="what test images in batch norm are worth")
    three.set_defaults(action=test_images)
    three.add_argument("weights", type=Path, metavar="WEIGHTS", help="with batch norm")
    three.add_argument("--dataset", required=True, metavar="PATH")
    three.add_argument("--draws", type=int, default=5, metavar="N", help="default: 5")
    three.add_argument(
        "--batch-sizes", type=int, nargs="+", metavar="N", help="of the test; default: the run's"
    )
    for sub in (one, three, four):
        sub.add_argument("--device", default="auto", metavar="D", help="default: auto")
    options = parser.parse_args(arguments)
    try:
        return options.action(options)
    except WorkbenchError as error:
        print(error, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
