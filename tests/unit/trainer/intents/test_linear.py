"""The linear head: both classes have a row, a label can be forgotten, neighbours are drawn evenly."""

from __future__ import annotations

from collections import Counter

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from export import confidence
from trainer.intents.linear import Labelled, head_of, linear_weights, thin, without


def clusters(labels: str, rows: int = 12, hidden: int = 8, seed: int = 0) -> Labelled:
    """Unit vectors around one direction for each label."""
    generator = np.random.default_rng(seed)
    names = [label for label in labels for _ in range(rows)]
    centres = dict(zip(labels, np.eye(hidden), strict=False))
    vectors = np.stack([centres[name] for name in names]) + 0.15 * generator.standard_normal((len(names), hidden))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return Labelled(vectors.astype(np.float32), names, np.ones(len(names), dtype=np.float32))


def predicted(labels: tuple[str, ...], weight: npt.NDArray[np.float32], bias: npt.NDArray[np.float32], rows: Labelled):  # type: ignore[no-untyped-def]
    return [labels[at] for at in (rows.embeddings @ weight.T + bias).argmax(axis=1)]


@pytest.mark.parametrize("names", ["ab", "abc", "abcdefgh"])
def test_a_head_has_a_row_for_every_label(names: str) -> None:
    rows = clusters(names)
    labels, weight, bias = linear_weights(rows, 20.0)
    assert labels == tuple(names)
    assert (weight.shape, bias.shape) == ((len(names), 8), (len(names),))
    assert weight.dtype == bias.dtype == np.float32
    assert predicted(labels, weight, bias, rows) == rows.labels


def test_two_classes_get_the_probabilities_that_logistic_regression_gives() -> None:
    from sklearn.linear_model import LogisticRegression

    rows = clusters("ab")
    _, weight, bias = linear_weights(rows, 20.0)
    logits = rows.embeddings @ weight.T + bias
    ours = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    model = LogisticRegression(C=20.0, max_iter=300).fit(rows.embeddings, rows.labels)
    np.testing.assert_allclose(ours, model.predict_proba(rows.embeddings), atol=1e-5)


def test_weights_count() -> None:
    rows = clusters("ab")
    same = Labelled(np.tile(rows.embeddings[:1], (4, 1)), list("aabb"), np.array([9, 9, 1, 1], dtype=np.float32))
    labels, weight, bias = linear_weights(same, 1e3)
    assert predicted(labels, weight, bias, same) == ["a"] * 4
    logits = same.embeddings[0] @ weight.T + bias
    assert 1 / (1 + np.exp(logits[1] - logits[0])) == pytest.approx(0.9, abs=0.02)


def test_the_same_rows_give_the_same_bytes() -> None:
    first, second = (linear_weights(clusters("abc"), 20.0) for _ in range(2))
    np.testing.assert_array_equal(first[1], second[1])
    np.testing.assert_array_equal(first[2], second[2])


def head_with(names: str):  # type: ignore[no-untyped-def]
    rows = clusters(names)
    return head_of(*linear_weights(rows, 20.0), rows)


@pytest.mark.parametrize("gone", ["a", "c", "oos"])
def test_without_a_label_a_head_is_as_if_it_had_never_heard_of_it(gone: str) -> None:
    rows = clusters("abcd")
    named = Labelled(rows.embeddings, ["oos" if n == "d" else n for n in rows.labels], rows.weights)
    head = head_of(*linear_weights(named, 20.0), named)
    less = without(head, gone)
    assert less.labels == tuple(label for label in head.labels if label != gone)
    for at, label in enumerate(less.labels):
        before = head.labels.index(label)
        np.testing.assert_array_equal(less.weight[at], head.weight[before])
        assert less.bias[at] == head.bias[before]
        np.testing.assert_array_equal(
            less.neighbours[less.neighbour_labels == at], head.neighbours[head.neighbour_labels == before]
        )
    assert len(less.neighbours) == len(less.neighbour_labels) == 36
    assert less.neighbour_labels.dtype == np.int32
    kept = [head.labels.index(label) for label in less.labels]
    before, after = (confidence.score(h, rows.embeddings).probabilities for h in (head, less))
    np.testing.assert_allclose(after, before[:, kept] / before[:, kept].sum(axis=1, keepdims=True), atol=1e-6)


def test_a_head_that_is_not_calibrated_is_as_sure_of_everything() -> None:
    found = confidence.score(head_with("abc"), clusters("abc").embeddings)
    assert set(found.confidence.tolist()) == {0.25}


@given(
    st.lists(st.sampled_from("abcde"), min_size=1, max_size=80),
    st.integers(1, 90),
    st.integers(0, 2**31 - 1),
)
def test_thinning_draws_evenly(labels: list[str], most: int, seed: int) -> None:
    rows = Labelled(np.arange(len(labels), dtype=np.float32)[:, None], labels, np.arange(len(labels), dtype=np.float32))
    kept = thin(rows, most, seed)
    assert len(kept) == min(most, len(rows))
    at = kept.embeddings[:, 0].astype(int).tolist()
    assert at == sorted(set(at))
    assert list(kept.labels) == [labels[row] for row in at]
    assert kept.weights.tolist() == at
    count, have = Counter(kept.labels), Counter(labels)
    most_kept = max(count.values())
    for label in have:
        assert count[label] >= min(have[label], most_kept - 1)
    again = thin(rows, most, seed)
    assert again.embeddings.tolist() == kept.embeddings.tolist()


def test_rows_are_picked_by_mask_or_place_and_joined() -> None:
    rows = clusters("ab", rows=2)
    by_mask = rows.pick(np.array([True, False, False, True]))
    by_place = rows.pick(np.array([0, 3]))
    assert list(by_mask.labels) == list(by_place.labels) == ["a", "b"]
    np.testing.assert_array_equal(by_mask.embeddings, by_place.embeddings)
    joined = by_mask.join(by_place)
    assert len(joined) == 4
    assert list(joined.labels) == ["a", "b", "a", "b"]
    assert len(rows.pick(np.array([], dtype=np.int64))) == 0
