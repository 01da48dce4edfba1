"""`attune rewrite` where there is nothing to write with, or nothing to write of."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

SOURCE = json.dumps({"source": "a long story"}) + "\n"


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """What an experiment with intents leaves."""
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "report.json").write_text(json.dumps({"task": "intent"}), encoding="utf-8")
    return folder


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    path = tmp_path / "sources.jsonl"
    path.write_text(SOURCE, encoding="utf-8")
    return path


def test_an_experiment_that_left_no_model_is_said_to_have_none(
    attune: Callable[..., Any], out: Path, sources: Path
) -> None:
    told = attune("rewrite", out, sources)
    assert told.code != 0
    assert "left no model that rewrites" in told.err
    assert "Traceback" not in told.err


@pytest.mark.parametrize("digest", ["../../etc", "a" * 64, 7])
def test_a_model_that_is_not_there_is_said_so_whatever_the_report_names(
    attune: Callable[..., Any], out: Path, sources: Path, digest: object
) -> None:
    (out / "report.json").write_text(json.dumps({"model": digest}), encoding="utf-8")
    told = attune("rewrite", out, sources)
    assert told.code != 0
    assert "Traceback" not in told.err
    assert str(out) not in told.err


def test_a_folder_that_is_no_model_and_a_file_without_sources_are_refused(
    attune: Callable[..., Any], tmp_path: Path, sources: Path
) -> None:
    assert attune("rewrite", tmp_path, sources).code != 0
    sources.write_text(json.dumps({"label": "x"}) + "\n", encoding="utf-8")
    told = attune("rewrite", tmp_path, sources)
    assert "holds no source" in told.err


def test_what_is_there_already_is_not_written_over(
    attune: Callable[..., Any], tmp_path: Path, out: Path, sources: Path
) -> None:
    there = tmp_path / "there.jsonl"
    there.write_text("mine", encoding="utf-8")
    assert "there already" in attune("rewrite", out, sources, "--out", there).err
    assert there.read_text(encoding="utf-8") == "mine"
