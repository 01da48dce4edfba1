"""An upload becomes conversations that readers see: once, whole, and the same after any interruption."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest

from data.errors import LeaseLost, UsageError
from data.files import Blobs
from data.importers import ImportOptions
from data.ingest import KIND, dry_run, request_import, run_import
from data.jobs import JobContext, run_job
from data.profile import BotProfile
from data.settings import ImportSettings, Settings
from data.store import Store, bots, conversations, jobs, open_store, uploads
from data.store.uploads import NewUpload
from tests.homes import lay_home

CHAT = [
    {"role": "user", "content": "hello, my mail is jo@example.com", "intent": "greeting"},
    {"role": "assistant", "content": "Hello Jo"},
    {"role": "user", "content": "where is it"},
    {"role": "user", "content": "my rain jacket", "entities": [{"start": 3, "end": 14, "type": "thing"}]},
]


def log(count: int, first: int = 0) -> bytes:
    lines = []
    for number in range(first, first + count):
        more = {"role": "user", "content": f"I am visitor {'abcdefghij'[number % 10] * (number // 10 + 1)} of the day"}
        lines.append(json.dumps({"id": f"c{number}", "messages": [*CHAT, {"role": "agent", "content": "hm"}, more]}))
    return "\n".join(lines).encode()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    with open_store(settings.store_url, home=lay_home(settings.home)) as opened:
        with opened.begin() as tx:
            bots.create(tx, "acme", BotProfile(name="acme"))
        yield opened


def bot_of(store: Store) -> str:
    with store.read() as tx:
        return bots.get(tx, "acme").id


def asked(store: Store, settings: Settings, content: bytes, name="logs", *, look=False, **options):
    """An import, or with `look` only a look, at this content is asked for."""
    blob = Blobs(settings.home).put(BytesIO(content), max_bytes=10**9)
    with store.begin() as tx:
        return request_import(tx, bot_of(store), NewUpload(name, blob.digest, blob.size, options, dry_run=look))


def worked(store: Store, settings: Settings, job_id: str):
    with store.begin() as tx:
        job = jobs.claim(tx, "worker", lease_seconds=30, kinds=[KIND], job_id=job_id)
    assert job is not None
    return run_job(store, settings, job, lambda context: run_import(context, settings))


def imported(store: Store, settings: Settings, content: bytes, **options):
    _, job = asked(store, settings, content, **options)
    return worked(store, settings, job.id)


def kept(store: Store):
    return list(conversations.stream(store, bot_of(store)))


def test_an_import_keeps_what_was_said(store, settings):
    done = imported(store, settings, log(3))
    assert done.state == "succeeded"
    report = done.result
    assert (report["rows_in"], report["rows_used"], report["conversations"]) == (18, 18, 3)
    assert report["redacted"] == {"email": 3, "person": 3}
    first = kept(store)[0]
    assert [turn.text for turn in first.conversation.turns] == [
        "hello, my mail is [email 1]",
        "Hello [person 1]",
        "where is it\nmy rain jacket",
        "hm",
        "I am visitor a of the day",
    ]
    entity = first.conversation.turns[2].entities[0]
    assert first.conversation.turns[2].text[entity.start : entity.end] == "rain jacket"
    assert first.languages[0] == "en"
    assert [key is None for key in first.near] == [False, True, False, True, False]
    with store.read() as tx:
        (upload,) = uploads.list_for(tx, bot_of(store))
    assert (upload.state, upload.report) == ("imported", report)


def test_the_same_file_again_changes_nothing(store, settings):
    upload, job = asked(store, settings, log(3))
    worked(store, settings, job.id)
    before = kept(store)
    assert asked(store, settings, log(3), name="renamed")[0].id == upload.id
    assert asked(store, settings, log(3))[1].id == job.id
    assert kept(store) == before


def test_the_same_conversations_in_another_file_are_set_aside_and_neighbours_grouped(store, settings):
    imported(store, settings, log(3))
    report = imported(store, settings, log(2, first=2) + b"\n").result
    assert report["set_aside"] == {"duplicate_conversation": 6}
    everything = kept(store)
    assert len(everything) == 4
    assert everything[3].near[0] == everything[0].near[0]


def test_reading_it_otherwise_is_another_upload(store, settings):
    one, _ = asked(store, settings, log(1))
    other, _ = asked(store, settings, log(1), format="jsonl")
    assert one.id != other.id
    with pytest.raises(UsageError):
        asked(store, settings, log(1), format="ods")


def test_a_file_that_cannot_be_read_is_refused_once_and_keeps_nothing(store, settings):
    upload, job = asked(store, settings, b"PK\x03\x04")
    done = worked(store, settings, job.id)
    assert (done.state, done.error["code"], done.attempt) == ("failed", "import_refused", 1)
    with store.read() as tx:
        assert uploads.get(tx, upload.id).state == "refused"
        assert uploads.get(tx, upload.id).error["remedy"]
    again_upload, again = asked(store, settings, b"PK\x03\x04")
    assert (again_upload.id, again.id != job.id) == (upload.id, True)
    assert kept(store) == []


def test_a_damaged_blob_is_not_imported(store, settings):
    upload, job = asked(store, settings, log(1))
    Blobs(settings.home).path(upload.digest).write_bytes(log(2))
    assert worked(store, settings, job.id).error["code"] == "integrity_failed"
    assert kept(store) == []


def test_a_worker_that_lost_its_job_writes_nothing_more(store, settings):
    upload, asked_job = asked(store, settings, log(3))
    with store.begin() as tx:
        job = jobs.claim(tx, "one", lease_seconds=30, job_id=asked_job.id)
    with store.begin() as tx:
        jobs.release_lease(tx, job)
    with pytest.raises(LeaseLost):
        run_import(JobContext(job, store), settings)
    assert worked(store, settings, asked_job.id).state == "succeeded"
    with store.read() as tx:
        assert uploads.get(tx, upload.id).state == "imported"


def test_a_cancelled_import_shows_nothing_and_can_be_asked_for_again(store, settings, monkeypatch):
    upload, asked_job = asked(store, settings, log(3))
    keep = conversations.add_many

    def keep_and_cancel(tx, upload_id, rows):
        keep(tx, upload_id, rows)
        jobs.cancel(tx, asked_job.id)

    monkeypatch.setattr(conversations, "add_many", keep_and_cancel)
    with store.begin() as tx:
        job = jobs.claim(tx, "one", lease_seconds=30, job_id=asked_job.id)

    def handler(context):
        context.beat()
        return run_import(context, settings)

    def beat_after_keeping(context, *_, **__):
        context.beat()
        context.check()

    monkeypatch.setattr(JobContext, "report", beat_after_keeping)
    assert run_job(store, settings, job, handler).state == "cancelled"
    assert kept(store) == []
    monkeypatch.undo()
    same, again = asked(store, settings, log(3))
    assert (same.id, again.id != asked_job.id) == (upload.id, True)
    assert worked(store, settings, again.id).result["conversations"] == 3


def test_an_import_done_by_a_worker_that_died_before_saying_so(store, settings):
    _, asked_job = asked(store, settings, log(3))
    with store.begin() as tx:
        job = jobs.claim(tx, "one", lease_seconds=30, job_id=asked_job.id)
    report = run_import(JobContext(job, store), settings)
    before = kept(store)
    with store.begin() as tx:
        jobs.release_lease(tx, job)
    assert worked(store, settings, asked_job.id).result == report
    assert kept(store) == before


def test_a_look_leaves_the_report_of_an_import_and_nothing_else(store, settings):
    upload, job = asked(store, settings, log(3), look=True)
    report = worked(store, settings, job.id).result
    with store.read() as tx:
        looked = uploads.get(tx, upload.id)
    assert (looked.state, looked.conversations, looked.report) == ("examined", 0, report)
    assert (report["dry_run"], report["rows_in"], report["rows_used"], report["upload"]) == (True, 18, 18, upload.id)
    assert kept(store) == []
    assert asked(store, settings, log(3), look=True)[1].id == job.id
    real = imported(store, settings, log(3)).result
    changing = ("upload", "dry_run", "seconds")
    assert {name: value for name, value in real.items() if name not in changing} == {
        name: value for name, value in report.items() if name not in changing
    }
    assert len(kept(store)) == 3


def test_a_look_at_what_cannot_be_read_is_refused(store, settings):
    upload, job = asked(store, settings, b"PK\x03\x04", look=True)
    assert worked(store, settings, job.id).error["code"] == "import_refused"
    with store.read() as tx:
        assert uploads.get(tx, upload.id).state == "refused"
    real, _ = asked(store, settings, b"PK\x03\x04")
    assert real.id != upload.id


def test_a_worker_that_lost_its_job_leaves_no_report_of_a_look(store, settings):
    upload, job = asked(store, settings, log(1), look=True)
    with store.begin() as tx:
        mine = jobs.claim(tx, "worker", lease_seconds=30, job_id=job.id)
        jobs.release_lease(tx, mine)
        jobs.claim(tx, "heir", lease_seconds=30, job_id=job.id)
    with pytest.raises(LeaseLost):
        run_import(JobContext(mine, store), settings)
    with store.read() as tx:
        assert uploads.get(tx, upload.id).state == "pending"


def test_a_dry_run_keeps_nothing(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(log(2))
    report = dry_run(path, "logs", ImportOptions(), ImportSettings(), clock=iter((1.0, 3.5)).__next__)
    assert (report.dry_run, report.rows_used, report.seconds) == (True, 12, 2.5)


WORKER = """
import sys
from pathlib import Path
from data import ingest
from data.jobs import JobContext
from data.settings import Settings
from data.store import conversations, jobs, open_store

