"""What holds of redaction whatever is typed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.personal.found import KINDS, Text
from data.redact import PLACEHOLDER, Memory, Redactor
from data.schema import Entity
from data.settings import ImportSettings
from tests.personal import hard_lines, the_set

REDACTOR = Redactor(ImportSettings())
PERSONAL = (
    "jo.bloggs@example.com", "jo punkt vogt at example punkt de", "k.lane [at] example [dot] org", "07700 900123",
    "+1 (202) 555-0123 ext. 4", "00 33 6 39 98 12 34", "4111 1111 1111 1111", "GB82 WEST 1234 5698 7654 32", "10.0.0.1",
    "fe80::1", "https://ann:pa55word@shop.example/x?token=abcDEF12", "AB 12 34 56 C", "BSN 111222333", "#123456",
    "OB-48213",
    "order no. 77-1234", "orders 88213 and 88214", "订单号3309917", "14 Castle Road", "Lindenstraße 14a",
    "calle Mayor 15, 3º B",
    "my name is Dana Whitlock", "Kind regards,\nPriya", "Dear Ms. Lopez,", "我叫王小明，",
)  # fmt: skip
LEADS = (
    "order", "number", "Tel.", "version", "serial", "n°", "is", "at", "dot", "com", "name", "Regards,", "#", "IBAN",
    "card",
    "ip",
    "Flat", "Straße", "via", "Hi", "I'm", "Mr", "and", "[email 1]", "[phone 22]", "[order", "person 3]", "号", "路",
)  # fmt: skip
SCRAPS = (
    "1",
    "12",
    "12345",
    "A",
    "Ab",
    "a",
    "İ",
    "٣",
    "１",
    ".",
    ",",
    "-",
    "+",
    "(",
    ")",
    "/",
    ":",
    "::",
    "@",
    "=",
    "\n",
    " ",
)
TEXTS = st.lists(st.sampled_from(PERSONAL + LEADS + SCRAPS) | st.just(" "), max_size=14).map("".join) | st.text(
    max_size=80
)
LINES = [line.text for line in [*the_set(), *hard_lines()]]

ONE_OF = {
    "email": st.from_regex(r"[a-z]{3,8}[0-9]{0,2}@[a-z]{3,8}\.(?:com|org|de)", fullmatch=True),
    "phone": st.integers(0, 999).map("07700 900{:03}".format),
    "ip": st.integers(1, 254).map("203.0.113.{}".format),
    "order": st.integers(10_001, 99_999).map("OB-{}".format),
    "card": st.sampled_from(["4111 1111 1111 1111", "5500-0000-0000-0004", "378282246310005"]),
    "iban": st.sampled_from(["GB82 WEST 1234 5698 7654 32", "DE89370400440532013000", "NL91ABNA0417164300"]),
    "person": st.sampled_from(["Dana Whitlock", "Priya", "Jean-Pierre Dubois", "Piet van der Berg"]),
    "address": st.sampled_from(["14 Castle Road", "9 Copperfield Ct", "Lindenstraße 14a"]),
}
SLOTS = {
    "email": "write to {} today", "phone": "call {} now", "ip": "from {} again", "order": "where is {} please",
    "card": "card {} please", "iban": "refund to {} please", "person": "my name is {}, hello",
    "address": "it went to {} yesterday",
}  # fmt: skip


def redacted(text: str) -> str:
    return REDACTOR.redact(text, Memory()).text


@given(TEXTS)
def test_once_is_enough(text: str) -> None:
    once = redacted(text)
    assert REDACTOR.find(once) == []
    assert redacted(once) == once


@given(st.sampled_from(LINES), st.sampled_from(LINES))
def test_once_is_enough_for_what_people_write(one: str, other: str) -> None:
    once = redacted(f"{one} {other}")
    assert redacted(once) == once


@given(TEXTS)
def test_nothing_is_added_but_placeholders(text: str) -> None:
    """Every stretch between placeholders stands in the original, in the same order."""
    place = 0
    for stretch in PLACEHOLDER.sub("\0", redacted(text)).split("\0"):
        place = text.find(stretch, place)
        assert place >= 0
        place += len(stretch)


@given(st.sampled_from(sorted(SLOTS)), st.data())
def test_the_output_says_nothing_of_the_value(kind: str, data: st.DataObject) -> None:
    one, other = data.draw(ONE_OF[kind]), data.draw(ONE_OF[kind])
    hidden = SLOTS[kind].format(f"[{kind} 1]")
    assert redacted(SLOTS[kind].format(one)) == redacted(SLOTS[kind].format(other)) == hidden


@given(st.sampled_from(sorted(SLOTS)), st.data())
def test_one_value_has_one_number_in_a_conversation_and_two_have_two(kind: str, data: st.DataObject) -> None:
    memory = Memory()
    values = data.draw(st.lists(ONE_OF[kind], min_size=1, max_size=4, unique=True))
    turns = data.draw(st.lists(st.sampled_from(values), min_size=1, max_size=8))
    given_out: dict[str, str] = {}
    for value in turns:
        text = REDACTOR.redact(SLOTS[kind].format(value), memory).text
        placeholder = PLACEHOLDER.search(text)
        assert placeholder is not None
        assert given_out.setdefault(value, placeholder[0]) == placeholder[0]
    assert len(set(given_out.values())) == len(given_out)


@given(st.lists(st.sampled_from(PERSONAL), min_size=1, max_size=5), st.integers(0, 5))
def test_marked_words_are_found_again(pieces: list[str], at: int) -> None:
    """An entity keeps its word, or covers the placeholder that took its word in."""
    at = min(at, len(pieces))
    words = [*pieces[:at], "rain jacket", *pieces[at:]]
    text = " ; ".join(words)
    start = text.index("rain jacket")
    result = REDACTOR.redact(text, Memory())
    (moved,) = result.move([Entity(start, start + len("rain jacket"), "product")])
    assert result.text[moved.start : moved.end] == "rain jacket"


@given(TEXTS)
def test_finds_lie_in_the_text_in_order_and_apart(text: str) -> None:
    end = 0
    for one in REDACTOR.find(text):
        assert end <= one.start < one.end <= len(text)
        assert one.kind in KINDS
        end = one.end


@given(st.text(alphabet=st.characters(), max_size=40))
def test_lower_case_has_every_character_at_its_place(text: str) -> None:
    assert len(Text.of(text).low) == len(text)


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_can_be_left_as_it_is(kind: str) -> None:
    lines = [line for line in hard_lines() if {mark.kind for mark in line.spans} == {kind}]
    keeping = Redactor(ImportSettings(keep_kinds=(kind,)))
    assert lines
    for line in lines:
        found = {one.kind for one in keeping.find(line.text)}
        assert kind not in found


@pytest.mark.parametrize("piece", ["1", ".", "@", "1.", "a@", "1@.", "1 "])
def test_a_million_hostile_characters_end_soon(piece: str) -> None:
    REDACTOR.redact((piece * 1_000_000)[:1_000_000], Memory())  # the suite's time limit is the judge


@pytest.mark.parametrize(
    "piece",
    ["4111 ", "+1 ", "a at b dot ", "//a:b@", "?token=abcd&", "DE12 ", "::1 ", "#1234 ", "#123456", "order 12345, ",
     "order ",
     "n ", "My name is A", "Regards,\n", "Am Aa 1 ", "1 Ab St ", "1 Ab St.", "路1号", "我叫王",
     "[order 1] ", "[", "12 07700 900123 "],
)  # fmt: skip
def test_what_goes_on_and_on_ends_soon_and_clean(piece: str) -> None:
    text = (piece * 100_000)[:64_000]
    assert REDACTOR.find(redacted(text)) == []
