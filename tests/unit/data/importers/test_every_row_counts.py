"""The promise: rows_in == rows_used + sum(set_aside), for any bytes at all."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.errors import ImportRefused
from data.settings import ImportSettings

SETTINGS = ImportSettings(max_turns=4, max_cell_chars=60, max_line_bytes=500, max_columns=8)
PIECES = st.sampled_from(
    [b'"', b'""', b",", b"\n", b"\r", b"\t", b"user", b"agent", b"c1", b"c2", b"hello", b"a@b.co", b" ", b"\xff",
     b"\x00", "ö".encode(), "我".encode("gb18030"), b"greeting", b"\n\n", b",,", b"x" * 70, b"c1,user,hello\n",
     b'c2,agent,"fine"\n']
)  # fmt: skip
TABLES = st.tuples(
    st.sampled_from([b"conversation,role,text\n", b"text,label\n", b"text\n", b"text\tlabel\n", b""]),
    st.lists(PIECES, max_size=40).map(b"".join),
).map(b"".join)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=70),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["role", "content", "text", "id"]), inner)
    ),
    max_leaves=6,
)
ROLES = st.sampled_from(["user", "assistant", "tool", ""]) | VALUES
MESSAGES = st.fixed_dictionaries(
    {"role": ROLES, "content": st.text(max_size=70) | VALUES}, optional={"intent": VALUES, "entities": VALUES}
)
BODIES = (
    st.fixed_dictionaries(
        {"messages": st.lists(MESSAGES | VALUES, max_size=6) | VALUES}, optional={"id": VALUES, "tags": VALUES}
    )
    | st.fixed_dictionaries({"text": VALUES}, optional={"label": VALUES, "labels": VALUES, "spans": VALUES})
    | st.fixed_dictionaries({"tokens": VALUES, "tags": VALUES})
    | VALUES
)
LINES = BODIES.map(lambda body: json.dumps(body).encode()) | st.binary(max_size=30)
LOGS = st.lists(LINES, max_size=6).map(b"\n".join)


@pytest.fixture(scope="module")
def path(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("any") / "upload"


def account_for(look_at, path: Path, content: bytes, **options):
    try:
        looked = look_at(path, content, settings=SETTINGS, **options)
    except ImportRefused as refused:
        problem = refused.to_wire()
    else:
        problem = None
    if problem is not None:
        assert problem["remedy"]
        assert problem["ids"]["reason"]
        return
    report = looked.report
    assert report.rows_in == report.rows_used + sum(report.set_aside.values())
    assert report.rows_used == sum(one.rows for one in looked.conversations)
    assert set(report.set_aside) <= looked.codes


ANY = settings(max_examples=150, deadline=None)


@ANY
@given(st.binary(max_size=300))
def test_any_bytes(looker, path, content):
    account_for(looker, path, content)


@ANY
@given(TABLES)
def test_any_table(looker, path, content):
    account_for(looker, path, content, format="csv")
    account_for(looker, path, content)


@ANY
@given(LOGS)
def test_any_log(looker, path, content):
    account_for(looker, path, content, format="jsonl")
    account_for(looker, path, content)
