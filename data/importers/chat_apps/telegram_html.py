"""Messages on the HTML pages of Telegram Desktop, read tag by tag in bounded memory and linear time.

The pages are written by a program and always alike: a message is a `div` whose classes say what it is, in it `div`s for
name, date, text and files. Python's HTML parser reads again what it could not end yet; this does not.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from data.importers.nouns import Reason

MAX_TAG = 20_000
MAX_TEXT = 200_000
"""Characters kept of a text before its next tag."""
_ATTRIBUTE = re.compile(r"""\b(class|title|id)\s*=\s*"([^"]*)\"""")
_VOID = ("br", "img", "meta", "link", "input", "hr")


@dataclass(slots=True)
class Found:
    """One message of a page, as it stands there."""

    id: str = ""
    author: str = ""
    date: str = ""
    text: str = ""
    is_joined: bool = False
    is_service: bool = False
    has_file: bool = False
    has_extras: bool = False
    flaw: Reason | None = None


@dataclass(slots=True)
class _Page:
    """Where on the page we are: the classes of the open `div`s, and the message they stand in."""

    most: int
    stack: list[str] = field(default_factory=list)
    message: Found | None = None
    depth: int = 0
    name: list[str] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    size: int = 0

    def open(self, attributes: dict[str, str]) -> None:
        classes = attributes.get("class", "")
        first = classes.split(" ", 1)[0]
        if first == "message" and self.message is None:
            self.message = Found(
                attributes.get("id", ""), is_joined="joined" in classes, is_service="service" in classes
            )
            self.depth, self.size = len(self.stack), 0
            self.name, self.words = [], []
        elif self.message is not None:
            if "date" in classes.split() and not self.message.date:
                self.message.date = attributes.get("title", "")
            self.message.has_file |= first.startswith("media")
            self.message.has_extras |= first in ("reactions", "bot_buttons_table", "media_poll")
        self.stack.append(classes)

    def close(self) -> Found | None:
        if self.stack:
            self.stack.pop()
        if self.message is None or len(self.stack) > self.depth:
            return None
        done, self.message = self.message, None
        done.author = " ".join("".join(self.name).split())
        done.text = "\n".join(" ".join(line.split()) for line in "".join(self.words).split("\n")).strip()
        return done

    def take(self, text: str) -> None:
        """Text of the page: of a message when its innermost `div` says so."""
        if self.message is None or not self.stack or self.size > self.most:
            return
        innermost = self.stack[-1].split()
        inside = self.stack[self.depth :]
        if "from_name" in innermost and not any("forwarded" in classes for classes in inside):
            self.name.append(text)
        elif "text" in innermost or (self.message.is_service and "details" in innermost):
            self.words.append(text)
        else:
            return
        self.size += len(text)


def messages(chunks: Iterable[bytes], most: int) -> Iterator[Found]:
    """The messages of a page, given as UTF-8; of texts much longer than `most` only the head is kept."""
    page = _Page(most + 1)
    for tag, text in _tokens(chunks):
        if text:
            page.take(html.unescape(text.replace("\n", " ")))
        name = tag.strip("/ ").split(" ", 1)[0].lower()
        if name == "br":
            page.take("\n")
        if name != "div":
            continue
        if not tag.startswith("/"):
            page.open(dict(_ATTRIBUTE.findall(tag)))
            continue
        done = page.close()
        if done is not None and not (done.is_service and done.id.startswith("message-")):  # a date between messages
            yield done
    if page.message is not None:
        yield Found(flaw=Reason.MALFORMED_ROW)


def _tokens(chunks: Iterable[bytes]) -> Iterator[tuple[str, str]]:
    """(tag, the text before it), in the order of the page; a tag without an end is text."""
    rest = ""
    pending = b""
    for chunk in chunks:
        raw = pending + chunk
        cut = raw.rfind(b">") + 1
        if not cut and len(raw) < MAX_TAG:
            pending = raw
            continue
        cut = cut or len(raw)
        pending = raw[cut:]
        *parts, rest = (rest + raw[:cut].decode("utf-8", "replace")).split(">")
        for part in parts:
            text, opening, tag = part.rpartition("<")
            yield (tag[:MAX_TAG], text) if opening else ("", part)
        rest = rest[:MAX_TEXT]
