"""`attune bases`: what people see of the bases, and that nothing is kept before somebody accepts its licence."""

from __future__ import annotations

import json

import pytest

LISTED = {
    "name": "m", "licence": "cc-by-nc-4.0", "limits": ["non-commercial"], "languages": ["en"], "hub_id": "h",
    "origin": "hub", "use": "write", "parameters": 22_565_376, "bytes": 90_000_000, "state": "ready", "here": True,
}  # fmt: skip
TERMS = {
    "licence": "mit", "said_by": "operator", "limits": [], "languages": ["de"], "text": "Do\x1b[2J as you like.",
    "cut": False,
}  # fmt: skip
ASKS = f"""
import json
with open({{log!r}}, "a") as out:
    out.write(json.dumps(sys.argv[1:]) + "\\n")
if "--accepted" in sys.argv:
    say("done", result={{{{"base": {LISTED!r}, "kept": True, "converted": True,
                       "settings_left_out": ["x"], "files_left": []}}}})
else:
    say("done", result={{{{"terms": {TERMS!r}, "digest": "abc"}}}})
"""


def asks(log):
    return ASKS.replace("{log!r}", repr(str(log))).replace("{{", "{").replace("}}", "}")


def test_bases_are_listed(attune, trainer, no_home):
    body = f"say('done', result={{'bases': [{LISTED!r}]}})"
    for verb in (["bases"], ["bases", "list"]):
        assert attune(*verb, "--json", launch=trainer(body)).json["bases"] == [LISTED]
        shown = attune(*verb, launch=trainer(body)).out
        assert all(word in shown for word in ("en", "writes", "22.6 M", "non-commercial", "90 MB", "hub h", "ready"))
    assert not no_home.exists()


@pytest.mark.parametrize(
    ("use", "named"),
    [("read", "train BOT --base m"), ("write", "train BOT --chat-base m"), ("rewrite", "experiment TRAIN TEST --task")],
)
def test_what_a_kept_base_is_for_is_said(attune, trainer, tmp_path, use, named):
    body = asks(tmp_path / "log").replace("'use': 'write'", f"'use': '{use}'")
    ran = attune("bases", "import", "x", "--name", "m", "--accept-licence", launch=trainer(body))
    assert named in ran.out


def test_terms_are_shown_and_nothing_is_kept_where_nobody_accepts(attune, trainer, tmp_path):
    ran = attune("bases", "import", "x", "--name", "m", launch=trainer(asks(tmp_path / "log")))
    assert ran.code == 2
    assert "mit (as you say; the model does not)" in ran.err
    assert "as you like" in ran.err
    assert "\x1b" not in ran.err
    assert "--accept-licence" in ran.err
    (asked,) = map(json.loads, (tmp_path / "log").read_text().splitlines())
    assert "--accepted" not in asked


def test_the_terms_that_were_shown_are_the_ones_accepted(attune, trainer, tmp_path):
    flags = ["--name", "m", "--licence", "mit", "--languages", "en,de", "--accept-licence", "--json"]
    ran = attune("bases", "import", "x", *flags, launch=trainer(asks(tmp_path / "log")))
    assert ran.code == 0
    assert ran.json["terms"]["licence"] == "mit"
    assert "as you like" in ran.err
    first, second = map(json.loads, (tmp_path / "log").read_text().splitlines())
    assert "--accepted" not in first
    assert second[second.index("--accepted") + 1] == "abc"
    assert second[second.index("--languages") + 1 :][:2] == ["en", "de"]
    assert second[-2:] == ["--", "x"]


def test_what_was_left_out_is_said(attune, trainer, tmp_path):
    ran = attune("bases", "import", "x", "--name", "m", "--accept-licence", launch=trainer(asks(tmp_path / "log")))
    assert "pickled" in ran.out
    assert "config.json: x" in ran.out


@pytest.mark.parametrize(("code", "exit_code"), [("in_use", 1), ("not_found", 1), ("usage_invalid", 2)])
def test_what_cannot_be_removed_says_why(attune, trainer, code, exit_code):
    body = f"say('failed', error={{'code': {code!r}, 'message': 'It stays.', 'remedy': 'Wait.'}})"
    ran = attune("bases", "remove", "m", launch=trainer(body))
    assert ran.code == exit_code
    assert "It stays." in ran.err


def test_a_training_names_its_base(attune, log, trainer, does_it):
    attune("init", "acme")
    attune("import", "acme", log)
    ran = attune("train", "acme", "--base", "m", "--json", launch=trainer(does_it))
    assert ran.json["payload"]["base"] == "m"


def test_advice_shows_what_was_found_out_and_the_sentence_that_follows(attune, trainer, home):
    one = {
        "name": "m", "terms": "cc-by-nc-4.0, no commercial use", "languages": ["en"], "missing": ["de"],
        "unknown_share": 0.012, "bytes": 90_000_000, "latency_ms": 8.25, "seconds": 61.0,
        "memory_bytes": 900_000_000, "state": "ready",
    }  # fmt: skip
    away = {**one, "name": "away", "missing": [], "state": "not installed"}
    away |= dict.fromkeys(("unknown_share", "bytes", "latency_ms", "seconds", "memory_bytes"))
    result = {"bot": "acme", "messages": 3, "bases": [one, away], "recommended": "m", "reason": "Because it is here."}
    launch = trainer(f"assert sys.argv[-3:] == ['advise', '--', 'acme'], sys.argv; say('done', result={result!r})")
    assert attune("bases", "advise", "acme", "--json", launch=launch).code == 1, "no such bot"
    assert attune("init", "acme").code == 0
    ran = attune("bases", "advise", "acme", launch=launch)
    assert ran.code == 0, ran.err
    assert all(word in ran.out for word in ("1.2%", "90 MB", "8.2 ms", "61 s", "900 MB", "Because it is here."))
    assert attune("bases", "advise", "acme", "--json", launch=launch).json == result
