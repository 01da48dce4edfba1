"""The main job on the command line, the trainer replaced by a script that publishes a tiny release at once."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import Any

import pytest

from service.cli import run

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent

TRAINER = """
import json, sys
sys.path[:0] = [ROOT, HERE]
from data.settings import load_settings
from data.store import bots, jobs, open_store
import tiny_release
settings = load_settings(sys.argv[sys.argv.index("--home") + 1])
verdict = {"decision": DECISION, "reasons": ["So it was decided."], "flips": [], "parity": {"passed": True},
           "slices": [], "models": {model: {"macro_f1": {"value": 0.7, "low": 0.6, "high": 0.8}}
                                    for model in ("floor", "base", "candidate")}}
with open_store(settings.store_url, home=settings.home) as store:
    with store.begin() as tx:
        job = jobs.claim(tx, "fake", lease_seconds=30, job_id=sys.argv[2])
        bot = bots.get_by_id(tx, job.bot_id).name
    print(json.dumps({"type": "phase", "phase": "train"}), flush=True)
    number = tiny_release.publish(store, settings, bot, verdict)
    result = {"release": number, "state": "published", "verdict": verdict, "dataset": "ab",
              "seconds": {"train": 3.0, "evaluate": 2.0, "export": 1.0}}
    with store.begin() as tx:
        jobs.finish(tx, job, result)
print(json.dumps({"type": "done", "result": result}), flush=True)
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def attune(home, tmp_path, capsys):
    """`attune("demo", "--json")`: (exit code, stdout, stderr), with a trainer whose verdict is `decision`."""

    def call(*arguments: Any, decision: str = "promote", said: str | bytes | None = None):
        script = tmp_path / f"trainer_{decision}.py"
        body = TRAINER.replace("ROOT", repr(str(ROOT))).replace("HERE", repr(str(HERE)))
        script.write_text(body.replace("DECISION", repr(decision)))
        capsys.readouterr()
        if said is not None:
            raw = said.encode() if isinstance(said, str) else said
            sys.stdin = TextIOWrapper(BytesIO(raw), encoding="ascii")
        try:
            code = run([*map(str, arguments), "--home", str(home)], lambda args: [sys.executable, str(script), *args])
        finally:
            sys.stdin = sys.__stdin__
        out = capsys.readouterr()
        return code, out.out, out.err

    return call


def test_the_demo_prints_exactly_one_object(attune, home):
    code, out, err = attune("demo", "--no-serve", "--json")
    assert code == 0, err
    told = json.loads(out)
    assert set(told) == {"import", "verdict", "replies", "written", "release", "seconds"}
    assert told["written"] == [], "this release writes none"
    assert told["import"]["rows_in"] == told["import"]["rows_used"] + sum(told["import"]["set_aside"].values())
    assert len(told["import"]["uploads"]) == 2
    assert (told["verdict"]["decision"], told["release"]) == ("promote", 1)
    assert 8 <= len(told["replies"]) <= 10
    for reply in told["replies"]:
        assert set(reply) == {"message", "reply", "intent", "confidence", "source"}
    assert {"approved", "handoff"} <= {reply["source"] for reply in told["replies"]}
    assert "oos" in {reply["intent"] for reply in told["replies"]}
    assert told["seconds"] | {"import": 0, "total": 0} == {
        "import": 0, "train": 3.0, "evaluate": 2.0, "export": 1.0, "total": 0,
    }  # fmt: skip
    again = json.loads(attune("demo", "--no-serve", "--json")[1])
    assert [upload["imported_before"] for upload in again["import"]["uploads"]] == [True, True]
    assert again["release"] == 1, "nothing has changed, so nothing was trained anew"
    assert json.loads(attune("doctor", "--check", "--json")[1])["healthy"] is True


def test_the_demo_shows_every_step_and_lets_a_held_release_through(attune):
    code, out, _ = attune("demo", "--no-serve", decision="hold")
    assert code == 0
    for wanted in (
        "conversations",
        "floor",
        "Macro-F1",
        "So it was decided.",
        "says hold",
        "visitor> ",
        "no replies of its own",
        "README.md",
    ):
        assert wanted in out
    assert "attune chat otterbrook --explain" in out


@pytest.fixture
def trained(attune, tmp_path):
    """A bot with two releases, the first of which may go live."""
    log = tmp_path / "log.jsonl"
    log.write_text('{"text": "where is my parcel", "label": "order_status"}\n')
    attune("init", "acme", "--profile", ROOT / "data" / "samples" / "profile.toml")
    attune("import", "acme", log)
    assert attune("train", "acme")[0] == 0
    assert attune("train", "acme", "--seed", "1", decision="hold")[0] == 0
    return attune


