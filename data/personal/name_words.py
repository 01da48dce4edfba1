"""The words by which people say their names, and those that are written like names and are none."""

from __future__ import annotations

from data.personal.words import pattern, vocabulary

INTRODUCTIONS = pattern(r"""
    (?:my|his|her|customer|full|first|last) ?names?(?: is|['’]s|:)(?: called)?|(?:\A|\n)name:|
    (?:i am|i['’]m) called|
    (?:mein|ihr|sein|unser|der) name (?:ist|lautet)|ich hei(?:ß|ss)e|name ist|
    je m['’]appelle|(?:mon|son|le) nom (?:est|c['’]est)|(?:il|elle) s['’]appelle|nom ?:|
    me llamo|(?:mi|su|el) nombre es|se llama|nombre ?:|
    mi chiamo|(?:il )?(?:mio|suo) nome (?:è|e['’])|si chiama|nome ?:|
    (?:mijn|zijn|haar|de) naam is|ik heet|(?:hij|zij|ze) heet|naam ?:|
    (?:o )?meu nome é|me chamo|chamo-me|nazywam się|mam na imię|z tej strony|(?:benim )?ad[ıi]m|ismim|jag heter|
    mit navn er|jeg heter
""")
"""After these a single capitalised word is a name."""
PRESENCES = pattern(r"""
    this is|i['’]m|i am|ich bin(?: die| der)?|hier (?:ist|spricht)|je suis|ici|soy|habla|aquí|sono|qui|
    parla|ik ben|u spreekt met|met|aqui (?:é|fala)|hier(?: is)?|spreek(?:t)? met|sou|jag är
""")
"""After these two are: "this is Ridiculous" and "ich bin Stammkunde" are no names."""
FAREWELLS = pattern(r"""
    (?:(?:kind|best|warm|many) )?regards|sincerely(?: yours)?|yours (?:sincerely|faithfully|truly)|cheers|many thanks|
    thanks|thank you|best wishes|best|all the best|love|
    mit freundlichen grü(?:ß|ss)en|mfg|(?:viele|liebe|beste|freundliche|schöne|herzliche) grü(?:ß|ss)e|gru(?:ß|ss)|lg|
    vg|besten dank|vielen dank|danke|hochachtungsvoll|
    (?:bien )?cordialement|bien à vous|(?:sincères )?salutations|merci|bonne journée|cdlt|amicalement|
    (?:un )?(?:cordial )?saludos?|atentamente|gracias|un abrazo|
    (?:cordiali |distinti )?saluti|grazie|un saluto|
    (?:met )?(?:vriendelijke|hartelijke) groet(?:en)?|groet(?:en|jes)?|mvg|(?:alvast )?bedankt|dank u|
    atenciosamente|(?:(?:com os )?melhores )?cumprimentos|abraços?|obrigad[oa]|pozdrawiam|z poważaniem|dzi[ęe]kuj[ęe]|
    say[gğ][ıi]lar[ıi]mla|iyi günler|te[şs]ekkürler|med vänlig hälsning|mvh
""")
SPOKEN_FOR = r"(?:it|that)['’]s|c['’]est|das ist|es ist"
"""After these a name counts when it goes on with "here", "again" or "from": "it's Soccer Game" is none."""
UNPUNCTUATED = pattern(r"""
    (?:(?:kind|best|warm|many) )?regards|sincerely|mit freundlichen grü(?:ß|ss)en|mfg|(?:viele|liebe) grü(?:ß|ss)e|lg|
    vg|cordialement|(?:un )?saludos?|atentamente|(?:cordiali )?saluti|(?:met vriendelijke )?groet(?:en|jes)?|mvg
""")
"""Farewells after which a name needs no comma."""
GREETINGS = pattern(r"""
    hi|hello|hey|dear|good (?:morning|afternoon|evening)|hallo|guten (?:tag|morgen|abend)|liebe[rs]?|sehr geehrte[rs]?|
    moin|bonjour|bonsoir|salut|cher|chère|hola|buen(?:os|as) (?:días|tardes|noches)|buenas|estimad[oa]|querid[oa]|
    ciao|salve|buongiorno|buonasera|gentile|egregio|car[oa]|beste|goede(?:n|morgen|middag|navond|dag)?|goeie\w+|geachte|
    dag|olá|cze[śs][ćc]|dzień dobry|merhaba|selam
""")
TITLES = pattern(r"""
    Mrs?|Ms|Miss|Dr|Prof|Madam|Mister|[Hh]errn?|Frau|Fräulein|Mme|Mlle|[Mm]onsieur|[Mm]adame|[Mm]ademoiselle|Sra?|Srta|
    [Ss]eñora?|[Ss]ig|Sig\.ra|[Ss]ignora?|[Ss]ignor|[Dd]ott|[Dd]ott\.ssa|[Dd]hr|[Mm]evr|[Mm]w|[Mm]eneer|[Mm]evrouw|[Hh]eer|
    [Ss]enhora?|[Ss]zanown[aey] Pan[ią]?e?|[Ee]xm[oa]\. Sra?|Sayın
""")
LAST_WORDS = vocabulary("""
    is name names s called ist das lautet nom heiße heisse appelle est es llamo llama nombre chiamo chiama nome è e
    heet naam é chamo chamo-me się heter er are m am bin die der spricht suis ici soy habla aquí sono qui parla ben
    met hier sou är ist regards sincerely yours faithfully truly cheers thanks you wishes best love mfg grüßen
    gruessen grüssen grüße grüsse gruss gruß lg vg dank danke hochachtungsvoll cordialement vous salutations merci
    journée cdlt amicalement saludo saludos atentamente gracias abrazo saluti grazie saluto groet groeten groetjes
    mvg bedankt u atenciosamente obrigado obrigada pozdrawiam hälsning mvh all hi hello hey dear morning afternoon
    evening hallo tag morgen abend liebe lieber geehrte geehrter moin bonjour bonsoir salut cher chère hola días
    tardes noches buenas estimado estimada querido querida ciao salve buongiorno buonasera gentile egregio caro cara
    beste goedemorgen goedemiddag goedenavond goedendag goededag goeiemorgen goeiemiddag goeienavond geachte dag olá
    mr mrs ms miss dr prof madam mister herr herrn frau mme mlle monsieur madame mademoiselle sr sra srta señor
    señora don doña sig sig.ra signora signor dott dott.ssa dhr mevr mw meneer mevrouw heer senhor senhora strony
    imię adım adim ismim fala cumprimentos abraço abraços poważaniem
    dziękuję dziekuje saygılarımla saygilarimla günler teşekkürler cześć czesc dobry merhaba selam pani pan panie
    sayın
    """)
