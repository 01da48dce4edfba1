"""Which kind a file is of: the best, unless nothing fits or two fit as well."""

from __future__ import annotations

import pytest

from data.errors import ImportRefused
from data.importers.container import Member
from data.importers.encoding import Encoding
from data.importers.kind import Kind, Sample, Source, share
from data.importers.kinds import KINDS, choose, fitting
from data.importers.nouns import FORMATS, LINE_FORMATS, Detection, Reason
from data.settings import ImportSettings


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


def source(content: bytes, tmp_path, packing: str = "plain", **limits) -> tuple[Source, Member]:
    member = sample("a", content).member
    written = {"a": Encoding("cp1252", 0.8)} if packing == "zip" else {}
    found = Detection("x", 1.0, "utf-8", encodings=written)
    return Source(tmp_path, packing, (member,), found, ImportSettings(**limits)), member


def test_a_source_decodes_its_files(tmp_path):
    upload, member = source("grün\nrot".encode(), tmp_path)
    assert [line.text for line in upload.lines(member)] == ["grün", "rot"]
    assert upload.text(member) == "grün\nrot"
    upload, member = source("grün".encode("cp1252"), tmp_path, "zip")
    assert upload.text(member) == "grün"
    upload, member = source(b'{"a": [1, 2]}', tmp_path)
    assert list(upload.values(member, ("a.item",))) == [("a.item", 1), ("a.item", 2)]
    assert upload.json(member) == {"a": [1, 2]}


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b'{"a": 1', Reason.MALFORMED_JSON), (b"", Reason.MALFORMED_JSON), (b"[" * 99, Reason.TOO_DEEP),
     (b'{"a": "' + b"x" * 99 + b'"}', Reason.DOCUMENT_TOO_LARGE)],
)  # fmt: skip
def test_a_document_that_cannot_be_read_as_a_whole(tmp_path, content, reason):
    upload, member = source(content, tmp_path, max_document_bytes=99)
    assert upload.json(member) is reason
