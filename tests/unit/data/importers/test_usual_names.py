"""Tables as they are exported in other languages and by spreadsheets: columns and sides are found without a map."""

from __future__ import annotations

import json

import pytest

from data.importers.columns import plain_name
from data.importers.usual_names import COLUMN_NAMES, ROLE_NAMES

HEADERS = {
    "de": "Gespräch;Absender;Nachricht;Kategorie\n1;Kundin;Wo ist es?;Versand\n1;Mitarbeiter;Unterwegs;\n",
    "fr": "Conversation;Auteur;Texte;Catégorie\n1;Client;Où est-ce ?;Versand\n1;Conseillère;En route;\n",
    "es": "conversación,remitente,mensaje,categoría\n1,cliente,¿Dónde está?,Versand\n1,agente,En camino,\n",
    "it": "conversazione,mittente,messaggio,categoria\n1,cliente,Dov'è?,Versand\n1,operatore,In viaggio,\n",
    "nl": "gesprek,afzender,bericht,categorie\n1,klant,Waar is het?,Versand\n1,medewerker,Onderweg,\n",
    "pt": "conversa,remetente,mensagem,categoria\n1,cliente,Onde está?,Versand\n1,atendente,A caminho,\n",
    "zh": "会话,角色,内容,类别\n1,客户,在哪里？,Versand\n1,客服,在路上,\n",
    "ja": "会話ID,送信者,本文,カテゴリ\n1,お客様,どこですか？,Versand\n1,担当者,配送中です,\n",
    "ru": "Диалог;Отправитель;Сообщение;Категория\n1;Клиент;Где он?;Versand\n1;Оператор;В пути;\n",
    "tr": "konuşma;gönderen;mesaj;label\n1;müşteri;Nerede?;Versand\n1;temsilci;Yolda;\n",
}


def roles(looked):
    return [[turn.role for turn in conversation.turns] for conversation in looked.conversations]


@pytest.mark.parametrize("language", HEADERS)
def test_headers_of_other_languages(look, language):
    looked = look(HEADERS[language])
    assert roles(looked) == [["user", "agent"]]
    assert looked.report.labels == {"Versand": 1}


def test_names_are_written_as_they_are_compared():
    assert [name for names in COLUMN_NAMES.values() for name in names if plain_name(name) != name] == []
    assert [name for name in ROLE_NAMES if name != name.strip().lower()] == []
    for names in COLUMN_NAMES.values():
        assert len(set(names)) == len(names)


@pytest.mark.parametrize("line", ["sep=;", '"sep=;"', "SEP=;;;", "sep=;\r"])
def test_a_line_for_the_spreadsheet_names_the_delimiter(look, line):
    looked = look(f'{line}\nconversation;role;text\n1;customer;"hi, there; you"\n1;agent;yes, 4,5\n')
    assert looked.texts == ["hi, there; you", "yes, 4,5"]
    assert looked.report.format == "csv"


def test_the_spreadsheets_own_text(look):
    content = "sep=\t\r\nconversation\trole\ttext\r\n1\tcustomer\tné\r\n1\tagent\tyo\r\n".encode("utf-16")
    assert roles(look(content)) == [["user", "agent"]]


@pytest.mark.parametrize("name", ["csv", "json"])
def test_messages_are_put_in_the_order_of_their_times(look, name):
    newest_first = [
        ("1", "agent", "fourth", "2024-03-01T08:05:00Z"),
        ("1", "customer", "third", "2024-03-01T08:05:00Z"),
        ("1", "agent", "second", "1709280060"),
        ("1", "customer", "first", "1709280000000"),
    ]
    names = ("conversation", "sender", "message", "time")
    written = {
        "csv": "\n".join(",".join(row) for row in (names, *newest_first)),
        "json": json.dumps([dict(zip(names, row, strict=True)) for row in newest_first], indent=1),
    }
    assert look(written[name]).texts == ["first", "second", "third", "fourth"]


def test_without_all_times_messages_stay_as_they_stand(look):
    looked = look(
        "conversation,role,text,time\n1,agent,b,2024-03-01T08:05:00Z\n1,user,a,2024-03-01T08:00:00Z\n1,agent,c,\n"
    )
    assert looked.texts == ["b", "a", "c"]


def test_directions_are_sides(look):
    assert roles(look("ticket,direction,message\n1,inbound,hi\n1,outbound,yo\n")) == [["user", "agent"]]


def test_a_refusal_shows_a_column_that_is_free(look):
    with pytest.raises(Exception, match="who speaks") as caught:
        look("ticket,wer,message\n1,a,b\n1,c,d\n")
    assert "--map role=wer" in caught.value.remedy
    with pytest.raises(Exception, match="which conversation") as caught:
        look("time,author,message\n8,a,b\n9,c,d\n")
    assert "Add a column" in caught.value.remedy