"""Every word that can stand right before a name in these patterns: a look-up that spares nearly all capitals."""
NO_NAMES = vocabulary(
    "mr mrs ms miss dr prof mme mlle sr sra srta sig dhr mevr mw mr. mrs. ms. dr. prof. sr. sra. sig. dhr. mevr.",
    # what people are, how they feel, whom they write to: English
    """
    a an the i we you he she they it my your our this that there here what when where why how who not no yes ok okay
    all any both each very so too still really extremely totally quite just only now again also never always already
    and or but if then than as at by for from in into of off on out over to up with without about after before since
    until team support service services customer customers client staff care help desk agent sir madam folks
    everyone everybody guys people world friend friends bye goodbye regards thanks thank please sorry sincerely
    cheers sent bot assistant happy unhappy sad angry upset fed annoyed disappointed furious frustrated tired sick
    glad sure fine good great bad waiting looking trying having calling writing ridiculous unacceptable acceptable
    urgent wrong right new old best worst monday tuesday wednesday thursday friday saturday sunday january february
    march april may june july august september october november december today tomorrow yesterday morning afternoon
    evening night dad mum mom mother father order delivery refund english german french spanish italian dutch
    chinese american british european indian alexa siri google cortana god jesus christ lord christmas merry easter
    amazon facebook netflix paypal internet spelled written misspelled missing listed currently simply that's it's
    i'm don't can't let's
    """,
    """
    ihr ihre ihnen sie er wir uns der die das den dem ein eine einen kein keine nicht sehr noch nur schon immer
    wieder hier dort jetzt und oder aber mit ohne für von zu zum zur bei im in am an auf aus nach vor seit bis kunde
    kundin kunden stammkunde stammkundin neukunde kundenservice kundendienst service team support käufer käuferin
    mitglied abonnent empfänger nutzer student rentner herr frau damen herren zusammen alle leute nichts etwas
    falsch richtig enttäuscht sauer verärgert zufrieden unzufrieden montag dienstag mittwoch donnerstag freitag
    samstag sonntag danke bitte moin hallo guten tag viele grüße gruß ps
    """,
    """
    le la les un une des du de à au aux et ou mais ne pas très trop encore toujours jamais déjà ici là rien bien mal
    votre notre mon ma mes son sa ses ce cet cette ces client cliente clients abonné abonnée équipe service déçu
    déçue mécontent mécontente furieux furieuse content contente sûr sûre madame monsieur messieurs mesdames tous
    toutes merci bonjour cordialement lundi mardi mercredi jeudi vendredi samedi dimanche
    """,
    """
    el los las una unos y o pero no muy más tan ya aquí nada bien mal su sus nuestro mi mis tu cliente clienta
    clientes nuevo nueva equipo atención servicio señor señora señores todos todas hola gracias saludos lunes martes
    miércoles jueves viernes sábado domingo decepcionado decepcionada enfadado harto harta socio socia usuario
    usuaria
    """,
    """
    il lo gli uno una ed ma non molto tanto troppo ancora sempre mai già qui niente bene male suo sua vostro nostro
    mio mia cliente clienti nuovo nuova squadra assistenza servizio signore signora signori tutti tutte ciao grazie
    saluti deluso delusa arrabbiato stanco stanca lunedì martedì mercoledì giovedì venerdì sabato domenica utente
    """,
    """
    het een en of maar niet geen heel erg nog steeds altijd nooit al hier niets goed slecht uw jullie onze mijn zijn
    klant klanten klantenservice klantendienst team dienst nieuw nieuwe meneer mevrouw allemaal iedereen hallo
    bedankt groeten maandag dinsdag woensdag donderdag vrijdag zaterdag zondag teleurgesteld boos u
    """,
)
"""Words that are capitalised at the beginning of a sentence, or in anger, and are no part of a name."""
PARTICLES = pattern(r"""
    van|von|vom|zu|zur|de|der|den|del|della|dell['’]|dei|degli|di|da|das|do|dos|du|des|d['’]|la|le|las|los|lo|el|al|bin|
    ibn|ten|ter|te|'t|y|e|i|af|av|zum|st\.
""")
"""Words inside names that are written small."""
SURNAMES = pattern("""
    欧阳|马|上官|诸葛|东方|皇甫|尉迟|公孙|慕容|令狐|夏侯|徒|
    [王李张刘陈杨黄赵吴周徐孙马朱胡郭何林罗高郑梁谢宋唐许邓冯韩曹曾彭萧肖蔡潘田董袁于余叶蒋杜苏魏程吕丁沈任姚卢
    傅钟姜崔谭廖范汪陆金石戴贾韦夏邱方侯邹熊孟秦白江阎薛尹段雷黎史龙陶贺顾毛郝龚邵万钱严覃武莫孔向汤温康施文牛樊
    葛邢安齐庞颜庄章鲁岳翟殷申欧耿关兰焦俞左柳甘祝宁舒阮纪梅童凌毕裴霍苗翁冉骆游辛靳管柴蒙鲍华
    喻祁蒲房滕屈饶解牟艾尤穆卓吉缪简芦麦褚娄窦戚岑费卜冷晏席卫米柏宗瞿桂全佟应臧闵苟邬边卞姬
    师仇栾隋刁荣巫寇桑郎甄丛仲虞敖巩佘苑迟邝]
""")
"""The surnames that nearly all Chinese bear; compound ones first."""
CHINESE_LEADS = "我叫|我是|名字[是叫：:]|姓名[是叫：:]*|此致\\n|称呼我?|收[件货]人[是：:]"
