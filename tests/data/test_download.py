import gzip
import hashlib
import io
import socket
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from workbench.data import download
from workbench.data.download import ARCHIVE, BATCH_FILES, download_cifar10
from workbench.data.progress import DataProgress
from workbench.messages import Cancelled, WorkbenchError

FOLDER = "cifar-10-batches-py"


def archive(members: dict[str, bytes], *links: tuple[str, str]) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz", compresslevel=1) as tar:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
        for name, to in links:
            member = tarfile.TarInfo(name)
            member.type, member.linkname = tarfile.SYMTYPE, to
            tar.addfile(member)
    return file.getvalue()


# Noise does not shrink: about 700 kB to send.
FILES = {
    f"{FOLDER}/{name}": np.random.default_rng(0).bytes(100_000 + n)
    for n, name in enumerate(BATCH_FILES)
}
WHOLE = archive({**FILES, f"{FOLDER}/readme.html": b"<html>"})


@dataclass
class Server:
    url: str = ""
    content: bytes = WHOLE
    ranges: bool = True
    cuts: list[int] = field(default_factory=list)
    """Bytes after which the next connections are cut."""
    hangs_after: int | None = None
    status: int | None = None
    location: str | None = None
    """To which the download is sent on, again and again."""
    length: str | None = ""
    """The header Content-Length: "" for the right one, None for none."""
    asked: list[str | None] = field(default_factory=list)
    """The Range header of each request."""
    let_go: threading.Event = field(default_factory=threading.Event)


@pytest.fixture
def server() -> Iterator[Server]:
    plan = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wanted = self.headers.get("Range")
            plan.asked.append(wanted)
            start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
            size = len(plan.content)
            if plan.location is not None:
                self.send_response(302)
                self.send_header("Location", plan.location)
                self.end_headers()
                return
            if plan.status:
                self.send_error(plan.status)
                return
            if wanted and plan.ranges and start >= size:
                self.send_error(416)
                return
            if wanted and plan.ranges:
                self.send_response(206)
                self.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
            else:
                start = 0
                self.send_response(200)
            body = plan.content[start:]
            if plan.length is not None:
                self.send_header("Content-Length", plan.length or str(len(body)))
            self.end_headers()
            if plan.hangs_after is not None:
                self.wfile.write(body[: plan.hangs_after])
                plan.let_go.wait(10)
                return
            self.wfile.write(body[: plan.cuts.pop(0)] if plan.cuts else body)

        def log_message(self, *_: object) -> None:
            pass

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    httpd.handle_error = lambda *_: None  # type: ignore[method-assign]  # a client that hangs up
    plan.url = f"http://127.0.0.1:{httpd.server_port}/cifar-10-python.tar.gz"
    thread = threading.Thread(target=httpd.serve_forever, args=(0.02,))
    thread.start()
    yield plan
    plan.let_go.set()
    httpd.shutdown()
    httpd.server_close()
    thread.join()


def never() -> bool:
    return False


def get(
    server: Server,
    target: Path,
    progress: Callable[[DataProgress], None] = lambda _: None,
    stop: Callable[[], bool] = never,
    content: bytes = WHOLE,
) -> Path:
    return download_cifar10(
        progress,
        stop,
        server.url,
        target,
        md5=hashlib.md5(content).hexdigest(),
        size=len(content),
        timeout=1,
        attempts=3,
        pause=0.01,
    )


def assert_whole(target: Path) -> None:
    """The folder with its files and nothing else that would take up room."""
    assert {path.name for path in (target / FOLDER).iterdir()} == set(BATCH_FILES)
    for name, content in FILES.items():
        assert (target / name).read_bytes() == content
    assert {path.name for path in target.iterdir()} <= {FOLDER, f".{ARCHIVE}.lock"}


def assert_nothing(target: Path) -> None:
    """No data and no half of it, apart from the part to go on with."""
    names = {path.name for path in target.iterdir()}
    assert names <= {f"{ARCHIVE}.part", f".{ARCHIVE}.lock"}


