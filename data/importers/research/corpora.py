"""Corpora of service dialogues, as they are published: ABCD, Taskmaster, SGD and MultiWOZ 2.2, STAR, tau-bench."""

from __future__ import annotations

import re
from typing import Any

from data.importers.documents import items, key, table, tables, text
from data.importers.entries import Layout
from data.importers.kind import Kind
from data.importers.nouns import Reason
from data.importers.research.dialogues import Corpus, Dialogue, Entry, Spoken
from data.schema import Entity, Role

_SIDES: dict[str, Role] = {
    "user": "user", "customer": "user", "agent": "agent", "assistant": "assistant", "system": "assistant",
    "wizard": "assistant",
}  # fmt: skip
_WORDS = 4
"""The first message of a customer that is as long as this says what it is about; a shorter one is a greeting."""
_MARKS = re.compile(r"###[A-Z][A-Z _-]{0,40}###")
"""How simulated users end a talk."""


def _side(value: Any) -> Role | Reason:
    return _SIDES.get(text(value).lower(), Reason.UNKNOWN_ROLE)


def _abcd(entry: Entry) -> Dialogue | None:
    """The turns as they were written; the subflow is the intent of the first message that says something. What the
    system noted of actions stays out."""
    scenario, delexed = table(entry.get("scenario")), items(entry.get("delexed"))
    said = items(entry.get("original")) or [[table(one).get("speaker"), table(one).get("text")] for one in delexed]
    if "original" not in entry and "delexed" not in entry:
        return None
    targets = next((items(one.get("targets")) for one in tables(delexed) if items(one.get("targets"))), [])
    intent = targets[0] if targets else scenario.get("subflow")
    spoken: list[Spoken] = []
    for one in said:
        speaker, words = one if isinstance(one, list) and len(one) == 2 else (None, None)
        role = Reason.SYSTEM_NOTICE if speaker == "action" else _side(speaker)
        is_telling = role == "user" and isinstance(words, str) and len(words.split()) >= _WORDS
        spoken.append(Spoken(role, words, intent if is_telling else None))
        intent = None if is_telling else intent
    return Dialogue(entry.get("convo_id"), spoken, (scenario.get("flow"), scenario.get("subflow")))


def _taskmaster(entry: Entry) -> Dialogue | None:
    if not isinstance(entry.get("utterances"), list):
        return None
    said = [
        Spoken(_side(one.get("speaker")), one.get("text"), None, *_segments(one)) if isinstance(one, dict)
        else Spoken(Reason.WRONG_TYPE)
        for one in entry["utterances"]
    ]  # fmt: skip
    tags = tuple(entry.get(name) for name in ("instruction_id", "vertical") if isinstance(entry.get(name), str))
    return Dialogue(entry.get("conversation_id"), said, tags)


def _segments(utterance: Entry) -> tuple[tuple[Entity, ...], None, bool]:
    """(entities, no time, whether one was left out): the words of a segment must stand where it says."""
    words, found, is_unmarked = text(utterance.get("text")), dict[Entity, None](), False
    for segment in tables(utterance.get("segments")):
        for annotation in tables(segment.get("annotations")):
            entity = _span(words, segment.get("start_index"), segment.get("end_index"), annotation.get("name"))
            if entity is None or words[entity.start : entity.end] != segment.get("text"):
                is_unmarked = True
            else:
                found.setdefault(entity)
    return _sorted(found), None, is_unmarked


def _span(words: str, start: Any, end: Any, name: Any) -> Entity | None:
    if type(start) is not int or type(end) is not int or not text(name).strip():
        return None
    return Entity(start, end, name) if 0 <= start < end <= len(words) else None


def _sorted(entities: dict[Entity, None]) -> tuple[Entity, ...]:
    return tuple(sorted(entities, key=lambda one: (one.start, one.end, one.type)))


