"""Calibration: the true temperature is found, confidence rises with the evidence, a hopeless head answers nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from export import confidence
from export.confidence import FEATURES
from export.heads import IntentHead
from trainer.core.health import Scoring
from trainer.intents.calibrate import (
    CORRECT_COLUMNS,
    LEAST_NEAR,
    NEAREST_BACKGROUND,
    SCOPE_COLUMNS,
    Calibration,
    HeldOut,
    background_utterances,
    calibrate,
    far_from,
    fit_temperature,
)
from trainer.intents.linear import Labelled, head_of

HIDDEN = 16


def unit(vectors: np.ndarray) -> np.ndarray:
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def head(labels: Sequence[str], scale: float = 8.0) -> IntentHead:
    """A head whose label k lies in direction k, with five neighbours of each."""
    generator = np.random.default_rng(1)
    eye = np.eye(HIDDEN)[: len(labels)]
    near = unit(np.repeat(eye, 5, axis=0) + 0.1 * generator.standard_normal((len(labels) * 5, HIDDEN)))
    zero = np.zeros(len(FEATURES) + 1, dtype=np.float32)
    return IntentHead(
        labels=tuple(labels),
        weight=(eye * scale).astype(np.float32),
        bias=np.zeros(len(labels), dtype=np.float32),
        temperature=1.0,
        neighbours=near,
        neighbour_labels=np.repeat(np.arange(len(labels)), 5).astype(np.int32),
        scope=zero,
        correct=zero,
    )


def held(
    known: str = "abcde", away: str = "", noise: float = 0.3, rows: int = 60, far: int = 80, seed: int = 0
) -> HeldOut:
    """Rows of labels a head knows, rows of labels kept `away`, and far ones in directions nobody uses."""
    generator = np.random.default_rng(seed)
    names = [*known, *away]
    labels = [label for label in names for _ in range(rows)]
    where = np.array([np.eye(HIDDEN)[names.index(label)] for label in labels]).reshape(-1, HIDDEN)
    vectors = unit(where + noise * generator.standard_normal(where.shape))
    background = unit(np.eye(HIDDEN)[-1] + 0.5 * generator.standard_normal((far, HIDDEN))) if far else vectors[:0]
    return HeldOut(head(list(known)), vectors, labels, background)


def fitted(*parts: HeldOut, target: float = 0.9, share: float = 0.3) -> Calibration:
    return calibrate(parts, target_precision=target, oos_share=share, seed=0)


@pytest.mark.parametrize("true", [0.25, 1.0, 3.0])
def test_the_temperature_is_near_the_true_one(true: float) -> None:
    """Labels are drawn from the softmax at the true temperature."""
    generator = np.random.default_rng(3)
    vectors = unit(generator.standard_normal((4000, HIDDEN)))
    made = head("abcde", scale=6.0)
    logits = vectors @ made.weight.T / true
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = ["abcde"[generator.choice(5, p=share)] for share in shares]
    part = HeldOut(made, vectors, labels, vectors[:0])
    assert fit_temperature([part]) == pytest.approx(true, rel=0.15)
    pair = [HeldOut(made, vectors[at::2], labels[at::2], vectors[:0]) for at in (0, 1)]
    assert fit_temperature(pair) == pytest.approx(fit_temperature([part]), rel=1e-3)


def test_the_temperature_is_one_without_evidence_and_bounded_with_too_clear_evidence() -> None:
    nothing = HeldOut(head("ab"), np.empty((0, HIDDEN), np.float32), [], np.empty((0, HIDDEN), np.float32))
    unknown = HeldOut(head("ab"), unit(np.ones((3, HIDDEN))), ["x"] * 3, np.empty((0, HIDDEN), np.float32))
    assert fit_temperature([nothing]) == fit_temperature([unknown]) == fit_temperature([]) == 1.0
    assert 0.05 <= fit_temperature([held(noise=0.0)]) < 0.5


def test_confidence_means_what_it_says() -> None:
    found = fitted(held(away="xy", noise=0.4))
    assert found.accuracy == pytest.approx(found.right[~found.outside].mean())
    assert ((found.confidence > 0) & (found.confidence < 1)).all()
    inside = found.confidence[~found.outside].mean()
    assert inside > 2 * found.confidence[found.outside].mean()
    assert found.confidence[found.right].mean() > found.confidence[~found.right].mean()


def test_confidence_rises_with_the_evidence() -> None:
    """From a direction nobody uses straight to the heart of a class, it never falls."""
    part = held(away="xy")
    calibrated = fitted(part).apply(part.head)
    steps = np.linspace(0, 1, 50)[:, None]
    path = unit((1 - steps) * np.eye(HIDDEN)[9] + steps * np.eye(HIDDEN)[0])
    found = confidence.score(calibrated, path)
    assert (np.diff(found.confidence[10:]) >= -1e-6).all()
    assert (np.diff(found.in_scope[10:]) >= -1e-6).all()
    assert found.confidence[0] < 0.2 < 0.8 < found.confidence[-1]


def test_only_the_columns_meant_are_used() -> None:
    found = fitted(held(away="xy", noise=0.5))
    for coefficients, used in ((found.scope, SCOPE_COLUMNS), (found.correct, CORRECT_COLUMNS)):
        assert coefficients.shape == (len(FEATURES) + 1,)
        for name, value in zip(FEATURES, coefficients, strict=False):
            assert (value != 0) == (name in used), name


def test_what_was_fitted_is_what_a_head_scores_by() -> None:
    part = held(away="xy", noise=0.5, far=0)
    found = fitted(part)
    scored = confidence.score(found.apply(part.head), part.embeddings)
    np.testing.assert_allclose(scored.confidence, found.confidence, atol=1e-6)


def test_the_answer_threshold_keeps_its_promise_beside_general_utterances_too() -> None:
    found = fitted(held(away="xy", noise=0.45))
    assert found.answer is not None
    answered = found.confidence >= found.answer
    inside, outside = answered & ~found.outside, answered & found.outside
    weight = np.where(found.outside, 0.3 / found.outside.sum(), 0.7 / (~found.outside).sum())
    precision = (weight * found.right)[answered].sum() / weight[answered].sum()
    assert precision >= 0.9
    assert inside.sum() > outside.sum()
    assert 0 < found.oos < 1


def test_the_promise_is_kept_beside_messages_that_are_nearly_in_scope() -> None:
    """General utterances, however many, make it no cheaper."""
    part, rows = held(away="xy", noise=0.45), held(away="xy", noise=0.45, far=0)
    beside_far, found = fitted(part), fitted(rows)
    near = confidence.score(beside_far.apply(part.head), rows.embeddings)
    outside = np.array([label in "xy" for label in rows.labels])
    answers = np.array(part.head.labels)[near.best]
    answered = near.confidence >= beside_far.answer
    weight = np.where(outside, 0.3 / outside.sum(), 0.7 / (~outside).sum())
    right = (answers == np.array(rows.labels)) & ~outside
    assert (weight * right)[answered].sum() / weight[answered].sum() >= 0.9
    assert found.answer is not None


def test_without_messages_that_are_nearly_in_scope_general_ones_stand_for_them() -> None:
    found = fitted(held(noise=0.45))
    answered = found.confidence >= found.answer
    weight = np.where(found.outside, 0.3 / found.outside.sum(), 0.7 / (~found.outside).sum())
    assert (weight * found.right)[answered].sum() / weight[answered].sum() >= 0.9


@pytest.mark.parametrize(("odd", "answers"), [(LEAST_NEAR - 1, True), (LEAST_NEAR, False)])
def test_a_few_odd_messages_labelled_oos_do_not_silence_a_bot(odd: int, answers: bool) -> None:
    """They look like rows in scope: beside general utterances they are few, alone they are three in ten messages."""
    part = held(known="abcd", noise=0.1, far=1_000)
    like = part.embeddings[:odd]
    odder = HeldOut(part.head, np.concatenate([part.embeddings, like]), [*part.labels, *["oos"] * odd], part.background)
    assert (fitted(odder).answer is not None) == answers


def test_a_hopeless_head_answers_nothing() -> None:
    part = held(noise=0.3)
    wrong = HeldOut(
        part.head, part.embeddings, ["bcdea"["abcde".index(label)] for label in part.labels], part.background
    )
    found = fitted(wrong)
    assert found.answer is None
    assert found.accuracy < 0.1
    noise = HeldOut(
        part.head, unit(np.random.default_rng(0).standard_normal((300, HIDDEN))), part.labels, part.background
    )
    assert fitted(noise, target=0.99).answer is None


@pytest.mark.parametrize("far", [0, 40])
@pytest.mark.parametrize("rows", [0, 1, 2])
def test_very_little_is_enough_to_be_careful_by(rows: int, far: int) -> None:
    if not rows and not far:
        pytest.skip("nothing at all is no case of a training: the background is always there")
    found = fitted(held(known="ab", rows=rows, far=far))
    assert found.answer is None
    assert np.isfinite(found.scope).all()
    assert np.isfinite(found.correct).all()
    assert np.isfinite([found.temperature, found.oos]).all()


def test_rows_labelled_oos_count_as_out_of_scope() -> None:
    part = held(known="abcd", away="x", far=0)
    labels = ["oos" if label == "x" else label for label in part.labels]
    found = fitted(HeldOut(part.head, part.embeddings, labels, part.background))
    assert found.outside.sum() == 60
    assert not found.right[found.outside].any()
    knows = head(["a", "b", "c", "d", "oos"])
    found = fitted(HeldOut(knows, part.embeddings, labels, part.background))
    assert found.outside.sum() == 60
    assert not found.right[found.outside].any()


def test_the_same_parts_give_the_same_numbers() -> None:
    first, second = (fitted(held(away="xy"), held(seed=1)) for _ in range(2))
    for name in ("scope", "correct", "confidence", "right", "outside"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))
    assert (first.temperature, first.answer, first.oos) == (second.temperature, second.answer, second.oos)


def test_applying_changes_nothing_but_what_was_calibrated() -> None:
    part = held(away="xy")
    found = fitted(part)
    applied = found.apply(part.head)
    assert applied.weight is part.head.weight
    assert applied.neighbours is part.head.neighbours
    assert (applied.temperature, applied.scope is found.scope) == (found.temperature, True)


@settings(deadline=None)
@given(st.integers(0, 30), st.integers(0, 10), st.integers(0, 100))
def test_the_background_nearest_to_the_brand_is_left_out(rows: int, brand: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    general = unit(generator.standard_normal((rows, 4)) + 1e-3)
    own = unit(generator.standard_normal((brand, 4)) + 1e-3)
    kept = far_from(general, own)
    if not rows or not brand:
        assert kept is general
        return
    assert len(kept) == max(round(rows * (1 - NEAREST_BACKGROUND)), 1)
    closeness = {tuple(row): float((own @ row).max()) for row in general}
    left_out = set(closeness) - set(map(tuple, kept))
    if left_out:
        assert max(closeness[tuple(row)] for row in kept) <= min(closeness[row] for row in left_out) + 1e-6


def test_background_utterances_are_many_different_and_always_in_the_same_order() -> None:
    found = background_utterances()
    assert len(found) == len(set(found)) >= 300
    assert all(text == text.strip() and text for text in found)
    background_utterances.cache_clear()
    assert background_utterances() == found


def test_a_head_in_half_precision_is_calibrated_like_its_original() -> None:
    part = held(away="xy")
    half = replace(part.head, neighbours=part.head.neighbours.astype(np.float16))
    first, second = fitted(part), fitted(HeldOut(half, part.embeddings, part.labels, part.background))
    np.testing.assert_allclose(first.confidence, second.confidence, atol=0.01)


@pytest.mark.parametrize(
    ("weight", "labels", "expected"),
    [
        (1.0, "abcd", Scoring(["a", "b", "c"], ["a", "b", "c"], 1.0)),
        (0.1, "abcd", Scoring(["a", "b", "c"], ["a"] * 3, pytest.approx(1 / 3))),
        (1.0, "z", Scoring([], [], 1.0)),
    ],
    ids=["sure", "drowned by the first label's bias", "none of its labels"],
)
def test_a_head_is_scored_by_its_own_weights_on_the_labels_it_knows(
    weight: float, labels: str, expected: Scoring
) -> None:
    near = Labelled(np.eye(3, dtype=np.float32), list("abc"), np.ones(3, np.float32))
    own = head_of(("a", "b", "c"), np.eye(3) * weight, np.array([0.5, 0, 0]), near)
    held = HeldOut(own, np.eye(4, 3, dtype=np.float32)[: len(labels)], list(labels), np.empty((0, 3), np.float32))
    assert held.scoring() == expected


def bilingual(noise: float, few: int = 20) -> HeldOut:
    """English rows that the head knows well, and Danish ones near the middle of two classes, as often the other's."""
    well, generator = held(noise=0.2, away="xy"), np.random.default_rng(5)
    labels = [label for label in "abcde" for _ in range(few)]
    at = np.array(["abcde".index(label) for label in labels])
    other = np.where(generator.random(len(at)) < noise, (at + 1) % 5, at)
    danish = unit(np.eye(HIDDEN)[other] + 0.2 * generator.standard_normal((len(at), HIDDEN)))
    return HeldOut(
        well.head,
        np.concatenate([well.embeddings, danish]).astype(np.float32),
        [*well.labels, *labels],
        well.background,
        ["en"] * len(well.labels) + ["da"] * len(labels),
    )


