"""From the values of one source row to the nouns of the house, whatever the file format was.

Every function takes raw values as they came and returns a noun, or the reason why there is none. What is wrong beside
the point (an unreadable timestamp, a rating of 7) is dropped with a remark; the row is used.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TypeGuard

from data.clean import clean
from data.importers.nouns import Reason, Remark
from data.importers.usual_names import ROLE_NAMES
from data.schema import Entity, Role, Turn

MAX_LABEL_CHARS = 120
MAX_ID_CHARS = 200
MAX_TAGS = 50
_UNIX = re.compile(r"[0-9]{10}(?:[0-9]{3})?")

Remarks = list[Remark]


def role_of(value: Any) -> Role | Reason:
    """The role that `value` names."""
    if value is None:
        return Reason.MISSING_FIELD
    if not isinstance(value, str):
        return Reason.WRONG_TYPE
    return ROLE_NAMES.get(value.strip().lower().replace("_", " "), Reason.UNKNOWN_ROLE)


def text_of(value: Any, max_chars: int) -> str | Reason:
    """The text of a message, as it came."""
    if value is None:
        return Reason.MISSING_FIELD
    if not isinstance(value, str):
        return Reason.WRONG_TYPE
    if len(value) > max_chars:
        return Reason.TOO_LONG
    return value if not value.isspace() and value else Reason.EMPTY_MESSAGE


def label_of(value: Any) -> str | Reason | None:
    """An intent or sentiment: composed form, outer and repeated white space gone, nothing invisible; "" is none."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, str | int):
        return Reason.WRONG_TYPE
    label = " ".join(unicodedata.normalize("NFC", str(value)).split())
    if len(label) > MAX_LABEL_CHARS or not label.isprintable():
        return Reason.LABEL_INVALID
    return label or None


def identifier_of(value: Any) -> str | None:
    """An id as text; one that is too long becomes its digest; None when there is none or it is no id."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    text = clean(str(value)).text
    if len(text) > MAX_ID_CHARS:
        return "sha256:" + hashlib.sha256(text.encode()).hexdigest()[:32]
    return text or None


def time_of(value: Any, row: int, remarks: Remarks) -> str | None:
    """RFC 3339 with an offset; without one, UTC is assumed, and remarked. Whole seconds or milliseconds since 1970."""
    if value in (None, ""):
        return None
    text = str(value).strip()
    try:
        unix = _UNIX.fullmatch(text)
        moment = datetime.fromtimestamp(int(text) / 10 ** (len(text) - 10), UTC) if unix else _moment(value)
    except (ValueError, AttributeError):
        remarks.append(Remark("timestamp_ignored", row))
        return None
    if moment.tzinfo is None:
        remarks.append(Remark("timestamp_without_zone", row))
        moment = moment.replace(tzinfo=UTC)
    return moment.isoformat()


def _moment(value: Any) -> datetime:
    return datetime.fromisoformat(value.strip())


def number_among(value: Any, allowed: range | tuple[int, ...], row: int, remarks: Remarks) -> int | None:
    """An integer among `allowed` (also as text, as tables hold it); anything else is remarked and dropped."""
    if value in (None, ""):
        return None
    if isinstance(value, str) and value.strip() in {str(number) for number in allowed}:
        return int(value)
    if isinstance(value, int | float) and not isinstance(value, bool) and value in allowed:
        return int(value)
    remarks.append(Remark("rating_ignored", row))
    return None


def language_of(value: Any) -> str | None:
    """A language code as declared by the source, lower-case, without region."""
    if not isinstance(value, str):
        return None
    code = value.strip().lower().replace("_", "-").split("-")[0]
    return code if 2 <= len(code) <= 3 and code.isascii() and code.isalpha() else None


def tags_of(value: Any) -> tuple[str, ...]:
    """Short texts; what is none is left out."""
    if not isinstance(value, list):
        return ()
    tags = (label_of(tag) for tag in value[:MAX_TAGS])
    return tuple(tag for tag in tags if isinstance(tag, str) and not isinstance(tag, Reason))


def entities_of(value: Any, text: str, row: int, remarks: Remarks) -> tuple[Entity, ...]:
    """Entities whose offsets lie inside `text`; others are remarked and dropped."""
    if value in (None, []):
        return ()
    found = [_entity(one, len(text)) for one in value] if isinstance(value, list) else [None]
    if None in found:
        remarks.append(Remark("entities_dropped", row))
    return tuple(sorted((one for one in found if one is not None), key=lambda one: (one.start, one.end)))


def _entity(value: Any, length: int) -> Entity | None:
    if not isinstance(value, dict):
        return None
    start, end, kind = value.get("start"), value.get("end"), label_of(value.get("type", value.get("label")))
    if not (_is_whole(start) and _is_whole(end)) or kind is None or isinstance(kind, Reason):
        return None
    if not 0 <= start < end <= length:
        return None
    surface = value.get("value")
    return Entity(start, end, kind, surface if isinstance(surface, str) else None)


def _is_whole(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def turn_of(raw: Mapping[str, Any], row: int, max_chars: int, remarks: Remarks) -> Turn | Reason:
    """One message (a dialogue's `text` is a message's `content`)."""
    role = role_of(raw.get("role"))
    if isinstance(role, Reason):
        return role
    text = text_of(raw["content"] if "content" in raw else raw.get("text"), max_chars)
    if isinstance(text, Reason):
        return text
    intent, sentiment = label_of(raw.get("intent")), label_of(raw.get("sentiment"))
    for label in (intent, sentiment):
        if isinstance(label, Reason):
            return label
    return Turn(
        role,
        text,
        ts=time_of(raw.get("ts"), row, remarks),
        intent=intent,
        sentiment=sentiment,
        entities=entities_of(raw.get("entities"), text, row, remarks),
        rating=number_among(raw.get("rating"), (-1, 1), row, remarks),
    )


def bio_entities(tokens: list[str], tags: list[str]) -> tuple[Entity, ...]:
    """Spans of BIO tags over `" ".join(tokens)`; an I- that continues nothing begins a span."""
    spans: list[Entity] = []
    place, opened = 0, False
    for token, tag in zip(tokens, tags, strict=True):
        end = place + len(token)
        prefix, _, kind = tag.partition("-")
        if prefix == "I" and opened and spans[-1].type == kind:
            spans[-1] = Entity(spans[-1].start, end, kind)
        elif prefix in ("B", "I") and kind and token:
            spans.append(Entity(place, end, kind))
        opened = prefix in ("B", "I") and bool(kind)
        place = end + 1
    return tuple(spans)
