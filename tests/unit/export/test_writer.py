"""A served generator: conversations in words, replies in words, told why they end, left when nobody waits."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from data.errors import IntegrityError
from export.decoders import open_decoder
from export.decoding import Decoder
from export.sampling import Sampling
from export.writer import Brief, Writer, renderer_of
from tests.tiny_chat import SAID, lay_chat
from trainer.bases.catalogue import find_base
from trainer.bases.chat_base import ChatBase
from trainer.generation.lines import asks_of
from trainer.generation.packed import PackedGenerator, cheapest, compared, pack_generator

TALK = (("user", SAID[0][0]), ("agent", SAID[0][1]), ("user", SAID[1][0]))


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> ChatBase:
    return ChatBase(find_base(str(lay_chat(tmp_path_factory.mktemp("chat")))))


@pytest.fixture(scope="module")
def packed(base: ChatBase, tmp_path_factory: pytest.TempPathFactory) -> PackedGenerator:
    return pack_generator(base.model(), base, tmp_path_factory.mktemp("packed") / "work")


@pytest.fixture(scope="module")
def writer(packed: PackedGenerator) -> Writer:
    return packed.opened("fp32")


def test_it_reads_as_the_base_does(writer: Writer, base: ChatBase) -> None:
    assert writer.renderer.prompt(TALK, ["Be kind."]) == base.renderer().prompt(TALK, ["Be kind."])
    assert writer.renderer.stops == base.renderer().stops


def test_the_exported_model_writes_what_the_trained_one_does(base: ChatBase, packed: PackedGenerator) -> None:
    talks = [(("user", asked), ("agent", said)) for asked, said in SAID]
    found = compared(base.model(), packed, asks_of(talks), lambda: None)
    assert found["fp32"].equal == 1.0
    assert found["fp32"].drift == pytest.approx(0, abs=1e-4)
    assert cheapest(found) in ("fp32", "int8")
    assert cheapest({"fp32": found["fp32"]}) == "fp32"


def test_pieces_are_the_reply(writer: Writer) -> None:
    brief = Brief(TALK, sampling=Sampling(max_tokens=20))
    pieces = list(writer.stream(brief))
    whole = writer.write(brief)
    assert whole.text == "".join(piece.text for piece in pieces).strip()
    assert whole.tokens == pieces[-1].tokens <= 20
    assert whole.ending in ("stop", "length")


def test_a_reply_ends_before_a_stop_string(writer: Writer) -> None:
    drawn = Sampling(max_tokens=20, temperature=1.0, seed=1)
    plain = writer.write(Brief(TALK, sampling=drawn)).text
    assert len(plain) > 8
    middle = plain[len(plain) // 2 : len(plain) // 2 + 2]
    cut = writer.write(Brief(TALK, sampling=drawn, stops=(middle,)))
    assert cut.text == plain[: plain.index(middle)].strip()
    assert cut.ending == "stop"


def test_nobody_waits_any_more(writer: Writer) -> None:
    asked = 0

    def gone() -> bool:
        nonlocal asked
        asked += 1
        return asked > 3

    told = writer.write(Brief(TALK, sampling=Sampling(max_tokens=50), cancelled=gone))
    assert told.ending == "cancelled"
    assert told.tokens <= 3


def test_a_stream_that_is_left_gives_its_state_back(writer: Writer) -> None:
    for _ in range(50):
        stream = writer.stream(Brief(TALK, sampling=Sampling(max_tokens=20)))
        next(stream)
        stream.close()  # type: ignore[attr-defined]


def test_a_long_conversation_leaves_room_for_the_reply(writer: Writer) -> None:
    long = tuple((("user", "agent")[at % 2], f"This is turn {at} of many, and it is long.") for at in range(61))
    told = writer.write(Brief(long, sampling=Sampling(max_tokens=30)))  # type: ignore[arg-type]
    assert told.tokens <= 30


@pytest.mark.parametrize("template", [None, "{{ messages[0].content }}"])
def test_a_decoder_without_a_template_of_use_cannot_be_talked_to(
    packed: PackedGenerator, tmp_path: Path, template: str | None
) -> None:
    folder = tmp_path / "decoder"
    shutil.copytree(packed.folders["fp32"], folder)
    opened = open_decoder(folder, verify=False)
    (folder / "chat_template.jinja").unlink()
    if template is not None:
        (folder / "chat_template.jinja").write_text(template)
    with pytest.raises(IntegrityError):
        renderer_of(opened)


def test_the_decoder_is_loaded_with_its_own_files_alone(packed: PackedGenerator) -> None:
    names = {path.name for path in packed.folders["int8"].iterdir()}
    assert "model.safetensors" not in names
    assert Writer.of(Decoder.load(packed.folders["int8"], verify=False)).renderer.vocabulary == 400
