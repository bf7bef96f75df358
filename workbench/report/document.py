"""The document of chosen runs: what stands in it, in which order, and how it is written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from workbench import atomic, paths
from workbench.analysis.against_report import (
    VERDICTS,
    AgainstReport,
    ReportedFigure,
    against_report,
)
from workbench.analysis.chance import chance_sentence
from workbench.analysis.differences import (
    CHOSEN_ON,
    DATA_WORDS,
    ENVIRONMENT_WORDS,
    PERCENTAGES,
    differing_rows,
    distinct_names,
)
from workbench.analysis.metrics import (
    Predictions,
    calibration,
    per_class,
    read_predictions,
    top_k_accuracy,
)
from workbench.analysis.smoothing import Smoother, smoothed_steps, weight_for
from workbench.engine.run_state import EpochFigures
from workbench.library.run_folder import RunRecord, read_epochs, read_losses, read_test
from workbench.messages import Message, WorkbenchError
from workbench.report.blocks import (
    Block,
    Heading,
    Paragraph,
    Plot,
    Table,
    as_html,
    as_markdown,
)
from workbench.report.compared_plots import compared_plots
from workbench.report.network_picture import network_picture
from workbench.report.plots import (
    BEST,
    MEAN,
    REPORTED,
    STEPS,
    TEST,
    TRAINING,
    VALIDATION,
    Band,
    Level,
    Line,
    Series,
    plot,
    sampled,
    thinned,
)
from workbench.report.sweep_section import sweep_sections
from workbench.spec.experiment import HYPERPARAMETERS, Experiment, differences, experiment_from
from workbench.spec.networks import network_layers
from workbench.spec.presets import Preset, list_presets, preset_before, preset_with_id
from workbench.words.figures import percent
from workbench.words.layers import grouped
from workbench.words.memorizing import COUNTED, gap_sentences
from workbench.words.status import status_word
from workbench.words.titles import data_name

Say = Callable[[Message], str]

HTML_ENDINGS = (".html", ".htm")
MARKDOWN_ENDINGS = (".md", ".markdown")

ENDED_EARLY = Message("ended early")

SMOOTHING = 0.99
"""Weight of the average so far in the smoothed loss; less in a run that is too short for it."""


def write_report(
    path: Path,
    records: Sequence[RunRecord],
    known: Sequence[RunRecord] = (),
    say: Say = str,
    language: str = "en",
) -> list[Path]:
    """Write the report of ``records`` to ``path``: HTML, or Markdown with its plots in a folder
    beside it, by the file's ending. ``known`` are the runs that repeats are looked for in,
    ``say`` puts sentences into the reader's language. Returns the files written.

    Raises :class:`WorkbenchError` where the ending is another one, a run cannot be read, or a
    file cannot be written.
    """
    ending = path.suffix.lower()
    if ending not in HTML_ENDINGS + MARKDOWN_ENDINGS:
        raise WorkbenchError(
            "{path}: a report is written as .html or .md; choose one of these endings.", path=path
        )
    path = path.absolute()
    title = say(Message("Experiments"))
    try:
        blocks = list(_document(title, records, known, say))
        if ending in HTML_ENDINGS:
            atomic.write_text(path, as_html(title, blocks, language))
            return [path]
        folder = path.with_name(f"{path.stem}_plots")
        text, plots = as_markdown(blocks, folder.name)
        folder.mkdir(exist_ok=True)
        for name, svg in plots.items():
            atomic.write_text(folder / name, svg)
        atomic.write_text(path, text)
        return [path, *(folder / name for name in plots)]
    except OSError as error:
        raise WorkbenchError(
            "{path}: cannot be written or read ({reason}).",
            path=error.filename or path,
            reason=error.strerror,
        ) from None


def _document(
    title: str, records: Sequence[RunRecord], known: Sequence[RunRecord], say: Say
) -> Iterator[Block]:
    yield Heading(1, title)
    now = f"{datetime.now():%Y-%m-%d %H:%M}"
    yield Paragraph(say(Message("Written by CIFAR Workbench, {when}.", when=now)))
    if any(record.is_sample for record in records):
        yield Paragraph(
            say(
                Message(
                    "Results on the sample are marked; they say nothing about CIFAR-10 and are "
                    "not compared with the report."
                )
            )
        )
    names = distinct_names([_title(record, say) for record in records], records, say)
    pages = [_Page(record, name, known, say) for record, name in zip(records, names, strict=True)]
    yield Heading(2, say(Message("Summary")))
    yield _summary(pages, say)
    if len(records) > 1:
        yield from _differences(records, names, say)
        yield from compared_plots(records, names, say)
    yield from sweep_sections(records, known, say)
    for page in pages:
        yield from page.blocks()


def _summary(pages: Sequence[_Page], say: Say) -> Table:
    return Table(
        tuple(
            map(
                say,
                (
                    Message("Run"),
                    Message("Data set"),
                    Message("Epochs"),
                    Message("Test accuracy"),
                    Message("Reported"),
                    Message("Against the report"),
                ),
            )
        ),
        tuple(
            (
                page.name,
                page.data_name,
                _epochs(page.record, say),
                percent(page.record.accuracy) + _how_tested(page.record, say),
                _reported(page.against.figures[0]) if page.against and page.compared else "–",
                say(VERDICTS[page.against.outcome]) if page.against else "–",
            )
            for page in pages
        ),
    )


def _how_tested(record: RunRecord, say: Say) -> str:
    """Return what follows an accuracy of averaged weights, or of each test image and its mirror
    image; empty for others."""
    words = []
    if record.averaged:
        words.append(say(Message("averaged weights (EMA)")))
    if record.mirrored:
        words.append(say(Message("mean of each image and its mirror image")))
    return "".join(f", {word}" for word in words)


def _epochs(record: RunRecord, say: Say) -> str:
    text = f"{record.epochs_done}/{record.epochs}"
    return f"{text} ({say(ENDED_EARLY)})" if record.ended_early else text


def _title(record: RunRecord, say: Say) -> str:
    return f"{record.label} ({say(Message('sample'))})" if record.is_sample else record.label


def _differences(records: Sequence[RunRecord], names: Sequence[str], say: Say) -> Iterator[Block]:
    yield Heading(2, say(Message("What differs")))
    rows: list[tuple[str, ...]] = []
    groups = set()
    for group, members in groupby(differing_rows(records), lambda row: row.group):
        groups.add(len(rows))
        rows.append((say(Message(group)), *[""] * len(records)))
        for row in members:
            texts = (_value_text(row.key, value, say) for value in row.values)
            rows.append((say(Message(row.name)), *texts))
    if rows:
        yield Table(("", *names), tuple(rows), groups=frozenset(groups))
    else:
        yield Paragraph(say(Message("Nothing differs.")))


class _Page:
    """One run's part of the document, under the ``name`` that tells it from the others."""

    def __init__(self, record: RunRecord, name: str, known: Sequence[RunRecord], say: Say) -> None:
        self.record = record
        self.name = name
        self.say = say
        self.experiment = experiment_from(record.experiment)
        self.preset = _preset(record)
        self.against: AgainstReport | None = (
            against_report(record, self.preset, known) if self.preset else None
        )
        self.compared = bool(self.against and shown_figures(self.against))
        self.classes = tuple(map(str, record.data.get("classes", ())))
        self.data_name = data_name(record.data, lambda text: say(Message(text)))

    def blocks(self) -> Iterator[Block]:
        record, say = self.record, self.say
        yield Heading(2, self.name, new_page=True)
        yield Table(
            ("", ""),
            (
                (say(Message("Run")), record.id),
                (say(Message("Started")), _moment(record.created)),
                (say(Message("Status")), self._status()),
                (say(Message("Data set")), self.data_name),
                (say(Message("Seconds of the whole run")), f"{record.seconds:.1f}"),
            ),
        )
        if record.why is not None:
            yield Paragraph(paths.without_places(say(record.why)))
        yield from self._network()
        yield from self._hyperparameters()
        yield from self._plots()
        yield from self._result()
        yield from self._about_preset()
        yield from self._environment()
        notes = getattr(record, "notes", "")
        if notes:
            yield Heading(3, say(Message("Notes")))
            yield Paragraph(notes)

    def _status(self) -> str:
        record, say = self.record, self.say
        if record.ended_early:
            return say(
                Message(
                    "Finished, ended early after epoch {epoch} of {total}",
                    epoch=record.epochs_done,
                    total=record.epochs,
                )
            )
        return say(status_word(record.status))

    def _about_preset(self) -> Iterator[Block]:
        """Return what was written about the preset, apart from what this run did."""
        preset, say = self.preset, self.say
        if preset is None:
            return
        sentences = [
            sentence
            for text, sentence in (
                (preset.tried, Message("Tried: {text}", text=_words(preset.tried))),
                (preset.changed, Message("Changed: {text}", text=_words(preset.changed))),
                (preset.found, Message("Found: {text}", text=_words(preset.found))),
                (preset.explained, Message("Known today: {text}", text=_words(preset.explained))),
                (preset.note, Message("Note: {text}", text=_words(preset.note))),
            )
            if text
        ]
        if not sentences:
            return
        yield Heading(3, say(Message("About preset {preset}", preset=preset.id)))
        if preset.built_in:
            yield Paragraph(
                say(
                    Message(
                        "What the student's report says about its own run of this preset, and what "
                        "is known today. None of it was measured in the run above."
                    )
                )
            )
        else:
            yield Paragraph(say(Message("Notes of the preset, not results of the run above.")))
        for sentence in sentences:
            yield Paragraph(say(sentence))

    def _network(self) -> Iterator[Block]:
        say, count = self.say, len(self.classes) or 10
        declared = network_layers(self.experiment, count, wait=True)
        layers = layer_rows(self.experiment, count, say)
        operations = sum(layer.multiply_adds for layer in declared)
        yield Heading(3, say(Message("Network")))
        yield Plot(
            f"{self.record.id}-network",
            say(Message("The layers, with the shape of one image after each")),
            network_picture(declared, say),
        )
        yield Paragraph(
            say(
                Message(
                    "{operations} million multiplications with an addition for one image, forward.",
                    operations=f"{operations / 1e6:,.1f}",
                )
            )
        )
        yield Table(
            (say(Message("Layer")), say(Message("Parameters"))),
            (
                *((name, f"{parameters:,}" if parameters else "–") for name, parameters in layers),
                (say(Message("Total")), f"{sum(parameters for _, parameters in layers):,}"),
            ),
        )

    def _hyperparameters(self) -> Iterator[Block]:
        say, preset = self.say, self.preset
        own = differences(preset.experiment, self.experiment) if preset else {}
        before = preset_before(preset, list_presets()) if preset else None
        step = differences(before.experiment, self.experiment) if before else {}
        header = [Message("Hyperparameter"), Message("Value")]
        if preset is not None:
            header.append(Message("Preset {preset}", preset=preset.id))
        if before is not None:
            header.append(Message("Preset before, {preset}", preset=before.id))
        rows = []
        for name, value in self.experiment.values().items():
            row = [say(Message(HYPERPARAMETERS[name].label)), _value_text(name, value, say)]
            if preset is not None:
                row.append(_value_text(name, own[name][0], say) if name in own else "")
            if before is not None:
                row.append(_value_text(name, step[name][0], say) if name in step else "")
            rows.append(tuple(row))
        yield Heading(3, say(Message("Hyperparameters")))
        yield Table(tuple(map(say, header)), tuple(rows))
        if preset is not None:
            yield Paragraph(
                say(Message("The preset columns show only values that differ from this run's."))
            )

    def _plots(self) -> Iterator[Block]:
        record, say = self.record, self.say
        losses, rows = read_losses(record.folder), read_epochs(record.folder)
        if not len(losses):
            return
        yield Heading(3, say(Message("Curves")))
        index, low, _, high = thinned(losses)
        epochs = (index + 1) / record.steps_per_epoch
        weight = weight_for(len(losses), SMOOTHING)
        at, smoothed = sampled(Smoother(weight).extend(losses))
        series: list[Series] = [
            Band(say(Message("each step")), epochs, low, high, STEPS),
            Line(
                say(Message("smoothed over {steps} steps", steps=smoothed_steps(weight))),
                (at + 1) / record.steps_per_epoch,
                smoothed,
                TRAINING,
            ),
        ]
        x = np.array([row["epoch"] for row in rows], float)

        def column(name: str) -> np.ndarray:
            return np.array([_number(row.get(name)) for row in rows], float)

        validated = bool(rows) and "validation_accuracy" in rows[0]
        if rows:
            mean = say(Message("mean of the epoch"))
            # A mean stands in the middle of its epoch.
            series.append(Line(mean, x - 0.5, column("loss"), MEAN, dots=True))
            series.append(Line(say(Message("test")), x, column("test_loss"), TEST, dots=True))
        if validated:
            held_out = column("validation_loss")
            series.append(Line(say(Message("validation")), x, held_out, VALIDATION, dots=True))
        # A step far above all others would flatten the rest.
        finite = high[np.isfinite(high)]
        top = float(np.quantile(finite, 0.99)) * 1.1 if len(finite) else 1.0
        tested = np.concatenate([column("test_loss"), column("validation_loss")])
        top = max([top, *(1.05 * tested[np.isfinite(tested)])])
        loss = plot(series, say(Message("epoch")), say(Message("loss")), (0.0, top or 1.0))
        yield Plot(f"{record.id}-loss", say(Message("Loss of training and test")), loss)
        if not rows:
            return
        marks: list[Series] = []
        reported = self.preset.reported if self.preset else None
        if reported is not None and self.against and self.against.outcome != "not comparable":
            name = say(Message("reported, {accuracy}%", accuracy=f"{reported.accuracy:.2f}"))
            marks.append(Level(name, reported.accuracy, REPORTED))
        counted = any("training_accuracy" in row for row in rows)
        if counted:
            values = column("training_accuracy")
            marks.append(Line(say(Message("training")), x, values, TRAINING, dots=True))
        marks.append(Line(say(Message("test")), x, column("accuracy"), TEST, dots=True))
        if validated:
            held_out = column("validation_accuracy")
            marks.append(Line(say(Message("validation")), x, held_out, VALIDATION, dots=True))
        if record.best_epoch is not None and record.best_accuracy is not None:
            name = say(
                Message("best, selected on the validation split")
                if record.best_chosen_on == "validation"
                else Message("best, selected on the test set")
            )
            point = np.array([float(record.best_epoch)]), np.array([record.best_accuracy])
            marks.append(Line(name, *point, BEST, dots=True))
        accuracy = plot(marks, say(Message("epoch")), say(Message("accuracy (%)")))
        yield Plot(f"{record.id}-accuracy", say(Message("Accuracy")), accuracy)
        for sentence in gap_sentences(list(map(EpochFigures.from_row, rows))):
            yield Paragraph(say(sentence))
        if counted:
            yield Paragraph(say(COUNTED))

    def _result(self) -> Iterator[Block]:
        record, say = self.record, self.say
        test = read_test(record.folder)
        yield Heading(3, say(Message("Result")))
        if test is None:
            yield Paragraph(say(Message("No test yet.")))
            return
        figures, epoch, final = test
        predictions = read_predictions(record.folder, self.classes) if final else None
        lines = [
            (
                say(Message("Test accuracy, final test"))
                if final
                else say(Message("Test accuracy after epoch {epoch}", epoch=epoch)),
                f"{figures.accuracy:.2f}% ({figures.correct:,} / {figures.total:,})"
                + _how_tested(record, say),
            )
        ]
        lines += self._best()
        if predictions is not None:
            lines += self._from_logits(predictions)
        yield Table(("", ""), tuple(lines))
        if (chance := chance_sentence(figures)) is not None:
            yield Paragraph(say(chance))
        if self.against is not None:
            yield from self._against(self.against)
        if predictions is not None:
            yield from self._per_class(predictions)
        yield Heading(3, say(Message("Confusion matrix")))
        yield Paragraph(say(Message("Rows are true classes, columns predicted ones.")))
        total = [max(sum(row), 1) for row in figures.confusion]
        yield Table(
            ("", *figures.classes),
            tuple(
                (name, *map(str, row))
                for name, row in zip(figures.classes, figures.confusion, strict=True)
            ),
            tuple(
                tuple(count / of for count in row)
                for row, of in zip(figures.confusion, total, strict=True)
            ),
        )

    def _best(self) -> Iterator[tuple[str, str]]:
        record, say = self.record, self.say
        if record.best_accuracy is None:
            return
        best = percent(record.best_accuracy)
        held_out = percent(record.best_validation_accuracy)
        if in_training_mode := record.tested_otherwise:
            best = say(Message("{accuracy} in training mode", accuracy=best))
            held_out = say(Message("{accuracy} in training mode", accuracy=held_out))
        if record.best_validation_accuracy is None:
            name = (
                Message(
                    "Best test accuracy, at epoch {epoch}, selected on the test set",
                    epoch=record.best_epoch,
                )
                if in_training_mode
                else Message(
                    "Best test accuracy, at epoch {epoch}, selected on the test set: optimistic",
                    epoch=record.best_epoch,
                )
            )
            yield say(name), best
            return
        name = Message(
            "Best validation accuracy, at epoch {epoch}, used to select it",
            epoch=record.best_epoch,
        )
        yield say(name), held_out
        yield say(Message("Test accuracy after this epoch")), best

    def _from_logits(self, predictions: Predictions) -> Iterator[tuple[str, str]]:
        for k in (2, 3):
            if k < len(predictions.classes):
                yield (
                    self.say(Message("Top-{k} accuracy", k=k)),
                    percent(top_k_accuracy(predictions, k)),
                )
        error = calibration(predictions).error
        yield (
            self.say(Message("Expected calibration error (15 bins)")),
            percent(None if error is None else 100 * error),
        )

    def _against(self, against: AgainstReport) -> Iterator[Block]:
        say = self.say
        yield Heading(3, say(Message("Against the report")))
        yield Paragraph(
            say(
                Message(
                    "{verdict}: {reason}", verdict=VERDICTS[against.outcome], reason=against.reason
                )
            )
        )
        if figures := shown_figures(against):
            yield Table(
                (
                    "",
                    say(Message("reported")),
                    say(Message("measured")),
                    say(Message("difference")),
                ),
                tuple(
                    (
                        say(figure.name),
                        _reported(figure),
                        figure_text(figure, figure.measured),
                        figure_text(figure, figure.difference, sign=True),
                    )
                    for figure in figures
                ),
            )
        for sentence in error_sentences(against):
            yield Paragraph(say(sentence))

    def _per_class(self, predictions: Predictions) -> Iterator[Block]:
        say = self.say
        figures = per_class(predictions)
        rows = [*figures.classes]
        if figures.macro and figures.weighted:
            rows += [figures.macro, figures.weighted]
        names = [c.name for c in figures.classes]
        names += [say(Message("macro mean")), say(Message("weighted mean"))]
        yield Heading(3, say(Message("Each class")))
        yield Table(
            (
                say(Message("Class")),
                say(Message("Precision")),
                say(Message("Recall")),
                say(Message("F1")),
                say(Message("Test images")),
            ),
            tuple(
                (name, *map(percent, (c.precision, c.recall, c.f1)), f"{c.support:,}")
                for name, c in zip(names, rows, strict=False)
            ),
        )

    def _environment(self) -> Iterator[Block]:
        say, record = self.say, self.record
        yield Heading(3, say(Message("Data and environment")))
        rows = []
        for words, values in (
            (DATA_WORDS, record.data),
            (ENVIRONMENT_WORDS, record.environment),
        ):
            rows += [
                (say(Message(word)), f"{v:,}" if isinstance(v := values[key], int) else str(v))
                for key, word in words.items()
                if values.get(key) is not None
            ]
        yield Table(("", ""), tuple(rows))


