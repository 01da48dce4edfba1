"""The promise: rows_in == rows_used + sum(set_aside), for any bytes at all."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.errors import ImportRefused
from data.importers.kinds import KINDS
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


CHAT_LINES = st.lists(
    st.sampled_from(
        [b"[31/12/23, 10:11:12] A: x\n", b"1/2/24, 10:11 PM - B: y\n", b"A: hello\n", b"B: <Media omitted>\n",
         b"---\n", b"\n", b"\xe2\x80\x8e", b"<", b">", b"\xff", b"text", b"A: ",
         b'<div class="message default" id="m">',
         b'<div class="text">', b'<div class="from_name">', b"</div>", b"<br>", b"user: hi\n", b"- ", b"  ", b"# "]
    ),
    max_size=40,
).map(b"".join)  # fmt: skip
NAMES = st.sampled_from(
    ["messages", "chats", "list", "text", "content", "type", "subtype", "ts", "thread_ts", "deleted_ts", "user",
     "bot_id",
     "from", "from_id", "id", "date", "date_unixtime", "sender_name", "timestamp_ms", "files", "attachments", "message",
     "is_unsent", "reactions", "participants", "name", "photo", "edited", "comment"]
)  # fmt: skip
LEAVES = VALUES | st.sampled_from(
    ["message", "1.5", "1709280060.000100", "2024-01-01T10:00:00", "2024-01-01", "message_deleted",
     "message_changed", "service",
     "bot_message", "tombstone", "\ud800", "<@U1> hi <http://x|y>", 1e300, -1e300, 10**18, 10**30, "A", "B"]
)  # fmt: skip
DOCUMENTS = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=6), max_leaves=20
)
MESSAGES_OF_CHATS = st.lists(st.dictionaries(NAMES, DOCUMENTS, max_size=8), max_size=5)
CHATS = CHAT_LINES | (
    st.one_of(
        DOCUMENTS,
        MESSAGES_OF_CHATS,
        MESSAGES_OF_CHATS.map(lambda messages: {"messages": messages}),
        MESSAGES_OF_CHATS.map(lambda messages: {"chats": {"list": [{"id": 1, "messages": messages}]}}),
    ).map(lambda document: json.dumps(document).encode())
)


@pytest.mark.parametrize("kind", [one.name for one in KINDS])
@settings(max_examples=60, deadline=None)
@given(content=CHATS | LOGS | st.binary(max_size=200))
def test_anything_as_any_kind(looker, path, kind, content):
    account_for(looker, path, content, format=kind)


@ANY
@given(CHATS)
def test_any_chat(looker, path, content):
    account_for(looker, path, content)
