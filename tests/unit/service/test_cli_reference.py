"""docs/cli.md is what the command line says of itself, and names everything it takes."""

from __future__ import annotations

import typer

from service import cli_reference
from service.cli import make_app
from service.cli_reference import PAGE, main, reference


def test_the_page_is_up_to_date():
    assert PAGE.read_text(encoding="utf-8") == reference(), "run `python -m service.cli_reference`"
    assert main(["--check"]) == 0


def test_a_stale_page_is_noticed_and_written_anew(tmp_path, monkeypatch):
    monkeypatch.setattr(cli_reference, "PAGE", tmp_path / "cli.md")
    cli_reference.PAGE.write_text("stale")
    assert main(["--check"]) == 1
    assert main([]) == 0
    assert main(["--check"]) == 0


def test_every_verb_takes_home_and_json_and_explains_its_options():
    verbs = dict(cli_reference._verbs(typer.main.get_command(make_app()), "attune"))
    promised = "init import train evaluate experiment chat bots profile datasets releases promote rollback jobs"
    assert {
        f"attune {name}"
        for name in [
            *promised.split(),
            "worker",
            "rewrite",
            "pretrain",
            "compare",
            "demo",
            "doctor",
            "bases list",
            "bases advise",
            "bases import",
            "bases remove",
            "data check",
            "data findings",
            "data report",
            "discover",
            "intents",
            "serve",
            "feedback",
            "keys",
            "erase",
            "erasures",
        ]
    } == set(verbs)
    for name, verb in verbs.items():
        options = {option for one in verb.params for option in one.opts}
        assert {"--home", "--json"} <= options, name
        assert all(one.help for one in verb.params), name
        assert verb.help, name
