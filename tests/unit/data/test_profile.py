"""The bot profile: what holds, what is refused, and that a refusal names fields and never values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from data.errors import ProfileError
from data.profile import BotProfile, Intent, load_profile, parse_profile

SECRET = "hunter2-not-to-be-seen"


def test_a_name_is_enough() -> None:
    profile = parse_profile({"name": " acme "})
    assert profile.name == "acme"
    assert profile.auto_promote is profile.learn_from_chats is False
    assert (profile.reply_mode, profile.target_precision, profile.languages) == ("grounded", 0.9, ("en",))
    for text in (profile.greeting, profile.fallback, profile.ask_back, profile.handoff):
        assert text


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": "  "}, "name"),
        ({"name": "x" * 121}, "name"),
        ({"name": 5}, "name"),
        ({"name": "a", "tne": SECRET}, "tne"),
        ({"name": "a", "target_precision": 1}, "target_precision"),
        ({"name": "a", "target_precision": 0.49}, "target_precision"),
        ({"name": "a", "target_precision": float("nan")}, "target_precision"),
        ({"name": "a", "reply_mode": SECRET}, "reply_mode"),
        ({"name": "a", "greeting": ""}, "greeting"),
        ({"name": "a", "persona": SECRET * 400}, "persona"),
        ({"name": "a", "intents": [{"name": "b"}, {"title": SECRET}]}, "intents.1.name"),
        ({"name": "a", "intents": [{"name": "b", "answers": [" "]}]}, "intents.0.answers.0"),
        ({"name": "a", "intents": [{"name": "b", "anwsers": []}]}, "intents.0.anwsers"),
        ({"name": "a", "acceptance": {"precision": 1.5}}, "acceptance.precision"),
        ({"name": "a", "acceptance": {"latency_ms": 0}}, "acceptance.latency_ms"),
        ({"name": "a", "auto_promote": SECRET}, "auto_promote"),
    ],
)
def test_what_does_not_hold_is_named_and_not_shown(body: dict[str, Any], field: str) -> None:
    with pytest.raises(ProfileError) as caught:
        parse_profile(body)
    assert f"{field}: " in caught.value.message
    assert SECRET not in str(caught.value)
    assert caught.value.remedy
    assert caught.value.__cause__ is None


def test_every_problem_is_named_at_once() -> None:
    with pytest.raises(ProfileError) as caught:
        parse_profile({"name": "", "greeting": "", "target_precision": 3, "typo": 1})
    for field in ("name: ", "greeting: ", "target_precision: ", "typo: "):
        assert field in caught.value.message


def test_intents_named_twice_or_oos_are_refused() -> None:
    with pytest.raises(ProfileError, match="named twice: 1, 2 of the list"):
        parse_profile({"name": "a", "intents": [{"name": "refund"}, {"name": " refund "}]})
    with pytest.raises(ProfileError, match="'oos'"):
        parse_profile({"name": "a", "intents": [{"name": "oos"}]})


@pytest.mark.parametrize("text", ["Which?", "{first}?", "{second}?", "{ first } or {second}?"])
def test_ask_back_names_both_intents(text: str) -> None:
    with pytest.raises(ProfileError, match="ask_back"):
        parse_profile({"name": "a", "ask_back": text})


def test_intents_are_found_by_name_and_read_aloud() -> None:
    profile = parse_profile(
        {"name": "a", "intents": [{"name": "card_lost", "handoff": True}, {"name": "b", "title": "B!"}]}
    )
    found = profile.intent("card_lost")
    assert found is not None
    assert (found.readable, found.handoff) == ("card lost", True)
    assert Intent(name="b", title="B!").readable == "B!"
    assert profile.intent("absent") is None


def test_a_profile_is_frozen() -> None:
    with pytest.raises(ValidationError):
        parse_profile({"name": "a"}).name = "b"  # type: ignore[misc]


TEXTS = st.text(min_size=1, max_size=20).filter(lambda text: text.strip() == text)


@given(
    st.fixed_dictionaries(
        {"name": TEXTS},
        optional={
            "persona": st.text(max_size=20),
            "fallback": TEXTS,
            "languages": st.lists(st.sampled_from(["en", "de", "zh"])),
            "intents": st.lists(
                st.fixed_dictionaries({"name": TEXTS.filter("oos".__ne__)}, optional={"answers": st.lists(TEXTS)}),
                unique_by=lambda intent: intent["name"],
                max_size=3,
            ),
            "target_precision": st.floats(0.5, 0.99),
            "acceptance": st.fixed_dictionaries({}, optional={"precision": st.floats(0, 1)}),
        },
    )
)
def test_the_wire_brings_back_the_same_profile(body: dict[str, Any]) -> None:
    profile = parse_profile(body)
    assert parse_profile(profile.to_wire()) == profile


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(max_size=5), st.lists, max_leaves=4))
def test_any_value_in_any_field_is_a_profile_or_a_profile_error(value: Any) -> None:
    for field in BotProfile.model_fields:
        try:
            parse_profile({"name": "a", field: value})
        except ProfileError:
            continue


def test_a_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "acme.toml"
    path.write_text(
        'name = "acme"\ngreeting = "Grüß Gott"\n[[intents]]\nname = "refund"\nanswers = ["Yes."]\n', "utf-8"
    )
    profile = load_profile(path)
    assert (profile.greeting, profile.intents) == ("Grüß Gott", (Intent(name="refund", answers=("Yes.",)),))


@pytest.mark.parametrize("content", [b"name =", b'name = "\xff"', b"name = 'a'\nname = 'b'"])
def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "acme.toml"
    path.write_bytes(content)
    with pytest.raises(ProfileError, match=r"acme\.toml") as caught:
        load_profile(path)
    assert str(tmp_path) not in str(caught.value)


def test_an_absent_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match="cannot be read"):
        load_profile(tmp_path / "absent.toml")


def test_words_that_mean_the_same_come_in_groups() -> None:
    assert parse_profile({"name": "acme", "synonyms": [["bivvy", "bivouac bag"]]}).synonyms == (
        ("bivvy", "bivouac bag"),
    )
    with pytest.raises(ProfileError, match="synonyms"):
        parse_profile({"name": "acme", "synonyms": [["bivvy"]]})
