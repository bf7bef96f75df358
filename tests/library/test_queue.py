"""The queue of a library: order, state, claims, and files that are not ours."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from workbench.data.data_choice import choose_data
from workbench.library.catalog import Library
from workbench.library.check import check_library
from workbench.library.queue import Queue
from workbench.library.queue_entry import Entry, new_entry
from workbench.messages import Message, WorkbenchError
from workbench.spec.experiment import experiment_from

TOP = Path(__file__).parents[2]


@pytest.fixture
def queue(tmp_path: Path) -> Queue:
    return Queue(tmp_path / "my runs 실험 🙂")


def entry(**more: object) -> Entry:
    return new_entry(experiment_from({"epochs": 2}), choose_data("sample"), **more)  # type: ignore[arg-type]


def ids(queue: Queue) -> list[str]:
    return [each.id for each in queue.entries()]


def test_what_was_added_is_read_back_by_another_object(queue: Queue) -> None:
    (added,) = queue.add([entry(preset="007", title="Adam", sweep="rates", point=3, seed=1)])
    (found,) = Queue(queue.library).entries(sweep="rates")
    assert found == added
    assert (found.id, found.state, found.run, found.point, found.seed) == (
        "1",
        "waiting",
        None,
        3,
        1,
    )
    assert experiment_from(found.experiment).epochs == 2
    assert found.data_choice().kind == "sample"
    assert queue.entries(sweep="other") == []


def test_entries_are_moved_duplicated_and_removed(queue: Queue) -> None:
    queue.add([entry(title=str(number)) for number in range(4)])
    queue.move(["4", "3"], before="1")
    assert ids(queue) == ["4", "3", "1", "2"]
    queue.move(["4"])
    assert ids(queue) == ["3", "1", "2", "4"]
    for _ in range(70):  # more often than there are numbers between two
        queue.move(["4"], before="1")
        queue.move(["2"], before="1")
    assert ids(queue) == ["3", "4", "2", "1"]
    assert queue.duplicate("3").title == "2"
    queue.remove(["5", "4"])
    assert ids(queue) == ["3", "2", "1"]
    assert queue.add([entry()], first=True)[0].id == "6"  # a number is never given twice
    assert ids(queue) == ["6", "3", "2", "1"]


def test_only_what_has_not_begun_is_edited(queue: Queue) -> None:
    queue.add([entry()])
    assert queue.edit("1", threads=2, title="two").threads == 2
    with pytest.raises(WorkbenchError, match="epochs"):
        queue.edit("1", experiment={"epochs": 0})
    claim = queue.claim()
    assert claim is not None
    with pytest.raises(WorkbenchError, match="has begun"):
        queue.edit("1", threads=1)
    with pytest.raises(WorkbenchError, match="is running"):
        queue.remove(["1"])
    claim.release()


def test_a_claim_is_exclusive_and_says_how_it_ended(queue: Queue) -> None:
    queue.add([entry(), entry()])
    one, two = queue.claim(), Queue(queue.library).claim()
    assert one is not None
    assert two is not None
    assert (one.entry.id, two.entry.id) == ("1", "2")
    assert queue.claim() is None
    assert [each.state for each in queue.entries()] == ["running", "running"]
    one.set_run("2026_run")
    one.set_state("failed", Message("{name}: is bad.", name="x"))
    one.release()
    failed = queue.find("1")
    assert (failed.state, failed.run, str(failed.why)) == ("failed", "2026_run", "x: is bad.")
    assert queue.claim() is None
    assert (queue.again(["1"])[0].state, queue.find("1").run) == ("waiting", None)
    two.set_run("other")
    two.set_state("stopped")
    two.release()
    assert queue.again(["2"])[0].run is None  # it has no checkpoint to go on from
    with pytest.raises(WorkbenchError, match="has not ended"):
        queue.again(["2"])


def test_an_entry_whose_process_was_killed_is_claimed_again(queue: Queue) -> None:
    queue.add([entry()])
    code = (
        "import os, sys; from pathlib import Path; from workbench.library.queue import Queue;"
        "claim = Queue(Path(sys.argv[1])).claim(); claim.set_run('mine'); os._exit(9)"
    )
    environment = {**os.environ, "PYTHONPATH": str(TOP)}
    subprocess.run([sys.executable, "-c", code, queue.library], env=environment, check=False)
    assert (queue.find("1").state, queue.entries()[0].state) == ("interrupted", "interrupted")
    claim = queue.claim()
    assert claim is not None
    assert claim.entry.run == "mine"
    claim.release()


def test_many_claim_each_entry_once(queue: Queue) -> None:
    queue.add([entry() for _ in range(12)])
    taken: list[str] = []

    def work() -> None:
        mine = Queue(queue.library)
        while claim := mine.claim():
            taken.append(claim.entry.id)
            claim.set_state("finished")
            claim.release()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken, key=int) == [str(number) for number in range(1, 13)]


def test_damaged_and_newer_files_are_one_sentence_and_stop_nothing(queue: Queue) -> None:
    queue.add([entry() for _ in range(6)])
    whole = json.loads((queue.path / "6.json").read_text())
    spoiled = {
        "1": '{"format": 1, "id": "1", ',
        "2": json.dumps({**whole, "id": "2", "format": 99}),
        "3": json.dumps({**whole, "id": "3", "experiment": {"epochs": "many"}}),
        "4": json.dumps({**whole, "id": "4", "run": "../elsewhere"}),
        "5": json.dumps(whole),
    }
    for id, text in spoiled.items():
        (queue.path / f"{id}.json").write_text(text)
    (queue.path / "7.json").symlink_to(queue.path / "6.json")
    entries, problems = queue.read()
    assert [each.id for each in entries] == ["6"]
    texts = sorted(map(str, problems))
    assert len(texts) == 6
    assert all("\n" not in text for text in texts)
    assert sum("newer version" in text for text in texts) == 1
    claim = queue.claim()
    assert claim is not None
    assert claim.entry.id == "6"
    claim.release()
    queue.remove(["1", "2", "3", "4", "5", "7"])
    assert queue.read()[1] == []
    with pytest.raises(WorkbenchError, match="no such entry"):
        queue.find("../../run")


def test_a_library_with_a_queue_has_no_faults(queue: Queue) -> None:
    queue.add([entry()])
    assert Library(queue.library).read() == ([], [])
    assert list(check_library(queue.library)) == []


def test_what_is_asked_holds_for_everybody(queue: Queue) -> None:
    assert queue.asked == "run"
    queue.ask("pause")
    assert Queue(queue.library).asked == "pause"
    (queue.path / "asked.json").write_text("[")
    assert queue.asked == "run"


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "library").mkdir()
    (tmp_path / "library" / ".queue").symlink_to(tmp_path)
    with pytest.raises(WorkbenchError, match="cannot be written"):
        Queue(tmp_path / "library").add([entry()])


def test_a_sweeps_point_is_not_edited_and_its_copy_is_no_part_of_the_sweep(tmp_path: Path) -> None:
    queue = Queue(tmp_path)
    experiment = experiment_from({})
    entry = new_entry(experiment, choose_data("sample"), sweep="rates", point=3, seed=1)
    (added,) = queue.add([entry])
    with pytest.raises(WorkbenchError, match="a point of the sweep rates"):
        queue.edit(added.id, experiment=experiment_from({"epochs": 9}).values())
    copy = queue.duplicate(added.id)
    assert (copy.sweep, copy.point, copy.seed) == (None, None, None)
    queue.edit(copy.id, experiment=experiment_from({"epochs": 9}).values())
    assert [one.id for one in queue.entries(sweep="rates")] == [added.id]
