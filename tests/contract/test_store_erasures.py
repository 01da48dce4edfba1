"""What every database must promise about forgetting: rows go in bounded steps, whole, and nobody else's with them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from data.errors import GateClosed, NotFound
from data.schema import Conversation, Turn
from data.store import (
    Store,
    conversations,
    datasets,
    erasures,
    feedback,
    forgetting,
    idempotency,
    jobs,
    releases,
    sessions,
    turns,
    uploads,
)
from data.store.compaction import compact
from data.store.conversations import StoredConversation, customer_digest
from data.store.erasures import NewErasure
from data.store.forgetting import BATCH, Found, Wanted
from data.store.idempotency import Ask, Kept
from data.store.releases import NewRelease, Promotion
from data.store.turns import NewTurn
from tests.chats import Chats
from tests.contract.test_store_uploads import a_bot, an_upload, imported


def kept(key: str, sequence: int, customer: str | None) -> StoredConversation:
    said = Conversation(id=key, turns=(Turn("user", f"hello {key}"),), customer=customer)
    return StoredConversation(key, said, f"print-{key}", sequence, ("near",), ("en",))


def of(store: Store, bot: str, wanted: Wanted) -> list[str]:
    with store.read() as tx:
        return [one.key for one in forgetting.conversations_of(tx, bot, wanted)]


def test_conversations_are_found_by_customer_upload_key_and_fingerprint(store: Store) -> None:
    bot, other = a_bot(store), a_bot(store, "other")
    rows = [kept("a", 0, "Ann"), kept("b", 1, "ann"), kept("c", 2, None)]
    first = imported(store, bot, "1" * 64, rows)
    imported(store, other, "1" * 64, [kept("d", 0, "Ann")])
    ann = str(customer_digest("Ann"))
    assert of(store, bot, Wanted(customers=[ann])) == ["a"]
    assert of(store, bot, Wanted(uploads=[first])) == ["a", "b", "c"]
    assert of(store, bot, Wanted(conversations=["b", "print-c", "d"])) == ["b", "c"]
    assert of(store, bot, Wanted()) == []
    with store.read() as tx:
        assert forgetting.customers(tx, bot) == sorted([ann, str(customer_digest("ann"))])


def test_conversations_go_in_pages_and_their_uploads_count_down(store: Store) -> None:
    bot = a_bot(store)
    many = [kept(f"k{number:04}", number, "Ann" if number % 2 else None) for number in range(2 * BATCH + 10)]
    upload = imported(store, bot, "1" * 64, many)
    wanted, pages = Wanted(customers=[str(customer_digest("Ann"))]), 0
    while True:
        with store.begin() as tx:
            page = forgetting.conversations_of(tx, bot, wanted)
            if not page:
                break
            pages += 1
            assert len(page) <= BATCH
            assert forgetting.drop_conversations(tx, page) == len(page)
            assert forgetting.drop_conversations(tx, page) == 0
    assert pages == 2
    with store.read() as tx:
        assert uploads.get(tx, upload).conversations == BATCH + 5
    assert len(list(conversations.stream(store, bot))) == BATCH + 5


@pytest.fixture
def chats(store: Store) -> Chats:
    return Chats(store, a_bot(store))


def test_a_session_goes_with_its_turns_and_feedback_and_no_other_does(store: Store, chats: Chats) -> None:
    mine, other = chats.open(), chats.open()
    turn = chats.ask(mine, "my words", "your words")
    one, stays = chats.give(turn, rating=-1), chats.give(chats.ask(other, "hello", "hi"), rating=1)
    with store.begin() as tx:
        assert forgetting.feedback_of(tx, [mine.id]) == [(one.id, turn.id)]
        assert forgetting.drop_feedback(tx, [one.id]) == 1
        assert feedback.revisions(tx, one.id) == []
        assert forgetting.drop_session(tx, mine.id) == (2, 1)
        assert forgetting.drop_session(tx, mine.id) == (0, 0)
    with store.read() as tx:
        assert sessions.get(tx, chats.bot_id, other.id).turns == 2
        assert feedback.get(tx, chats.bot_id, stays.id).rating == 1
        with pytest.raises(NotFound):
            sessions.get(tx, chats.bot_id, mine.id)


def test_single_turns_go_and_the_session_goes_on(store: Store, chats: Chats) -> None:
    session = chats.open()
    first, second = chats.ask(session, "one", "answer one"), chats.ask(session, "two", "answer two")
    with store.begin() as tx:
        asked = str(turns.get(tx, chats.bot_id, first.id).reply_to)
        assert forgetting.answers_to(tx, [asked]) == [first.id]
        assert forgetting.sessions_of(tx, chats.bot_id, [asked, first.id]) == [session.id]
        assert forgetting.drop_turns(tx, [asked, first.id]) == 2
    with store.begin() as tx:
        assert [turn.text for turn in turns.of_session(tx, session.id)] == ["two", "answer two"]
        added = turns.add(tx, sessions.get(tx, chats.bot_id, session.id), NewTurn("user", "three"))
        assert added.sequence == second.sequence + 1


def test_answers_kept_for_repeated_calls_go_where_they_name_it(store: Store, chats: Chats) -> None:
    session = chats.open()
    with store.begin() as tx:
        for number in range(BATCH + 3):
            ask = Ask("key", f"POST /v1/{number:04}", "k", "d")
            idempotency.begin(tx, ask)
            body = {"deep": [{"session": session.id}]} if number in (0, BATCH + 2) else {"session": "session_x"}
            idempotency.keep(tx, ask, Kept(201, {}, body))
        after = forgetting.forget_answers(tx, {session.id}, None)
        assert after is not None
        assert forgetting.forget_answers(tx, {session.id}, after) is None
    with store.read() as tx:
        left = [idempotency.find(tx, Ask("key", f"POST /v1/{n:04}", "k", "d")) for n in (0, 1, BATCH + 2)]
        assert [one is None for one in left] == [True, False, True]


def test_a_dataset_becomes_a_tombstone_and_may_come_back(store: Store) -> None:
    bot = a_bot(store)
    upload = an_upload(store, bot)
    with store.begin() as tx:
        first = datasets.create(tx, bot, "f" * 64, {"rows": {"train": 2}, "labels": {"x": 1}}, [upload])
        second = datasets.create(tx, bot, "e" * 64, {"rows": {"train": 1}}, [upload])
        buried = datasets.bury(tx, first.id, {"rows": {"train": 2}}, second.id)
        assert (first.number, second.number, buried.successor) == (1, 2, second.id)
        assert buried.erased_at == tx.now
        assert buried.manifest == {"rows": {"train": 2}}
        assert [one.id for one in datasets.built_from(tx, upload)] == [first.id, second.id]
        assert datasets.numbered(tx, bot, 2) == second
        assert [one.number for one in datasets.page(tx, bot, limit=1)] == [2]
        assert [one.number for one in datasets.page(tx, bot, after=2, limit=5)] == [1]
        again = datasets.create(tx, bot, "f" * 64, {"rows": {"train": 3}}, [])
        assert (again.id, again.erased_at, again.successor) == (first.id, None, None)
        with pytest.raises(NotFound):
            datasets.numbered(tx, bot, 3)


def test_a_release_is_marked_once_and_blocked_until_a_reason_is_given(store: Store, clock) -> None:
    bot = a_bot(store)
    with store.begin() as tx:
        number = releases.reserve(tx, bot)
        releases.publish(tx, bot, number, NewRelease("d" * 64, {}, {"decision": "promote"}))
        forgetting.mark_release(tx, bot, number, blocked=False)
        since = tx.now
        releases.check_gate(tx, bot, Promotion(number, 0, "ann", "because"))
    clock.turn(60)
    with store.begin() as tx:
        forgetting.mark_release(tx, bot, number, blocked=True)
        forgetting.change_release(tx, bot, number, revision=1)
        marked = releases.get(tx, bot, number)
        assert (marked.trained_on_erased_data, marked.promotion_blocked) == (since, True)
        with pytest.raises(GateClosed, match="erased"):
            releases.promote(tx, bot, Promotion(number, 0, "ann", "because"))
        moved = releases.promote(tx, bot, Promotion(number, 0, "ann", "because", "all the same"))
        assert (moved.version, moved.rewrites) == (1, 1)
        assert [pointer.rewrites for pointer in releases.pointers(tx)] == [1]


def test_an_erasure_holds_names_until_it_is_done(store: Store) -> None:
    bot, other = a_bot(store), a_bot(store, "other")
    with store.begin() as tx:
        new = NewErasure("customer", ("mark",), "key_1", ("Ann",))
        one = erasures.create(tx, bot, new)
        later = erasures.create(tx, bot, replace(new, kind="session", names=()))
        job = jobs.enqueue(tx, "erase", {"erasure": one.id}, bot_id=bot)
        erasures.assign(tx, one.id, job.id)
        erasures.note(tx, one.id, {"rows": 1})
        assert erasures.get(tx, bot, one.id).names == ["Ann"]
        erasures.finish(tx, one.id, {"rows": 2})
        done = erasures.get(tx, bot, one.id)
        assert (done.names, done.report, done.job_id, done.finished_at) == (None, {"rows": 2}, job.id, tx.now)
        newest = sorted([one.id, later.id], reverse=True)
        assert [found.id for found in erasures.page(tx, bot, limit=5)] == newest
        assert [found.id for found in erasures.page(tx, bot, after=newest[0], limit=5)] == newest[1:]
        with pytest.raises(NotFound):
            erasures.get(tx, other, one.id)


def test_marks_keep_out_until_they_are_lifted(store: Store) -> None:
    bot, other = a_bot(store), a_bot(store, "other")
    with store.begin() as tx:
        one, two = (erasures.create(tx, bot, NewErasure("upload", (name,), "key_1")) for name in ("a", "b"))
        erasures.suppress(tx, bot, one.id, ["x", "y", "x"])
        erasures.suppress(tx, bot, two.id, ["y", "z"])
        assert erasures.suppressed(tx, bot) == {"x", "y", "z"}
        assert erasures.suppressed(tx, other) == frozenset()
        assert erasures.lift(tx, bot, one.id) == 2
        assert erasures.suppressed(tx, bot) == {"z"}
        with pytest.raises(NotFound):
            erasures.lift(tx, other, two.id)


def test_an_upload_that_was_let_go_is_not_taken_again_until_it_is_freed(store: Store) -> None:
    bot = a_bot(store)
    upload = imported(store, bot, "1" * 64, [kept("a", 0, None)])
    with store.begin() as tx:
        assert uploads.stored_bytes(tx) == 10
        assert uploads.without_original(tx, upload).original_erased_at == tx.now
        assert uploads.is_gone(tx, bot, "1" * 64)
        assert not uploads.is_gone(tx, bot, "2" * 64)
        assert uploads.stored_bytes(tx) == 0
        uploads.free(tx, upload)
        assert not uploads.is_gone(tx, bot, "1" * 64)
        assert uploads.create(tx, bot, uploads.NewUpload("again", "1" * 64, 10))[1]


def test_compacting_changes_no_row(store: Store) -> None:
    bot = a_bot(store)
    imported(store, bot, "1" * 64, [kept("a", 0, None), kept("b", 1, None)])
    with store.begin() as tx:
        forgetting.drop_conversations(tx, forgetting.conversations_of(tx, bot, Wanted(conversations=["a"])))
    compact(store, sleep=lambda _: None)
    assert [row.key for row in conversations.stream(store, bot)] == ["b"]
    assert store.integrity() == []


def test_what_was_deleted_is_in_no_byte_of_the_database(sqlite_store: Store) -> None:
    bot = a_bot(sqlite_store)
    rows = [kept(f"zebrafinch {number}", number, "Ann") for number in range(300)]
    imported(sqlite_store, bot, "1" * 64, rows)
    file = sqlite_store.home / "attune.db"
    assert b"zebrafinch" in file.read_bytes()
    for start in range(0, 300, 100):
        gone = [Found(row.key, "", "") for row in rows[start : start + 100]]
        with sqlite_store.begin() as tx:
            forgetting.drop_conversations(tx, gone)
    compact(sqlite_store)
    assert [path.name for path in sqlite_store.home.glob("attune.db*") if b"zebrafinch" in path.read_bytes()] == []
