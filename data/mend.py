"""What stands around the words of a log: labels that mean the same, mail signatures, answers nobody wrote.

It is told of always, and mended only when the owner asks for it (`ImportOptions.fix`): spellings of one label become
its most frequent one, labels that stand for a missing value are dropped, signatures are cut off, and automatic replies
are set aside. White space and Unicode form of labels need no asking: the importers make them one.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from data.importers.nouns import Item, Reason, Remark
from data.schema import OUT_OF_SCOPE, Conversation, SetAside, Turn

MAX_SPELLINGS = 100_000
"""Labels whose spellings are compared."""
SIGNATURE_LINES = 12
"""A block after `--` that is longer than this is no signature."""
OPENING_CHARS = 400
"""How far into a message is looked for the words of an automatic reply."""
MISSING_VALUES = frozenset(("none", "nan", "null", "n/a", "na", "nil", "undefined", "-", "?"))
"""What spreadsheets and programs write where a label is missing."""
_NOT_WORD = re.compile(r"[\W_]+")
_DASHES = re.compile(r"(?:\A|\r?\n)--[ \t]*(?=\r?\n|\Z)")
_PHONE_LINE = re.compile(
    r"(?:sent from (?:my|outlook|yahoo|mail for|samsung|proton)\b|get outlook for\b|von meinem \w+ gesendet"
    r"|gesendet von (?:meinem|outlook|mail)\b|envoyé de(?:puis)? mon\b|enviado desde mi\b|enviado do meu\b"
    r"|inviato da(?:l mio)? \w+|verstuurd vanaf mijn\b|skickat från min\b|wysłane z\b|отправлено с\b"
    r"|发自我的|從我的.{1,20}傳送|iphoneから送信).{0,60}",
    re.IGNORECASE,
)
_AUTOMATIC = re.compile(
    r"\A\s*(?:(?:subject|betreff|re|aw|fw)\s*:\s*)*"
    r"(?:out of (?:the )?office\b|automatic reply\b|auto[- ]?reply\b|autoreply\b|vacation reply\b"
    r"|automatische antwort\b|abwesenheits(?:notiz|assistent|meldung)\b|réponse automatique\b|respuesta automática\b"
    r"|risposta automatica\b|automatisch antwoord\b|resposta automática\b|автоответ|自动回复|自動回覆|自動返信"
    r"|undeliverable\s*:|mail delivery (?:failed|subsystem)|delivery status notification)"
    r"|\bthis is an? (?:automated|automatic|auto-generated) (?:message|response|reply|e-?mail|answer)\b"
    r"|\bi(?: am|'m|’m) (?:currently )?out of (?:the )?office\b|\bthis mailbox is not monitored\b"
    r"|\b(?:please )?do not (?:reply|respond) to this (?:message|e-?mail|mail)\b"
    r"|\bich bin (?:derzeit |zur ?zeit |momentan )?nicht im (?:büro|haus)\b|\bdiese nachricht wurde automatisch\b",
    re.IGNORECASE,
)

_HINTS = (
    "auto", "office", "abwesen", "vacation", "monitored", "not reply", "not respond", "nicht im", "undeliver",
    "mail delivery", "delivery status", "автоответ", "自动", "自動",
)  # fmt: skip
"""One of these stands in all that `_AUTOMATIC` finds: most messages hold none, and cost next to nothing."""


def twin_key(label: str) -> str:
    """What spellings of one label share: no case, no punctuation, no white space, one Unicode form."""
    plain = unicodedata.normalize("NFKC", label).casefold()
    return _NOT_WORD.sub("", plain) or plain


def twins(labels: Iterable[str]) -> list[list[str]]:
    """Groups of two labels or more that are spellings of one."""
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for label in labels:
        groups[twin_key(label)].append(label)
    return [sorted(group) for group in groups.values() if len(group) > 1]


def is_missing(label: str) -> bool:
    """Whether a label is what programs write for none."""
    return label.casefold() in MISSING_VALUES


def is_automatic(text: str) -> bool:
    """Whether a program answered because nobody was there."""
    opening = text[:OPENING_CHARS].lower()
    return any(hint in opening for hint in _HINTS) and _AUTOMATIC.search(opening) is not None


def signature_start(text: str) -> int | None:
    """Where the signature of a mail begins; None where there is none."""
    if "--" in text:
        for dashes in _DASHES.finditer(text):
            if text.count("\n", dashes.end()) <= SIGNATURE_LINES:
                return dashes.start()
    end = len(text.rstrip())
    line = text.rfind("\n", 0, end) + 1
    if end - line <= 120 and _PHONE_LINE.fullmatch(text[line:end].strip()):
        return len(text[:line].rstrip())
    return None


def spellings(items: Iterable[Item]) -> dict[str, str | None]:
    """For every label that is to be mended its better spelling, or None for one that says that there is none."""
    counts: Counter[str] = Counter()
    for item in items:
        if isinstance(item, Conversation):
            for turn in item.turns:
                if turn.intent is not None and (turn.intent in counts or len(counts) < MAX_SPELLINGS):
                    counts[turn.intent] += 1
    better: dict[str, str | None] = {label: None for label in counts if is_missing(label)}
    for group in twins(label for label in counts if label not in better and label != OUT_OF_SCOPE):
        best = min(group, key=lambda label: (-counts[label], label))
        better |= {label: best for label in group if label != best}
    return better


class Mender:
    """Passes items on, telling of what stands around the words, or mending it. `better`: see `spellings`."""

    def __init__(self, *, fix: bool = False, better: Mapping[str, str | None] | None = None) -> None:
        self._fix = fix
        self._better = dict(better or {})

    def sift(self, items: Iterable[Item]) -> Iterator[Item]:
        """The items, mended where that was asked for, each change with a remark or a row set aside."""
        for item in items:
            if isinstance(item, Conversation):
                yield from self._mended(item)
            else:
                yield item

    def _mended(self, raw: Conversation) -> Iterator[Item]:
        turns: list[Turn] = []
        for turn in raw.turns:
            if is_automatic(turn.text):
                if self._fix:
                    yield SetAside(raw.row, Reason.AUTO_REPLY, turn.text, turn.rows)
                    continue
                yield Remark("auto_replies", raw.row, turn.text)
            at = signature_start(turn.text)
            if at is not None:
                yield Remark("signatures_cut" if self._fix else "signatures", raw.row)  # no sample: it names people
                turn = self._cut(turn, at)
            if turn.intent in self._better:
                better = self._better[turn.intent]
                yield Remark("labels_mended", raw.row, f"{turn.intent} → {better or 'no label'}")
                turn = replace(turn, intent=better)
            turns.append(turn)
        if turns or not raw.turns:
            yield raw if tuple(turns) == raw.turns else raw.with_turns(tuple(turns))

    def _cut(self, turn: Turn, at: int) -> Turn:
        """The turn without its signature; entities in it are about the writer, not about what was said."""
        if not self._fix:
            return turn
        kept = tuple(entity for entity in turn.entities if entity.end <= at)
        return replace(turn, text=turn.text[:at], entities=kept)