@pytest.fixture
def target(tmp_path: Path) -> Path:
    folder = tmp_path / "target"
    folder.mkdir()
    return folder


def test_whole_with_progress_in_bytes(server: Server, target: Path) -> None:
    seen: list[DataProgress] = []
    target = target / "not" / "yet there"
    assert get(server, target, seen.append) == target
    assert_whole(target)
    assert seen[-1] == DataProgress(len(WHOLE), len(WHOLE), "bytes")
    assert [event.done for event in seen] == sorted(event.done for event in seen)


def test_progress_comes_at_most_a_few_dozen_times_a_second(
    server: Server, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "_CHUNK", 100)  # 7,000 pieces
    seen: list[DataProgress] = []
    start = time.monotonic()
    get(server, target, seen.append)
    assert len(seen) <= 2 + 40 * (time.monotonic() - start)


def test_what_is_there_is_not_downloaded_again(server: Server, target: Path) -> None:
    get(server, target)
    get(server, target)
    assert len(server.asked) == 1


def test_a_cut_download_goes_on_where_it_was(server: Server, target: Path) -> None:
    server.cuts = [200_000, 150_000]
    get(server, target)
    assert server.asked == [None, "bytes=200000-", "bytes=350000-"]
    assert_whole(target)


def test_a_server_without_range_starts_over(server: Server, target: Path) -> None:
    server.ranges, server.cuts = False, [200_000]
    get(server, target)
    assert server.asked == [None, "bytes=200000-"]
    assert_whole(target)


@pytest.mark.parametrize("ranges", [True, False])
def test_gives_up_where_every_connection_is_cut_and_the_next_try_works(
    server: Server, target: Path, ranges: bool
) -> None:
    server.ranges = ranges
    server.cuts = [200_000, *[0] * 50] if ranges else [200_000] * 50
    with pytest.raises(WorkbenchError) as error:
        get(server, target)
    assert len(server.asked) == 4  # one that brought something, three that did not
    assert str(error.value) == (
        f"{server.url}: the download failed (the connection was cut); check the connection and "
        "start it again; it continues where it stopped."
    )
    assert_nothing(target)
    server.cuts = []
    get(server, target)
    assert server.asked[-1] == "bytes=200000-"
    assert_whole(target)


def test_a_flaky_connection_that_brings_something_each_time_gets_there(
    server: Server, target: Path
) -> None:
    server.cuts = [50_000] * 10
    get(server, target)
    assert_whole(target)


def test_wrong_checksum_leaves_nothing(server: Server, target: Path) -> None:
    server.content = WHOLE[:-1] + b"?"
    with pytest.raises(WorkbenchError, match=r"checksum differs.*start the download again"):
        get(server, target)
    assert_nothing(target)
    assert not (target / f"{ARCHIVE}.part").exists()
    server.content = WHOLE
    get(server, target)
    assert_whole(target)


def test_cancel_in_the_middle(server: Server, target: Path) -> None:
    seen: list[DataProgress] = []
    with pytest.raises(Cancelled):
        get(server, target, seen.append, stop=lambda: bool(seen))
    assert seen[-1].done < len(WHOLE)
    assert_nothing(target)
    get(server, target)
    assert_whole(target)


def test_cancel_while_the_connection_hangs(server: Server, target: Path) -> None:
    server.hangs_after = 100_000
    seen: list[DataProgress] = []
    start = time.monotonic()
    with pytest.raises(Cancelled):
        get(server, target, seen.append, stop=lambda: time.monotonic() > start + 0.2)
    assert time.monotonic() - start < 3  # the timeout is one second
    assert_nothing(target)


def test_a_server_that_refuses_is_not_asked_again(server: Server, target: Path) -> None:
    server.status = 404
    with pytest.raises(WorkbenchError, match=r"the server refuses.*404"):
        get(server, target)
    assert len(server.asked) == 1


