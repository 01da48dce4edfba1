"""`--fix`, `--fail-on`, `--html` and the verbs of `attune data`: what is said, and what is kept."""

from __future__ import annotations

import json

import pytest

from data.store import open_store

TWINS = '{"text": "give it back", "label": "Refund"}\n{"text": "my money please", "label": "refund"}\n'
FOUND = {
    "dataset": "d" * 64,
    "base": "minilm-l6",
    "rows": {"train": 8, "validation": 1, "test": 1},
    "labels": {"a": 6, "b": 4},
    "languages": {"en": 10},
    "findings": [
        {"code": "label_errors", "severity": "warning", "rows": [3], "count": 1, "sample": "x", "remedy": "Look.",
         "fixable": False}
    ],
    "label_errors": [{"row": 3, "split": "train", "text": "<b>mine", "label": "a", "suggested": "b",
                      "confidence": 0.9}],
    "too_little": [],
    "curve": {"points": [{"rows": 2, "accuracy": 0.5}, {"rows": 4, "accuracy": 0.6}]},
    "figures": {},
    "seconds": 0.1,
}  # fmt: skip
JUDGES = f"""
from data.store import jobs
store, job = claimed()
assert job.kind == "findings", job.kind
say("phase", phase="findings")
with store.begin() as tx:
    jobs.finish(tx, job, {FOUND!r})
say("done", result={FOUND!r})
"""


@pytest.fixture
def twins(tmp_path):
    path = tmp_path / "twins.jsonl"
    path.write_text(TWINS)
    return path


@pytest.mark.parametrize(("level", "kept"), [("error", True), ("never", True), ("warning", False), ("info", False)])
def test_nothing_is_kept_of_a_file_whose_findings_are_too_bad(attune, home, twins, level, kept):
    attune("init", "acme")
    ran = attune("import", "acme", twins, "--fail-on", level, "--json")
    assert ran.code == (0 if kept else 1)
    with open_store(f"sqlite:///{home / 'attune.db'}", home=home) as store, store.read() as tx:
        count = tx.connection.exec_driver_sql("SELECT count(*) FROM conversations").scalar()
    assert count == (2 if kept else 0)
    if not kept:
        error = ran.json["error"]
        assert error["code"] == "findings_too_bad"
        assert {"label_twins", "small_classes"} <= {one["code"] for one in error["findings"]}
        assert all(one["remedy"] for one in error["findings"])
        assert attune("import", "acme", twins, "--json").code == 0, "without the level it is taken"


def test_a_level_that_is_none_is_asked_wrongly(attune, twins):
    attune("init", "acme")
    for verb in (["import", "acme", twins], ["import", "acme", twins, "--dry-run"], ["data", "findings", "acme"],
                 ["data", "check", "--train", twins, "--test", twins]):  # fmt: skip
        assert attune(*verb, "--fail-on", "terrible").code == 2


def test_what_can_be_mended_is_mended_when_asked(attune, twins):
    attune("init", "acme")
    report = attune("import", "acme", twins, "--fix", "--json").json
    assert report["labels"] == {"Refund": 2}
    assert "labels_mended" in {one["code"] for one in report["findings"]}


def test_a_dry_run_tells_by_its_exit_code(attune, twins):
    attune("init", "acme")
    ran = attune("import", "acme", twins, "--dry-run", "--fail-on", "warning", "--json")
    assert (ran.code, ran.json["dry_run"]) == (1, True)


def test_the_report_as_a_page_at_once_and_again(attune, twins, tmp_path):
    attune("init", "acme")
    report = attune("import", "acme", twins, "--html", tmp_path / "one.html", "--json").json
    again = attune("data", "report", "acme", report["upload"], "--html", tmp_path / "two.html", "--json")
    assert again.json["findings"] == report["findings"]
    for name in ("one.html", "two.html"):
        page = (tmp_path / name).read_text(encoding="utf-8")
        assert "twins.jsonl" in page
        assert "label_twins" in page
    assert "label_twins" in attune("data", "report", "acme", report["upload"]).out
    assert attune("data", "report", "acme", report["upload"], "--fail-on", "warning").code == 1
    assert attune("data", "report", "acme", "upload_none").code == 1
    attune("init", "zeta")
    assert attune("data", "report", "zeta", report["upload"]).code == 1, "another bot's"
    assert attune("data", "report", "acme", report["upload"], "--html", tmp_path).code == 2


def test_the_page_of_what_was_refused_holds_its_findings(attune, twins, tmp_path):
    attune("init", "acme")
    assert attune("import", "acme", twins, "--fail-on", "warning", "--html", tmp_path / "one.html").code == 1
    page = (tmp_path / "one.html").read_text(encoding="utf-8")
    assert "Nothing was kept" in page
    assert "label_twins" in page


def test_a_page_that_cannot_be_written_is_asked_wrongly(attune, twins, tmp_path):
    attune("init", "acme")
    ran = attune("import", "acme", twins, "--html", tmp_path / "none" / "one.html")
    assert (ran.code, "a folder that is not there" in ran.err) == (2, True)
    assert attune("jobs", "--json").json == {"jobs": []}, "that is said before any work"
    assert attune("import", "acme", twins, "--html", tmp_path).code == 2


def test_why_nothing_was_kept_is_shown(attune, twins):
    attune("init", "acme")
    ran = attune("import", "acme", twins, "--fail-on", "warning")
    assert (ran.code, "choose one" in ran.out) == (1, True)


def test_a_check_tells_how_much_of_it_is_shown(attune, tmp_path):
    for name in ("train", "test"):
        (tmp_path / name).write_text("".join(json.dumps({"text": f"question {at}"}) + "\n" for at in range(60)))
    assert (
        "The first 50 of 60" in attune("data", "check", "--train", tmp_path / "train", "--test", tmp_path / "test").out
    )


def test_a_check_fails_where_it_is_told_to(attune, tmp_path):
    for name, text in (("train", "Where is it?"), ("test", "where  is it?")):
        (tmp_path / name).write_text(json.dumps({"text": text}) + "\n")
    asked = ["data", "check", "--train", tmp_path / "train", "--test", tmp_path / "test"]
    assert attune(*asked, "--fail-on", "error", "--json").code == 0
    ran = attune(*asked, "--fail-on", "warning", "--json")
    assert (ran.code, [one["code"] for one in ran.json["findings"]]) == (1, ["leakage"])
    assert "leakage" in attune(*asked).out


def test_the_dataset_is_judged_by_the_trainer_in_a_job(attune, log, tmp_path, trainer):
    attune("init", "acme")
    attune("import", "acme", log)
    launch = trainer(JUDGES)
    ran = attune("data", "findings", "acme", "--html", tmp_path / "page.html", "--json", launch=launch)
    assert (ran.code, ran.json["label_errors"][0]["suggested"]) == (0, "b")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "&lt;b&gt;mine" in page
    assert "<b>mine" not in page
    assert "Learning curve" in page
    again = attune("data", "findings", "acme", "--fail-on", "warning", launch=trainer("raise SystemExit(9)"))
    assert again.code == 1, "the job of before is told again, and its findings are as bad"
    assert "looks like" in again.out
    assert "nothing has changed since" in again.err
