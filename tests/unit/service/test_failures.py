"""Whatever goes wrong ends in a message, a remedy and an exit code: never a stack trace, never silence."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from data.errors import StorageFull
from service import failures
from service.commands import bots as verbs_of_bots

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    "arguments",
    [
        ["nope"],
        ["import"],
        ["import", "acme"],
        ["promote", "acme", "zero"],
        ["promote", "acme", "0"],
        ["train", "acme", "--seed", "-1"],
        ["data"],
        ["data", "check"],
        ["init", "Not A Name"],
        ["init", "../up"],
        ["bots", "--what"],
    ],
)
def test_asked_for_wrongly_is_exit_code_2(attune, arguments):
    plain = attune(*arguments, at=None)
    assert (plain.code, plain.out) == (2, "")
    assert plain.err.strip()
    told = attune(*arguments, "--json", at=None)
    assert told.code == 2
    assert told.json["error"]["code"] == "usage_invalid"


@pytest.mark.parametrize("verb", ["import", "chat", "releases", "datasets", "evaluate", "rollback", "profile"])
def test_there_is_no_such_home_or_bot(attune, no_home, verb, log):
    more = [log] if verb == "import" else []
    nowhere = attune(verb, "acme", *more, "--json")
    assert (nowhere.code, nowhere.json["error"]["code"]) == (1, "not_found")
    assert not no_home.exists()
    attune("init", "other")
    nobody = attune(verb, "acme", *more)
    assert (nobody.code, "attune bots" in nobody.err) == (1, True)


def test_the_home_folder_is_a_file(attune, log):
    ran = attune("init", "acme", "--json", at=log)
    assert (ran.code, ran.json["error"]["code"]) == (2, "usage_invalid")
    below = attune("init", "acme", "--json", at=log / "below")
    assert below.code in (1, 2)
    assert "internal" not in below.out


def test_a_setting_that_does_not_exist(attune, no_home):
    no_home.mkdir()
    (no_home / "attune.toml").write_text("[jobs]\nlaese_seconds = 3\n")
    ran = attune("init", "acme", "--json")
    assert (ran.code, ran.json["error"]["code"]) == (2, "settings_invalid")


def test_a_damaged_database(attune, home):
    attune("init", "acme")
    (home / "attune.db").write_bytes(b"no database" * 400)
    ran = attune("bots", "--json")
    assert (ran.code, ran.json["error"]["code"]) == (1, "store_corrupt")


def test_something_unforeseen_leaves_a_log_and_no_trace(attune, home, monkeypatch):
    def breaks(*_, **__):
        raise KeyError("Jo lives in Leeds")

    attune("init", "acme")
    monkeypatch.setattr(verbs_of_bots.bots, "list_all", breaks)
    ran = attune("bots", "--json")
    assert (ran.code, ran.json["error"]["code"]) == (1, "internal")
    assert "Traceback" not in ran.err
    assert "Jo lives" not in ran.err + ran.out
    (kept,) = (home / "logs").iterdir()
    assert kept.name in ran.err
    assert str(home) not in ran.err
    assert "Jo lives" in kept.read_text()
    assert kept.stat().st_mode & 0o077 == 0


def test_an_unforeseen_error_where_no_log_can_be_kept(tmp_path):
    path = tmp_path / "file"
    path.touch()
    error = failures.as_attune_error(RuntimeError(), ["bots", f"--home={path}"])
    assert (error.code, "holds the details" in error.remedy) == ("internal", False)


def test_a_full_disk_is_said_so(capsys):
    error = failures.as_attune_error(OSError(errno.ENOSPC, "no space"), [])
    assert isinstance(error, StorageFull)
    assert failures.report(error, []) == 1
    assert "disk is full" in capsys.readouterr().err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no /dev/full")
def test_answers_that_cannot_be_written(home):
    with open("/dev/full", "w") as full:
        ran = subprocess.run(
            [sys.executable, "-c", "from service.cli import main; main()", "bots", "--json", "--home", str(home)],
            stdout=full, stderr=subprocess.PIPE, text=True, cwd=ROOT, timeout=60,
        )  # fmt: skip
    assert ran.returncode == 1
    assert "Traceback" not in ran.stderr
    assert "disk is full" in ran.stderr


def test_a_reader_that_went_away(home):
    reader, writer = os.pipe()
    os.close(reader)
    ran = subprocess.run(
        [sys.executable, "-c", "from service.cli import main; main()", "--help"],
        stdout=writer, stderr=subprocess.PIPE, text=True, cwd=ROOT, timeout=60,
    )  # fmt: skip
    os.close(writer)
    assert (ran.returncode, ran.stderr) == (1, "")


def test_version_and_help(attune):
    assert attune("--version", at=None).out.strip()
    assert attune(at=None).code == 0
    assert "import" in attune("--help", at=None).out


def test_asked_to_end_the_child_is_asked_too(tmp_path):
    """SIGTERM to attune reaches the trainer as SIGTERM, which gives its job back."""
    body = (
        "import signal, sys, time\n"
        f"signal.signal(signal.SIGTERM, lambda *_: (open({str(tmp_path / 'told')!r}, 'w').close(), sys.exit(0)))\n"
        'print(\'{"type": "phase", "phase": "train"}\', flush=True)\ntime.sleep(60)\n'
    )
    (tmp_path / "fake.py").write_text(body)
    start = (
        "import sys, service.cli as cli\n"
        f"cli.trainer_command = lambda a: [sys.executable, {str(tmp_path / 'fake.py')!r}]\n"
        "cli.run.__defaults__ = (cli.trainer_command,)\ncli.main()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", start, "worker", "--home", str(tmp_path / "home")],
        stderr=subprocess.PIPE, text=True, cwd=ROOT,
    )  # fmt: skip
    assert process.stderr is not None
    while "Training" not in process.stderr.readline():
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 1
    process.stderr.close()
    assert (tmp_path / "told").exists()
