"""What every database must promise about uploads and their conversations."""

from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data.errors import Conflict, NotFound
from data.profile import BotProfile
from data.schema import Conversation, Entity, Turn
from data.store import Store, bots, conversations, uploads
from data.store.conversations import PAGE, StoredConversation
from data.store.uploads import NewUpload

DIGEST = "ab" * 32


def a_bot(store: Store, name: str = "acme") -> str:
    with store.begin() as tx:
        return bots.create(tx, name, BotProfile(name=name)).id


def an_upload(store: Store, bot: str, digest: str = DIGEST) -> str:
    with store.begin() as tx:
        return uploads.create(tx, bot, NewUpload("logs.csv", digest, 10))[0].id


def stored(key: str, sequence: int, fingerprint: str | None = None) -> StoredConversation:
    conversation = Conversation(id=f"theirs {key}", turns=(Turn("user", f"hello {key}"), Turn("agent", "hi")))
    return StoredConversation(key, conversation, fingerprint or f"f-{key}", sequence, (None, "near"), ("en", None))


def imported(store: Store, bot: str, digest: str, rows: list[StoredConversation]) -> str:
    upload = an_upload(store, bot, digest)
    with store.begin() as tx:
        uploads.start(tx, upload)
        conversations.add_many(tx, upload, rows)
        uploads.finish(tx, upload, {"rows_in": len(rows)})
    return upload


def keys(store: Store, bot: str) -> list[str]:
    return [row.key for row in conversations.stream(store, bot)]


def test_the_same_file_read_the_same_way_is_the_same_upload(store: Store) -> None:
    bot = a_bot(store)
    with store.begin() as tx:
        first, made = uploads.create(tx, bot, NewUpload("a.csv", DIGEST, 10, {"map": {"b": 1, "a": 2}}))
        again, made_again = uploads.create(tx, bot, NewUpload("b.csv", DIGEST, 10, {"map": {"a": 2, "b": 1}}))
        other, made_other = uploads.create(tx, bot, NewUpload("a.csv", DIGEST, 10, {"map": {}}))
    assert (made, made_again, made_other) == (True, False, True)
    assert again == first
    assert (first.sequence, other.sequence) == (1, 2)
    with store.read() as tx:
        assert [upload.id for upload in uploads.list_for(tx, bot)] == [first.id, other.id]
        assert uploads.get(tx, first.id).state == "pending"


def test_two_bots_may_have_the_same_file(store: Store) -> None:
    one, other = a_bot(store, "one"), a_bot(store, "other")
    assert an_upload(store, one) != an_upload(store, other)


def test_a_file_name_is_kept_for_display_only(store: Store) -> None:
    shown = {
        "logs.csv": "logs.csv",
        "../../etc/passwd": "passwd",
        "C:\\x\\y.csv": "y.csv",
        "a\0b\n\x1b[31m\ud800.csv": "ab[31m.csv",
        "": "upload",
        "x" * 300: "x" * 200,
    }
    bot = a_bot(store)
    with store.begin() as tx:
        for number, (name, expected) in enumerate(shown.items()):
            assert uploads.create(tx, bot, NewUpload(name, f"{number:064x}", 10))[0].name == expected


def test_conversations_are_seen_once_the_upload_is_imported(store: Store) -> None:
    bot = a_bot(store)
    upload = an_upload(store, bot)
    rows = [stored("a", 0), stored("b", 1)]
    with store.begin() as tx:
        assert uploads.start(tx, upload).state == "importing"
        conversations.add_many(tx, upload, rows)
        conversations.add_many(tx, upload, [])
    assert keys(store, bot) == []
    with store.begin() as tx:
        assert conversations.count(tx, bot) == 0
        done = uploads.finish(tx, upload, {"rows_in": 4})
    assert (done.state, done.conversations, done.report) == ("imported", 2, {"rows_in": 4})
    assert done.finished_at is not None
    with store.read() as tx:
        assert conversations.count(tx, bot) == 2
    assert [row.conversation for row in conversations.stream(store, bot)] == [row.conversation for row in rows]


def test_an_import_that_died_starts_over(store: Store) -> None:
    bot = a_bot(store)
    upload = an_upload(store, bot)
    with store.begin() as tx:
        uploads.start(tx, upload)
        conversations.add_many(tx, upload, [stored("a", 0), stored("b", 1)])
    with store.begin() as tx:
        uploads.start(tx, upload)
        assert conversations.drop_upload(tx, upload) == 2
        conversations.add_many(tx, upload, [stored("a", 0)])
        uploads.finish(tx, upload, {})
    assert keys(store, bot) == ["a"]


