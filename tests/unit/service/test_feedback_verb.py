"""`attune feedback`: what waits, what it is worth, and what becomes of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from data.settings import load_settings
from data.store import bots, feedback, keys, open_store, sessions, turns
from data.store.feedback import Given
from data.store.keys import NewKey
from data.store.sessions import NewSession
from data.store.turns import NewTurn


@pytest.fixture
def given(attune: Callable[..., Any], home: Path) -> str:
    """The id of a disliked and corrected reply."""
    assert attune("init", "acme").code == 0
    with open_store(load_settings(home, environ={}).store_url, home=home) as store, store.begin() as tx:
        bot = bots.get(tx, "acme")
        key, _ = keys.create(tx, NewKey("page", (), "public", bot.id))
        session = sessions.create(tx, NewSession(bot.id, key.id, None, "", tx.now + timedelta(hours=1)))
        asked = turns.add(tx, session, NewTurn("user", "do you mend zips on tents as well"))
        reply = turns.add(
            tx, session, NewTurn("assistant", "No.", reply_to=asked.id, release=1, confidence=0.4, action="answer")
        )
        said = Given(reply, session.id, True, session.id, rating=-1, corrected_reply="Yes, " + "at our workshop " * 9)
        return feedback.put(tx, bot.id, said)[0].id


def test_what_waits_is_shown_with_what_was_said(attune: Callable[..., Any], given: str) -> None:
    (one,) = attune("feedback", "acme", "--json").json["feedback"]
    assert (one["id"], one["message"], one["reply"]) == (given, "do you mend zips on tents as well", "No.")
    table = attune("feedback", "acme").out
    assert "do you mend zips" in table
    assert "…" in table, "a long correction is cut"
    assert attune("feedback", "acme", "--state", "accepted", "--json").json == {"feedback": []}


def test_accepting_tells_what_becomes_of_it(attune: Callable[..., Any], given: str) -> None:
    told = attune("feedback", "acme", "--accept", given, "--reply", "Yes, at our workshop.", "--json").json
    assert told["state"] == "accepted"
    assert told["review"] == {"corrected_reply": "Yes, at our workshop."}
    assert told["reviewer"].startswith("cli:")
    assert told["outlook"]["split"] in ("train", "validation", "test")
    assert told["outlook"]["why"]
    assert "Next: attune train acme" in attune("feedback", "acme", "--accept", given).out
    assert attune("feedback", "acme", "--json").json == {"feedback": []}
    assert len(attune("feedback", "acme", "--state", "all", "--json").json["feedback"]) == 1


def test_rejecting_leaves_it_out(attune: Callable[..., Any], given: str) -> None:
    assert attune("feedback", "acme", "--reject", given, "--note", "spam").code == 0
    (one,) = attune("feedback", "acme", "--state", "rejected", "--json").json["feedback"]
    assert one["review"] == {"note": "spam"}


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--state", "odd"), 2),
        (("--accept", "a", "--reject", "b"), 2),
        (("--accept", "feedback_of_nobody"), 1),
    ],
)
def test_what_makes_no_sense_is_refused(
    attune: Callable[..., Any], given: str, arguments: tuple[str, ...], code: int
) -> None:
    assert attune("feedback", "acme", *arguments).code == code
    assert len(attune("feedback", "acme", "--json").json["feedback"]) == 1
