"""Whatever becomes of a bot's file on its way, it ends in items or a refusal, and its rows are accounted for."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.errors import ImportRefused
from data.importers import markup
from data.importers.bot_platforms import KINDS
from tests.unit.data.importers.bot_files import FILES

NOISE = [
    *(bytes([one]) for one in b'{}[]":,\n\\\xff\x00'),
    *(b"null", b"true", b"-1", b"1e999", b"99999999999", b"# ", b"- ", b"```", b"{a}", b"{a=b}", b"[]", b"{}"),
    *("\U0001f4a1".encode(), b'"\\ud800"'),
]


@pytest.fixture(scope="module")
def path(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("bots") / "upload"


def account_for(looker, path, content, **options):
    problem = None
    try:
        report = looker(path, content, **options).report
    except ImportRefused as refused:
        problem = refused
    if problem is not None:
        assert problem.to_wire()["remedy"]
        assert problem.ids["reason"]
        return
    assert report.rows_in == report.rows_used + sum(report.set_aside.values())


def test_there_is_a_file_of_each_kind():
    assert set(FILES) == {one.name for one in KINDS}


@pytest.mark.parametrize("kind", list(FILES))
def test_each_kind_is_told_by_its_content(looker, path, kind):
    assert looker(path, FILES[kind][0]).report.format == kind


@pytest.mark.parametrize("kind", list(FILES))
@settings(max_examples=80, deadline=None)
@given(seed=st.integers(0, 2**32), count=st.integers(1, 6))
def test_any_change_of_a_file(looker, path, kind, seed, count):
    chance = random.Random(seed)
    content = bytearray(chance.choice([one for one in FILES[kind] if one[:2] != b"PK"] or FILES[kind]))
    for _ in range(count):
        place, length = chance.randrange(len(content) + 1), chance.choice([0, 0, 1, 2, 9, 60])
        content[place : place + length] = chance.choice(NOISE) if chance.random() < 0.8 else b""
    if chance.random() < 0.2:
        content = content[: chance.randrange(len(content) + 1)]
    account_for(looker, path, bytes(content))
    account_for(looker, path, bytes(content), format=kind)


@pytest.mark.parametrize("kind", list(FILES))
def test_a_file_of_one_kind_read_as_another(looker, path, kind):
    for others in FILES.values():
        for content in others:
            account_for(looker, path, content, format=kind)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            ["<p>", "</p>", "<li>", "<script>", "</script>", "<", ">", "<!--", "-->", "a", " ", "\n", "&amp;"]
        )
    )
)
def test_any_markup(pieces):
    assert "<p>" not in markup.readable("".join(pieces))