# --- words and numbers -----------------------------------------------------------------


def layer_rows(experiment: Experiment, classes: int, say: Say = str) -> list[tuple[str, int]]:
    """Return the network's layers in words, each with its trained parameters: what follows a
    convolution or a linear layer stands in its row."""
    return [
        (" + ".join(map(say, (group.title, *group.details))), group.parameters)
        for group in grouped(network_layers(experiment, classes))
    ]


def error_sentences(against: AgainstReport) -> list[Message]:
    """The spread between seeds, the error of the test, and notes, each as a sentence."""
    sentences = []
    if against.spread is not None:
        values = {
            "runs": against.spread.runs,
            "mean": f"{against.spread.mean:.2f}",
            "deviation": f"{against.spread.deviation:.2f}",
        }
        sentences.append(
            Message(
                "Shipped with the preset: {runs} seeds, mean {mean}%, standard deviation "
                "{deviation} points.",
                **values,
            )
            if against.spread.shipped
            else Message(
                "Your repeats: {runs} seeds, mean {mean}%, standard deviation {deviation} points.",
                **values,
            )
        )
    if against.binomial is not None:
        sentences.append(
            Message(
                "A new test set of this size would move the accuracy by about {error} points "
                "(binomial standard error). The report used the same test images, so this is not "
                "the error of the difference.",
                error=f"{against.binomial:.2f}",
            )
        )
    return [*sentences, *against.notes]


