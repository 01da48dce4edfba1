"""A conversation as JSON and back, nothing lost. What is at its default is left out: most turns are role and text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from data.schema import Conversation, Entity, Turn


def packed(conversation: Conversation) -> dict[str, Any]:
    """The JSON form of `conversation`."""
    body = _differing(conversation)
    body["turns"] = [_packed_turn(turn) for turn in conversation.turns]
    return body


def unpacked(body: Mapping[str, Any]) -> Conversation:
    """The conversation that `packed` made `body` of."""
    turns = tuple(_unpacked_turn(turn) for turn in body["turns"])
    return Conversation(**{**body, "turns": turns, "tags": tuple(body.get("tags", ()))})


def _packed_turn(turn: Turn) -> dict[str, Any]:
    body = _differing(turn)
    if turn.entities:
        body["entities"] = [_differing(entity) for entity in turn.entities]
    return body


def _unpacked_turn(body: Mapping[str, Any]) -> Turn:
    if "entities" not in body:
        return Turn(**body)
    return Turn(**{**body, "entities": tuple(Entity(**entity) for entity in body["entities"])})


_DEFAULTS: dict[type, tuple[tuple[str, Any], ...]] = {
    noun: tuple((field.name, field.default) for field in fields(noun)) for noun in (Conversation, Turn, Entity)
}


def _differing(noun: Conversation | Turn | Entity) -> dict[str, Any]:
    values = ((name, getattr(noun, name), default) for name, default in _DEFAULTS[type(noun)])
    return {name: value for name, value, default in values if value != default}
