"""The written report."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.library.made_runs import CIFAR10_JPEG, make_run
from workbench.engine.networks import build_network
from workbench.library.catalog import Library
from workbench.messages import Message, WorkbenchError
from workbench.report.blocks import Paragraph, Table, as_html, as_markdown, is_numeric
from workbench.report.document import layer_rows, write_report
from workbench.spec.experiment import experiment_from
from workbench.spec.presets import find_preset


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Library:
    monkeypatch.setattr("os.fsync", lambda descriptor: None)
    monkeypatch.setattr("workbench.analysis.against_report.shipped_curves", tuple)
    return Library(tmp_path / "library")


class Page(HTMLParser):
    """Texts and tags of an HTML file; fails where tags do not close."""

    def __init__(self, content: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.texts: list[str] = []
        self._open: list[str] = []
        self.feed(content)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)
        if tag not in ("meta",):
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def test_one_file_with_everything_that_a_report_has(library: Library, tmp_path: Path) -> None:
    runs = [
        make_run(library, "001", (20, 25, accuracy), seed=seed)
        for seed, accuracy in enumerate((30.2, 31.0, 31.5))
    ]
    other = make_run(library, "007", [40.0, 45.0, 50.0], steps=3_125)
    path = tmp_path / "report.html"
    assert write_report(path, [runs[0], other], library.runs()) == [path]
    content = path.read_text(encoding="utf-8")
    page = Page(content)
    text = "\n".join(page.texts)
    assert page.tags.count("svg") == 9  # three of both runs, and three of each
    assert not {"script", "img", "link", "iframe"} & set(page.tags)
    assert not re.search(r"(?:href|src)=", content)
    for words in (
        "Summary",
        "What differs",
        "001 Does it run?",
        "Conv 3×3, 3 → 16 + ReLU",
        "434,294",
        "Compatible with the report: 30.67% lies within",
        "Your repeats: 3 seeds",
        "binomial standard error",
        "Preset before, 006",
        "Changed: Adam, gamma 0.2, 60 epochs.",
        "Top-2 accuracy",
        "Expected calibration error",
        "macro mean",
        "Confusion matrix",
        "selected on the test set",
        "CPU of the tests",
        "f" * 64,
        "Trained for 3 epochs; the report's figure is of epoch 25.",
    ):
        assert words in text, words
    # Values as the window has them, and each run on a page of its own.
    assert {"SGD", "Adam", "30.20%"} <= set(page.texts)
    assert not {"sgd", "adam", "True", "False"} & set(page.texts)
    assert content.count('<h2 class="page">') == 2


def test_what_was_written_about_a_preset_stands_apart(library: Library, tmp_path: Path) -> None:
    write_report(tmp_path / "a.md", [make_run(library, "007")])
    text = (tmp_path / "a.md").read_text(encoding="utf-8")
    of_the_run, _, about = text.partition("### About preset 007")
    about = about.partition("\n### ")[0]
    preset = find_preset("007")
    for words in (preset.tried, preset.changed, preset.found, preset.note):
        plain = about.replace("\\", "")
        assert words in plain
        assert words not in of_the_run.replace("\\", "")
    assert "None of it was measured in the run above" in about


def test_words_align_left_numbers_right_and_groups_are_bold() -> None:
    table = Table(
        ("", "a", "b", "c"),
        (
            ("Training", "", "", ""),
            ("x", "1,024", "Adam", "≈ 74.96%"),
            ("y", "-0.5", "7", "–"),
        ),
        groups=frozenset({0}),
    )
    assert table.numeric() == [False, True, False, True]
    html = as_html("t", [table])
    assert '<th colspan="4" scope="rowgroup">Training</th>' in html
    assert '<td class="number">1,024</td><td>Adam</td><td class="number">≈ 74.96%</td>' in html
    lines = as_markdown([table], "p")[0].splitlines()
    assert lines[1:3] == ["|---|---:|---|---:|", "| **Training** | | | |"]
    assert not is_numeric(["–", ""])
    assert not is_numeric(["3", "3 epochs"])


def test_a_run_that_cannot_be_compared_has_one_line(library: Library, tmp_path: Path) -> None:
    sample = CIFAR10_JPEG | {"kind": "sample", "name": "sample", "comparable": False}
    write_report(tmp_path / "a.md", [make_run(library, "007", data=sample)])
    text = (tmp_path / "a.md").read_text(encoding="utf-8")
    part = text.partition("### Against the report")[2].partition("\n### ")[0]
    assert part.strip().startswith("Not comparable: Trained on the sample, which is not CIFAR-10.")
    assert "|" not in part
    assert "70.10" not in text  # nor in the summary


def test_runs_of_one_preset_are_told_apart_in_every_table(library: Library, tmp_path: Path) -> None:
    runs = [make_run(library, "001", seed=seed) for seed in (3, 4)]
    write_report(tmp_path / "a.md", runs)
    text = (tmp_path / "a.md").read_text(encoding="utf-8")
    first, second = (f"{runs[0].label}, seed {seed}" for seed in (3, 4))
    assert f"|  | {first} | {second} |" in text
    assert text.count(f"| {first} |") >= 2
    assert f"## {second}" in text


def test_a_best_epoch_in_training_mode_says_so(library: Library, tmp_path: Path) -> None:
    modes = ("train", "eval")
    runs = [make_run(library, "001", dropout=0.5, test_mode=mode) for mode in modes]
    write_report(tmp_path / "a.md", runs)
    text = (tmp_path / "a.md").read_text(encoding="utf-8")
    trained, evaluated = text.split("\n## ")[-2:]
    assert "in training mode" in trained
    assert "optimistic" not in trained
    assert "optimistic" in evaluated
    assert "| test set, in training mode | test set: optimistic |" in text


def test_a_run_with_a_validation_split_that_ended_early(library: Library, tmp_path: Path) -> None:
    run = make_run(
        library,
        "001",
        (20.0, 25.0, 31.0),
        validation=(20.0, 28.0, 24.0),
        validation_share=0.1,
        early_stopping=1,
        epochs=9,
        status="finished",
    )
    plain = make_run(library, "001")
    write_report(tmp_path / "a.html", [run, plain])
    content = (tmp_path / "a.html").read_text(encoding="utf-8")
    text = "\n".join(Page(content).texts)
    for words in (
        "3/9 (ended early)",
        "Finished, ended early after epoch 3 of 9",
        "Best validation accuracy, at epoch 2, used to select it",
        "28.00%",
        "Test accuracy after this epoch",
        "25.00%",
        "best, selected on the validation split",
        "Best test accuracy, at epoch 3, selected on the test set: optimistic",
        "validation split\ntest set: optimistic",
    ):
        assert words in re.sub(r"\n+", "\n", text), words
    # The validation is a curve of its own where there is one, and flattery is only where it is.
    first, second = re.split("<h2[^>]*>001", content)[1:]
    assert first.count(">validation</text>") == 2  # with the losses, and with the accuracies
    assert "optimistic" not in first
    assert ">validation</text>" not in second


def test_training_and_test_are_drawn_together_and_the_gap_is_named(
    library: Library, tmp_path: Path
) -> None:
    run = make_run(
        library,
        "001",
        (20.0, 30.0, 29.0, 28.0),
        training=(20.0, 50.0, 80.0, 99.0),
        test_losses=(2.0, 1.5, 1.75, 2.5),
        epochs=4,
    )
    plain = make_run(library, "001")
    write_report(tmp_path / "a.html", [run, plain])
    first, second = re.split("<h2[^>]*>001", (tmp_path / "a.html").read_text("utf-8"))[1:]
    assert [first.count(f">{name}</text>") for name in ("training", "test")] == [1, 2]
    assert "Memorizing since epoch 2" in first
    assert "from 1.5000 to 2.5000" in first
    assert "99.00%, the test accuracy 28.00%: a gap of +71.00 points" in first
    assert "Training accuracy is counted while the epoch trains" in first
    # An earlier version did not count: what it has is shown.
    assert [second.count(f">{name}</text>") for name in ("training", "test")] == [0, 2]
    assert "Training accuracy is counted" not in second


def test_curves_of_all_runs_lie_over_each_other(library: Library, tmp_path: Path) -> None:
    counted = make_run(library, "001", training=(20.0, 50.0, 80.0), seed=1)
    plain, never = make_run(library, "003", (30.0, 40.0)), make_run(library, accuracies=())
    runs = [counted, plain, never]
    write_report(tmp_path / "a.html", runs)
    part = (tmp_path / "a.html").read_text("utf-8").partition("Curves of all runs</h2>")[2]
    part = part.partition("<h2")[0]
    titles = re.findall(r"<figcaption>(.*?)</figcaption>", part)
    assert titles == [
        "Training loss, mean of each epoch",
        "Test loss",
        "Test accuracy",
        "Training accuracy",
    ]
    accuracies = part.split("</svg>")[2]
    lines = re.findall(
        r'<path d="M[^"]* L[^"]*" fill="none" stroke="(#1d6bc4|#a65c00)"', accuracies
    )
    assert lines == ["#1d6bc4", "#a65c00"]
    assert plain.label in accuracies
    assert 'stroke-dasharray="9 4"' in accuracies  # told apart on black and white paper too
    assert part.count("<svg") == 4
    assert re.search(rf"Without it: [^<]*{plain.label}", part)
    files = write_report(tmp_path / "b.md", runs)
    assert [f.name for f in files[1:5]] == [
        "01-compared-loss.svg",
        "02-compared-test_loss.svg",
        "03-compared-accuracy.svg",
        "04-compared-training_accuracy.svg",
    ]
    write_report(tmp_path / "c.html", [never, never])
    text = (tmp_path / "c.html").read_text("utf-8")
    assert "No epoch yet." in text.partition("Curves of all runs")[2].partition("<h2")[0]


def test_names_and_notes_of_a_person_are_text(library: Library, tmp_path: Path) -> None:
    evil = "<script>alert(1)</script> & {braces} | `x` \\"
    record = make_run(library, name=evil, data=CIFAR10_JPEG | {"name": evil})
    object.__setattr__(record, "notes", f"{evil}\nsecond line")
    write_report(tmp_path / "a.html", [record])
    page = Page((tmp_path / "a.html").read_text(encoding="utf-8"))
    assert "script" not in page.tags
    assert evil in page.texts
    assert f"{evil}\nsecond line" in page.texts
    write_report(tmp_path / "a.md", [record])
    text = (tmp_path / "a.md").read_text(encoding="utf-8")
    assert "<script" not in text
    assert "{braces} \\| \\`x\\` \\\\" in text


def test_markdown_has_its_plots_beside_it(library: Library, tmp_path: Path) -> None:
    record = make_run(library)
    path = tmp_path / "my report.md"
    files = write_report(path, [record])
    assert files[0] == path
    text = path.read_text(encoding="utf-8")
    assert len(files) == 4  # the page, two plots and the drawing of the network
    for plot in files[1:]:
        assert plot.read_text(encoding="utf-8").startswith("<svg ")
        assert f"(<my report_plots/{plot.name}>)" in text
    for block in text.split("\n\n"):
        if block.startswith("|"):
            assert len({re.sub(r"\\\|", "", line).count("|") for line in block.splitlines()}) == 1
    assert "# Experiments" in text


def test_a_run_on_the_sample_says_so(library: Library, tmp_path: Path) -> None:
    sample = CIFAR10_JPEG | {"kind": "sample", "name": "sample", "comparable": False}
    write_report(tmp_path / "a.html", [make_run(library, data=sample)])
    text = "\n".join(Page((tmp_path / "a.html").read_text(encoding="utf-8")).texts)
    assert "001 Does it run? (sample)" in text
    assert "Not comparable: Trained on the sample" in text
    assert "reported, 30.67%" not in text


@pytest.mark.parametrize("accuracies", [(), (20.0,)])
def test_a_run_that_ended_early(
    library: Library, tmp_path: Path, accuracies: tuple[float, ...]
) -> None:
    write_report(tmp_path / "a.html", [make_run(library, accuracies=accuracies)])
    text = "\n".join(Page((tmp_path / "a.html").read_text(encoding="utf-8")).texts)
    assert f"{len(accuracies)}/3" in text
    assert ("No test yet." in text) is (not accuracies)


def test_a_result_at_chance_says_so(library: Library, tmp_path: Path) -> None:
    for accuracy, at_chance in ((10.2, True), (30.0, False)):
        write_report(tmp_path / "a.md", [make_run(library, accuracies=(10.0, 10.0, accuracy))])
        text = (tmp_path / "a.md").read_text(encoding="utf-8")
        assert ("no better than chance" in text) is at_chance


def test_a_run_of_a_deleted_preset(library: Library, tmp_path: Path) -> None:
    record = make_run(library)
    object.__setattr__(record, "preset", "deleted")
    write_report(tmp_path / "a.html", [record])
    assert "Against the report: " not in (tmp_path / "a.html").read_text(encoding="utf-8")


def test_the_reader_language(library: Library, tmp_path: Path) -> None:
    record = make_run(library)

    def shout(message: Message) -> str:
        return str(message).upper()

    write_report(tmp_path / "a.html", [record], say=shout, language="ko")
    content = (tmp_path / "a.html").read_text(encoding="utf-8")
    assert '<html lang="ko">' in content
    assert "<h2>SUMMARY</h2>" in content


def test_other_endings_and_places_are_refused(library: Library, tmp_path: Path) -> None:
    record = make_run(library)
    with pytest.raises(WorkbenchError, match=r"written as .html or .md"):
        write_report(tmp_path / "report.pdf", [record])
    with pytest.raises(WorkbenchError, match="cannot be written"):
        write_report(tmp_path / "nowhere" / "report.html", [record])


@pytest.mark.parametrize(
    "values",
    [{}, {"batch_norm": True}, {"batch_norm": True, "dropout": 0.2, "activation": "leaky_relu"}],
)
@pytest.mark.parametrize("classes", [2, 10, 100])
def test_the_layers_have_the_networks_parameters(values: dict[str, object], classes: int) -> None:
    experiment = experiment_from(values)
    network = build_network(experiment, classes)
    counted = sum(parameters for _, parameters in layer_rows(experiment, classes))
    assert counted == sum(p.numel() for p in network.parameters())


def test_a_table_of_a_hundred_classes() -> None:
    names = tuple(f"class {i}" for i in range(100))
    table = Table(("", *names), tuple((name, *("0",) * 100) for name in names))
    assert Page(as_html("t", [table])).tags.count("td") == 101 * 100
    assert as_markdown([table, Paragraph("1. no list\n- none")], "p")[0].endswith(
        "1\\. no list  \n\\- none\n"
    )
