"""What every database must promise about feedback."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data.errors import Conflict, NotFound
from data.profile import BotProfile
from data.store import Store, bots, feedback, workspaces
from data.store.feedback import Feedback, Given, Review
from data.store.turns import StoredTurn
from tests.chats import Chats
from tests.crowd import at_once

OK = Review("accepted", "key_1")
NO = Review("rejected", "key_1")


@pytest.fixture
def chats(store: Store) -> Chats:
    with store.begin() as tx:
        bot = bots.create(tx, "acme", BotProfile(name="Acme")).id
    return Chats(store, bot)


@pytest.fixture
def turn(chats: Chats) -> StoredTurn:
    return chats.ask(chats.open(), "where is it?", "I do not know.", action="fallback", confidence=0.25)


def put(chats: Chats, turn: StoredTurn, **said) -> tuple[Feedback, bool]:
    author = said.pop("author", turn.session_id)
    with chats.store.begin() as tx:
        return feedback.put(tx, chats.bot_id, Given(turn, author, author == turn.session_id, "net-1", **said))


def decide(chats: Chats, one: Feedback, review: Review) -> Feedback:
    with chats.store.begin() as tx:
        return feedback.review(tx, chats.bot_id, one.id, review)


def kept(chats: Chats, one: Feedback) -> Feedback:
    with chats.store.read() as tx:
        return feedback.get(tx, chats.bot_id, one.id)


def history(chats: Chats, one: Feedback) -> list[tuple[int, dict, str]]:
    with chats.store.read() as tx:
        return [(told["revision"], told["body"], told["actor"]) for told in feedback.revisions(tx, one.id)]


def test_what_is_given_waits_for_a_review(chats: Chats, turn: StoredTurn, clock) -> None:
    one, new = put(chats, turn, rating=-1, corrected_reply="Tomorrow.", comment="bad")
    assert new
    assert (one.state, one.revision, one.reviewed_at, one.prepared) == ("pending", 1, None, None)
    assert (one.turn_id, one.session_id, one.by_visitor, one.source) == (turn.id, turn.session_id, True, "net-1")
    assert (one.rating, one.corrected_reply, one.reply, one.corrected_intent, one.comment) == (
        -1,
        "Tomorrow.",
        "Tomorrow.",
        None,
        "bad",
    )
    assert one.created_at == one.updated_at == clock.now
    assert kept(chats, one) == one


def test_the_same_again_changes_nothing(chats: Chats, turn: StoredTurn, clock) -> None:
    one, _ = put(chats, turn, rating=-1, comment="bad")
    clock.turn(5)
    assert put(chats, turn, rating=-1, comment="bad") == (one, False)
    accepted = decide(chats, one, OK)
    assert put(chats, turn, rating=-1, comment="bad") == (accepted, False)
    assert len(history(chats, one)) == 2


@pytest.mark.parametrize("decided", [OK, NO])
def test_a_change_is_a_new_revision_and_waits_again(chats: Chats, turn: StoredTurn, clock, decided: Review) -> None:
    one, _ = put(chats, turn, corrected_reply="Tomorrow.")
    decide(chats, one, replace(decided, corrected_reply="On Monday.", note="sure"))
    clock.turn(5)
    changed, new = put(chats, turn, corrected_reply="Never.")
    assert not new
    assert (changed.id, changed.state, changed.revision) == (one.id, "pending", 3)
    assert (changed.reply, changed.review, changed.reviewer, changed.reviewed_at) == ("Never.", None, None, None)
    assert (changed.created_at, changed.updated_at) == (one.created_at, clock.now)
    said = {"rating": None, "corrected_intent": None, "comment": None}
    assert history(chats, one) == [
        (1, {**said, "corrected_reply": "Tomorrow."}, turn.session_id),
        (2, {"state": decided.state, "corrected_reply": "On Monday.", "note": "sure"}, "key_1"),
        (3, {**said, "corrected_reply": "Never."}, turn.session_id),
    ]


def test_each_author_has_one_word_on_a_turn(chats: Chats, turn: StoredTurn) -> None:
    one, _ = put(chats, turn, rating=1)
    other, new = put(chats, turn, author="key_9", rating=-1)
    assert new
    assert other.id != one.id
    assert kept(chats, one).rating == 1
    assert not other.by_visitor


def test_twenty_times_at_once_is_once(chats: Chats, turn: StoredTurn) -> None:
    seen = at_once(20, lambda _: put(chats, turn, rating=-1))
    assert sum(new for _, new in seen) == 1
    assert len({one.id for one, _ in seen}) == 1
    assert {one.revision for one, _ in seen} == {1}


def test_changes_at_once_are_revisions_one_after_another(chats: Chats, turn: StoredTurn) -> None:
    at_once(12, lambda number: put(chats, turn, comment=str(number)))
    with chats.store.read() as tx:
        (one,) = feedback.page(tx, chats.bot_id, limit=10)
    told = history(chats, one)
    assert one.revision == len(told) == 12
    assert [revision for revision, _, _ in told] == list(range(1, 13))
    assert told[-1][1]["comment"] == one.comment


def test_a_review_is_kept_with_its_edits(chats: Chats, turn: StoredTurn, clock) -> None:
    one, _ = put(chats, turn, corrected_reply="Tomorrow.", corrected_intent="track")
    clock.turn(60)
    done = decide(chats, one, Review("accepted", "key_1", corrected_reply="On Monday.", note="ours"))
    assert (done.state, done.revision, done.reviewer, done.reviewed_at) == ("accepted", 2, "key_1", clock.now)
    assert done.review == {"corrected_reply": "On Monday.", "note": "ours"}
    assert (done.reply, done.intent, done.corrected_reply) == ("On Monday.", "track", "Tomorrow.")
    assert decide(chats, one, Review("accepted", "key_2", corrected_reply="On Monday.", note="ours")) == done
    undone = decide(chats, one, NO)
    assert (undone.state, undone.revision, undone.review, undone.reply) == ("rejected", 3, {}, "Tomorrow.")


def test_what_changed_since_it_was_seen_is_not_decided_on(chats: Chats, turn: StoredTurn) -> None:
    seen, _ = put(chats, turn, corrected_reply="Tomorrow.")
    put(chats, turn, corrected_reply="Visit evil.example!")
    with pytest.raises(Conflict, match="revision 2") as refused:
        decide(chats, seen, replace(OK, seen=seen.revision))
    assert refused.value.ids["revision"] == 2
    assert kept(chats, seen).state == "pending"
    assert decide(chats, seen, replace(OK, seen=2)).state == "accepted"
    assert decide(chats, seen, replace(OK, seen=2)).revision == 3


def test_what_was_prepared_is_kept_for_its_revision_alone(chats: Chats, turn: StoredTurn) -> None:
    one = decide(chats, put(chats, turn, corrected_reply="Tomorrow.")[0], OK)
    with chats.store.begin() as tx:
        feedback.keep_prepared(tx, one.id, one.revision - 1, {"old": True})
        assert feedback.get(tx, chats.bot_id, one.id).prepared is None
        feedback.keep_prepared(tx, one.id, one.revision, {"text": "Tomorrow."})
    now = kept(chats, one)
    assert (now.prepared, now.prepared_revision) == ({"text": "Tomorrow."}, one.revision)
    changed, _ = put(chats, turn, corrected_reply="Never.")
    assert changed.prepared_revision != changed.revision


def test_what_teaches_most_comes_first_page_by_page(chats: Chats) -> None:
    facts = [{"confidence": number / 10} for number in range(5)] * 2
    said = [{"rating": -1}, {"rating": 1}, {"corrected_reply": "x"}, {"comment": "y"}] * 3
    for fact, words in zip(facts, said, strict=False):
        chats.give(chats.ask(chats.open(), "hi", "hm", action="answer", **fact), **words)
    with chats.store.read() as tx:
        everything = feedback.page(tx, chats.bot_id, limit=100)
    assert len(everything) == 10
    assert [(-one.value, one.id) for one in everything] == sorted((-one.value, one.id) for one in everything)
    assert everything[0].rating == -1
    seen: list[Feedback] = []
    while True:
        after = (seen[-1].value, seen[-1].id) if seen else None
        with chats.store.read() as tx:
            page = feedback.page(tx, chats.bot_id, state="pending", after=after, limit=3)
        if not page:
            break
        seen += page
        decide(chats, page[0], OK)  # what is decided leaves the queue and moves nothing else
    assert [one.id for one in seen] == [one.id for one in everything]
    with chats.store.read() as tx:
        assert len(feedback.page(tx, chats.bot_id, state="pending", limit=100)) == 6


def test_a_dislike_is_worth_more_than_a_correction_more_than_doubt(chats: Chats, turn: StoredTurn) -> None:
    sure = replace(turn, confidence=1.0, action="answer")

    def worth(turn: StoredTurn, **said) -> float:
        return feedback.worth(Given(turn, "a", True, "net", **said))

    ladder = [
        worth(sure, rating=1),
        worth(replace(sure, confidence=0.3), rating=1),
        worth(replace(sure, action="clarify"), rating=1),
        worth(sure, rating=1, corrected_intent="track"),
        worth(sure, rating=-1),
        worth(turn, rating=-1, corrected_reply="Tomorrow."),
    ]
    assert ladder == sorted(set(ladder))


def test_accepted_feedback_is_told_oldest_first(chats: Chats, clock) -> None:
    made = []
    for state in (OK, NO, OK, None, OK):
        one = chats.give(chats.ask(chats.open(), "hi", "hm"), rating=-1)
        made.append(one.id)
        if state is not None:
            decide(chats, one, state)
        clock.turn(1)
    with chats.store.read() as tx:
        assert [one.id for one in feedback.accepted(tx, chats.bot_id)] == [made[0], made[2], made[4]]


def test_sources_are_counted_and_timed(chats: Chats, clock) -> None:
    start = clock.now
    for source in ("net-1", "net-2", "net-1"):
        chats.accept(chats.give(chats.ask(chats.open(), "hi", "hm"), source, rating=-1))
        clock.turn(60)
    chats.give(chats.ask(chats.open(), "hi", "hm"), "net-1", rating=1)
    with chats.store.read() as tx:
        assert feedback.counts_by_source(tx, chats.bot_id) == {"net-1": 2, "net-2": 1}
        assert feedback.counts_by_source(tx, chats.bot_id, "pending") == {"net-1": 1}
        came = feedback.times_from(tx, chats.bot_id, "net-1")
    assert came == [start, start + timedelta(seconds=120), start + timedelta(seconds=180)]


def test_what_is_another_bots_or_another_workspaces_is_not_found(chats: Chats, turn: StoredTurn) -> None:
    one, _ = put(chats, turn, rating=-1)
    with chats.store.begin() as tx:
        other_bot = bots.create(tx, "other", BotProfile(name="Other")).id
    elsewhere = workspaces.ensure(chats.store, "elsewhere")
    for place, bot in ((chats.store, other_bot), (elsewhere, chats.bot_id)):
        for ask in (
            lambda tx, bot=bot: feedback.get(tx, bot, one.id),
            lambda tx, bot=bot: feedback.review(tx, bot, one.id, OK),
            lambda tx, bot=bot: feedback.put(tx, bot, Given(turn, "eve", True, "net", rating=1)),
        ):
            with pytest.raises(NotFound), place.begin() as tx:
                ask(tx)
        with place.begin() as tx:
            assert feedback.page(tx, bot, limit=10) == feedback.accepted(tx, bot) == []
            assert feedback.times_from(tx, bot, "net-1") == []
            assert feedback.counts_by_source(tx, bot, "pending") == {}
    with elsewhere.begin() as tx:
        assert feedback.revisions(tx, one.id) == []
        feedback.keep_prepared(tx, one.id, 1, {"mine": True})
    assert kept(chats, one) == one


TEXT = st.text(st.characters(codec=None, exclude_categories=()), min_size=1, max_size=30)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(reply=TEXT, intent=TEXT, comment=TEXT)
def test_any_text_survives(chats: Chats, turn: StoredTurn, reply: str, intent: str, comment: str) -> None:
    said = {"corrected_reply": reply, "corrected_intent": intent, "comment": comment}
    one, _ = put(chats, turn, **said)
    done = decide(chats, one, Review("accepted", "key_1", reply, intent, comment))
    for told in (one, done, kept(chats, one)):
        assert {name: getattr(told, name) for name in said} == said
    assert done.review == {"corrected_reply": reply, "corrected_intent": intent, "note": comment}
    assert history(chats, one)[-1][1]["note"] == comment
