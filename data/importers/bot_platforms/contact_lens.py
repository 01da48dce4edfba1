"""Amazon Connect and Contact Lens: transcripts of calls and chats, raw or redacted, one JSON document per contact.

The same shape is what Lex designs bots from and what Transcribe's call analytics writes. Who takes part is told by
role; the sentiment of a turn is carried over, its loudness and offsets are not.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from data.importers import records, speakers, strict_json
from data.importers.documents import documents, items, table, tables, text
from data.importers.hints import SpeakersFound
from data.importers.kind import Kind, Sample, Source
from data.importers.nouns import ImportOptions, Item, Reason, Remark
from data.schema import Conversation, Role, SetAside, Turn

SAMPLE_CHARS = 400
_ROLES: dict[str, Role] = {
    "AGENT": "agent", "SUPERVISOR": "agent", "CUSTOMER": "user", "CALLER": "user", "SYSTEM": "assistant",
    "CUSTOM_BOT": "assistant", "BOT": "assistant", "CHATBOT": "assistant",
}  # fmt: skip
_SENTIMENTS = {"POSITIVE", "NEGATIVE", "NEUTRAL", "MIXED"}
_PARTS = ("Transcript.item.Content", "Transcript.item.ParticipantId", "Transcript.item.ParticipantRole")
_TITLES = ("title", "subtitle", "text", "content")


def sniff(sample: Sample) -> float:
    if not sample.has("Transcript.item.Id") and not sample.has(_PARTS[0]):
        return 0.0
    whose = sample.has(_PARTS[1]) or sample.has(_PARTS[2])
    own = sample.paths & {
        "Participants.item.ParticipantRole",
        "ContentMetadata",
        "ContactId",
        "LanguageCode",
        _PARTS[2],
    }
    return 0.95 if whose and own else 0.85 if whose else 0.0


def read(source: Source, options: ImportOptions) -> Iterator[Item]:
    """A conversation per contact."""
    row = 0
    told = {"customers": 0, "brand": 0}
    for member in source.members:
        for document in documents(source, member):
            body = table(document)
            transcript = items(body.get("Transcript"))
            if isinstance(document, Reason) or not transcript:
                row += 1
                flaw = document if isinstance(document, Reason) else Reason.UNKNOWN_SHAPE
                is_empty = isinstance(body.get("Transcript"), list)
                yield SetAside(row, Reason.EMPTY_CONVERSATION if is_empty else flaw, member.name)
                continue
            yield from _contact(body, transcript, row + 1, source, told)
            row += len(transcript)
    if row:
        yield SpeakersFound("roles", 1.0, (), told["brand"], told["customers"])


def _contact(
    body: dict[str, Any], transcript: list[Any], row: int, source: Source, told: dict[str, int]
) -> Iterator[Item]:
    if len(transcript) > source.limits.max_turns:
        yield SetAside(row, Reason.TOO_MANY_TURNS, rows=len(transcript))
        return
    roles = {
        text(one.get("ParticipantId")): text(one.get("ParticipantRole")) for one in tables(body.get("Participants"))
    }
    turns: list[Turn] = []
    for place, one in enumerate(transcript, start=row):
        turn = _turn(table(one), roles, source.limits.max_cell_chars)
        if isinstance(turn, Reason):
            yield SetAside(place, turn, text(table(one).get("Content"))[:SAMPLE_CHARS])
        else:
            turns.append(turn)
            if table(one).get("Attachments"):
                yield Remark("attachments_ignored", place)
    if not turns:
        return
    contact = text(table(body.get("CustomerMetadata")).get("ContactId")) or text(body.get("ContactId"))
    customers = [key for key, role in roles.items() if _ROLES.get(role.upper()) == "user"]
    told["customers"] += bool(customers) or any(turn.role == "user" for turn in turns)
    told["brand"] += any(turn.is_brand for turn in turns)
    yield Conversation(
        records.identifier_of(contact) or f"contact-{row}",
        tuple(turns),
        customer=speakers.customer_of(f"{contact}/{customers[0]}") if customers else None,
        language=records.language_of(body.get("LanguageCode")),
        started_at=turns[0].ts,
        tags=records.tags_of(_matched(table(body.get("Categories")))),
        row=row,
    )


def _matched(categories: dict[str, Any]) -> list[Any]:
    return items(categories.get("MatchedCategories"))


def _turn(one: dict[str, Any], roles: dict[str, str], most: int) -> Turn | Reason:
    kind, form = text(one.get("Type")), text(one.get("ContentType"))
    if kind == "EVENT" or ".event." in form:
        return Reason.SYSTEM_NOTICE
    if kind == "ATTACHMENT" or (one.get("Attachments") and not text(one.get("Content")).strip()):
        return Reason.ATTACHMENT_ONLY
    whose = text(one.get("ParticipantRole")) or roles.get(text(one.get("ParticipantId")), "")
    role = _ROLES.get((whose or text(one.get("ParticipantId"))).upper())
    if role is None:
        return Reason.UNKNOWN_ROLE if whose or one.get("ParticipantId") else Reason.MISSING_FIELD
    words = one.get("Content")
    if ".interactive" in form and isinstance(words, str):
        words = _interactive(words)
    found = records.text_of(words, most)
    if isinstance(found, Reason):
        return found
    mood = text(one.get("Sentiment")).upper()
    stamp = records.time_of(one.get("AbsoluteTime"), 0, [])
    return Turn(role, found, ts=stamp, sentiment=mood.lower() if mood in _SENTIMENTS else None)


def _interactive(words: str) -> str:
    """What stands on a list or card that was shown, or what was picked from one."""
    try:
        content = table(table(table(strict_json.loads(words)).get("data")).get("content"))
    except strict_json.JsonError:
        return words
    return next((content[name] for name in _TITLES if text(content.get(name)).strip()), words)


KINDS: tuple[Kind, ...] = (Kind("contact_lens", "an Amazon Connect transcript", read, sniff),)
