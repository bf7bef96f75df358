"""Everything that is known of a run, as rows of label and value."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from workbench.data.data_choice import is_sample
from workbench.library.run_folder import RunRecord
from workbench.messages import WorkbenchError
from workbench.path_text import from_text, shown
from workbench.plain_text import visible
from workbench.spec.altered_data import is_comparable
from workbench.spec.experiment import HYPERPARAMETERS, differences, experiment_from
from workbench.spec.layers import Layer
from workbench.spec.networks import network_layers
from workbench.spec.presets import Preset, preset_with_id
from workbench.window.kit.hyperparameter_text import (
    epochs_text,
    number_text,
    size_text,
    value_text,
)
from workbench.window.kit.translation import say, tr
from workbench.words.figures import duration, local_time, percent
from workbench.words.left_out import left_out_lines
from workbench.words.status import status_word


@dataclass(frozen=True)
class Row:
    """``kind`` is ``"heading"`` (no value), ``"plain"``, or ``"changed"`` for a hyperparameter
    that is not its preset's."""

    label: str
    value: str = ""
    kind: Literal["heading", "plain", "changed"] = "plain"


def rows_of(record: RunRecord, preset: Preset | None) -> list[Row]:
    """The table of ``record``; ``preset`` is what it was started from, where that is known."""
    return [
        Row(tr("Run"), kind="heading"),
        *_run(record, preset),
        Row(tr("Results"), kind="heading"),
        *_results(record),
        Row(tr("Hyperparameters"), kind="heading"),
        *_hyperparameters(record, preset),
        *_network(record),
        Row(tr("Data"), kind="heading"),
        *_data(record.data, record.experiment.get("validation_share")),
        Row(tr("Environment"), kind="heading"),
        *_environment(record),
        Row(tr("Files"), kind="heading"),
        *_files(record),
    ]


def _run(record: RunRecord, preset: Preset | None) -> list[Row]:
    if record.preset is None:
        started = tr("none")
    elif preset is None:
        started = tr("{id}, which is no longer there").format(id=record.preset)
    else:
        started = f"{preset.id} {tr(preset.title)}"
    return [
        Row(tr("Name"), visible(record.name or tr(record.title) or record.id)),
        Row(tr("Preset"), started),
        Row(tr("Started"), local_time(record.created)),
        Row(tr("Folder"), str(record.folder)),
    ]


def _results(record: RunRecord) -> list[Row]:
    rows = [Row(tr("Status"), say(status_word(record.status)))]
    if record.why is not None:
        rows.append(Row(tr("Reason"), say(record.why)))
    template = (
        tr("{done} of {total}, ended early") if record.ended_early else tr("{done} of {total}")
    )
    epochs = template.format(done=f"{record.epochs_done:,}", total=f"{record.epochs:,}")
    rows.append(Row(tr("Epochs"), epochs))
    sample = record.is_sample
    if record.status == "finished":
        how = tr("final test in evaluation mode")
    elif record.experiment.get("test_mode", "eval") == "train":
        how = tr("after epoch {epoch}, in training mode").format(epoch=record.epochs_done)
    else:
        how = tr("after epoch {epoch}, in evaluation mode").format(epoch=record.epochs_done)
    if record.averaged:
        how += ", " + tr("averaged weights (EMA)")
    if record.mirrored:
        how += ", " + tr("mean of each image and its mirror image")
    rows.append(Row(tr("Test accuracy"), _accuracy(record.accuracy, how, sample)))
    if record.best_epoch is not None:
        rows += _best(record, sample)
    rows.append(Row(tr("Time, tests included"), duration(record.seconds, tr)))
    return rows


def _best(record: RunRecord, sample: bool) -> list[Row]:
    validation = record.best_validation_accuracy
    if validation is None:
        # Whoever picks the best of many tests by the test set reads a flattering figure; in
        # training mode it is beside that of another kind than the final test's.
        chosen = (
            tr("in training mode, selected on the test set")
            if record.tested_otherwise
            else tr("selected on the test set: optimistic")
        )
        return [
            Row(tr("Best epoch"), f"{record.best_epoch:,}"),
            Row(tr("Accuracy of the best epoch"), _accuracy(record.best_accuracy, chosen, sample)),
        ]
    chosen = tr("{epoch}, selected on the validation split").format(epoch=f"{record.best_epoch:,}")
    by, test = tr("used to select it"), tr("not used to select it")
    if record.tested_otherwise:
        by, test = f"{tr('in training mode')}, {by}", f"{tr('in training mode')}, {test}"
    return [
        Row(tr("Best epoch"), chosen),
        Row(tr("Validation accuracy of the best epoch"), _accuracy(validation, by, sample)),
        Row(tr("Test accuracy of the best epoch"), _accuracy(record.best_accuracy, test, sample)),
    ]


