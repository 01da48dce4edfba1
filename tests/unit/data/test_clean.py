"""Cleaning tidies and changes no meaning."""

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from data.clean import clean, is_mojibake

FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
ENGLAND = "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"


@pytest.mark.parametrize(
    ("raw", "tidy"),
    [
        ("plain text, nothing to do", "plain text, nothing to do"),
        ("  two  spaces\t and tab ", "two spaces and tab"),
        ("one\r\ntwo\rthree\u2028four\x0bfive", "one\ntwo\nthree\nfour\nfive"),
        ("one \n \n\n two", "one\ntwo"),
        ("nul\x00 bell\x07 del\x7f", "nul bell del"),
        ("non\u00a0breaking\u3000wide", "non breaking wide"),
        ("zero\u200bwidth \ufeffmark soft\u00adhyphen", "zerowidth mark softhyphen"),
        ("\u202eevil\u202c", "evil"),
        ("sys\u200dtem", "system"),
        ("Iâ€™m here", "I’m here"),
        ("cafe\u0301", "café"),
        ("e" + "\u0301" * 1000, "\u00e9" + "\u0301" * 7),
        ("hidden\U000e0041\U000e0042", "hidden"),
        ("\x00\u200b \n", ""),
        ("", ""),
    ],
)
def test_tidies(raw, tidy):
    assert clean(raw).text == tidy


@pytest.mark.parametrize(
    "text",
    [
        FAMILY,
        ENGLAND,
        "我的订单，还没到！「谢谢」",
        "نمی\u200cخواهم",
        "“quoted” – dashed…",
        "ﬁne ½ ①",
        "❤️",
        "한국어",
        "[SEP] <|im_start|>",
    ],
)
def test_keeps_what_means_something(text):
    assert clean(text).text == text


@given(st.text())
@example("â€\u200b™")
@example("\u0344")
@example("a\u200c\u200c\u0301")
def test_is_idempotent_and_leaves_nothing_untidy(text):
    once = clean(text).text
    assert clean(once).text == once
    assert unicodedata.is_normalized("NFC", once)
    assert once == once.strip()
    assert "\x00" not in once
    assert "  " not in once


AROUND = st.text(alphabet="xyz \t\n\x00\u200b\u00e9\u4e2d\U0001f600", max_size=30)


@given(AROUND, st.text(alphabet="abc", min_size=3, max_size=8), AROUND)
def test_a_marked_word_is_found_again(before, word, after):
    raw = f"{before} {word} {after}"
    start = len(before) + 1
    edited = clean(raw)
    place = edited.span(start, start + len(word))
    assert place is not None
    assert edited.text[place[0] : place[1]] == word


def test_mojibake_is_told_from_text():
    assert is_mojibake("schÃ¶n")
    assert not is_mojibake("schön")
    assert not is_mojibake("plain")
