"""The language in which runs are searched."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from tests.library.test_run_folder import RECORD
from workbench.library.run_filter import FIELDS, SHORT, _example, parse_filter, searched_text
from workbench.library.run_folder import RunRecord
from workbench.messages import WorkbenchError
from workbench.spec.presets import find_preset

ADAM = replace(
    RECORD,
    experiment=find_preset("007").experiment.values(),
    accuracy=61.5,
    epochs_done=3,
    status="finished",
    name="느린 실험 🙂",
    notes="for the second lesson",
    tags=("Baseline", "수업"),
    starred=True,
)
SGD = replace(
    RECORD,
    preset="001",
    title="Does it run?",
    experiment=find_preset("001").experiment.values(),
    data={"kind": "sample", "name": "sample"},
    status="interrupted",
    created="2026-11-20T12:00:00+00:00",
)
NAN = replace(SGD, accuracy=math.nan, experiment={})


def hits(text: str, *runs: RunRecord) -> list[str | None]:
    wanted = parse_filter(text)
    found = [run for run in runs or (ADAM, SGD) if wanted.matches(run, searched_text(run))]
    return [run.preset for run in found]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ["007", "001"]),
        ("느린", ["007"]),
        ("RUN?", ["001"]),
        ("second lesson", ["007"]),
        ("lesson second", ["007"]),
        ('"second lesson"', ["007"]),
        ('"lesson second"', []),
        ('"second les', ["007"]),
        ("learning_rate<0.01", ["007", "001"]),
        ("learning_rate < 0.001", []),
        ("learning_rate<=1e-3", ["007", "001"]),
        ("learning_rate=0.001", ["007", "001"]),
        ("learning_rate!=0.001", []),
        ("optimizer=adam", ["007"]),
        ("Optimizer:ADAM", ["007"]),
        ("optimizer!=adam", ["001"]),
        ("batch_norm=false", ["007", "001"]),
        ("momentum>=0", ["001"]),
        ("accuracy>60", ["007"]),
        ("accuracy>60% optimizer=sgd", []),
        ("accuracy!=60", ["007"]),
        ("epochs_done>=3", ["007"]),
        ("tag:base", ["007"]),
        ("tag=base", []),
        ("tag=baseline", ["007"]),
        ("tag!=baseline", ["001"]),
        ("tag:수업", ["007"]),
        ("status:interrupted", ["001"]),
        ("status!=interrupted", ["007"]),
        ("preset:0", ["007", "001"]),
        ("data:sample", ["001"]),
        ("starred", ["007"]),
        ('"starred"', []),
        ("created>=2026-11-23", ["007"]),
        ("created<2026-11-23T11:59:59+00:00", ["001"]),
        ("created=2026-11-20", ["001"]),
        ("12:30", []),
    ],
)
def test_what_is_found(text: str, expected: list[str]) -> None:
    assert hits(text) == expected


@pytest.mark.parametrize("sign", ["<", "<=", ">", ">=", "=", "!="])
def test_a_value_that_is_missing_or_not_a_number_meets_no_condition(sign: str) -> None:
    assert hits(f"accuracy{sign}0", NAN, SGD) == []
    assert hits(f"epochs{sign}0", NAN) == []


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("learnin_rate<1", "learnin_rate: runs have no such field; did you mean learning_rate?"),
        ("zzz=1", "put quotes around it"),
        ("learning_rate<", "learning_rate: give a value, as in learning_rate>=0.001."),
        ("learning_rate<fast", "learning_rate: must be a number (it is fast)."),
        ("learning_rate<nan", "must be a number"),
        (
            "optimizer=adan",
            "optimizer: must be one of sgd, adam, adamw, rmsprop, muon (it is adan).",
        ),
        ("optimizer<adam", "compare it with = or !=, as in optimizer=sgd"),
        ("batch_norm=maybe", "must be one of true, false"),
        ("status:zz", "must be one of running, finished"),
        ("status=fin", "must be one of running, finished"),
        ("name<5", "is not a number"),
        ("tag:", "as in tag:lesson"),
        ("created>=soon", "as in created>=2026-11-01"),
    ],
)
def test_what_is_wrong_is_said(text: str, sentence: str) -> None:
    with pytest.raises(WorkbenchError) as raised:
        parse_filter(text)
    assert sentence in str(raised.value)


@pytest.mark.parametrize("field", FIELDS)
def test_the_example_of_every_field_is_a_search(field: str) -> None:
    with pytest.raises(WorkbenchError) as raised:
        parse_filter(f"{field}=")
    values: dict[str, Any] = raised.value.message.values
    parse_filter(values["example"])
    assert values["example"].startswith(field)


@pytest.mark.parametrize("short", SHORT)
def test_a_short_name_is_the_long_one(short: str) -> None:
    assert SHORT[short] in FIELDS
    assert short not in FIELDS
    example = _example(SHORT[short])["example"]
    parse_filter(short + example.removeprefix(SHORT[short]))


def test_short_names_find_what_long_ones_do() -> None:
    assert hits("lr=0.001 wd=0 opt=adam acc>60") == ["007"]
    assert hits("LR=0.001 opt=sgd bs=16") == ["001"]
