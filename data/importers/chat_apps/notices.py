"""What chat programs write in the place of what people say, in the languages in which they write it."""

from __future__ import annotations

import re

MARK = "\u200e"
"""iOS sets this before every text that is its own and nobody's."""

_NOTICE_CHARS = 200

_DELETED = re.compile(
    r"^(?:this message was deleted|you deleted this message|(?:this )?message deleted|diese nachricht wurde gelöscht"
    r"|du hast diese nachricht gelöscht|ce message a été supprimé|vous avez supprimé ce message"
    r"|tu as supprimé ce message|se eliminó este mensaje|(?:este )?mensaje (?:fue )?eliminado|eliminaste este mensaje"
    r"|has eliminado este mensaje|questo messaggio è stato eliminato|hai eliminato questo messaggio"
    r"|(?:esta )?mensagem (?:foi )?apagada|você apagou esta mensagem|(?:dit )?bericht (?:is )?verwijderd"
    r"|(?:u|je|jij) hebt dit bericht verwijderd|(?:данное )?сообщение удалено|вы удалили (?:данное|это) сообщение"
    r"|ta wiadomość została usunięta|usunięto tę wiadomość|bu mesaj silindi|bu mesajı sildiniz"
    r"|(?:此|这条|這則)?(?:消息|訊息)(?:已删除|已被删除|已刪除)|您?已?(?:删除|刪除)了?(?:此|这条|這則)(?:消息|訊息)"
    r"|このメッセージは削除されました|삭제된 메시지입니다|تم حذف هذه الرسالة|यह संदेश हटाया गया"
    r"|pesan ini (?:telah )?dihapus)[.。]?$",
    re.IGNORECASE,
)
_EDITED = re.compile(
    r"\s*\u200e?<\s*(?:this message was edited|diese nachricht wurde bearbeitet|ce message a été modifié"
    r"|se editó este mensaje|este mensaje fue editado|(?:questo )?messaggio (?:è stato )?modificato|mensagem editada"
    r"|esta mensagem foi editada|dit bericht is bewerkt|(?:это |данное )?сообщение (?:было )?изменено"
    r"|ta wiadomość została edytowana|bu mesaj düzenlendi|此消息已编辑|這則訊息已編輯"
    r"|pesan ini diedit)\s*[.。]?\s*>\s*$",
    re.IGNORECASE,
)
_PLACEHOLDER = re.compile(r"^\u200e?<[^<>\n]{3,80}>$")
_LEFT_OUT = re.compile(
    r"\b(?:omitted|weggelassen|ausgeschlossen|omise?s?|absente?s?|omitid[oa]s?|omess[oaie]|ocultad[oa]s?|oculto|weggelaten"
    r"|pominięt[oye]|dahil edilmedi|utelämnad|udeladt|utelatt|опущен\w*|пропущен\w*)\b|略|忽略|생략",
    re.IGNORECASE,
)
_ATTACHED = re.compile(r"^\u200e?\S[^\n]{0,150}\.\w{2,5} [(（][^()（）\n]{2,40}[)）](?:\n|$)")
_INLINE = re.compile(r"\s*\u200e<[^<>\n]{3,120}>\s*$")


def is_deleted(text: str) -> bool:
    """Whether a message was taken back."""
    return _DELETED.match(text.strip(f" {MARK}")) is not None


def without_edit_notice(text: str) -> tuple[str, bool]:
    """The text without the notice that it was edited, and whether it had one."""
    return _without_end(_EDITED, text)


def without_attachment(text: str) -> tuple[str, bool]:
    """What is said beside a file, "" where nothing is; and whether there is a file."""
    if _PLACEHOLDER.match(text) or text.strip() == "null":
        return "", True
    if text.startswith(MARK) and len(text) < 120 and _LEFT_OUT.search(text):
        return "", True
    found = _ATTACHED.match(text)
    if found is not None:
        return text[found.end() :].strip(), True
    return _without_end(_INLINE, text)


def _without_end(pattern: re.Pattern[str], text: str) -> tuple[str, bool]:
    """The text without a notice at its end, and whether there was one; only the end is looked at."""
    if not text.rstrip().endswith(">"):
        return text, False
    tail = text[-_NOTICE_CHARS:]
    plain = pattern.sub("", tail)
    return text[: len(text) - len(tail)] + plain, plain != tail


def is_of_the_program(text: str) -> bool:
    """Whether the program itself wrote this, as iOS marks it."""
    return text.startswith(MARK)
