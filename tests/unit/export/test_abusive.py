"""What is abuse is found however it is written; words that hold such a word, or are plain elsewhere, are not."""

from __future__ import annotations

from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from export.abusive import LIST, abusive, phrases
from export.banned import fold

INNOCENT = [
    "Scunthorpe, Penistone, Clitheroe, Lightwater and Essex: we deliver to all of them.",
    "The assessment class will assist you with the bass cocktail and the analysis of shiitake.",
    "Our Arsenal basement passes titration; Mr Dick Bastardi and Dr Wankerl rode the cockpit.",
    "The retardant slows the fire down; a moronic acid is harmless; bitchumen is not a word.",
    "Ein dicker Hintern, das Dickicht, die Scheibe, der Negerkuss heißt jetzt Schokokuss; hoer mal, 30 Fickelscher.",
    "El negro es un color, el cono va aquí, la zorra es un animal, la computadora y la disputa.",
    "Le retard de livraison; la reputation du député; les salopettes; concours, connaître, député",
    "La Troia antica, cazzuola e merenda, il cazzotto",
    "De eikel valt van de boom, kutikula, hoera, rottige opmerking",
    "O puto pediu um pinto e uma porrada de bananas; o viaduto fica perto",
    "妈妈的生日你妈妈来吗？他妈妈的手机，体操你喜欢吗？请给我滚动到页面底部，鸡肉滚蛋液。",
    "我去你妈妈的公司。智障人士可以享受优惠。滚动条 王八 狗粮",
]


@pytest.mark.parametrize("text", INNOCENT)
def test_innocent_words_are_innocent(text: str) -> None:
    assert abusive(text) == ()


@pytest.mark.parametrize("phrase", sorted(phrases()))
def test_every_word_of_the_list_is_found_within_a_sentence(phrase: str) -> None:
    for written in (phrase, phrase.upper(), phrase.replace(" ", " \n ")):
        assert phrase in abusive(f"Well, {written}! said he.")


@pytest.mark.parametrize(
    "text", ["ＦＵＣＫ this", "you fu\u200bck", "SCHEISSE noch mal", "Va te faire  foutre", "这个傻逼客服"]
)
def test_other_ways_to_write_it(text: str) -> None:
    assert len(abusive(text)) == 1


def test_several_are_told_in_the_order_of_the_list() -> None:
    assert abusive("shit, you idiot, shit") == ("idiot", "shit")
    assert abusive("") == ()


def test_the_list_is_short_sorted_and_without_twins() -> None:
    lines = (files("export") / LIST).read_text(encoding="utf-8").splitlines()
    assert lines == sorted(set(lines))
    assert {line.partition("\t")[0] for line in lines} == {"de", "en", "es", "fr", "it", "nl", "pt", "zh"}
    assert len(lines) < 200
    assert all(fold(phrase) for phrase in phrases())
    assert phrases()["merda"] == ("it", "pt")


@given(st.text(max_size=60))
def test_any_text_can_be_asked(text: str) -> None:
    assert set(abusive(text)) <= set(phrases())
