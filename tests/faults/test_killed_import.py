"""An import killed with SIGKILL in its middle and started again ends as the undisturbed one, and memory stays small."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.bench.import_throughput import written

ROOT = Path(__file__).parents[2]
PROGRAM = """
import json, re, sys
from pathlib import Path
from tests.bench.import_throughput import imported

report = imported(Path(sys.argv[1]), Path(sys.argv[2]))
# Not `ru_maxrss`: that goes on counting from the process that was forked to start this one.
most = re.search(r"VmHWM:\\s+([0-9]+) kB", Path("/proc/self/status").read_text())
print(json.dumps([report, int(most[1]) // 1024]))
"""


@pytest.mark.parametrize("messages", [1_500, pytest.param(20_000, marks=pytest.mark.slow)])
def test_killed_in_the_middle_and_started_again(tmp_path: Path, messages: int) -> None:
    path = written("jsonl", messages, tmp_path)
    whole, _ = finished(started(path, tmp_path / "whole"))
    process = started(path, tmp_path / "killed")
    while process.poll() is None and not kept(tmp_path / "killed"):
        time.sleep(0.01)
    process.kill()
    process.communicate()
    assert process.returncode == -9, "it ended before it was killed"
    assert 0 < len(kept(tmp_path / "killed")) < len(kept(tmp_path / "whole"))
    assert list((tmp_path / "killed" / "tmp").glob("*")) == []  # what was spilled had no name
    again, _ = finished(started(path, tmp_path / "killed"))
    assert kept(tmp_path / "killed") == kept(tmp_path / "whole")
    assert len(set(kept(tmp_path / "killed"))) == whole["conversations"]  # none twice
    passing = {"seconds", "upload"}
    assert {name: told for name, told in again.items() if name not in passing} == {
        name: told for name, told in whole.items() if name not in passing
    }


@pytest.mark.slow
def test_ten_times_the_rows_take_little_more_memory(tmp_path: Path) -> None:
    peaks = []
    for messages in (2_000, 20_000):
        folder = tmp_path / str(messages)
        folder.mkdir()
        _, peak = finished(started(written("jsonl", messages, folder), folder / "home"))
        peaks.append(peak)
    assert peaks[1] - peaks[0] < 60, peaks
    assert peaks[1] < 300, peaks


def started(path: Path, home: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", PROGRAM, str(path), str(home)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment)


def finished(process: subprocess.Popen[str]) -> tuple[dict[str, Any], int]:
    told, _ = process.communicate(timeout=600)
    assert process.returncode == 0
    report, peak = json.loads(told)
    return report, peak


def kept(home: Path) -> list[str]:
    """A digest of every conversation and of all that was found out about it, in their order."""
    if not (home / "attune.db").exists():
        return []
    try:
        with closing(sqlite3.connect(home / "attune.db", timeout=30)) as database:
            found = "SELECT position, fingerprint, body, near, languages FROM conversations ORDER BY position"
            return [hashlib.sha256(repr(row).encode()).hexdigest() for row in database.execute(found)]
    except sqlite3.OperationalError:  # there is no table yet
        return []
