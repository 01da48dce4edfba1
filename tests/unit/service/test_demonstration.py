"""What the demo shows of replies that are written, beside those that were selected."""

from __future__ import annotations

from dataclasses import replace

import pytest

from export.drafts import Draft
from export.situation import Candidate
from service.commands.demo import written_beside
from service.demonstration import Beside

ASKED = "do you deliver to Norway?"
SELECTED = Candidate("We deliver to Norway for 12 euro.", 0.71)


def test_both_replies_are_shown_with_their_sources_and_bars() -> None:
    told = written_beside([Beside(ASKED, SELECTED, Draft("Yes, we do.", 0.42), (0.6, 0.5))])
    for wanted in (ASKED, SELECTED.text, "retrieved, 0.71, reaches its bar of 0.60", "Yes, we do.",
                   "generated, 0.42, below its bar of 0.50"):  # fmt: skip
        assert wanted in told
    assert told.index(SELECTED.text) < told.index("Yes, we do.")
    listed = replace(SELECTED, approved=True)
    assert "approved, 0.71" in written_beside([Beside(ASKED, listed, Draft("Yes, we do.", 0.42), (0.6, 0.5))])


@pytest.mark.parametrize(
    ("flaws", "bar", "said"),
    [(("it does not end",), 0.1, "it does not end"), ((), None, "no bar keeps the promised precision")],
)
def test_why_a_reply_would_not_be_said_is_told(flaws: tuple[str, ...], bar: float | None, said: str) -> None:
    told = written_beside([Beside(ASKED, None, Draft("Yes", 0.9, flaws=flaws), (None, bar))])
    assert said in told
    assert "chosen>" not in told, "nothing was selected"


def test_programs_are_told_the_same() -> None:
    wire = Beside(ASKED, SELECTED, Draft("Yes, we do.", 0.42, voice=0.9), (0.6, None)).to_wire()
    assert wire["selected"] == {"reply": SELECTED.text, "source": "retrieved", "score": 0.71, "bar": 0.6}
    assert wire["written"] == {
        "reply": "Yes, we do.", "score": 0.42, "voice": 0.9, "flaws": [], "tokens": 0, "bar": None,
    }  # fmt: skip
    assert Beside(ASKED, None, Draft("Yes", 0.4), (None, None)).to_wire()["selected"] is None


def test_a_release_that_writes_nothing_says_so() -> None:
    assert "writes no replies" in written_beside([])
