"""What one conversation teaches: a row per user turn, its context, and only replies that nobody disliked."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from data.examples import CONTEXT_TURNS, Origin, Reply, examples_of, reply_to, user_turns
from data.schema import Conversation, Entity, Example, Turn

ORIGIN = Origin("f" * 64, "digest", "train")


def talk(*turns: Turn, rating: int | None = None, language: str | None = None) -> Conversation:
    return Conversation("c", turns, rating=rating, language=language)


def user(text: str, **facts) -> Turn:
    return Turn("user", text, **facts)


def bot(text: str, **facts) -> Turn:
    return Turn("assistant", text, **facts)


def agent(text: str, **facts) -> Turn:
    return Turn("agent", text, **facts)


def rows(conversation: Conversation, origin: Origin = ORIGIN) -> list[Example]:
    return list(examples_of(conversation, origin))


def test_one_example_per_user_turn_with_its_labels_context_and_reply() -> None:
    entity = Entity(6, 15, "order")
    conversation = talk(
        bot("hello"),
        user("where [order 1]", intent="order_status", sentiment="neutral", entities=(entity,)),
        bot("let me see"),
        user("thanks"),
    )
    first, second = rows(conversation, Origin("f" * 64, "digest", "test", ("en", "en", None, "fr")))
    assert first == Example(
        id="f" * 24 + ":1",
        conversation="f" * 64,
        upload="digest",
        split="test",
        text="where [order 1]",
        language="en",
        intent="order_status",
        sentiment="neutral",
        entities=(entity,),
        context=(("assistant", "hello"),),
        reply="let me see",
        reply_role="assistant",
    )
    assert second.id.endswith(":3")
    assert (second.reply, second.reply_role, second.rating, second.language) == (None, None, None, "fr")
    assert second.context == (("assistant", "hello"), ("user", "where [order 1]"), ("assistant", "let me see"))


def test_a_language_that_was_not_found_is_that_of_the_conversation() -> None:
    (row,) = rows(talk(user("hi"), language="de"))
    assert row.language == "de"


def test_all_that_the_brand_said_before_the_user_spoke_again_is_the_reply() -> None:
    conversation = talk(user("hi"), bot("one moment"), Turn("system", "transferred"), agent("Ann here"), user("ok"))
    assert reply_to(conversation, 0) == Reply("one moment\nAnn here", "agent")
    assert reply_to(conversation, 4) == Reply()


def test_a_turn_that_the_user_went_on_after_got_no_reply() -> None:
    conversation = talk(user("hi", intent="greeting"), user("where is it", intent="order_status"), bot("soon"))
    assert [row.reply for row in rows(conversation)] == [None, "soon"]


def test_a_disliked_reply_is_no_target_but_stays_in_the_context() -> None:
    conversation = talk(user("help"), bot("no", rating=-1), user("really?"), bot("sorry", rating=1))
    first, second = rows(conversation)
    assert (first.reply, first.reply_role, first.rating) == (None, None, -1)
    assert ("assistant", "no") in second.context
    assert (second.reply, second.rating) == ("sorry", 1)


def test_a_reply_is_disliked_when_any_part_of_it_is() -> None:
    conversation = talk(user("help"), bot("yes", rating=1), agent("no", rating=-1))
    assert reply_to(conversation, 0) == Reply(rating=-1)


def test_no_reply_of_a_conversation_that_was_rated_worst_is_a_target() -> None:
    turns = (user("help"), bot("fine", rating=1))
    assert reply_to(talk(*turns, rating=1), 0) == Reply(rating=1)
    assert reply_to(talk(*turns, rating=2), 0) == Reply("fine", "assistant", 1)


def test_what_systems_log_and_blank_turns_are_neither_context_nor_examples_nor_replies() -> None:
    conversation = talk(Turn("system", "joined"), user(" "), user("hi"), bot("\n"), Turn("system", "left"), user("ok"))
    assert [(row.text, row.context, row.reply) for row in rows(conversation)] == [
        ("hi", (), None),
        ("ok", (("user", "hi"),), None),
    ]


def test_the_context_is_bounded_and_ends_with_the_newest() -> None:
    conversation = talk(*(user(str(number)) for number in range(30)))
    last = rows(conversation)[-1]
    assert [text for _, text in last.context] == [str(number) for number in range(29 - CONTEXT_TURNS, 29)]
    assert list(examples_of(conversation, ORIGIN, context_turns=0))[-1].context == ()


TURNS = st.builds(
    Turn,
    role=st.sampled_from(["user", "assistant", "agent", "system"]),
    text=st.text(max_size=5),
    rating=st.sampled_from([None, -1, 1]),
)


@given(st.lists(TURNS, max_size=12).map(tuple), st.sampled_from([None, 1, 3]))
def test_no_user_turn_is_lost_and_no_disliked_reply_is_learned(turns: tuple[Turn, ...], rating: int | None) -> None:
    conversation = talk(*turns, rating=rating)
    found = rows(conversation)
    assert [row.text for row in found] == [turn.text for turn in turns if turn.role == "user" and turn.text.strip()]
    assert [row.text for row in found] == [turn.text for _, turn in user_turns(conversation)]
    assert len({row.id for row in found}) == len(found)
    for row in found:
        assert (row.reply is None) == (row.reply_role is None)
        assert row.reply is None or (row.rating != -1 and rating != 1)
        assert all(role != "system" for role, _ in row.context)


def test_only_the_named_turn_is_learned_and_the_others_are_its_context() -> None:
    conversation = replace(talk(user("one"), bot("1"), user("two"), bot("2"), user("three")), only=2)
    (row,) = rows(conversation)
    assert (row.text, row.reply, row.context) == ("two", "2", (("user", "one"), ("assistant", "1")))
    assert rows(replace(conversation, only=1)) == []
    assert [place for place, _ in user_turns(replace(conversation, only=None))] == [0, 2, 4]


def test_a_reply_that_a_reviewer_wrote_says_so() -> None:
    written, own = rows(talk(user("one"), agent("better", corrected=True), user("two"), bot("2")))
    assert (written.reply, written.corrected) == ("better", True)
    assert (own.reply, own.corrected) == ("2", False)
