"""A comparison that was never loaded: its pin, its questions, and replies that are made up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from service.comparing.blind import Pin, Side, stands_left
from service.comparing.contest import Pair
from service.comparing.questions import Question, digest_of

ASKED = tuple(Question.of([("user", f"question {number}")]) for number in range(12))


def pin_of(questions: Sequence[Question], seed: int = 0) -> Pin:
    return Pin("acme", Side(3, "c" * 64), Side(2, "b" * 64), seed, "f" * 64, 50, len(questions), digest_of(questions))


def pair_of(question: Question, replies: tuple[str, str] = ("new words", "old words"), seed: int = 0) -> Pair:
    return Pair(question, replies, ("generated", "retrieved"), stands_left(seed, question.id))


@pytest.fixture(scope="session")
def questions() -> tuple[Question, ...]:
    return ASKED


@pytest.fixture(scope="session")
def pin() -> Pin:
    return pin_of(ASKED)


@pytest.fixture(scope="session")
def pair() -> Callable[..., Pair]:
    return pair_of


@pytest.fixture
def keep(tmp_path: Path) -> Path:
    return tmp_path / "choices.jsonl"
