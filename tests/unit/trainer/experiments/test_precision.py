"""When an experiment is served in eight bits: where that answers as full precision does, on texts of TRAIN."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from trainer.experiments.precision import agreement, kept_precision


@dataclass(frozen=True)
class Packs:
    """Stands where a packed encoder does: its channels are their own names."""

    folders: tuple[str, ...] = ("fp32", "int8")

    def channel(self, precision: str, threads: int) -> Any:
        return precision


@pytest.mark.parametrize(("different", "precision"), [(0, "int8"), (5, "int8"), (6, "fp32")])
def test_int8_may_differ_by_what_an_exchange_may_cost(different: int, precision: str) -> None:
    said = {"fp32": np.arange(1000), "int8": np.arange(1000)}
    said["int8"][:different] = -1
    assert kept_precision(Packs(), lambda channel: said[channel]) == precision  # type: ignore[arg-type, index]


def test_what_has_no_smaller_form_is_asked_nothing() -> None:
    assert kept_precision(Packs(("fp32",)), lambda _channel: 1 / 0) == "fp32"  # type: ignore[arg-type, return-value]


def test_texts_agree_when_all_of_their_labels_do() -> None:
    one = np.array([[True, False], [True, True], [False, False], [True, False]])
    assert agreement(one, one[:, ::-1]) == 0.5
    assert agreement(np.array(["a", "b"]), np.array(["a", "c"])) == 0.5