def test_what_goes_live_and_comes_back(trained):
    assert json.loads(trained("chat", "acme", "--json", said="")[1])["error"]["remedy"].count("attune promote acme 2")
    code, out, _ = trained("promote", "acme", "2", "--json")
    assert (code, json.loads(out)["error"]["code"]) == (1, "promotion_gate_failed")
    assert json.loads(trained("promote", "acme", "1", "--json")[1])["live"] == 1
    assert "live already" in trained("promote", "acme", "1")[1]
    assert json.loads(trained("rollback", "acme", "--json")[1])["error"]["code"] == "conflict"
    overridden = json.loads(trained("promote", "acme", "2", "--override-reason", "we checked it", "--json")[1])
    assert (overridden["live"], overridden["previous"]) == (2, 1)
    assert json.loads(trained("rollback", "acme", "--json")[1])["live"] == 1
    listed = json.loads(trained("releases", "acme", "--json")[1])
    assert [(one["release"], one["decision"], one["live"]) for one in listed["releases"]] == [
        (1, "promote", True),
        (2, "hold", False),
    ]
    assert "live" in trained("releases", "acme")[1]
    assert json.loads(trained("evaluate", "acme", "--json")[1])["release"] == 2
    assert "So it was decided." in trained("evaluate", "acme", "1")[1]
    assert json.loads(trained("datasets", "acme", "--json")[1])["datasets"] == []
    assert trained("promote", "acme", "9")[0] == 1


def test_a_damaged_release_does_not_go_live_and_does_not_answer(trained, home):
    trained("promote", "acme", "1")
    (home / "releases" / "acme" / "2" / "README.md").write_text("changed")
    assert trained("promote", "acme", "2", "--override-reason", "x")[0] == 1
    manifest = home / "releases" / "acme" / "1" / "manifest.json"
    manifest.write_text(manifest.read_text() + " ")
    code, out, _ = trained("chat", "acme", "--json", said="hello\n")
    assert (code, json.loads(out)["error"]["code"]) == (1, "integrity_failed")


def test_chat_answers_line_by_line(trained):
    trained("promote", "acme", "1")
    said = b"\xef\xbb\xbfwhere is the tracking of my parcel\r\n\n   \nwhat is the weath\xffer tomorrow\nthanks"
    code, out, _ = trained("chat", "acme", "--json", said=said)
    replies = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert [reply["intent"] for reply in replies] == ["order_status", "oos", "thanks_bye"]
    assert replies[0]["message"] == "where is the tracking of my parcel"
    assert (replies[0]["source"], replies[0]["release"]) == ("approved", "acme@1")
    code, out, _ = trained("chat", "acme", "--release", "2", "--explain", said="where is my parcel\n")
    assert out.startswith("bot> You can follow your parcel")
    assert "order_status, 0." in out
    assert "sure with" in out
    assert trained("chat", "acme", said="")[:2] == (0, "")
    assert trained("chat", "acme", "--release", "7", said="")[0] == 1


def test_chat_in_a_terminal_greets_and_ends_at_end_of_input(trained, home):
    trained("promote", "acme", "1")
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", "from service.cli import main; main()", "chat", "acme", "--home", str(home)],
        stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT, text=True,
    )  # fmt: skip
    os.write(ours, b"thanks\n\x04")
    out, err = process.communicate(timeout=60)
    os.close(ours)
    os.close(theirs)
    assert process.returncode == 0
    assert "bot> Hello, you have reached Otterbrook." in out
    assert out.count("bot> ") == 2
    assert "This is acme@1" in err


FLOOR = """
import sys
from service.cli import run
code = run(sys.argv[1:])
heavy = {"torch", "lightning", "transformers", "datasets", "sklearn", "onnx", "trainer", "flask"}
print("loaded", sorted(heavy & set(sys.modules)), file=sys.stderr)
sys.exit(code)
"""


@pytest.mark.parametrize("verb", ["chat", "reads"])
def test_reading_and_chatting_need_no_torch(trained, home, verb):
    trained("promote", "acme", "1")
    calls = [["chat", "acme"]] if verb == "chat" else [["bots"], ["releases", "acme"], ["evaluate", "acme"], ["doctor"]]
    for arguments in calls:
        ran = subprocess.run(
            [sys.executable, "-c", FLOOR, *arguments, "--json", "--home", str(home)],
            input="thanks\n", capture_output=True, text=True, cwd=ROOT, timeout=60,
        )  # fmt: skip
        assert ran.returncode == 0, ran.stderr
        assert "loaded []" in ran.stderr
        json.loads(ran.stdout)
