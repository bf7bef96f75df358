"""File names from words: allowed on Windows, macOS and Linux alike."""

from __future__ import annotations

import unicodedata

import pytest

from workbench.file_names import file_name, same_file_name
from workbench.library.run_folder import file_label, new_run_name


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("007 Adam, epoch 3", "007-Adam-epoch-3"),
        ("느린 실험", "느린-실험"),
        (unicodedata.normalize("NFD", "느린 é"), "느린-é"),
        ("a:b", "a-b"),
        ('<a>|"b"?*\\c/d', "a-b-c-d"),
        ("v1.2", "v1.2"),
        ("ends with a dot. ", "ends-with-a-dot"),
        (".hidden", "hidden"),
        ("../../up", "up"),
        ("tab\tline\nnul\0bell\x07", "tab-line-nul-bell"),
        ("lone \ud800 surrogate", "lone-surrogate"),
        ("CON", "_CON"),
        ("nul.txt", "_nul.txt"),
        ("com1", "_com1"),
        ("LPT³", "_LPT³"),
        ("Aux. ", "_Aux"),
        ("CONSOLE", "CONSOLE"),
        ("com10", "com10"),
        ("", "untitled"),
        ("???", "untitled"),
    ],
)
def test_words_become_a_name_that_every_system_allows(words: str, name: str) -> None:
    assert file_name(words) == name


@pytest.mark.parametrize("letter", ["a", "é", "가", "𝒜", "a."])
def test_names_are_cut_between_letters_to_what_file_systems_take(letter: str) -> None:
    name = file_name(letter * 300)
    assert 40 <= len(name) <= 80
    assert len(name.encode("utf-8")) <= 200
    assert not name.endswith(".")
    assert (letter * 300).startswith(name)


def test_names_of_runs_are_such_names_too() -> None:
    assert file_label("007") == "007"
    assert file_label("a:b.") == "a-b"
    assert file_label(None) == file_label("") == "experiment"
    longest = file_label("가" * 300)
    assert len(longest) == 40
    # Windows takes paths of 259 characters: a home of 100 leaves room for what is written.
    run = new_run_name("가" * 300)
    written = f"library/{run}_9999/.mlp_weight_{longest}_best.pkl.1234567.tmp"
    assert 100 + len("/") + len(written) <= 259


def test_names_that_differ_only_in_case_are_one_file() -> None:
    assert same_file_name("Adam", "adam")
    assert same_file_name("É", unicodedata.normalize("NFD", "é"))
    assert not same_file_name("Adam", "Adam-2")
