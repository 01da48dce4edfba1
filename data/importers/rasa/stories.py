"""Stories in which somebody says something: test stories, stories from end to end, test cases. Each is a conversation.

What the bot says stands in the story itself, or in the response that an action names; what its own code says is not
known. A story of intents alone is no conversation: it defines what answers what (`routes`).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

from data.importers import records
from data.importers.documents import table, tables, text
from data.importers.entries import SAMPLE_CHARS
from data.importers.nouns import Item, Reason, Remark
from data.importers.rasa import clicks
from data.importers.rasa.annotations import Annotated, annotated
from data.importers.rasa.definition import Definition
from data.importers.rasa.examples import turn_of
from data.importers.rasa.responses import BLANK
from data.importers.rasa.routes import UTTER, intents_of
from data.schema import Conversation, SetAside, Turn
from data.settings import ImportSettings

_LISTEN = "action_listen"


def is_spoken(story: Any) -> bool:
    """Whether a user says something in it."""
    return any("user" in _taken(step) for step in tables(table(story).get("steps")))


def told(story: Any, rows: count[int], bot: Definition, limits: ImportSettings) -> Iterator[Item]:
    """The story as a conversation; each of its messages is a row."""
    first, turns = 0, []
    for step in map(_taken, tables(table(story).get("steps"))):
        if not _is_message(step):
            continue
        row = next(rows)
        first = first or row
        remarks: list[Remark] = []
        turn = _turn(step, row, bot, limits, remarks)
        yield from remarks
        if isinstance(turn, Reason):
            yield SetAside(row, turn, _sample(step))
        else:
            turns.append((row, turn))
    if len(turns) > limits.max_turns:
        yield SetAside(first, Reason.TOO_MANY_TURNS, rows=len(turns))
    elif turns:
        kept = tuple(turn for _, turn in turns)
        yield Conversation(f"story-{first}", kept, language=records.language_of(bot.language), row=turns[0][0])


def _taken(step: dict[str, Any]) -> dict[str, Any]:
    """Of alternatives the first in which something is said."""
    options = tables(step.get("or"))
    return next((one for one in options if "user" in one), options[0]) if options else step


def _is_message(step: dict[str, Any]) -> bool:
    if "user" in step or "bot" in step or step.get("intent"):
        return True
    action = step.get("action") or step.get("utter")
    return bool(action) and action != _LISTEN


def _turn(
    step: dict[str, Any], row: int, bot: Definition, limits: ImportSettings, remarks: list[Remark]
) -> Turn | Reason:
    if "user" in step or step.get("intent"):
        return _heard(step, row, bot, limits, remarks)
    words = text(step.get("bot")).strip()
    if "bot" not in step:
        name = text(step.get("action")) or text(step.get("utter"))
        if not name.startswith(UTTER):
            return Reason.SYSTEM_NOTICE
        words = bot.responses.first(name)
        if not words:
            return Reason.RESPONSE_UNKNOWN
    if BLANK.search(words):
        return Reason.PLACEHOLDER_TEXT
    said = records.text_of(words, limits.max_cell_chars)
    return said if isinstance(said, Reason) else Turn("assistant", said)


def _heard(
    step: dict[str, Any], row: int, bot: Definition, limits: ImportSettings, remarks: list[Remark]
) -> Turn | Reason:
    """A user's turn: in words, or as the button that was pressed."""
    if not isinstance(step.get("user"), str):
        return Reason.MISSING_FIELD if step.get("user") is None else Reason.WRONG_TYPE
    raw = step["user"].strip()
    clicked = clicks.payload_intent(raw)
    if clicked:
        title = bot.responses.titles.get(raw, "")
        if not title:
            return Reason.SYSTEM_NOTICE
        return turn_of(Annotated(title), (clicked, None), limits)
    said = annotated(raw, bot.synonyms)
    if said.dropped:
        remarks.append(Remark("entities_dropped", row, said.text[:SAMPLE_CHARS]))
    return turn_of(said, (next(iter(intents_of(step)), None), None), limits)


def _sample(step: dict[str, Any]) -> str:
    shown = [text(step.get(name)) for name in ("user", "bot", "action", "utter", "intent")]
    return next(filter(None, shown), "")[:SAMPLE_CHARS]
