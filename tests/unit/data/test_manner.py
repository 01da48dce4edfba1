"""Traits of one reply, in eight languages; what a reply cannot show is not told."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.manner import manner


@pytest.mark.parametrize(
    ("language", "text", "informal"),
    [
        ("de", "Hast du das Paket, oder soll ich dir eins senden?", True),
        ("de", "Können Sie mir Ihre Nummer geben?", False),
        ("de", "Guten Tag, Sie bekommen es morgen.", False),
        ("de", "Sie ist da. Die Ware kommt.", None),
        ("fr", "Tu peux nous appeler.", True),
        ("fr", "Vous pouvez appeler votre agence.", False),
        ("es", "¿Puedes darme tu número?", True),
        ("es", "¿Podría usted llamar?", False),
        ("it", "Ti mando il tuo pacco.", True),
        ("it", "Se vuole, La chiamo domani.", False),
        ("nl", "Je pakket is onderweg.", True),
        ("nl", "Uw pakket is onderweg.", False),
        ("pt", "Você recebe amanhã.", True),
        ("pt", "O senhor recebe amanhã.", False),
        ("zh", "请稍等，你的包裹到了", True),
        ("zh", "请稍等，您的包裹到了", False),
        ("en", "You get it tomorrow.", None),
        (None, "Hast du es?", None),
    ],
)
def test_forms_of_address(language: str | None, text: str, informal: bool | None) -> None:
    assert manner(text, language).traits.get("informal") is informal


@pytest.mark.parametrize(
    ("text", "contracts"),
    [
        ("We're sure it’s there, don't worry.", True),
        ("We are sure it is there, do not worry.", False),
        ("The parcel left.", None),
        ("Dana's parcel left.", None),
        ("We cannot say.", False),
    ],
)
def test_contractions_are_those_of_english(text: str, contracts: bool | None) -> None:
    assert manner(text, "en").traits.get("contracts") is contracts
    assert "contracts" not in manner(text, "nl").traits
    assert "contracts" not in manner(text).traits


@pytest.mark.parametrize(
    ("language", "text"),
    [("en", "Please wait."), ("de", "Vielen Dank!"), ("fr", "S’il vous plaît, attendez."), ("es", "Gracias."),
     ("it", "Prego."), ("nl", "Graag gedaan."), ("pt", "Obrigada."), ("zh", "谢谢")],
)  # fmt: skip
def test_courtesies(language: str, text: str) -> None:
    assert manner(text, language).traits["courteous"]
    assert not manner("1 2 3", language).traits["courteous"]


def test_length_case_and_loudness() -> None:
    said = manner("ok, on it! 🎉 Done.", "en")
    assert (said.words, said.sentences) == (5, 2)
    assert said.traits["emoji"]
    assert said.traits["exclaims"]
    assert said.traits["lower_case"]
    assert manner("YOUR ORDER HAS LEFT").traits["shouts"]
    assert not manner("Your order has left").traits["shouts"]
    assert "shouts" not in manner("OK").traits
    assert "lower_case" not in manner("您好！").traits
    assert manner("您好！").traits["exclaims"]


def test_placeholders_say_nothing() -> None:
    assert not manner("[person 1] PAID", None).traits.get("shouts", False)
    assert manner("[person 1], your parcel left").traits["lower_case"]


@given(st.text(max_size=60), st.sampled_from(["de", "en", "es", "fr", "it", "nl", "pt", "zh", "xx", None]))
def test_any_text_has_a_manner(text: str, language: str | None) -> None:
    said = manner(text, language)
    assert said.words >= 0
    assert said.sentences <= said.words
    assert all(isinstance(value, bool) for value in said.traits.values())