def _schema_guided(entry: Entry) -> Dialogue | None:
    """An intent belongs to the message with which it becomes the active one of its service."""
    if not isinstance(entry.get("turns"), list) or "dialogue_id" not in entry:
        return None
    active: dict[str, str] = {}
    said: list[Spoken] = []
    for turn in entry["turns"]:
        if not isinstance(turn, dict):
            said.append(Spoken(Reason.WRONG_TYPE))
            continue
        words, entities, is_unmarked = text(turn.get("utterance")), dict[Entity, None](), False
        begun: list[str] = []
        for frame in tables(turn.get("frames")):
            service, intent = text(frame.get("service")), text(table(frame.get("state")).get("active_intent"))
            if intent and intent != active.get(service, "NONE"):
                begun += [intent] if intent != "NONE" else []
                active[service] = intent
            for slot in tables(frame.get("slots")):
                if "start" not in slot:
                    continue
                entity = _span(words, slot.get("start"), slot.get("exclusive_end"), slot.get("slot"))
                is_unmarked |= entity is None
                entities |= {} if entity is None else {entity: None}
        role, intent = _side(turn.get("speaker")), begun[0] if len(set(begun)) == 1 else ""
        said.append(Spoken(role, turn.get("utterance"), intent, _sorted(entities), None, is_unmarked))
    return Dialogue(entry.get("dialogue_id"), said, tuple(items(entry.get("services"))))


def _star(entry: Entry) -> Dialogue | None:
    if not isinstance(entry.get("Events"), list):
        return None
    said = []
    for event in entry["Events"]:
        body = table(event)
        is_said = body.get("Action") in ("utter", "pick_suggestion") and body.get("Agent") in ("User", "Wizard")
        role = _side(body.get("Agent")) if is_said else Reason.SYSTEM_NOTICE
        at = body.get("UnixTime")
        at = float(at) if isinstance(at, int | float) and not isinstance(at, bool) else None
        said.append(Spoken(role, body.get("Text"), at=at))
    return Dialogue(entry.get("DialogueID"), said, tuple(items(table(entry.get("Scenario")).get("Domains"))))


def _tau_bench(entry: Entry) -> Dialogue | None:
    """Talks of simulated customers with a model: its instructions, its calls of tools and their answers stay out."""
    messages = entry.get("traj", entry.get("messages"))
    if not isinstance(messages, list):
        return None
    said = []
    for one in messages:
        body = table(one)
        words = body.get("content")
        words = _MARKS.sub("", words).strip() if isinstance(words, str) else words
        role = {"user": "user", "assistant": "assistant"}.get(text(body.get("role")))
        is_said = role is not None and (words or not (body.get("tool_calls") or body.get("content")))
        said.append(Spoken(_side(role) if is_said else Reason.SYSTEM_NOTICE, words))
    parts = (key(entry.get("id")), key(entry.get("task_id")), key(entry.get("trial")))
    return Dialogue("-".join(part for part in parts if part), said)


KINDS: tuple[Kind, ...] = (
    Corpus(
        "abcd",
        "dialogues of ABCD",
        Layout(("train.item", "dev.item", "test.item", "item", ""), ("original", "delexed")),
        (("convo_id", "original"), ("convo_id", "delexed"), ("scenario", "original")),
        _abcd,
    ).kind(),
    Corpus(
        "taskmaster",
        "dialogues of Taskmaster",
        Layout(("item", ""), ("utterances",)),
        (("conversation_id", "utterances.item.speaker", "utterances.item.text"),),
        _taskmaster,
    ).kind(),
    Corpus(
        "schema_guided",
        "dialogues of SGD or MultiWOZ 2.2",
        Layout(("item", ""), ("turns.item.utterance",)),
        (("dialogue_id", "turns.item.speaker", "turns.item.utterance"),),
        _schema_guided,
    ).kind(),
    Corpus(
        "star",
        "dialogues of STAR",
        Layout(("item", ""), ("Events",)),
        (("DialogueID", "Events.item.Agent"), ("Scenario", "Events.item.Agent", "Events.item.Action")),
        _star,
    ).kind(),
    Corpus(
        "tau_bench",
        "trajectories of tau-bench",
        Layout(("simulations.item", "item", ""), ("traj", "messages.item.turn_idx", "reward_info")),
        (("traj.item.role", "traj.item.content"), ("messages.item.role", "task_id", "reward_info"),
         ("messages.item.role", "task_id", "messages.item.turn_idx")),
        _tau_bench,
    ).kind(),
)  # fmt: skip
