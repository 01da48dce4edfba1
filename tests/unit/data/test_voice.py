"""A brand's voice is what most of its replies do; a reply is told how it differs, in words; the wire loses nothing."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.errors import IntegrityError
from data.log_odds import counted
from data.voice import ALL, FEWEST, Voice, VoiceFit

THINGS = ["lamp", "sofa", "rug", "chair", "desk", "shelf", "mirror", "table", "stool", "bench"]
FORMAL = [
    f"Hello Ms Otter, we have sent it to you. It is not late for day {day} with a {thing}. Kind regards, the Brook team"
    for thing in THINGS
    for day in range(5)
]
GERMAN = [f"Guten Tag, Ihr Paket mit {thing} kommt am Tag {day} zu Ihnen." for thing in THINGS for day in range(4)]
BACKGROUND = {"en": counted(["where is my card", "play some music", "what is the weather like"] * 30)}
VOICE = Voice.of(FORMAL, ["en"] * len(FORMAL), BACKGROUND)


def test_a_voice_is_what_the_replies_do() -> None:
    manners = VOICE.manners_of("en")
    assert manners is not None
    assert (manners.replies, manners.language) == (50, "en")
    assert manners.words.low == manners.words.high == 24
    assert [phrase.text for phrase in manners.openings] == ["Hello Ms Otter, we have sent it to you"]
    assert [phrase.text for phrase in manners.closings] == ["Kind regards, the Brook team"]
    shares = {name: habit.share for name, habit in manners.habits.items()}
    assert shares["contracts"] == shares["emoji"] == shares["exclaims"] == shares["courteous"] == 0
    assert shares["opens"] == shares["closes"] == shares["own_words"] == 1
    assert "informal" not in shares
    assert "brook" in manners.own_words


def test_the_brands_own_replies_fit() -> None:
    assert {VOICE.distance(text, "en") for text in FORMAL} == {VoiceFit(1.0)}
    assert VOICE.distance(FORMAL[0]) == VoiceFit(1.0)


def test_what_is_off_is_said_in_words_the_worst_first() -> None:
    fit = VOICE.distance("hey there!! it's on its way 🎉", "en")
    assert fit.score < 0.2
    assert fit.reasons == (
        "shorter than the brand's replies (7 words, most have 24 to 24)",
        "no sign-off, all of the brand's have one",
        "an emoji, none of the brand's have one",
        "begins in lower case, none of the brand's do",
        "contractions, none of the brand's have them",
        "no greeting or other opening of the brand's, all of its replies have one",
        "an exclamation mark, none of the brand's have one",
    )
    long = VOICE.distance(FORMAL[0].replace("It is not", "It is not late at all. " * 8 + "It is not"), "en")
    assert long.reasons == ("three times as long as the brand's replies (72 words)",)
    assert 0.4 < long.score < 0.7


def test_shares_are_told_as_they_are() -> None:
    mixed = FORMAL + [text.replace(" Kind regards, the Brook team", "") for text in FORMAL[:4]]
    voice = Voice.of(mixed, ["en"] * len(mixed))
    fit = voice.distance(FORMAL[0].replace(" Kind regards, the Brook team", ""), "en")
    assert "no sign-off, 93 % of the brand's have one" in fit.reasons
    assert voice.distance(FORMAL[0], "en").score == 1


def test_one_more_fault_never_helps() -> None:
    text = FORMAL[0]
    worse = [
        text,
        text + " 🎉",
        "🎉 " + text.replace("Kind regards, the Brook team", "").replace("It is", "it's"),
        "OK!! 🎉",
    ]
    scores = [VOICE.distance(one, "en").score for one in worse]
    assert scores == sorted(scores, reverse=True)


def test_forms_of_address_are_those_of_the_language() -> None:
    voice = Voice.of(FORMAL + GERMAN, ["en"] * len(FORMAL) + ["de"] * len(GERMAN))
    assert set(voice.manners) == {ALL, "de", "en"}
    assert voice.manners[ALL].language is None
    familiar = voice.distance("Guten Tag, dein Paket mit lamp kommt am Tag 3 zu dir.", "de")
    assert familiar.reasons == ("addresses the customer informally, none of the brand's do",)
    assert voice.distance(GERMAN[0], "de").score == 1
    assert voice.distance("Votre colis arrive, tu es sûr?", "fr").reasons != ()  # by what holds in any language
    assert all("address" not in reason for reason in voice.distance("Tu le sais bien", "fr").reasons)


def test_languages_with_few_replies_have_no_voice_of_their_own() -> None:
    few = GERMAN[: FEWEST - 1]
    voice = Voice.of(FORMAL + few, ["en"] * len(FORMAL) + ["de"] * len(few))
    assert set(voice.manners) == {ALL, "en"}
    assert voice.manners_of("de") is voice.manners[ALL]


def test_too_few_replies_are_no_voice_and_fit_all_but_silence() -> None:
    voice = Voice.of([*FORMAL[: FEWEST - 1], " "])
    assert voice == Voice(FEWEST - 1)
    assert voice.distance("hey!!! 🎉") == VoiceFit(1.0)
    assert voice.distance(" \n") == VoiceFit(0.0, ("says nothing",))
    assert Voice.of([]).manners_of() is None


def test_languages_belong_to_replies() -> None:
    with pytest.raises(ValueError, match="shorter"):
        Voice.of(FORMAL, ["en"])


def test_the_wire_loses_nothing() -> None:
    voice = Voice.of(FORMAL + GERMAN, ["en"] * len(FORMAL) + ["de"] * len(GERMAN), BACKGROUND)
    again = Voice.from_wire(json.loads(json.dumps(voice.to_wire())))
    assert again == voice
    for text in ("hey!!", GERMAN[3], FORMAL[0] + " 🎉"):
        assert again.distance(text, "de") == voice.distance(text, "de")
    assert len(json.dumps(voice.to_wire())) < 6000
    assert Voice.from_wire(Voice.of([]).to_wire()) == Voice(0)
    assert VOICE.distance("hey", "en").to_wire()["score"] == round(VOICE.distance("hey", "en").score, 4)


@pytest.mark.parametrize(
    "spoiled",
    [
        lambda body: body.update(version=2),
        lambda body: body.pop("manners"),
        lambda body: body["manners"][ALL].pop("words"),
        lambda body: body["manners"][ALL].update(words=[1, 2]),
        lambda body: body["manners"][ALL].update(words=[1, 2, float("nan")]),
        lambda body: body["manners"][ALL].update(habits={"emoji": [1.5, 40]}),
        lambda body: body["manners"][ALL].update(habits={"unknown": [0.5, 40]}),
        lambda body: body["manners"][ALL].update(openings=[["Hi"]]),
        lambda body: body.update(manners=[1]),
    ],
)
def test_a_wire_that_was_spoiled_is_refused(spoiled) -> None:  # type: ignore[no-untyped-def]
    body = json.loads(json.dumps(VOICE.to_wire()))
    spoiled(body)
    with pytest.raises(IntegrityError, match="voice"):
        Voice.from_wire(body)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=80), st.sampled_from(["en", "de", None]))
def test_any_reply_has_a_fit(text: str, language: str | None) -> None:
    fit = VOICE.distance(text, language)
    assert 0 <= fit.score <= 1
    assert (fit.score == 1) == (not fit.reasons)
