"""What accepted feedback teaches: one turn each, what was approved, and nothing that a crowd would have it learn."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable
from string import ascii_lowercase

import pytest

from data import lessons as lessons_module
from data.build import Plan, freeze
from data.dedupe import fingerprint, normal_form, utterance_key
from data.errors import DatasetError
from data.frozen import FrozenDataset
from data.lessons import Outlook, lessons, mark, outlook
from data.profile import BotProfile
from data.schema import SPLITS, Conversation, Example, Turn
from data.settings import FeedbackSettings, Settings
from data.split import Shares
from data.store import Store, bots, conversations, feedback, sessions, turns, uploads
from data.store.conversations import StoredConversation
from data.store.feedback import Feedback
from data.store.turns import NewTurn
from data.store.uploads import NewUpload
from data.work import Alone
from tests.chats import Chats
from tests.conftest import HandClock

QUESTION = "do you sell gift wrap for tents in {} by any chance"
FIX = "Yes, at every till."


@pytest.fixture
def store(sqlite_store: Store) -> Store:
    return sqlite_store


@pytest.fixture
def settings(store: Store) -> Settings:
    return Settings(home=store.home)


@pytest.fixture
def bot(store: Store) -> str:
    with store.begin() as tx:
        return bots.create(tx, "acme", BotProfile(name="acme")).id


@pytest.fixture
def chats(store: Store, bot: str) -> Chats:
    return Chats(store, bot)


def imported(store: Store, bot: str, count: int = 60, seed: int = 0) -> None:
    """A log of `count` short conversations, no two alike."""
    draw = random.Random(seed)
    rows = []
    with store.begin() as tx:
        upload, _ = uploads.create(tx, bot, NewUpload("log", "ab" * 32, 10, {"seed": seed}))
        uploads.start(tx, upload.id)
        for n in range(count):
            said = " ".join("".join(draw.choices(ascii_lowercase, k=6)) for _ in range(5))
            talk = Conversation(str(n), (Turn("user", said), Turn("agent", f"About {said}.")))
            near = (utterance_key(normal_form(said)), None)
            rows.append(StoredConversation(f"{upload.id}-{n}", talk, fingerprint(talk), n, near, ("en", "en")))
        conversations.add_many(tx, upload.id, rows)
        uploads.finish(tx, upload.id, {})


def found(store: Store, settings: Settings, bot: str) -> lessons_module.Lessons:
    return lessons(store, settings, bot, Alone(store))


def examples(frozen: FrozenDataset, split: str) -> list[Example]:
    return [*frozen.rows(split), *frozen.seen(split)]  # type: ignore[arg-type]


def of_feedback(frozen: FrozenDataset) -> dict[str, Example]:
    """The rows that feedback made, by the id of the feedback."""
    rows = (row for split in SPLITS for row in examples(frozen, split))
    return {row.upload: row for row in rows if row.upload.startswith("feedback_")}


def test_an_accepted_correction_is_a_row_and_the_turns_before_it_are_not(
    store: Store, settings: Settings, bot: str, chats: Chats
) -> None:
    imported(store, bot)
    session = chats.open("train")
    chats.ask(session, "Hello there, it is ann@example.com", "Hi!")
    turn = chats.ask(session, "Do you sell gift wrap?  Mail ann@example.com", "I do not know.", action="fallback")
    chats.ask(session, "and something later on that nobody reviewed", "Ah.")
    given = chats.accept(
        chats.give(turn, rating=-1, corrected_reply="Yes, we mail [email 1].", corrected_intent="gift")
    )
    frozen = freeze(store, settings, bot)
    frozen.verify()
    (row,) = of_feedback(frozen).values()
    assert (row.upload, row.split, row.language) == (given.id, "train", "en")
    assert (row.text, row.intent) == ("Do you sell gift wrap? Mail [email 1]", "gift")
    assert (row.reply, row.reply_role, row.corrected, row.rating) == ("Yes, we mail [email 1].", "agent", True, None)
    assert row.context == (("user", "Hello there, it is [email 1]"), ("assistant", "Hi!"))
    told = {"rows_in": 1, "rows_used": 1, "set_aside": {}, "splits": {"train": 1, "validation": 0, "test": 0}}
    assert frozen.manifest["feedback"] == frozen.feedback == told
    assert "ann@" not in json.dumps([given.id, *(str(row) for row in examples(frozen, "train"))])


@pytest.mark.parametrize(
    ("answer", "facts", "rejected"),
    [
        ("No. Mail  bob@example.com, please.", {"action": "answer"}, "No. Mail [email 2], please."),
        ("No.", {}, "No."),
        ("I do not know.", {"action": "fallback"}, None),
        ("Which one do you mean?", {"action": "clarify"}, None),
        ("It is", {"state": "incomplete"}, None),
        (FIX, {"action": "answer"}, None),
        ("\x00 ", {"action": "answer"}, None),
    ],
    ids=["answer", "undecided", "fallback", "question", "incomplete", "the same", "nothing"],
)
def test_an_answer_that_was_corrected_stands_beside_its_correction(
    store: Store, settings: Settings, bot: str, chats: Chats, answer: str, facts: dict, rejected: str | None
) -> None:
    imported(store, bot)
    turn = chats.ask(chats.open("train"), f"{QUESTION.format('blue')} ann@example.com", answer, **facts)
    chats.accept(chats.give(turn, rating=-1, corrected_reply=FIX))
    frozen = freeze(store, settings, bot)
    frozen.verify()
    (row,) = of_feedback(frozen).values()
    assert (row.reply, row.corrected, row.rejected) == (FIX, True, rejected)
    assert [one.reply for one in examples(frozen, "train") if rejected and rejected in (one.reply or "")] == []


def test_a_correction_that_was_prepared_before_replies_were_rejected_is_prepared_again(
    store: Store, settings: Settings, bot: str, chats: Chats
) -> None:
    given = chats.accept(chats.give(chats.ask(chats.open(), QUESTION.format("blue"), "No."), corrected_reply=FIX))
    liked = chats.accept(chats.give(chats.ask(chats.open(), QUESTION.format("red"), "Yes."), rating=1))
    found(store, settings, bot)

    def outdated(one: Feedback) -> dict:
        with store.begin() as tx:
            body = {**(feedback.get(tx, bot, one.id).prepared or {}), "languages": ["xx", "xx"]}
            del body["form"]
            body["conversation"]["turns"][-1].pop("rejected", None)
            feedback.keep_prepared(tx, one.id, one.revision, body)
        return body

    outdated(given)
    outdated(liked)
    rows = found(store, settings, bot).rows  # of one moment, so in no order of their own
    corrected, other = sorted(rows, key=lambda row: row.languages)
    assert (corrected.conversation.turns[-1].rejected, corrected.languages) == ("No.", ("en", "en"))
    assert other.languages == ("xx", "xx"), "nothing was missing there"


def test_the_reviewer_has_the_last_word(store: Store, settings: Settings, bot: str, chats: Chats) -> None:
    turn = chats.ask(chats.open(), QUESTION.format("blue"), "No.")
    given = chats.give(turn, corrected_reply="Buy it elsewhere.", corrected_intent="wrong")
    chats.accept(given, corrected_reply=FIX, corrected_intent="gift")
    (row,) = found(store, settings, bot).rows
    asked, told = row.conversation.turns
    assert (asked.intent, told.text, told.role, told.corrected) == ("gift", FIX, "agent", True)


@pytest.mark.parametrize("state", ["pending", "rejected", "changed"])
def test_what_nobody_accepted_is_not_used(store: Store, settings: Settings, bot: str, chats: Chats, state: str) -> None:
    turn = chats.ask(chats.open(), QUESTION.format("blue"), "No.")
    given = chats.give(turn, corrected_reply=FIX)
    if state == "changed":
        chats.accept(given)
        chats.give(turn, corrected_reply="Now for something else.")
    assert found(store, settings, bot).rows_in == 0


@pytest.mark.parametrize(
    ("facts", "said", "reply"),
    [
        ({"action": "answer"}, {"rating": 1}, "The answer."),
        ({}, {"rating": 1, "corrected_intent": "gift"}, "The answer."),
        ({"action": "answer"}, {"rating": -1, "corrected_intent": "gift"}, None),
        ({"action": "answer"}, {"corrected_intent": "gift"}, None),
        ({"action": "fallback"}, {"rating": 1, "corrected_intent": "gift"}, None),
        ({"state": "incomplete"}, {"rating": 1, "corrected_intent": "gift"}, None),
        ({"action": "answer"}, {"rating": -1, "corrected_reply": FIX}, FIX),
    ],
)
def test_only_what_was_liked_or_written_is_a_target(
    store: Store, settings: Settings, bot: str, chats: Chats, facts: dict, said: dict, reply: str | None
) -> None:
    imported(store, bot)
    chats.accept(chats.give(chats.ask(chats.open(), QUESTION.format("blue"), "The answer.", **facts), **said))
    (row,) = of_feedback(freeze(store, settings, bot)).values()
    assert (row.reply, row.corrected) == (reply, reply == FIX)
    assert row.intent == said.get("corrected_intent")


@pytest.mark.parametrize("said", [{"rating": -1}, {"comment": "hm"}, {"rating": -1, "corrected_reply": "  "}])
def test_what_teaches_nothing_is_set_aside(
    store: Store, settings: Settings, bot: str, chats: Chats, said: dict
) -> None:
    imported(store, bot)
    chats.accept(chats.give(chats.ask(chats.open(), QUESTION.format("blue"), "The answer."), **said))
    frozen = freeze(store, settings, bot)
    assert frozen.feedback["set_aside"] == frozen.set_aside == {"nothing_to_learn": 1}
    assert (frozen.feedback["rows_in"], frozen.feedback["rows_used"]) == (1, 0)


def test_what_one_disliked_is_no_target_because_another_liked_it(
    store: Store, settings: Settings, bot: str, chats: Chats
) -> None:
    turn = chats.ask(chats.open(), QUESTION.format("blue"), "The answer.")
    chats.accept(chats.give(turn, rating=1))
    chats.accept(chats.give(turn, author="key-1", rating=-1, corrected_intent="gift"))
    taught = found(store, settings, bot)
    assert [row.conversation.turns[-1].rating for row in taught.rows] == [-1]
    assert Counter(taught.set_aside.values()) == {"nothing_to_learn": 1}


def test_a_reply_to_nothing_teaches_nothing(store: Store, settings: Settings, bot: str, chats: Chats) -> None:
    session = chats.open()
    with store.begin() as tx:
        greeting = turns.add(tx, session, NewTurn("assistant", "Welcome!", action="greet"))
    chats.accept(chats.give(greeting, corrected_reply="Hello."))
    assert list(found(store, settings, bot).set_aside.values()) == ["nothing_to_learn"]


def test_text_is_prepared_once_for_each_revision(
    store: Store, settings: Settings, bot: str, chats: Chats, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = chats.taught(QUESTION.format("blue"), corrected_reply=FIX)
    first = found(store, settings, bot)
    with monkeypatch.context() as patched:
        patched.setattr(lessons_module, "ConversationPreparer", lambda _: pytest.fail("prepared again"))
        assert found(store, settings, bot) == first
    chats.accept(given, corrected_reply="Only in June.")
    assert found(store, settings, bot).rows[0].conversation.turns[-1].text == "Only in June."


def test_the_same_twice_is_the_same_byte_for_byte(store: Store, settings: Settings, bot: str, chats: Chats) -> None:
    imported(store, bot)
    for n in range(12):
        chats.taught(QUESTION.format(f"colour {n:b}"), "train", f"net-{n}", corrected_reply=f"{FIX} {n}")
    first = freeze(store, settings, bot)
    files = {path.name: path.read_bytes() for path in first.folder.iterdir()}
    again = freeze(store, settings, bot)
    assert again.fingerprint == first.fingerprint
    assert {path.name: path.read_bytes() for path in again.folder.iterdir()} == files
    chats.taught(QUESTION.format("one more colour"), corrected_reply=FIX)
    assert freeze(store, settings, bot).fingerprint != first.fingerprint


def test_all_feedback_of_a_session_stands_in_one_split_that_never_moves(
    store: Store, settings: Settings, bot: str, chats: Chats
) -> None:
    imported(store, bot, 80)
    held = [chats.open() for _ in range(12)]
    for n, session in enumerate(held):
        for m in range(2):
            turn = chats.ask(session, QUESTION.format(f"colour {n:b} and size {m}{n:b}{m}"), "No.")
            chats.accept(chats.give(turn, f"net-{n}", corrected_reply=FIX))
    freeze(store, settings, bot)

    def splits() -> list[str | None]:
        with store.read() as tx:
            return [sessions.get(tx, bot, one.id).split for one in held]

    first = splits()
    assert None not in first
    imported(store, bot, 80, seed=1)
    rows = of_feedback(freeze(store, settings, bot)).values()
    assert splits() == first
    assert {row.split for row in rows} <= set(first)


def test_a_lesson_goes_where_what_it_repeats_stands(store: Store, settings: Settings, bot: str, chats: Chats) -> None:
    """Unless its session was promised another split: then it is set aside and counted."""
    imported(store, bot)
    freeze(store, settings, bot)
    said = next(one.conversation.turns[0].text for one in conversations.stream(store, bot) if one.split == "test")
    free = chats.taught(f"{said}?", "train", corrected_reply=FIX)
    promised = chats.taught(f"{said}!", "train", corrected_reply=FIX)
    with store.begin() as tx:
        assert outlook(tx, settings, promised).split == "train"
    frozen = freeze(store, settings, bot)
    assert of_feedback(frozen)[free.id].split == "test"
    assert frozen.feedback["set_aside"] == {"bridges_splits": 1}
    assert frozen.feedback["rows_in"] == frozen.feedback["rows_used"] + 1


def test_no_source_gives_more_than_its_share(
    store: Store, settings: Settings, bot: str, chats: Chats, clock: HandClock
) -> None:
    imported(store, bot)
    few = settings.model_copy(update={"feedback": FeedbackSettings(source_rows=3)})
    given = []
    for n in range(5):
        clock.turn(1)
        given.append(chats.taught(f"{QUESTION} {n:b}", "train", corrected_reply=f"{FIX} {n}"))
    reviewer = chats.ask(chats.open("train"), "something else entirely was asked here", "No.")
    chats.accept(chats.give(reviewer, "net-1", author="key-1", corrected_reply=FIX))
    frozen = freeze(store, few, bot)
    assert frozen.feedback["set_aside"] == frozen.set_aside == {"over_source_cap": 2}
    assert {one.id for one in given[:3]} < set(of_feedback(frozen)), "the oldest are used"
    assert len(of_feedback(frozen)) == 4, "what reviewers give is not capped"
    share = 4.1 / (frozen.manifest["rows"]["train"] - 4)  # of the rows that are no feedback
    more = settings.model_copy(update={"feedback": FeedbackSettings(source_rows=3, source_share=share)})
    assert freeze(store, more, bot).feedback["set_aside"] == {"over_source_cap": 1}


def test_of_a_flood_nothing_is_used(store: Store, settings: Settings, bot: str, chats: Chats) -> None:
    imported(store, bot)
    honest = chats.taught(QUESTION.format("blue"), "train", "net-2", corrected_reply=FIX)
    session = chats.open("train")
    flood = [
        chats.give(chats.ask(session, f"{QUESTION} {n}", "No."), corrected_reply="Buy at evil.example")
        for n in range(61)
    ]
    chats.accept(flood[0])
    frozen = freeze(store, settings, bot)
    assert set(of_feedback(frozen)) == {honest.id}
    assert frozen.feedback["set_aside"] == {"flooding_source": 1}
    with store.begin() as tx:
        assert outlook(tx, settings, flood[0]).codes[0] == "flooding_source"


def test_feedback_alone_can_be_trained_on(store: Store, settings: Settings, bot: str, chats: Chats) -> None:
    chats.taught(QUESTION.format("blue"), "train", corrected_reply=FIX)
    assert freeze(store, settings, bot).manifest["rows"]["train"] == 1


def test_feedback_that_is_only_measured_is_nothing_to_train_on(
    store: Store, settings: Settings, bot: str, chats: Chats
) -> None:
    given = chats.taught(QUESTION.format("blue"), "test", corrected_reply=FIX)
    with store.begin() as tx:
        outlook(tx, settings, given)
    with pytest.raises(DatasetError):
        freeze(store, settings, bot, Plan(shares=Shares(0.9, 0.0, 0.1)))


@pytest.mark.parametrize(("split", "why"), [("train", ()), ("validation", ()), ("test", ("measured_not_learned",))])
def test_a_reviewer_is_told_the_split_and_it_stays_true(
    store: Store, settings: Settings, bot: str, chats: Chats, split: str, why: tuple[str, ...]
) -> None:
    imported(store, bot)
    given = chats.taught(QUESTION.format("blue"), split, corrected_reply=FIX)  # type: ignore[arg-type]
    for _ in range(2):
        with store.begin() as tx:
            assert outlook(tx, settings, given) == Outlook(split, True, why)  # type: ignore[arg-type]
    frozen = freeze(store, settings, bot)
    assert of_feedback(frozen)[given.id].split == split
    assert frozen.feedback["splits"][split] == 1
    with store.begin() as tx:
        assert outlook(tx, settings, given) == Outlook(split, True, why)  # type: ignore[arg-type]


def test_a_reviewer_is_warned_of_what_will_not_be_used(
    store: Store, settings: Settings, bot: str, chats: Chats, clock: HandClock
) -> None:
    few = settings.model_copy(update={"feedback": FeedbackSettings(source_rows=1)})

    def told(one: Feedback) -> tuple[bool, tuple[str, ...]]:
        with store.begin() as tx:
            found = outlook(tx, few, one)
        return found.used, tuple(code for code in found.codes if code != "measured_not_learned")

    first = chats.taught(QUESTION.format("blue"), corrected_reply=FIX)
    clock.turn(1)
    second = chats.taught(QUESTION.format("green"), corrected_reply=FIX)
    empty = chats.taught(QUESTION.format("red"), source="net-9", rating=-1)
    assert told(first) == (True, ())
    assert Outlook("train", True).why == "It is in the next dataset."
    assert "will be measured, and not learned" in Outlook("test", True, ("measured_not_learned",)).why
    with store.begin() as tx:
        assert outlook(tx, few, second).why.startswith("Its source has given as much")
    assert told(second) == (False, ("over_source_cap",))
    assert told(empty) == (False, ("nothing_to_learn",))


def test_the_mark_changes_with_what_is_accepted(store: Store, bot: str, chats: Chats) -> None:
    def now() -> str:
        with store.read() as tx:
            return mark(tx, bot)

    marks = [now()]
    turn = chats.ask(chats.open(), QUESTION.format("blue"), "No.")
    given = chats.give(turn, corrected_reply=FIX)
    assert now() == marks[0]
    steps: list[Callable[[], object]] = [
        lambda: chats.accept(given),
        lambda: chats.accept(given, corrected_reply="Better."),
        lambda: chats.give(turn, corrected_reply="Changed."),
    ]
    for step in steps:
        step()
        marks.append(now())
    assert len(set(marks[:3])) == 3
    assert marks[3] == marks[0], "nothing is accepted any more"


def test_a_cancelled_job_keeps_nothing(store: Store, settings: Settings, bot: str, chats: Chats) -> None:
    chats.taught(QUESTION.format("blue"), corrected_reply=FIX)

    class Cancelled(Exception):
        pass

    class Work(Alone):
        def check(self) -> None:
            raise Cancelled

    with pytest.raises(Cancelled):
        lessons(store, settings, bot, Work(store))
    with store.read() as tx:
        assert all(one.prepared is None for one in feedback.accepted(tx, bot))


def test_a_promise_made_while_a_dataset_is_frozen_is_kept(
    store: Store, settings: Settings, bot: str, chats: Chats
) -> None:
    imported(store, bot)
    freeze(store, settings, bot)
    said = next(one.conversation.turns[0].text for one in conversations.stream(store, bot) if one.split == "test")
    given = chats.taught(f"{said}?", "train", corrected_reply=FIX)
    begun = []

    class Work(Alone):
        def begin(self):  # type: ignore[no-untyped-def]
            begun.append(1)
            if len(begun) == 2:  # the lesson is prepared, and about to follow what it repeats into test
                with store.begin() as tx:
                    assert outlook(tx, settings, given).split == "train"
            return super().begin()

    frozen = freeze(store, settings, bot, work=Work(store))
    assert len(begun) > 3, "it had to decide again"
    assert frozen.feedback["set_aside"] == {"bridges_splits": 1}
    with store.read() as tx:
        assert sessions.get(tx, bot, given.session_id).split == "train"
