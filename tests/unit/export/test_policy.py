"""The decision table of the policy, row by row, then what must hold for every situation."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.errors import IntegrityError
from data.profile import BotProfile, Intent
from data.schema import OUT_OF_SCOPE
from export.banned import says_banned
from export.corrections import Correction, Match
from export.drafts import Draft
from export.placeholders import placeholders
from export.policy import decide, wants_draft
from export.situation import NOT_UNDERSTOOD, Candidate, Ranked, Situation, Understanding, is_sure
from export.thresholds import Thresholds

PROFILE = BotProfile(
    name="acme",
    greeting="Hello from Acme.",
    fallback="Not sure. A colleague?",
    handoff="A colleague takes over.",
    ask_back="About {first} or {second}?",
    intents=(
        Intent(name="order_status", title="where an order is", answers=("Use the link.", "Look in the mail.")),
        Intent(name="refund", answers=("Three days.",)),
        Intent(name="vague"),
        Intent(name="person", handoff=True, answers=("Never said.",)),
    ),
    banned_phrases=("calm down", "as an AI"),
)
BARS = Thresholds(answer=0.8, oos=0.4, reply=0.6, clarify_together=0.6, clarify_ratio=0.4)


def meaning(intent="order_status", confidence=0.9, in_scope=0.9, ranking=(("order_status", 0.9), ("refund", 0.05))):
    return Understanding(intent, confidence, in_scope, tuple(Ranked(*r) for r in ranking))


def situation(**changes):
    return replace(Situation(meaning(), PROFILE, BARS), **changes)


UNSURE = meaning(confidence=0.5, ranking=(("order_status", 0.5), ("refund", 0.1)))
TORN = meaning(confidence=0.45, ranking=(("order_status", 0.45), ("refund", 0.4)))
GOOD = Candidate("We sent it on Monday.", 0.7, "order_status")
POOR = Candidate("Maybe.", 0.59)


def test_an_untouched_conversation_is_greeted():
    decision = decide(situation(understanding=NOT_UNDERSTOOD, opening=True))
    assert (decision.action, decision.source, decision.reply) == ("greet", "approved", "Hello from Acme.")


def test_a_sure_intent_gets_its_approved_answer():
    decision = decide(situation())
    assert (decision.action, decision.source, decision.reply) == ("answer", "approved", "Use the link.")
    assert decision.intent == "order_status"
    assert decision.reason == "The intent 'order_status' is sure with 0.90, at least 0.80."


def test_approved_goes_before_retrieved_even_with_a_better_score():
    assert decide(situation(candidates=(replace(GOOD, score=0.99),))).source == "approved"


def test_confidence_at_the_bar_is_enough_and_just_below_is_not():
    assert decide(situation(understanding=meaning(confidence=0.8))).source == "approved"
    assert decide(situation(understanding=meaning(confidence=0.7999))).source != "approved"


def test_the_second_approved_answer_where_the_first_was_just_said():
    assert decide(situation(last_reply="use the  LINK.")).reply == "Look in the mail."


def test_an_intent_that_wants_a_person_is_handed_over():
    wants = meaning("person", ranking=(("person", 0.9),))
    decision = decide(situation(understanding=wants, candidates=(GOOD,)))
    assert (decision.action, decision.source, decision.reply) == ("handoff", "handoff", "A colleague takes over.")


def test_an_unsure_message_gets_an_earlier_reply_above_its_bar():
    decision = decide(situation(understanding=UNSURE, candidates=(POOR, GOOD)))
    assert (decision.action, decision.source, decision.reply) == ("answer", "retrieved", GOOD.text)
    assert "0.70" in decision.reason


def test_a_sure_intent_without_an_answer_gets_an_earlier_reply_that_is_not_anothers():
    sure = meaning("vague", ranking=(("vague", 0.9),))
    other = Candidate("For another intent.", 0.95, "refund")
    unknown = Candidate("For no known intent.", 0.65)
    assert decide(situation(understanding=sure, candidates=(other, unknown))).reply == unknown.text
    fallback = decide(situation(understanding=sure, candidates=(other,)))
    assert (fallback.action, fallback.source) == ("fallback", "handoff")
    assert "nothing that may be said" in fallback.reason


LISTED = Candidate("Refunds take three days.", 0.61, "refund", count=0, echoes=True, approved=True)


@pytest.mark.parametrize("mode", ["grounded", "hybrid", "generative"])
def test_an_approved_answer_found_among_the_replies_goes_before_better_ones_and_before_what_is_written(mode):
    asked = in_mode(mode, understanding=NOT_UNDERSTOOD, candidates=(GOOD, LISTED), drafts=(WRITTEN,))
    said = decide(asked)
    assert (said.reply, said.source, said.intent) == (LISTED.text, "approved", "refund")
    assert said.reason == "An approved answer fits with 0.61, at least 0.60."
    assert not wants_draft(replace(asked, drafts=()))


@pytest.mark.parametrize("changes", [{"score": 0.59}, {"flaws": ("it is in another language than the message",)}])
def test_an_approved_answer_that_does_not_fit_is_not_given(changes):
    candidates = (GOOD, replace(LISTED, **changes))
    assert decide(situation(understanding=NOT_UNDERSTOOD, candidates=candidates)).reply == GOOD.text


def test_an_approved_answer_to_another_intent_than_the_sure_one_is_not_given():
    sure = meaning("vague", ranking=(("vague", 0.9),))
    free = replace(GOOD, intent=None)
    assert decide(situation(understanding=sure, candidates=(LISTED, free))).reply == free.text


def test_without_a_reply_threshold_nothing_is_retrieved():
    bars = replace(BARS, reply=None)
    assert decide(situation(understanding=UNSURE, candidates=(GOOD,), thresholds=bars)).action == "fallback"


WRITES = replace(BARS, generated=0.6)
WRITTEN = Draft("It left us on Monday.", 0.8)


def in_mode(mode, **changes):
    return situation(**{"understanding": UNSURE, "thresholds": WRITES, "profile": replace_mode(mode), **changes})


def replace_mode(mode):
    return PROFILE.model_copy(update={"reply_mode": mode})


def test_grounded_says_what_was_said_before_and_else_what_was_written():
    decision = decide(in_mode("grounded", candidates=(GOOD,), drafts=(WRITTEN,)))
    assert (decision.source, decision.reply) == ("retrieved", GOOD.text)
    decision = decide(in_mode("grounded", candidates=(POOR,), drafts=(WRITTEN,)))
    assert (decision.action, decision.source, decision.reply) == ("answer", "generated", WRITTEN.text)
    assert decision.reason == "A reply written for this conversation fits with 0.80, at least 0.60."


def test_hybrid_says_what_fits_best():
    assert decide(in_mode("hybrid", candidates=(GOOD,), drafts=(WRITTEN,))).source == "generated"
    better = replace(GOOD, score=0.9)
    assert decide(in_mode("hybrid", candidates=(better,), drafts=(WRITTEN,))).source == "retrieved"


def test_generative_says_what_was_written_first():
    better = replace(GOOD, score=0.9)
    assert decide(in_mode("generative", candidates=(better,), drafts=(WRITTEN,))).source == "generated"
    flawed = replace(WRITTEN, flaws=("it states what nobody has said",))
    assert decide(in_mode("generative", candidates=(better,), drafts=(flawed,))).source == "retrieved"


@pytest.mark.parametrize("mode", ["grounded", "hybrid", "generative"])
@pytest.mark.parametrize(
    "draft",
    [
        replace(WRITTEN, score=0.59),
        replace(WRITTEN, flaws=("it is abusive",)),
        replace(WRITTEN, text="Please calm down."),
        replace(WRITTEN, text="Your order [order 1] left."),
        replace(WRITTEN, text="Maybe later."),
    ],
    ids=["poor", "flawed", "banned", "unfilled", "just said"],
)
def test_what_may_not_be_said_is_not_said(mode, draft):
    decision = decide(in_mode(mode, candidates=(POOR,), drafts=(draft,), last_reply="maybe LATER."))
    assert decision.source != "generated"


@pytest.mark.parametrize("mode", ["grounded", "hybrid", "generative"])
def test_what_is_written_answers_nothing_out_of_scope_and_replaces_nothing_approved(mode):
    away = in_mode(mode, understanding=meaning("oos", in_scope=0.1), candidates=(POOR,), drafts=(WRITTEN,))
    assert decide(away).source == "handoff"
    assert not wants_draft(away)
    sure = in_mode(mode, understanding=meaning(), candidates=(POOR,), drafts=(WRITTEN,))
    assert decide(sure).source == "approved"
    assert not wants_draft(sure)


def test_a_reply_is_written_only_where_it_could_be_said():
    assert wants_draft(in_mode("grounded", candidates=(POOR,)))
    assert not wants_draft(in_mode("grounded", candidates=(GOOD,)))  # an earlier reply is there
    assert not wants_draft(in_mode("grounded"))  # nothing to write from
    assert wants_draft(in_mode("hybrid"))
    assert wants_draft(in_mode("generative", candidates=(GOOD,)))
    assert not wants_draft(in_mode("generative", opening=True))
    assert not wants_draft(in_mode("generative", thresholds=BARS))  # no bar is low enough


def test_a_draft_without_a_bar_is_not_said():
    assert decide(in_mode("generative", thresholds=BARS, drafts=(WRITTEN,))).source != "generated"


GERMAN = Candidate("Wir haben es am Montag verschickt.", 0.65, "order_status")
FOREIGN_GOOD = replace(GOOD, flaws=("it is in another language than the message",))


def test_an_earlier_reply_in_another_language_is_passed_over_for_one_that_fits_less():
    decision = decide(situation(understanding=UNSURE, candidates=(FOREIGN_GOOD, GERMAN)))
    assert (decision.source, decision.reply) == ("retrieved", GERMAN.text)
    assert decide(situation(understanding=UNSURE, candidates=(FOREIGN_GOOD,))).action == "fallback"


def test_a_reply_is_written_where_all_earlier_ones_are_in_another_language():
    asked = in_mode("grounded", candidates=(FOREIGN_GOOD,))
    assert wants_draft(asked)
    assert decide(replace(asked, drafts=(WRITTEN,))).source == "generated"
    flawed = replace(WRITTEN, flaws=FOREIGN_GOOD.flaws)
    assert decide(replace(asked, drafts=(flawed,))).action == "fallback"


def test_among_approved_answers_those_in_the_language_of_the_message_are_given():
    first = frozenset({"Use the link."})
    assert decide(situation(foreign=first)).reply == "Look in the mail."
    assert decide(situation(foreign=first, last_reply="Look in the mail.")).reply != "Use the link."
    both = frozenset({"Use the link.", "Look in the mail."})
    decision = decide(situation(foreign=both))
    assert (decision.source, decision.reply) == ("approved", "Use the link."), "the brand has vouched for it"


def test_two_close_likely_intents_are_asked_between():
    decision = decide(situation(understanding=TORN, candidates=(POOR,)))
    assert (decision.action, decision.source) == ("clarify", "clarify")
    assert decision.reply == "About where an order is or refund?"


def test_an_intent_the_profile_does_not_list_is_asked_for_by_its_name():
    torn = meaning("new_thing", 0.4, ranking=(("new_thing", 0.4), ("refund", 0.4)))
    assert decide(situation(understanding=torn)).reply == "About new thing or refund?"


@pytest.mark.parametrize(
    "ranking",
    [
        (("order_status", 0.55), ("refund", 0.1)),  # likely, not close
        (("order_status", 0.2), ("refund", 0.2)),  # close, not likely
        (("order_status", 0.9),),  # nothing to ask between
        (),
    ],
)
def test_otherwise_the_bot_owns_up(ranking):
    decision = decide(situation(understanding=meaning(confidence=0.3, ranking=ranking)))
    assert (decision.action, decision.source, decision.reply) == ("fallback", "handoff", PROFILE.fallback)
    assert decision.reason == "The likeliest intent 'order_status' has 0.30, below 0.80, so a colleague is offered."


def test_the_bot_asks_back_once_then_owns_up():
    asked = decide(situation(understanding=TORN)).reply
    again = decide(situation(understanding=TORN, last_reply=asked))
    assert again.action == "fallback"
    other = meaning(confidence=0.4, ranking=(("vague", 0.4), ("refund", 0.4)))
    assert decide(situation(understanding=other, last_reply=asked)).action == "fallback"


def test_owning_up_twice_in_a_row_is_a_handover():
    decision = decide(situation(understanding=UNSURE, last_reply=PROFILE.fallback))
    assert (decision.action, decision.reply) == ("handoff", PROFILE.handoff)


@pytest.mark.parametrize(
    "outside",
    [meaning(in_scope=0.39, confidence=0.99), meaning(OUT_OF_SCOPE, 0.99, 0.9)],
)
def test_out_of_scope_is_never_answered_nor_asked_about(outside):
    decision = decide(situation(understanding=outside, candidates=(replace(GOOD, score=1.0),)))
    assert (decision.action, decision.source) == ("fallback", "handoff")
    assert "out of scope" in decision.reason


def test_a_release_without_an_answer_threshold_never_answers_for_an_intent():
    decision = decide(situation(thresholds=replace(BARS, answer=None)))
    assert decision.action == "fallback"
    assert "no threshold" in decision.reason


def test_a_release_without_an_intent_model_retrieves_or_hands_over():
    assert decide(situation(understanding=NOT_UNDERSTOOD, candidates=(GOOD,))).source == "retrieved"
    alone = decide(situation(understanding=NOT_UNDERSTOOD))
    assert (alone.action, alone.intent) == ("fallback", None)
    assert "No earlier reply" in alone.reason


def test_placeholders_are_filled_only_where_the_customer_gave_the_one_value():
    sent = Candidate("Order [order 1] has left.", 0.9, echoes=True)
    known = situation(understanding=UNSURE, candidates=(sent,), values={"order": ("#4711",)})
    assert decide(known).reply == "Order #4711 has left."
    for values in ({}, {"order": ("#1", "#2")}, {"email": ("a@b.example",)}):
        assert decide(replace(known, values=values)).action == "fallback"
    only_brand_knew = replace(sent, echoes=False)
    assert decide(replace(known, candidates=(only_brand_knew,))).action == "fallback"


def test_a_value_cannot_smuggle_a_banned_phrase_in():
    sent = Candidate("We wrote to [email 1]", 0.9, echoes=True)
    values = {"email": ("calm down",)}
    assert decide(situation(understanding=UNSURE, candidates=(sent,), values=values)).action == "fallback"


@pytest.mark.parametrize(
    ("text", "banned"),
    [
        ("Please CALM  down, sir", True),
        ("As an AI, I cannot", True),
        ("as an airline we", False),
        ("calm\u200b down", True),
        ("ｃａｌｍ down", True),
        ("becalm downs", False),
        ("", False),
    ],
)
def test_banned_phrases_whatever_their_dress(text, banned):
    assert says_banned(text, PROFILE.banned_phrases) is banned


def test_apostrophes_are_one_and_scripts_without_spaces_match_anywhere():
    assert says_banned("you don’t say", ("don't",))
    assert says_banned("请您冷静一下吧", ("冷静",))
    assert says_banned("really?!", ("?!",))
    assert not says_banned("anything", ("\u200b",))


def test_a_handover_whose_words_are_all_banned_is_mute():
    profile = PROFILE.model_copy(update={"banned_phrases": ("colleague", "acme")})
    decision = decide(situation(profile=profile, understanding=UNSURE))
    assert (decision.action, decision.reply) == ("handoff", "")
    assert decide(situation(profile=profile, opening=True)).reply == ""


def test_a_handover_is_repeated_rather_than_kept_silent():
    profile = PROFILE.model_copy(update={"fallback": PROFILE.handoff})
    decision = decide(situation(profile=profile, understanding=UNSURE, last_reply=PROFILE.handoff))
    assert (decision.action, decision.reply) == ("handoff", PROFILE.handoff)


def test_a_banned_question_is_not_asked():
    profile = PROFILE.model_copy(update={"banned_phrases": ("refund",)})
    assert decide(situation(profile=profile, understanding=TORN)).action == "fallback"


def test_thresholds_travel_and_refuse_what_is_no_number():
    assert Thresholds.from_wire({**BARS.to_wire(), "later": 1}) == BARS
    assert Thresholds.from_wire({"answer": None, "reply": None}).answer is None
    for bad in ("0.5", True, float("nan"), float("inf")):
        with pytest.raises(IntegrityError, match="'oos'"):
            Thresholds.from_wire({"oos": bad})
    with pytest.raises(IntegrityError):
        Thresholds.from_wire({"clarify_ratio": None})


share = st.floats(0, 1)
label = st.sampled_from(["order_status", "refund", "vague", "person", "unlisted", OUT_OF_SCOPE])
words = st.sampled_from(
    ["Use the link.", "Calm down!", "as an AI I", "Order [order 1].", "To [email 1] and [email 2].", "Three days."]
)
understandings = st.builds(
    Understanding,
    intent=st.none() | label,
    confidence=share,
    in_scope=share,
    ranking=st.lists(st.builds(Ranked, label.filter(lambda x: x != OUT_OF_SCOPE), share), max_size=3).map(tuple),
)
situations = st.builds(
    Situation,
    understanding=understandings,
    profile=st.builds(
        lambda banned, fallback: PROFILE.model_copy(update={"banned_phrases": banned, "fallback": fallback}),
        st.lists(st.sampled_from(["calm down", "link", "colleague", "days", "about"]), max_size=3).map(tuple),
        st.sampled_from([PROFILE.fallback, PROFILE.handoff]),
    ),
    thresholds=st.builds(Thresholds, answer=st.none() | share, oos=share, reply=st.none() | share),
    candidates=st.lists(
        st.builds(Candidate, words, st.floats(-1, 1) | st.just(float("nan")), st.none() | label, echoes=st.booleans()),
        max_size=4,
    ).map(tuple),
    values=st.dictionaries(st.sampled_from(["order", "email"]), st.lists(st.sampled_from(["#1", "#2"]), max_size=2)),
    last_reply=st.none() | words | st.sampled_from([PROFILE.fallback, PROFILE.handoff, "About refund or vague?"]),
    opening=st.booleans(),
)


@given(situations)
def test_whatever_comes(situation):
    """A reason always; nothing banned ever; no answer below its bar; nothing said twice but a handover."""
    decision = decide(situation)
    assert decision == decide(situation)
    assert decision.reason.endswith(".")
    assert not any(
        p in decision.reply.lower() for p in ("calm down", "colleague") if p in situation.profile.banned_phrases
    )
    assert not says_banned(decision.reply, situation.profile.banned_phrases)
    assert not placeholders(decision.reply)
    bars, found = situation.thresholds, situation.understanding
    if decision.action == "answer" and decision.source == "approved":
        assert is_sure(found, bars)
        assert found.confidence >= bars.answer
    if decision.source == "retrieved":
        assert bars.reply is not None
        assert max(c.score for c in situation.candidates if c.score == c.score) >= bars.reply
    if decision.action == "answer":
        assert found.intent != OUT_OF_SCOPE
        assert found.in_scope >= bars.oos
    if situation.last_reply is not None and decision.reply == situation.last_reply:
        assert decision.action == "handoff"


FIX = Correction("f1", "can i bring my dog along", None, "Dogs are welcome.", "refund")
SAME = Match(FIX, equal=True)
ALIKE = Match(FIX, equal=False)
OUT = meaning(confidence=0.1, in_scope=0.1)


@pytest.mark.parametrize("understanding", [OUT, TORN, UNSURE, meaning(), NOT_UNDERSTOOD])
def test_an_approved_correction_goes_before_all_scores(understanding):
    decision = decide(situation(understanding=understanding, corrections=(SAME,), candidates=(GOOD,)))
    assert (decision.action, decision.source, decision.reply) == ("answer", "approved", "Dogs are welcome.")
    assert decision.intent == "refund"
    assert decision.reason == "A reviewer approved this reply for the same message."


def test_the_greeting_goes_before_a_correction():
    assert decide(situation(corrections=(SAME,), opening=True)).action == "greet"


def test_a_question_that_only_resembles_stands_back_behind_another_sure_intent():
    assert decide(situation(corrections=(ALIKE,))).reply == "Use the link."
    same_intent = replace(ALIKE, correction=replace(FIX, intent="order_status"))
    unknown = replace(ALIKE, correction=replace(FIX, intent=None))
    for match in (same_intent, unknown):
        assert decide(situation(corrections=(match,))).reply == "Dogs are welcome."
    for understanding in (UNSURE, OUT, TORN):
        decision = decide(situation(understanding=understanding, corrections=(ALIKE,)))
        assert decision.reason == "A reviewer approved this reply for the same question in other words."


@pytest.mark.parametrize(
    "changes",
    [
        {"reply": "Now calm down."},
        {"reply": "Order [order 1] is on its way."},
        {"reply": "Order [order 1] is on its way.", "echoes": False},
    ],
)
def test_a_correction_that_may_not_be_said_is_passed_over(changes):
    values = {"order": ("OB-1",)} if "echoes" in changes else {}
    unsayable = replace(SAME, correction=replace(FIX, **changes))
    assert decide(situation(corrections=(unsayable,), values=values)).reply == "Use the link."
    assert decide(situation(corrections=(unsayable, SAME), values=values)).reply == "Dogs are welcome."


def test_what_was_approved_for_this_very_message_is_said_in_any_language():
    german = replace(ALIKE, correction=replace(FIX, reply="Hunde sind willkommen."))
    foreign = frozenset({"Dogs are welcome."})
    assert decide(situation(corrections=(SAME,), foreign=foreign)).reply == "Dogs are welcome."
    unsure = situation(understanding=UNSURE, foreign=foreign)
    assert decide(replace(unsure, corrections=(ALIKE, german))).reply == "Hunde sind willkommen."
    assert decide(replace(unsure, corrections=(ALIKE,))).reply == "Dogs are welcome."


def test_a_correction_is_not_said_twice_in_a_row_and_is_filled():
    assert decide(situation(corrections=(SAME,), last_reply="dogs are  welcome.")).reply == "Use the link."
    filled = replace(SAME, correction=replace(FIX, reply="Order [order 1] is on its way."))
    assert decide(situation(corrections=(filled,), values={"order": ("OB-1",)})).reply == "Order OB-1 is on its way."


def test_a_language_of_its_own_bar_is_answered_by_that_bar():
    bars = replace(BARS, by_language={"da": 0.95, "sr": None})
    assert (bars.bar("da"), bars.bar("sr"), bars.bar("en"), bars.bar(None)) == (0.95, None, 0.8, 0.8)
    danish = replace(meaning(confidence=0.9), language="da")
    assert not is_sure(danish, bars)
    assert is_sure(replace(danish, confidence=0.95), bars)
    told = decide(situation(understanding=replace(danish, confidence=0.96), thresholds=bars))
    assert told.reason == "The intent 'order_status' is sure with 0.96, at least 0.95."
    below = decide(situation(understanding=danish, thresholds=bars))
    assert (below.action, "0.90, below 0.95" in below.reason) == ("fallback", True)
    never = decide(situation(understanding=replace(danish, language="sr"), thresholds=bars))
    assert (never.action, "may answer in sr" in never.reason) == ("fallback", True)
    assert decide(situation(thresholds=bars)).action == "answer"


def test_bars_by_language_travel_with_the_release():
    bars = replace(BARS, by_language={"da": 0.95, "sr": None})
    assert Thresholds.from_wire(bars.to_wire()) == bars
    assert "by_language" not in BARS.to_wire()
    for bad in ({"da": "high"}, {"da": float("nan")}, {"da": True}, ["da"], 0.5):
        with pytest.raises(IntegrityError, match="by_language"):
            Thresholds.from_wire({"by_language": bad})
