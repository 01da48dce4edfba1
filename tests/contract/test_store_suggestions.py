"""What every database must promise about suggested intents: decisions hold, turns are named and never copied."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from data import suggested
from data.errors import Conflict, NotFound, UsageError
from data.schema import OUT_OF_SCOPE, Conversation, Turn
from data.store import Store, bots, conversations, discoveries, forgetting, suggested_turns, suggestions
from data.store.conversations import StoredConversation
from data.store.forgetting import Found
from data.store.suggestions import NewSuggestion, NewTurn, Place, Suggestion
from data.suggested import Review
from tests.contract.test_store_uploads import a_bot, imported

ANN, BOB = Review("ann"), Review("bob")


def said(key: str, sequence: int, *texts: str) -> StoredConversation:
    turns = tuple(Turn("user", text) for text in texts)
    one = Conversation(id=key, turns=turns)
    return StoredConversation(key, one, f"print-{key}", sequence, (None,) * len(turns), (None,) * len(turns))


@pytest.fixture
def bot(store: Store) -> str:
    bot = a_bot(store)
    rows = [said(f"c{at}", at, f"where is my parcel {at}", f"cancel it please {at}") for at in range(6)]
    imported(store, bot, "1" * 64, rows)
    return bot


def found(place: int) -> list[NewTurn]:
    return [NewTurn(Place(f"c{at}", place), at, at % 2) for at in range(6)]


def proposed(store: Store, bot: str) -> list[Suggestion]:
    new = [NewSuggestion("parcel", ["parcel"], found(0)), NewSuggestion("cancel", ["cancel"], found(1))]
    with store.begin() as tx:
        discoveries.keep(tx, bot, None, {"turns": 12}, new)
    with store.read() as tx:
        return suggestions.page(tx, bot, limit=10)


def test_suggestions_are_kept_with_their_turns_in_order(store: Store, bot: str) -> None:
    first, second = proposed(store, bot)
    assert (first.name, first.state, first.turns, first.conversations) == ("parcel", "proposed", 6, 6)
    with store.read() as tx:
        shown = suggested_turns.utterances(tx, second.id, 2, after=(0, "c0", 1))
        assert [one.text for one in shown] == ["cancel it please 1", "cancel it please 2"]
        newest = discoveries.newest(tx, bot)
        assert newest is not None
        assert newest.facts == {"turns": 12}
        after = (first.sequence, first.id)
        assert [one.id for one in suggestions.page(tx, bot, after=after, limit=10)] == [second.id]
        with pytest.raises(NotFound):
            suggestions.get(tx, "bot_other", first.id)


def test_accepting_names_turns_and_grows_the_profile_once(store: Store, bot: str) -> None:
    first, _ = proposed(store, bot)
    with store.begin() as tx:
        assert suggested.accept(tx, bot, first.id, ANN, "parcel status").state == "accepted"
        before, profile = bots.profile(tx, bot)
        assert profile.intent("parcel status") is not None
        suggested.accept(tx, bot, first.id, ANN, "parcel status")
        assert bots.profile(tx, bot)[0] == before
        with pytest.raises(Conflict):
            suggested.accept(tx, bot, first.id, ANN, "other")
    with store.read() as tx:
        labels = suggested_turns.decided(tx, bot, "accepted")
        assert labels == {Place(f"c{at}", 0): "parcel status" for at in range(6)}
        stored = list(suggested.labelled(conversations.stream(store, bot), labels))
    assert [turn.intent for turn in stored[0].conversation.turns] == ["parcel status", None]
    heard = list(suggested.user_messages(store, bot))
    assert {one.place.place for one in heard if one.text is not None} == {1}
    assert {one.place.place for one in heard if one.decided} == {0}


def test_a_label_that_is_there_wins(store: Store, bot: str) -> None:
    own = said("d", 0, "where is it")
    own = StoredConversation("d", own.conversation.with_turns((Turn("user", "where", intent="own"),)), "x", 0)
    (found,) = suggested.labelled([own], {Place("d", 0): "other"})
    assert found.conversation.turns[0].intent == "own"


def test_out_of_scope_is_no_intent_of_the_profile(store: Store, bot: str) -> None:
    first, _ = proposed(store, bot)
    with store.begin() as tx:
        suggested.accept(tx, bot, first.id, ANN, OUT_OF_SCOPE)
        assert bots.profile(tx, bot)[0] == 1
        assert set(suggested_turns.decided(tx, bot).values()) == {OUT_OF_SCOPE}


def test_a_new_discovery_takes_the_place_of_what_nobody_touched(store: Store, bot: str) -> None:
    first, second = proposed(store, bot)
    with store.begin() as tx:
        suggested.rename(tx, bot, first.id, ANN, "shipping")
        mark = suggestions.mark(tx, bot), suggestions.mark(tx, bot, None)
        suggested.dismiss(tx, bot, first.id, ANN)
        assert suggestions.mark(tx, bot) == mark[0]
        assert suggestions.mark(tx, bot, None) != mark[1]
    again = proposed(store, bot)
    assert first.id in {one.id for one in again}
    assert second.id not in {one.id for one in again}


def test_merging_is_undone_by_splitting_and_halves_come_apart_after(store: Store, bot: str) -> None:
    first, second = proposed(store, bot)
    with store.begin() as tx:
        one = suggested.merge(tx, bot, [second.id, first.id], ANN)
        assert (one.id, one.name, one.turns, one.terms) == (second.id, "cancel", 12, ["cancel", "parcel"])
        with pytest.raises(NotFound):
            suggestions.get(tx, bot, first.id)
        kept, new = suggested.split(tx, bot, one.id, ANN)
        assert (kept.id, kept.turns, new.turns) == (one.id, 6, 6)
        assert len({kept.name, new.name}) == 2
        halves = suggested.split(tx, bot, new.id, ANN)
        assert [half.turns for half in halves] == [3, 3]
        with pytest.raises(Conflict, match="nothing to part"):
            suggested.split(tx, bot, halves[1].id, ANN)
        taken = suggested.split(tx, bot, halves[0].id, ANN, [suggested_turns.behind(tx, halves[0].id)[0].place])
        assert [part.turns for part in taken] == [2, 1]
        with pytest.raises(UsageError):
            suggested.split(tx, bot, halves[0].id, ANN, [Place("c0", 77)])
        with pytest.raises(Conflict, match="none would stay"):
            suggested.split(tx, bot, taken[1].id, ANN, [suggested_turns.behind(tx, taken[1].id)[0].place])


def test_after_a_merge_is_undone_each_has_its_own_turns_and_place_again(store: Store, bot: str) -> None:
    """The first is the smaller one: neither its name nor its telling words go over to what was merged into it."""
    large, small = proposed(store, bot)
    with store.begin() as tx:
        out = suggested.split(tx, bot, small.id, ANN, [Place("c5", 1), Place("c4", 1)])[1]
        suggested.dismiss(tx, bot, out.id, ANN)
        suggested.merge(tx, bot, [small.id, large.id], ANN)
        kept, other = suggested.split(tx, bot, small.id, ANN)
        assert (kept.id, kept.name, kept.turns, kept.sequence) == (small.id, "cancel", 4, small.sequence)
        assert (other.turns, other.sequence) == (6, large.sequence)
        assert {one.place.place for one in suggested_turns.behind(tx, kept.id)} == {1}
        assert "cancel" in " ".join(kept.terms)
        assert "parcel" not in " ".join(kept.terms)
        assert "parcel" in other.name


def test_suggestions_of_two_discoveries_merge_and_come_apart(store: Store, bot: str) -> None:
    first, _ = proposed(store, bot)
    with store.begin() as tx:
        suggested.rename(tx, bot, first.id, ANN, "shipping")
        discoveries.keep(tx, bot, None, {}, [NewSuggestion("cancel", [], found(1))])
        mine, new = suggestions.page(tx, bot, limit=9)
        assert new.sequence > mine.sequence
        suggested.merge(tx, bot, [new.id, mine.id], ANN)
        kept, other = suggested.split(tx, bot, new.id, ANN)
        assert [kept.sequence, other.sequence] == [new.sequence, mine.sequence]
        assert {one.place.place for one in suggested_turns.behind(tx, other.id)} == {0}
        suggested.merge(tx, bot, [other.id, kept.id], ANN)
        assert suggestions.free_sequence(tx, bot) > new.sequence, "its turns remember the number"


def test_a_message_behind_two_suggestions_is_not_merged_away(store: Store, bot: str) -> None:
    with store.begin() as tx:
        discoveries.keep(
            tx, bot, None, {}, [NewSuggestion("one", [], found(0)), NewSuggestion("two", [], found(0)[:1])]
        )
        one, two = suggestions.page(tx, bot, limit=9)
        with pytest.raises(Conflict, match="behind both"):
            suggested.merge(tx, bot, [one.id, two.id], ANN)


def test_what_a_reviewer_split_off_outlives_the_next_discovery(store: Store, bot: str) -> None:
    first, _ = proposed(store, bot)
    with store.begin() as tx:
        _, part = suggested.split(tx, bot, first.id, ANN, [Place("c0", 0)])
        assert part.reviewer == "ann"
        discoveries.keep(tx, bot, None, {}, [])
        assert {one.id for one in suggestions.page(tx, bot, limit=9)} == {first.id, part.id}


def test_a_name_that_was_only_moved_about_is_forgotten_with_what_it_was_made_of(store: Store, bot: str) -> None:
    first, second = proposed(store, bot)
    with store.begin() as tx:
        _, part = suggested.split(tx, bot, first.id, ANN, [Place(f"c{at}", 0) for at in range(3)])
        assert "parcel" in part.name
        suggested.rename(tx, bot, second.id, ANN, "stop_it")
        suggested_turns.forget(tx, bot, ["c0"])
        assert suggestions.get(tx, bot, part.id).name == f"topic_{part.sequence}"
        assert suggestions.get(tx, bot, second.id).name == "stop_it"


def test_a_decision_and_a_discovery_at_once_take_turns(store: Store, bot: str) -> None:
    """Whoever comes first, a decision is never swept away, and no turn is proposed twice."""
    first, _ = proposed(store, bot)
    begun = Event()

    def decide() -> bool:
        with store.begin() as tx:
            begun.set()
            try:
                suggested.accept(tx, bot, first.id, ANN)
            except NotFound:
                return False
            return True

    def discover() -> None:
        begun.wait(10)
        with store.begin() as tx:
            bots.lock(tx, bot)
            held = suggested_turns.decided(tx, bot)
            new = [one for one in found(0) if one.place not in held]
            discoveries.keep(tx, bot, None, {}, [NewSuggestion("parcel", [], new)] if new else [])

    with ThreadPoolExecutor(2) as pool:
        decided, kept = pool.submit(decide), pool.submit(discover)
        kept.result()
        accepted = decided.result()
    with store.read() as tx:
        left = suggestions.page(tx, bot, limit=9)
        assert [one.state for one in left] == ["accepted" if accepted else "proposed"]
        assert [one.turns for one in left] == [6]


def test_what_another_reviewer_changed_is_not_decided_on(store: Store, bot: str) -> None:
    first, second = proposed(store, bot)
    with store.begin() as tx:
        suggested.rename(tx, bot, first.id, ANN, "mine")
        with pytest.raises(Conflict, match="revision 2"):
            suggested.accept(tx, bot, first.id, Review("bob", 1))
        suggested.accept(tx, bot, first.id, BOB)
        for refused in (
            lambda: suggested.rename(tx, bot, first.id, BOB, "late"),
            lambda: suggested.merge(tx, bot, [second.id, first.id], BOB),
            lambda: suggested.split(tx, bot, first.id, BOB),
        ):
            with pytest.raises(Conflict):
                refused()
        with pytest.raises(UsageError):
            suggested.merge(tx, bot, [second.id, second.id], BOB)


@pytest.mark.parametrize("name", ["", "   ", "?!", "x" * 121, "two\nlines", "half \ud800"])
def test_a_name_that_says_nothing_is_refused(store: Store, bot: str, name: str) -> None:
    first, _ = proposed(store, bot)
    with store.begin() as tx, pytest.raises(UsageError):
        suggested.rename(tx, bot, first.id, ANN, name)


def test_an_outlook_counts_what_will_be_measured(store: Store, bot: str) -> None:
    first, _ = proposed(store, bot)
    with store.begin() as tx:
        conversations.assign_splits(tx, bot, {"c0": ("test", "c0"), "c1": ("train", "c1")})
        seen = suggested.outlook(tx, first)
    assert (dict(seen.splits), seen.undecided) == ({"train": 1, "test": 1}, 4)
    assert seen.why.startswith("Once accepted, it labels 6 messages in the next dataset. 1 of them is a test message:")


def test_what_is_forgotten_leaves_no_turn_no_word_and_no_machine_made_name(store: Store, bot: str) -> None:
    first, second = proposed(store, bot)
    with store.begin() as tx:
        suggested.accept(tx, bot, second.id, ANN)
        assert suggested_turns.forget(tx, bot, ["c0"]) >= {first.id, second.id, first.discovery_id}
        forgetting.drop_conversations(tx, [Found("c0", "u", "print-c0")])
        one, other = suggestions.get(tx, bot, first.id), suggestions.get(tx, bot, second.id)
        assert (one.name, one.terms, one.turns) == ("topic_1", [], 5)
        assert (other.name, other.terms, other.turns) == ("cancel", [], 5)
        assert suggested_turns.forget(tx, bot, [f"c{at}" for at in range(6)]) >= {first.id, second.id}
        assert suggestions.page(tx, bot, limit=5) == []
        assert suggested_turns.forget(tx, bot, ["c1"]) == set()
