"""Runs in a Ray cluster of this machine; and each reason not to use one, in one sentence."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

import workbench
from tests.running.executors.ray_head import TOKEN, TOP, Head, ray_head
from tests.running.test_queue_runner import add, here, states
from tests.running.test_resume import everything
from workbench import cli
from workbench.data.datasets import DataSet
from workbench.engine import training
from workbench.engine.events import Event, Notice, StepsDone
from workbench.library.catalog import Library
from workbench.library.queue import Queue
from workbench.library.queue_entry import Entry
from workbench.library.run_folder import has_checkpoint
from workbench.messages import Cancelled, WorkbenchError
from workbench.running import queue_runner, ray_bridge, runner
from workbench.running.executors import ray_cluster
from workbench.running.executors.ray_cluster import RayCluster, differences
from workbench.running.queue_runner import QueueRunner


def NEVER() -> bool:
    return False


@pytest.fixture(scope="module")
def head() -> Iterator[Head]:
    """A head that asks for a token."""
    with ray_head(TOKEN) as started:
        yield started


@pytest.fixture
def token(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The head's token, and no other."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("RAY_AUTH_TOKEN", TOKEN)
    monkeypatch.delenv("RAY_AUTH_MODE", raising=False)


@pytest.fixture(scope="module")
def cluster(head: Head) -> Iterator[RayCluster]:
    """A connection that the tests share: it takes seconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_AUTH_TOKEN", TOKEN)
        patch.delenv("RAY_AUTH_MODE", raising=False)
        found = RayCluster(2, address=head.address)
        found.connect(NEVER)
    yield found
    found.close()


@pytest.fixture
def library(tmp_path: Path, small: DataSet, monkeypatch: pytest.MonkeyPatch) -> Library:
    monkeypatch.setattr(runner, "load_data", lambda choice, progress, stop: small)
    monkeypatch.setattr(training, "REPORT_INTERVAL", 0.0)
    monkeypatch.setattr(training, "CHECKPOINT_INTERVAL", 0.0)
    return Library(tmp_path / "my runs 실험 🙂")


def run(
    library: Library,
    cluster: RayCluster,
    monkeypatch: pytest.MonkeyPatch,
    listener: Callable[[Entry, Event], None] = lambda *_: None,
) -> None:
    monkeypatch.setattr(queue_runner, "open_executor", lambda *_, **__: cluster)
    monkeypatch.setattr(cluster, "connect", lambda stop: None)
    monkeypatch.setattr(cluster, "close", lambda: None)
    cluster._data.clear()  # the test's home, and its cache, are others
    QueueRunner(library, executor="ray", workers=2, listener=listener).run()


