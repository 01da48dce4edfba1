"""What of a mail its author wrote: earlier mails below or between the words are left out, at clear marks only.

Clear are: the containers in which mail programs put a quote of their own, lines that begin with `>`, the line that
says who wrote what follows and when, the rule and the block of headers above an earlier mail, and the line above which
help desks ask for the answer. A mail that is forwarded is no quote, and where nothing else is there the whole text
stands. Signatures are not cut: their containers become the `--` line that `data.mend` knows. Time is linear.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from data.importers import markup

LINE_CHARS = 400
"""A line that is longer is nobody's mark."""
_TAG = re.compile(r"<(/?)(div|blockquote|section|span|table|p)\b([^<>]*)>", re.IGNORECASE)
_QUOTES = re.compile(
    r"""gmail_quote|gmail_attr|yahoo_quoted|moz-cite-prefix|protonmail_quote|freshdesk_quote|zmail_extra|hs_reply"""
    r"""|front-blockquote|tutanota_quote|type\s*=\s*["']?cite""",
    re.IGNORECASE,
)
_REST = re.compile(r"divRplyFwdMsg|appendonsend|OutlookMessageHeader|mail-editor-reference-message", re.IGNORECASE)
_SIGNATURES = re.compile(
    r"""gmail_signature|protonmail_signature|(?:id|class)\s*=\s*["']?(?:signature|ms-outlook-mobile-signature)\b""",
    re.IGNORECASE,
)
_MARK, _RULE = "<p>&gt;</p>", "<p>-- </p>"

_FORWARDED = re.compile(
    r"-{5,}\s*(?:forwarded message|weitergeleitete nachricht|message transféré|mensaje reenviado|messaggio inoltrato"
    r"|doorgestuurd bericht|mensagem encaminhada|пересылаемое сообщение|转发)",
    re.IGNORECASE,
)
_ORIGINAL = re.compile(
    r"\s*-{3,}\s*(?:original[ -]?message|original appointment|ursprüngliche nachricht|originalnachricht"
    r"|message d['’]origine|message original|mensaje original|messaggio originale|mensagem original"
    r"|oorspronkelijk bericht|originalmeddelande|ursprungligt meddelande|oprindelig meddelelse|opprinnelig melding"
    r"|wiadomość oryginalna|исходное сообщение|原始邮件|元のメッセージ)\s*-{3,}\s*",
    re.IGNORECASE,
)
_ABOVE = re.compile(r"\s*#{2,}-.{3,200}-#{2,}\s*")
_FROM = re.compile(
    r"\s*[*_]{0,2}(?:from|von|de|da|van|från|fra|od|от|发件人|寄件者|差出人|보낸 사람)\s*[:：].{2,}", re.IGNORECASE
)
_HEADER = re.compile(
    r"\s*[*_]{0,2}(?:sent|date|to|cc|subject|gesendet|datum|an|betreff|envoyé|date|à|objet|enviado|enviada|fecha|para"
    r"|asunto|assunto|inviato|data|a|oggetto|verzonden|aan|onderwerp|skickat|till|ämne|sendt|til|emne|wysłano|do|temat"
    r"|отправлено|кому|тема|发送时间|收件人|主题|寄件日期|收件者|主旨|送信日時|宛先|件名"
    r"|보낸 날짜|받는 사람|제목)\s*[*_]{0,2}\s*[:：]",
    re.IGNORECASE,
)
_OPENS = re.compile(
    r"(?:on|le|am|el|il|op|em|den|w dniu|dnia|\d{1,4}"
    r"|(?:mo|di|mi|do|fr|sa|so|пн|вт|ср|чт|пт|сб|вс|pon|wt|śr|czw|pt)\w*\.?,)"
    r"[ \d./年]",
    re.IGNORECASE,
)
_WROTE = re.compile(
    r"(?:\bwrote|a écrit|\bschrieb\b.*|escribió|ha scritto|\bschreef\b.*|\bskrev\b.*|escreveu|napisała?(?:\(a\))?"
    r"|пишет|написала?|写道|寫道|yazdı|kirjoitti|<[^<>\s]+@[^<>\s]+>(?:\))?)\s*[:：]\s*",
    re.IGNORECASE,
)
_YEAR, _TIME = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)"), re.compile(r"(?<!\d)\d{1,2}[:.h]\d\d(?!\d)")
_HEADERS_LOOKED_AT = 5


@dataclass(frozen=True, slots=True)
class Own:
    """The words of the author, and whether an earlier mail was left out beside them."""

    text: str
    is_cut: bool


