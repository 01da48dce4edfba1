import hashlib
import math
import re
import string

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from data.tokens import ALPHABET, KINDS, LONGEST, SECRET_CHARS, Token, mint, new_id, parse

KIND = st.sampled_from(KINDS)
ID = st.text(ALPHABET, min_size=1, max_size=64)


@given(kind=KIND, id_=ID)
def test_what_is_minted_is_read_back(kind: str, id_: str) -> None:
    token = mint(kind, id_)
    assert parse(str(token)) == token
    assert (token.kind, token.id) == (kind, id_)
    assert str(token).startswith(f"att_{kind}_{id_}_")
    assert len(str(token)) <= LONGEST
    assert token.digest == hashlib.sha256(str(token).encode()).hexdigest()


@given(text=st.text(max_size=220))
def test_any_text_is_read_without_a_word(text: str) -> None:
    parse(text)


@given(text=st.text(st.sampled_from("att_keyvispub0aZ\x00\n ٣é"), max_size=220))
def test_what_looks_like_a_token_is_none_unless_its_checksum_agrees(text: str) -> None:
    token = parse(text)
    assert token is None or str(token) == text


@given(data=st.data(), place=st.integers(0, 10_000))
def test_one_wrong_character_is_noticed(data: st.DataObject, place: int) -> None:
    text = str(mint("key", new_id()))
    place %= len(text)
    other = data.draw(st.sampled_from(ALPHABET + "_-\n"))
    assume(text[place] != other)
    assert parse(text[:place] + other + text[place + 1 :]) is None


@given(cut=st.integers(1, 60), more=st.text(ALPHABET, min_size=1, max_size=40))
def test_neither_more_nor_less_is_taken(cut: int, more: str) -> None:
    text = str(mint("key", "abc"))
    assert parse(text[:-cut]) is None
    assert parse(text + more) is None
    assert parse(f" {text}") is parse(f"{text}\n") is None


def test_a_token_of_another_kind_is_none() -> None:
    text = str(mint("key", "abc"))
    for other in ("att_adm_", "cbs_key_", "att__", "ATT_KEY_"):
        assert parse(text.replace("att_key_", other)) is None


@pytest.mark.parametrize(("kind", "id_"), [("adm", "abc"), ("", "abc"), ("key", ""), ("key", "a_b"), ("key", "a" * 65)])
def test_what_cannot_stand_in_a_token_is_not_minted(kind: str, id_: str) -> None:
    with pytest.raises(ValueError, match="letters and digits"):
        mint(kind, id_)


def test_a_secret_is_long_random_and_never_shown() -> None:
    assert SECRET_CHARS * math.log2(len(ALPHABET)) >= 178
    made = [mint("key", "abc") for _ in range(200)]
    assert len({token.secret for token in made}) == len({new_id() for _ in range(200)}) == 200
    assert set("".join(token.secret for token in made)) == set(string.ascii_letters + string.digits)
    assert made[0].secret not in repr(made[0])
    assert re.fullmatch(r"[0-9A-Za-z]+", new_id())


def test_the_checksum_says_what_it_always_said() -> None:
    """Keys that are out there must stay keys."""
    assert str(Token("key", "abc", "0" * 32)) == f"att_key_abc_{'0' * 32}3rG4op"


def test_long_nonsense_is_refused_at_once() -> None:
    for text in ("a" * 10**7, "att_key_" + "_" * 10**7, "att_key_" + "a" * 189, "att_key_a_" + "a" * 190):
        assert parse(text) is None
