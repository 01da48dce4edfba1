"""What a Rasa bot says: the responses of its domain, each in variations, some of them for a channel or a condition."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from data.importers.documents import items, table, tables, text
from data.importers.nouns import Remark

BLANK = re.compile(r"\{[^\s{}][^{}\n]{0,99}\}")
_EXTRAS = ("buttons", "quick_replies", "image", "attachment", "custom", "elements", "translation")
MAX_VARIATIONS = 50


@dataclass(slots=True)
class Responses:
    """The responses by name, and what the buttons beside them send."""

    texts: dict[str, list[str]] = field(default_factory=dict)
    titles: dict[str, str] = field(default_factory=dict)

    def learn(self, defined: Mapping[str, Any]) -> Iterator[Remark]:
        """Take note of responses; of variations that only fit somewhere, and of what is no text, a remark."""
        for name, raw in defined.items():
            known = self.texts.setdefault(name, [])
            for variation in [raw] if isinstance(raw, str | dict) else items(raw):
                body = {"text": variation} if isinstance(variation, str) else table(variation)
                self._press(body)
                words = text(body.get("text")).strip()
                if [one for one in _EXTRAS if body.get(one)]:
                    yield Remark("parts_ignored", 0, f"{name}: {', '.join(one for one in _EXTRAS if body.get(one))}")
                if not words or words in known:
                    continue
                if body.get("condition") or body.get("channel") or len(known) >= MAX_VARIATIONS:
                    yield Remark("definition_left_out", 0, f"{name}: {words}")
                else:
                    known.append(words)

    def first(self, name: str) -> str:
        """What the bot says under that name, by its first variation; "" where nobody knows."""
        return next(iter(self.texts.get(name, ())), "")

    def _press(self, body: Mapping[str, Any]) -> None:
        for button in (*tables(body.get("buttons")), *tables(body.get("quick_replies"))):
            title, payload = text(button.get("title")).strip(), text(button.get("payload")).strip()
            if title and payload:
                self.titles.setdefault(payload, title)
