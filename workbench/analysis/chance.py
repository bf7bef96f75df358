"""Results that are no better than guessing. Free of torch."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

from workbench.engine.events import Evaluation
from workbench.messages import Message

BY_LUCK = 0.025
"""How often luck alone may exceed :attr:`Chance.high`: the upper end of a 95% interval."""


@dataclass(frozen=True)
class Chance:
    """What a test comes to without having learned. ``level``: the share of the most frequent class
    among the test images, in percent, which answering that class each time gives; for classes of
    equal size that is 100 divided by their number. ``high``: the highest accuracy in percent that
    guessing reaches on so many images in more than :data:`BY_LUCK` of the cases. ``class_name``:
    the most frequent class, empty where all are equally frequent; ``classes``: how many have test
    images."""

    level: float
    high: float
    class_name: str
    classes: int


def chance_of(test: Evaluation) -> Chance | None:
    """Chance on the test images of ``test``; ``None`` where fewer than two classes have any."""
    support = [sum(row) for row in test.confusion]
    present = [count for count in support if count]
    if len(present) < 2:
        return None
    total, most = sum(present), max(present)
    name = "" if most == min(present) else test.classes[support.index(most)]
    high = 100.0 * _most_by_luck(total, most) / total
    return Chance(100.0 * most / total, high, name, len(present))


def chance_sentence(test: Evaluation) -> Message | None:
    """Say that the accuracy of ``test`` is no better than chance, why, and what to do; ``None``
    where it is better."""
    chance = chance_of(test)
    if chance is None or test.accuracy > chance.high:
        return None
    values = {
        "accuracy": f"{test.accuracy:.2f}",
        "level": f"{chance.level:.2f}",
        "high": f"{chance.high:.2f}",
        "images": f"{test.total:,}",
    }
    if chance.class_name:
        return Message(
            "{accuracy}% is no better than chance: always answering {name}, the most frequent "
            "class, gives {level}%, and luck on {images} test images up to {high}%. Train for more "
            "epochs, change the learning rate, or try another preset.",
            name=chance.class_name,
            **values,
        )
    return Message(
        "{accuracy}% is no better than chance: guessing among {classes} classes gives {level}%, "
        "and luck on {images} test images up to {high}%. Train for more epochs, change the "
        "learning rate, or try another preset.",
        classes=chance.classes,
        **values,
    )


@lru_cache(maxsize=64)
def _most_by_luck(images: int, most: int) -> int:
    """The largest number k of right answers with P(X >= k) above :data:`BY_LUCK`, where X is
    binomial with ``images`` trials of probability ``most / images``: the exact binomial test
    (Clopper and Pearson 1934)."""
    share = most / images
    # Twelve standard deviations above the mean nothing is left that would count.
    deviation = math.sqrt(most * (1.0 - share))
    count = min(images, math.ceil(most + 12.0 * deviation + 40.0))
    tail = 0.0
    while True:
        tail += math.exp(
            math.lgamma(images + 1)
            - math.lgamma(count + 1)
            - math.lgamma(images - count + 1)
            + count * math.log(share)
            + (images - count) * math.log1p(-share)
        )
        if tail > BY_LUCK or count == 0:
            return count
        count -= 1
