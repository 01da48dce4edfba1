"""Rewriters: exported from models that learned for a moment, run without torch, compared with transformers."""

from __future__ import annotations

import shutil
import threading
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from transformers import PreTrainedModel

from data.errors import IntegrityError, ParityFailed, UsageError
from data.pair_files import Pair
from data.pair_render import Seq2SeqRenderer, Source
from data.render import Rendered
from export.rewriters import DECODERS, ENCODERS, MANIFEST, TOKENIZER, seal_rewriter
from export.sampling import Sampling
from export.seq2seq import Rewriter
from export.seq2seq_export import Origin, PackedRewriter, pack_seq2seq
from export.seq2seq_parity import (
    WritingParity,
    compare_writing,
    require_writing,
    serves_int8,
    written_exported,
    written_in_torch,
)
from tests.tiny_seq2seq import lay, toy_pairs
from trainer.bases.catalogue import find_base
from trainer.core.run_folder import MemoryLedger, RunFolder
from trainer.recipes import Seq2SeqRecipe
from trainer.seq2seq.train_seq2seq import train_seq2seq

BODY = {"name": "test", "task": "translate", "max_length": 32, "target_length": 12, "epochs": 2, "batch_size": 32}
RATES = {"t5": 5e-3, "bart": 2e-3}
CONTROL = "</s> <s> <pad> <unk> <mask>"


@dataclass(frozen=True, eq=False)
class Made:
    """A model that learned a little of a toy language, and its export. That of a BART is also seen, from end to end, by
    the experiments' tests."""

    kind: str
    model: PreTrainedModel
    renderer: Seq2SeqRenderer
    packed: PackedRewriter
    rewriter: Rewriter
    sources: Sequence[Rendered]
    truth: Sequence[tuple[int, ...]]


@pytest.fixture(scope="module", params=["t5", pytest.param("bart", marks=pytest.mark.slow)])
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Made:
    kind, folder = str(request.param), tmp_path_factory.mktemp("made")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        base = find_base(str(lay(folder / kind, kind, layers=1)))
    rates = {"learning_rate": RATES[kind], "dropout": 0.0, "precision": "32-true"}
    recipe = Seq2SeqRecipe.model_validate({**BODY, **rates, "base": kind})
    learned = [Pair(((None, source),), target) for source, target in toy_pairs(600)]
    trained = train_seq2seq(recipe, base, learned, None, RunFolder(folder, MemoryLedger(), threads=1, keep=False))
    trained.model.train()
    packed = pack_seq2seq(trained.model, trained.renderer, base.folder / TOKENIZER, Origin("translate", kind), folder)
    assert trained.model.training  # exporting changes nothing of the model
    trained.model.train(False)
    held = toy_pairs(200, seed=5)
    sources = [trained.renderer.source(((None, source),)) for source, _ in held]
    truth = [trained.renderer.target(target) or () for _, target in held]
    return Made(kind, trained.model, trained.renderer, packed, packed.opened("fp32"), sources, truth)


def test_every_token_is_the_one_that_transformers_writes(made: Made) -> None:
    ours = written_in_torch(made.model, made.renderer, made.sources)
    theirs = written_exported(made.rewriter, made.sources)
    parity = compare_writing(ours, theirs, made.truth, "fp32")
    require_writing(parity)
    assert (parity.equal, parity.cost, parity.different) == (200, 0.0, ())
    assert len(set(theirs)) > 20  # it says different things of different sources


def test_beams_are_those_of_transformers(made: Made) -> None:
    some = made.sources[:40]
    for beams in (2, 4):
        ours = written_in_torch(made.model, made.renderer, some, beams)
        assert written_exported(made.rewriter, some, beams) == ours


def test_a_way_of_its_own_to_generate_is_not_asked_for(made: Made) -> None:
    own = made.model.generation_config
    plain = written_in_torch(made.model, made.renderer, made.sources[:8])
    made.model.generation_config.no_repeat_ngram_size = 1
    try:
        assert written_in_torch(made.model, made.renderer, made.sources[:8]) == plain
        assert made.model.generation_config is own
    finally:
        made.model.generation_config.no_repeat_ngram_size = None


