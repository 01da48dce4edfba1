"""The intent head on disk: what was saved comes back, and nothing else passes for it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from data.errors import IntegrityError
from export import confidence
from export.confidence import FEATURES
from export.heads import FEW, FILE, IntentHead


def make(labels: tuple[str, ...] = ("a", "oos", "b"), neighbours: int = 7, hidden: int = 6) -> IntentHead:
    generator = np.random.default_rng(0)
    near = generator.standard_normal((neighbours, hidden))
    near /= np.linalg.norm(near, axis=1, keepdims=True)
    return IntentHead(
        labels=labels,
        weight=generator.standard_normal((len(labels), hidden)).astype(np.float32),
        bias=generator.standard_normal(len(labels)).astype(np.float32),
        temperature=0.75,
        neighbours=near.astype(np.float16),
        neighbour_labels=(np.arange(neighbours) % len(labels)).astype(np.int32),
        scope=generator.standard_normal(len(FEATURES) + 1).astype(np.float32),
        correct=generator.standard_normal(len(FEATURES) + 1).astype(np.float32),
    )


def test_what_was_saved_comes_back(tmp_path: Path) -> None:
    head = make()
    head.save(tmp_path)
    found = IntentHead.load(tmp_path)
    assert (found.labels, found.temperature) == (head.labels, head.temperature)
    for name in ("weight", "bias", "neighbour_labels", "scope", "correct"):
        assert getattr(found, name).dtype == getattr(head, name).dtype
        np.testing.assert_array_equal(getattr(found, name), getattr(head, name))
    np.testing.assert_array_equal(found.neighbours, head.neighbours)


@pytest.mark.parametrize(("rows", "kept"), [(FEW, np.float16), (FEW + 1, np.float32)])
def test_few_neighbours_stay_in_half_the_bytes(tmp_path: Path, rows: int, kept: type) -> None:
    vectors = np.random.default_rng(2).standard_normal((rows, 6)).astype(np.float16).astype(np.float32)
    head = replace(make(), neighbours=vectors, neighbour_labels=np.zeros(rows, dtype=np.int32))
    head.save(tmp_path)
    found = IntentHead.load(tmp_path)
    assert found.neighbours.dtype == kept
    np.testing.assert_array_equal(found.neighbours, vectors)


def test_it_scores_as_it_did(tmp_path: Path) -> None:
    head = make()
    head.save(tmp_path)
    vectors = np.random.default_rng(1).standard_normal((20, 6)).astype(np.float32)
    before, after = (confidence.score(h, vectors) for h in (head, IntentHead.load(tmp_path)))
    np.testing.assert_array_equal(before.confidence, after.confidence)
    np.testing.assert_array_equal(before.best, after.best)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.text(min_size=1, max_size=10), min_size=1, max_size=14, unique=True))
def test_any_labels_come_back_in_their_order(tmp_path_factory: pytest.TempPathFactory, labels: list[str]) -> None:
    folder = tmp_path_factory.mktemp("head")
    make(tuple(labels)).save(folder)
    assert IntentHead.load(folder).labels == tuple(labels)


def test_a_thousand_labels_keep_their_order(tmp_path: Path) -> None:
    labels = tuple(f"l{at}" for at in range(1001))
    make(labels, hidden=2).save(tmp_path)
    assert IntentHead.load(tmp_path).labels == labels


def test_the_same_head_gives_the_same_bytes(tmp_path: Path) -> None:
    contents = set()
    for _ in range(30):
        make(tuple("abcdefgh")).save(tmp_path)
        contents.add((tmp_path / FILE).read_bytes())
    assert len(contents) == 1


def test_a_head_may_have_no_neighbours(tmp_path: Path) -> None:
    head = replace(make(), neighbours=np.empty((0, 6), np.float16), neighbour_labels=np.empty(0, np.int32))
    head.save(tmp_path)
    assert IntentHead.load(tmp_path).neighbours.shape == (0, 6)


def test_a_folder_without_a_head_is_refused(tmp_path: Path) -> None:
    with pytest.raises(IntegrityError) as caught:
        IntentHead.load(tmp_path)
    assert str(tmp_path) not in str(caught.value)


def test_damaged_bytes_are_refused(tmp_path: Path) -> None:
    make().save(tmp_path)
    whole = (tmp_path / FILE).read_bytes()
    for damaged in (b"", b"\x80\x04", whole[:-1], whole[: len(whole) // 2], whole[100:], b"\xff" * 8 + whole[8:]):
        (tmp_path / FILE).write_bytes(damaged)
        with pytest.raises(IntegrityError):
            IntentHead.load(tmp_path)


@pytest.mark.parametrize(
    "name", ["weight", "bias", "temperature", "neighbours", "neighbour_labels", "scope", "correct"]
)
def test_a_missing_array_is_refused(tmp_path: Path, name: str) -> None:
    make().save(tmp_path)
    arrays = load_file(tmp_path / FILE)
    del arrays[name]
    save_file(arrays, tmp_path / FILE, metadata={f"label.{at:05d}": str(at) for at in range(3)})
    with pytest.raises(IntegrityError):
        IntentHead.load(tmp_path)


@pytest.mark.parametrize("labels", [0, 2, 4])
def test_labels_that_do_not_fit_the_weights_are_refused(tmp_path: Path, labels: int) -> None:
    make().save(tmp_path)
    arrays = load_file(tmp_path / FILE)
    save_file(arrays, tmp_path / FILE, metadata={f"label.{at:05d}": str(at) for at in range(labels)} or None)
    with pytest.raises(IntegrityError):
        IntentHead.load(tmp_path)


FORGED: dict[str, dict[str, np.ndarray]] = {
    "fewer neighbours": {"neighbours": np.zeros((2, 6), np.float16)},
    "bias of other labels": {"bias": np.zeros(2, np.float32)},
    "neighbours of another width": {"neighbours": np.zeros((7, 5), np.float16)},
    "neighbours of labels that are not": {"neighbour_labels": np.full(7, 3, np.int32)},
    "negative labels": {"neighbour_labels": np.full(7, -1, np.int32)},
    "labels that are no whole numbers": {"neighbour_labels": np.zeros(7, np.float32)},
    "too few features": {"scope": np.zeros(3, np.float32)},
    "too many features": {"correct": np.zeros(9, np.float32)},
    "no temperature": {"temperature": np.zeros(0, np.float32)},
    "a temperature of nothing": {"temperature": np.zeros(1, np.float32)},
    "weights that are no numbers": {"weight": np.full((3, 6), np.nan, np.float32)},
    "weights of one dimension": {"weight": np.zeros(3, np.float32)},
    "weights of no dimension": {"weight": np.zeros((), np.float32)},
    "neighbours of no dimension": {"neighbours": np.zeros((), np.float16)},
    "weights that are whole numbers": {"weight": np.zeros((3, 6), np.int32)},
    "an endless temperature": {"temperature": np.full(1, np.inf, np.float32)},
    "a negative temperature": {"temperature": np.full(1, -1, np.float32)},
}


@pytest.mark.parametrize("name", FORGED)
def test_arrays_that_do_not_fit_each_other_are_refused(tmp_path: Path, name: str) -> None:
    make().save(tmp_path)
    arrays = load_file(tmp_path / FILE) | FORGED[name]
    save_file(arrays, tmp_path / FILE, metadata={f"label.{at:05d}": str(at) for at in range(3)})
    with pytest.raises(IntegrityError):
        IntentHead.load(tmp_path)


def test_a_label_that_comes_twice_is_refused(tmp_path: Path) -> None:
    make().save(tmp_path)
    arrays = load_file(tmp_path / FILE)
    save_file(arrays, tmp_path / FILE, metadata={f"label.{at:05d}": "a" for at in range(3)})
    with pytest.raises(IntegrityError):
        IntentHead.load(tmp_path)


def test_a_head_that_the_library_wrote_in_its_own_order_is_read(tmp_path: Path) -> None:
    """As releases were written before."""
    make(("b", "a", "c")).save(tmp_path)
    arrays = load_file(tmp_path / FILE)
    save_file(arrays, tmp_path / FILE, metadata={f"label.{at:05d}": name for at, name in enumerate("bac")})
    assert IntentHead.load(tmp_path).labels == ("b", "a", "c")


def test_its_size_is_that_of_its_arrays() -> None:
    head = make()
    assert head.size_bytes == 3 * 6 * 4 + 3 * 4 + 7 * 6 * 2 + 7 * 4 + 2 * 6 * 4