home, job_id = Path(sys.argv[1]), sys.argv[2]
settings = Settings(home=home)
keep = conversations.add_many
def keep_and_say(tx, upload_id, rows):
    keep(tx, upload_id, rows)
    print("kept", len(rows), flush=True)
conversations.add_many = keep_and_say
with open_store(settings.store_url, home=home) as store:
    with store.begin() as tx:
        job = jobs.claim(tx, "victim", lease_seconds=0.2, job_id=job_id)
    ingest.run_import(JobContext(job, store), settings)
print("done", flush=True)
"""


@pytest.mark.parametrize("batches", [1, 3])
def test_killed_in_the_middle_and_started_again_the_result_is_the_same(store, settings, tmp_path, batches):
    content = log(1400)
    undisturbed = Settings(home=tmp_path / "undisturbed")
    with open_store(undisturbed.store_url, home=undisturbed.home) as other:
        with other.begin() as tx:
            bots.create(tx, "acme", BotProfile(name="acme"))
        expected = imported(other, undisturbed, content)
        expected_rows = [(one.conversation, one.near, one.fingerprint, one.sequence) for one in kept(other)]
    _, job = asked(store, settings, content)
    victim = subprocess.Popen(
        [sys.executable, "-c", WORKER, str(settings.home), job.id],
        stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2], env={**os.environ, "PYTHONPATH": "."},
    )  # fmt: skip
    assert victim.stdout is not None
    for _ in range(batches):
        assert victim.stdout.readline().startswith("kept")
    victim.send_signal(signal.SIGKILL)
    victim.wait()
    victim.stdout.close()
    assert kept(store) == []
    time.sleep(0.3)  # the victim's lease runs out
    done = worked(store, settings, job.id)
    assert done.attempt == 2
    for report in (done.result, expected.result):
        del report["seconds"], report["upload"]
    assert done.result == expected.result
    assert [(one.conversation, one.near, one.fingerprint, one.sequence) for one in kept(store)] == expected_rows