def test_a_language_in_which_the_promise_is_broken_gets_a_higher_bar_or_none() -> None:
    found = fitted(bilingual(noise=0.35), target=0.85)
    assert set(found.by_language) == {"da"}
    assert found.answer is not None
    bar = found.by_language["da"]
    assert bar is None or bar > found.answer
    bars = found.thresholds()
    assert (bars.bar("da"), bars.bar("en"), bars.bar(None)) == (bar, found.answer, found.answer)


def test_where_one_language_leaves_no_common_bar_another_still_answers() -> None:
    found = fitted(bilingual(noise=0.35, few=60), target=0.9)
    assert found.answer is None
    bars = found.thresholds()
    assert bars.bar("en") is not None
    assert (bars.bar("da"), bars.bar(None)) == (None, None)


def test_languages_that_keep_the_promise_share_one_bar() -> None:
    assert fitted(bilingual(noise=0.0), target=0.85).by_language == {}


def test_a_language_of_few_rows_or_the_only_one_has_no_bar_of_its_own() -> None:
    assert fitted(bilingual(noise=0.35, few=9), target=0.85).by_language == {}
    part = held(away="xy", noise=0.5)
    alone = HeldOut(part.head, part.embeddings, part.labels, part.background, ["da"] * len(part.labels))
    assert fitted(alone).by_language == {}
