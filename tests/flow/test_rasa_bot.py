"""A bot that was made with Rasa moves in: imported as one upload, its intents and answers become the bot's profile."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from service.cli import run
from tests.unit.data.importers.archives import zipped
from tests.unit.data.importers.rasa_files import EVENTS, OTHER, PROJECT, tracker


@pytest.fixture
def attune(tmp_path: Path, capsys):
    """`attune("profile", "acme")`: what `--json` prints."""

    def call(*arguments: Any) -> Any:
        capsys.readouterr()
        code = run([*map(str, arguments), "--home", str(tmp_path / "home"), "--json"])
        out = capsys.readouterr().out
        assert code == 0, out
        return json.loads(out)

    return call


def test_a_rasa_bot_moves_in(attune, tmp_path):
    project, trackers = tmp_path / "umbrellas.zip", tmp_path / "trackers.json"
    project.write_bytes(zipped({f"umbrellas/{name}": content for name, content in PROJECT.items()}))
    trackers.write_text(json.dumps({"a": tracker("a", EVENTS), "b": tracker("b", OTHER)}))
    attune("init", "acme")

    report = attune("import", "acme", project)
    assert (report["format"], report["conversations"], report["rows_in"]) == ("rasa", 14, 24)
    assert report["rows_in"] == report["rows_used"] + sum(report["set_aside"].values())
    assert report["labels"]["stock"] == 5

    adopted = attune("profile", "acme", "--from-upload", report["upload"])
    assert adopted["version"] == 2
    shown = attune("profile", "acme")["profile"]
    assert shown["greeting"] == "Welcome to the umbrella shop."
    assert shown["fallback"] == "We only know umbrellas."
    intents = {one["name"]: one for one in shown["intents"]}
    assert intents["greet"]["answers"] == ["Hello there!\nWhat can we keep dry?", "Hi!\nWhat can we keep dry?"]
    assert intents["faq/hours"]["answers"] == ["From nine to six.", "Nine until six, every day."]
    assert intents["wet_shoes"]["answers"] == ["Try the second shelf."]
    assert intents["human"]["handoff"]
    assert set(intents) == {
        "greet", "goodbye", "repair", "wet_shoes", "affirm", "stock", "human", "faq/hours", "faq/return",
    }  # fmt: skip

    talks = attune("import", "acme", trackers)
    assert (talks["format"], talks["conversations"], talks["rows_used"]) == ("rasa_tracker", 3, 8)
    assert "profile" not in talks
