"""Choices that outlive what made them: resumed, cut off, judged again, damaged, somebody else's."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data.errors import Conflict, StorageFull, UsageError
from service.comparing.blind import ASKED, Pin
from service.comparing.contest import Pair
from service.comparing.ledger import begun, kept, open_ledger
from service.comparing.questions import Question

Make = Callable[..., Pair]


def test_choices_are_there_as_soon_as_they_are_made(
    keep: Path, pin: Pin, questions: Sequence[Question], pair: Make
) -> None:
    ledger = open_ledger(keep, pin, questions)
    assert begun(keep) == pin
    assert stat.S_IMODE(keep.stat().st_mode) == 0o600
    ledger.add(pair(questions[0]).judged("left", "crisper — and kinder"))
    ledger.add(pair(questions[1]).judged("both bad"))
    again = open_ledger(keep, pin, questions)
    assert again.choices == ledger.choices
    assert not again.mended
    again.add(pair(questions[1]).judged("right"))
    assert kept(keep, pin, questions)[1].choices[questions[1].id].choice == "right", "the last one counts"
    assert len(keep.read_text().splitlines()) == 4
    assert not list(keep.parent.glob(".*"))


def test_no_word_of_a_customer_or_a_bot_is_kept(
    keep: Path, pin: Pin, questions: Sequence[Question], pair: Make
) -> None:
    open_ledger(keep, pin, questions).add(pair(questions[0]).judged("left"))
    assert "question 0" not in keep.read_text()
    assert "words" not in keep.read_text()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.integers(0, 400), chosen=st.lists(st.sampled_from(ASKED), min_size=1, max_size=4))
def test_whatever_a_crash_cuts_off_costs_the_last_choice_alone(
    keep: Path, pin: Pin, questions: Sequence[Question], cut: int, chosen: list[str], pair: Make
) -> None:
    keep.unlink(missing_ok=True)
    ledger = open_ledger(keep, pin, questions)
    head = keep.stat().st_size
    for question, choice in zip(questions, chosen, strict=False):
        ledger.add(pair(question).judged(choice))  # type: ignore[arg-type]
    raw = keep.read_bytes()
    left = max(head, len(raw) - cut)
    keep.write_bytes(raw[:left])
    whole = raw[:left].count(b"\n") - 1
    again = open_ledger(keep, pin, questions)
    assert list(again.choices) == [one.id for one in questions[:whole]]
    assert again.mended == (not raw[:left].endswith(b"\n"))
    again.add(pair(questions[whole]).judged("skip"))
    assert len(open_ledger(keep, pin, questions).choices) == whole + 1


def test_looking_mends_nothing(keep: Path, pin: Pin, questions: Sequence[Question]) -> None:
    assert kept(keep, pin, questions)[0] is None
    assert not keep.exists()
    open_ledger(keep, pin, questions)
    torn = keep.read_bytes() + b'{"question'
    keep.write_bytes(torn)
    assert kept(keep, pin, questions)[1].mended
    assert keep.read_bytes() == torn


@pytest.mark.parametrize(
    "content",
    [b"a shopping list\n", b"a shopping list", b"{}\n", b"[1]\n{}\n", b"\xff\xfe\x00\n", b"[" * 100_000 + b"\n", b"\n"],
)
def test_what_is_no_file_of_choices_is_left_alone(
    keep: Path, pin: Pin, questions: Sequence[Question], content: bytes
) -> None:
    keep.write_bytes(content)
    with pytest.raises(UsageError, match="something else"):
        open_ledger(keep, pin, questions)
    assert keep.read_bytes() == content


def test_an_empty_file_is_a_fresh_one(keep: Path, pin: Pin, questions: Sequence[Question]) -> None:
    keep.touch()
    assert begun(keep) is None
    assert open_ledger(keep, pin, questions).choices == {}
    assert begun(keep) == pin


@pytest.mark.parametrize("change", [{"seed": 9}, {"bot": "beta"}, {"digest": "e" * 64}, {"dataset": None}])
def test_another_comparison_is_refused(
    keep: Path, pin: Pin, questions: Sequence[Question], change: dict[str, object]
) -> None:
    open_ledger(keep, pin, questions)
    before = keep.read_bytes()
    with pytest.raises(UsageError, match="about something else"):
        open_ledger(keep, replace(pin, **change), questions)  # type: ignore[arg-type]
    assert keep.read_bytes() == before


@pytest.mark.parametrize(
    "line",
    [b"not json", b"{}", b'{"question":"zz","choice":"left","note":"","sources":["a","b"]}', b"",
     b'{"question":1,"choice":"left","note":"","sources":["a","b"]}', b"NULL"],
)  # fmt: skip
def test_a_line_that_is_no_choice_is_named_and_nothing_is_dropped(
    keep: Path, pin: Pin, questions: Sequence[Question], line: bytes, pair: Make
) -> None:
    open_ledger(keep, pin, questions).add(pair(questions[0]).judged("left"))
    keep.write_bytes(keep.read_bytes() + line + b"\n")
    with pytest.raises(UsageError, match="Line 3"):
        open_ledger(keep, pin, questions)


def test_a_choice_that_is_none_is_refused(keep: Path, pin: Pin, questions: Sequence[Question], pair: Make) -> None:
    open_ledger(keep, pin, questions)
    wire = {**pair(questions[0]).judged("left").to_wire(), "choice": "up"}
    keep.write_bytes(keep.read_bytes() + json.dumps(wire).encode() + b"\n")
    with pytest.raises(UsageError, match="Line 2"):
        kept(keep, pin, questions)


def test_two_who_write_at_once_are_told(keep: Path, pin: Pin, questions: Sequence[Question], pair: Make) -> None:
    one, other = open_ledger(keep, pin, questions), open_ledger(keep, pin, questions)
    one.add(pair(questions[0]).judged("left"))
    with pytest.raises(Conflict):
        other.add(pair(questions[0]).judged("right"))
    one.add(pair(questions[1]).judged("right"))
    assert [judged.choice for judged in open_ledger(keep, pin, questions).choices.values()] == ["left", "right"]


def test_a_full_disk_leaves_no_half_line(
    keep: Path, pin: Pin, questions: Sequence[Question], pair: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = open_ledger(keep, pin, questions)
    before, write = keep.read_bytes(), os.write
    with monkeypatch.context() as patched:
        patched.setattr(os, "write", lambda handle, raw: write(handle, raw[:5]))
        with pytest.raises(StorageFull):
            ledger.add(pair(questions[0]).judged("left"))
    assert keep.read_bytes() == before
    assert ledger.choices == {}
    ledger.add(pair(questions[0]).judged("left"))


@pytest.mark.parametrize("where", ["folder", "nowhere/choices.jsonl"])
def test_a_file_that_cannot_be(tmp_path: Path, pin: Pin, questions: Sequence[Question], where: str) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(UsageError):
        open_ledger(tmp_path / where, pin, questions)
