"""The YAML that is read: what was written, or a refusal with file, line and field."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

import pytest
import yaml

from workbench import paths
from workbench.messages import WorkbenchError
from workbench.spec import plain_yaml
from workbench.spec.experiment import experiment_from
from workbench.spec.presets import (
    BrokenPreset,
    Preset,
    find_preset,
    list_presets,
    preset_with_id,
    read_preset,
    save_preset,
)

BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{','.join(['*' + chr(97 + n)] * 9)}]\n" for n in range(9)
)
TITLE = "title: x\nexperiment: {}\n"


@pytest.fixture(params=["C", "Python"])
def loader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both of PyYAML's parsers: which of them is there depends on how it was built."""
    kind = yaml.SafeLoader if request.param == "Python" else getattr(yaml, "CSafeLoader", None)
    if kind is None:
        pytest.skip("PyYAML without libyaml")
    monkeypatch.setattr(plain_yaml, "_LOADER", kind)
    return str(request.param)


def write(text: str | bytes, name: str = "mine") -> Path:
    paths.user_presets().mkdir(parents=True, exist_ok=True)
    path = paths.user_presets() / f"{name}.yaml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


WRITTEN = "010 1:30 2024-13-45 2024-01-01 yes no 1_000 .inf 0x1F 1e3 1.50 true = << 0o17 .nan +1"


@pytest.mark.parametrize("written", WRITTEN.split())
def test_a_scalar_stays_what_was_written(loader: str, written: str) -> None:
    path = write(f"title: {written}\ntried: {written}\nexperiment: {{}}\n")
    preset = read_preset(path)
    assert (preset.title, preset.tried) == (written, written)


@pytest.mark.parametrize(
    ("written", "epochs"),
    [
        *(("010", 10), ("'7'", 7), ("1_000", 1_000), ("1:30", None), ("yes", None), ("0x10", None)),
        *(("2024-01-01", None), (".inf", None), ("[3]", None), ("1e400", None)),
        ("9" * 6_000, None),
    ],
)
def test_a_number_is_what_a_person_means_or_is_refused(written: str, epochs: int | None) -> None:
    path = write(f"title: x\nexperiment:\n  seed: 1\n  epochs: {written}\n")
    if epochs is not None:
        assert read_preset(path).experiment.epochs == epochs
        return
    with pytest.raises(WorkbenchError) as caught:
        read_preset(path)
    assert str(caught.value).startswith(f"{path}, line 4: epochs: must be a whole number (it is ")
    assert len(str(caught.value)) < len(str(path)) + 200


def test_yes_and_no_are_true_and_false_where_a_switch_is_meant() -> None:
    values = {"yes": True, "on": True, "true": True, "no": False, "off": False, "False": False}
    for written, expected in values.items():
        path = write(f"title: x\nexperiment: {{batch_norm: {written}}}\n")
        assert read_preset(path).experiment.batch_norm is expected


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("title: x\ntitle: y\nexperiment: {}\n", 2, "title stands there twice"),
        ("title: x\nexperiment: {epochs: 1,\n  epochs: 2}\n", 3, "epochs stands there twice"),
        ("title: &a x\nexperiment: {}\n", 1, "anchors and aliases"),
        ("title: x\nexperiment: *a\n", 2, ""),
        (f"title: x\nexperiment: {{}}\n{BOMB}", 3, "anchors and aliases"),
        ("title: !!int ''\nexperiment: {}\n", 1, "tags (!) are not read"),
        ("title: !!python/object/apply:os.system [ls]\n", 1, "tags (!) are not read"),
        ("title: x\nexperiment: {}\n---\na: 1\n", 3, "a second document"),
        ("title: x\nexperiment: {? [a] : 1}\n", 2, "a name must stand before the colon"),
        ("title: x\nexperiment: " + "[" * 50 + "]" * 50, 2, "more than 8 levels"),
        ("title: x\nexperiment: [" + "1," * 9_000 + "]", 2, "more values"),
        ("title: x\nexperiment: {}\nreported: {accuracy: .nan}\n", 3, "reported.accuracy: must be"),
        ("title: x\nexperiment: {}\nreported: {}\n", 3, "reported.accuracy: is missing"),
        ("title: [x]\nexperiment: {}\n", 1, "title: must be a text"),
        ("title: x\nexperiment: 3\n", 2, "experiment: must hold `name: value` lines"),
        ("title: x\nexperiment: {}\ncolor: red\n", 3, "color: there is no such field"),
        ("title: x\nexperiment: {}\nepochs_run: 1:30\n", 3, "epochs_run: must be a whole number"),
        ("title: x\nexperiment: {}\nas_run:\n  gamma: 0.1\n", 4, "gamma: has no effect"),
        ("title: x\nexperiment: {}\nnote: a\x00b\n", 3, "not valid YAML"),
    ],
)
def test_what_is_refused_says_where(loader: str, text: str, line: int, reason: str) -> None:
    path = write(text)
    with pytest.raises(WorkbenchError) as caught:
        read_preset(path)
    assert str(caught.value).startswith(f"{path}, line {line}: ")
    assert reason in str(caught.value)
    assert str(caught.value).isprintable()


