"""A share brings whole runs into another library, and nothing else."""

from __future__ import annotations

import json
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.commands.conftest import Call, call  # noqa: F401 (a fixture)
from workbench.exporters.export import export
from workbench.library.catalog import Library
from workbench.library.labels import Labels
from workbench.library.run_folder import RunRecord, read_epochs, read_losses, read_test
from workbench.library.shared_runs import import_share
from workbench.messages import Cancelled, WorkbenchError


@pytest.fixture(scope="module")
def share(library: Library, run: RunRecord, tmp_path_factory: pytest.TempPathFactory) -> Path:
    library.label(run, lambda labels: Labels("Mine", "a note", ("lesson",), True))
    (record,) = (r for r in library.runs() if r.id == run.id)
    path = tmp_path_factory.mktemp("shares") / "runs.zip"
    done = export([record], "share", path)
    assert done.files == (path,)
    return path


def everything(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "run.lock"
    }


def test_a_run_opens_with_the_same_figures_there(
    run: RunRecord,
    share: Path,
    tmp_path: Path,
    call: Call,  # noqa: F811
) -> None:
    there = Library(tmp_path / "there")
    code, out, err = call("import", share, "--library", there.path)
    assert (code, err) == (0, "")
    assert "Imported 009 Mine" in out
    (found,) = there.runs()
    assert (found.accuracy, found.experiment, found.notes, found.tags, found.starred) == (
        *(run.accuracy, run.experiment, "a note", ("lesson",), True),
    )
    assert read_losses(found.folder).tobytes() == read_losses(run.folder).tobytes()
    assert read_epochs(found.folder) == read_epochs(run.folder)
    assert read_test(found.folder) == read_test(run.folder)
    for name in (str(run.weights), "test_logits.npz"):
        assert (found.folder / name).read_bytes() == (run.folder / name).read_bytes()
    before = everything(there.path)
    code, out, _ = call("import", share, "--library", there.path, "--json")
    assert (code, json.loads(out)) == (0, {"imported": [], "known": [run.id]})
    assert everything(there.path) == before


def test_a_share_names_no_folder_of_this_machine(run: RunRecord, share: Path) -> None:
    with zipfile.ZipFile(share) as archive:
        content = b"".join(archive.read(name) for name in archive.namelist())
        assert "Model card" in archive.read("MODEL_CARD.md").decode()
    assert str(run.folder.parent).encode() not in content


def test_another_run_of_the_same_name_stays_and_the_new_one_gets_a_number(
    run: RunRecord, share: Path, tmp_path: Path
) -> None:
    there = tmp_path / "there"
    (there / run.id).mkdir(parents=True)
    (there / run.id / "notes.txt").write_text("mine")
    imported = import_share(share, there)
    assert [record.id for record in imported.runs] == [f"{run.id}_2"]
    assert (there / run.id / "notes.txt").read_text() == "mine"


def changed(
    share: Path,
    path: Path,
    change: Callable[[zipfile.ZipInfo, bytes], tuple[zipfile.ZipInfo | str, bytes] | None],
    *more: tuple[zipfile.ZipInfo | str, bytes],
) -> Path:
    with zipfile.ZipFile(share) as before, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for member in before.infolist():
            one = change(member, before.read(member))
            if one is not None:
                new.writestr(*one)
        for extra in more:
            new.writestr(*extra)
    return path


def keep(member: zipfile.ZipInfo, content: bytes) -> tuple[zipfile.ZipInfo | str, bytes]:
    return member, content


def replaced(name: str, new: bytes) -> Callable[..., tuple[zipfile.ZipInfo | str, bytes]]:
    return lambda member, content: (member, new if member.filename.endswith(name) else content)


def link(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


def test_hostile_and_damaged_shares_are_one_sentence_and_leave_nothing(
    run: RunRecord, share: Path, tmp_path: Path
) -> None:
    there = tmp_path / "deep" / "there"
    there.mkdir(parents=True)
    path = tmp_path / "bad.zip"
    inside = f"{run.id}/"
    code = b"cos\nsystem\n(S'touch /tmp/owned'\ntR."
    wanted = [
        (keep, [("../evil.pkl", b"x")], "is no file of a run"),
        (keep, [(f"{inside}../../evil.pkl", b"x")], "is no file of a run"),
        (keep, [("/etc/evil.pkl", b"x")], "is no file of a run"),
        (keep, [("C:/evil.pkl", b"x")], "is no file of a run"),
        (keep, [(f"{inside}evil.sh", b"x")], "is no file of a run"),
        (keep, [(".trash/run.json", b"x")], "is no file of a run"),
        (keep, [("CON/run.json", b"x")], "is no file of a run"),
        (keep, [(link(f"{inside}linked.pkl"), b"/etc/passwd")], "is no file of a run"),
        (keep, [(f"{inside}RUN.json", b"{}")], "the same name"),
        (keep, [(f"{inside}zero.pkl", bytes(100_000_001))], "holds more than runs can have"),
        (keep, [(f"{inside}code.pkl", code)], "code.pkl of the run"),
        (replaced("run.json", b"{}"), [], "run.json of the run"),
        (replaced("epochs.csv", b"a,b\n"), [], "epochs.csv of the run"),
        (replaced("test_logits.npz", b"PK"), [], "test_logits.npz of the run"),
        (replaced("share.json", b'{"kind": "other"}'), [], "was not exported by this program"),
        (
            replaced("share.json", b'{"kind": "cifar-workbench share", "format": 99}'),
            [],
            "newer version",
        ),
        (lambda m, c: (m, c) if m.filename == "share.json" else None, [], "it holds no runs"),
        (lambda m, c: None if m.filename.endswith("run.json") else (m, c), [], "has no run.json"),
    ]
    for change, more, reason in wanted:
        changed(share, path, change, *more)  # type: ignore[arg-type]
        with pytest.raises(WorkbenchError) as caught:
            import_share(path, there)
        assert reason in str(caught.value), reason
        assert str(caught.value).startswith(f"{path}: ")
        assert everything(tmp_path / "deep") == {}, reason
    content = share.read_bytes()
    for cut in (b"", content[:1000], content[:-100], b"x" * 5000):
        path.write_bytes(cut)
        with pytest.raises(WorkbenchError):
            import_share(path, there)
    flipped = bytearray(content)
    flipped[len(content) // 2] ^= 0xFF
    path.write_bytes(flipped)
    with pytest.raises(WorkbenchError, match="damaged"):
        import_share(path, there)
    with pytest.raises(WorkbenchError, match="no such file"):
        import_share(tmp_path / "none.zip", there)
    with pytest.raises(Cancelled):
        import_share(share, there, stop=lambda: True)
    assert everything(tmp_path / "deep") == {}
