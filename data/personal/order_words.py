"""What people call an order or an account, and its number, in ten languages; patterns without regard to case."""

from __future__ import annotations

import re

from data.personal.words import pattern, vocabulary

_NOUNS = pattern(r"""
    (?:purchase |sales )?orders?|accounts?|acct|customers?|client|members?(?:hip)?|invoices?|bookings?|reservations?|
    returns?|rma|refunds?|cases?|tickets?|shipments?|parcels?|tracking|confirmations?|references?|ref|transactions?|
    purchases?|polic(?:y|ies)|contracts?|subscriptions?|claims?|po(?! ?box)|
    bestell(?:ung(?:en|s)?|ungsnummer)?|best(?=[.\s-]{1,2}n)|auftr(?:ag|ags|äge)|kunden?(?:konto)?|vorgangs?|rechnungs?|buchungs?|
    mitglieds?|sendungs?|paket|vertrags?|retoure|reklamations?|
    commandes?|cde|clients?|compte(?: client)?|factures?|dossier|r[ée]servation|suivi|r[ée]f[ée]rence|réf|colis|retour|
    contrat|adh[ée]rent|abonn[ée]|
    pedidos?|clientes?|cuenta|facturas?|reserva|orden|compra|referencia|socio|contrato|encomenda|
    ordin[ei]|clienti?|conto|fattura|prenotazione|riferimento|spedizione|contratto|tessera|
    bestel(?:ling(?:en)?)?|klant(?:en)?|factuur|lid|zaak|zending|boeking|pakket(?:je)?|contract|polis|consignments?|
    track (?:en|and|&) trace|
    seguimientos?|incidencias?|rastre(?:o|amento|io)|seguimento|envíos?|envios?|pacco|pratica|
    zam[óo]wieni(?:e|a|u|em|ach)|klient(?:a|em|ka|ki)?|konto|konta|faktur(?:a|y|ę|e)|przesy[łl]k(?:a|i|ę|e)|paczk(?:a|i|ę|e)|
    zg[łl]oszeni(?:e|a|u)|rezerwacj(?:a|i|ę)|reklamacj(?:a|i|ę)|zwrotu?|umow(?:a|y|ę)|zleceni(?:e|a)|
    conta|fat[ou]ras?|facturas?|encomendas?|devolução|protocolo|chamado|
    (?:sipari[şs]|m[üu][şs]teri|fatura|rezervasyon|kargo|takip|g[öo]nderi|talep|iade|[üu]yelik|s[öo]zle[şs]me|hesap)
    (?:im|ım|um|üm|m|i|ı|in|ın|imin|ımın|niz|lerim)?
""")
_NUMBERS = pattern(r"""
    numbers?|num|no|nos|nr|nrs|id|ids|code|ref|reference|#(?=\s|\Z)|№|n[°ºo]|n\.[°ºo]|nummern?|kennung|numéros?|numero|números?|
    núm|nùm|codice|código|identifiant|numer(?:u|em)?|numar[ao](?:m|s[ıi]|lar[ıi])?|nosu|kodu?|n
""")
_OF = pattern(r"""
    of|for|für|der|des|de la|de l['’]|de|du|d['’]|del|della|dell['’]|di|van de|van het|van|your|my|mein\w*|ma|mon|mi|mio
""")
_JOINED = pattern(r"""
    (?:bestell|auftrags|kunden|vorgangs|rechnungs|buchungs|mitglieds|sendungs|paket|vertrags|order|konto|klant|lid|zaak|
    factuur|bestel|account|relatie|boekings)[- ]?(?:nummern?|nr|no|id|code|kennung)
""")
_CHINESE = pattern(r"""
    (?:[订訂][单單]|[订訂][单單]编|[单單]|客户|会员|账户|帐户|账|帐|工单|运单|快递单|物流单|合同|发票|预订|预约)(?:编号|号码|号|ID)|
    [订訂][单單]|工单|会员|會員
""")
STEMS = vocabulary("""
    abo acc adh auf bes boe boo buc cas cde cla cli col com con cue cus dos enc fac fak fat gön hes iad inv kla
    kli kon kun lid mem mit mus müş ord pac pak par ped po pol pre prz pur rec ref rek rel rep res ret rif rma
    réc réf rés sal sen shi sip soc soz spe sub sui söz tes tic tra umo uye ver vor zaa zam zen zgl zgł zle zwr
    üye
""")
"""How the nouns begin, in three letters: in ordinary chat a look-up tells that no order is spoken of."""
LONGER_STEMS = vocabulary("prot cham taki tale inci devo envi segu karg gond prat rast")
"""The same in four letters, where three would begin many an English word."""
_GAP = r"[\s.\-:'’]{0,3}"
LEAD = re.compile(
    rf"(?<![^\W\d_])(?=[^\W\d_]|[#№])(?:(?:{_JOINED})"
    rf"|(?:{_NUMBERS})[\s.]{{0,2}}(?:(?:{_OF})\s?){{0,2}}(?:{_NOUNS})(?:{_GAP}(?:{_NUMBERS}))?"
    rf"|(?:{_NOUNS})(?:(?:{_GAP}(?:{_OF}))?{_GAP}(?:{_NOUNS})(?![/_-]\d))?(?:{_GAP}(?:{_NUMBERS})){{0,2}}"
    rf")(?:(?![^\W_])|(?<=[°º№]))|(?=[\u4e00-\u9fff])(?:{_CHINESE})",
    re.IGNORECASE,
)
"""The words before such a number: a noun, with or without a word for "number" before or after it."""
NUMBER = re.compile(
    rf"(?<![^\W\d_])(?:{_NUMBERS})(?:(?![^\W_])|(?<=[°º№]))|(?:nummern?|nr|no|id|code|kennung)\b|编号|号码|号|ID",
    re.IGNORECASE,
)
"""With this among them, the words can mean nothing but the number that follows."""
GAP = re.compile(
    pattern(r"""
    (?:['’]s(?=\s)|
    (?:is|was|are|of|lautet|ist|war|est|es|è|era|le|la|el|il|the|(?:it|that)['’]s|it is|das ist|c['’]est|
    (?:with|mit|avec|con|met) (?:the |der |le |el |il |het )?(?:number|code|nummer|numéro|número|numero))(?=[\s:])|
    [\s.:=({\["'“„«*?]|是|为|：){1,8}
    """),
    re.IGNORECASE,
)
"""What may stand between the words and the number."""
AND = re.compile(
    r"\s?(?:,|;|/|&|\+|\b(?:and|or|und|oder|et|ou|y|o|e|en|of|i|oraz|lub|ve|veya)\b|和|或|、|，)(?:\s?\b(?:and|und|et|y|e|en|i|ve)\b)?"
    r"(?:\s?\b(?:el|la|los|las|le|les|il|lo|the|der|die|das|de|het|o|a|also|auch|aussi|también|anche|ook)\b)?\s?",
    re.IGNORECASE,
)
"""What stands between two numbers of a list."""
UNIT = re.compile(
    pattern(r"""
    \s?(?:€|£|\$|¥|%|°|元|块|件|zł|₺|TL\b|R\$|个|天|箱|台|分|x\b|×|(?:
    euros?|eur|usd|gbp|dollars?|pounds?|bucks|points?|punkte?|puntos|punti|punten|
    pcs|pieces?|units?|items?|boxes|pairs?|packs?|stück|stk|paar|pièces?|unités?|piezas?|unidades|pezzi|stuks|
    kg|g|cm|mm|m|km|ml|l|days?|tage?|jours?|días?|giorni|dagen|weeks?|hours?|minutes?|years?|times|mal|fois|veces|
    volte|keer|edition|am|pm|uhr|h|january|february|march|april|may|june|july|august|september|october|november|
    december)\b)
    """),
    re.IGNORECASE,
)
"""What makes an amount of the digits before it."""
