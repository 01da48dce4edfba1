"""Words, sentences and emoji of texts in any script, with places that hold."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.wording import counted, emoji, is_unspaced, sentences, terms, words

TEXTS = st.text(max_size=80) | st.text(
    alphabet="aZé e\u0301.!?…。！\n'’-3你は\u3099สั👍🏽\u200d👩\ufe0f❤🇩🇪 ", max_size=40
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Don't stop-gap IT, ok?", ["don't", "stop-gap", "it", "ok"]),
        ("Le café d’été", ["le", "café", "d'été"]),
        ("cafe\u0301 ＡＢＣ", ["café", "abc"]),
        ("你好，iPhone 15!", ["你", "好", "iphone", "15"]),
        ("नमस्ते दुनिया", ["नमस्ते", "दुनिया"]),
        ("สวัสดี", ["ส", "วั", "ส", "ดี"]),
        ("👨‍👩‍👧‍👦 🇩🇪🇫🇷 1️⃣ 👍🏽", ["👨‍👩‍👧‍👦", "🇩🇪", "🇫🇷", "1️⃣", "👍🏽"]),
        ("... !?", []),
        ("", []),
    ],
)
def test_words_of_any_script(text: str, expected: list[str]) -> None:
    assert terms(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It costs 3.50 now. Ok? Good!", ["It costs 3.50 now.", "Ok?", "Good!"]),
        ("Z. B. das da. Und mehr", ["Z. B. das da.", "Und mehr"]),
        ("你好吗？我很好。", ["你好吗？", "我很好。"]),
        ("Kind regards,\n\nAcme", ["Kind regards,", "Acme"]),
        ('He said "no." Then left.', ['He said "no."', "Then left."]),
        ("no end", ["no end"]),
        (" ... \n", []),
    ],
)
def test_sentences(text: str, expected: list[str]) -> None:
    assert [text[start:end] for start, end in sentences(text)] == expected


def test_emoji_are_counted_as_people_see_them_and_signs_of_trade_are_none() -> None:
    assert emoji("👩🏽‍🚀 up ❤️ ™ 5 ↔️") == ["👩🏽‍🚀", "❤️", "↔️"]
    assert emoji("plain") == []


def test_scripts_without_spaces() -> None:
    assert is_unspaced("你好吗 ok")
    assert not is_unspaced("hello 你")
    assert not is_unspaced("Привет")
    assert not is_unspaced("")


@given(TEXTS)
def test_places_hold_and_agree_with_each_other(text: str) -> None:
    end = 0
    for word in words(text):
        assert end <= word.start < word.end <= len(text)
        assert counted(text[word.start : word.end]) == word.counted
        end = word.end
    end = 0
    inside = 0
    for start, stop in sentences(text):
        assert end <= start < stop <= len(text)
        assert text[start:stop] == text[start:stop].strip()
        inside += len(terms(text[start:stop]))
        end = stop
    assert inside == len(terms(text)) or "\n" in text  # nothing but a line break parts an emoji's pieces


@given(st.text(alphabet=st.characters(max_codepoint=127), max_size=60))
def test_plain_text_is_read_as_any_other(text: str) -> None:
    assert terms(text) == terms(f"{text} é")[:-1]
    assert [word.counted for word in words(text)] == terms(text)


@given(st.text(alphabet=st.characters(categories=("Lu", "Ll", "Nd"), max_codepoint=0x24F), max_size=30))
def test_case_makes_no_difference(text: str) -> None:
    plain = unicodedata.normalize("NFKC", text)
    assert terms(plain) == [counted(word) for word in terms(plain)]
    assert terms(plain.casefold()) == terms(plain)
