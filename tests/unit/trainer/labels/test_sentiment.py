"""The sentiment of a release: the brand's own where it has labelled enough, else the default one or what it taught."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data.errors import IntegrityError
from trainer.bases.catalogue import LocalBase
from trainer.core.run_folder import RunFolder
from trainer.intents.calibrate import background_utterances
from trainer.intents.intent_data import Utterances
from trainer.labels import default_sentiment, sentiment
from trainer.labels.label_rows import LabelRows
from trainer.labels.sentiment import (
    ENOUGH,
    ENOUGH_OF_EACH,
    Reader,
    default_head,
    default_judgement,
    hand_on,
    own_labels,
    sentiment_for,
)
from trainer.labels.several import sigmoid
from trainer.recipes import LabelRecipe

NOTHING = Utterances([], [])


class Space:
    """Embeddings that depend on the words alone: one of them tells how a text feels."""

    def __init__(self, turned: int | None = None) -> None:
        generator = np.random.default_rng(turned)
        self._turn = np.eye(16) if turned is None else np.linalg.qr(generator.normal(size=(16, 16)))[0]

    def __call__(self, texts: Sequence[str]) -> Any:
        made = np.array([self._plain(text) for text in texts]) @ self._turn
        return (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32)

    @staticmethod
    def _plain(text: str) -> Any:
        vector = np.random.default_rng(list(text.encode())).normal(size=16)
        vector[0] = 3 * (("good" in text) - ("bad" in text))
        return vector


def reader(**given: Any) -> Reader:
    return Reader(**{"embed": Space(), "is_default": False, "is_ngrams": False, **given})


def labelled(each: int, labels: Sequence[str] = ("happy", "sad"), language: str | None = None) -> Utterances:
    words = {"happy": "good", "sad": "bad"}
    pairs = [(f"{words.get(label, 'other')} {at}", label) for label in labels for at in range(each)]
    return Utterances([t for t, _ in pairs], [label for _, label in pairs], languages=[language] * len(pairs))


def test_a_brand_that_has_labelled_enough_has_its_own() -> None:
    found = sentiment_for(labelled(60, language="da"), ("da",), reader())
    assert found is not None
    assert (found.head.source, found.rows) == ("labels", 120)
    assert (found.head.labels, found.head.exclusive, found.head.languages) == (("happy", "sad"), True, ("da",))
    assert found.held_out is not None
    assert found.held_out > 0.9
    probabilities = found.head.probabilities(Space()(["good day", "bad day"]))
    assert probabilities.argmax(axis=1).tolist() == [0, 1]
    assert found.to_wire()["labels"] == ["happy", "sad"]


@pytest.mark.parametrize(
    ("rows", "usable"),
    [
        (labelled(ENOUGH // 2 - 1), None),
        (labelled(ENOUGH // 2), ENOUGH),
        (labelled(ENOUGH, ("happy",)), None),
        (NOTHING, None),
    ],
)
def test_how_many_labels_are_enough(rows: Utterances, usable: int | None) -> None:
    found = own_labels(rows)
    assert (None if found is None else len(found)) == usable


def test_a_sentiment_of_few_messages_is_left_out() -> None:
    many, few = labelled(60), labelled(ENOUGH_OF_EACH - 1, ("odd",))
    together = Utterances([*many.texts, *few.texts], [*many.labels, *few.labels])
    found = own_labels(together)
    assert found is not None
    assert set(found.labels) == {"happy", "sad"}


def test_the_default_head_serves_the_default_base_as_it_is() -> None:
    found = sentiment_for(NOTHING, ("en",), reader(is_default=True))
    assert found is not None
    assert (found.head.source, found.held_out) == ("default", None)
    assert found.head.labels == ("ambiguous", "negative", "neutral", "positive")
    assert found.head.languages == ("en",)
    assert np.array_equal(found.head.weight, default_head().weight)


def test_no_default_where_it_does_not_hold() -> None:
    assert sentiment_for(NOTHING, ("de", "fr"), reader(is_default=True)) is None
    assert sentiment_for(NOTHING, ("en",), reader(is_ngrams=True)) is None
    assert sentiment_for(NOTHING, ("de", "en"), reader(is_default=True)) is not None


def test_another_encoder_is_taught_what_the_default_thinks() -> None:
    """The same words in a space that is turned round: what was linear in one is so in the other."""
    texts = [f"{text} {('good', 'bad', '')[at % 3]}" for at, text in enumerate(background_utterances())]
    teacher = default_sentiment.replace(
        default_head(), weight=np.eye(4, 16, dtype=np.float32) * 6, bias=np.zeros(4, dtype=np.float32) - 1
    )
    wanted = Space()(texts) @ teacher.weight.T + teacher.bias

    def turned(said: Sequence[str]) -> Any:
        return Space(turned=5)(texts if tuple(said) == background_utterances() else said)

    taught = hand_on(teacher, wanted, turned, seed=0)
    assert (taught.head.source, taught.rows) == ("distilled", len(texts))
    assert taught.held_out is not None
    assert taught.held_out > 0.8
    new = ["a good thing to see", "a bad thing to see", "a thing to see"]
    assert taught.head.probabilities(turned(new)) == pytest.approx(
        sigmoid(Space()(new) @ teacher.weight.T - 1), abs=0.05
    )


def nothing(texts: Sequence[str]) -> Any:
    """Embeddings that tell nothing."""
    return np.tile(np.eye(1, 16, dtype=np.float32), (len(texts), 1))


def test_a_head_that_says_one_thing_of_every_message_does_not_serve() -> None:
    rows = labelled(60).pick(range(90))  # 60 happy ones, 30 sad ones
    with_odd = Utterances([*rows.texts, *labelled(20, ("odd",)).texts], [*rows.labels, *["odd"] * 20])
    found = sentiment_for(with_odd, ("en",), reader(embed=nothing))
    assert found is not None
    assert not found.serves
    (told,) = (one for one in found.findings if one.code == "sentiment_collapsed")
    assert (told.severity, told.count) == ("warning", 110)
    assert "All 110 messages" in told.sample
    assert "'happy'; they have 3" in told.sample
    assert found.to_wire()["source"] is None


def test_nor_does_one_that_was_taught_in_vain() -> None:
    taught = hand_on(default_head(), default_judgement(), nothing, seed=0)
    assert not taught.serves
    assert [one.code for one in taught.findings] == ["sentiment_collapsed"]
    assert taught.findings[0].sample.startswith(f"sentiment: All {len(background_utterances())} messages")


def test_who_tells_nothing_but_by_heart_serves_with_a_warning() -> None:
    """Each text has its place, and none says how another feels."""

    def by_heart(texts: Sequence[str]) -> Any:
        made = np.array([np.random.default_rng(list(text.encode())).normal(size=512) for text in texts])
        return (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32)

    found = sentiment_for(labelled(60), ("en",), reader(embed=by_heart))
    assert found is not None
    assert found.serves
    assert [one.code for one in found.findings] == ["overfitted"]
    assert found.findings[0].sample.startswith("sentiment: It is right on ")


def test_of_a_head_that_tells_them_apart_there_is_nothing_to_say() -> None:
    for own in (labelled(60), NOTHING):
        found = sentiment_for(own, ("en",), reader(is_default=not len(own)))
        assert found is not None
        assert (found.findings, found.serves) == ((), True)


def test_what_is_shipped_goes_together() -> None:
    judged = default_judgement()
    assert judged.shape == (len(background_utterances()), 4)
    has = dict(zip(default_head().labels, (sigmoid(judged) >= default_head().thresholds).T, strict=True))
    at = background_utterances().index("why was I charged an overdraft fee when there was money in the account")
    assert not has["positive"][at]
    assert 0.05 < has["negative"].mean() < 0.95


def test_a_head_that_is_not_the_shipped_one_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sentiment.DIGESTS, sentiment.FILE, "0" * 64)
    with pytest.raises(IntegrityError, match="not the one that was shipped"):
        default_head()


def test_anybody_can_make_one(
    tiny: LocalBase, said: Callable[..., Any], make_run: Callable[..., RunFolder], tmp_path: Path
) -> None:
    some = said(14, ("refund", "delivery"))
    rows = LabelRows(some.texts, [(label,) if at % 7 else () for at, label in enumerate(some.labels)])
    recipe = LabelRecipe(name="t", task="sentiment", method="frozen", folds=2, max_length=16)
    made = default_sentiment.make(rows, tiny, make_run(keep=False), recipe)
    assert (made.head.languages, made.head.source) == (("en",), "default")
    found = default_sentiment.figures(made, rows)
    text = default_sentiment.card(made.head, found, (28, 28))
    assert "| refund | 12 |" in text
    assert "GoEmotions" in text
    assert default_sentiment.judgement(made).shape == (len(background_utterances()), 2)
