"""``cifar-workbench compare``."""

from __future__ import annotations

import csv
import json
from pathlib import Path

from tests.commands.conftest import Call
from tests.library.made_runs import CIFAR10_JPEG, make_run
from workbench.library.catalog import Library


def test_two_runs_against_the_report_and_each_other(
    call: Call, library: Library, tmp_path: Path
) -> None:
    first = make_run(library, "001", (20, 25, 30), seed=1)
    second = make_run(library, "001", (20, 25, 40), seed=2)
    table = tmp_path / "table.csv"
    code, out, err = call("compare", first.id, second.folder, "--csv", table)
    assert (code, err) == (0, "")
    for words in (
        "Test accuracy after epoch 3",
        "30.67%",
        "No verdict yet",
        "binomial standard error",
        "McNemar's exact test",
        "airplane",
        "run 2 alone right",
    ):
        assert words in out
    rows = list(csv.reader(table.open(encoding="utf-8")))
    assert rows[0] == ["group", "row", first.id, second.id]
    assert ["Hyperparameters", "seed", "1", "2"] in rows
    assert ["Reported", "Test accuracy after epoch 3", "30.67", "30.67"] in rows
    assert ["Verdict", "", "open", "open"] in rows
    assert len([row for row in rows if row[0] == "Alone right"]) == 10

    code, out, _ = call("compare", first.id, second.id, "--json")
    result = json.loads(out)
    assert code == 0
    assert [run["id"] for run in result["runs"]] == [first.id, second.id]
    against = result["runs"][0]["against_report"]
    assert against["verdict"] == "open"
    assert against["figures"][0]["reported"] == 30.67
    assert against["figures"][0]["measured"] == 30
    flips = result["flips"]
    assert len(flips["second_alone"]) - len(flips["first_alone"]) == 1_000
    assert sum(flips["second_alone_per_class"]) == len(flips["second_alone"])
    assert flips["mcnemar_p"] < 0.001
    assert {row["key"] for row in result["differences"]} == {
        "seed",
        "accuracy",
        "best_accuracy",
        "best_chosen_on",  # the same in both, and said where a best accuracy stands
    }


def test_the_best_epoch_says_on_what_it_was_chosen(call: Call, library: Library) -> None:
    plain = make_run(library, "001", (20, 25, 31))
    split = make_run(library, "001", (20, 27, 31), validation=(20, 25, 22), validation_share=0.1)
    _, out, _ = call("compare", plain.id, split.id)
    (line,) = [line.split() for line in out.splitlines() if "best_chosen_on" in line]
    assert line == ["best_chosen_on", "test", "validation"]
    assert "Not comparable: Hyperparameters differ from preset 001: validation_share 0.1" in out


def test_three_seeds_give_a_verdict_and_no_flips(
    call: Call, library: Library, tmp_path: Path
) -> None:
    runs = [
        make_run(library, "001", (20, 25, accuracy), seed=seed)
        for seed, accuracy in enumerate((30.2, 31.0, 31.5))
    ]
    table = tmp_path / "table.csv"
    _, out, _ = call("compare", *(run.id for run in runs), "--csv", table, "--json")
    result = json.loads(out)
    assert result["flips"] is None
    assert len(result["pairs"]) == 3
    rows = list(csv.reader(table.open(encoding="utf-8")))
    assert len([row for row in rows if row[0] == "McNemar p (Holm)"]) == 3
    last = {row[0]: row[2:] for row in rows if row[1] == "run 2, run 3"}
    pair = result["pairs"][2]
    assert last["Alone right"] == ["", str(pair["first_alone"]), str(pair["second_alone"])]
    assert last["McNemar p"] == ["", *[str(pair["mcnemar_p"])] * 2]
    assert last["McNemar p (Holm)"] == ["", *[str(pair["mcnemar_p_holm"])] * 2]
    for run in result["runs"]:
        assert run["against_report"]["verdict"] == "compatible"
        assert run["against_report"]["spread"]["runs"] == 3
    _, out, _ = call("compare", runs[0].id)
    assert "Compatible with the report: 30.67% lies within" in out
    assert "Your repeats: 3 seeds, mean 30.90%" in out


def test_runs_on_other_images_have_no_flips(call: Call, library: Library) -> None:
    first = make_run(library)
    other = make_run(library, data=CIFAR10_JPEG | {"fingerprint": "0" * 64})
    code, out, _ = call("compare", first.id, other.id)
    assert code == 0
    assert "different images" in out
    stopped = make_run(library, accuracies=(20,))
    _, out, _ = call("compare", first.id, stopped.id, "--json")
    result = json.loads(out)
    assert result["flips"] is None
    assert "no final test" in result["problem"]


def test_a_run_that_is_not_there(call: Call, library: Library) -> None:
    code, out, err = call("compare", "nowhere")
    assert (code, out) == (2, "")
    assert err.startswith("nowhere: there is no such run")
    record = make_run(library)
    code, _, err = call("compare", record.id, "--csv", "/nowhere/table.csv")
    assert code == 2
    assert "/nowhere/table.csv: cannot be written" in err
