"""Languages of turns, short ones by their conversation."""

import pytest

from data.language import detect, languages_of, letters, likeliest, surely


def test_tells_long_turns_apart():
    turns = [
        "Where is my parcel? It should have been here on Tuesday.",
        "Wo bleibt mein Paket? Es sollte am Dienstag da sein.",
    ]
    assert languages_of(turns) == ("en", "de")


def test_short_turns_take_the_language_of_their_conversation():
    turns = ["I would like to know where my parcel is, please", "ok thx", "[email 1]", "12"]
    assert languages_of(turns) == ("en", "en", None, None)


def test_a_declared_language_is_believed_for_short_turns():
    assert languages_of(["hallo"], "nl") == ("nl",)
    assert languages_of([]) == ()


def test_what_tells_nothing_is_nothing():
    assert detect("[email 1] 123 !!") == (None, 0.0)
    assert letters("[email 1] ab") == 2
    assert letters("退货é1") == 7


def test_a_conversation_nobody_can_place_leaves_its_turns_unknown():
    assert languages_of(["qz", "zz"]) == (None, None)


@pytest.mark.parametrize(
    ("text", "among", "told"),
    [
        ("jeg vil gerne have en ny aftale", {"da", "en"}, "da"),
        ("where can I pick up my parcel", {"da", "en"}, "en"),
        ("我的包裹在哪里", {"zh", "en"}, "zh"),
        ("jeg vil gerne have en ny aftale", {"ja", "zh"}, None),
        ("ok", {"da", "en"}, None),
        ("[email 1] 12", {"da", "en"}, None),
        ("where can I pick up my parcel", set(), None),
    ],
)
def test_among_the_languages_of_a_bot_the_likeliest_is_told(text, among, told):
    assert likeliest(text, among) == told


@pytest.mark.parametrize(
    ("text", "among", "told"),
    [
        ("Wo ist mein Paket?", {"de", "en"}, "de"),
        ("We sent it on Monday.", {"de", "en"}, "en"),
        ("我的包裹在哪里", {"zh", "en"}, "zh"),
        ("ok danke", {"de", "en"}, None),  # too little
        ("wash waterproofing jacket", {"de", "en"}, None),  # not sure
        ("hvor er min pakke", {"da", "no"}, None),  # as good as the other
        ("hvor er min pakke", {"da", "en"}, "da"),
        ("Wo ist mein Paket?", {"fr", "en"}, None),  # none of them
        ("[email 1] [order 1] 4711", {"de", "en"}, None),
        ("We sent it on Monday.", set(), None),
    ],
)
def test_only_what_is_beyond_doubt_is_sure(text, among, told):
    assert surely(text, among) == told