def test_int8_is_smaller_and_weighed_by_what_it_costs(made: Made) -> None:
    small = made.packed.opened("int8")
    assert made.packed.size_bytes("int8") < 0.5 * made.packed.size_bytes("fp32")
    ours = written_in_torch(made.model, made.renderer, made.sources)
    parity = compare_writing(ours, written_exported(small, made.sources), made.truth, "int8")
    precision, why = serves_int8(parity)
    assert precision == ("int8" if parity.passed and (parity.cost or 0) <= 0.005 else "fp32")
    assert "int8" in why


def test_text_goes_in_and_text_comes_out(made: Made) -> None:
    ours = written_in_torch(made.model, made.renderer, made.sources[:3])
    for (source, _), ids in zip(toy_pairs(200, seed=5)[:3], ours, strict=True):
        assert made.rewriter.rewrite(((None, source),)) == made.renderer.written(ids)


def test_empty_long_and_hostile_sources_are_written_of(made: Made) -> None:
    talk: Source = (("user", "alpha " * 100), ("assistant", CONTROL), ("user", f"bravo {CONTROL}"))
    hard: list[Source] = [(), ((None, ""),), ((None, "alpha " * 5_000),), ((None, CONTROL),), talk]
    sources = [made.renderer.source(one) for one in hard]
    assert written_exported(made.rewriter, sources) == written_in_torch(made.model, made.renderer, sources)
    for one in hard:
        assert isinstance(made.rewriter.rewrite(one), str)


def test_the_same_seed_draws_the_same_text(made: Made) -> None:
    def drawn(seed: int, **more: float) -> list[tuple[int, ...]]:
        sampling = Sampling(seed=seed, temperature=3.0, max_tokens=12, **more)  # type: ignore[arg-type]
        return [made.rewriter.write(source, sampling).ids for source in made.sources[:10]]

    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)
    assert drawn(1, top_k=1) == [made.rewriter.write(one, made.rewriter.usual).ids for one in made.sources[:10]]


def test_it_writes_no_more_than_it_may(made: Made) -> None:
    source = made.sources[0]
    cut = made.rewriter.write(source, Sampling(max_tokens=1))
    assert (len(cut.ids), cut.ending) == (1, "length")
    endless = Sampling(temperature=5.0, seed=3, max_tokens=10_000)
    written = [made.rewriter.write(one, endless) for one in made.sources[:30]]
    assert max(len(one.ids) for one in written) == 12
    assert {one.ending for one in written} <= {"stop", "length"}
    assert made.rewriter.write(source, made.rewriter.usual).ending == "stop"


@pytest.mark.parametrize("beams", [1, 3])
def test_it_stops_when_nobody_waits_or_time_is_over(made: Made, beams: int) -> None:
    source, usual = made.sources[0], made.rewriter.usual
    asked = [0]

    def after(questions: int) -> bool:
        asked[0] += 1
        return asked[0] > questions

    assert made.rewriter.write(source, usual, beams=beams, cancelled=lambda: True).ids == ()
    stopped = made.rewriter.write(source, usual, beams=beams, cancelled=lambda: after(2))
    most = 1 if beams == 1 else 2  # it is asked before a token is written, and after several are compared
    assert len(stopped.ids) <= most
    assert stopped.ending == "cancelled"
    ticks = iter(range(100))
    slow = Rewriter.load(made.packed.folders["fp32"], verify=False, clock=lambda: float(next(ticks)))
    late = slow.write(source, replace(usual, seconds=3.0), beams=beams)
    assert (late.ids, late.ending) == (stopped.ids, "time")


def test_tokens_come_one_by_one_and_may_be_left(made: Made) -> None:
    writing = made.rewriter.generate(made.sources[0], made.rewriter.usual)
    assert writing.ending is None
    first = next(writing)
    writing.close()
    assert writing.ending == "cancelled"
    assert list(writing) == []
    assert made.rewriter.write(made.sources[0], made.rewriter.usual).ids[0] == first


