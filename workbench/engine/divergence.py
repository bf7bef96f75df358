"""The sentences of a run that diverged, by which a record of one is known. Opens without torch."""

from __future__ import annotations

LOSS = (
    "The loss became {loss} at step {step} of epoch {epoch}; the weights after {good} steps were "
    "kept. Try a smaller learning rate."
)
WEIGHT = (
    "{name} became NaN or infinite in epoch {epoch}; the weights after {good} steps were kept. Try "
    "a smaller learning rate."
)
FINAL_TEST = "The loss of the final test is {loss}. Try a smaller learning rate."

TEMPLATES = (LOSS, WEIGHT, FINAL_TEST)
