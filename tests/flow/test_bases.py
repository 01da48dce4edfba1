"""A base of one's own over the command line, real child processes and all: brought in, listed, used, and not lost."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from service.cli import run
from tests.tiny_bert import lay_tiny

Attune = Callable[..., Any]


@pytest.fixture
def attune(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Attune:
    """Runs one command line; returns its exit code and the JSON it printed."""

    def call(*arguments: object) -> tuple[int, Any]:
        code = run([*map(str, arguments), "--home", str(tmp_path / "home"), "--json"])
        out = capfd.readouterr().out.strip()
        return code, json.loads(out.splitlines()[-1]) if out else None

    return call


def test_a_base_comes_in_and_goes(attune: Attune, tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        folder = lay_tiny(tmp_path / "theirs")
    named = ("bases", "import", folder, "--name", "mine", "--licence", "MIT", "--languages", "en")
    code, refused = attune(*named)
    assert (code, refused["error"]["code"]) == (2, "usage_invalid")
    assert [one["name"] for one in attune("bases")[1]["bases"]] == ["minilm-l6", "attune-chat-10m"]
    code, done = attune(*named, "--accept-licence")
    assert (code, done["base"]["licence"], done["kept"]) == (0, "mit", True)
    assert [one["name"] for one in attune("bases", "list")[1]["bases"]] == ["minilm-l6", "attune-chat-10m", "mine"]
    assert attune("bases", "remove", "mine")[0] == 0
    assert attune("bases", "remove", "mine")[1]["error"]["code"] == "not_found"