def test_only_a_regular_file_of_a_sensible_size_is_read(tmp_path: Path) -> None:
    write(TITLE + "#" * plain_yaml.LARGEST_FILE, "large")
    (paths.user_presets() / "folder.yaml").mkdir()
    (paths.user_presets() / "gone.yaml").symlink_to(tmp_path / "nowhere")
    write(b"\xff\xfe", "bytes")
    if hasattr(os, "mkfifo"):
        os.mkfifo(paths.user_presets() / "pipe.yaml")
    write(b"\xef\xbb\xbf" + TITLE.encode(), "with-bom")
    began = time.monotonic()
    own = {p.id: p for p in list_presets() if not p.built_in}
    assert time.monotonic() - began < 5
    reasons = {id: str(p.problem) for id, p in own.items() if isinstance(p, BrokenPreset)}
    assert isinstance(own["with-bom"], Preset)
    assert "too large" in reasons.pop("large")
    assert "not UTF-8 text" in reasons.pop("bytes")
    assert "no such file" in reasons.pop("gone")
    assert all("is not a regular file" in reason for reason in reasons.values())
    assert set(reasons) <= {"folder", "pipe"}


def test_a_broken_preset_of_the_program_stays_in_the_list(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "presets"
    folder.mkdir()
    (folder / "001.yaml").write_text(TITLE)
    (folder / "002.yaml").write_text("title: [\n")
    monkeypatch.setattr(paths, "shipped", lambda name: folder)
    first, second = list_presets()
    assert isinstance(first, Preset)
    assert isinstance(second, BrokenPreset)
    assert second.built_in


def test_a_run_names_a_preset_by_its_id_never_a_file(tmp_path: Path) -> None:
    path = tmp_path / "elsewhere.yaml"
    path.write_text(TITLE)
    assert find_preset(str(path)).title == "x"
    for name in (str(path), "../elsewhere", "elsewhere.yaml", "", "."):
        with pytest.raises(WorkbenchError, match="there is no such preset"):
            preset_with_id(name)
    with pytest.raises(WorkbenchError, match="names a user that is not there"):
        find_preset("~nobody-of-this-name/x.yaml")


@pytest.mark.parametrize("title", ["010", "1:30", "no", "null", "~", "2024-01-01", "a: b", "*x"])
def test_what_is_saved_is_read_again(loader: str, title: str) -> None:
    if title == "010":
        title = "010 again"
    if title in ("~",):
        title = "~ x"
    saved = save_preset(title, experiment_from({"learning_rate": "1e-4", "batch_norm": True}))
    assert saved.title == title
    assert saved.experiment.learning_rate == 1e-4


def test_no_mutation_of_a_preset_raises_anything_else_or_takes_long(loader: str) -> None:
    """Bytes put in, taken out, doubled and swapped in all eleven, from a fixed seed."""
    dice = random.Random(14)
    parts = [b"&a ", b"*a", b"!!int ", b"010", b"1:30", b"{", b"[", b"]", b"}", b": ", b"- ", b"\n"]
    parts += [b'"', b"'", b"|", b">", b"? ", b"%YAML 9", b"---", b"\x00", b"\xff", b"\t", b"\xed"]
    parts += [b"9" * 400, b".inf", b"<<: *a\n", b'"\\ud800"', b"\xe2\x80\xae", b"#", b", ", b"~"]
    texts = [path.read_bytes() for path in sorted(paths.shipped("presets").glob("*.yaml"))]
    read = 0
    for number in range(400):
        text = bytearray(texts[number % len(texts)])
        for _ in range(dice.randint(1, 3)):
            at = dice.randrange(len(text))
            length = dice.choice((0, 1, 5, 40))
            text[at : at + length] = dice.choice((b"", dice.choice(parts), text[at : at + 60] * 2))
        path = write(bytes(text))
        problem = ""
        try:
            assert isinstance(read_preset(path), Preset)
            read += 1
        except WorkbenchError as error:
            problem = str(error)
        assert problem.isprintable()
        assert not problem or problem.startswith(str(path))
    assert 0 < read < 400
