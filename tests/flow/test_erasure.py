"""A person is forgotten: imported in several forms, trained on, chatted with, corrected, and then in no byte of it."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from data.build import freeze
from data.erasing.job import run_erasure
from data.erasing.journal import JOURNAL, read_journal
from data.erasing.quiet import wait_for_erasures
from data.erasing.request import replay
from data.errors import Erased, GateClosed, NotFound, UsageError
from data.frozen import FrozenDataset, open_dataset
from data.settings import ErasureSettings
from data.store import audit, datasets, erasures, feedback, jobs, open_store, releases, turns, uploads
from data.store.datasets import Dataset
from data.store.releases import Promotion
from data.work import Alone
from export.corrections import CORRECTIONS_FILE
from export.predict import Predictor
from export.release import verify_release
from export.replies import ReplyIndex
from export.runtime import EncoderPool
from export.unsaid import unsay
from tests.brand import FROZEN, Brand, brand_at, brand_like
from tests.chats import Chats
from tests.erased import traces
from tests.person import MARKER, PERSON, SHARED, ask_to_erase, erase, lines, others, person, settle, take

# As `python -m trainer` does: torch and the exporter warn of what is none of ours.
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory, base: Path) -> Path:
    """A home in which the person is everywhere. Copied, never changed."""
    home = tmp_path_factory.mktemp("first") / "home"
    with brand_at(home, base) as brand:
        settle(brand)
    return home


@pytest.fixture
def brand(first: Path, base: Path, tmp_path: Path) -> Iterator[Brand]:
    with brand_like(first, tmp_path / "home", base) as made:
        yield made


def the_session(brand: Brand) -> str:
    with brand.store.read() as tx:
        (one,) = feedback.accepted(tx, brand.bot_id)
        return one.session_id


def frozen(brand: Brand) -> list[Dataset]:
    with brand.store.read() as tx:
        return datasets.list_for(tx, brand.bot_id)


def opened(brand: Brand, one: Dataset) -> FrozenDataset:
    return open_dataset(brand.settings.home / "datasets" / one.fingerprint)


def rows_of(dataset: FrozenDataset) -> list[str]:
    rooms = [*(dataset.rows(split) for split in ("train", "validation", "test")), dataset.seen("test")]
    return [row.id for room in rooms for row in room]


def test_after_a_person_was_erased_no_byte_speaks_of_them(brand: Brand) -> None:
    home = brand.settings.home
    assert traces(home, MARKER)
    session = the_session(brand)
    told = erase(brand, "customer", PERSON.lower(), PERSON)
    chat = erase(brand, "session", session)
    assert traces(home, MARKER, PERSON, "ann.vogel") == []
    brand.store.close()
    assert traces(home, MARKER, PERSON, "ann.vogel") == []
    assert (told["conversations"], told["rows"] > 10, told["replies_told"]) == (17, True, 1)
    assert (chat["sessions"], chat["turns"], chat["feedback"]) == (1, 2, 1)
    assert brand.is_sound()
    with brand.store.read() as tx:
        assert audit.verify(tx) == []
        assert [line.action for line in audit.page(tx, limit=10)] == ["erasures.finished"] * 2
        assert {one.names is None for one in erasures.page(tx, brand.bot_id, limit=10)} == {True}


def test_what_was_made_of_a_person_is_marked_rewritten_and_made_anew(brand: Brand) -> None:
    (before,) = frozen(brand)
    old = rows_of(opened(brand, before))
    told_before = ReplyIndex.load(brand.folder(1))
    shared = told_before.replies
    assert SHARED in {reply.text for reply in shared}
    told = erase(brand, "customer", PERSON)
    tombstone, after = frozen(brand)
    assert (tombstone.successor, tombstone.erased_at is not None) == (after.id, True)
    assert not (brand.settings.home / "datasets" / tombstone.fingerprint).exists()
    assert "labels" not in tombstone.manifest
    assert tombstone.manifest["rows"] == before.manifest["rows"]
    opened(brand, after).verify()
    left = rows_of(opened(brand, after))
    assert [row for row in old if row in set(left)] == left
    assert len(old) - len(left) == told["rows"]
    assert after.manifest["erased"] == {"from": tombstone.fingerprint, "rows": told["rows"]}
    assert told["datasets"] == [{"dataset": 1, "successor": 2, "rows": told["rows"]}]
    assert told["releases"] == [{"release": 1, "rewritten": True}]
    (release,) = brand.releases()
    assert release.trained_on_erased_data is not None
    assert (release.revision, release.promotion_blocked) == (1, False)
    assert verify_release(brand.folder(1), brand.settings.home / "encoders").digest == release.digest
    told_after = ReplyIndex.load(brand.folder(1))
    assert told_before.precedents is not None
    assert told_after.precedents is not None
    gone = {at for at, reply in enumerate(shared) if reply.text not in {one.text for one in told_after.replies}}
    stay = [row for row in told_before.precedents.replies.tolist() if row not in gone]
    assert 0 < len(told_after.precedents) == len(stay) < len(told_before.precedents)
    replies = {reply.text for reply in told_after.replies}
    assert SHARED in replies, "what everybody is told is nobody's"
    assert not [text for text in replies if text.startswith("We are sorry about")]
    with Predictor.load(brand.folder(1), EncoderPool(brand.settings.home / "encoders")) as predictor:
        assert predictor.reply([("user", "refund of the silver parcel")]).reply
        found = predictor.candidates([("user", f"my {MARKER} number 1 will not eat")], k=300)
        assert {one.text for one in found} <= replies
    assert verdict_flips(brand) == []


def verdict_flips(brand: Brand) -> list[Any]:
    (release,) = brand.releases()
    assert release.verdict is not None
    return [flip for flip in release.verdict["flips"] if MARKER in flip["text"]]


def test_a_correction_goes_with_the_session_it_was_given_in(brand: Brand) -> None:
    assert MARKER in (brand.folder(1) / CORRECTIONS_FILE).read_text()
    told = erase(brand, "session", the_session(brand))
    assert (told["rows"], told["datasets"][0]["successor"]) == (1, 2)
    assert not (brand.folder(1) / CORRECTIONS_FILE).exists()
    assert frozen(brand)[1].manifest["feedback"]["rows_used"] == 0
    with Predictor.load(brand.folder(1), EncoderPool(brand.settings.home / "encoders")) as predictor:
        assert MARKER not in predictor.reply([("user", f"does the {MARKER} sing")]).reply
    with brand.store.read() as tx:
        assert feedback.accepted(tx, brand.bot_id) == []
    assert brand.is_sound()


def test_a_second_person_in_a_dataset_that_was_made_anew_is_found_in_what_the_first_one_made(brand: Brand) -> None:
    erase(brand, "customer", PERSON)
    first = brand.releases()[0].trained_on_erased_data
    told = erase(brand, "customer", "customer 3")
    assert told["releases"] == [{"release": 1, "rewritten": told["releases"][0]["rewritten"]}]
    assert brand.releases()[0].trained_on_erased_data == first, "since when stays what it was"
    assert [one.successor is None for one in frozen(brand)] == [False, False, True]


def test_what_the_bot_repeated_of_a_person_is_not_kept_beside_its_correction(brand: Brand) -> None:
    home, session = brand.settings.home, the_session(brand)
    repeated = next(reply.text for reply in ReplyIndex.load(brand.folder(1)).replies if MARKER in reply.text)
    chats = Chats(brand.store, brand.bot_id)
    turn = chats.ask(chats.open("train"), "is the station far from the garden", repeated, action="answer")
    given = chats.accept(chats.give(turn, corrected_reply="No, you see it from there."))
    freeze(brand.store, brand.settings, brand.bot_id)
    (row,) = (row for row in opened(brand, frozen(brand)[-1]).rows("train") if row.upload == given.id)
    assert row.rejected == repeated
    erase(brand, "customer", PERSON)
    left = opened(brand, next(one for one in frozen(brand) if one.id == frozen(brand)[1].successor))
    left.verify()
    assert [one for one in left.rows("train") if one.upload == given.id] == [replace(row, rejected=None)]
    erase(brand, "session", session)
    assert traces(home, MARKER, PERSON) == []
    rows = freeze(brand.store, brand.settings, brand.bot_id).rows("train")
    assert [one.rejected for one in rows if one.upload == given.id] == [None]


def test_looking_changes_nothing_and_says_what_would_go(brand: Brand) -> None:
    before = {path: path.read_bytes() for path in brand.settings.home.rglob("*.parquet")}
    told = erase(brand, "customer", PERSON, dry_run=True)
    assert (told["dry_run"], told["conversations"], told["replies_told"]) == (True, 17, 0)
    assert told["releases"] == [{"release": 1, "rewritten": False}]
    assert told["datasets"] == [{"dataset": 1, "rows": told["rows"]}]
    assert {path: path.read_bytes() for path in brand.settings.home.rglob("*.parquet")} == before
    assert brand.releases()[0].trained_on_erased_data is None
    done = erase(brand, "customer", PERSON)
    assert (done["rows"], done["conversations"]) == (told["rows"], told["conversations"])


def test_the_person_stays_out_and_everybody_else_comes_in(brand: Brand) -> None:
    erase(brand, "customer", PERSON)
    erase(brand, "session", the_session(brand))
    new = [*person(first=60, count=4), *others(210)[206:]]
    spelled = {**person(first=70, count=1)[0], "customer": f"  {PERSON.upper()} "}
    upload = take(brand, "next month.jsonl", lines([*new, spelled]))
    assert upload.report is not None
    assert upload.report["set_aside"] == {"erased": 10}
    assert (upload.conversations, upload.original_erased_at is not None) == (4, True)
    assert traces(brand.settings.home, MARKER, PERSON) == [], "nor is the file kept"
    with pytest.raises(Erased):
        take(brand, "once more.jsonl", lines([*new, spelled]))
    assert brand.is_sound()
    (one,) = [one for one in all_erasures(brand) if one.kind == "customer"]
    with brand.store.begin() as tx:
        assert erasures.lift(tx, brand.bot_id, one.id) > 0
    assert take(brand, "let in.jsonl", lines(person(first=80, count=1))).conversations == 1


def all_erasures(brand: Brand) -> list[erasures.Erasure]:
    with brand.store.read() as tx:
        return erasures.page(tx, brand.bot_id, limit=100)


def test_an_upload_is_erased_whole_and_kept_out(brand: Brand) -> None:
    content = lines([*others(203)[200:], *[{"id": "only here", "messages": [{"role": "user", "content": "a heron"}]}]])
    upload = take(brand, "herons.jsonl", content)
    assert take(brand, "another.jsonl", lines(others(230)[220:])).conversations == 10
    told = erase(brand, "upload", upload.id)
    assert told["conversations"] == upload.conversations
    with brand.store.read() as tx:
        gone = uploads.get(tx, upload.id)
    assert (gone.state, gone.conversations, gone.name) == ("erased", 0, "erased")
    assert gone.report is not None
    assert gone.report["rows_in"] == upload.report["rows_in"] if upload.report else False
    assert traces(brand.settings.home, "heron") == []
    with pytest.raises(Erased):
        take(brand, "herons.jsonl", content)
    assert brand.is_sound()
    (one,) = all_erasures(brand)
    with brand.store.begin() as tx:
        erasures.lift(tx, brand.bot_id, one.id)
    assert take(brand, "herons.jsonl", content).id != upload.id


def test_single_turns_go_with_what_answers_them(brand: Brand) -> None:
    with brand.store.read() as tx:
        session = the_session(brand)
        asked, _ = turns.of_session(tx, session)
    told = erase(brand, "turn", asked.id)
    assert (told["turns"], told["feedback"], told["sessions"]) == (2, 1, 0)
    with brand.store.read() as tx:
        assert turns.of_session(tx, session) == []
    assert not (brand.folder(1) / CORRECTIONS_FILE).exists()


def test_one_conversation_goes_and_does_not_come_again(brand: Brand) -> None:
    dataset = opened(brand, frozen(brand)[0])
    row = next(row for row in dataset.rows("train") if MARKER not in row.text and not row.upload.startswith("feedback"))
    told = erase(brand, "conversation", row.conversation)
    assert (told["conversations"], told["rows"]) == (1, 1)
    mine = [one for one in others(206) if one["messages"][0]["content"] == row.text]
    again = take(brand, "again.jsonl", lines([*mine, *others(240)[239:]]))
    assert again.report is not None
    assert again.report["set_aside"] == {"duplicate_conversation": 2}


def test_what_is_not_there_is_refused_but_for_people(brand: Brand) -> None:
    for kind in ("upload", "session", "turn", "conversation"):
        with pytest.raises(NotFound):
            ask_to_erase(brand, kind, f"{kind}_of_nobody")  # type: ignore[arg-type]
    with pytest.raises(UsageError):
        ask_to_erase(brand, "customer")
    told = erase(brand, "customer", "Nobody Here")
    assert (told["conversations"], told["originals"]) == (0, 2), "what was refused or only looked at may hold anybody"


@pytest.mark.parametrize("policy", ["flag", "block_promotion", "auto_retrain"])
def test_what_follows_is_the_business_of_a_setting(brand: Brand, policy: Any) -> None:
    settings = brand.settings.model_copy(update={"erasure": ErasureSettings(policy=policy)})
    told = erase(Brand(brand.store, settings, brand.base), "customer", PERSON)
    wanted = Promotion(1, 1, "ann", "because")
    with brand.store.begin() as tx:
        assert releases.get(tx, brand.bot_id, 1).promotion_blocked == (policy == "block_promotion")
        if policy == "block_promotion":
            with pytest.raises(GateClosed):
                releases.check_gate(tx, brand.bot_id, wanted)
        waiting = [job.id for job in jobs.list_all(tx, brand.bot_id, ("queued",)) if job.kind == "train"]
    assert waiting == ([told["retraining"]] if policy == "auto_retrain" else [])


def test_a_training_after_it_knows_nothing_of_the_person(brand: Brand) -> None:
    erase(brand, "customer", PERSON)
    erase(brand, "session", the_session(brand))
    done = brand.retrain(recipe=FROZEN)
    assert done.state == "succeeded", done.error
    assert brand.releases()[1].trained_on_erased_data is None
    assert traces(brand.settings.home, MARKER, PERSON) == []
    assert brand.is_sound()


def test_what_quotes_the_data_is_a_count_afterwards_and_what_was_done_before_is_done_again(brand: Brand) -> None:
    said = {"code": "label_errors", "severity": "info", "count": 1, "rows": [1], "remedy": "Look.", "sample": MARKER}
    with brand.store.begin() as tx:
        job = jobs.enqueue(tx, "findings", {}, brand.bot_id, "findings:same")
        held = jobs.claim(tx, "test", lease_seconds=60, job_id=job.id)
        assert held is not None
        jobs.event(tx, held, "findings", {"findings": [said]})
        jobs.finish(tx, held, {"rows": {"train": 3}, "findings": [said], "label_errors": [{"text": MARKER}]})
    erase(brand, "customer", PERSON)
    with brand.store.begin() as tx:
        done = jobs.get(tx, job.id)
        (event,) = [one for one in jobs.events(tx, job.id) if one.type == "findings"]
        assert jobs.enqueue(tx, "findings", {}, brand.bot_id, "findings:same").id != job.id
    silent = {**said, "sample": ""}
    assert done.result == {"rows": {"train": 3}, "labels": {}, "findings": [silent], "erased": True}
    assert event.data == {"findings": [silent]}


def test_a_training_at_work_is_ended_and_asked_for_again(brand: Brand) -> None:
    waiting = brand.order(recipe=FROZEN)
    with brand.store.begin() as tx:
        held = jobs.claim(tx, "another worker", lease_seconds=600, job_id=waiting.id)
    assert held is not None
    erasing = ask_to_erase(brand, "customer", PERSON)

    def ends_when_it_is_asked_to() -> None:
        until = time.monotonic() + 60
        while time.monotonic() < until and not brand.job(waiting).cancel_requested:
            time.sleep(0.05)
        with brand.store.begin() as tx:
            jobs.acknowledge_cancel(tx, held)

    other = Thread(target=ends_when_it_is_asked_to)
    other.start()
    done = brand.work(erasing, lambda context: run_erasure(context, brand.settings, unsay))
    other.join()
    assert done.state == "succeeded", done.error
    assert done.result is not None
    (told,) = done.result["trainings"]
    assert (told["cancelled"], brand.job(waiting).state) == (waiting.id, "cancelled")
    with brand.store.read() as tx:
        again = jobs.get(tx, told["again"])
    assert (again.kind, again.state, again.payload) == ("train", "queued", waiting.payload)


def test_a_dataset_is_not_frozen_while_somebody_is_being_forgotten(brand: Brand) -> None:
    erasing = ask_to_erase(brand, "customer", PERSON)
    with brand.store.begin() as tx:
        held = jobs.claim(tx, "another worker", lease_seconds=600, job_id=erasing.id)
        assert held is not None
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 3:
            with brand.store.begin() as tx:
                jobs.finish(tx, held, {})

    wait_for_erasures(brand.store, brand.bot_id, Alone(brand.store), sleep)
    assert len(waits) == 3


def test_a_backup_from_before_is_caught_up_with_by_the_journal(brand: Brand, tmp_path: Path) -> None:
    before = tmp_path / "before"
    shutil.copytree(brand.settings.home, before)
    erase(brand, "customer", PERSON)
    (line,) = read_journal(brand.settings.home)
    assert PERSON not in json.dumps(line)
    for name in (JOURNAL, "erasure.key"):
        shutil.copy(brand.settings.home / name, before / name)
    settings = brand.settings.model_copy(update={"home": before})
    with open_store(settings.store_url, home=before) as store:
        restored = Brand(store, settings, brand.base)
        with store.begin() as tx:
            ((_, job),) = replay(tx, before, restored.bot_id)
        done = restored.work(job, lambda context: run_erasure(context, settings, unsay))
        assert done.state == "succeeded", done.error
        assert done.result is not None
        assert done.result["conversations"] == 17
        with store.begin() as tx:
            assert replay(tx, before, restored.bot_id) == []
        erase(restored, "session", the_session(restored))
        assert traces(before, MARKER) == []
