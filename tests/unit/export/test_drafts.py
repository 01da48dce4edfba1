"""What is known of a reply before it may be said: what it was written from, how it fits, what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from data.errors import IntegrityError, Overloaded
from data.profile import BotProfile, Intent
from data.settings import ImportSettings
from data.voice import Voice
from data.written import Written as Values
from export.drafts import HINT, VOICE_WEIGHT, Asked, Drafting, known_names, read_voice, told, write_voice
from export.grounding import Grounding
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


@pytest.mark.parametrize("ending", ["length", "time", "cancelled"])
def test_a_reply_that_does_not_end_is_not_one(ending: str):
    assert draft("It left on", ending).flaws == ("it does not end",)


def test_a_reply_off_the_voice_ranks_lower():
    like = draft(LIKE.format("left"), voice=VOICE)
    unlike = draft("yo its gone lol!!! whatever, dunno, check it urself", voice=VOICE)
    assert unlike.voice < like.voice
    assert unlike.score < like.score <= 0.9
    assert unlike.score == pytest.approx(0.9 - VOICE_WEIGHT * (1 - unlike.voice))


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
