"""The base that the flows train from. What becomes of one encoder as a graph is made once."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.brand import VOCABULARY


@pytest.fixture(scope="session")
def exports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Most retrainings leave the base as it is: they share its export, which takes longer than their training."""
    from tests.packing import packing_once
    from trainer import candidate

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(candidate, "pack", packing_once(tmp_path_factory.mktemp("packed")))
        yield


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory, exports: None) -> Path:
    """It knows the words of the invented brand. Read-only."""
    from tests.tiny_bert import lay_tiny  # most flows train nothing

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return lay_tiny(tmp_path_factory.mktemp("bases") / "tiny", more=VOCABULARY)
