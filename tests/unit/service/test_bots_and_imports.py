"""Verbs that need no model: bots, profiles, imports, jobs, checks."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from data.importers import IntentHint, ProfileHint, kinds
from data.importers.kind import Kind
from data.store import jobs, open_store

PROFILE = 'name = "Acme"\n[[intents]]\nname = "order_status"\ntitle = "an order"\nanswers = ["Use the link."]\n'


def test_a_bot_is_created_once_and_listed(attune, no_home):
    assert attune("bots", "--json").json == {"bots": []}
    assert not no_home.exists(), "looking makes nothing"
    assert attune("init", "acme", "--json").json["bot"] == "acme"
    again = attune("init", "acme", "--json")
    assert (again.code, again.json["error"]["code"]) == (1, "name_taken")
    listed = attune("bots", "--json").json["bots"]
    assert [(bot["bot"], bot["live"], bot["profile_version"]) for bot in listed] == [("acme", None, 1)]
    assert "acme" in attune("bots").out


def test_a_profile_is_kept_in_versions(attune, tmp_path):
    path = tmp_path / "profile.toml"
    path.write_text(PROFILE)
    attune("init", "acme")
    assert attune("profile", "acme", "--set", path, "--json").json["version"] == 2
    assert attune("profile", "acme", "--set", path, "--json").json["version"] == 2, "the same again changes nothing"
    shown = attune("profile", "acme", "--json").json
    assert shown["profile"]["intents"][0]["title"] == "an order"
    assert "an order" in attune("profile", "acme").out
    path.write_text("name = 3\nsurprise = 1\n")
    refused = attune("profile", "acme", "--set", path)
    assert (refused.code, "surprise" in refused.err) == (2, True)


def test_an_import_reports_every_row_and_the_same_file_again_changes_nothing(attune, log):
    attune("init", "acme")
    report = attune("import", "acme", log, "--json").json
    assert (report["rows_in"], report["rows_used"], report["file"]) == (6, 6, "chats.jsonl")
    assert report["imported_before"] is False
    again = attune("import", "acme", log, "--json").json
    assert again == {**report, "imported_before": True}
    assert "nothing changed" in attune("import", "acme", log).out


def test_who_speaks_for_the_brand_is_named_or_found(attune, tmp_path):
    chat = tmp_path / "chat.txt"
    chat.write_text("Lena: Hello\nShop: Good morning\nLena: Are you open?\nShop: Always\n")
    attune("init", "acme")
    found = attune("import", "acme", chat, "--dry-run", "--json").json
    assert (found["format"], found["speakers"]["decided_by"]) == ("transcript", "first_answer")
    assert "Shop (by first answer, sure to 60%)" in attune("import", "acme", chat, "--dry-run").out
    named = attune("import", "acme", chat, "--brand", "lena", "--brand", "Nobody", "--json").json
    assert named["speakers"]["brand"] == ["Lena"]
    assert attune("import", "acme", chat, "--brand", "").code == 2


@pytest.fixture
def definitions(monkeypatch):
    """A kind of file that defines a bot."""

    def read_definition(source, options):
        yield ProfileHint(
            (IntentHint("opening_hours", answers=("We open at nine, mail a@b.example.",)),), greeting="Hi!"
        )

    kind = Kind("definition", "a definition", read_definition, lambda one: 0.9 if "defines" in one.text else 0.0)
    monkeypatch.setattr(kinds, "KINDS", (*kinds.KINDS, kind))


def test_what_an_upload_defines_joins_the_profile_when_it_is_asked_for(attune, tmp_path, log, definitions):
    path = tmp_path / "bot.txt"
    path.write_text("this defines a bot\n")
    attune("init", "acme")
    report = attune("import", "acme", path, "--json").json
    assert report["profile"]["intents"][0]["answers"] == ["We open at nine, mail [email 1]."]
    assert not report["findings"]
    assert "1 intents, 1 answers" in attune("import", "acme", path).out
    for _ in range(2):
        adopted = attune("profile", "acme", "--from-upload", report["upload"], "--json").json
        assert (adopted["version"], adopted["profile"]["greeting"]) == (2, "Hi!")
    assert adopted["profile"]["intents"][0]["name"] == "opening_hours"
    other = attune("import", "acme", log, "--json").json
    refused = attune("profile", "acme", "--from-upload", other["upload"], "--json")
    assert (refused.code, refused.json["error"]["code"]) == (1, "not_found")
    attune("init", "zeta")
    assert attune("profile", "zeta", "--from-upload", report["upload"]).code == 1


def test_several_files_are_pooled_and_a_bad_one_keeps_none_of_the_others_back(attune, log, tmp_path):
    other, bad = tmp_path / "labelled.csv", tmp_path / "empty.csv"
    other.write_text("text,label\nhow much is it,price\n")
    bad.write_text("")
    attune("init", "acme")
    ran = attune("import", "acme", log, bad, other, tmp_path / "gone.csv", "--json")
    assert ran.code == 1
    assert (ran.json["rows_in"], ran.json["labels"]) == (7, {"order_status": 3, "price": 1})
    assert [upload["file"] for upload in ran.json["uploads"]] == ["chats.jsonl", "labelled.csv"]
    assert [(one["file"], one["error"]["code"]) for one in ran.json["failed"]] == [
        ("empty.csv", "import_refused"),
        ("gone.csv", "not_found"),
    ]
    assert "empty.csv" in attune("import", "acme", bad, other).out


def test_several_files_are_counted_and_uploads_are_listed(attune, log, tmp_path):
    attune("init", "acme")
    assert "attune import acme" in attune("data", "report", "acme").out
    (tmp_path / "empty.csv").write_text("")
    ran = attune("import", "acme", log, tmp_path / "empty.csv")
    assert "1 of 2 files were read; 1 were refused." in ran.out
    (done, refused) = attune("data", "report", "acme", "--json").json["uploads"]
    assert (done["file"], done["state"], done["rows_in"], done["rows_used"]) == ("chats.jsonl", "imported", 6, 6)
    assert (refused["file"], refused["state"], refused["rows_in"]) == ("empty.csv", "refused", None)
    assert done["upload"] in ran.out
    assert done["upload"] in attune("data", "report", "acme").out
    unknown = attune("data", "report", "acme", "nope")
    assert (unknown.code, "lists them" in unknown.err) == (1, True)


def test_what_is_no_file_is_refused_with_what_to_do(attune, tmp_path):
    attune("init", "acme")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "export").mkdir()
    assert "into a file first" in attune("import", "acme", tmp_path / "pipe").err
    assert "one zip" in attune("import", "acme", tmp_path / "export").err


@pytest.mark.parametrize("form", ["pairs", "repeated", "old name", "json", "file"])
def test_a_field_map_says_which_column_holds_what(attune, tmp_path, form):
    path, fields = tmp_path / "log.csv", {"text": "Was", "role": "Wer", "conversation": "Fall"}
    path.write_text("Fall,Wer,Was\n1,customer,hello\n1,staff,hello to you\n")
    (tmp_path / "map.toml").write_bytes(b'\xef\xbb\xbftext = "Was"\nrole = "Wer"\nconversation = "Fall"\n')
    given = {
        "pairs": ["--field-map", ",".join(f"{name}={column}" for name, column in fields.items())],
        "repeated": [part for name, column in fields.items() for part in ("--map", f"{name}={column}")],
        "old name": [part for name, column in fields.items() for part in ("--field", f"{name}={column}")],
        "json": ["--field-map", json.dumps(fields)],
        "file": ["--field-map", str(tmp_path / "map.toml")],
    }[form]
    attune("init", "acme")
    report = attune("import", "acme", path, *given, "--json").json
    assert (report["rows_used"], report["conversations"]) == (2, 1)


@pytest.mark.parametrize("given", ["{", "text", "text=", "=x", '{"text": 3}', "sky=blue", "nofile.toml"])
def test_a_field_map_that_makes_no_sense(attune, log, given):
    attune("init", "acme")
    ran = attune("import", "acme", log, "--field-map", given, "--json")
    assert ran.code in (1, 2)
    assert ran.json["error"]["code"] in ("usage_invalid", "not_found")


def test_a_dry_run_keeps_nothing(attune, log):
    attune("init", "acme")
    assert attune("import", "acme", log, "--dry-run", "--json").json["dry_run"] is True
    assert "nothing was kept" in attune("import", "acme", log, "--dry-run").out
    assert attune("jobs", "--json").json == {"jobs": []}


def test_a_file_that_another_process_imports_is_left_alone(attune, log, home):
    attune("init", "acme")
    attune("import", "acme", log)
    with open_store(f"sqlite:///{home / 'attune.db'}", home=home) as store, store.begin() as tx:
        found = jobs.list_all(tx)[0]
        from sqlalchemy import text

        tx.connection.execute(text("UPDATE jobs SET state='queued', finished_at=NULL, result=NULL"))
        tx.connection.execute(text("UPDATE uploads SET state='importing', report=NULL"))
        jobs.claim(tx, "another", lease_seconds=60, job_id=found.id)
    ran = attune("import", "acme", log, "--json")
    assert (ran.code, ran.json["error"]["code"]) == (1, "in_use")


def test_jobs_are_listed_shown_and_cancelled(attune, log, home):
    assert attune("jobs", "--json").json == {"jobs": []}
    attune("init", "acme")
    attune("import", "acme", log)
    (job,) = attune("jobs", "--json").json["jobs"]
    assert (job["kind"], job["state"], job["bot"]) == ("import", "succeeded", "acme")
    assert "succeeded" in attune("jobs").out
    assert attune("jobs", job["job"], "--json").json["events"][0]["type"] == "queued"
    assert "started" in attune("jobs", job["job"]).out
    with open_store(f"sqlite:///{home / 'attune.db'}", home=home) as store, store.begin() as tx:
        waiting = jobs.enqueue(tx, "train", {})
    assert attune("jobs", waiting.id, "--cancel", "--json").json["state"] == "cancelled"
    assert attune("jobs", "--cancel").code == 2
    assert attune("jobs", "nonsense").code == 1


def test_data_check_takes_several_files_to_an_option(attune, log, tmp_path):
    other, test = tmp_path / "more.jsonl", tmp_path / "test.jsonl"
    other.write_text('{"text": "Tell me a JOKE", "label": "oos"}\n')
    test.write_text('{"text": "tell me  a joke", "label": "oos"}\n{"text": "where is parcel BETA", "label": "x"}\n')
    at_once = attune("data", "check", "--train", log, other, "--test", test, "--json").json
    assert (at_once["train_rows"], at_once["test_rows"], at_once["exact_duplicates"]) == (4, 2, 2)
    one_by_one = attune("data", "check", "--test", test, "--train", log, "--train", other, "--json").json
    assert one_by_one == at_once
    assert "tell me" in attune("data", "check", "--train", log, other, "--test", test).out
    assert attune("data", "check", "--train", log).code == 2


def test_the_doctor_finds_what_is_damaged(attune, log, home):
    attune("init", "acme")
    attune("import", "acme", log)
    assert attune("doctor", "--check", "--json").json == {"healthy": True, "findings": []}
    assert "All is well" in attune("doctor").out
    (blob,) = [path for path in (home / "blobs").rglob("*") if path.is_file()]
    blob.write_bytes(b"changed")
    ran = attune("doctor", "--json")
    assert (ran.code, ran.json["findings"][0]["code"]) == (1, "blob_damaged")
    assert "blob_damaged" in attune("doctor", "--repair").out


def test_what_customers_wrote_cannot_command_the_terminal(attune, tmp_path):
    path = tmp_path / "log.csv"
    path.write_text('text,label\n"\x1b[31mred [bold]loud[/bold] \u202eback",x\n"\x1b[31mred [bold]loud[/bold] ok",y\n')
    attune("init", "acme")
    ran = attune("import", "acme", Path(path))
    assert ran.code == 0
    assert "\x1b" not in ran.out
    assert "\u202e" not in ran.out


def test_the_command_line_works_in_the_workspace_of_the_settings(attune, monkeypatch):
    attune("init", "acme")
    monkeypatch.setenv("ATTUNE_WORKSPACE", "shop")
    assert attune("bots", "--json").json == {"bots": []}
    assert attune("init", "acme", "--json").code == 0, "another workspace may use the name again"
    attune("init", "extra")
    assert [bot["bot"] for bot in attune("bots", "--json").json["bots"]] == ["acme", "extra"]
    monkeypatch.setenv("ATTUNE_WORKSPACE", "no such name")
    assert attune("init", "third", "--json").json["error"]["code"] == "usage_invalid"
    monkeypatch.delenv("ATTUNE_WORKSPACE")
    assert [bot["bot"] for bot in attune("bots", "--json").json["bots"]] == ["acme"]
