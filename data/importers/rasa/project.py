"""Rasa: the files of a project, together or one by one: what the bot was taught and tested with, and what it answers.

All files are read twice: for what they define together (`definition`), then for their rows. `nlu` holds examples,
`stories` and `rules` say what follows on what, `domain` what the bot says, `config` its language.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any

from data.importers.bot_platforms import phrases
from data.importers.documents import table, text, texts
from data.importers.entries import Flaw
from data.importers.kind import Kind, Sample, Source
from data.importers.nouns import ImportOptions, Item, Remark
from data.importers.rasa import clicks, examples, stories
from data.importers.rasa.definition import Definition
from data.importers.rasa.parts import Form, form_of, parts
from data.schema import SetAside

_STORIES = ("stories", "rules", "test_cases")
_UNDERSTOOD = frozenset({"version", "recipe", "assistant_id", "intents", "language", "additional_languages", "synonym"})
_SURE = 0.75
"""From here on a file is surely of Rasa, and not only like a part of it."""


def sniff(sample: Sample) -> float:
    return form_of(sample)[1]


def sniff_folder(samples: Sequence[Sample]) -> float:
    """A project: one of its files is enough, whatever was packed beside it."""
    sure = 0.0
    for sample in samples:
        sure = max(sure, sniff(sample))
        sample.forget()
    return 0.97 if sure >= _SURE else 0.0


def read(source: Source, options: ImportOptions) -> Iterator[Item]:
    """Examples and spoken stories; the rest as what it defines. Raises ImportRefused where there is neither."""
    yield from phrases.or_refused(_items(source), "a Rasa project")


def _items(source: Source) -> Iterator[Item]:
    forms = {member.name: form_of(Sample(member, source.written(member).encoding))[0] for member in source.members}
    if len(source.members) == 1 and not any(forms.values()):
        forms = dict.fromkeys(forms, "yaml")  # its owner says so
    bot = Definition()
    for member in source.members:
        if forms[member.name]:
            for part in parts(source, member, forms[member.name]):
                if isinstance(part, tuple):
                    yield from _learn(part[0], part[1], bot)
    yield from bot.hints()
    yield from _rows(source, forms, bot)


def _learn(key: str, value: Any, bot: Definition) -> Iterator[Item]:
    """Take note of a part."""
    body = table(value)
    if key == "nlu":
        _learn_entry(body, bot)
    elif key == "example":
        _teach(text(body.get("intent")), bot)
    elif key in ("stories", "rules"):
        bot.routes.learn(body, is_rule=key == "rules")
    elif key in ("responses", "templates"):
        yield from bot.responses.learn(body)
    elif key == "intents":
        bot.intents.update(dict.fromkeys(body or texts(value)))
    elif key in ("language", "additional_languages"):
        bot.languages += texts(value)
    elif key == "synonym":
        _relate(text(body.get("value")), texts(body.get("synonyms")), bot)


def _learn_entry(body: dict[str, Any], bot: Definition) -> None:
    """An entry of `nlu`: an intent that has examples, or other words for a value."""
    if isinstance(body.get("synonym"), str):
        said = [one["text"] for one in examples.examples_of(body.get("examples")) if isinstance(one, dict)]
        _relate(body["synonym"], said, bot)
    elif body.get("examples"):
        _teach(text(body.get("intent")), bot)


def _teach(intent: str, bot: Definition) -> None:
    if clicks.names([intent.strip()]):
        bot.taught.setdefault(intent.strip())


def _relate(value: str, words: Sequence[str], bot: Definition) -> None:
    bot.synonyms.update({one.casefold(): value for one in words if value and one != value})


def _rows(source: Source, forms: dict[str, Form], bot: Definition) -> Iterator[Item]:
    rows = count(1)
    ignored: dict[str, None] = {}
    for member in source.members:
        if not forms[member.name]:
            yield Remark("files_skipped", 0, member.name)
            continue
        for part in parts(source, member, forms[member.name]):
            if isinstance(part, Flaw):
                yield SetAside(next(rows), part.reason, part.sample)
            elif isinstance(part, Remark):
                yield part
            elif part[0] == "nlu":
                yield from examples.taught(part[1], rows, bot, source.limits)
            elif part[0] == "example":
                yield from examples.marked(part[1], rows, bot, source.limits)
            elif part[0] in _STORIES:
                if stories.is_spoken(part[1]):
                    yield from stories.told(part[1], rows, bot, source.limits)
            elif part[0] not in _UNDERSTOOD and part[0] not in ("responses", "templates"):
                ignored.setdefault(part[0])
    for key in ignored:
        yield Remark("parts_ignored", 0, key)


KINDS: tuple[Kind, ...] = (Kind("rasa", "a Rasa project", read, sniff, sniff_folder),)