def _accuracy(accuracy: float | None, how: str, sample: bool) -> str:
    if accuracy is None or not math.isfinite(accuracy):
        return "—"
    return ", ".join([percent(accuracy), how, *([tr("sample data")] if sample else [])])


def _hyperparameters(record: RunRecord, preset: Preset | None) -> list[Row]:
    values = record.experiment
    before: dict[str, Any] = {}
    if preset is not None:
        try:
            changes = differences(preset.experiment, experiment_from(values))
            before = {name: old for name, (old, _) in changes.items()}
        except WorkbenchError:
            pass  # written by another version: shown as it is, compared with nothing
    rows = []
    for name, parameter in HYPERPARAMETERS.items():
        if name not in values and name not in before:
            continue
        value = _value(name, values.get(name))
        if name in before and preset is not None:
            value = tr("{value}, changed; in {preset}: {other}").format(
                value=value, preset=preset.id, other=_value(name, before[name])
            )
        rows.append(Row(tr(parameter.label), value, "changed" if name in before else "plain"))
    rows += [Row(name, str(value)) for name, value in values.items() if name not in HYPERPARAMETERS]
    return rows


def layers_of(record: RunRecord) -> Sequence[Layer]:
    """Return the layers of the run's network; none where they are not known."""
    try:
        classes = len(record.data.get("classes") or ()) or 10
        return network_layers(experiment_from(record.experiment), classes)
    except WorkbenchError:
        return ()


def _network(record: RunRecord) -> list[Row]:
    size = size_text(layers_of(record))
    return [Row(tr("Size of the network"), size)] if size else []


def _value(name: str, value: Any) -> str:
    parameter = HYPERPARAMETERS[name]
    if value is None:
        return tr("no effect")
    if name == "seed":
        return str(value)  # an identifier, not an amount
    if parameter.unit == "epochs" and type(value) is int:
        return epochs_text(value)
    text = value_text(parameter, value)
    return f"{text} {tr(parameter.unit)}" if parameter.unit else text


def _data(data: dict[str, Any], share: Any) -> list[Row]:
    name = str(data.get("name") or "—")
    if is_sample(data):
        name = tr("Sample data, made by the program")
    classes = list(data.get("classes") or ())
    listed = ", ".join(map(str, classes[:20])) + (", …" if len(classes) > 20 else "")
    rows = [
        Row(tr("Data set"), name),
        Row(tr("Training images"), _training_images(data, share)),
        Row(tr("Test images"), _count(data.get("test_images"))),
        Row(tr("Classes"), f"{len(classes):,}: {listed}" if classes else "—"),
        Row(tr("Fingerprint"), str(data.get("fingerprint") or "—")[:12]),
        Row(
            tr("Comparable with the report"),
            tr("yes") if is_comparable(data) else tr("no"),
        ),
    ]
    if data.get("path"):
        rows.append(Row(tr("Data folder"), shown(from_text(str(data["path"])))))
    if data.get("skipped"):
        rows.append(Row(tr("Unreadable files left out"), _count(data["skipped"])))
    rows += [Row(tr("Left out"), line) for line in left_out_lines(data, tr)]
    return rows


def _training_images(data: dict[str, Any], share: Any) -> str:
    count = _count(data.get("train_images"))
    if not isinstance(share, float) or not share:
        return count
    text = tr("{count}, of which {share}% are kept for validation")
    return text.format(count=count, share=number_text(round(100 * share, 6)))


def _count(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else "—"


def _environment(record: RunRecord) -> list[Row]:
    labels = {
        "cifar_workbench": tr("CIFAR Workbench"),
        "device": tr("Device"),
        "device_name": tr("Device name"),
        "cpu_threads": tr("CPU threads"),
        "system": tr("System"),
        "python": "Python",
        "torch": "PyTorch",
        "cuda": "CUDA",
        "cudnn": "cuDNN",
    }
    facts = {"device": record.device, **record.environment}
    if record.threads_timed and "cpu_threads" in facts:
        speeds = ", ".join(f"{n}: {speed:g}" for n, speed in record.threads_timed.items())
        facts["cpu_threads"] = tr("{count} (timed, steps a second: {speeds})").format(
            count=facts["cpu_threads"], speeds=speeds
        )
    order = [name for name in labels if name in facts] + [n for n in facts if n not in labels]
    return [
        Row(labels.get(name, name), "—" if facts[name] is None else str(facts[name]))
        for name in order
    ]


def _files(record: RunRecord) -> list[Row]:
    none = tr("none yet") if record.status == "running" else tr("none")
    return [
        Row(tr("Weights"), record.weights or none),
        Row(tr("Weights of the best epoch"), record.best_weights or none),
    ]


def preset_of(record: RunRecord) -> Preset | None:
    """The preset that a run was started from, as it is now; ``None`` where it is gone."""
    if not record.preset:
        return None
    try:
        return preset_with_id(record.preset)
    except WorkbenchError:
        return None
