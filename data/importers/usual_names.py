"""What columns and sides are called where nobody says otherwise, in the languages of those who export them.

Columns are compared tidy, in lower case, with spaces for `_` and `-`; sides without regard to case and outer white
space. docs/formats.md lists every name.
"""

from __future__ import annotations

from collections.abc import Mapping

from data.schema import Role

_ENGLISH: Mapping[str, tuple[str, ...]] = {
    "text": ("text", "content", "message", "utterance", "body", "query", "question", "message text", "sentence"),
    "role": ("role", "speaker", "author", "sender", "sender type", "from", "side", "participant", "author type",
             "direction"),
    "conversation": (
        "conversation", "conversation id", "session", "session id", "chat id", "ticket", "ticket id", "thread",
        "thread id", "dialogue", "dialogue id", "dialog id", "case", "case id", "chat",
    ),
    "reply": ("reply", "response", "answer", "output", "completion"),
    "intent": ("intent", "label", "category", "topic", "class"),
    "sentiment": ("sentiment",),
    "ts": ("ts", "timestamp", "sent at", "created at", "time", "date", "datetime"),
    "rating": ("rating", "csat", "stars"),
    "message_rating": ("message rating", "thumbs"),
    "customer": ("customer", "customer id", "user id", "visitor", "visitor id", "contact id"),
    "language": ("language", "lang", "locale"),
    "tags": ("tags", "tag"),
}  # fmt: skip

_ELSEWHERE: Mapping[str, str] = {
    "text": "nachricht, frage, anfrage; texte, contenu, demande; mensaje, texto, contenido, pregunta; messaggio, testo,"
    " domanda; bericht, tekst, vraag; mensagem, conteúdo, pergunta; 内容, 消息, 文本, 问题; メッセージ, 本文, 質問;"
    " сообщение, текст, вопрос; mesaj, metin",
    "role": "sprecher, absender, rolle, autor; auteur, expéditeur, rôle; remitente, rol; mittente, ruolo, autore;"
    " afzender; remetente, papel; 角色, 发送者, 发送人, 说话人; 送信者, 役割, 話者; отправитель, роль, автор; gönderen",
    "conversation": "gespräch, konversation, unterhaltung, vorgang, fall, ticketnummer; discussion; conversación, caso;"
    " conversazione; gesprek; conversa, chamado, atendimento; 会话, 对话, 会话id, 对话id; 会話, 会話id;"
    " диалог, чат, беседа; konuşma",
    "reply": "antwort; réponse; respuesta; risposta; antwoord; resposta; 回答, 答案, 回复; 回答文; ответ; cevap, yanıt",
    "intent": "kategorie, thema, absicht; catégorie, intention, thème; categoría, intención, tema; categoria,"
    " intenzione; categorie, intentie; intenção; 意图, 类别, 分类, 标签; 意図, カテゴリ, カテゴリー;"
    " категория, намерение",
    "sentiment": "stimmung; sentimiento; sentimento; 情感; тональность",
    "ts": "datum, zeit, zeitstempel, gesendet am; horodatage, date et heure; fecha, fecha y hora; data e ora; tijd,"
    " tijdstip; data e hora; 时间, 日期; 日時, 時刻; дата, время; tarih",
    "rating": "bewertung; évaluation; calificación, valoración; valutazione; beoordeling; avaliação; 评分; 評価;"
    " оценка",
    "customer": "kunde, kundennummer; client; cliente; klant; 客户, 客户id; 顧客; клиент; müşteri",
    "language": "sprache; langue; idioma; lingua; taal; 语言; 言語; язык; dil",
    "tags": "schlagwörter; étiquettes; etiquetas; etichette",
}
"""German; French; Spanish; Italian; Dutch; Portuguese; Chinese; Japanese; Russian; Turkish, as far as they differ."""


def _listed(names: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in names.replace(";", ",").split(","))


COLUMN_NAMES: Mapping[str, tuple[str, ...]] = {
    field: names + (_listed(_ELSEWHERE[field]) if field in _ELSEWHERE else ()) for field, names in _ENGLISH.items()
}
"""Of several columns the one whose name comes first here is taken."""

_SIDES: Mapping[Role, str] = {
    "user": "user, customer, client, visitor, human, end-user, consumer, guest, prompter, inbound, incoming;"
    " kunde, kundin, besucher, nutzer; cliente, clienta, visiteur, utilisateur; usuario, visitante, comprador;"
    " visitatore, utente; klant, bezoeker, gebruiker; usuário; 客户, 顾客, 用户, 访客; お客様, 顧客, ユーザー;"
    " клиент, покупатель, пользователь; müşteri",
    "assistant": "assistant, bot, chatbot, gpt, chatgpt, model, ai, virtual assistant, bing, bard, claude, gemini;"
    " asistente, assistente; 机器人, 助手; ボット; бот",
    "agent": "agent, staff, advisor, representative, support, colleague, human agent, operator, outbound, outgoing;"
    " berater, beraterin, mitarbeiter, mitarbeiterin; conseiller, conseillère, vendeur, vendeuse; agente, asesor,"
    " asesora, operador, operadora, vendedor; operatore, operatrice; medewerker, adviseur; atendente; 客服, 坐席;"
    " オペレーター, 担当者, スタッフ; оператор, менеджер, консультант; temsilci",
    "system": "system, event, developer",
}

ROLE_NAMES: Mapping[str, Role] = {name: role for role, names in _SIDES.items() for name in _listed(names)}
"""What sources call the sides. Look-alikes in another script are not taken."""