def test_a_refused_file_says_why_and_may_be_tried_again(store: Store) -> None:
    bot = a_bot(store)
    upload = an_upload(store, bot)
    with store.begin() as tx:
        refused = uploads.refuse(tx, upload, {"code": "import_refused"})
    assert (refused.state, refused.error) == ("refused", {"code": "import_refused"})
    with store.begin() as tx:
        started = uploads.start(tx, upload)
    assert (started.state, started.error, started.finished_at) == ("importing", None, None)


def test_an_imported_upload_never_changes(store: Store) -> None:
    bot = a_bot(store)
    upload = imported(store, bot, DIGEST, [stored("a", 0)])
    with store.begin() as tx:
        for change in (
            lambda: uploads.start(tx, upload),
            lambda: uploads.finish(tx, upload, {}),
            lambda: uploads.refuse(tx, upload, {}),
            lambda: conversations.add_many(tx, upload, [stored("b", 1)]),
            lambda: conversations.drop_upload(tx, upload),
        ):
            with pytest.raises(Conflict):
                change()
    assert keys(store, bot) == ["a"]


def test_a_dry_run_is_an_upload_of_its_own_and_nothing_of_it_is_seen(store: Store) -> None:
    bot = a_bot(store)
    real = imported(store, bot, DIGEST, [stored("a", 0, "same")])
    with store.begin() as tx:
        dry, made = uploads.create(tx, bot, NewUpload("logs.csv", DIGEST, 10, dry_run=True))
        again, made_again = uploads.create(tx, bot, NewUpload("logs.csv", DIGEST, 10, dry_run=True))
    assert (made, made_again, dry.dry_run) == (True, False, True)
    assert (dry.id == real, again) == (False, dry)
    with store.begin() as tx:
        uploads.start(tx, dry.id)
        conversations.add_many(tx, dry.id, [stored("b", 0, "other")])
        with pytest.raises(Conflict, match="only examined"):
            uploads.finish(tx, dry.id, {})
        done = uploads.examined(tx, dry.id, {"rows_in": 4})
        assert conversations.existing(tx, bot, ["same", "other"]) == {"same"}
        assert conversations.count(tx, bot) == 1
    assert (done.state, done.report, done.conversations, done.finished_at is None) == (
        "examined",
        {"rows_in": 4},
        0,
        False,
    )
    assert keys(store, bot) == ["a"]
    assert list(conversations.stream(store, bot, [dry.id])) == []


def test_what_is_to_be_imported_is_not_only_examined(store: Store) -> None:
    upload = an_upload(store, a_bot(store))
    with store.begin() as tx, pytest.raises(Conflict, match="to be imported"):
        uploads.examined(tx, upload, {})


def test_a_dry_run_may_be_refused(store: Store) -> None:
    bot = a_bot(store)
    with store.begin() as tx:
        dry, _ = uploads.create(tx, bot, NewUpload("logs.csv", DIGEST, 10, dry_run=True))
        assert uploads.refuse(tx, dry.id, {"code": "import_refused"}).state == "refused"


def test_who_first_stated_the_rights_is_kept(store: Store) -> None:
    bot = a_bot(store)
    assert an_upload(store, bot) is not None
    with store.begin() as tx:
        assert uploads.list_for(tx, bot)[0].attested_by is None
        first, made = uploads.create(tx, bot, NewUpload("a", DIGEST, 10, attested_by="key_1"))
        second, _ = uploads.create(tx, bot, NewUpload("a", DIGEST, 10, attested_by="key_2"))
    assert (made, first.attested_by, second) == (False, "key_1", first)


def test_absent_uploads_are_not_found(store: Store) -> None:
    with store.begin() as tx:
        for ask in (uploads.get, uploads.start, conversations.drop_upload):
            with pytest.raises(NotFound):
                ask(tx, "upload_0")
        with pytest.raises(NotFound):
            uploads.create(tx, "bot_0", NewUpload("a", DIGEST, 1))


