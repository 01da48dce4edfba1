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
    r"|このメッセージは削除されました|(?:あなたは)?このメッセージを削除しました|삭제된 메시지입니다|הודעה זו נמחקה"
    r"|تم حذف هذه الرسالة|(?:لقد )?حذفت هذه الرسالة"
    r"|यह (?:संदेश|मैसेज) (?:हटाया|मिटाया) (?:गया|दिया गया)(?: था| है)?|आपने यह (?:संदेश|मैसेज) (?:हटाया|मिटाया)(?: है)?"
    r"|(?:det här )?meddelandet (?:raderades|har raderats|togs bort)|du (?:raderade|tog bort) (?:det här )?meddelandet"
    r"|denne (?:besked blev|meldingen ble) slettet|du slettede? denne (?:besked|meldingen)|tämä viesti poistettiin"
    r"|poistit tämän viestin|tato zpráva byla (?:smazána|odstraněna)|це повідомлення (?:було )?видалено"
    r"|ezt az üzenetet törölték|acest mesaj a fost șters|αυτό το μήνυμα διαγράφηκε|apagou esta mensagem"
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
    r"|pominięt[oye]|dahil edilmedi|utelämnad|udeladt|utelatt|опущен\w*|пропущен\w*)\b|略|忽略|생략"
    r"|제외|含まれていません|استبعاد|के बिना",
    re.IGNORECASE,
)
_ATTACHED = re.compile(r"^\u200e?\S[^\n]{0,150}\.\w{2,5} [(（][^()（）\n]{2,40}[)）](?:\n|$)")
_FILE_NAME = re.compile(r"^[^\n]{1,150}\.\w{2,5}(?:\s*•[^\n]{1,40})?$")
_LINKED = re.compile(r"!?\[[^\]\n]{0,150}\]\((?:\./)?media/[^)\n]{1,300}\)")
_PLACE = re.compile(
    r"^\u200e?(?:location|standort|ubicación|localização|posizione|position|localisation|locatie|konum|местоположение"
    r"|lokalizacja|位置信息|位置)\s?: \u200e?https://\S+$",
    re.IGNORECASE,
)
_POLL = re.compile(
    r"^\u200e?(?:poll|umfrage|encuesta|sondage|sondaggio|enquete|votação|peiling|anket|опрос)\s?:\n", re.I
)
_REACTIONS = re.compile(r"\n?^\(- [^\n]{1,400} -\)\s*$", re.MULTILINE)
_INLINE = re.compile(r"\s*\u200e<[^<>\n]{3,120}>\s*$")


def is_deleted(text: str) -> bool:
    """Whether a message was taken back."""
    return _DELETED.match(text.strip(f" {MARK}")) is not None


def without_edit_notice(text: str) -> tuple[str, bool]:
    """The text without the notice that it was edited, and whether it had one."""
    return _without_end(_EDITED, text)


def without_attachment(text: str) -> tuple[str, bool]:
    """What is said beside a file, "" where nothing is; and whether there is a file."""
    if _PLACEHOLDER.match(text) or text.strip() == "null" or _PLACE.match(text) or _POLL.match(text):
        return "", True
    if text.startswith(MARK) and len(text) < 120 and _LEFT_OUT.search(text):
        return "", True
    found = _ATTACHED.match(text)
    if found is not None:
        return text[found.end() :].strip(), True
    words, has_file = _without_end(_INLINE, text)
    if has_file:
        return ("" if _FILE_NAME.match(words.strip()) else words), True
    words = _LINKED.sub("", text) if "](" in text else text
    return (words.strip(), True) if words != text else (text, False)


def without_reactions(text: str) -> tuple[str, bool]:
    """The text without the line in which Signal's export lists reactions, and whether there was one."""
    plain = _REACTIONS.sub("", text) if "(- " in text else text
    return plain, plain != text


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
