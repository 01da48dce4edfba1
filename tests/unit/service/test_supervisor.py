"""The worker beside the server: started, started again when it dies, ended with the server."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from service import supervisor
from service.supervisor import Supervisor

STAYS = "import sys, time; open(sys.argv[1], 'a').write('x'); time.sleep(60)"
DIES = "import sys; open(sys.argv[1], 'a').write('x')"
DEAF = (
    "import signal, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); open(sys.argv[1], 'a').write('x');"
    " time.sleep(60)"
)


def until(true: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


def begun(mark: Path) -> int:
    return len(mark.read_text()) if mark.exists() else 0


def keeping(mark: Path, program: str) -> Supervisor:
    return Supervisor([sys.executable, "-c", program, str(mark)])


def test_one_child_runs_and_ends_with_the_server(tmp_path: Path) -> None:
    kept = keeping(tmp_path / "mark", STAYS)
    kept.start()
    until(lambda: begun(tmp_path / "mark") == 1)
    child = kept._child
    assert child is not None
    kept.stop()
    assert child.poll() is not None
    assert begun(tmp_path / "mark") == 1
    kept.stop()


def test_one_that_dies_is_started_again_after_a_pause(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "FIRST_PAUSE_SECONDS", 0.05)
    monkeypatch.setattr(supervisor, "LONGEST_PAUSE_SECONDS", 0.1)
    kept = keeping(tmp_path / "mark", DIES)
    kept.start()
    until(lambda: begun(tmp_path / "mark") >= 3)
    kept.stop()
    after = begun(tmp_path / "mark")
    time.sleep(0.3)
    assert begun(tmp_path / "mark") == after


def test_one_that_does_not_listen_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "GRACE_SECONDS", 0.5)
    kept = keeping(tmp_path / "mark", DEAF)
    kept.start()
    until(lambda: begun(tmp_path / "mark") == 1)
    child = kept._child
    assert child is not None
    kept.stop()
    until(lambda: child.poll() is not None)


def test_a_fork_of_the_server_leaves_the_child_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = keeping(tmp_path / "mark", STAYS)
    kept.start()
    until(lambda: begun(tmp_path / "mark") == 1)
    monkeypatch.setattr(kept, "_owner", -1)
    kept.stop()
    kept.ask()
    assert kept._child is not None
    assert kept._child.poll() is None
    monkeypatch.undo()
    kept.stop()
