"""YAML from strangers: read as it is written, in bounded memory and time, entry by entry.

Every scalar is the text that stands there: `no`, `1.0` and dates stay what they are, an empty value is None. Tags mean
nothing. Aliases are followed as long as they do not multiply the document; merge keys (`<<`) are. What YAML does not
allow inside a text (control characters, line separators) is replaced, so that one character costs no file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml
from yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    Event,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceStartEvent,
)

from data.importers.nouns import Reason
from data.importers.strict_json import MAX_DEPTH

MULTIPLIED = 10
"""How many times its own size a document may become by its aliases."""
SPARE = 10_000
MAX_REPEATED = 20
MAX_EVENTS = 2_000
"""How far the shape of a beginning is looked at."""

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TRANSLATED = {0x85: " ", 0x2028: " ", 0x2029: " ", 0xFEFF: None}
_FORBIDDEN = re.compile("[^\t\n\r\\x20-\\x7e\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_PAIR = re.compile(r"\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})")
_MERGE = "<<"


class YamlError(ValueError):
    """A YAML text that cannot be read on; `reason` says why, `line` (from 1) where."""

    def __init__(self, reason: Reason, line: int) -> None:
        super().__init__(f"{reason.value} at line {line}")
        self.reason = reason
        self.line = line


@dataclass(slots=True)
class Entries:
    """(key, value) of what stands at the top of a YAML text, in its order; iterate once.

    Of a list under a key each entry comes by itself; what stands under no key has the key "". Raises YamlError where
    the text breaks off: what came before holds. `repeated` names keys that stand twice in one mapping; the last counts,
    except at the top, where both are read.
    """

    text: str
    repeated: list[tuple[str, int]] = field(default_factory=list)

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        text = _allowed(self.text)
        building = _Building(MULTIPLIED * len(text) + SPARE, self.repeated)
        for event in _events(text):
            entry = building.take(event)
            if entry is not None:
                yield entry


def paths_of(text: str) -> frozenset[str]:
    """Every path that the beginning of a text shows, such as `nlu.item.intent`; `text` may end anywhere."""
    found: set[str] = set()
    above: list[_Frame] = []
    try:
        for count, event in enumerate(_events(_allowed(text))):
            if count > MAX_EVENTS:
                break
            if isinstance(event, CollectionEndEvent):
                above.pop()
                _done(above)
            elif isinstance(event, NodeEvent):
                _note(event, above, found)
    except YamlError:
        pass
    return frozenset(found)


@dataclass(slots=True)
class _Frame:
    """A collection that is being read: what is in it so far, the key whose value comes next, and its own anchor.

    `streamed`: its entries are handed out one by one. `size` is what it costs to repeat it.
    """

    value: Any
    key: str | None = None
    anchor: str | None = None
    streamed: bool = False
    size: int = 1
    merged: list[Any] = field(default_factory=list)


Entry = tuple[str, Any]


class _Building:
    """Puts values together, event by event, and hands out what stands at the top."""

    def __init__(self, budget: int, repeated: list[tuple[str, int]]) -> None:
        self._budget = budget
        self._repeated = repeated
        self._above: list[_Frame] = []
        self._anchors: dict[str, tuple[Any, int]] = {}

    def take(self, event: Event) -> Entry | None:
        """The entry that is whole with this event, if one is. Raises YamlError."""
        if isinstance(event, ScalarEvent):
            value = event.value or ("" if event.style else None)
            self._remember(event.anchor, value, len(event.value) + 1)
            return self._put(value, len(event.value) + 1, event)
        if isinstance(event, CollectionEndEvent):
            return self._close(event)
        if isinstance(event, MappingStartEvent | SequenceStartEvent):
            self._open(event)
        elif isinstance(event, AliasEvent):
            return self._repeat(event)
        else:
            self._anchors.clear()  # another document begins
        return None

    def _open(self, event: MappingStartEvent | SequenceStartEvent) -> None:
        if len(self._above) >= MAX_DEPTH:
            raise YamlError(Reason.TOO_DEEP, _line(event))
        is_map = isinstance(event, MappingStartEvent)
        under_root = len(self._above) == 1 and self._above[0].streamed and isinstance(self._above[0].value, dict)
        streamed = not self._above or (under_root and not is_map and self._above[0].key is not None)
        streamed = streamed and event.anchor is None  # what is repeated is kept
        self._above.append(_Frame({} if is_map else [], anchor=event.anchor, streamed=streamed))

    def _close(self, event: Event) -> Entry | None:
        frame = self._above.pop()
        if frame.streamed:
            if self._above:
                self._above[-1].key = None
            return None
        _merge(frame)
        self._remember(frame.anchor, frame.value, frame.size)
        return self._put(frame.value, frame.size, event)

    def _repeat(self, event: AliasEvent) -> Entry | None:
        if event.anchor not in self._anchors:
            raise YamlError(Reason.MALFORMED_YAML, _line(event))
        value, size = self._anchors[event.anchor]
        self._budget -= size
        if self._budget < 0:
            raise YamlError(Reason.DOCUMENT_TOO_LARGE, _line(event))
        return self._put(value, size, event)

    def _remember(self, anchor: str | None, value: Any, size: int) -> None:
        if anchor is not None:
            self._anchors[anchor] = (value, size)

    def _put(self, value: Any, size: int, event: Event) -> Entry | None:
        """A whole value to where it belongs; what stands at the top is an entry."""
        if not self._above:
            return "", value
        frame = self._above[-1]
        frame.size += size
        if isinstance(frame.value, list):
            if frame.streamed:
                return self._above[0].key or "", value
            frame.value.append(value)
        elif frame.key is None:
            frame.key = value if isinstance(value, str) else ""
        else:
            return self._pair(frame, value, event)
        return None

    def _pair(self, frame: _Frame, value: Any, event: Event) -> Entry | None:
        """The value of the key that was read last."""
        key, frame.key = frame.key or "", None
        if key == _MERGE and isinstance(value, dict | list):
            frame.merged.append(value)
        elif frame.streamed:
            return key, value
        else:
            if key in frame.value and len(self._repeated) < MAX_REPEATED:
                self._repeated.append((key, _line(event)))
            frame.value[key] = value
        return None


def _merge(frame: _Frame) -> None:
    for merged in frame.merged:
        for one in merged if isinstance(merged, list) else [merged]:
            if isinstance(one, dict):
                frame.value.update({key: value for key, value in one.items() if key not in frame.value})


def _events(text: str) -> Iterator[Event]:
    """Raises YamlError."""
    escaped = "\\u" in text or "\\U" in text
    events = yaml.parse(text, Loader=_LOADER)
    line = 0
    while True:
        try:
            event = next(events)
        except StopIteration:
            return
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
            raise YamlError(Reason.MALFORMED_YAML, mark.line + 1 if mark is not None else line) from None
        except (ValueError, OverflowError):  # escapes that name no character
            raise YamlError(Reason.MALFORMED_YAML, line) from None
        line = _line(event)
        if escaped and isinstance(event, ScalarEvent):
            event.value = event.value.encode("utf-8", "replace").decode("utf-8")
        yield event


def _allowed(text: str) -> str:
    text = _FORBIDDEN.sub("\ufffd", text.translate(_TRANSLATED))
    if "\\u" in text:
        text = _PAIR.sub(lambda found: (bytes.fromhex(found[1] + found[2])).decode("utf-16-be"), text)
    return text


def _line(event: Event) -> int:
    return int(event.start_mark.line) + 1 if event.start_mark is not None else 0


def _note(event: NodeEvent, above: list[_Frame], found: set[str]) -> None:
    """Go on by one event of a beginning; `value` of a frame is its path, `size` tells a list."""
    parent = above[-1] if above else None
    if parent is not None and parent.key is None:
        parent.key = event.value if isinstance(event, ScalarEvent) else ""
        if not isinstance(event, MappingStartEvent | SequenceStartEvent):
            return
    path = "" if parent is None else ".".join(filter(None, (parent.value, parent.key)))
    if path:
        found.add(path)
    if isinstance(event, MappingStartEvent | SequenceStartEvent):
        is_list = isinstance(event, SequenceStartEvent)
        above.append(_Frame(path, key="item" if is_list else None, streamed=is_list))
    else:
        _done(above)


def _done(above: list[_Frame]) -> None:
    """A value is whole: in a mapping a key comes next."""
    if above and not above[-1].streamed:
        above[-1].key = None
