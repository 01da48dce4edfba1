"""What streets are called, and the parts of a house, in ten languages; patterns."""

from __future__ import annotations

from data.personal.words import pattern, vocabulary

ENGLISH = pattern(r"""
    St(?:reet)?|R(?:oa)?d|Ave(?:nue)?|Blvd|Boulevard|L(?:ane|n)|Dr(?:ive)?|C(?:our)?t|Pl(?:ace)?|Terr(?:ace)?|Way|
    Sq(?:uare)?|Cres(?:cent)?|Close|Gardens?|Grove|Hill|Mews|Parkway|Pkwy|Highway|Hwy|Circle|Cir|Trail|Path|Row|Walk|
    Quay|Park|View|Rise|Green|Yard|Wharf|Alley|Loop|Turnpike|Broadway
""")
ENGLISH_UNITS = r"Apt|Apartment|Unit|Suite|Ste|Flat|Floor|Fl|Room|Rm"
ENGLISH_LEADS = pattern(r"""
    moved? to|live[sd]? at|deliver(?:ed)? (?:it )?to|ship(?:ped)?(?: it)? to|address(?: is|:)|sen[dt] (?:it )?to|went to
""")
FRENCH = pattern(r"""
    rue|avenue|av\.|boulevard|bd\.?|blvd|place|impasse|chemin|quai|all[ée]e|cours|route|square|passage|faubourg|sentier|
    villa|esplanade|promenade|venelle|ruelle|rond-point
""")
FRENCH_UNITS = r"b[âa]t(?:iment)?|appt?|appartement|esc(?:alier)?|étage|rés(?:idence)?"
GERMANIC_ENDINGS = tuple(
    vocabulary("""
    straße strasse str. str weg gasse platz allee ring ufer damm steig pfad chaussee garten gärten markt graben hof
    kamp winkel straat laan plein kade gracht singel dijk pad dreef steeg marktje straatje plantsoen haven burgwal
    """)
)
"""German and Dutch streets end in these: "Lindenstraße 14", "Keizersgracht 123"."""
GERMANIC_ALONE = r"Stra(?:ß|ss)e|Str\.|Weg|Gasse|Platz|Allee|Ring|Ufer|Damm|Singel|Gracht|Kade|Plein|Laan"
"""The same as words of their own, after a name: "Alte Gasse 3"."""
GERMANIC_BEGINNINGS = pattern(r"""
    Am|Im|An der|An den|Auf der|Auf dem|Unter den|Zum|Zur|In der|In den|Hinter der|Vor dem|Aan de|Achter de|Op de
""")
NO_STREETS = pattern(r"""
    (?:\A|[\s-])(?:(?:Arbeits|Sitz|Steh|Park|Stell|Speicher|Liege|Tabellen|Start|Spiel|Sport|Camping)platz|
    (?:Aus|Um|Rund|Rad|Hin|Rück|Heim|Keines|Früh|Lösungs|Liefer|Versand)weg|Kindergarten|(?:Bahn|Fried|Bau|Reiter)hof|
    (?:Super|Bau|Floh|Welt|Aktien|Arbeits|Mega|Media)markt|
    \w*(?:[aeou]|sp|st)ring|(?:note|think|touch|key|mouse|game)pad)\s\Z|
    (?:Am|Im|Zum|Zur|Op de)\s(?:\w+tag|Januar|Februar|März|April|Mai|Juni|Juli|August|September|Oktober|November|
    Dezember|Januari|Abend|Morgen|Ende|Anfang|Jahr|Kapitel|Punkt|Schritt|Gate|Gleis|Terminal|Haus|Preis|Wert|Alter|
    Umkreis|Shop|Set|Paket|Durchschnitt|Schnitt|Internet|Abschnitt|Moment)\s\Z
""")
"""Words that end like streets, or follow "am" and "im", and are none."""
SPANISH = pattern(r"""
    calle|avda\.?|avenida|av\.|plaza|pza\.?|plza\.?|paseo|p[º°]|camino|carretera|ctra\.?|ronda|traves[ií]a|glorieta|
    pasaje|urbanizaci[óo]n|alameda|cuesta|rambla|rua|rúa|travessa|praça|estrada|largo|c/
""")
ITALIAN = pattern(r"""
    via|v\.le|viale|piazza|p\.zza|piazzale|corso|c\.so|vicolo|largo|strada|contrada|vico|borgo|salita|lungomare|
    lungarno|lungotevere|galleria|frazione|località
""")
BELGIAN = r"rue|avenue|chaussée|boulevard|quai|drève"
"""French words before a street whose number stands last, as in Belgium."""
POLISH = r"ul\.|ulica|al\.|aleja|aleje|os\.|osiedle|pl\.|plac"
TURKISH = r"Cad(?:desi|\.)?|Cd\.|Sok(?:ak|ağı|\.)?|Sk\.|Bulvarı|Bulv\.|Blv\."
PLAIN_ENDINGS = ("straße", "strasse", "str.", "straat", "gracht")
"""With these a street is told in small letters too: "hauptstr. 7"."""
ROMANCE_STEMS = vocabulary("""
    rue avenue chaussée boulevard quai drève ul. ulica al. alej os. osiedle pl. plac cad cd. sok sk. bulv blv c.so
    travessa
    calle avda avenida av. plaza pza plza paseo pº p° camino carretera ctra ronda traves glorieta pasaje urbaniz alameda
    cuesta rambla rua rúa praça estrada largo c/ via v.le piazza p.zza corso vicolo strada contrada vico borgo salita
    lung galleria frazione località
""")
"""One of these stands in every text with a Spanish or Italian street, in lower case."""
HOUSE_PARTS = pattern(r"""
    (?: ?[a-zA-Z](?![\w'’:])| ?[/-] ?(?:\d{1,4}[a-z]?|[A-Z]{1,3})(?!\w)| (?:bis|ter|hs|huis|boven|beneden|rood|HH|
    VH)\b)?(?:/\d{1,4}(?!\w)){0,2}
    (?:,? (?:\d{1,2}\. ?(?:OG|Stock|Etage|Obergeschoss)(?: (?:links|rechts|mitte))?|EG\b|DG\b|WE \d+|bajo\b|
    \d{1,2}[.]?[ºª°]\.? ?(?:Esq|Dto|Dta|Dir|Fte|dcha|izda)\b\.?|\d{1,2}[.]?[ºª°]\.? ?[A-Za-z]?(?!\w)|
    (?:D:|m\. ?|lok\. ?|apto?\.? ?|bloco )\d{1,4}(?!\w)|
    (?:dcha|izda|esq|dto)\b\.?|
    (?:piso|puerta|portal|nave|esc(?:alera)?\.?|scala|int(?:erno)?\.?|piano|appt?\.?|bus)[ ]\w{1,4}\b))*
""")
"""What follows a house number: a letter, a second number, a floor, a stair."""
AMOUNTS = pattern(r"""
    \s?(?:€|%|(?:euros?|uhr|h|stunden?|mal|km|kilomet\w+|kg|cm|personen|tage?|jahre?|uur|jaar|keer|minuten|días|ore|horas|giorni|
    pezzi|stuks?|stück|punkte|prozent|sterne|days?|hours?|minutes?|weeks?|times)\b)
""")
BOXES = r"p\.? ?o\.? ?box|postfach|postbus|apartado(?: de correos)?|casella postale|boîte postale"
BOX_STEMS = ("box", "postfach", "postbus", "apartado", "casella", "postale")
