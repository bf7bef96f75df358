"""The model card: a page in Markdown on what a network was trained on, how well it does and what it
cannot do. In English, as it is handed on. Opens without torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import workbench
from workbench.analysis.chance import chance_sentence
from workbench.analysis.metrics import Predictions, calibration, per_class, read_predictions
from workbench.analysis.proportion import wilson_interval
from workbench.analysis.repeats import group_of
from workbench.engine.events import Evaluation
from workbench.exporters.job import Source
from workbench.library.run_folder import RunRecord, read_test
from workbench.messages import Message, WorkbenchError
from workbench.report.blocks import Block, Heading, Paragraph, Table, as_markdown
from workbench.spec.experiment import HYPERPARAMETERS, names_without_effect
from workbench.spec.networks import NETWORKS

CARD_ENDING = ".md"


def card_beside(path: Path) -> Path:
    """Return where the card of the file ``path`` lies."""
    return path.with_name(path.name + CARD_ENDING)


def model_card(
    source: Source,
    *,
    about: Mapping[str, Any] | None = None,
    known: Sequence[RunRecord] = (),
    notes: Sequence[Message] = (),
    use: str = "",
) -> str:
    """Return the card of a run, or of weights alone.

    Args:
        source: what is exported.
        about: what its weight file says: ``experiment``, ``classes``, ``metrics`` and ``data`` as
            plain values; may be left out for a run.
        known: runs among which repeats with other seeds are looked for.
        notes: what was assumed of the weights.
        use: lines of Python that use the exported file.
    """
    card = _Card(source, about or {}, known, notes)
    text = as_markdown(list(card.blocks()), "")[0].rstrip()
    if use:
        text += f"\n\n## How to use it\n\n```python\n{use.strip()}\n```"
    return text + "\n"


class _Card:
    def __init__(
        self,
        source: Source,
        about: Mapping[str, Any],
        known: Sequence[RunRecord],
        notes: Sequence[Message],
    ) -> None:
        run = self.run = source.record
        self.source = source
        self.known = known
        self.notes = notes
        self.metrics: Mapping[str, Any] = about.get("metrics") or {}
        self.data: Mapping[str, Any] = (run.data if run else about.get("data")) or {}
        self.experiment: Mapping[str, Any] = (run.experiment if run else None) or about.get(
            "experiment", {}
        )
        self.classes: Sequence[str] = about.get("classes") or self.data.get("classes") or ()
        self.best = bool(
            run and source.weights is not None and source.weights.name == run.best_weights
        )
        self.test, self.predictions = self._final_test()

    def _final_test(self) -> tuple[Evaluation | None, Predictions | None]:
        """The final test, which is that of the last epoch's weights alone."""
        if self.run is None or self.best:
            return None, None
        try:
            found = read_test(self.run.folder)
            if found is None or not found[2]:
                return None, None
            return found[0], read_predictions(self.run.folder, found[0].classes)
        except WorkbenchError:
            return None, None  # a card without them: the weights are whole

    def blocks(self) -> Iterator[Block]:
        yield Heading(1, f"Model card: {self.source.name}")
        kind = "sample images" if self.is_sample else "images"
        name = str(self.experiment.get("network", "cnn"))
        network = NETWORKS[name].label if name in NETWORKS else name
        yield Paragraph(
            f"A network ({network}) that sorts {kind} of 32x32 pixels into "
            f"{len(self.classes)} classes: {', '.join(self.classes)}. "
            f"Trained with CIFAR Workbench {workbench.__version__}."
        )
        yield Heading(2, "Data")
        yield from self._about_data()
        yield Heading(2, "Training")
        yield from self._about_training()
        yield Heading(2, "Figures")
        yield from self._figures()
        yield Heading(2, "What the model cannot do")
        yield from map(Paragraph, self._limits())
        if self.notes:
            yield Heading(2, "What was assumed")
            yield from (Paragraph(str(note)) for note in self.notes)

    @property
    def is_sample(self) -> bool:
        return self.data.get("kind") == "sample"

    def _about_data(self) -> Iterator[Block]:
        if not self.data:
            yield Paragraph("The file does not say on which images the network was trained.")
            return
        rows = (
            ("Name", str(self.data.get("name", ""))),
            ("Training images", f"{self.data.get('train_images', 0):,}"),
            ("Test images", f"{self.data.get('test_images', 0):,}"),
            ("Fingerprint (SHA-256)", str(self.data.get("fingerprint", ""))),
        )
        yield Table(("", "Data set"), rows)
        if self.is_sample:
            yield Paragraph(
                "These images are small figures drawn by the program, for trying things out. "
                "Figures on them say nothing about photographs."
            )

    def _about_training(self) -> Iterator[Block]:
        unused = names_without_effect(self.experiment)
        rows = [
            (parameter.label, _value(self.experiment[name], parameter))
            for name, parameter in HYPERPARAMETERS.items()
            if name in self.experiment
            and name not in unused
            # What is off by default and was left off says nothing.
            and (self.experiment[name] or parameter.default)
        ]
        yield Table(("Hyperparameter", "Value"), tuple(rows))
        if self.run is not None:
            device = self.run.environment.get("device_name") or self.run.device
            yield Paragraph(
                f"{self.run.epochs_done} of {self.run.epochs} epochs, {self.run.status}; "
                f"on {device}, torch {self.run.environment.get('torch', '')}."
            )

    def _figures(self) -> Iterator[Block]:
        accuracy, total = self._accuracy()
        if accuracy is None or not total:
            yield Paragraph("No test of these weights is recorded.")
            return
        correct = round(accuracy * total / 100)
        low, high = wilson_interval(correct, total)
        sample = " on sample data" if self.is_sample else ""
        yield Paragraph(
            f"Test accuracy{sample}: {accuracy:.2f}% ({correct:,} of {total:,} test images). "
            f"95% interval for other images of the same kind: {100 * low:.2f}% to "
            f"{100 * high:.2f}% (Wilson)."
        )
        yield Paragraph(self._about_seeds())
        if self.test is not None and (chance := chance_sentence(self.test)):
            yield Paragraph(str(chance))
        if self.predictions is not None:
            yield from self._per_class(self.predictions)

    def _accuracy(self) -> tuple[float | None, int]:
        """In percent, and of how many test images."""
        if self.test is not None:
            return self.test.accuracy, self.test.total
        total = int(self.data.get("test_images") or 0)
        if self.run is not None and self.best:
            return self.run.best_accuracy, total
        return self.metrics.get("accuracy", self.run.accuracy if self.run else None), total

    def _about_seeds(self) -> str:
        runs = group_of(self.run, self.known) if self.run is not None else []
        figures = [run.accuracy for run in runs if run.accuracy is not None]
        if len(figures) < 2:
            return "It is one run with one seed; how far another would move it was not measured."
        mean = sum(figures) / len(figures)
        deviation = (sum((f - mean) ** 2 for f in figures) / (len(figures) - 1)) ** 0.5
        return (
            f"The same experiment with {len(figures)} seeds: mean {mean:.2f}%, standard deviation "
            f"{deviation:.2f} points, {min(figures):.2f}% to {max(figures):.2f}%."
        )

    def _per_class(self, predictions: Predictions) -> Iterator[Block]:
        rows = tuple(
            (one.name, _percent(one.precision), _percent(one.recall), f"{one.support:,}")
            for one in per_class(predictions).classes
        )
        yield Table(("Class", "Precision", "Recall", "Test images"), rows)

    def _limits(self) -> Iterator[str]:
        yield (
            "It knows no other classes: an image of anything else gets one of these too, often "
            "with a high probability."
        )
        yield (
            "It sees 32x32 pixels. Larger images must be scaled down first, and what is small in "
            "them is lost."
        )
        if self.is_sample:
            yield "It was trained on drawn figures, and recognizes nothing in photographs."
        else:
            yield (
                "It was measured on test images of the same collection as its training images. On "
                "images from elsewhere (another camera, cut, background or compression) expect "
                "less, and measure it there first."
            )
        if self.predictions is not None:
            if worst := _most_mistaken(self.predictions):
                yield worst
            error = calibration(self.predictions).error
            if error is not None:
                yield (
                    f"Its probabilities are no chances of being right: on the test images they are "
                    f"off by {100 * error:.1f} points on average (expected calibration error)."
                )
        chosen = self.metrics.get("chosen_on") or (self.run.best_chosen_on if self.run else None)
        if (self.best or "chosen_on" in self.metrics) and chosen == "test":
            yield (
                "Its epoch was selected by its accuracy on the test images, so that this accuracy "
                "is optimistic."
            )
        yield (
            "It was made to learn and compare how networks are trained. It was not examined for "
            "safety, fairness or attacks: let nothing that matters depend on it."
        )


def _most_mistaken(predictions: Predictions) -> str:
    """The pair of classes that is mistaken most often, as a sentence; empty without mistakes."""
    confusion = predictions.confusion.copy()
    for index in range(len(confusion)):
        confusion[index, index] = 0
    if not confusion.any():
        return ""
    true, said = divmod(int(confusion.argmax()), len(confusion))
    names = predictions.classes
    return (
        f"Most often it takes {names[true]} for {names[said]}: {confusion[true, said]:,} of "
        f"{int((predictions.labels == true).sum()):,} test images."
    )


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}%"


def _value(value: Any, parameter: Any) -> str:
    if parameter.kind == "choice":
        return str(parameter.choices.get(value, value))
    if isinstance(value, bool):
        return "on" if value else "off"
    if not isinstance(value, int | float):
        return str(value)
    number = f"{value:,}" if isinstance(value, int) else f"{value:.10g}"
    return f"{number} {parameter.unit}".strip()
