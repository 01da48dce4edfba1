"""What is known of a reply before it may be said: what it was written from, how it fits, what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from data.errors import IntegrityError, Overloaded, ProfileError
from data.profile import BotProfile, Intent, parse_profile
from data.settings import ImportSettings
from data.voice import Voice
from data.written import Written as Values
from export.drafts import (
    HINT,
    VOICE_WEIGHT,
    Asked,
    Drafting,
    approved_texts,
    known_names,
    read_voice,
    told,
    write_voice,
)
from export.grounding import Grounding
from export.sampling import Sampling
from export.writer import Brief, Written

TURNS = (("user", "Where is order 12345?"),)
KNOWN = ("Order 12345 left on Monday.", "It takes 3 days.", "We are here.", "Never told.")
LIKE = "Hello there! Your parcel {} today. Kind regards, Acme"
VOICE = Voice.of([LIKE.format(word) for word in ("left", "came", "went")] * 20)


class Fake:
    """Writes what it is told to, and remembers what for."""

    def __init__(self, text: str, ending: str = "stop") -> None:
        self.said = Written(text, ending, 7)  # type: ignore[arg-type]
        self.briefs: list[Brief] = []

    def write(self, brief: Brief) -> Written:
        self.briefs.append(brief)
        return self.said


def drafting(writer: Fake, **more: object) -> Drafting:
    names = known_names(BotProfile(name="Acme", intents=(Intent(name="a", answers=("Ask Zorro.",)),)))
    return Drafting(writer, Grounding(Values(ImportSettings()), names), **more)  # type: ignore[arg-type]


def draft(text: str, ending: str = "stop", **more: object):
    return drafting(Fake(text, ending), **more).draft(Asked(TURNS, KNOWN), lambda _: 0.9)


def test_it_is_written_from_the_brands_best_earlier_replies():
    fake = Fake("It left on Monday.")
    found = drafting(fake).draft(Asked(TURNS, KNOWN), lambda text: 0.75 if text == "It left on Monday." else 0.0)
    assert fake.briefs[0].told == tuple(HINT.format(reply=reply) for reply in KNOWN[:3])
    assert fake.briefs[0].turns == TURNS
    assert (found.text, found.score, found.flaws, found.tokens) == ("It left on Monday.", 0.75, (), 7)


@pytest.mark.parametrize(
    ("text", "flaw"),
    [
        ("It left on Tuesday 5 May.", "nobody has said"),
        ("That costs 99 pounds.", "nobody has said"),
        ("See https://elsewhere.example/x for it.", "nobody has said"),
        ("Then ask Mirabelle about it.", "nobody has said"),
        ("", "says nothing"),
    ],
)
def test_what_nobody_vouches_for_is_a_flaw(text: str, flaw: str):
    assert any(flaw in one for one in draft(text).flaws)


@pytest.mark.parametrize("text", ["Order 12345 takes 3 days.", "Ask Zorro at Acme about it.", "It left on Monday."])
def test_what_was_said_before_is_none(text: str):
    assert draft(text).flaws == ()


NOBODY = ("it speaks to somebody whom nobody has named",)


@pytest.mark.parametrize("text", ["Mirabelle, it left.", "It left. Okonkwo, we are here.", "mirabelle, it left."])
def test_somebody_whom_nobody_has_named_is_not_spoken_to(text: str):
    assert draft(text).flaws == NOBODY


@pytest.mark.parametrize(
    "text", ["Sorry, it left.", "Leider, ja.", "Zorro, it left.", "Order, 12345, left.", "It left, Acme."]
)
def test_who_was_named_or_words_that_call_nobody_are_no_flaw(text: str):
    assert draft(text).flaws == ()


def test_a_customer_who_gave_a_name_may_be_spoken_to_by_it():
    turns = (("user", "This is Mirabelle, where is it?"),)
    assert drafting(Fake("Mirabelle, it left.")).draft(Asked(turns, KNOWN), lambda _: 0.9).flaws == ()
    assert drafting(Fake("Belle, it left.")).draft(Asked(turns, KNOWN), lambda _: 0.9).flaws == NOBODY


REPEATS = ("it repeats a detail where no reply of the brand does",)


@pytest.mark.parametrize(
    ("text", "said", "known", "flaws"),
    [
        ("We call you on [phone 1].", "my number is [phone 1]", "We rang [phone 1] today.", ()),
        ("We call you on [phone 2].", "[phone 1] or [phone 2]", "We rang [phone 1] today.", ()),
        ("Call us on [phone 1].", "my number is [phone 1]", "We are here.", REPEATS),
        ("Call us on [phone 1].", "my number is [phone 1]", "We wrote to [email 1].", REPEATS),
        ("We call you on [phone 2].", "my number is [phone 1]", "We rang [phone 1] today.", REPEATS),
        ("We call you on [phone 1].", "where are you", "We rang [phone 1] today.", REPEATS),
    ],
    ids=["theirs", "counted otherwise", "ours", "of another kind", "not theirs", "nobody's"],
)
def test_a_placeholder_is_the_customers_and_stands_where_the_brand_has_one(text, said, known, flaws):
    asked = Asked((("assistant", "Call us on [phone 2]."), ("user", said)), ("We are here.", known))
    assert drafting(Fake(text)).draft(asked, lambda _: 0.9).flaws == flaws


def test_a_placeholder_of_a_reply_that_it_was_not_written_from_is_no_ground():
    asked = Asked((("user", "my number is [phone 1]"),), ("a b", "b c", "c d", "We rang [phone 1]."))
    assert drafting(Fake("We call [phone 1].")).draft(asked, lambda _: 0.9).flaws == REPEATS


def test_what_the_profile_approves_vouches_for_a_draft():
    answers = ("It costs 99 pounds.", "Look at https://acme.example/x until Friday.")
    profile = BotProfile(name="Acme", handoff="Ring 0800 123456.", intents=(Intent(name="a", answers=answers),))
    grounding = Grounding(Values(ImportSettings()), known_names(profile))
    approved = grounding.sources(approved_texts(profile))
    for text in ("That is 99 pounds.", "See https://acme.example/x for it.", "Please ring 0800 123456."):
        assert draft(text).flaws == ("it states what nobody has said",)
        assert draft(text, approved=approved).flaws == ()
    assert draft("That is 98 pounds.", approved=approved).flaws == ("it states what nobody has said",)


@pytest.mark.parametrize("ending", ["length", "time", "cancelled"])
def test_a_reply_that_does_not_end_is_not_one(ending: str):
    assert draft("It left on", ending).flaws == ("it does not end",)


def test_a_reply_off_the_voice_ranks_lower():
    like = draft(LIKE.format("left"), voice=VOICE)
    unlike = draft("yo its gone lol!!! whatever, dunno, check it urself", voice=VOICE)
    assert unlike.voice < like.voice
    assert unlike.score < like.score <= 0.9
    assert unlike.score == pytest.approx(0.9 - VOICE_WEIGHT * (1 - unlike.voice))


def test_it_is_written_as_the_profile_says():
    fake = Fake("Hello.")
    style = {
        "temperature": 0.7,
        "top_p": 0.9,
        "top_k": 40,
        "repetition_penalty": 1.2,
        "max_tokens": 32,
        "stops": ["--"],
    }
    profile = parse_profile({"name": "acme", "writing": style})
    Drafting.by(fake, profile, ImportSettings(), None).draft(Asked(TURNS), lambda _: 1.0)
    (brief,) = fake.briefs
    assert brief.sampling == Sampling(0, 0.7, 0.9, 40, 1.2, 32, 30.0)
    assert tuple(brief.stops) == ("--",)
    plain = Drafting.by(fake, BotProfile(name="acme"), ImportSettings(), None)
    assert (plain.sampling.temperature, plain.sampling.max_tokens, plain.stops) == (0, 96, ())


@pytest.mark.parametrize(
    "style", [{"temperature": -1}, {"top_p": 0}, {"max_tokens": 0}, {"stops": [""]}, {"seed": 1}, {"seconds": "soon"}]
)
def test_a_way_to_write_that_is_none_is_refused(style: dict[str, Any]):
    with pytest.raises(ProfileError, match="writing"):
        parse_profile({"name": "acme", "writing": style})


def test_it_waits_for_its_turn():
    @contextmanager
    def full() -> Iterator[None]:
        raise Overloaded("Too many.")
        yield

    fake = Fake("Hello.")
    with pytest.raises(Overloaded):
        drafting(fake, turn=full).draft(Asked(TURNS), lambda _: 1.0)
    assert fake.briefs == []


def test_who_hangs_up_is_told_to_the_writer():
    fake = Fake("Hello.")
    drafting(fake).draft(Asked(TURNS, (), lambda: True), lambda _: 1.0)
    assert fake.briefs[0].cancelled()


def test_a_voice_is_kept_with_the_release(tmp_path: Path):
    write_voice(VOICE, tmp_path / "voice.json")
    assert read_voice(tmp_path / "voice.json") == VOICE
    for broken in ("{", "[]", "{}"):
        (tmp_path / "voice.json").write_text(broken)
        with pytest.raises(IntegrityError):
            read_voice(tmp_path / "voice.json")


def test_what_is_told_is_one_line_each():
    assert told(["a\nb", "c"]) == (HINT.format(reply="a b"), HINT.format(reply="c"))
