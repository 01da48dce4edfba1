"""Addresses of machines, IPv4 and IPv6.

Four numbers with dots are also how programs count their versions, and contracts their clauses: the words
before decide, and
a port or a URL outweighs them.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

from data.personal.found import HARMLESS, Found, Rank, Text
from data.personal.labels import Meaning, label_before

_IPV4 = re.compile(
    r"(?:(?<![A-Za-z0-9_.])|(?<=ip))\d{1,3}(?:\.\d{1,3}){3}(?![A-Za-z0-9_]|\.\d)", re.ASCII | re.IGNORECASE
)
_IPV6 = re.compile(
    r"(?<![A-Za-z0-9_:.])(?=[0-9a-f:]{0,40}\d)[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7}(?:\.\d{1,3}){0,3}(?![A-Za-z0-9_:])",
    re.IGNORECASE | re.ASCII,
)
_DOTTED = re.compile(r"\d\.\d{1,3}\.\d")
_PORT_OR_NET = re.compile(r"(?::|/\d{1,2}\b)")
_NETWORK_BEFORE = re.compile(r"(?://|@|\bip(?:v4)?[\s:=]{1,3})\Z", re.IGNORECASE)
_CLAUSE_AFTER = re.compile(
    r"\s(?:as|als|comme|como|come|jako|olarak)\s(?:\w+\s){0,2}(?:paragra\w+|section|version\w*|clause|chapter|abschnitt|artikel)|"
    r"\s?(?:条|章|节)|,?\s(?:of the|im|in the|der|des|del|dell[ao']?|van de|van het)\s"
    r"(?:\w+\s)?(?:terms|contract|manual|agreement|handbook|handbuch|agb|vertrag\w*|conditions|contrat|notice|"
    r"condiciones|contrato|"
    r"contratto|condizioni|manuale|voorwaarden|handleiding|contract)\b",
    re.IGNORECASE,
)
_STEP_BEFORE = re.compile(
    r"(?<!\w)(?:steps?|schritte?|étapes?|pasos?|passo|passi|stap|krok|adım)[\s:.]{1,2}\Z", re.IGNORECASE
)
"""The step of a manual; further off such a word says nothing: "the steps to find 10.0.0.1"."""
_SENTENCE_END = re.compile(r"[.!?…]\s|[。！？\n]")
_NOT_A_HOST = (Meaning.VERSION, Meaning.THING)


def hosts(text: Text) -> Iterator[Found]:
    """Every address of a machine in `text`; version numbers come as harmless: nothing else is read into them."""
    if text.has_digits and _DOTTED.search(text.raw) is not None:
        version_until = -1
        for match in _IPV4.finditer(text.raw):
            normal = _normal(match[0])
            if normal is None or _is_version(text.raw, match, version_until):
                version_until = match.end()
                yield Found(Rank.HARMLESS, match.start(), match.end(), HARMLESS, "")
            else:
                yield Found(Rank.IP, match.start(), match.end(), "ip", normal)
    if text.low.count(":") > 1 and ("::" in text.low or text.low.count(":") > 6):
        for match in _IPV6.finditer(text.raw):
            normal = _normal(match[0])
            if normal is not None and not _is_hardware(match[0]):
                yield Found(Rank.IP, match.start(), match.end(), "ip", normal)


def _normal(written: str) -> str | None:
    try:
        return str(ipaddress.ip_address(written))
    except ValueError:
        return None


def _is_version(text: str, match: re.Match[str], version_until: int) -> bool:
    """By the words before; without any, what is compared with a version in the same sentence is one too."""
    before = text[max(0, match.start() - 12) : match.start()]
    if _NETWORK_BEFORE.search(before):
        return False
    if _PORT_OR_NET.match(text, match.end()):
        return False
    if _CLAUSE_AFTER.match(text[match.end() : match.end() + 40]) or _STEP_BEFORE.search(before):
        return True
    label = label_before(text, match.start())
    if label is None:
        return version_until >= 0 and _SENTENCE_END.search(text, version_until, match.start()) is None
    return label.meaning in _NOT_A_HOST


def _is_hardware(written: str) -> bool:
    """Eight pairs are an EUI-64, the longer sister of a MAC address."""
    groups = written.split(":")
    return len(groups) == 8 and all(len(group) == 2 for group in groups)
