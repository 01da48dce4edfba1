"""From tokens to text: whatever the cuts, no half characters, nothing of a stop string, nothing lost."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from export.text_stream import BROKEN, TextStream
from tests.tiny_llama import UNKNOWN, write_tokenizer

BYTES = st.binary(max_size=40)
TEXTS = st.text(alphabet="ab €é😀\n", max_size=24)
STOPS = st.lists(st.text(alphabet="ab €\n", min_size=1, max_size=4), max_size=3)


def bytewise(ids: Sequence[int]) -> str:
    """Every id is a byte: the smallest tokens there are, and so the most half characters."""
    return bytes(ids).decode("utf-8", errors="replace")


def streamed(ids: Sequence[int], stops: Sequence[str] = ()) -> tuple[list[str], bool]:
    stream = TextStream(bytewise, stops)
    pieces = [stream.push(one) for one in ids]
    return [*pieces, stream.finish()], stream.stopped


def cut(text: str, stops: Sequence[str]) -> tuple[str, bool]:
    """The text before the stop string that is complete first; of those, before the one that begins first."""
    for end in range(1, len(text) + 1):
        starts = [end - len(stop) for stop in stops if text[:end].endswith(stop)]
        if starts:
            return text[: min(starts)], True
    return text, False


@given(BYTES)
def test_no_half_character_is_ever_told(ids: bytes):
    pieces, _ = streamed(list(ids))
    assert BROKEN not in "".join(pieces)
    assert "".join(pieces) == ids.decode("utf-8", errors="ignore")


@given(TEXTS)
def test_a_character_is_told_with_its_last_byte(text: str):
    pieces, _ = streamed(list(text.encode()))
    assert pieces[-1] == ""
    assert [piece for piece in pieces if piece] == list(text)


@given(TEXTS, STOPS)
def test_the_text_ends_before_the_first_whole_stop_string(text: str, stops: list[str]):
    pieces, stopped = streamed(list(text.encode()), stops)
    assert ("".join(pieces), stopped) == cut(text, stops)


@given(TEXTS, STOPS, st.data())
def test_the_cuts_between_tokens_do_not_matter(text: str, stops: list[str], data: st.DataObject):
    """Pieces of any length as tokens: the same text as byte by byte."""
    pieces, rest = [], text
    while rest:
        size = data.draw(st.integers(1, len(rest)))
        pieces.append(rest[:size])
        rest = rest[size:]
    stream = TextStream(lambda ids: "".join(pieces[one] for one in ids), stops)
    told = [stream.push(one) for one in range(len(pieces))]
    assert ("".join([*told, stream.finish()]), stream.stopped) == cut(text, stops)


def test_what_may_begin_a_stop_string_is_held_back_until_it_does_not():
    stream = TextStream(bytewise, ["\n\nUser:"])
    told = [stream.push(one) for one in b"Hi\n\nUs no"]
    assert told == ["H", "i", "", "", "", "", "\n\nUs ", "n", "o"]
    assert [stream.push(one) for one in b".\n"] == [".", ""]
    assert stream.finish() == "\n"


def test_after_a_stop_string_comes_nothing():
    stream = TextStream(bytewise, ["END"])
    assert "".join(stream.push(one) for one in b"so END more") == "so "
    assert stream.stopped
    assert stream.finish() == ""


def test_a_space_at_the_beginning_of_a_token_stays(tmp_path):
    """Decoders that drop the first space of a text would drop that of every piece decoded alone."""
    words = ["\u2581how", "\u2581are", "\u2581you"]
    stream = TextStream(lambda ids: "".join(words[one] for one in ids).replace("\u2581", " ").removeprefix(" "))
    assert [stream.push(one) for one in (0, 1, 2)] == ["how", " are", " you"]


def test_with_a_real_tokenizer_of_bytes(tmp_path):
    write_tokenizer(tmp_path / "tokenizer.json", ["hello"])
    tokenizer = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    ids = [260, *(4 + byte for byte in " €😀".encode()), UNKNOWN, 4 + 0xE2, 4 + 0x82]
    stream = TextStream(tokenizer.decode)
    told = [stream.push(one) for one in ids]
    assert [piece for piece in told if piece] == ["hello", " ", "€", "😀"]
    assert stream.finish() == ""


def test_an_empty_stop_string_is_refused():
    with pytest.raises(ValueError, match="empty"):
        TextStream(bytewise, ["", "x"])
