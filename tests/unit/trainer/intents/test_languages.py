"""Languages a base does not know: the signs, the trial that settles it, and a training that then needs no base."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data.errors import JobCancelled
from data.ngrams import NgramRenderer
from export.ngrams import Ngrams
from export.runtime import EncoderPool
from trainer.bases.catalogue import LocalBase
from trainer.core.run_folder import RunFolder
from trainer.intents import intent_work, languages
from trainer.intents.intent_data import IntentData, Utterances
from trainer.intents.languages import Tokenised, Trial, suited, trial
from trainer.intents.linear import Labelled
from trainer.intents.margin import margin_weights
from trainer.intents.ngrams import LANDMARKS, make_ngrams
from trainer.intents.train_intent import TrainedIntent, train_intent
from trainer.package import pack
from trainer.recipes import IntentRecipe, intent_by, pick_intent

MakeRun = Callable[..., RunFolder]
Say = Callable[..., Any]

CHINESE = {
    "退款": ["我要退款", "请把钱退给我", "退款什么时候到", "怎么申请退款", "可以退钱吗", "我的退款呢"],
    "快递": ["我的快递在哪", "包裹什么时候到", "快递还没到", "查一下快递", "包裹丢了", "快递到哪了"],
    "密码": ["忘记密码了", "怎么改密码", "密码不对", "登录不了密码错", "重置密码", "改一下密码"],
}
ROWS = Utterances([one for said in CHINESE.values() for one in said], [name for name in CHINESE for _ in range(6)])


def frozen(labels: list[str]) -> IntentRecipe:
    return pick_intent(labels)


def test_what_the_base_knows_is_left_to_it(tiny: LocalBase, said: Say) -> None:
    some = said(6)
    found = suited(frozen(some.labels), tiny, Utterances(some.texts, some.labels))
    assert found.recipe == frozen(some.labels)
    assert found.findings == ()


def test_what_was_picked_learns_at_the_rate_for_the_size_of_the_base(
    tiny: LocalBase, said: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    some = said(6)
    picked = intent_by("top", 1_000)
    monkeypatch.setattr(LocalBase, "configuration", lambda _: {"num_hidden_layers": 12, "hidden_size": 768})
    found = suited(picked, tiny, Utterances(some.texts, some.labels))
    assert found.recipe == picked.model_copy(update={"learning_rate": 5e-5})


def test_unknown_tokens_and_split_words_are_signs(tiny: LocalBase) -> None:
    renderer = tiny.renderer()
    assert Tokenised.of(renderer, ["我的快递在哪"]).unknown_share > 0.5
    split = Tokenised.of(renderer, ["hvornaar kommer pakken"])
    assert split.unknown_share == 0
    assert split.pieces > 3
    assert split.strange
    assert not Tokenised.of(renderer, ["refund money"]).strange
    assert not Tokenised.of(renderer, []).strange


def test_ngrams_take_the_place_of_a_base_that_is_blind(tiny: LocalBase) -> None:
    found = suited(frozen(list(ROWS.labels)), tiny, ROWS)
    assert (found.recipe.name, found.recipe.method) == ("intent-ngrams", "ngrams")
    (finding,) = found.findings
    assert (finding.code, finding.severity, finding.count) == ("language_unknown_to_base", "warning", len(ROWS))
    assert "n-grams take its place" in finding.sample
    assert not any(text in finding.sample for text in ROWS.texts)


def test_a_base_that_does_better_is_kept_and_it_is_said(tiny: LocalBase, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(languages, "trial", lambda *_: Trial(100, base=0.9, ngrams=0.89))
    recipe = frozen(list(ROWS.labels))
    found = suited(recipe, tiny, ROWS)
    assert found.recipe == recipe
    assert "it is kept" in found.findings[0].sample


def test_a_tie_goes_to_what_is_smaller() -> None:
    assert Trial(100, base=0.9, ngrams=0.9).ngrams_win


def test_a_trial_counts_rows_whose_label_could_be_known(tiny: LocalBase) -> None:
    lonely = Utterances([*ROWS.texts, "营业时间"], [*ROWS.labels, "时间"])
    found = trial(frozen(list(lonely.labels)), tiny, lonely)
    assert 0 < found.rows <= len(ROWS)
    assert found == trial(frozen(list(lonely.labels)), tiny, lonely)


def test_a_trial_can_be_cancelled(tiny: LocalBase) -> None:
    def check() -> None:
        raise JobCancelled("Stopped.")

    with pytest.raises(JobCancelled):
        suited(frozen(list(ROWS.labels)), tiny, ROWS, check)


@pytest.fixture(scope="module")
def trained(tiny: LocalBase, tmp_path_factory: pytest.TempPathFactory) -> TrainedIntent:
    from trainer.core.run_folder import MemoryLedger

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(intent_work, "MOST_BACKGROUND", 60)
        run = RunFolder(tmp_path_factory.mktemp("ngrams"), MemoryLedger(), threads=1, keep=False)
        found = suited(frozen(list(ROWS.labels)), tiny, ROWS)
        return found.told(train_intent(found.recipe, tiny, IntentData(ROWS), run))


def test_a_training_on_ngrams_answers_what_was_never_said(trained: TrainedIntent) -> None:
    assert isinstance(trained.encoder, Ngrams)
    vectors = trained.encoder.embed(trained.renderer.utterances(["退款到了吗", "快递丢了", "密码忘了"]))
    best = (vectors @ trained.head.weight.T + trained.head.bias).argmax(axis=1)
    assert [trained.head.labels[at] for at in best] == ["退款", "快递", "密码"]
    assert trained.findings[0].code == "language_unknown_to_base"
    assert not trained.encoder_is_base
    assert np.isfinite(trained.history[0].training_loss)


def test_it_is_packed_as_what_it_is_and_served_to_the_bit(
    trained: TrainedIntent, tiny: LocalBase, tmp_path: Path
) -> None:
    packed = pack(trained.encoder, tiny, 16, tmp_path / "work", {"numpy": "2"})
    assert set(packed.folders) == {"fp32"}
    channel = packed.channel("fp32")
    mine = trained.encoder.embed(trained.renderer.utterances(ROWS.texts))  # type: ignore[union-attr]
    np.testing.assert_array_equal(channel.read(ROWS.texts), mine)
    digest = packed.publish("fp32", tmp_path / "encoders")
    with EncoderPool(tmp_path / "encoders").holding(digest) as encoder:
        assert encoder.card.base == ""
        assert encoder.card.hidden == trained.head.weight.shape[1]


def test_many_texts_are_spanned_by_as_many_landmarks_as_there_may_be() -> None:
    generator = np.random.default_rng(0)
    letters = np.array(list("abcdefghijklmnop"))
    texts = ["".join(generator.choice(letters, 8)) for _ in range(LANDMARKS + 200)]
    ngrams = make_ngrams(NgramRenderer().utterances(texts), ["a", "b"] * (len(texts) // 2), seed=0)
    assert ngrams.turn.shape[0] == LANDMARKS
    assert ngrams.hidden <= LANDMARKS


def test_equal_texts_are_one_landmark() -> None:
    ngrams = make_ngrams(NgramRenderer().utterances(["tak", "tak", "nej"]), ["a", "a", "b"], seed=0)
    assert ngrams.turn.shape == (2, 2)


@pytest.mark.parametrize("count", [2, 3])
def test_the_widest_margin_has_a_row_for_each_label(count: int) -> None:
    names = [f"l{at}" for at in range(count)] * 3
    vectors = np.tile(np.eye(count, dtype=np.float32), (3, 1))
    rows = Labelled(vectors, names, np.ones(len(names), dtype=np.float32))
    labels, weight, bias = margin_weights(rows, 3.0)
    assert (len(labels), weight.shape, bias.shape) == (count, (count, count), (count,))
    assert [labels[at] for at in (vectors @ weight.T + bias).argmax(axis=1)] == names
