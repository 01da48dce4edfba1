"""What the marked lines cannot show: one value under many forms, what settings change, what words change."""

from __future__ import annotations

import re

import pytest

from data.errors import SettingsError
from data.personal.found import Text
from data.personal.labels import Meaning, label_before
from data.personal.windows import windows
from data.redact import Memory, Redactor
from data.settings import ImportSettings, load_settings

REDACTOR = Redactor(ImportSettings())

ORDERS = """order number|PO|purchase|account no.|acct|customer id|membership|invoice|booking|reservation|return|
refund no.|case|ticket|shipment|parcel|tracking|confirmation|ref.|transaction|policy|contract|subscription|claim|
Bestellung|Best.-Nr.|Auftrag|Kundennr.|Vorgangsnummer|Rechnung|Buchung|Mitgliedsnummer|Sendungsnummer|Vertragsnr.|
Reklamation|commande|cde|n° client|facture|dossier|réservation|suivi|référence|colis|contrat|adhérent|abonné|
pedido|nº de cliente|cuenta|factura|reserva|orden|compra|referencia|socio|encomenda|ordine|conto|fattura|
prenotazione|riferimento|spedizione|tessera|bestelling|klantnummer|factuur|lidnummer|zaaknummer|zending|boeking|
polis|relatienummer|订单号|客户编号|会员号|工单"""


def redacted(text: str, region: str = "GB") -> str:
    return Redactor(ImportSettings(phone_region=region)).redact(text, Memory()).text


@pytest.mark.parametrize(
    ("kind", "forms"),
    [
        ("email", ["jo_p@example.de", "JO_P@example.de", "jo_p＠example.de", "jo_p [at] example [dot] de",
                   "jo unterstrich p at example punkt de", "jo_p(ät)example.de"]),
        ("phone", ["07700 900461", "+44 7700 900461", "(07700) 900-461", "0044 7700 900461", "+44 (0)7700 900 461"]),
        ("card", ["4111 1111 1111 1111", "4111-1111-1111-1111", "4111111111111111", "4111.1111.1111.1111"]),
        ("iban", ["GB82 WEST 1234 5698 7654 32", "gb82west12345698765432", "GB82-WEST-1234-5698-7654-32"]),
        ("ip", ["2001:db8::1", "2001:0db8:0:0:0:0:0:1", "2001:DB8::1"]),
        ("id", ["AB123456C", "AB 12 34 56 C", "ab-12-34-56-c"]),
        ("order", ["OB-48213", "ob-48213", "order ob48213"]),
        ("address", ["14 Castle Road", "14, Castle Road"]),
    ],
)  # fmt: skip
def test_all_forms_of_one_value_share_a_placeholder(kind: str, forms: list[str]) -> None:
    memory = Memory()
    for form in forms:
        assert f"[{kind} 1]" in REDACTOR.redact(f"it is {form} , ok", memory).text
    assert len(memory.numbers) == 1


def test_extensions_tell_desks_apart() -> None:
    assert redacted("020 7946 0018 ext. 12, 020 7946 0018 x12 or 020 7946 0018") == "[phone 1], [phone 1] or [phone 2]"


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("call 0871 942 9180 please", "call [phone 1] please"),  # as somebody abroad writes it
        ("my number is +999 123 456 789", "my number is [phone 1]"),
        ("call me on 98765 43210", "call me on [phone 1]"),
        ("电话是010-67383333,010-67201818。", "电话是[phone 1],[phone 2]。"),
    ],
)
def test_phones_of_other_regions(text: str, hidden: str) -> None:
    assert redacted(text, "US") == hidden


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("card number 4111 1111 1111 1112 is mistyped", "card number [card 1] is mistyped"),
        ("4111 1111 1111 1112 is in your manual", "4111 1111 1111 1112 is in your manual"),
        ("my ip is 10.2.1.4, firmware 10.2.1.5", "my ip is [ip 1], firmware 10.2.1.5"),
        ("firmware 10.2.1.4:8080", "firmware [ip 1]:8080"),
        ("orders 88213, 88214 and 88215", "orders [order 1], [order 2] and [order 3]"),
        ("order 8821345 and later 8821346", "order [order 1] and later [order 2]"),
        ("your booking reference is NGFEAHB8", "your booking reference is [order 1]"),
        ("model OB-48213", "model OB-48213"),
        ("ich heiße Karl von der Heide und", "ich heiße [person 1] und"),
        ("MY NAME IS DANA WHITLOCK", "MY NAME IS [person 1]"),
        ("here I am FA again", "here I am FA again"),
    ],
)
def test_words_decide(text: str, hidden: str) -> None:
    assert redacted(text) == hidden


@pytest.mark.parametrize("words", re.split(r"\|\s*", ORDERS))
def test_every_word_for_an_order_leads_to_its_number(words: str) -> None:
    assert redacted(f"{words} 884-21730") == f"{words} [order 1]"


@pytest.mark.parametrize(
    ("before", "meaning"),
    [
        ("the serial number is ", Meaning.THING),
        ("Firmware ", Meaning.VERSION),
        ("my card, no: the voucher ", Meaning.THING),
        ("the voucher was fine. My card ", Meaning.CARD),
        ("手机号", Meaning.PHONE),
        ("nothing said ", None),
    ],
)
def test_the_nearest_word_of_the_sentence_says_what_a_number_is(before: str, meaning: Meaning | None) -> None:
    label = label_before(before + "4711", len(before))
    assert (label.meaning if label else None) == meaning


def test_windows_leave_out_groups_at_either_end() -> None:
    candidate = "2 0770 900123 5"
    parts = [candidate[start:end] for start, end in windows(candidate, shortest=7, longest=11)]
    assert parts == ["2 0770 900123", "0770 900123 5", "900123 5", "0770 900123"]


def test_kinds_to_keep_come_from_the_environment_and_are_checked() -> None:
    settings = load_settings("/nowhere", environ={"ATTUNE_IMPORTS__KEEP_KINDS": "person, address"})
    keeping = Redactor(settings.imports)
    text = "my name is Dana Whitlock, 14 Castle Road, dana@example.com"
    assert keeping.redact(text, Memory()).text == "my name is Dana Whitlock, 14 Castle Road, [email 1]"
    with pytest.raises(SettingsError) as refused:
        Redactor(ImportSettings(keep_kinds=("names",)))
    assert "person" in str(refused.value.remedy)


def test_lower_case_keeps_places_of_letters_that_grow() -> None:
    assert Text.of("İ order 12345").low.index("order") == 2
