"""Groups of runs in the table: by preset, data or tags, each with a row of its own that folds."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from workbench.library.run_folder import RunRecord
from workbench.library.run_record import preset_number
from workbench.messages import Count
from workbench.plain_text import visible
from workbench.window.kit.translation import tr
from workbench.window.saved.run_cells import data_text, tags_text
from workbench.words.figures import percent


@dataclass
class RunGroup:
    """The row over the runs of one group. Kept while the group stays, as the view knows it.

    Args:
        key: what its runs have in common, told from the keys of runs by its first character.
        title: in words; changes with the language.
        records: its runs that the search finds; set by :meth:`show`.
        folded: only this row is shown.
    """

    key: str
    title: str = ""
    records: Sequence[RunRecord] = field(default=(), repr=False)
    folded: bool = False
    _mean: str | None = field(default=None, init=False, repr=False)

    def show(self, title: str, records: Sequence[RunRecord]) -> None:
        """Take over what the group is called and which runs are in it."""
        self.title, self.records, self._mean = title, records, None

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: object) -> bool:
        return self is other

    @property
    def accuracies(self) -> list[float]:
        """Test accuracies of its runs that have ended, in percent, those that are numbers."""
        numbers = (
            record.accuracy
            for record in self.records
            if record.status not in ("running", "interrupted")
        )
        return [n for n in numbers if n is not None and math.isfinite(n)]

    @property
    def accuracy_text(self) -> str:
        """The mean of its test accuracies, ``72.41%``."""
        if self._mean is None:  # painting asks again and again
            numbers = self.accuracies
            self._mean = percent(statistics.fmean(numbers) if numbers else None)
        return self._mean

    @property
    def heading(self) -> str:
        """``▾ 3× 009 Dropout, fixed``: the number first, as a long title is cut."""
        mark = "▸" if self.folded else "▾"
        return f"{mark} {len(self.records):,}× {self.title}"

    @property
    def tooltip(self) -> str:
        """Return what is behind the heading and the mean."""
        numbers = self.accuracies
        lines = [self.title, tr("{total:run|runs}").format(total=Count(len(self.records)))]
        if numbers:
            lines.append(
                tr("Mean test accuracy {mean}, {low} to {high}").format(
                    mean=self.accuracy_text,
                    low=percent(min(numbers)),
                    high=percent(max(numbers)),
                )
            )
        lines.append(tr("Click to unfold") if self.folded else tr("Click to fold"))
        return "\n".join(lines)


@dataclass(frozen=True)
class Grouping:
    """A way to put runs into groups: its name, and the title of a run's group."""

    name: Callable[[], str]
    title: Callable[[RunRecord], str]


def _preset_title(record: RunRecord) -> str:
    number = preset_number(record.preset)
    title = tr(record.title) if record.title else record.preset or ""
    return visible(" ".join(filter(None, (number, title)))) or tr("No preset")


GROUPINGS: Mapping[str, Grouping] = {
    "preset": Grouping(lambda: tr("Preset"), _preset_title),
    "data": Grouping(lambda: tr("Data"), data_text),
    "tags": Grouping(lambda: tr("Tags"), lambda record: tags_text(record) or tr("No tags")),
}
"""By name, in the order of the menu."""