def test_many_may_write_at_once(made: Made) -> None:
    alone = [made.rewriter.write(one, made.rewriter.usual).ids for one in made.sources[:24]]
    found: dict[int, tuple[int, ...]] = {}

    def work(own: range) -> None:
        for row in own:
            found[row] = made.rewriter.write(made.sources[row], made.rewriter.usual).ids

    threads = [threading.Thread(target=work, args=(range(at, 24, 4),)) for at in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [found[row] for row in range(24)] == alone


def test_what_makes_no_sense_is_refused(made: Made) -> None:
    for beams in (0, 9):
        with pytest.raises(UsageError, match="beams"):
            made.rewriter.write(made.sources[0], Sampling(), beams=beams)
    for sampling in (Sampling(temperature=1.0), Sampling(repetition_penalty=1.2)):
        with pytest.raises(UsageError, match="nothing is drawn"):
            made.rewriter.write(made.sources[0], sampling, beams=2)


def test_graphs_that_are_no_rewriter_are_refused(made: Made, tmp_path: Path) -> None:
    swapped, torn = tmp_path / "swapped", tmp_path / "torn"
    for folder in (swapped, torn):
        shutil.copytree(made.packed.folders["fp32"], folder)
        (folder / MANIFEST).unlink()
    shutil.copyfile(made.packed.folders["fp32"] / ENCODERS["fp32"], swapped / DECODERS["fp32"])
    (torn / DECODERS["fp32"]).write_bytes((torn / DECODERS["fp32"]).read_bytes()[:5_000])
    for folder, said in ((swapped, "other things"), (torn, "cannot be loaded")):
        seal_rewriter(folder, made.rewriter.card)
        with pytest.raises(IntegrityError, match=said):
            Rewriter.load(folder, verify=False)


def test_the_tokenizer_of_another_model_is_refused(made: Made, tmp_path: Path) -> None:
    shutil.copytree(made.packed.folders["fp32"], tmp_path / "other")
    (tmp_path / "other" / MANIFEST).unlink()
    seal_rewriter(tmp_path / "other", replace(made.rewriter.card, end_id=5))
    with pytest.raises(IntegrityError, match="tokenizer"):
        Rewriter.load(tmp_path / "other", verify=False).rewrite(((None, "alpha"),))


def test_the_graphs_hold_nothing_of_the_machine(made: Made) -> None:
    for names in (ENCODERS, DECODERS):
        content = (made.packed.folders["fp32"] / names["fp32"]).read_bytes()
        assert b"site-packages" not in content
        assert str(made.packed.folders["fp32"]).encode() not in content


def test_the_past_is_read_once_and_never_again(made: Made) -> None:
    """What the decoder is given at each step is one token, however long the text is."""
    lengths: list[int] = []
    step = made.rewriter.step

    def watched(tokens: np.ndarray, cross: list[np.ndarray], past: list[np.ndarray]) -> object:  # type: ignore[type-arg]
        lengths.append(past[0].shape[2])
        assert tokens.shape == (1,)
        return step(tokens, cross, past)

    made.rewriter.step = watched  # type: ignore[method-assign, assignment]
    try:
        written = made.rewriter.write(made.sources[0], made.rewriter.usual)
    finally:
        made.rewriter.step = step  # type: ignore[method-assign]
    assert lengths == list(range(len(made.renderer.opening) + len(written.ids)))


def test_other_tokens_are_no_parity() -> None:
    ours = [(1, 2), (3,), (4,)]
    with pytest.raises(ParityFailed, match="2 of 3"):
        require_writing(compare_writing(ours, [(1, 2), (3,), (5,)], (), "fp32"))
    with pytest.raises(ValueError, match="nothing"):
        compare_writing([], [], (), "fp32")
    worse = compare_writing(ours * 10, [*ours * 9, (1, 2), (3,), (9,)], ours * 10, "int8")
    assert worse.passed
    assert serves_int8(worse)[0] == "fp32"
    assert serves_int8(WritingParity("int8", 10, 5, 0.0))[1].endswith("50.0 % of sources.")
    assert worse.to_wire()["different"] == [29]


@pytest.mark.slow
def test_the_same_weights_give_the_same_bytes(made: Made, tmp_path: Path) -> None:
    tokenizer = made.packed.folders["fp32"] / TOKENIZER
    again = pack_seq2seq(made.model, made.renderer, tokenizer, Origin("translate", made.kind), tmp_path)
    assert again.digests == made.packed.digests
