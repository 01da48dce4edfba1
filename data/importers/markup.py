"""HTML as the words somebody reads: for formats whose messages or answers are written in it.

Tags are found by one pattern that never looks back, so that no text takes long; what is no tag stays as it is.
"""

from __future__ import annotations

import html
import re

_KNOWN = frozenset(
    ["a", "b", "big", "blockquote", "body", "br", "center", "code", "div", "em", "font", "h1", "h2", "h3", "h4", "h5",
     "h6", "hr", "html", "i", "img", "li", "ol", "p", "pre", "small", "span", "strong", "table", "tbody", "td", "th",
     "thead", "tr", "u", "ul"]
)  # fmt: skip
_TAG = re.compile(r"<(?:(/?)([a-zA-Z][a-zA-Z0-9]*)(?=[\s/>])[^<>]*|![^<>]*)>")
_BLOCKS = frozenset(
    ["address", "blockquote", "body", "br", "dd", "div", "dl", "dt", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "html",
     "li", "ol", "p", "pre", "section", "table", "tr", "ul"]
)  # fmt: skip
_UNSEEN = frozenset({"head", "noscript", "script", "style", "template", "title"})
_SPACES = re.compile(r"[ \t\r\f\v\u00a0]+")
_BREAKS = re.compile(r"(?: ?\n)+ ?")


def is_marked_up(text: str) -> bool:
    """Whether the text is written in HTML, at least in part."""
    return any((found[2] or "").lower() in _KNOWN for found in _TAG.finditer(text))


def readable(text: str) -> str:
    """The words of a text that is written in HTML, a line per paragraph; any other text as it is."""
    if not is_marked_up(text):
        return text
    words: list[str] = []
    place = unseen = 0
    for found in _TAG.finditer(text):
        if not unseen:
            words.append(text[place : found.start()].replace("\n", " "))
        place = found.end()
        tag, closes = (found[2] or "").lower(), found[1] == "/"
        if tag in _UNSEEN and not found[0].endswith("/>"):
            unseen = max(0, unseen - 1) if closes else unseen + 1
        elif tag in _BLOCKS:
            words.append("\n- " if tag == "li" and not closes else "\n")
    if not unseen:
        words.append(text[place:].replace("\n", " "))
    lines = _BREAKS.sub("\n", _SPACES.sub(" ", html.unescape("".join(words)))).strip()
    return "\n".join(line for line in lines.split("\n") if line.strip() not in ("", "-"))