def own_words(body: str) -> Own:
    """What the author of a message wrote, given as text or HTML."""
    if not markup.is_marked_up(body):
        own = _above_quotes(body)
        return Own(own, is_cut=own != body) if own.strip() else Own(body, is_cut=False)
    text = markup.readable(_without_quotes(_without_comments(body)))
    own = _above_quotes(text)
    return Own(own, is_cut=own != text) if own.strip(" \n-") else Own(markup.readable(body), is_cut=False)


def _without_comments(html: str) -> str:
    kept: list[str] = []
    place = 0
    while (start := html.find("<!--", place)) >= 0 and (end := html.find("-->", start + 4)) >= 0:
        kept.append(html[place:start])
        place = end + 3
    return "".join([*kept, html[place:]])


def _without_quotes(html: str) -> str:
    """HTML with a `>` in the place of every quote of a mail program, and the rule of a signature above each."""
    kept: list[str] = []
    place, depth, opened, begin = 0, 0, "", 0
    for found in _TAG.finditer(html):
        closes, name, attributes = found[1] == "/", found[2].lower(), found[3][:LINE_CHARS]
        if depth:
            depth += 0 if name != opened else -1 if closes else 1
            if depth == 0:
                kept.append(_quote(html[begin : found.end()]))
                place = found.end()
        elif closes or not attributes:
            continue
        elif _REST.search(attributes) and not _FORWARDED.search(html, found.end(), found.end() + LINE_CHARS):
            return "".join([*kept, html[place : found.start()], _MARK])
        elif _QUOTES.search(attributes):
            kept.append(html[place : found.start()])
            depth, opened, begin = 1, name, found.start()
        elif _SIGNATURES.search(attributes):
            kept += (html[place : found.start()], _RULE)
            place = found.start()
    kept.append(_quote(html[begin:]) if depth else html[place:])
    return "".join(kept)


def _quote(html: str) -> str:
    return html if _FORWARDED.search(html, 0, 4 * LINE_CHARS) else _MARK


def _above_quotes(text: str) -> str:
    """The text without the earlier mails in it; those below go to the end."""
    lines = text.split("\n")
    kept: list[str] = []
    place = 0
    while place < len(lines):
        line = lines[place][: LINE_CHARS + 1]
        told = _says_who_wrote(lines, place)
        if _FORWARDED.match(line.strip()):
            return "\n".join([*kept, *lines[place:]])
        if _ABOVE.fullmatch(line) and not any(one.strip() for one in kept):
            place += 1
        elif _ABOVE.fullmatch(line) or _ORIGINAL.fullmatch(line) or _is_head_of_mail(lines, place):
            break
        elif told is not None and (after := _after_quote(lines, told)) > told:
            place = after
        elif told is not None and _YEAR.search(line) and _TIME.search(" ".join(lines[place:told])):
            break
        elif _is_quoted(lines, place):
            place = _after_quote(lines, place)
        else:
            kept.append(lines[place])
            place += 1
    while kept and place < len(lines) and not kept[-1].strip(" _\t\r"):
        kept.pop()
    return text if len(kept) == len(lines) else "\n".join(kept)


def _after_quote(lines: list[str], place: int) -> int:
    """The line after a quote that begins here, with the blank lines before and in it; `place` where there is none.
    Below who wrote something, the end of the text is a quote that was left out."""
    end = place
    for number in range(place, len(lines)):
        line = lines[number].strip()
        if line.startswith(">"):
            end = number + 1
        elif line:
            return end
    return len(lines)


def _is_quoted(lines: list[str], place: int) -> bool:
    """A `>` alone, or at the head of two lines or more."""
    line = lines[place].lstrip()
    if not line.startswith(">"):
        return False
    beside = (lines[place - 1] if place else "", lines[place + 1] if place + 1 < len(lines) else "")
    return not line.strip("> \r") or any(one.lstrip().startswith(">") for one in beside)


def _is_head_of_mail(lines: list[str], place: int) -> bool:
    if place == 0 or not _FROM.match(lines[place][:LINE_CHARS]):
        return False
    after = [line[:LINE_CHARS] for line in lines[place + 1 : place + 1 + _HEADERS_LOOKED_AT] if line.strip()]
    return sum(_HEADER.match(line) is not None for line in after) >= 2


def _says_who_wrote(lines: list[str], place: int) -> int | None:
    """The line after the words that say who wrote what follows; mail programs break them over up to three lines."""
    if not _OPENS.match(lines[place].lstrip()[:LINE_CHARS]):
        return None
    said = ""
    for end in range(place, min(place + 3, len(lines))):
        said = f"{said} {lines[end].strip()[:LINE_CHARS]}"
        if len(said) > LINE_CHARS:
            return None
        if said.rstrip().endswith((":", "：")):
            return end + 1 if _WROTE.search(said) and any(char.isdigit() for char in said) else None
    return None
