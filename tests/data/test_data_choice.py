from pathlib import Path

import pytest

from workbench import paths
from workbench.data.data_choice import CIFAR10_CLASSES, choose_data, find_cifar10
from workbench.messages import WorkbenchError


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without CIFAR-10, whatever lies on the real one."""
    for name in ("workbench-home", "person", "here"):
        (tmp_path / name).mkdir(exist_ok=True)
    monkeypatch.setenv("CIFAR_WORKBENCH_HOME", str(tmp_path / "workbench-home"))
    monkeypatch.delenv("CIFAR10_ROOT", raising=False)
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "person")
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path


def put_cifar10(place: Path) -> Path:
    folder = place / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    (folder / "test_batch").write_bytes(b"")
    return place


def test_without_cifar10_it_is_the_sample_and_says_how_to_get_the_data() -> None:
    choice = choose_data()
    assert (choice.kind, choice.path) == ("sample", None)
    assert "CIFAR-10 is not on this machine" in str(choice.reason)
    assert "cifar-workbench data download" in str(choice.reason)


@pytest.mark.parametrize(
    "place",
    ["workbench-home/data", "here", "here/data", "person", "person/data", "person/.keras/datasets"],
)
def test_cifar10_is_found_and_the_reason_says_where(machine: Path, place: str) -> None:
    put_cifar10(machine / place)
    for choice in (choose_data(), choose_data("cifar10")):
        assert (choice.kind, choice.path) == ("cifar10", machine / place)
        assert str(machine / place / "cifar-10-batches-py") in str(choice.reason)


def test_the_environment_names_the_first_place(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_cifar10(machine / "here")
    put_cifar10(machine / "elsewhere")
    monkeypatch.setenv("CIFAR10_ROOT", str(machine / "elsewhere"))
    assert find_cifar10() == machine / "elsewhere"


def test_downloaded_data_comes_before_the_working_folder(machine: Path) -> None:
    put_cifar10(machine / "here")
    put_cifar10(paths.data())
    assert find_cifar10() == machine / "workbench-home" / "data"


def test_a_folder_without_batch_files_is_not_cifar10(machine: Path) -> None:
    (machine / "here" / "cifar-10-batches-py").mkdir()
    assert find_cifar10() is None


def test_the_sample_is_used_where_it_is_asked_for(machine: Path) -> None:
    put_cifar10(machine / "here")
    assert choose_data("sample").kind == "sample"


def test_cifar10_that_is_missing_is_no_sample() -> None:
    with pytest.raises(WorkbenchError, match="not on this machine; get it with"):
        choose_data("cifar10")


def test_a_folder_of_images(machine: Path) -> None:
    (machine / "here" / "pets" / "train").mkdir(parents=True)
    (machine / "here" / "pets" / "test").mkdir()
    choice = choose_data("pets")
    assert (choice.kind, choice.path) == ("folder", machine / "here" / "pets")


@pytest.mark.parametrize("name", ["elsewhere", "elsewhere/cifar-10-batches-py"])
def test_a_folder_that_is_or_holds_cifar10(machine: Path, name: str) -> None:
    put_cifar10(machine / "elsewhere")
    choice = choose_data(str(machine / name))
    assert (choice.kind, choice.path) == ("cifar10", machine / "elsewhere")


def test_an_unknown_path_is_named(machine: Path) -> None:
    with pytest.raises(WorkbenchError) as error:
        choose_data("nothing-here")
    assert str(error.value) == (
        f"{machine / 'here' / 'nothing-here'}: there is no such folder; name cifar10, sample, or "
        "a folder of images."
    )


@pytest.mark.parametrize("inside", [[], ["train"], ["test"]])
def test_a_folder_without_train_and_test_is_named(machine: Path, inside: list[str]) -> None:
    folder = machine / "here" / "pets"
    for name in ["other", *inside]:
        (folder / name).mkdir(parents=True)
    with pytest.raises(WorkbenchError) as error:
        choose_data("pets")
    assert str(error.value).startswith(f"{folder}: no data set was found there: it holds ")


def test_the_classes_are_sorted_as_folders_are() -> None:
    assert list(CIFAR10_CLASSES) == sorted(CIFAR10_CLASSES)
