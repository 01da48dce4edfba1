"""Groups in vectors: how many there are is found, the same is found again, and what belongs nowhere is left out."""

from __future__ import annotations

import numpy as np
import pytest

from data.errors import JobCancelled
from trainer.insight import clusters
from trainer.insight.clusters import FEWEST_ROWS, NOWHERE, group, tightness


def clouds(count: int, each: int, spread: float = 0.05, seed: int = 0) -> tuple[clusters.Vectors, np.ndarray]:
    generator = np.random.default_rng(seed)
    middles = generator.normal(size=(count, 32))
    middles /= np.linalg.norm(middles, axis=1, keepdims=True)
    of = np.repeat(np.arange(count), each)
    vectors = middles[of] + generator.normal(size=(len(of), 32)) * spread
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32), of


def nothing() -> None:
    return None


@pytest.mark.parametrize("count", [2, 7, 20])
def test_as_many_groups_as_there_are(count: int) -> None:
    vectors, of = clouds(count, 30)
    found = group(vectors, 0, nothing)
    assert found.count == count
    assert len(set(zip(found.nearest.tolist(), of.tolist(), strict=True))) == count


def test_the_same_again_and_the_largest_first() -> None:
    vectors, _ = clouds(5, 40)
    few = vectors[np.r_[0:40, 40:50, 80:120, 120:150]]
    one, other = group(few, 3, nothing), group(few, 3, nothing)
    assert (one.of == other.of).all()
    sizes = np.bincount(one.nearest)
    assert sizes.tolist() == sorted(sizes.tolist(), reverse=True)
    assert set(one.halves.tolist()) <= {0, 1}


def test_more_rows_than_are_drawn_are_assigned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clusters, "DRAWN_ROWS", 150)
    monkeypatch.setattr(clusters, "TREE_ROWS", 90)
    vectors, of = clouds(6, 60)
    found = group(vectors, 0, nothing)
    assert len(set(zip(found.nearest.tolist(), of.tolist(), strict=True))) == 6


def test_what_lies_far_from_its_group_belongs_to_none() -> None:
    vectors, _ = clouds(3, 60)
    stray = np.zeros((1, 32), dtype=np.float32)
    stray[0, 0] = -1.0
    found = group(np.concatenate([vectors, stray]), 0, nothing)
    assert found.of[-1] == NOWHERE
    assert (found.of[:-1] != NOWHERE).mean() > 0.9


@pytest.mark.parametrize("rows", [0, 1, FEWEST_ROWS - 1])
def test_too_few_rows_have_no_groups(rows: int) -> None:
    found = group(clouds(1, FEWEST_ROWS)[0][:rows], 0, nothing)
    assert found.count == 0
    assert (found.of == NOWHERE).all()


def test_rows_that_are_all_the_same_are_no_error() -> None:
    vectors = np.repeat(clouds(1, 1)[0], 50, axis=0)
    assert group(vectors, 0, nothing).count >= 1


def test_it_stops_when_asked() -> None:
    def stop() -> None:
        raise JobCancelled("enough")

    with pytest.raises(JobCancelled):
        group(clouds(3, 20)[0], 0, stop)


def test_tightness_is_the_silhouette_of_all_pairs() -> None:
    from sklearn.metrics import silhouette_score

    vectors, of = clouds(4, 12, spread=0.2)
    found = of.astype(np.int64)
    assert tightness(vectors, found) == pytest.approx(silhouette_score(vectors, of, metric="cosine"), abs=1e-3)
