"""The base that the flows train from."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest

from tests.brand import VOCABULARY


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """It knows the words of the invented brand. Read-only."""
    from tests.tiny_bert import lay_tiny  # most flows train nothing

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return lay_tiny(tmp_path_factory.mktemp("bases") / "tiny", more=VOCABULARY)