def shown_figures(against: AgainstReport) -> tuple[ReportedFigure, ...]:
    """The figures of the report that have something beside them: all of them for a run that is
    compared or may still be, those with a measured value for one that cannot be."""
    if against.outcome != "not comparable":
        return against.figures
    return tuple(figure for figure in against.figures if figure.measured is not None)


def figure_text(figure: ReportedFigure, value: float | None, sign: bool = False) -> str:
    """A value of ``figure`` with its digits and unit; a dash for none."""
    if value is None:
        return "–"
    digits = {"percent": 2, "images": 0, "loss": 4, "seconds": 2}[figure.kind]
    text = f"{value:+,.{digits}f}" if sign else f"{value:,.{digits}f}"
    return text + ("%" if figure.kind == "percent" and not sign else "")


def _reported(figure: ReportedFigure) -> str:
    return ("≈ " if figure.approximate else "") + figure_text(figure, figure.reported)


def _preset(record: RunRecord) -> Preset | None:
    try:
        return preset_with_id(record.preset) if record.preset else None
    except WorkbenchError:
        return None


def _words(text: str) -> Message:
    """A preset's sentence: a translated one of ours, or a person's own, with any braces in it."""
    return Message("{reason}", reason=text) if "{" in text or "}" in text else Message(text)