def test_known_fingerprints_are_those_of_imported_uploads_and_of_the_one_at_work(store: Store) -> None:
    bot, other = a_bot(store), a_bot(store, "other")
    imported(store, bot, "01" * 32, [stored("a", 0, "same")])
    imported(store, other, "01" * 32, [stored("x", 0, "foreign")])
    working = an_upload(store, bot, "02" * 32)
    with store.begin() as tx:
        conversations.add_many(tx, working, [stored("b", 0, "mine")])
        asked = ["same", "mine", "foreign", "new", "same", *map(str, range(1200))]
        assert conversations.existing(tx, bot, asked) == {"same"}
        assert conversations.existing(tx, bot, asked, working) == {"same", "mine"}
        assert conversations.existing(tx, bot, []) == set()


def test_the_stream_goes_by_upload_and_then_by_place_over_many_pages(store: Store) -> None:
    bot = a_bot(store)
    first = imported(store, bot, "01" * 32, [stored(f"a{i}", i) for i in reversed(range(2 * PAGE))])
    second = imported(store, bot, "02" * 32, [stored(f"b{i}", i) for i in range(3)])
    expected = [f"a{i}" for i in range(2 * PAGE)] + ["b0", "b1", "b2"]
    assert keys(store, bot) == expected
    rows = list(conversations.stream(store, bot, [second]))
    assert [(row.key, row.upload, row.sequence) for row in rows] == [(f"b{i}", second, i) for i in range(3)]
    assert rows[0].near == (None, "near")
    assert rows[0].languages == ("en", None)
    assert next(conversations.stream(store, bot)).upload == first


def test_a_stream_begun_does_not_hold_up_writers_and_does_not_see_later_uploads(store: Store) -> None:
    bot = a_bot(store)
    imported(store, bot, "01" * 32, [stored(f"a{i}", i) for i in range(PAGE + 1)])
    running = conversations.stream(store, bot)
    seen = [next(running).key]
    imported(store, bot, "02" * 32, [stored("late", 0)])
    seen += [row.key for row in running]
    assert len(seen) == PAGE + 1
    assert "late" not in seen


def test_splits_are_set_once_and_never_change(store: Store) -> None:
    bot = a_bot(store)
    imported(store, bot, DIGEST, [stored("a", 0), stored("b", 1), stored("c", 2)])
    with store.begin() as tx:
        conversations.assign_splits(tx, bot, {"a": ("train", "g1"), "b": ("test", "g2")})
    with store.begin() as tx:
        conversations.assign_splits(tx, bot, {"a": ("train", "g3"), "c": ("validation", "g3")})
    assert [(row.split, row.group) for row in conversations.stream(store, bot)] == [
        ("train", "g3"),
        ("test", "g2"),
        ("validation", "g3"),
    ]
    with pytest.raises(Conflict, match="never change"), store.begin() as tx:
        conversations.assign_splits(tx, bot, {"b": ("train", "g9")})
    with pytest.raises(NotFound), store.begin() as tx:
        conversations.assign_splits(tx, bot, {"nobody": ("train", "g9")})


TEXT = st.text(st.characters(codec=None, exclude_categories=()), max_size=20)
SPAN = st.builds(Entity, start=st.integers(0, 9), end=st.integers(0, 9), type=TEXT, value=st.none() | TEXT)
TURN = st.builds(
    Turn,
    role=st.sampled_from(["user", "assistant", "agent", "system"]),
    text=TEXT,
    ts=st.none() | TEXT,
    intent=st.none() | TEXT,
    entities=st.lists(SPAN, max_size=2).map(tuple),
    rating=st.none() | st.integers(-1, 1),
    rows=st.integers(1, 5),
)
CONVERSATION = st.builds(
    Conversation,
    id=TEXT,
    turns=st.lists(TURN, max_size=3).map(tuple),
    customer=st.none() | TEXT,
    rating=st.none() | st.integers(1, 5),
    tags=st.lists(TEXT, max_size=2).map(tuple),
    row=st.integers(0, 2**31),
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(conversation=CONVERSATION)
def test_a_conversation_comes_back_as_it_was_whatever_its_text(store: Store, conversation: Conversation) -> None:
    with store.begin() as tx:
        bot = bots.create(tx, f"bot-{uuid4().hex}", BotProfile(name="Any")).id
    imported(store, bot, DIGEST, [StoredConversation(uuid4().hex, conversation, "f", 0)])
    (back,) = conversations.stream(store, bot)
    assert back.conversation == conversation