def test_no_server(target: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/x"
        with pytest.raises(WorkbenchError, match=r"the download failed .*check the connection"):
            get(Server(url), target)
    assert_nothing(target)


def test_two_downloads_at_once_take_turns(server: Server, target: Path) -> None:
    problems: list[BaseException] = []

    def one() -> None:
        try:
            get(server, target)
        except BaseException as error:
            problems.append(error)

    threads = [threading.Thread(target=one) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert len(server.asked) == 1
    assert_whole(target)


def test_waiting_for_another_download_can_be_cancelled(server: Server, target: Path) -> None:
    with download.FileLock(target / f".{ARCHIVE}.lock"), pytest.raises(Cancelled):
        get(server, target, stop=lambda: True)


def test_leftovers_of_a_killed_process_do_not_matter(server: Server, target: Path) -> None:
    # killed after the last byte, while it unpacked
    (target / f"{ARCHIVE}.part").write_bytes(WHOLE)
    (target / f".{FOLDER}.unpacking").mkdir()
    (target / f".{FOLDER}.unpacking" / "data_batch_1").write_bytes(b"half")
    get(server, target)
    assert_whole(target)


def test_cancel_while_it_unpacks(server: Server, target: Path) -> None:
    (target / f"{ARCHIVE}.part").write_bytes(WHOLE)
    with pytest.raises(Cancelled):
        get(server, target, stop=lambda: (target / f".{FOLDER}.unpacking").exists())
    assert_nothing(target)


def test_a_folder_that_lacks_files_is_left_alone(server: Server, target: Path) -> None:
    get(server, target)
    missing = target / FOLDER / "data_batch_2"
    missing.unlink()
    with pytest.raises(WorkbenchError) as error:
        get(server, target)
    assert str(error.value).startswith(f"{missing}: is missing; delete the folder ")
    assert (target / FOLDER / "data_batch_1").exists()


def test_only_expected_files_are_unpacked(server: Server, target: Path) -> None:
    target = target / "inner"
    server.content = archive(
        {"../evil": b"x", f"{FOLDER}/../../evil2": b"x", f"{FOLDER}/extra": b"x", **FILES},
        (f"{FOLDER}/link", "/etc"),
    )
    get(server, target, content=server.content)
    assert_whole(target)
    assert {path.name for path in target.parent.iterdir()} == {"inner"}


@pytest.mark.parametrize(
    "content",
    [
        archive({name: FILES[name] for name in list(FILES)[1:]}),
        archive({name: FILES[name] for name in list(FILES)[1:]}, (next(iter(FILES)), "/etc/hosts")),
        gzip.compress(b"no tar"),
        b"no gzip",
        WHOLE[:300_000],
    ],
    ids=["file missing", "link for a file", "no tar", "no gzip", "truncated"],
)
def test_a_useless_archive_is_one_sentence(server: Server, target: Path, content: bytes) -> None:
    server.content = content
    with pytest.raises(WorkbenchError, match="cannot be unpacked"):
        get(server, target, content=content)
    assert_nothing(target)


def test_a_full_disk_is_one_sentence(
    server: Server, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(download, "_copy", full)
    with pytest.raises(WorkbenchError) as error:
        get(server, target)
    assert str(error.value) == (
        f"{target}: the disk is full; free 360 MB and start the download again."
    )
    assert_nothing(target)


def test_a_target_that_is_a_file_is_one_sentence(server: Server, target: Path) -> None:
    (target / "file").write_text("mine")
    with pytest.raises(WorkbenchError, match="file: cannot be written"):
        get(server, target / "file")
    assert (target / "file").read_text() == "mine"


def test_opens_without_torch() -> None:
    code = "import sys, workbench.data.download; sys.exit('torch' in sys.modules)"
    repository = Path(__file__).parents[2]
    assert subprocess.run([sys.executable, "-c", code], cwd=repository).returncode == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_disk_that_fills_up_while_bytes_arrive(server: Server, target: Path) -> None:
    (target / f"{ARCHIVE}.part").symlink_to("/dev/full")
    with pytest.raises(WorkbenchError, match="the disk is full"):
        get(server, target)
    assert len(server.asked) == 1


# Servers that say or send something else


def sentence(server: Server, target: Path) -> str:
    with pytest.raises(WorkbenchError) as error:
        get(server, target)
    text = str(error.value)
    assert text.startswith(f"{server.url}: the ")
    assert "\n" not in text
    assert_nothing(target)
    return text


@pytest.mark.parametrize("length", ["abc", "-1", "1e9", "7" * 5_000, "", None, "12 34"])
def test_a_length_that_is_no_length_does_not_matter(
    server: Server, target: Path, length: str | None
) -> None:
    server.length = length
    get(server, target)
    assert_whole(target)


@pytest.mark.parametrize("length", [None, "abc", "-5"])
def test_a_body_that_does_not_end_is_ended_at_the_published_size(
    server: Server, target: Path, length: str | None
) -> None:
    server.length, server.content = length, WHOLE + bytes(5_000_000)
    most = 0

    def watch(event: DataProgress) -> None:
        nonlocal most
        most = max(most, event.done)

    with pytest.raises(WorkbenchError, match="another file than the published one"):
        get(server, target, watch)
    assert most <= len(WHOLE)
    assert len(server.asked) == 1
    assert not (target / f"{ARCHIVE}.part").exists()


@pytest.mark.parametrize("size", [5, len(WHOLE) - 1, len(WHOLE) + 1, 10**17])
def test_another_length_than_the_published_one_is_not_fetched(
    server: Server, target: Path, size: int
) -> None:
    (target / f"{ARCHIVE}.part").write_bytes(WHOLE[:200_000])
    server.ranges, server.length = False, str(size)
    text = sentence(server, target)
    assert f"another file than the published one ({size:,} bytes in place of" in text
    # What had come stays: the login page of a hotel's network is no reason to begin again.
    assert (target / f"{ARCHIVE}.part").read_bytes() == WHOLE[:200_000]
    server.ranges, server.length = True, ""
    get(server, target)
    assert_whole(target)


def test_a_body_of_unknown_length_that_ends_early_goes_on(server: Server, target: Path) -> None:
    server.length, server.cuts = None, [200_000]
    get(server, target)
    assert server.asked == [None, "bytes=200000-"]
    assert_whole(target)


@pytest.mark.parametrize(
    "location",
    [
        "file:///etc/passwd",
        "ftp://127.0.0.1/x",
        "javascript:alert(1)",
        "http://[broken",
        "http://127.0.0.1:port/",
        "http://127.0.0.1:99999/",
        "http://" + "a" * 300 + "/",
    ],
)
def test_a_server_that_sends_the_download_to_no_web_address(
    server: Server, target: Path, location: str
) -> None:
    server.location = location
    text = sentence(server, target)
    assert f"sends the download on to {location[:200]}, which is no web address" in text
    assert len(server.asked) == 1


@pytest.mark.parametrize("location", ["", "/round/and/round", "?"])
def test_a_server_that_sends_the_download_in_a_circle(
    server: Server, target: Path, location: str
) -> None:
    server.location = location
    assert "the server refuses the download (HTTP Error 302" in sentence(server, target)


def test_a_server_that_stalls_is_one_sentence_and_what_came_stays(
    server: Server, target: Path
) -> None:
    (target / f"{ARCHIVE}.part").write_bytes(WHOLE[:100_000])
    server.hangs_after = 0
    with pytest.raises(WorkbenchError, match=r"the download failed .*timed out"):
        download_cifar10(
            *(lambda _: None, never, server.url, target),
            **{"md5": "", "size": len(WHOLE), "timeout": 0.1, "attempts": 1, "pause": 0},
        )
    assert (target / f"{ARCHIVE}.part").read_bytes() == WHOLE[:100_000]
