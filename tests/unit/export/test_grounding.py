"""Facts of replies against their sources: what somebody said, however written, is grounded; the rest is told."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.settings import ImportSettings
from data.written import Written
from export.grounding import Grounding

GROUNDING = Grounding(Written(ImportSettings()), ["Acme", "FastShip"])


def stated(text: str, language: str | None = None) -> list[tuple[str, str]]:
    return [(fact.kind, fact.text) for fact in GROUNDING.facts(text, language)]


def told(reply: str, *sources: str, language: str | None = None) -> list[str]:
    return [fact.text for fact in GROUNDING.ungrounded(reply, sources, language)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "Hi Dana Whitlock, order #A123456 of $1,299.00 (10 % off) ships on March 3rd at 5 pm.",
            [("name", "Dana Whitlock"), ("code", "#A123456"), ("amount", "$1,299.00"), ("percent", "10 %"),
             ("date", "March 3rd"), ("time", "5 pm")],
        ),
        ("See acme.com/help, https://acme.com/a?b=1. Or mail jo@acme.com, or call +44 20 7946 0958!",
         [("link", "acme.com/help"), ("link", "https://acme.com/a?b=1"), ("email", "jo@acme.com"),
          ("phone", "+44 20 7946 0958")]),
        ("You get two of the 15kg bags, the 3rd free, model A4.",
         [("number", "two"), ("number", "15kg"), ("number", "3rd"), ("code", "A4")]),
        ("We sent it with FastShip; I'm sure Peter's team at Acme helps. Wonderful!", [("name", "Peter's")]),
        ("1. Open it\n2) Close it 3 times", [("number", "3")]),
        ("Your [order 1] goes to [person 12].", []),
        ("明天下午三点半，共299元，3件",
         [("date", "明天"), ("time", "下午三点半"), ("amount", "299元"), ("number", "3")]),
        ("Die Rechnung hat Herr Müller am 3. Mai, zwei Stück", [("date", "3. Mai")]),
        ("Hablé con Lucía y con Usted en Sevilla", [("name", "Lucía"), ("name", "Sevilla")]),
        ("THANK YOU FOR CALLING ACME STORES", []),
        ("", []),
    ],
)  # fmt: skip
def test_facts_and_their_kinds(text: str, expected: list[tuple[str, str]]) -> None:
    assert stated(text) == expected


@pytest.mark.parametrize(
    ("reply", "source"),
    [
        ("It is 1000 pieces.", "we have 1,000 pieces"),
        ("We open at 17:00.", "open from 5 pm"),
        ("You have 2 parcels.", "two parcels for you"),
        ("You have 1 parcel.", "there is one parcel"),
        ("It takes three days.", "allow 3 days"),
        ("You paid 1299.", "it was $1,299.00"),
        ("You save 10.", "10 % off"),
        ("On 21 November.", "on 2026-11-21"),
        ("On Friday.", "by next friday"),
        ("Call 020 7946 0958.", "our number is +44 20 7946 0958"),
        ("Mail Jo@Acme.com.", "write to jo@acme.com"),
        ("See https://www.acme.com/help/.", "go to acme.com/help"),
        ("Your order A-123456 left.", "my order is #A123456"),
        ("All right, Dana!", "hi, this is dana"),
        ("I asked Peter about it.", "Peter's team"),
        ("It is 29,90 €.", "EUR 29.90"),
        ("一共299元。", "价格是￥299"),
        ("In 2026 it was.", "until 2026-11-21"),
    ],
)
def test_what_a_source_says_in_other_words_is_grounded(reply: str, source: str) -> None:
    assert told(reply, "something else", source) == []


@pytest.mark.parametrize(
    ("reply", "source", "expected"),
    [
        ("It takes 3 days.", "it takes 30 days, 1.3 on average", ["3"]),
        ("It takes three days.", "it takes two days", ["three"]),
        ("You pay €10.", "you pay $10", ["€10"]),
        ("You pay $10.", "in 10 days", ["$10"]),
        ("You save 10 %.", "10 days", ["10 %"]),
        ("On 21 November 2025.", "on 21 November 2026", ["21 November 2025"]),
        ("At 5 am.", "at 17:00", ["5 am"]),
        ("See acme.com.", "see acme.com/help", ["acme.com"]),
        ("Mail jo@acme.com.", "mail mary-jo@acme.com", ["jo@acme.com"]),
        ("Call +44 20 7946 0959.", "call +44 20 7946 0958", ["+44 20 7946 0959"]),
        ("I asked Peter Jones.", "Peter will know", ["Peter Jones"]),
        ("I asked Ann about it.", "Anna will know", ["Ann"]),
        ("Model A4 it is.", "model A41", ["A4"]),
        ("共399元。", "共299元", ["399元"]),
        ("It is 3.", "", ["3"]),
    ],
)
def test_what_nobody_said_is_told(reply: str, source: str, expected: list[str]) -> None:
    assert told(reply, source) == expected


def test_places_are_those_of_the_reply_and_in_its_order() -> None:
    reply = "Ünique: on 3 May, Dana pays $5 to Bob at 9 pm 👍 2026"
    facts = GROUNDING.ungrounded(reply, [])
    assert [reply[fact.start : fact.end] for fact in facts] == ["3 May", "Dana", "$5", "Bob", "9 pm", "2026"]


def test_a_language_that_is_told_decides_what_capitals_and_words_mean() -> None:
    assert stated("Das liegt am Paket", "de") == []
    assert stated("It went to Paris with two", "nl") == [("name", "Paris")]
    assert stated("It went to Paris with two", "en") == [("name", "Paris"), ("number", "two")]


def test_numbers_of_products_belong_to_their_names() -> None:
    brand = Grounding(Written(ImportSettings()), ["Heron 2", "Heron"])
    assert brand.ungrounded("The Heron 2 and the heron 2 weigh the same.", []) == ()
    told = brand.ungrounded("The Heron 20 costs 2, the Heron 2 too.", [])
    assert [(fact.start, fact.text) for fact in told] == [(10, "20"), (19, "2")]


def test_sources_are_read_once_for_many_replies() -> None:
    sources = GROUNDING.sources(["5 pm for Dana", "2 days"])
    assert GROUNDING.ungrounded("At 17:00, Dana, in two days", sources) == ()
    assert [fact.text for fact in GROUNDING.ungrounded("At 18:00 for Bob", sources)] == ["18:00", "Bob"]
    assert GROUNDING.sources([]).texts == ()


PIECES = st.sampled_from(
    ["Hi Dana,", "your order #A123456", "of $1,299.00", "and 29,99 €", "comes at 5 pm", "on March 3rd, 2026.",
     "See acme.com/help!", "Call +44 20 7946 0958", "or mail jo@acme.com.", "We have 1,000 of 3,5 kg", "15kg",
     "in two days", "with Peter Jones.", "共299元", "明天下午三点半", "[order 1]", "1. Open it", "10 % off", "v3.10.2"]
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.lists(PIECES, min_size=1, max_size=6), st.data())
def test_a_reply_made_of_pieces_of_the_sources_is_grounded(pieces: list[str], data: st.DataObject) -> None:
    reply = "\n".join(data.draw(st.permutations(pieces)))
    assert told(reply, *pieces) == []
    assert told(reply.upper() if data.draw(st.booleans()) else reply, " | ".join(pieces)) == []


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=80) | st.text(alphabet="0123456789 aBé你.,:/-@€$%#\n年月日点", max_size=60), st.data())
def test_any_stretch_of_a_source_is_grounded(source: str, data: st.DataObject) -> None:
    words = source.split(" ")
    first = data.draw(st.integers(0, len(words)))
    last = data.draw(st.integers(first, len(words)))
    reply = " ".join(words[first:last])
    assert told(reply, source) == []
    end = 0
    for fact in GROUNDING.facts(reply):
        assert end <= fact.start < fact.end <= len(reply)
        assert fact.text == reply[fact.start : fact.end]
        end = fact.end
