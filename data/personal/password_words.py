"""What people call a password, a key or a token in ten languages, and what stands before its value; patterns."""

from __future__ import annotations

import re

from data.personal.words import pattern, vocabulary

_WIFI = r"(?:wi-?fi|wlan)"
PASSWORDS = pattern(rf"""
    pass(?:word|code|phrase|wd|key)s?|pass(?=\s?[:=]|\s{_WIFI})|pwd?|pw|
    (?:\w{{1,12}}[- ]?)?(?:passw[oö]rt|kennw[oö]rt)(?:er|es|s)?|zugangscode|
    mots? de passe|mdp|contrase[ñn]as?|claves?(?! de (?:la )?(?:licencia|api))|
    (?:\w{{1,12}}[- ]?)?wachtwoord(?:en)?|ww|parola(?: d['’]ordine)?|has[łl](?:o|a|em|u)|senhas?|palavras?[- ]passe|
    (?:şifre|sifre|parola)(?:m|si|miz|niz|mi|yi|n|ni)?|
    {_WIFI}[- ]?(?:code|key|schlüssel|clé|sleutel|anahtarı)|
    (?:code|clé|chiave|schlüssel|sleutel|chave|klucz|código) (?:(?:du|del|della|de la|do|da|van|van de|zum|
    fürs) )?{_WIFI}
""")
KEYS = pattern(r"""
    (?:api|app|access|secret|private|auth|aws|ssh|webhook|client|bot|encryption|signing|session|refresh|bearer|deploy|
    personal access|service|x-api)[ _-]?(?:key|token|secret)s?(?:[ _-]?id)?|
    api[- ]?(?:schlüssel|sleutel|anahtar\w{0,4}|klucz)|
    (?:clé|chiave|clave|chave|klucz)s? (?:(?:d['’]|de la |de l['’]|de |da |do |di |secr\w+ )?)(?:api|acc[eè]s\w*|
    acesso|secr\w+)|
    (?:access|api|auth)?token(?:s|a|em|im|ım)?|jeton|bearer|secret
""")
CHINESE_PASSWORDS = "密码|密碼|口令"
CHINESE_KEYS = "密钥|密鑰|秘钥|令牌"
STEMS = (
    "pass", "pw", "kennw", "zugangsc", "mdp", "contrase", "clave", "wachtw", "ww ", "parola", "hasł", "hasl", "senha",
    "ifre", "wifi", "wi-fi", "wlan", "token", "jeton", "bearer", "secret", "key", "api", "密", "令", "秘",
)  # fmt: skip
"""One of these stands in every text with such a word, in lower case."""
VERBS = pattern(r"""
    (?:is|was|are|used to be|should be|ist|war|lautet)(?: (?:now|still|always|just|immer|noch|jetzt|wohl))?|est|
    était|c['’]est|es|era|è|e['’]|luidt|é|foi|to|jest|brzmi|olarak
""")
BETWEEN = pattern(rf"""
    {_WIFI}|for|of|to|the|my|our|on|in|at|called|für|fürs|zum|zur|von|vom|der|die|das|du|de|des|la|le|pour|mon|ma|del|
    el|para|mi|al|il|per|della|mio|mia|van|voor|het|mijn|do|da|na|no|o|a|moje|meu|minha|id|portal|account|login|app|
    router|site|konto|kunden?konto|email|mail|nummer|number
""")
"""Small words that may stand between the noun and its value without a verb."""
CORRECTIONS = pattern(r"""
    wait|no|not|sorry|oops|or|and|then|actually|maybe|i mean|now|nein|oder|und|jetzt|quatsch|non|ou|et|pardon|o|y|
    perdón|ahora|oppure|e|scusa|of|en|nee|nie|lub|albo|i|não|desculpa|veya|ya da|ve|hayır
""")
LOGINS = pattern(r"""
    user(?:[ -]?name|[ -]?id)?|log-?in|account|benutzer(?:name)?|nutzer(?:name)?|kennung|identifiant|utilisateur|
    usuari[oa]|utente|gebruiker(?:snaam)?|użytkownik|utilizador|usuário|kullanıcı(?: adı)?|账号|帐号|用户名|帳號
""")
STANDS_FOR_ONE = re.compile(
    r"(?:your|my|insert|enter|the|dein|ihr|votre|ton|su|tu|il_tuo|jouw|uw)(?:[-_][a-z_-]*|(?:api)?key|token|password)|[x*.•…_#?!-]+|%7b.*|\$.*|\W+|(?:"
    + "|".join(sorted(vocabulary("null none undefined example changeme redacted true false token key password secret")))
    + r")\W*",
    re.IGNORECASE,
)
"""What manuals write where a secret belongs."""
