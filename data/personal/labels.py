"""What the words before a number say it is: "firmware 10.2.1.4", "serial number 4000 1234 5678 9011", "Tel. 030 ...".

Looked for in the same sentence, the nearest word winning. English, German, French, Spanish, Italian, Dutch, Polish,
Portuguese, Turkish and Chinese; a recogniser asks only once it holds a number, so that ordinary chat never comes here.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import NamedTuple

from data.personal.words import pattern

NEAR = 48
"""Characters before a number in which a word may say what it is."""
ATTACHED = 14
"""Characters between a word and its number when nothing but "number", "is" and a colon stands there."""


class Meaning(StrEnum):
    """What a number is said to be."""

    THING = "thing"  # an article, a part, a voucher, a bar code, a colour, a time stamp, a tax number of a company
    VERSION = "version"  # of a program, or the clause of a text
    HOST = "host"
    PHONE = "phone"
    CARD = "card"


class Label(NamedTuple):
    """The word nearest before a number; `gap` is how many characters stand between the two."""

    meaning: Meaning
    gap: int


_LATIN = {
    Meaning.THING: pattern(r"""
        (?:(?:gift|store|loyalty)[ ]?(?:card|voucher)s?|vouchers?|coupons?|promo(?:tion)?s?|discount|serial|s/n|sku|
        (?:licen[cs]e|activation|software|product)[ ](?:key|code)s?|models?|articles?|items?|parts?|pieces?|
        components?|imei|isbn|issn|ean|upc|gtin|asin|bar[ ]?codes?|qr|
        lots?|batch|meters?|counters?|chassis|vin|containers?|timestamp|unix|epoch|build|colou?rs?|paint|shade|
        sort[ ]code|vat|tax[ ](?:no|number)|zip|postcodes?|latitude|longitude|size|
        art\.?-?(?:nummer|nr)|artikel(?:-?(?:nummer|nr))?|art\.|serien?-?(?:nummer|nr)?|gutschein\w*|aktionscode|lizenz\w*|schlüssel|bauteil|
        zähler\w*|los-?(?:nummer|nr)|farb\w+|teile?-?(?:nummer|nr)|modell|blz|bankleitzahl|ust-?id\w*|
        ersatzteil\w*|maße|handelsregister|hrb|wkn|isin|bic|swift|standort|
        bon[ ]d'achat|code[- ](?:barres?|promo|postal)|numéro[ ]de[ ]série|n°[ ]de[ ](?:série|lot)|clé|modèle|pièce|
        compteur|teinte|couleur|siren|siret|tva|réf\.[ ](?:coloris|fournisseur)|dimensions|coordonnées|
        référence[ ]article|chèque-cadeau|
        cup[oó]n|c[oó]digo[ ]de[ ]barras|(?:n[ºo]|número)[ ]de[ ]serie|contador|(?:clave[ ]de[ ])?licencia|pieza|modelo|
        lote|color|artículo|cif|tarjeta[ ]regalo|
        buono[ ]regalo|matricola|codice[ ](?:a[ ]barre|licenza|sconto)|articolo|pezzo|ricambio|lotto|tinta|modello|
        (?:partita|p\.?)[ ]?iva|coordinate|misure|
        contatore|cap|
        cadeau(?:bon|kaart)|serie-?(?:nummer|nr)|licentiecode|streepjescode|kortingscode|artikel(?:nummer|nr)|onderdeel|type|
        kleur|lot-?nummer|meterstand|kvk|btw\w*|
        bon[ ]podarunkowy|kod[ ](?:kreskowy|pocztowy|rabatowy|produktu)|
        (?:nr|numer)[ ](?:seryjny|artykułu|katalogowy|partii)|
        artykuł|część|licznik\w*|kolor|rozmiar|nip|regon|krs|
        cartão[ ]presente|código[ ](?:de[ ]barras|postal|promocional)|(?:n[ºo]|número)[ ]de[ ]série|artigo|peça|
        medidor|cor|
        tamanho|cnpj|
        hediye[ ]kartı|(?:posta|ürün|stok|indirim|promosyon)[ ]kodu|barkod|seri[ ](?:no|numarası)|parça|sayaç|renk|
        beden|
        vergi[ ]no)
        (?:[ -](?:number|no|nr|code|id)\b)?
    """),
    Meaning.VERSION: pattern(r"""
        firmware|versions?|ver|v(?!\d{1,2}[^\w.])|rev(?:ision)?|app|driver|bootloader|release|(?:up|down)grad\w+|updat\w+|runs?|running|sections?|clauses?|chapters?|
        paragraphs?|terms|treiber|läuft[ ]mit|punkt|kapitel|abschnitt|ziffer|micrologiciel|pilote|application|chapitre|
        versión|controlador|apartado|sección|capítulo|cláusula|versione|aggiornamento|punto|capitolo|clausola|
        versie|draait|stuurprogramma|hoofdstuk|
        wersj[aię]|aktualizacj\w+|rozdział|punkt|pkt|versão|atualiza\w+|secção|seção|ponto|sürüm\w*|güncelle\w+|madde|bölüm
    """),
    Meaning.HOST: pattern(r"""
        ip(?:v[46])?|v[46]|ip-?(?:adress?e?|address|adres)|address(?:es)?|host|servers?|router|gateway|client|ping|proxy|dns|
        adresse?|dirección|indirizzo|adres\w*|serveur|servidor|serwer\w*|endereço|sunucu|https?
    """),
    Meaning.PHONE: pattern(r"""
        tel(?:e(?:ph|f)on(?:e|o|nummer|isch)?)?|t[ée]l(?:éphone)?|teléfonos?|phone|mobile|cell|call(?:ed)?|ring|fax|
        whatsapp|text[ ](?:me|us|to)|dial|hotline|voicemail|handy\w*|mobil\w*|rückruf|anrufen|erreich\w+|durchwahl|
        portable|joi(?:ndre|gnable)|appel\w+|fixe|standard|móvil|llam\w+|contacto|cellulare|chiamat\w+|chiamare|
        richiamar\w+|recapito|linea|bel|belde|bereikbaar|telefoon\w*|mobiel|lijn|
        telefonu?|komórk\w+|kom|dzwoni\w+|zadzwo\w+|telem[óo]vel|telefones?|celular|cel|lig(?:ar|uem|ue|o)|zap|
        telefonum|cep|aray?[ıi]\w*|arar\w*|
        (?:my|our|his|her|their|contact|home|work|office|daytime|meine?|mon|mi|il[ ]mio|mijn|mój|o[ ]meu|meu)[ ]
        (?:number|no|nummer|nr|numéro|número|numero|numer)|numaram|contact
    """),
    Meaning.CARD: pattern(r"""
        cards?|visa|mastercard|amex|american[ ]express|maestro|discover|(?:kredit)?karten?(?:nummer)?|cartes?|cb|
        tarjetas?|carta|(?:credit)?kaart(?:nummer)?|kart[aąęy]?|kart(?:ım|ımdan|ı)|cart(?:ão|ões|ao)
    """),
}
_CHINESE = {
    Meaning.THING: pattern("""
        序列号|条形码|条码|卡密|兑换码|激活码|优惠[码券]|型号|货号|批号|编码|设备号|颜色|税号|时间戳|产品号|商品编?号|
        信用代码|尺寸|定位|序號|條碼|型號|貨號|[电水气燃]表|读数
    """),
    Meaning.VERSION: "固件|版本[号號]?|软件|軟體|系统|升级到?|第",
    Meaning.HOST: "地址|服务器",
    Meaning.PHONE: "电话|手机号?码?|座机|拨打|请拨|热线|致电|号码|客服|联系|打|電話|手機號?碼?|號碼",
    Meaning.CARD: "卡号|信用卡|银联|银行卡|卡",
}
_IN_LATIN = "|".join(f"(?P<{meaning}>{words})" for meaning, words in _LATIN.items())
_IN_CHINESE = "|".join(f"(?P<{meaning}_>{words})" for meaning, words in _CHINESE.items())
_LABEL = re.compile(
    rf"(?<![^\W\d_])(?=[^\W\d_])(?:{_IN_LATIN})(?![^\W\d_])|(?=[\u4e00-\u9fff])(?:{_IN_CHINESE})", re.IGNORECASE
)
_SENTENCE_END = re.compile(r"[.!?…]\s+(?=[^\W\d_a-zß-öø-ÿ])|[。！？\n]")


def label_before(text: str, start: int) -> Label | None:
    """What the nearest telling word before `start` says; None when the sentence says nothing."""
    window = _SENTENCE_END.split(text[max(0, start - NEAR) : start])[-1]
    found = None
    for match in _LABEL.finditer(window):
        found = match
    if found is None or found.lastgroup is None:
        return None
    return Label(Meaning(found.lastgroup.rstrip("_")), len(window) - found.end())
