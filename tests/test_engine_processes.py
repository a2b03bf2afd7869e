"""Server processes: started, watched, stopped, and never left behind."""

import os
import signal
import subprocess
import sys
import time

import pytest

from gristmill.pipelines.engines.processes import ServerProcess, answers, pick_ports
from gristmill.schemas.errors import EngineError

LISTEN = (
    "import socket,sys,time; s=socket.create_server(('127.0.0.1', int(sys.argv[1]))); "
    "time.sleep(60)"
)


def make_server(tmp_path, code=LISTEN):
    [port] = pick_ports(1)
    command = [sys.executable, "-c", code, str(port)]
    return ServerProcess("the test server", command, port, tmp_path / "logs" / "server.log")


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_server_is_up_inside_its_block_and_gone_after(tmp_path):
    with make_server(tmp_path) as server:
        assert answers("127.0.0.1", server.port)
        pid = server.pid
    assert not answers("127.0.0.1", server.port)
    assert pid is not None and not is_alive(pid)


def test_a_server_that_dies_says_its_last_words(tmp_path):
    server = make_server(tmp_path, "raise SystemExit('ConfigError: no such port')")
    with pytest.raises(EngineError, match="the test server did not start: ConfigError: no such"):
        server.start()


def test_a_silent_server_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr("gristmill.pipelines.engines.processes.START_SECONDS", 0.5)
    server = make_server(tmp_path, "import time; time.sleep(60)")
    with pytest.raises(EngineError, match="does not listen after 0 s"):
        server.start()
    assert server.pid is None


def test_a_stubborn_server_is_killed(tmp_path, monkeypatch):
    monkeypatch.setattr("gristmill.pipelines.engines.processes.STOP_SECONDS", 0.3)
    stubborn = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + LISTEN
    server = make_server(tmp_path, stubborn)
    server.start()
    pid = server.pid
    server.stop()
    assert pid is not None and not is_alive(pid)


def test_a_server_does_not_outlive_a_killed_launcher(tmp_path):
    [port] = pick_ports(1)
    script = (
        "import sys, time\nfrom pathlib import Path\n"
        "from gristmill.pipelines.engines.processes import ServerProcess\n"
        f"s = ServerProcess('x', [sys.executable, '-c', {LISTEN!r}, '{port}'], {port}, "
        f"Path({str(tmp_path / 'log')!r}))\n"
        "s.start(); print(s.pid, flush=True); time.sleep(60)\n"
    )
    launcher = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert launcher.stdout is not None
    pid = int(launcher.stdout.readline())
    launcher.send_signal(signal.SIGKILL)
    launcher.wait()
    launcher.stdout.close()
    deadline = time.monotonic() + 10
    while is_alive(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_alive(pid)


def test_ports_are_free_and_distinct():
    ports = pick_ports(5)
    assert len(set(ports)) == 5
    assert not any(answers("127.0.0.1", port) for port in ports)
