"""What an upload proposes for a bot's profile, and what becomes of it."""

from __future__ import annotations

import pytest

from data.errors import ProfileError
from data.importers import IntentHint, ProfileHint
from data.profile import BotProfile, Intent
from data.proposal import MAX_INTENTS, Proposal, adopt


def gathered(*hints: ProfileHint) -> Proposal:
    proposal = Proposal(str.strip)
    for hint in hints:
        proposal.add(hint)
    return proposal


def test_hints_add_up_and_the_first_word_counts():
    one = ProfileHint((IntentHint("greet", description="Says hello", answers=(" Hello. ",)),), greeting="Hi")
    two = ProfileHint(
        (IntentHint(" greet ", description="x", answers=("Hello.", "Hey.")),), greeting="Ho", languages=("de",)
    )
    assert gathered(one, two).to_wire() == {
        "greeting": "Hi",
        "languages": ["de"],
        "intents": [
            {"name": "greet", "title": "", "description": "Says hello", "answers": ["Hello.", "Hey."], "handoff": False}
        ],
    }
    assert gathered().to_wire() == {}


def test_what_no_profile_can_hold_is_left_out_and_counted():
    many = tuple(IntentHint(f"i{number}") for number in range(MAX_INTENTS + 5))
    proposal = gathered(ProfileHint((IntentHint("oos"), IntentHint(""), IntentHint("x" * 200)), greeting="y" * 5000))
    assert (proposal.to_wire(), proposal.left_out) == ({}, 4)
    assert gathered(ProfileHint(many)).left_out == 5


def test_the_profile_wins_over_the_proposal():
    profile = BotProfile(
        name="acme", greeting="Ahoy", intents=(Intent(name="greet", title="a hello", answers=("Ahoy.",)),)
    )
    hint = ProfileHint(
        (IntentHint("greet", title="x", answers=("Hello.",)), IntentHint("bye", answers=("Bye.",), handoff=True)),
        greeting="Hi", fallback="Pardon?", languages=("fr", "en"), banned_phrases=("never",),
    )  # fmt: skip
    merged = adopt(profile, gathered(hint).to_wire())
    assert (merged.greeting, merged.fallback, merged.languages) == ("Ahoy", "Pardon?", ("fr", "en"))
    assert merged.intents[0] == Intent(name="greet", title="a hello", answers=("Ahoy.", "Hello."))
    assert merged.intents[1] == Intent(name="bye", answers=("Bye.",), handoff=True)
    assert merged.banned_phrases == ("never",)
    assert adopt(merged, gathered(hint).to_wire()) == merged


def test_a_proposal_that_does_not_hold_is_refused():
    with pytest.raises(ProfileError):
        adopt(BotProfile(name="acme"), {"intents": [{"name": "x", "answers": [""], "surprise": 1}]})
