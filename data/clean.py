"""Make a message tidy without changing what it says. Pure.

Mojibake is repaired (ftfy's encoding repair only: full-width punctuation, curly quotes and emoji stay as typed), line
breaks become `\\n`, characters nobody can see are dropped, Unicode takes its composed form (NFC), runs of white space
become one. Zero-width joiners stay where they join: between characters beyond ASCII (emoji families, Persian, Indic
scripts). `clean` is idempotent. Plain tidy ASCII, the common case, costs one regular-expression search.
"""

from __future__ import annotations

import re
import unicodedata

import ftfy

from data.spans import Edited, Stage, rewrite, substitute

MAX_ROUNDS = 8
_UNTIDY_ASCII = re.compile(r"[\x00-\x09\x0b-\x1f\x7f]|  | \n|\n[ \n]|\A[ \n]|[ \n]\Z")
_BREAKS = re.compile("\r\n?|[\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_MARKS = "\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"
_HIDDEN = re.compile(
    "[\x00-\x08\x0e-\x1b\x1f\x7f-\x84\x86-\x9f"  # control characters but tab, line breaks and white space
    "\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ufdd0-\ufdef\ufffe\uffff\ud800-\udfff]"
    "|(?<![^\x00-\x7f])[\u200c\u200d]|[\u200c\u200d](?![^\x00-\x7f])"  # joiners that join nothing
    "|(?<![\U0001f3f4\U000e0020-\U000e007f])[\U000e0000-\U000e007f]+"  # tags outside a flag: hidden text
    f"|(?<=[{_MARKS}]{{8}})[{_MARKS}]+"  # more than eight marks on one letter
)
_SPACES = re.compile(r" [^\S\n]+|[^\S\n ][^\S\n]*")
_LINE_ENDS = re.compile(r" \n[ \n]*|\n[ \n]+")
_EDGES = re.compile(r"\A[ \n]+|[ \n]+\Z")


def clean(text: str) -> Edited:
    """The tidy text, with the way from the old offsets (code points) to the new ones."""
    if text.isascii() and _UNTIDY_ASCII.search(text) is None:
        return Edited(text)
    stages: tuple[Stage, ...] = ()
    for _ in range(MAX_ROUNDS):
        text, more = _round(text)
        if not more:
            break
        stages += more
    return Edited(text, stages)


def is_mojibake(text: str) -> bool:
    """Whether `text` was written in one encoding and read in another, and can be repaired."""
    return not text.isascii() and ftfy.fix_encoding(text) != text


def _round(text: str) -> tuple[str, tuple[Stage, ...]]:
    """One pass. A repair can uncover another (a zero-width character that hid broken bytes), hence the rounds."""
    stages: tuple[Stage, ...] = ()
    if not text.isascii():
        text, stages = rewrite(ftfy.fix_encoding, text)
    for pattern, by in ((_BREAKS, "\n"), (_HIDDEN, "")):
        text, more = substitute(pattern, by, text)
        stages += more
    if not text.isascii() and not unicodedata.is_normalized("NFC", text):
        text, more = rewrite(lambda old: unicodedata.normalize("NFC", old), text)
        stages += more
    for pattern, by in ((_SPACES, " "), (_LINE_ENDS, "\n"), (_EDGES, "")):
        text, more = substitute(pattern, by, text)
        stages += more
    return text, stages
