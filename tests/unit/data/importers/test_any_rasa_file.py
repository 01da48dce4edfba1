"""Whatever becomes of a Rasa or ChatterBot file on its way, it ends in items or a refusal, its rows accounted for."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.errors import ImportRefused
from data.importers import chatterbot, rasa
from tests.unit.data.importers.archives import zipped
from tests.unit.data.importers.rasa_files import FILES, PROJECT

NOISE = [
    *(bytes([one]) for one in b'{}[]":,-|>&*?!%@`\n\t\\\xff\x00'),
    *(
        b"null",
        b"1e999",
        b"&a ",
        b"*a",
        b"<<: ",
        b"!!int ",
        b"---\n",
        b"- ",
        b"  ",
        b"# ",
        b"## ",
        b"* ",
        b"[a](b)",
        b"{a}",
    ),
    *(
        b"/greet",
        b"utter_",
        b"user:",
        b"intent: ",
        b"- or:\n",
        b"rewind",
        b"restart",
        "\U0001f302".encode(),
        b'"\\ud800"',
    ),
]
ANY = settings(max_examples=120, deadline=None)
CHANGES = st.tuples(st.integers(0, 2**32), st.integers(1, 6))


@pytest.fixture(scope="module")
def path(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("rasa") / "upload"


def account_for(looker, path, content, **options):
    problem = None
    try:
        looked = looker(path, content, **options)
    except ImportRefused as refused:
        problem = refused
    if problem is not None:
        assert problem.to_wire()["remedy"]
        assert problem.ids["reason"]
        return
    report = looked.report
    assert report.rows_in == report.rows_used + sum(report.set_aside.values())
    assert report.rows_used == sum(one.rows for one in looked.conversations)


def changed(content: bytes, seed: int, count: int) -> bytes:
    chance = random.Random(seed)
    body = bytearray(content)
    for _ in range(count):
        place, length = chance.randrange(len(body) + 1), chance.choice([0, 0, 1, 2, 9, 60])
        body[place : place + length] = chance.choice(NOISE) if chance.random() < 0.8 else b""
    return bytes(body[: chance.randrange(len(body) + 1)] if chance.random() < 0.2 else body)


def test_there_is_a_file_of_each_kind():
    assert set(FILES) == {one.name for one in (*rasa.KINDS, *chatterbot.KINDS)}


@pytest.mark.parametrize("kind", list(FILES))
def test_each_kind_is_told_by_its_content(looker, path, kind):
    for content in FILES[kind]:
        assert looker(path, content).report.format == kind


@pytest.mark.parametrize("kind", list(FILES))
@ANY
@given(CHANGES)
def test_any_change_of_a_file(looker, path, kind, change):
    plain = [one for one in FILES[kind] if one[:2] != b"PK"]
    content = changed(plain[change[0] % len(plain)], *change)
    account_for(looker, path, content)
    account_for(looker, path, content, format=kind)


@ANY
@given(CHANGES)
def test_any_change_of_a_project(looker, path, change):
    names = list(PROJECT)
    name = names[change[0] % len(names)]
    account_for(looker, path, zipped({**PROJECT, name: changed(PROJECT[name].encode(), *change)}))


@pytest.mark.parametrize("kind", list(FILES))
def test_a_file_of_one_kind_read_as_another(looker, path, kind):
    for others in FILES.values():
        for content in others:
            account_for(looker, path, content, format=kind)


@pytest.mark.parametrize("kind", list(FILES))
def test_files_that_were_cut_short(looker, path, kind):
    for content in FILES[kind]:
        if content[:2] != b"PK":
            for end in range(1, len(content), 97):
                account_for(looker, path, content[:end])