@pytest.mark.slow
def test_the_cluster_trains_bit_for_bit_what_this_process_does_and_says_of_other_versions(
    library: Library, cluster: RayCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(library, 1, 2)
    with monkeypatch.context() as patch:
        patch.setattr(workbench, "__version__", "9.9")
        run(library, cluster, patch)
    assert states(library) == ["finished", "finished"]
    for entry in Queue(library.path).entries():
        assert entry.run is not None
        folder = library.path / entry.run
        alone = here(Library(tmp_path / "here"), seed=entry.point)
        assert everything(folder) == everything(alone.folder)
        assert "and this machine 9.9" in (folder / "log.txt").read_text(encoding="utf-8")


@pytest.mark.slow
def test_a_worker_that_is_killed_is_replaced_and_its_run_goes_on(
    library: Library,
    head: Head,
    cluster: RayCluster,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    add(library, 1, epochs=3)
    killed: list[int] = []
    heard: list[Event] = []

    def listen(entry: Entry, event: Event) -> None:
        heard.append(event)
        if isinstance(event, StepsDone) and (event.epoch, event.step) == (2, 3) and not killed:
            for each in head.workers():
                killed.append(each.pid)
                each.kill()

    run(library, cluster, monkeypatch, listen)
    assert killed
    assert states(library) == ["finished"]
    (record,) = library.runs()
    assert len(record.resumed) == 1
    assert any("its process ended" in str(e.message) for e in heard if isinstance(e, Notice))
    alone = here(Library(tmp_path / "a"), seed=1, epochs=3)
    assert everything(record.folder) == everything(alone.folder)


def command(library: Library, *more: str) -> subprocess.Popen[str]:
    """``queue run`` in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "workbench", "queue", "run", "--library", library.path, *more],
        env={**os.environ, "PYTHONPATH": str(TOP)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def until(happened: Callable[[], object], seconds: float = 90) -> None:
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.1)


def _goes_on(library: Library) -> bool:
    return any(has_checkpoint(record.folder) for record in library.runs())


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_driver_that_is_killed_and_opened_again_resumes_its_run(
    head: Head, token: None, tmp_path: Path
) -> None:
    library = Library(tmp_path / "library")
    add(library, 1, epochs=40)
    before = {each.pid for each in head.workers()}
    ray = ("--executor", "ray", "--address", head.address)
    driver = command(library, *ray)
    # It has a checkpoint every 30 seconds, and one at a pause.
    until(lambda: any(record.epochs_done for record in library.runs()))
    (record,) = library.runs()
    assert {each.pid for each in head.workers()} - before
    subprocess.run(
        [sys.executable, "-m", "workbench", "pause", record.id, "--library", library.path],
        env={**os.environ, "PYTHONPATH": str(TOP)},
        check=True,
    )
    until(lambda: _goes_on(library))
    driver.send_signal(signal.SIGKILL)
    driver.communicate()
    until(lambda: {each.pid for each in head.workers()} <= before)
    assert states(library) == ["interrupted"]
    again = command(library, *ray)
    until(lambda: any(record.resumed for record in library.runs()))
    again.send_signal(signal.SIGINT)
    _, err = again.communicate(timeout=60)
    assert again.returncode == 130, err
    assert states(library) == ["waiting"]
    assert head.processes("gcs_server")  # not ours to stop


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_cluster_without_a_token_is_refused_unless_meant_and_one_that_dies_is_one_sentence(
    token: None, tmp_path: Path
) -> None:
    library = Library(tmp_path / "library")
    add(library, 1, epochs=40)
    with ray_head(None) as open_head:
        ray = ("--executor", "ray", "--address", open_head.address)
        refused = command(library, *ray)
        _, err = refused.communicate(timeout=90)
        assert (refused.returncode, err.count("\n")) == (2, 1)
        assert "can run any program on its machines" in err
        driver = command(library, *ray, "--insecure")
        until(lambda: any(record.epochs_done for record in library.runs()))
        for each in open_head.processes("gcs_server"):
            each.kill()
        _, err = driver.communicate(timeout=60)
    assert driver.returncode == 2
    assert err.splitlines()[-1].startswith(f"The Ray cluster at {open_head.address} is gone.")
    assert "Traceback" not in err
    assert states(library) == ["interrupted"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("workers", "more", "sentence"),
    [
        (1, {"cpus": 64}, "No machine of the cluster has what a run asks for (CPUs: 64, GPUs: 0)"),
        (1, {"gpus": 0.25}, "they have CPUs: 2, GPUs: 0"),
        (3, {}, "--workers can be 2 at most"),
    ],
)
def test_what_the_cluster_lacks_is_said_before_anything_waits_for_it(
    head: Head, token: None, workers: int, more: dict[str, Any], sentence: str
) -> None:
    cluster = RayCluster(workers, address=head.address, **more)
    with pytest.raises(WorkbenchError) as refused:
        cluster.connect(NEVER)
    cluster.close()
    assert sentence in str(refused.value)


@pytest.mark.slow
@pytest.mark.parametrize("wrong", [None, "another-token-0123456789abcdef"])
def test_without_the_clusters_token_it_is_one_sentence(
    head: Head, token: None, wrong: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RAY_AUTH_TOKEN")
    if wrong:
        monkeypatch.setenv("RAY_AUTH_TOKEN", wrong)
    cluster = RayCluster(1, address=head.address)
    with pytest.raises(WorkbenchError, match="asks for a token, and this machine has none"):
        cluster.connect(NEVER)
    cluster.close()


@pytest.mark.slow
def test_a_connection_that_takes_long_can_be_stopped(head: Head, token: None) -> None:
    cluster = RayCluster(1, address=head.address)
    with pytest.raises(Cancelled):
        cluster.connect(lambda: True)
    cluster.close()


@pytest.mark.slow
def test_something_else_at_the_address_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_bridge, "PROBE_S", 4.0)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        with pytest.raises(WorkbenchError, match="something is there, but no head of Ray"):
            ray_bridge._asks(f"127.0.0.1:{silent.getsockname()[1]}", "disabled")


# --- without Ray -----------------------------------------------------------------------


def test_nobody_at_the_address_is_one_sentence() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{closed.getsockname()[1]}"
        with pytest.raises(WorkbenchError, match=f"{address}: nobody answers"):
            ray_bridge.require_answer(address)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({}, "no address of a cluster; write --address HOST:PORT"),
        ({"address": "somewhere"}, "somewhere: no address of a cluster"),
        ({"address": "ray://host:10001"}, "no address of a cluster"),
        ({"address": "host:70000"}, "no address of a cluster"),
        ({"address": "host:1", "cpus": float("nan")}, "--cpus must be a number"),
        ({"address": "host:1", "cpus": 0}, "--cpus must be a number"),
        ({"address": "host:1", "gpus": 1.5}, "--gpus must be"),
        ({"address": "host:1", "gpus": -1}, "--gpus must be"),
    ],
)
def test_what_can_be_no_address_or_share_is_refused(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(WorkbenchError) as refused:
        RayCluster(1, **options)
    assert sentence in str(refused.value)


def test_without_ray_the_line_that_installs_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_cluster.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(WorkbenchError, match=r'pip install "\.\[cluster\]"'):
        RayCluster(1, address="host:1")


def test_other_versions_of_a_worker_are_named() -> None:
    same = {"machine": "m", "torch": torch.__version__, "cifar_workbench": workbench.__version__}
    assert differences(same) == []
    (said,) = differences({**same, "torch": "1.0"})
    assert "The worker on m has torch 1.0" in str(said)


def test_shares_of_a_card_are_counted_on_one_card() -> None:
    machine = {"CPU": 16.0, "GPU": 2.0}
    assert ray_bridge._fits(machine, 1, 0.25) == 8
    assert ray_bridge._fits(machine, 1, 0.4) == 4
    assert ray_bridge._fits(machine, 4, 0.25) == 4
    assert ray_bridge._fits(machine, 1, 2) == 1
    assert ray_bridge._fits(machine, 1, 3) == 0
    assert ray_bridge._fits(machine, 0.5, 0) == 32


def test_more_threads_than_the_cluster_has_cores_are_mentioned(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ray_cluster.importlib.util, "find_spec", lambda name: "there")
    cluster = RayCluster(2, address="host:1")
    cluster._cluster_cpus = 2.0
    assert cluster._notices({"threads": 1, "device": "cpu"}) == []
    (said,) = cluster._notices({"threads": 2, "device": "cpu"})
    assert "more than 2 cores" in str(said)


def test_a_sweep_is_not_begun_where_nobody_answers(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(ray_cluster.importlib.util, "find_spec", lambda name: "there")
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{closed.getsockname()[1]}"
        given = ["--executor", "ray", "--address", address, "--library", str(tmp_path / "library")]
        code = cli.main(["sweep", "007", "--vary", "batch_size=16,64", *given])
    err = capsys.readouterr().err
    assert (code, err.count("\n")) == (2, 1)
    assert f"{address}: nobody answers" in err
    assert not (tmp_path / "library").exists()
