"""Words that mean the same in a customer's mouth: a small table of ours for everyday words of service, and the brand's.

Ours holds only words that may stand in each other's place as they are: the same part of speech, gender and number. It
is read in the language of the text; the brand's own groups in any language. Words without spaces between them
(Chinese, Japanese) are looked for wherever they stand.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from data.augment.known import Groups, Known
from data.augment.said import Change, Draw, Said

TABLE: Mapping[str, str] = {
    "en": """
        hi, hello, hey | thanks, thank you, cheers | parcel, package | buy, purchase | bought, purchased |
        buying, purchasing | help, assist | speak to, talk to | phone number, telephone number | receive, get |
        arrive, turn up | broken, damaged | fix, repair | quick, speedy | quickly, fast | shop, store | begin, start |
        big, large | price, cost | currently, right now, at the moment | need to, have to |
        as soon as possible, asap | please, pls | application, app | photo, picture | incorrect, wrong |
        problem, issue | trip, journey | also, too | maybe, perhaps
    """,
    "de": """
        hallo, guten tag, hi | danke, vielen dank | paket, päckchen | kaufen, erwerben | defekt, kaputt |
        schnell, rasch | bekommen, erhalten | momentan, zurzeit, derzeit | bitte, bitteschön | laden, shop |
        vielleicht, eventuell | sofort, umgehend | helfen, weiterhelfen | falsch, verkehrt | anrufen, telefonieren
    """,
    "fr": """
        bonjour, salut | merci, merci beaucoup | colis, paquet | acheter, commander | rapidement, vite |
        recevoir, obtenir | magasin, point de vente | actuellement, en ce moment | parler à, discuter avec |
        peut-être, éventuellement | photo, image | problème, souci
    """,
    "es": """
        hola, buenas | gracias, muchas gracias | comprar, adquirir | recibir, obtener | rápido, pronto |
        arreglar, reparar | hablar con, comunicarme con | quizás, tal vez | actualmente, ahora mismo |
        pedido, encargo | equivocado, incorrecto | móvil, celular
    """,
    "it": """
        ciao, buongiorno, salve | grazie, molte grazie | comprare, acquistare | ricevere, ottenere |
        velocemente, in fretta | forse, magari | riparare, aggiustare | telefonino, cellulare | pacco, collo
    """,
    "nl": """
        hallo, hoi, goedendag | bedankt, dank je | kopen, aanschaffen | ontvangen, krijgen | snel, vlug |
        kapot, stuk, defect | winkel, zaak | misschien, wellicht | verkeerd, fout | repareren, maken
    """,
    "pt": """
        olá, oi | comprar, adquirir | receber, obter | consertar, reparar | rapidamente, depressa |
        talvez, quem sabe | celular, telemóvel | errado, incorreto | encomenda, remessa
    """,
    "ru": """
        привет, здравствуйте, добрый день | спасибо, большое спасибо | купить, приобрести | быстро, скоро |
        получить, забрать | сейчас, в данный момент | посылка, бандероль | починить, отремонтировать |
        возможно, может быть | неправильно, неверно
    """,
    "zh": """
        你好, 您好 | 谢谢, 感谢 | 购买, 买 | 快递, 包裹 | 手机, 电话 | 现在, 目前 | 帮忙, 帮助 | 商店, 店铺
    """,
    "ja": """
        ありがとう, 感謝します | 購入, 買い物 | 現在, 今 | お店, 店舗 | 電話番号, 連絡先
    """,
}
"""By language: groups parted by "|", their members by commas. Written for this project."""
_UNSPACED = re.compile("[\u2e80-\u9fff\u3040-\u30ff]")


def synonyms(said: Said, known: Known, draw: Draw) -> list[Change]:
    """One word or phrase exchanged for another that means the same."""
    members = _members((said.language or "").partition("-")[0], known.synonyms)
    if not members:
        return []
    found = []
    for match in _pattern(tuple(sorted(members, key=lambda word: (-len(word), word)))).finditer(said.text):
        others = members.get(" ".join(match.group().casefold().split()), ())
        if others:
            found.append((match, others))
    if not found:
        return []
    match, others = draw.one(found)
    return [Change(*match.span(), _as_written(draw.one(others), match.group()))]


def table(language: str) -> Groups:
    """Our own groups of a language; none where there is no table."""
    groups = TABLE.get(language, "").split("|")
    return tuple(tuple(" ".join(word.split()) for word in group.split(",")) for group in groups if group.strip())


@lru_cache(maxsize=64)
def _members(language: str, own: Groups) -> dict[str, tuple[str, ...]]:
    """Every word with the others of its group. Where the brand says what a word means, our table is silent."""
    found: dict[str, tuple[str, ...]] = {}
    for group in (*own, *table(language)):
        folded = {" ".join(word.casefold().split()): word for word in group if word.strip()}
        for word in folded:
            others = tuple(other for key, other in folded.items() if key != word)
            if others:
                found.setdefault(word, others)
    return found


@lru_cache(maxsize=64)
def _pattern(words: tuple[str, ...]) -> re.Pattern[str]:
    """Any of `words`, the longest first; whole words where their script has spaces."""
    bare = [re.escape(word) for word in words if _UNSPACED.search(word)]
    spaced = [re.escape(word).replace(r"\ ", r"[ \t]") for word in words if not _UNSPACED.search(word)]
    whole = rf"(?<![\w'’-])(?:{'|'.join(spaced)})(?![\w'’-])" if spaced else ""
    return re.compile("|".join(filter(None, (whole, *bare))), re.IGNORECASE)


def _as_written(new: str, old: str) -> str:
    """`new` in capitals, or with a large first letter, where `old` is."""
    if len(old) > 1 and old.isupper():
        return new.upper()
    return new[:1].upper() + new[1:] if old[:1].isupper() else new
