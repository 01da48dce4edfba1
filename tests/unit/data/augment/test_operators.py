"""Every operator on any text: spans stay exact, what is to be kept is kept, the same draw gives the same words."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.augment.contractions import BARE, PAIRS
from data.augment.kept import essence, exact_places
from data.augment.keyboards import beside
from data.augment.known import Known
from data.augment.said import Change, Draw, Said, changed
from data.augment.synonyms import TABLE, table
from data.augment.vary import LONGEST, OPERATORS
from data.redact import PLACEHOLDER
from data.schema import Entity

PIECES = (
    "where", "is", "my", "order", "DON'T", "don’t", "cannot", "not", "never", "I'm", "it's", "cancel", "parcel",
    "Paris", "12345", "AB-12/3", "a.b@shop.example", "[order 1]", "{city}", "https://shop.example/a?b=1", "two",
    "Straße", "İstanbul", "né\u0301e", "где", "посылка", "нельзя", "我的订单123在哪里", "不要退款", "谢谢你",
    "注文は届きません",
    "कहाँ", "أين", "ไม่", "👩‍👩‍👧", "e\u0301", "\ud800", "½", "?", "!!", ",", "...", "\n", "thank you", "cheers", "asap",
)  # fmt: skip
LANGUAGES = (None, "en", "de", "fr", "ru", "zh", "ja", "en-GB")


@st.composite
def saids(draw: st.DrawFn) -> Said:
    """Pieces of every kind and any other characters, some stretches of them marked."""
    parts = draw(st.lists(st.sampled_from(PIECES) | st.text(max_size=6), max_size=9))
    text = draw(st.sampled_from((" ", "", "  "))).join(parts)
    cuts = sorted(draw(st.sets(st.integers(0, len(text)), max_size=6)))
    spans = [
        Entity(a, b, draw(st.sampled_from(("city", "thing")))) for a, b in zip(cuts[::2], cuts[1::2], strict=False)
    ]
    return Said(text, tuple(spans), draw(st.sampled_from(LANGUAGES)))


TAUGHT = Known.of(
    [
        Said("a tent for Paris", (Entity(2, 6, "thing"), Entity(11, 16, "city", "FR-75"))),
        Said("München please", (Entity(0, 7, "city", "DE-M"),)),
        Said("去北京", (Entity(1, 3, "city"),)),
        Said("to 2 cities", (Entity(3, 4, "city"),)),
    ],
    [("bivvy", "bivouac bag")],
)
by_every_operator = pytest.mark.parametrize("name", OPERATORS)


@by_every_operator
@given(said=saids(), seed=st.integers(0, 5))
def test_what_an_operator_leaves_keeps_spans_and_essence(name: str, said: Said, seed: int) -> None:
    new = OPERATORS[name](said, TAUGHT, Draw(seed))
    if new is None:
        return
    assert new.text != said.text
    assert new == OPERATORS[name](said, TAUGHT, Draw(seed))
    assert all(0 <= one.start < one.end <= len(new.text) for one in new.entities)
    if name == "template_fill":
        assert essence(new.text) == essence(re.sub(r"\{[^{}\n]{1,60}\}", " ", said.text))
        return
    assert essence(new.text) == essence(said.text)
    assert PLACEHOLDER.findall(new.text) == PLACEHOLDER.findall(said.text)
    assert len(new.entities) == len(said.entities)
    for old, now in zip(said.entities, new.entities, strict=True):
        before, after = said.text[old.start : old.end], new.text[now.start : now.end]
        if name == "casing":
            assert after.casefold().replace("\u0307", "") == before.casefold().replace("\u0307", "")
        elif name == "entity_swap":
            assert after == before or after in {value.text for value in TAUGHT.values[now.type]}
        else:
            assert after == before
        assert now.type == old.type


@given(saids(), st.lists(st.tuples(st.integers(0, 40), st.integers(0, 3), st.text(max_size=3)), max_size=4))
def test_changes_around_spans_move_them_exactly(said: Said, wanted: list[tuple[int, int, str]]) -> None:
    """Also where a change stands right before or behind a span."""
    changes: list[Change] = []
    for start, length, by in wanted:
        end = min(start + length, len(said.text))
        apart = all(end < c.start or start > c.end for c in changes)
        inside = any(start < e.end and end > e.start for e in said.entities)
        if start <= end and apart and not inside:
            changes.append(Change(start, end, by))
    new = changed(said, changes)
    assert [new.text[e.start : e.end] for e in new.entities] == [said.text[e.start : e.end] for e in said.entities]


def applied(name: str, text: str, language: str | None = "en", entities: tuple[Entity, ...] = ()) -> set[str]:
    """All that some draws make of a text."""
    said = Said(text, entities, language)
    made = (OPERATORS[name](said, TAUGHT, Draw(seed)) for seed in range(80))
    return {new.text for new in made if new is not None}


@pytest.mark.parametrize(
    ("name", "text", "language", "expected"),
    [
        ("contractions", "I do not know", "en", {"I don't know"}),
        ("contractions", "I don’t know", "en", {"I do not know", "I dont know"}),
        ("contractions", "it's been lost", "en", set()),
        ("contractions", "wie geht's", "de", {"wie geht es", "wie gehts"}),
        ("contractions", "I do not know", None, set()),
        ("contractions", "non lo so", "it", set()),
        ("synonyms", "My Parcel", "en", {"My Package"}),
        ("synonyms", "我要退快递", "zh", {"我要退包裹"}),
        ("synonyms", "my bivvy", None, {"my bivouac bag"}),
        ("synonyms", "my parcel", "xx", set()),
        ("punctuation_dropped", "Hello, you?", "en", {"Hello, you", "Hello you?", "Hello you"}),
        ("punctuation_dropped", "?!", "en", set()),
        ("punctuation_added", "谢谢", "zh", {"谢谢。", "谢谢！", "谢谢……"}),
        ("punctuation_added", "mail a@b.example", "en", {f"mail a@b.example{s}" for s in (".", "!", "!!", "...")}),
        ("punctuation_added", "done.", "en", set()),
        ("casing", "Straße", "de", {"straße", "STRASSE"}),
        ("casing", "谢谢 123", "zh", set()),
        ("typing_errors", "我的订单在哪里呢", "zh", set()),
        ("typing_errors", "कहाँ है मेरा", "hi", set()),
        ("typing_errors", "not never 12345 a@b.example [order 1] two", "en", set()),
        ("template_fill", "to {City}", "en", {"to Paris", "to München", "to 北京"}),
        ("template_fill", "to {city} by {train}", "en", set()),
    ],
)
def test_examples(name: str, text: str, language: str | None, expected: set[str]) -> None:
    assert applied(name, text, language) == expected


def test_a_slip_changes_a_letter_or_two_and_never_the_first() -> None:
    made = applied("typing_errors", "cancel")
    assert len(made) > 10
    for text in made:
        assert text[0] == "c"
        assert abs(len(text) - 6) <= 1
    assert applied("typing_errors", "посылка", "ru")


def test_a_slip_makes_no_word_that_customers_use() -> None:
    known = Known.of([Said("cancel cance ancel")])
    made = {new.text for seed in range(80) if (new := OPERATORS["typing_errors"](Said("cancel"), known, Draw(seed)))}
    assert made
    assert "cance" not in made


def test_fingers_slip_by_their_keyboard() -> None:
    assert "z" in beside("a", "fr")
    assert "z" not in beside("g", "en")
    assert "z" in beside("t", "de")
    assert beside("Q", "en") == "AW"
    assert set(beside("ф", "ru")) == set("йцыя")
    assert beside("的", "zh") == beside("é", "en") == beside("1", "en") == ""


def test_a_swapped_value_brings_its_meaning_and_stays_of_its_type() -> None:
    said = Said("from Paris to 2", (Entity(5, 10, "city", "FR-75"), Entity(14, 15, "city")))
    found = {OPERATORS["entity_swap"](said, TAUGHT, Draw(seed)) for seed in range(40)}
    assert found == {
        Said("from München to 2", (Entity(5, 12, "city", "DE-M"), Entity(16, 17, "city"))),
        Said("from 北京 to 2", (Entity(5, 7, "city"), Entity(11, 12, "city"))),
    }


def test_a_filled_template_is_marked() -> None:
    found = {OPERATORS["template_fill"](Said("to {city}!"), TAUGHT, Draw(seed)) for seed in range(40)}
    assert Said("to Paris!", (Entity(3, 8, "city", "FR-75"),)) in found


def test_values_that_hold_a_number_are_none_to_exchange() -> None:
    assert [value.text for value in TAUGHT.values["city"]] == ["München", "Paris", "北京"]
    assert [value.rows for value in TAUGHT.values["city"]] == [{1}, {0}, {2}]


def test_a_letter_is_left_alone() -> None:
    assert all(operator(Said("where " * LONGEST), TAUGHT, Draw(0)) is None for operator in OPERATORS.values())


def test_the_tables_hold_what_they_promise() -> None:
    """No group of one, no word in two groups, nothing in them that must be kept, forms that say no alike."""
    for language in TABLE:
        groups = table(language)
        words = [word for group in groups for word in group]
        assert all(len(group) > 1 for group in groups), language
        assert len(words) == len(set(words)), language
        assert all(essence(word) == essence("") for word in words), language
        assert all(unicodedata.normalize("NFC", word) == word for word in words), language
    for pairs in PAIRS.values():
        for short, long in pairs.items():
            assert essence(short)[2] == essence(long)[2], short
            assert len(exact_places(short)) == len(exact_places(long)) == 0
    forms = {short.replace("'", "") for pairs in PAIRS.values() for short in pairs}
    assert forms >= BARE


def test_draws_follow_from_what_they_are_given_alone() -> None:
    """These figures stay: on them rests that the same data gives the same model on every machine."""
    draw = Draw(0, "where is my parcel", "order_status")
    assert [draw.below(1000) for _ in range(4)] == [573, 42, 633, 379]
    assert sorted(Draw(1).mixed(range(9))) == list(range(9))
