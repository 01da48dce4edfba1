"""A bot that was built elsewhere comes over: its phrases are imported, its intents and answers become the profile."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from data.profile import BotProfile
from service.cli import run
from tests.unit.data.importers.bot_files import DIALOGFLOW, QNA, packed


@pytest.fixture
def attune(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    def call(*arguments: Any) -> tuple[int, dict[str, Any]]:
        capsys.readouterr()
        code = run([*map(str, arguments), "--json", "--home", str(tmp_path / "home")])
        return code, json.loads(capsys.readouterr().out)

    return call


def test_a_dialogflow_agent_becomes_a_bot(attune, tmp_path):
    agent = tmp_path / "lamps.zip"
    agent.write_bytes(packed(DIALOGFLOW))
    assert attune("init", "lamps")[0] == 0
    code, report = attune("import", "lamps", agent)
    assert code == 0
    assert (report["format"], report["rows_in"]) == ("dialogflow", report["rows_used"] + 1)
    assert report["labels"] == {"Default Welcome Intent": 2, "oos": 1, "order shade": 3, "person": 1}

    code, kept = attune("profile", "lamps", "--from-upload", report["upload"])
    assert (code, kept["version"]) == (0, 2)
    profile = kept["profile"]
    assert (profile["greeting"], profile["fallback"]) == ("Welcome to Lamplight!", "Sorry, which lamp?")
    assert {one["name"]: (one["answers"], one["handoff"]) for one in profile["intents"]} == {
        "Default Welcome Intent": (["Welcome to Lamplight!"], False),
        "order shade": (["Which shade would you like?"], False),
        "order shade - yes": ([], False),
        "person": (["One moment."], True),
    }
    assert attune("profile", "lamps", "--from-upload", report["upload"])[1]["version"] == 2, "nothing has changed"
    assert attune("import", "lamps", agent, "--dry-run")[1]["rows_in"] == report["rows_in"]


def test_what_the_profile_says_stays_and_more_is_added(attune, tmp_path):
    mine = tmp_path / "profile.toml"
    mine.write_text(
        'name = "lamps"\ngreeting = "Good day."\n[[intents]]\nname = "order shade"\nanswers = ["Gladly."]\n'
    )
    (tmp_path / "lamps.zip").write_bytes(packed(DIALOGFLOW))
    (tmp_path / "faq.qna").write_text(QNA)
    attune("init", "lamps", "--profile", mine)
    for name in ("lamps.zip", "faq.qna"):
        upload = attune("import", "lamps", tmp_path / name)[1]["upload"]
        assert attune("profile", "lamps", "--from-upload", upload)[0] == 0
    profile = BotProfile.model_validate(attune("profile", "lamps")[1]["profile"])
    assert profile.greeting == "Good day."
    assert profile.intent("order shade").answers == ("Gladly.", "Which shade would you like?")
    assert profile.intent("are you open on sunday").answers == ("We are, ten to two.\n- ring",)


def test_a_part_of_an_agent_is_refused_and_defines_nothing(attune, tmp_path):
    part = tmp_path / "shade_entries_en.json"
    part.write_text(json.dumps(DIALOGFLOW["entities/shade_entries_en.json"]))
    attune("init", "lamps")
    code, told = attune("import", "lamps", part)
    assert code != 0
    assert told["error"]["ids"]["reason"] == "definition_only"
    assert "zip" in told["error"]["remedy"]
