"""Amazon Lex: the definition of a bot, as V1 exports it (one JSON) and as V2 does (a zip of folders).

Sample utterances name slots in braces; they are filled with the values of the bot's own slot types. What an intent says
when it is fulfilled is its answer; what is said when nothing is understood is the fallback.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any

from data.importers import records
from data.importers.bot_platforms import phrases
from data.importers.bot_platforms.phrases import Blank, Filler, Phrase
from data.importers.container import Member
from data.importers.documents import documents, items, table, tables, text, texts
from data.importers.hints import IntentHint, ProfileHint
from data.importers.kind import Kind, Sample, Source
from data.importers.nouns import ImportOptions, Item, Reason, Remark
from data.schema import SetAside

_BLANK = re.compile(r"\{([\w.:-]{1,100})\}")
_ANSWER_BLANKS = re.compile(r"\{[\w.:-]{1,100}\}|\[[A-Za-z_][\w.-]{0,99}\]|#[A-Za-z_]\w*(?:\.\w+)?\b")
_LOCALE = re.compile(r"(?:^|/)BotLocales/([A-Za-z]{2,3}(?:_[A-Za-z]{2})?)/")
_SLOT = re.compile(r"(?:^|/)Intents/([^/]+)/Slots/([^/]+)/Slot\.json$")
_FALLBACK = "AMAZON.FallbackIntent"
_ENDINGS = ("intentClosingSetting", "initialResponseSetting")


def sniff(sample: Sample) -> float:
    has = sample.has
    if has("resource", "metadata.importType") or has("resource.intents.item.sampleUtterances"):
        return 0.95
    if has("metadata.schemaVersion", "resource.sampleUtterances"):
        return 0.95
    if has("sampleUtterances.item.utterance") or has("intents.item.sampleUtterances", "childDirected"):
        return 0.95
    own = {"parentIntentSignature", "intentClosingSetting", "slotTypeValues", "slotTypeValues.item.sampleValue"}
    return 0.85 if has("name", "identifier") and sample.paths & own else 0.0


def sniff_folder(samples: Sequence[Sample]) -> float:
    """V2: an intent in the folder of a locale."""
    found = 0.0
    for sample in samples:
        if _LOCALE.search(sample.name) and sample.name.endswith("/Intent.json"):
            found = max(found, sniff(sample))
        sample.forget()
    return 0.97 if found else 0.0


def read(source: Source, options: ImportOptions) -> Iterator[Item]:
    """The sample utterances as labelled texts; the rest as what it defines. Raises ImportRefused without either."""
    yield from phrases.or_refused(_items(source), "a Lex bot")


def _items(source: Source) -> Iterator[Item]:
    filler = Filler()
    slots: dict[str, str] = {}
    for member in source.members:
        for document in documents(source, member):
            _learn(table(document), member, filler, slots)
    rows = count(1)
    for member in source.members:
        for document in documents(source, member):
            if isinstance(document, Reason):
                yield SetAside(next(rows), document, member.name)
                continue
            locale = _LOCALE.search(member.name)
            body = table(document)
            bot = table(body.get("resource")) or body
            language = locale[1] if locale is not None else text(bot.get("locale"))
            code = records.language_of(language)
            if code:
                yield ProfileHint(languages=(code,))
            yield from _standing(bot)
            for intent in [bot, *tables(bot.get("intents"))]:
                yield from _intent(intent, member, language, _Reading(source, rows, filler, slots))


class _Reading:
    """What reading an intent needs: where its rows go, and what fills its slots (`INTENT/SLOT` to its type)."""

    def __init__(self, source: Source, rows: count[int], filler: Filler, slots: dict[str, str]) -> None:
        self.limits, self.rows, self.filler, self.slots = source.limits, rows, filler, slots


def _learn(body: dict[str, Any], member: Member, filler: Filler, slots: dict[str, str]) -> None:
    """Take note of the values of slot types, and of the types of slots."""
    bot = table(body.get("resource")) or body
    for kind in [bot, *tables(bot.get("slotTypes"))]:
        for one in tables(kind.get("enumerationValues")):
            filler.learn(text(kind.get("name")), [*texts(one.get("value")), *texts(one.get("synonyms"))])
        for one in tables(kind.get("slotTypeValues")):
            said = [table(one.get("sampleValue")), *tables(one.get("synonyms"))]
            filler.learn(text(kind.get("name")), [word for value in said for word in texts(value.get("value"))])
    for intent in [bot, *tables(bot.get("intents"))]:
        for slot in tables(intent.get("slots")):
            slots[f"{text(intent.get('name'))}/{text(slot.get('name'))}"] = text(slot.get("slotType"))
    found = _SLOT.search(member.name)
    if found is not None:
        slots[f"{found[1]}/{text(body.get('name')) or found[2]}"] = text(body.get("slotTypeName"))


def _standing(bot: dict[str, Any]) -> Iterator[Item]:
    """V1: what is said when nothing is understood, at first and in the end."""
    said = [one for name in ("clarificationPrompt", "abortStatement") for one in _messages(table(bot.get(name)))]
    kept, remarks = phrases.complete(said, _ANSWER_BLANKS)
    yield from remarks
    if kept:
        yield ProfileHint(fallback=kept[0])
    yield from (Remark("definition_left_out", 0, one) for one in kept[1:])


def _messages(group: dict[str, Any]) -> list[str]:
    """V1: the plain texts of a prompt or statement."""
    plain = [one for one in tables(group.get("messages")) if text(one.get("contentType")) in ("PlainText", "")]
    return [word for one in plain for word in texts(one.get("content"))]


def _groups(setting: Any) -> Iterator[str]:
    """V2: the plain texts of a response, its variations after it. Bounded by the depth of JSON."""
    body = table(setting)
    for name in ("messageGroupList", "messageGroups"):
        for group in tables(body.get(name)):
            for message in [table(group.get("message")), *tables(group.get("variations"))]:
                yield from texts(table(message.get("plainTextMessage")).get("value"))
    for name in ("closingResponse", "initialResponse"):
        if isinstance(body.get(name), dict):
            yield from _groups(body[name])


def _intent(intent: dict[str, Any], member: Member, language: str, reading: _Reading) -> Iterator[Item]:
    name = text(intent.get("name"))
    samples = items(intent.get("sampleUtterances"))
    said = _messages(table(intent.get("conclusionStatement")))
    said += [one for setting in _ENDINGS for one in _groups(intent.get(setting))]
    parent = text(intent.get("parentIntentSignature"))
    is_intent = bool(samples or said or {"parentIntentSignature", "fulfillmentActivity"} & intent.keys())
    if not name or not is_intent:
        return
    answers, remarks = phrases.complete(said, _ANSWER_BLANKS)
    yield from remarks
    if parent == _FALLBACK or name == _FALLBACK:
        if answers:
            yield ProfileHint(fallback=answers[0])
        yield from (Remark("definition_left_out", 0, one) for one in answers[1:])
    else:
        yield ProfileHint(intents=(IntentHint(name, description=text(intent.get("description")), answers=answers),))
    if intent.get("slots") or intent.get("confirmationPrompt"):
        yield Remark("parts_ignored", 0, f"{name}: prompts of slots and confirmations")
    for sample in samples:
        row = next(reading.rows)
        words = sample if isinstance(sample, str) else text(table(sample).get("utterance"))
        yield from _utterance(Phrase(words, name, language), row, reading)


def _utterance(phrase: Phrase, row: int, reading: _Reading) -> Iterator[Item]:
    def blank(found: re.Match[str]) -> Blank:
        slot = found[1].partition(".")[0]
        return Blank(reading.slots.get(f"{phrase.intent}/{slot}", slot), slot)

    if len(phrase.text) > reading.limits.max_cell_chars:
        yield SetAside(row, Reason.TOO_LONG, phrase.text[: phrases.SAMPLE_CHARS])
        return
    found = phrases.filled(phrases.pieces(phrase.text, _BLANK, blank), phrase, reading.filler)
    if isinstance(found, Reason):
        yield SetAside(row, found, phrase.text[: phrases.SAMPLE_CHARS])
        return
    if found is not phrase:
        yield Remark("placeholders_filled", row, phrase.text)
    yield from phrases.taught(found, row, reading.limits)


KINDS: tuple[Kind, ...] = (Kind("lex", "a Lex bot", read, sniff, sniff_folder),)
