"""What is served of a generator, beside its untuned base and what is live, on the brand's replies of the test split."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from data.voice import Voice
from tests.tiny_chat import SAID, lay_chat
from trainer.bases.catalogue import find_base
from trainer.bases.chat_base import ChatBase
from trainer.core.run_folder import MemoryLedger, RunFolder
from trainer.generation.judged import METRIC, foretelling, written_scores_of
from trainer.generation.lines import Ask, Talk
from trainer.generation.packed import pack_generator
from trainer.generation.recipe import GenerateRecipe
from trainer.generation.surprise import surprise
from trainer.generation.train_generator import train_generator
from trainer.generation.writing import Writing
from trainer.judgement.comparison import Comparison
from trainer.judgement.regressions import WRITING_LOST
from trainer.judgement.verdict import Case, nothing_else_is_worse

ASKS = [Ask((("user", asked),), said, ("We have said before: Hello.",)) for asked, said in SAID * 3]
TALKS: list[Talk] = [(("user", f"{asked} It is {at}."), ("agent", said)) for at in range(8) for asked, said in SAID]


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> tuple[Writing, Writing]:
    """A tuned generator, and one whose export is that of the untuned base."""
    place = tmp_path_factory.mktemp("judged")
    base = ChatBase(find_base(str(lay_chat(place / "chat"))))
    body = {"name": "t", "method": "full", "max_length": 128, "epochs": 4, "batch_tokens": 256, "learning_rate": 1e-2}
    recipe = GenerateRecipe.model_validate({**body, "precision": "32-true"})
    run = RunFolder(place / "run", MemoryLedger(), threads=1, keep=False)
    trained = train_generator(recipe, base, TALKS, (), run)
    tuned = pack_generator(trained.model, base, place / "tuned", ("fp32",))
    plain = pack_generator(base.model(), base, place / "plain", ("fp32",))
    writing = Writing(trained, tuned, "fp32", {}, Voice.of([], [], {}), None, {}, ASKS)
    return writing, replace(writing, packed=plain)


def test_what_is_served_is_measured_as_what_was_trained(parts: tuple[Writing, Writing]) -> None:
    writing, _ = parts
    likely = foretelling(writing.packed.opened("fp32"), ASKS)
    known = surprise(writing.generator.model, writing.generator.renderer, ASKS)
    assert likely.bits_per_byte().value == pytest.approx(known.bits_per_byte().value, abs=1e-3)
    assert likely.tokens.tolist() == known.tokens.tolist()
    assert likely.sizes.tolist() == known.sizes.tolist()


def test_candidate_and_base_stand_in_the_comparison(parts: tuple[Writing, Writing]) -> None:
    found = written_scores_of(parts[0], None, seed=1)
    assert set(found.scores) == {"base", "candidate"}
    assert found.scores["candidate"].value < found.scores["base"].value
    assert found.findings == ()
    models: Any = found.into(Comparison(0, 0, 0.9, {"candidate": {}}, {})).models
    assert models["candidate"][METRIC] == found.scores["candidate"]
    assert models["base"][METRIC] == found.scores["base"]


def test_a_candidate_that_writes_worse_than_live_is_held(parts: tuple[Writing, Writing]) -> None:
    tuned, plain = parts
    better = written_scores_of(tuned, plain.packed.opened("fp32"), seed=1)
    assert better.findings == ()
    (finding,) = written_scores_of(plain, tuned.packed.opened("fp32"), seed=1).findings
    assert finding.code == WRITING_LOST
    nothing: Any = None
    (reason,) = nothing_else_is_worse(Case(nothing, nothing, nothing, (finding,)))
    assert reason.decision == "hold"
    assert "worse than the live release" in reason.text


def test_who_writes_nothing_or_is_tested_on_nothing_is_not_measured(parts: tuple[Writing, Writing]) -> None:
    assert written_scores_of(None, None, 0).scores == {}
    assert written_scores_of(replace(parts[0], tested=()), None, 0).scores == {}
