"""Transfers that break off: what came stays, what does not fit is not joined to it."""

import contextlib
import http.server
import json
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import loopback
import pytest
from crawl_server import serve_crawl

from gristmill.pipelines import downloads, partial_files
from gristmill.pipelines.downloads import download_url
from gristmill.pipelines.fetching import Fetching
from gristmill.schemas.errors import InputError
from gristmill.schemas.transfers import Transfer

BODY = random.Random("body").randbytes(300_000)
SECRET = "s3cr3t"


pytestmark = pytest.mark.usefixtures("wait_for_nothing")


def download(url: str, folder: Path, **transfer: object) -> bytes:
    settings = {"requests_per_second": None, "timeout_seconds": 2, "tries": 4, **transfer}
    download_url(url, folder / "file", Fetching(Transfer.model_validate(settings)))
    assert [path.name for path in folder.iterdir()] == ["file"]
    return (folder / "file").read_bytes()


def send_part(
    stop: int, body: bytes = BODY, tag: str = '"1"', **others: str
) -> Callable[[Mapping[str, str]], loopback.Answer]:
    """An honest server that hangs up before a byte; with headers to be dishonest by."""

    def answer(asked: Mapping[str, str]) -> loopback.Answer:
        start = 0
        headers = {"etag": tag}
        if asked.get("if-range") == tag:
            start = int(asked["range"].removeprefix("bytes=").rstrip("-"))
            headers["content-range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
        headers["content-length"] = str(len(body) - start)
        headers.update({name.replace("_", "-"): value for name, value in others.items()})
        return 206 if start else 200, headers, body[start:stop]

    return answer


def test_a_broken_transfer_goes_on_where_it_broke(tmp_path):
    asked = []

    def note(stop: int) -> Callable[[Mapping[str, str]], loopback.Answer]:
        def answer(headers: Mapping[str, str]) -> loopback.Answer:
            asked.append((headers.get("range"), headers.get("if-range")))
            return send_part(stop)(headers)

        return answer

    with loopback.serve([note(100_000), note(200_000), note(len(BODY))]) as (url, _):
        assert download(url, tmp_path) == BODY
    assert asked == [(None, None), ("bytes=100000-", '"1"'), ("bytes=200000-", '"1"')]


def test_progress_resets_the_count_of_tries(tmp_path):
    steps = [send_part(stop) for stop in range(70_000, len(BODY) + 70_000, 70_000)]
    with loopback.serve(steps) as (url, asked):
        assert download(url, tmp_path, tries=2) == BODY
    assert len(asked) == len(steps) > 2


def test_a_server_that_brings_little_at_a_time_is_given_up(tmp_path):
    steps = [send_part(stop) for stop in range(1000, 100_000, 1000)]
    with (
        loopback.serve(steps) as (url, asked),
        pytest.raises(InputError, match="after 4 tries"),
    ):
        download(url, tmp_path)
    assert len(asked) == 4


def test_another_version_is_fetched_from_its_start(tmp_path):
    other = BODY[::-1]
    with loopback.serve([send_part(100_000), send_part(len(other), other, '"2"')]) as (url, _):
        assert download(url, tmp_path) == other


WRONG = {
    "another start": {"content_range": f"bytes 0-{len(BODY) - 1}/{len(BODY)}"},
    "another end": {"content_range": f"bytes 100000-200000/{len(BODY)}"},
    "another length": {"content_range": f"bytes 100000-{len(BODY) - 1}/{len(BODY) + 1}"},
    "no length": {"content_range": f"bytes 100000-{len(BODY) - 1}/*"},
    "nonsense": {"content_range": "bytes */*"},
    "another tag": {"etag": '"3"'},
}


@pytest.mark.parametrize("headers", WRONG.values(), ids=WRONG)
def test_a_part_that_does_not_fit_is_not_joined(tmp_path, headers):
    asked = []

    def lie(given: Mapping[str, str]) -> loopback.Answer:
        asked.append(given.get("range"))
        return send_part(len(BODY), **headers)(given)

    def finish(given: Mapping[str, str]) -> loopback.Answer:
        asked.append(given.get("range"))
        return send_part(len(BODY))(given)

    with loopback.serve([send_part(100_000), lie, finish]) as (url, _):
        assert download(url, tmp_path) == BODY
    assert asked == ["bytes=100000-", None]  # from the start, and from nobody's middle


@pytest.mark.parametrize("tag", ['W/"1"', "", "1"])
def test_without_a_strong_tag_nothing_is_joined(tmp_path, tag):
    first = send_part(100_000, tag=tag)
    with loopback.serve([first, send_part(len(BODY), tag=tag)]) as (url, asked):
        assert download(url, tmp_path) == BODY
    assert len(asked) == 2


def test_a_range_that_is_refused_is_no_dead_end(tmp_path):
    answers = [send_part(100_000), (416, {"content-length": "0"}, b""), send_part(len(BODY))]
    with loopback.serve(answers) as (url, _):
        assert download(url, tmp_path) == BODY


def test_more_than_was_promised_is_refused(tmp_path):
    # A client that stops reading at the promised length would not see it; ours must not wait.
    answer = (200, {"content-length": "10", "etag": '"1"'}, b"x" * 20)
    with loopback.serve([answer]) as (url, _):
        assert download(url, tmp_path) == b"x" * 10


def test_a_body_without_a_length_is_refused_unless_it_says_where_it_ends(tmp_path):
    with (
        loopback.serve([(200, {}, b"data")]) as (url, asked),
        pytest.raises(InputError, match="does not say how long"),
    ):
        download(url, tmp_path)
    assert len(asked) == 1
    chunked = {"transfer-encoding": "chunked"}
    whole = (200, chunked, b"4\r\ndata\r\n0\r\n\r\n")
    with loopback.serve([(200, chunked, b"4\r\ndata\r\n"), whole], "HTTP/1.1") as (url, asked):
        assert download(url, tmp_path) == b"data"
    assert len(asked) == 2


@pytest.mark.parametrize(
    ("name", "coding", "taken"),
    [
        ("a.warc.gz", "gzip", True),
        ("a.warc.gz", "x-gzip", True),
        ("a.warc.gz", "identity", True),
        ("a.warc.gz", "br", False),
        ("a.warc", "gzip", False),
        ("a.gz/b", "gzip", False),
    ],
)
def test_files_are_taken_as_they_lie(tmp_path, name, coding, taken):
    answer = (200, {"content-length": "4", "content-encoding": coding}, b"\x1f\x8b\x08\x00")
    with loopback.serve([answer]) as (url, _):
        if taken:
            assert download(f"{url}/{name}", tmp_path) == answer[2]
        else:
            with pytest.raises(InputError, match="packs the file on its way"):
                download(f"{url}/{name}", tmp_path)


@contextlib.contextmanager
def serve_slowly(pause_seconds: float) -> Iterator[tuple[str, list[str]]]:
    """Send a byte now and then, for ever."""
    asked: list[str] = []
    closing = threading.Event()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.send_header("Content-Length", "1000000")
            self.end_headers()
            with contextlib.suppress(OSError):
                while not closing.wait(pause_seconds):
                    self.wfile.write(b"x")

        def log_message(self, *arguments: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        closing.set()
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_trickle_is_a_stall(tmp_path):
    with (
        serve_slowly(0.05) as (url, asked),
        pytest.raises(InputError, match="after 2 tries"),
    ):
        download(url, tmp_path, timeout_seconds=0.3, tries=2)
    assert len(asked) == 2


def test_a_silent_server_is_a_stall(tmp_path):
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        pytest.raises(InputError, match="after 2 tries"),
    ):
        port = silent.getsockname()[1]
        download(f"http://127.0.0.1:{port}/", tmp_path, timeout_seconds=0.2, tries=2)


KILLED = """
import sys
from pathlib import Path
from gristmill.pipelines import partial_files
from gristmill.pipelines.downloads import download_url
partial_files.SYNC_BYTES = 50_000
download_url(sys.argv[1], Path(sys.argv[2]) / "file")
"""


class StallOnce:
    """Half of the first answer comes, and then nothing."""

    def draw(self, request: str, attempt: int) -> str | None:
        return None if "bytes=" in request else "stall"


def test_a_killed_process_leaves_what_the_next_one_goes_on_with(tmp_path):
    path = f"file?token={SECRET}"
    with serve_crawl({path: BODY}, StallOnce()) as server:
        url = f"{server.base_url}/{path}"
        process = subprocess.Popen([sys.executable, "-c", KILLED, url, str(tmp_path)])
        note = tmp_path / "file.unfinished.json"
        deadline = time.monotonic() + 30
        while not note.exists() or json.loads(note.read_bytes())["synced"] < 100_000:
            assert time.monotonic() < deadline and process.poll() is None
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.wait()
        synced = json.loads(note.read_bytes())["synced"]
        assert SECRET not in note.read_text() and 100_000 <= synced < len(BODY)
        # Bytes that the note does not vouch for are not believed: a power cut may empty them.
        held = (tmp_path / "file.unfinished").read_bytes()[:synced]
        (tmp_path / "file.unfinished").write_bytes(held + bytes(1000))
        assert download(url, tmp_path) == BODY
    assert [(method, asked) for method, _, asked in server.asked] == [
        ("GET", ""),
        ("GET", f"bytes={synced}-"),
    ]


def test_a_later_process_asks_for_the_rest_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(partial_files, "SYNC_BYTES", 50_000)
    with loopback.serve([send_part(160_000), (404, {}, b""), send_part(len(BODY))]) as (url, _):
        with pytest.raises(InputError, match="404"):
            download(url, tmp_path)
        held = (tmp_path / "file.unfinished").read_bytes()
        assert held == BODY[:160_000]
        # What lies behind the last mark may not have reached the disk.
        note = json.loads((tmp_path / "file.unfinished.json").read_bytes())
        assert note["synced"] == 160_000
        (tmp_path / "file.unfinished").write_bytes(held + b"\0" * 777)
        seen = []

        def look(response, *rest):
            seen.append(response.request.headers.get("range"))
            return real(response, *rest)

        real = downloads._receive
        monkeypatch.setattr(downloads, "_receive", look)
        assert download(url, tmp_path) == BODY
    assert seen == ["bytes=160000-"]


@pytest.mark.parametrize("note", [b"", b"[]", b"{}", b'{"synced": "x"}', b"\xff"])
def test_a_note_that_is_none_is_ignored(tmp_path, note):
    (tmp_path / "file.unfinished").write_bytes(b"y" * 100)
    (tmp_path / "file.unfinished.json").write_bytes(note)
    with loopback.serve([send_part(len(BODY))]) as (url, _):
        assert download(url, tmp_path) == BODY
