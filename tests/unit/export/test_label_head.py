"""The label head: what it says, and that it is read back as it was written or refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from data.errors import IntegrityError
from export.label_head import LabelHead


def head(exclusive: bool = False) -> LabelHead:
    weight = np.array([[4, 0], [0, 4], [-4, -4]], dtype=np.float32)
    thresholds = np.array([0.5, 0.9, 0.2], dtype=np.float32)
    return LabelHead(
        ("good", "bad", "ärger"),
        weight,
        np.array([0, 0, 1], dtype=np.float32),
        thresholds,
        exclusive,
        ("en", "de"),
        "t",
    )


VECTORS = arrays(np.float32, (5, 2), elements=st.floats(-1, 1, width=32))


@given(VECTORS)
def test_any_number_of_labels_have_a_probability_each(vectors: np.ndarray) -> None:
    found = head().probabilities(vectors)
    assert found.shape == (5, 3)
    assert ((found > 0) & (found < 1)).all()
    assert (head().chosen(found) == (found >= head().thresholds)).all()


@given(VECTORS)
def test_of_labels_that_exclude_each_other_there_is_one(vectors: np.ndarray) -> None:
    one = head(exclusive=True)
    found = one.probabilities(vectors)
    assert found.sum(axis=1) == pytest.approx(np.ones(5), abs=1e-5)
    assert (one.chosen(found).sum(axis=1) == 1).all()
    assert (one.standing(found).argmax(axis=1) == found.argmax(axis=1)).all()


def test_a_label_stands_by_how_far_it_is_above_its_own_threshold() -> None:
    found = np.array([[0.6, 0.85, 0.35]])
    assert head().standing(found).argmax() == 2  # 0.35 is more above 0.2 than 0.6 above 0.5
    assert head().standing(np.array([[0.0, 1.0, 0.5]])).argmax() == 1


def test_a_head_is_read_back_as_it_was(tmp_path: Path) -> None:
    path, again = tmp_path / "one.safetensors", tmp_path / "two.safetensors"
    for exclusive in (False, True):
        head(exclusive).save(path)
        head(exclusive).save(again)
        assert path.read_bytes() == again.read_bytes()
        read = LabelHead.load(path)
        assert (read.labels, read.exclusive, read.languages, read.source) == (
            ("good", "bad", "ärger"),
            exclusive,
            ("en", "de"),
            "t",
        )
        assert (read.weight == head().weight).all()
        assert read.size_bytes == 4 * (6 + 3 + 3)


def broken() -> dict[str, LabelHead]:
    good = head()
    few = np.zeros(2, dtype=np.float32)
    return {
        "a label twice": LabelHead(("a", "a", "b"), good.weight, good.bias, good.thresholds, False),
        "a label too few": LabelHead(("a", "b"), good.weight, good.bias, good.thresholds, False),
        "thresholds of others": LabelHead(good.labels, good.weight, good.bias, few, False),
        "no number": LabelHead(good.labels, good.weight * np.nan, good.bias, good.thresholds, False),
    }


@pytest.mark.parametrize("case", broken())
def test_parts_that_do_not_fit_are_refused(case: str, tmp_path: Path) -> None:
    broken()[case].save(tmp_path / "head")
    with pytest.raises(IntegrityError, match="do not fit"):
        LabelHead.load(tmp_path / "head")


@pytest.mark.parametrize("content", [None, b"", b"\x08\0\0\0\0\0\0\0{}      ", b"no safetensors at all"])
def test_what_is_no_head_is_refused(content: bytes | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "head").write_bytes(content)
    with pytest.raises(IntegrityError, match="cannot be read"):
        LabelHead.load(tmp_path / "head")
