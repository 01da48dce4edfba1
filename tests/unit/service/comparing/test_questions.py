"""What is asked: draws that follow from the seed, one question of a conversation, and files as people write them."""

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.errors import ImportRefused, UsageError
from data.schema import Example
from data.settings import ImportSettings
from service.comparing.questions import Question, digest_of, distinct, drawn, held_out, read_questions

LIMITS = ImportSettings()


def asked(text: str) -> Question:
    return Question.of([("user", text)])


def row(conversation: int, place: int) -> Example:
    before = tuple(("user" if at % 2 == 0 else "agent", f"turn {at}") for at in range(2 * place))
    return Example(
        id=f"{conversation}:{place}", conversation=str(conversation), upload="u", split="test",
        text=f"message {place} of {conversation}", context=before,
    )  # type: ignore[arg-type]  # fmt: skip


@given(texts=st.lists(st.text(min_size=1, max_size=5), max_size=30), count=st.integers(1, 10), seed=st.integers(0, 99))
def test_a_draw_follows_from_the_seed_and_not_from_the_order(texts: list[str], count: int, seed: int) -> None:
    questions = [asked(text) for text in texts]
    found = drawn(questions, count, seed)
    shuffled = random.Random(seed).sample(questions, len(questions))
    assert drawn(shuffled, count, seed) == found
    assert len(found) == min(count, len(set(texts)))
    assert set(found) <= set(questions)
    assert drawn(questions, count + 1, seed)[:count] == found, "one more question leaves the others as they are"


def test_another_seed_draws_others() -> None:
    questions = [asked(str(number)) for number in range(200)]
    assert drawn(questions, 20, 1) != drawn(questions, 20, 2)
    assert digest_of(drawn(questions, 20, 1)) != digest_of(drawn(questions, 20, 2))


def test_a_conversation_is_asked_about_once_with_what_was_said_before() -> None:
    rows = [row(conversation, place) for conversation in range(40) for place in range(3)]
    found = list(held_out(rows, 0))
    assert len(found) == 40
    places = [len(one.turns) // 2 for one in found]
    assert set(places) == {0, 1, 2}, "not always the first message"
    assert found[0].turns[-1] == ("user", f"message {places[0]} of 0")
    assert list(held_out(rows, 0)) == found
    assert list(held_out(rows, 1)) != found


def test_an_id_follows_from_what_is_said_and_by_whom() -> None:
    assert asked("a") == asked("a")
    assert (
        Question.of([("user", "a"), ("agent", "b"), ("user", "c")]).id
        != Question.of([("user", "a"), ("assistant", "b"), ("user", "c")]).id
    )
    assert distinct([asked("a"), asked("b"), asked("a")]) == [asked("a"), asked("b")]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_a_question_a_line(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "questions.txt"
    path.write_bytes("Wo ist mein Päckchen?\r\n\r\n  Ist die Jacke für Männer?  \r\n".encode(encoding))
    assert read_questions(path, LIMITS) == [asked("Wo ist mein Päckchen?"), asked("Ist die Jacke für Männer?")]
    (tmp_path / "packed").write_bytes(gzip.compress(path.read_bytes()))
    assert read_questions(tmp_path / "packed", LIMITS) == read_questions(path, LIMITS)


def test_json_lines_of_texts_and_conversations(tmp_path: Path) -> None:
    messages = [("user", "hi"), ("assistant", "Hello."), ("user", "where is it"), ("agent", "On its way.")]
    lines = [
        {"text": "open on sunday?"},
        {"messages": [{"role": role, "content": content} for role, content in messages]},
        {"text": "open on sunday?", "label": "hours"},
    ]
    path = tmp_path / "questions"
    path.write_text("\n".join(json.dumps(line) for line in lines))
    first, second, third = read_questions(path, LIMITS)
    assert second.turns == (("user", "hi"), ("assistant", "Hello."), ("user", "where is it"))
    assert first == third, "repeats are the caller's business"


def test_personal_data_is_gone_before_anybody_sees_it(tmp_path: Path) -> None:
    path = tmp_path / "questions.txt"
    path.write_text("write to jo.miller@mail.example please\n")
    (one,) = read_questions(path, LIMITS)
    assert one.turns == (("user", "write to [email 1] please"),)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "no question"),
        (b"\n \n", "no question"),
        (b'{"text": "fine"}\n{"text": 3}\n[]\n', r"2 lines .* 2 \(wrong_type\), 3 \(not_an_object\)"),
        (b'{"messages": [{"role": "agent", "content": "Hello."}]}', r"1 \(no message of a customer\)"),
        (b'{"text": "\xff\xfe"}\n{"text": "\xc3\xa4h"}\n{"text": "\xc3\xb6h"}', "undecodable"),
        ("é\né\n".encode() + b"\xe9\n", r"3 \(undecodable\)"),
        (b"{nonsense", "malformed_json"),
        (b"x" * 70_000, "too_long"),
        ("\N{ZERO WIDTH SPACE}\n".encode() * 7, r"7 lines .*\.\.\."),
    ],
)
def test_a_line_that_asks_nothing_is_named(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "questions"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=said):
        read_questions(path, LIMITS)


@pytest.mark.parametrize("content", [b"%PDF-1.7 nothing to ask", bytes(range(1, 30)) * 100, b"PK\x03\x04 a workbook"])
def test_what_is_no_text_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "questions"
    path.write_bytes(content)
    with pytest.raises(ImportRefused):
        read_questions(path, LIMITS)


def test_a_file_beyond_what_anybody_reads_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.comparing.questions.MOST_BYTES", 100)
    path = tmp_path / "questions"
    path.write_text("where is it\n" * 50)
    with pytest.raises(UsageError, match="more than 100 bytes"):
        read_questions(path, LIMITS)
