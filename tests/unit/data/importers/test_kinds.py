"""Which kind a file is of: the best, unless nothing fits or two fit as well."""

from __future__ import annotations

import pytest

from data.errors import ImportRefused
from data.importers.container import Member
from data.importers.kind import Kind, Sample, share
from data.importers.kinds import KINDS, choose, fitting
from data.importers.nouns import FORMATS, LINE_FORMATS


def sample(name: str, content: bytes) -> Sample:
    return Sample(Member(name, len(content), lambda: (piece for piece in [content])))


def kind(name: str, word: str = "", score: float = 0.9, folder: float = 0.0) -> Kind:
    return Kind(
        name, name.upper(), lambda source, options: iter(()),
        sniff=lambda one: score if word and word in one.text else 0.0, sniff_folder=lambda all_of_them: folder,
    )  # fmt: skip


def test_names_of_formats_are_the_names_of_kinds():
    assert (*LINE_FORMATS, *(one.name for one in KINDS)) == FORMATS
    assert len(set(FORMATS)) == len(FORMATS)


def test_the_best_kind_wins():
    choice = choose([sample("a", b"red and blue")], [kind("red", "red", 0.7), kind("blue", "blue", 0.8)])
    assert (choice.kind.name, choice.confidence, choice.members) == ("blue", 0.8, ("a",))
    assert choose([sample("a", b"green")], [kind("red", "red")]) is None
    assert choose([sample("a", b"red")], [kind("red", "red", 0.49)]) is None


def test_a_tie_is_refused_in_words():
    with pytest.raises(ImportRefused, match=r"RED \(red\) and BLUE \(blue\)|BLUE \(blue\) and RED") as caught:
        choose([sample("a", b"red and blue")], [kind("red", "red"), kind("blue", "blue")])
    assert caught.value.ids["reason"] == "format_ambiguous"


def test_folders():
    files = [sample("a", b"red"), sample("b", b"red"), sample("c", b"else"), sample("d", b"\0red")]
    choice = choose(files, [kind("red", "red", 0.8)])
    assert choice.members == ("a", "b")
    assert choose(files, [kind("red", "red"), kind("all", folder=0.6)]).kind.name == "all"
    with pytest.raises(ImportRefused) as caught:
        choose([*files, sample("e", b"blue")], [kind("red", "red"), kind("blue", "blue")])
    assert caught.value.ids["reason"] == "mixed_kinds"


def test_a_kind_that_is_named_takes_what_looks_like_it():
    files = [sample("a", b"red"), sample("b", b"else")]
    assert fitting(kind("red", "red"), files).members == ("a",)
    assert fitting(kind("blue", "blue"), files).members == ("a", "b")
    assert fitting(kind("all", folder=0.9), files).confidence == 0.9


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"\xef\xbb\xbfhello", "hello"),
        ("schön".encode("utf-16"), "schön"),
        ("schön und gut".encode("utf-16-le"), "schön und gut"),
        ("Привет, где мой заказ".encode("cp1251"), "Привет, где мой заказ"),
        ("é".encode() * 40_000, "é" * 40_000),
        (b"\x89PNG\0\0\0\0\xff", ""),
    ],
)
def test_beginnings_are_decoded(content, text):
    assert sample("a", content).text == text


def test_samples_forget():
    one = sample("a", b'{"a": {"b": 1}}\n\nx')
    assert one.has("a", "a.b")
    assert one.lines == ('{"a": {"b": 1}}', "x")
    one.forget()
    assert one.head.startswith(b"{")
    assert share(one.lines, lambda line: "{" in line) == 0.5
    assert share([], bool) == 0.0