def _moment(created: str) -> str:
    """ISO 8601 as the reader's own clock had it; what is none of it, as it stands."""
    try:
        return f"{datetime.fromisoformat(created).astimezone():%Y-%m-%d %H:%M}"
    except ValueError:
        return created


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else float("nan")


def _unit(unit: str, value: Any, say: Say) -> str:
    translated = say(Message(unit))
    return unit.removesuffix("s") if value == 1 and translated == unit else translated


def _value_text(key: str, value: Any, say: Say) -> str:
    """A value of a hyperparameter, or of another row in which runs differ, as people read it."""
    if value is None:
        return "–"
    if key in PERCENTAGES:
        return percent(value)
    if key == "ended_early":
        return say(Message("yes") if value else Message("no"))
    if key == "best_chosen_on":
        return say(CHOSEN_ON[value])
    if key == "status":
        return say(status_word(value))
    if key == "fingerprint":
        return str(value)[:12]
    parameter = HYPERPARAMETERS.get(key)
    if parameter and parameter.kind == "choice":
        return say(Message(parameter.choices.get(value, str(value))))
    if isinstance(value, bool):
        return say(Message("on") if value else Message("off"))
    unit = f" {_unit(parameter.unit, value, say)}" if parameter and parameter.unit else ""
    if isinstance(value, float):
        return f"{value:.10g}{unit}" if parameter else f"{value:,.5g}"
    return f"{value:,}{unit}" if isinstance(value, int) else str(value)
