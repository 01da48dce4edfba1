"""Bases that write: what is taken, and what is refused."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import pytest
from transformers import MT5Config, MT5ForConditionalGeneration

from data.errors import BaseRefused
from tests.tiny_seq2seq import lay, retell
from trainer.bases.catalogue import LocalBase, find_base
from trainer.bases.seq2seq_base import Seq2SeqBase
from trainer.recipes import Seq2SeqRecipe

RECIPE = Seq2SeqRecipe(name="test", task="summarise", max_length=512, target_length=200)


@pytest.fixture(params=["t5", "bart"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return lay(tmp_path / str(request.param), str(request.param))


def test_a_base_says_how_it_reads_and_writes(folder: Path) -> None:
    base = Seq2SeqBase.of(find_base(str(folder)))
    renderer = base.renderer(RECIPE)
    assert base.kind == folder.name
    assert (renderer.opening, renderer.end_id) == (((0,), 1) if base.kind == "t5" else ((2, 0), 2))
    # A BART tells 128 positions apart here, a T5 any number.
    lengths = (512, 200) if base.kind == "t5" else (128, 128)
    assert (renderer.shape.source_length, renderer.shape.target_length) == lengths
    assert not base.model().training


def test_an_mt5_is_taken(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        lay(tmp_path / "mt5", "t5")
        said = json.loads((tmp_path / "mt5" / "config.json").read_text("utf-8"))
        sizes = {name: said[name] for name in ("vocab_size", "d_model", "d_kv", "d_ff", "num_layers", "num_heads")}
        ends = {"decoder_start_token_id": 0, "pad_token_id": 0, "eos_token_id": 1}
        MT5ForConditionalGeneration(MT5Config(**sizes, **ends)).save_pretrained(tmp_path / "mt5")
    base = Seq2SeqBase.of(find_base(str(tmp_path / "mt5")))
    assert (base.kind, base.renderer(RECIPE).opening) == ("mt5", (0,))
    assert base.model().config.model_type == "mt5"


def test_another_kind_is_refused(tiny: LocalBase) -> None:
    with pytest.raises(BaseRefused, match="t5, mt5, bart; 'tiny' is 'bert'"):
        Seq2SeqBase.of(tiny)


def test_what_does_not_say_where_texts_begin_and_end_is_refused(folder: Path) -> None:
    retell(folder, decoder_start_token_id=None)
    with pytest.raises(BaseRefused, match="decoder_start_token_id"):
        Seq2SeqBase.of(find_base(str(folder)))
    retell(folder, decoder_start_token_id=0, eos_token_id=5)
    with pytest.raises(BaseRefused, match="ends texts with"):
        Seq2SeqBase.of(find_base(str(folder))).renderer(RECIPE)


def test_weights_that_are_missing_are_refused(folder: Path) -> None:
    layers = {"num_layers": 3} if folder.name == "t5" else {"encoder_layers": 3}
    retell(folder, **layers)
    with pytest.raises(BaseRefused, match="are missing"):
        Seq2SeqBase.of(find_base(str(folder))).model()
