"""Find out how a text is encoded: by its byte-order mark, by being valid UTF-8 from end to end, else by its habits.

Old files are told apart by what their bytes above 127 would say: kana (Japanese, Shift JIS), hangul (Korean, EUC-KR);
else by where they stand: alone among ASCII letters (Western European, cp1252), in even runs of common hanzi (GB 18030),
in words of their own (Cyrillic, cp1251), in the pairs of Big5.
Any other encoding has to be named in the import options. A guess is always reported as one.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
SAMPLE = 1 << 16
GUESSED = 0.95
"""Below this confidence an encoding counts as guessed, and the report says so."""
_CONTINUATION = bytes(range(0x80, 0xC0))
_HIGH_RUN = re.compile(rb"[\x80-\xff]+")
_GB_COMMON = re.compile(rb"(?:[\xa1-\xa3\xb0-\xd7][\xa1-\xfe])+")  # rows of punctuation and of the commonest hanzi
_CYRILLIC_SMALL = re.compile(rb"[\xe0-\xff\xb8]")
_KANA, _MOST_KANA = re.compile("[\u3041-\u30fe]"), 0.25
_HANGUL, _MOST_HANGUL = re.compile("[\uac00-\ud7a3]"), 0.95
"""Letters that text in an encoding consists of, and how much of what is not ASCII they are at least."""
_BIG5 = re.compile("[\u3000-\u303f\u4e00-\u9fff\uff01-\uff5e]")


@dataclass(frozen=True, slots=True)
class Encoding:
    """A codec name, how sure we are (0..1), and how many bytes of byte-order mark to skip."""

    name: str
    confidence: float
    bom: int = 0


@dataclass(slots=True)
class _Survey:
    """One pass over the file: is it UTF-8, and if not, a sample of the lines that speak for something else."""

    valid_lines: int = 0
    invalid_lines: int = 0
    invalid: bytearray = field(default_factory=bytearray)

    def take(self, line: bytes) -> None:
        try:
            line.decode("utf-8")
            self.valid_lines += 1
        except UnicodeDecodeError:
            self.invalid_lines += 1
            if len(self.invalid) < SAMPLE:
                self.invalid += line[:SAMPLE] + b"\n"


def sniff(chunks: Iterable[bytes], head: bytes) -> Encoding:
    """The encoding of the bytes in `chunks`, which begin with `head`; reads them all unless a mark decides."""
    with_mark = marked(head)
    if with_mark is not None:
        return with_mark
    without_mark = _utf16_without_mark(head)
    if without_mark is not None:
        return without_mark
    survey = _survey(chunks)
    if survey.invalid_lines == 0:
        return Encoding("utf-8", 1.0)
    if survey.valid_lines > survey.invalid_lines:
        return Encoding("utf-8", round(survey.valid_lines / (survey.valid_lines + survey.invalid_lines), 3))
    return guess_legacy(bytes(survey.invalid))


def marked(head: bytes) -> Encoding | None:
    """The encoding that a byte-order mark names."""
    return next((Encoding(name, 1.0, len(mark)) for mark, name in _BOMS if head.startswith(mark)), None)


def wide(head: bytes) -> Encoding | None:
    """The encoding of a text whose bytes hold zeros: UTF-16 or UTF-32, with a mark or without."""
    with_mark = marked(head)
    return with_mark if with_mark is not None and with_mark.name != "utf-8" else _utf16_without_mark(head)


def guess_legacy(sample: bytes) -> Encoding:
    """The likeliest encoding of lines that are not UTF-8."""
    runs = [match.group() for match in _HIGH_RUN.finditer(sample)]
    high = sum(map(len, runs))
    if high == 0:
        return Encoding("utf-8", 0.5)
    if _reads(sample, "cp932", _KANA) >= _MOST_KANA:
        return Encoding("cp932", 0.85)
    if high / len(runs) < 1.6:  # an apostrophe before a letter, as in "you're", would be a rare hangul
        return Encoding("cp1252", 0.8)
    if _reads(sample, "cp949", _HANGUL) >= _MOST_HANGUL:
        return Encoding("cp949", 0.85)
    common = sum(len(match.group()) for run in runs for match in _GB_COMMON.finditer(run) if len(run) % 2 == 0)
    if common / high > 0.7:
        return Encoding("gb18030", 0.85)
    if sum(len(_CYRILLIC_SMALL.findall(run)) for run in runs) / high > 0.6:
        return Encoding("cp1251", 0.8)
    if _reads(sample, "big5", _BIG5) >= 0.95:
        return Encoding("big5", 0.7)
    return Encoding("cp1252", 0.4)


def _reads(sample: bytes, name: str, letters: re.Pattern[str]) -> float:
    """How much of what is not ASCII would be such letters; 0 when the sample is not in that encoding."""
    beyond = [char for char in sample.decode(name, "replace") if not char.isascii()]
    if not beyond or beyond.count("\ufffd") > len(beyond) // 100:
        return 0.0
    return sum(letters.match(char) is not None for char in beyond) / len(beyond)


def _utf16_without_mark(head: bytes) -> Encoding | None:
    """ASCII letters in UTF-16 leave every second byte zero; NULs elsewhere do not."""
    sample = head[: len(head) // 2 * 2][:4096]
    if len(sample) >= 4:
        half = len(sample) / 2
        even, odd = sample[0::2].count(0) / half, sample[1::2].count(0) / half
        if odd > 0.4 and even < 0.1:
            return Encoding("utf-16-le", 0.9)
        if even > 0.4 and odd < 0.1:
            return Encoding("utf-16-be", 0.9)
    return None


def _survey(chunks: Iterable[bytes]) -> _Survey:
    """Whole blocks of lines are tried first; only lines beyond ASCII count."""
    survey = _Survey()
    carry = b""
    for chunk in chunks:
        block, newline, rest = chunk.rpartition(b"\n")
        if not newline:
            block, rest = b"", chunk
        if newline:
            _take_block(survey, carry + block)
            carry = rest
        elif len(carry) < 16 * SAMPLE:
            carry += rest
        else:  # a line without end: its middle tells nothing new; half a character at the cut is no error
            carry = (carry[-8:] + rest).lstrip(_CONTINUATION)
    _take_block(survey, carry)
    return survey


def _take_block(survey: _Survey, block: bytes) -> None:
    if block.isascii():
        return
    lines = [line for line in re.split(rb"[\r\n]+", block) if not line.isascii()]
    try:
        block.decode("utf-8")
        survey.valid_lines += len(lines)
    except UnicodeDecodeError:
        for line in lines:
            survey.take(line)
