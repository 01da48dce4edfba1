"""Sources and targets as ids, with tokenizers of both kinds that sequence-to-sequence models have."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.errors import BaseRefused
from data.pair_render import PairShape, Seq2SeqRenderer, Source
from tests.tiny_seq2seq import texts, write_bytes, write_unigram

START = {"t5": 0, "bart": 2}
OPENING = {"t5": (0,), "bart": (2, 0)}
END = {"t5": 1, "bart": 2}


@pytest.fixture(scope="module", params=["t5", "bart"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def file(kind: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp(kind) / "tokenizer.json"
    (write_unigram if kind == "t5" else write_bytes)(path, texts())
    return path


def renderer(file: Path, kind: str, source: int = 64, target: int = 32, instruction: str = "") -> Seq2SeqRenderer:
    return Seq2SeqRenderer.read(file, PairShape(source, target, START[kind], instruction))


def test_a_source_and_a_target_have_the_scaffold_of_their_kind(file: Path, kind: str) -> None:
    made = renderer(file, kind)
    assert (made.opening, made.end_id) == (OPENING[kind], END[kind])
    source = made.source(((None, "alpha bravo"),)).ids
    assert source == made.utterance("alpha bravo").ids
    target = made.target("alpha bravo")
    assert target is not None
    assert target[-1] == END[kind]
    assert (*OPENING[kind][1:], *target) == source
    assert made.written(target) == "alpha bravo"


def test_turns_are_marked_and_the_oldest_go_first(file: Path, kind: str) -> None:
    talk: Source = (("user", "alpha bravo"), ("assistant", "carol delta"), ("user", "echo fox"))
    made = renderer(file, kind)
    assert made.written(made.source(talk).ids).split(":")[0] == "customer"
    assert made.is_whole(talk)
    whole = len(made.source(talk))
    short = renderer(file, kind, source=whole - 1)
    assert not short.is_whole(talk)
    assert short.source(talk).ids == made.source(talk[1:]).ids
    tiny = renderer(file, kind, source=12)
    alone: Source = (("user", "alpha bravo carol delta echo fox golf hotel india juliet kilo lima"),)
    assert len(tiny.source((*talk, *alone))) == 12
    said = tiny.written(tiny.source((*talk, *alone)).ids)  # the newest turn alone, its beginning and its end
    assert "alpha" in said
    assert said.endswith("lima")


def test_an_instruction_stands_first_and_is_never_cut(file: Path, kind: str) -> None:
    plain, told = renderer(file, kind, source=24), renderer(file, kind, source=24, instruction="summarize:")
    long: Source = ((None, " ".join(["alpha bravo carol delta"] * 9)),)
    assert len(told.source(long)) == 24
    assert told.written(told.source(long).ids).startswith("summarize:")
    assert not plain.written(plain.source(long).ids).startswith("summarize:")


def test_a_target_that_is_too_long_is_none_and_an_empty_one_is_its_end(file: Path, kind: str) -> None:
    made = renderer(file, kind, target=4)
    assert made.target("alpha bravo carol delta echo") is None
    assert made.target("alpha " * 10_000) is None
    assert made.target("") == (END[kind],)
    assert made.source(((None, ""),)).ids == made.utterance("").ids
    assert made.source(()).ids == made.utterance("").ids
    assert made.written(()) == ""


@given(st.data())
def test_what_people_type_is_never_a_control_token(file: Path, kind: str, data: st.DataObject) -> None:
    made = renderer(file, kind, source=64, target=64)
    control = ["<s>", "</s>", "<pad>", "<mask>", "[SEP]", "<unk>"]
    typed = data.draw(st.lists(st.sampled_from([*control, "alpha", " ", "x"]) | st.text(max_size=6), max_size=8))
    text = "".join(typed)
    ids = {"<s>", "</s>", "<pad>", "<mask>"}
    held = {made._tokenizer.token_to_id(one) for one in ids} - {None}
    source, target = made.source((("user", text), ("assistant", text))).ids, made.target(text)
    inside = source[len(made.opening) - 1 : -1]
    assert held.isdisjoint(inside)
    assert target is None or held.isdisjoint(target[:-1])


@given(st.lists(st.tuples(st.sampled_from(["user", "assistant", None]), st.text(max_size=80)), max_size=6))
def test_no_source_is_longer_than_it_may_be(file: Path, kind: str, turns: list[tuple[str | None, str]]) -> None:
    made = renderer(file, kind, source=16)
    source: Source = tuple(turns)  # type: ignore[arg-type]
    ids = made.source(source).ids
    assert len(ids) <= 16
    assert ids[-1] == END[kind]


def test_a_tokenizer_without_an_end_is_refused(file: Path, kind: str, tmp_path: Path) -> None:
    body = json.loads(file.read_text("utf-8"))
    (tmp_path / "endless.json").write_text(json.dumps({**body, "post_processor": None}), "utf-8")
    with pytest.raises(BaseRefused, match="0 control tokens"):
        renderer(tmp_path / "endless.json", kind)
    (tmp_path / "broken.json").write_text("{}", "utf-8")
    with pytest.raises(BaseRefused, match="cannot be read"):
        renderer(tmp_path / "broken.json", kind)


def test_lengths_that_leave_no_room_are_refused(file: Path, kind: str) -> None:
    with pytest.raises(BaseRefused, match="no room"):
        renderer(file, kind, source=8, instruction="alpha bravo carol delta echo fox golf hotel")
    with pytest.raises(BaseRefused, match="no room"):
        renderer(file, kind, target=1)
