"""Training from text to text: what is learned, what is left out, and what a training says of itself."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from data.errors import BaseRefused, DatasetError, Diverged
from data.pair_files import Pair
from data.render import Rendered
from tests.tiny_seq2seq import lay, toy_pairs
from trainer.bases.catalogue import LocalBase, find_base
from trainer.bases.seq2seq_base import Seq2SeqBase
from trainer.core.run_folder import RunFolder
from trainer.recipes import Seq2SeqRecipe
from trainer.seq2seq.train_seq2seq import apart, likelihood, rendered, train_seq2seq
from trainer.tasks.seq2seq import IGNORED, Seq2SeqRows, Seq2SeqTask, told

MakeRun = Callable[..., RunFolder]


@pytest.fixture(scope="module", params=["t5", "bart"])
def base(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> LocalBase:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return find_base(str(lay(tmp_path_factory.mktemp("bases") / str(request.param), str(request.param))))


def recipe(base: LocalBase, **given: object) -> Seq2SeqRecipe:
    body = {"name": "test", "task": "translate", "base": str(base.folder), "max_length": 32, "target_length": 12}
    body |= {"batch_size": 32, "dropout": 0.0, "precision": "32-true", "learning_rate": 2e-3, "epochs": 1}
    return Seq2SeqRecipe.model_validate({**body, **given})


def pairs(rows: int, seed: int = 0, most: int = 5) -> list[Pair]:
    return [Pair(((None, source),), target) for source, target in toy_pairs(rows, seed, most)]


def test_what_a_target_opens_with_is_given_and_padding_is_not_learned(base: LocalBase) -> None:
    renderer = Seq2SeqBase.of(base).renderer(recipe(base))
    rows = rendered([Pair(((None, "alpha"),), "bravo"), Pair(((None, "echo fox"),), "golf hotel india")], renderer)
    ids, mask, read, said = rows.batch([0, 1], renderer)
    assert ids.shape == mask.shape
    assert read.shape == said.shape
    first = len(renderer.opening) - 1
    for at in (0, 1):
        target = rows.targets[at]
        assert tuple(read[at, : first + len(target)].tolist()) == (*renderer.opening, *target[:-1])
        assert tuple(said[at, first : first + len(target)].tolist()) == target
        assert (said[at, :first] == IGNORED).all()
        assert (said[at, first + len(target) :] == IGNORED).all()
    assert rows.lengths() == [len(rows.sources[at]) + len(rows.targets[at]) for at in (0, 1)]


def test_a_row_means_the_same_alone_and_beside_a_longer_one(base: LocalBase) -> None:
    opened = Seq2SeqBase.of(base)
    renderer, model = opened.renderer(recipe(base)), opened.model()
    rows = rendered(pairs(6), renderer)
    with torch.inference_mode():
        together, _, counts = told(model, rows.batch(range(6), renderer))
        alone = torch.cat([told(model, rows.batch([row], renderer))[0] for row in range(6)])
        loss = Seq2SeqTask(model, recipe(base)).eval().loss(rows.batch(range(6), renderer))
    assert torch.allclose(together, alone, atol=1e-3)
    assert float(loss) == pytest.approx(float(together.sum() / counts.sum()), rel=1e-5)


def test_smoothing_asks_for_less_certainty(base: LocalBase) -> None:
    opened = Seq2SeqBase.of(base)
    renderer = opened.renderer(recipe(base))
    batch = rendered(pairs(4), renderer).batch(range(4), renderer)
    plain, smooth = (Seq2SeqTask(opened.model(), recipe(base, label_smoothing=share)).eval() for share in (0.0, 0.3))
    with torch.inference_mode():
        assert float(plain.loss(batch)) != pytest.approx(float(smooth.loss(batch)), abs=1e-4)
        assert plain.validate([batch])["loss"] == pytest.approx(smooth.validate([batch])["loss"])


def test_dropout_is_the_recipes(base: LocalBase) -> None:
    opened = Seq2SeqBase.of(base)
    renderer = opened.renderer(recipe(base))
    batch = rendered(pairs(8), renderer).batch(range(8), renderer)
    steady, forgetful = (Seq2SeqTask(opened.model(), recipe(base, dropout=share)).train() for share in (0.0, 0.5))
    with torch.inference_mode():
        assert float(steady.loss(batch)) == float(steady.loss(batch))
        assert float(forgetful.loss(batch)) != float(forgetful.loss(batch))


def test_it_learns_and_says_how_well(base: LocalBase, make_run: MakeRun) -> None:
    events: list[dict[str, object]] = []
    trained = train_seq2seq(
        recipe(base, epochs=2, learning_rate=5e-3), base, pairs(600, most=3), None, make_run(report=events.append)
    )
    assert len(trained.history) == 2
    assert trained.history[-1].training_loss < trained.history[0].training_loss
    assert trained.history[-1].metrics["token_accuracy"] > 0.4
    assert trained.findings == () or {one.severity for one in trained.findings} == {"warning"}
    test = pairs(50, seed=9, most=3)
    tuned = likelihood(trained.model, trained.renderer, test)
    untuned = likelihood(Seq2SeqBase.of(base).model(), trained.renderer, test)
    assert tuned.bits_per_byte().value < 0.6 * untuned.bits_per_byte().value
    assert np.isclose(tuned.nats.sum() / tuned.tokens.sum(), np.log(tuned.perplexity()))


def test_the_same_seed_gives_the_same_model(base: LocalBase, make_run: MakeRun) -> None:
    asked = recipe(base, dropout=0.1)
    one, two = (train_seq2seq(asked, base, pairs(64), pairs(8, seed=3), make_run(name)).model for name in "ab")
    weights = two.state_dict()
    assert all(torch.equal(value, weights[name]) for name, value in one.state_dict().items())


def test_pairs_of_one_source_are_never_parted(base: LocalBase) -> None:
    several = [Pair(pair.source, f"{pair.target} {way}") for pair in pairs(40) for way in ("alpha", "bravo")]
    learned, held = apart(several, None, recipe(base, validation_share=0.2))
    assert len(learned) == 64
    assert {pair.source for pair in learned}.isdisjoint(pair.source for pair in held)
    assert apart(several, [several[0]], recipe(base)) == (several, [several[0]])


def test_what_cannot_be_read_or_written_is_said(base: LocalBase, make_run: MakeRun) -> None:
    long = Pair((("user", "alpha " * 60), ("assistant", "bravo")), "carol")
    rows = [*pairs(20, most=3), Pair(((None, "fox"),), "golf " * 30), long]
    trained = train_seq2seq(recipe(base), base, rows, pairs(4, seed=3, most=3), make_run())
    said = {finding.code: finding for finding in trained.findings}
    assert {"targets_too_long", "sources_cut"} <= set(said)
    assert said["targets_too_long"].count == said["sources_cut"].count == 1


def test_characters_that_the_base_does_not_know_are_said(make_run: MakeRun, tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        base = find_base(str(lay(tmp_path / "t5", "t5")))
    rows = [*pairs(20, most=3), Pair(((None, "fox"),), "\U0001f98a")]
    codes = [one.code for one in train_seq2seq(recipe(base), base, rows, pairs(4), make_run()).findings]
    assert "unknown_characters" in codes


def test_too_little_is_refused(base: LocalBase, make_run: MakeRun, tiny: LocalBase) -> None:
    with pytest.raises(DatasetError, match="1 are left to learn from"):
        train_seq2seq(recipe(base), base, pairs(2), None, make_run())
    with pytest.raises(DatasetError, match="0 are left"):
        train_seq2seq(recipe(base), base, [Pair(((None, "fox"),), "golf " * 30)] * 4, pairs(2), make_run())
    with pytest.raises(BaseRefused, match="'bert'"):
        train_seq2seq(recipe(tiny), tiny, pairs(9), None, make_run())


def test_weights_that_are_no_numbers_are_refused(base: LocalBase, make_run: MakeRun, tmp_path: Path) -> None:
    model = Seq2SeqBase.of(base).model()
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.get_input_embeddings().weight[7:] = float("nan")
        shutil.copytree(base.folder, tmp_path / "base")
        model.save_pretrained(tmp_path / "base")
    with pytest.raises(Diverged):
        train_seq2seq(recipe(base), find_base(str(tmp_path / "base")), pairs(40), None, make_run())


def test_rows_are_what_the_core_asks_for() -> None:
    rows = Seq2SeqRows([Rendered((5, 6, 1))], [(7, 1)], (0,))
    assert (len(rows), rows.lengths(), rows.texts([0])) == (1, [5], [])
