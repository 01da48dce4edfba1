"""What people export from the programs in which they talk to each other."""

from __future__ import annotations

import io
import json
import time
import zipfile
from pathlib import Path

import pytest

from data.importers import detect
from data.importers.chat_apps.meta import repaired
from data.importers.chat_apps.stamps import Calendar, split
from data.settings import ImportSettings

FIXTURES = Path(__file__).with_name("fixtures")
SHARED = Path(__file__).parents[5] / "shared" / "corpora" / "export_formats"


def fixture(name: str) -> bytes:
    return (FIXTURES / name).read_bytes()


def zipped(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def folder(name: str, under: str = "") -> bytes:
    root = FIXTURES / name
    return zipped(
        {under + path.relative_to(root).as_posix(): path.read_bytes() for path in sorted(root.rglob("*.json"))}
    )


def said(looked):
    return sorted([(turn.role, turn.text) for turn in one.turns] for one in looked.conversations)


def counts(looked):
    return {one.code: one.count for one in looked.report.findings}


@pytest.mark.parametrize("under", ["", "Lamplight export/"])
def test_slack(look, under):
    looked = look(folder("slack", under), brand=("lamplight.example",))
    report = looked.report
    assert (report.format, report.format_confidence) == ("slack", 0.97)
    assert said(looked) == [
        [("agent", "@here lunch is at noon")],
        [("assistant", "New order\nTwo desk lamps"), ("agent", "We ship in two days")],
        [("user", "Can I return a shade I bought last week?"),
         ("agent", "Of course, within thirty days. @somebody can print the label, see #help"), ("user", "Thanks!")],
        [("user", "Hi, my reading lamp flickers & hums"), ("agent", "Sorry @Odd Berg! Did you try another bulb?"),
         ("user", "Here is a film of it")],
    ]  # fmt: skip
    assert report.set_aside == {"system_notice": 1, "attachment_only": 1, "deleted_message": 3, "wrong_type": 1}
    assert report.rows_in == 15
    expected = {"extras_ignored", "edited_messages", "attachments_ignored", "mentions_unknown"}
    assert expected <= looked.codes
    assert "speakers_guessed" not in looked.codes
    assert report.to_wire()["speakers"] == {
        "decided_by": "named", "confidence": 1.0, "brand": ["Lampbot", "mara"], "brand_speakers": 2, "customers": 2,
    }  # fmt: skip


def test_slack_finds_the_brand_by_itself(look):
    found = look(folder("slack")).report.extra["speakers"]
    assert found["decided_by"] in ("domain", "common", "first_answer")
    assert "mara" in found["brand"]


def test_slack_knows_the_brand_by_any_of_its_names(look):
    for name in ("Mara Kind", "mara", "M.", "mara@lamplight.example"):
        profile = {"display_name": "M.", "real_name": "Mara Kind", "email": "mara@lamplight.example"}
        users = [{"id": "U1", "name": "mara", "profile": profile}]
        day = [
            {"type": "message", "user": "U2", "ts": "1709280000.1", "text": "hi"},
            {"type": "message", "user": "U1", "ts": "1709280060.1", "text": "hello"},
        ]
        files = {"users.json": users, "help/2024-03-01.json": day}
        looked = look(zipped({file: json.dumps(body).encode() for file, body in files.items()}), brand=[name])
        assert said(looked) == [[("user", "hi"), ("agent", "hello")]]


def test_slack_messages_without_a_text_beside_their_blocks(look):
    quoted = {"type": "rich_text_quote", "elements": [{"type": "text", "text": "it hums"}]}
    section = {"type": "rich_text_section", "elements": [
        {"type": "text", "text": "My lamp "}, {"type": "link", "url": "https://l.example"},
        {"type": "user", "user_id": "U1"}, {"type": "emoji", "name": "wave"}]}  # fmt: skip
    blocks = [
        {"type": "rich_text", "elements": [section, quoted]},
        {
            "type": "section",
            "text": {"type": "mrkdwn", "text": "*Order*"},
            "fields": [{"type": "mrkdwn", "text": "17"}],
        },
        {"type": "actions", "elements": [{"type": "button", "text": {"type": "plain_text", "text": "Close"}}]},
    ]
    deep = {"type": "rich_text", "elements": []}
    for _ in range(10):
        deep = {"type": "rich_text", "elements": [deep]}
    day = [
        {"type": "message", "user": "U2", "ts": "1709280000.1", "text": "", "blocks": blocks},
        {"type": "message", "user": "U2", "ts": "1709280001.1", "text": "", "blocks": [deep, None, 5]},
    ]
    looked = look(json.dumps(day))
    assert looked.texts == ["My lamp https://l.example@somebody:wave:\nit hums\n*Order*\n17"]
    assert looked.report.set_aside == {"empty_message": 1}


def test_what_the_api_of_slack_answers(look):
    day = [
        {"type": "message", "user": "U1", "ts": "1709280060.1", "text": "hello"},
        {"type": "message", "user": "U2", "ts": "1709280000.1", "text": "hi"},
    ]
    looked = look(json.dumps({"ok": True, "messages": day, "has_more": False}), brand=["U1"])
    assert looked.report.format == "slack"
    assert said(looked) == [[("user", "hi"), ("agent", "hello")]]


def test_one_day_of_slack_and_a_day_that_breaks_off(look):
    day = fixture("slack/help/2024-03-01.json")
    looked = look(day)
    assert (looked.report.format, looked.report.rows_in) == ("slack", 6)
    assert "mentions_unknown" in looked.codes
    looked = look(zipped({"users.json": b"[{", "help/2024-03-01.json": day, "help/2024-03-02.json": day[:-20]}))
    assert looked.report.set_aside["malformed_json"] == 1
    assert looked.report.rows_in == 12


def test_whatsapp_of_an_iphone_in_german(look):
    looked = look(fixture("whatsapp_ios_de.txt"), brand=("Lampenladen",))
    assert said(looked) == [
        [("user", "Hallo, ist die Stehlampe noch da?\nOder schon weg?"), ("agent", "Ja, zwei Stück.")],
        [("user", "Ich nehme eine.")],
    ]
    assert looked.report.set_aside == {"system_notice": 1, "attachment_only": 1, "deleted_message": 1}
    assert {"edited_messages", "timestamp_without_zone"} <= looked.codes
    assert "dates_guessed" not in looked.codes
    assert sorted(one.started_at for one in looked.conversations)[0] == "2023-12-31T10:11:30+00:00"


def test_whatsapp_of_android_in_english(look):
    looked = look(
        zipped({"WhatsApp Chat.txt": fixture("whatsapp_android_en.txt"), "a.jpg": b"\xff\xd8\0\0"}), brand=["lamp shop"]
    )
    assert said(looked) == [
        [("user", "Good evening: is the blue one in stock?"), ("agent", "It is.\nThis is how it looks")],
        [("user", "Lovely, see https://lamplight.example/blue")],
    ]
    assert looked.report.set_aside == {"system_notice": 2, "attachment_only": 2, "deleted_message": 1}
    assert counts(looked)["files_skipped"] == 1
    assert "attachments_ignored" in looked.codes
    assert max(one.started_at for one in looked.conversations) == "2024-01-04T00:00:00+00:00"


@pytest.mark.parametrize(
    ("line", "moment"),
    [
        ("31/12/2023, 22:11 - A: x", "2023-12-31T22:11"),
        ("12/31/23, 10:11\u202fPM - A: x", "2023-12-31T22:11"),
        ("31.12.23, 22:11 - A: x", "2023-12-31T22:11"),
        ("31.12.2023 klo 22.11 - A: x", "2023-12-31T22:11"),
        ("31.12.2023 um 22:11 Uhr - A: x", "2023-12-31T22:11"),
        ("31-12-2023 22:11 - A: x", "2023-12-31T22:11"),
        ("2023-12-31 22:11 - A: x", "2023-12-31T22:11"),
        ("2023/12/31, 22:11 - A: x", "2023-12-31T22:11"),
        ("31/12/2023 às 22:11 - A: x", "2023-12-31T22:11"),
        ("31/12/23 10:11 p.\u00a0m. - A: x", "2023-12-31T22:11"),
        ("31/12/2023, 12:05 a. m. - A: x", "2023-12-31T00:05"),
        ("2023/12/31 下午10:11 - A: x", "2023-12-31T22:11"),
        ("[2023/12/31 上午10:11:12] A: x", "2023-12-31T10:11"),
        ("2023년 12월 31일 오후 10:11, A : x", "2023-12-31T22:11"),
        ("[2023. 12. 31. 오후 10:11:12] A: x", "2023-12-31T22:11"),
        ("٣١\u200f/١٢\u200f/٢٠٢٣، ١٠:١١ م - A: x", "2023-12-31T22:11"),
        ("\u200e[31/12/23, 10:11:12 PM] A: x", "2023-12-31T22:11"),
        ("22:11, 31/12/2023 - A: x", "2023-12-31T22:11"),
        ("[22:11:12 31/12/2023] A: x", "2023-12-31T22:11"),
        ("31/12/2566 22:11 - A: x", "2023-12-31T22:11"),
        ("2023. 12. 31. 22:11 - A: x", "2023-12-31T22:11"),
    ],
)
def test_dates_of_many_countries(look, line, moment):
    looked = look(line + "\n", format="whatsapp")
    (one,) = looked.conversations
    assert (one.started_at[:16], one.turns[0].text) == (moment, "x")
    assert look(line + "\n").report.format == "whatsapp"


@pytest.mark.parametrize(
    "line", ["hello there", "12 lamps - cheap", "1/2/2023", "10:11 - A: x", "[x] A: y", "1/2, 10:11 - A: x", ""]
)
def test_lines_without_a_stamp(line):
    assert split(line) is None


@pytest.mark.parametrize(
    ("dates", "day_first", "is_guess"),
    [
        (["01/02/24, 10:00", "13/02/24, 10:00"], True, False),
        (["01/02/24, 10:00", "02/13/24, 10:00"], False, False),
        (["01/02/24, 10:00", "02/02/24, 10:00", "01/03/24, 10:00"], True, False),
        (["02/01/24, 10:00", "02/02/24, 10:00", "03/01/24, 10:00"], False, False),
        (["01/02/24, 10:00", "01/02/24, 11:00"], True, True),
        (["01/02/24, 10:00 AM", "01/02/24, 11:00 AM"], False, True),
        (["01.02.24, 10:00"], True, True),
    ],
)
def test_day_and_month_are_told_over_the_whole_file(look, dates, day_first, is_guess):
    stamps = [split(f"{date} - A: x")[0] for date in dates]
    calendar = Calendar(stamps)
    assert calendar.is_guess == is_guess
    assert calendar.seconds(stamps[0]) == (1706781600.0 if day_first else 1704189600.0) + (
        0 if stamps[0].a == 1 else (1704189600 - 1706781600 if day_first else 1706781600 - 1704189600)
    )
    looked = look("".join(f"{date} - A: text {n}\n" for n, date in enumerate(dates)))
    assert ("dates_guessed" in looked.codes) == is_guess


def test_styles_that_are_mixed_are_told_apart_one_by_one():
    stamps = [
        split(line)[0]
        for line in (
            "[1/24/21, 1:00:00 PM] A: x",
            "[11/8/21, 9:41:32 AM] A: x",
            "05.05.23, 15:48 - A: x",
            "13.05.23, 15:48 - A: x",
        )
    ]
    calendar = Calendar(stamps)
    assert calendar.seconds(stamps[1]) == 1636364492.0
    assert not calendar.is_guess


@pytest.mark.parametrize(
    "notice",
    ["Ce message a été supprimé.", "Se eliminó este mensaje.", "Questo messaggio è stato eliminato", "Mensagem apagada",
     "Dit bericht is verwijderd", "Данное сообщение удалено", "此消息已删除", "Bu mesaj silindi",
     "このメッセージは削除されました", "यह मैसेज मिटाया गया", "Det här meddelandet raderades",
     "Denne besked blev slettet", "Tämä viesti poistettiin", "تم حذف هذه الرسالة"],
)  # fmt: skip
def test_what_was_taken_back_in_many_languages(look, notice):
    looked = look(f"31/12/2023, 22:11 - A: hello\n31/12/2023, 22:12 - B: {notice}\n")
    assert looked.report.set_aside == {"deleted_message": 1}


@pytest.mark.parametrize(
    "notice",
    ["<Medien ausgeschlossen>", "<Médias omis>", "<Multimedia omitido>", "<省略多媒体文件>", "\u200eimage absente",
     "\u200eimmagine omessa", "\u200eBild weggelassen", "IMG-1.jpg (Datei angehängt)",
     "‎<attached: 00000012-PHOTO.jpg>", "price list.pdf • \u200e2 pages \u200e<attached: 00000013-price list.pdf>",
     "location: https://maps.example/?q=1.0,2.0", "POLL:\nWhich colour?\nOPTION: Blue (2 votes)\n",
     "\u200e画像は含まれていません。"],
)  # fmt: skip
def test_files_without_words_in_many_languages(look, notice):
    looked = look(f"31/12/2023, 22:11 - A: hello\n31/12/2023, 22:12 - B: {notice}\n")
    assert looked.report.set_aside == {"attachment_only": 1}


def test_whatsapp_that_begins_in_the_middle_and_dates_that_are_none(look):
    looked = look("the end of a message\nand more\n31/12/2023, 22:11 - A: hello\n99/99/2023, 22:12 - B: there\n")
    assert looked.report.set_aside == {"malformed_row": 1}
    assert looked.report.rows_used == 2
    assert "timestamp_ignored" in looked.codes
    long = look("31/12/2023, 22:11 - A: hello\n" + "more\n" * 50, settings=ImportSettings(max_cell_chars=100))
    assert long.report.set_aside == {"too_long": 1}


def test_a_line_that_does_not_decode_costs_its_message(look):
    text = "31/12/2023, 22:11 - A: schön\n" * 3
    looked = look(text.encode() + b"31/12/2023, 22:12 - B: sch\xf6n\n")
    assert looked.report.set_aside == {"undecodable": 1}


@pytest.mark.parametrize(
    "text",
    [" " * 60_000 + "](", "![" * 30_000 + "](", "\n(- " * 20_000,
     " " * 60_000 + ">", "<" * 60_000, "<|" * 30_000, "\u200e" * 60_000, " and commented:" * 4_000, ":" * 60_000,
     "~" * 60_000,
     "a named the group " * 3_000],
)  # fmt: skip
def test_no_text_takes_long(look, text):
    """Patterns are tried on what is bounded, or in one go."""
    started = time.process_time()
    look(f"31/12/2023, 22:11 - A: hello {text}\n")
    look(
        json.dumps({"participants": [], "messages": [{"sender_name": "A", "timestamp_ms": 1, "content": text}]}),
        format="messenger",
    )
    look(
        json.dumps([{"type": "message", "user": "U1", "ts": "1.0", "text": f"<@U1> uploaded a file: {text}\n"}]),
        format="slack",
    )
    look(f"Lena: {text}\nShop: hi\nLena: bye\n", format="transcript")
    assert time.process_time() - started < 60


def test_signal(look):
    looked = look(fixture("signal.txt"), brand=["Lamplight"])
    assert looked.report.format == "signal"
    assert said(looked) == [[("user", "Morning! Does the lamp come with a bulb?"), ("agent", "It does,\na warm one.")]]


def test_signal_with_files_and_reactions(look):
    looked = look(
        "[2024-03-01 09:00] Tom: Is it in stock?\n(- Me: 👍 -)\n[2024-03-01 09:01] Me: ![lamp](media/lamp.jpg)\n"
        "[2024-03-01 09:02] Me: This one ![lamp](./media/lamp.jpg)\n",
        brand=["Me"],
    )
    assert said(looked) == [[("user", "Is it in stock?"), ("agent", "This one")]]
    assert looked.report.set_aside == {"attachment_only": 1}
    assert {"extras_ignored", "attachments_ignored"} <= looked.codes


def test_telegram(look):
    looked = look(fixture("telegram_account.json"))
    assert looked.report.format == "telegram"
    assert said(looked) == [
        [("user", "Do you ship to Goa?"), ("agent", "We do.")],
        [("user", "Is this the right bulb?"), ("agent", "It is.")],
    ]
    assert looked.report.set_aside == {"system_notice": 1, "attachment_only": 1}
    assert {"attachments_ignored", "extras_ignored", "edited_messages", "speakers_guessed"} <= looked.codes
    speakers = looked.report.extra["speakers"]
    assert (speakers["decided_by"], speakers["brand"], speakers["customers"]) == ("common", ["Shop"], 2)


def test_telegram_of_the_api(look):
    messages = [
        {"sender_id": 5, "text": text, "date": f"2024-03-01T1{n}:00:00+00:00", "message.id": n, "is_reply": False}
        for n, text in enumerate(["Hello", "", "Anyone?"])
    ]
    looked = look(json.dumps(messages))
    assert looked.report.format == "telegram"
    assert looked.report.set_aside == {"empty_message": 1}
    assert looked.texts == ["Hello\nAnyone?"]


@pytest.mark.parametrize("packed", [False, True])
def test_telegram_pages(look, packed):
    page = fixture("telegram_page.html")
    looked = look(zipped({"messages.html": page, "css/style.css": b"body {}"}) if packed else page)
    assert looked.report.format == "telegram_html"
    assert said(looked) == [
        [("user", "Good day,\nis the tall lamp back?\nThey have it!"), ("agent", "Yes, here")],
    ]
    assert looked.report.set_aside == {"system_notice": 1, "attachment_only": 1}
    assert looked.conversations[0].started_at == "2024-03-01T08:00:00+00:00"


def test_a_telegram_page_that_breaks_off(look):
    page = fixture("telegram_page.html")
    looked = look(page[: page.index(b"They have")])
    assert looked.report.set_aside == {"system_notice": 1, "malformed_row": 1}
    flood = page.replace(b"Yes, here", b"<" * 300_000 + b"x" * 300_000)
    assert look(flood).report.rows_in == 5


def test_messenger(look):
    looked = look(fixture("messenger.json"))
    assert looked.report.format == "messenger"
    assert said(looked) == [[("user", "Où êtes-vous ?"), ("agent", "Open until 18:00 😊")]]
    assert looked.report.set_aside == {"system_notice": 2, "attachment_only": 1, "deleted_message": 1}
    assert {"mojibake_repaired", "attachments_ignored", "extras_ignored"} <= looked.codes
    assert looked.report.extra["speakers"]["customers"] == 1


def test_messenger_of_many_chats_in_a_zip(look):
    files = {
        "inbox/zoe_1/message_1.json": fixture("messenger.json"),
        "inbox/ivo_1/message_1.json": fixture("messenger_encrypted.json"),
        "ads/preferences.json": b'{"interests": ["lamps"]}',
    }
    looked = look(zipped(files))
    assert (looked.report.format, looked.report.conversations) == ("messenger", 2)
    assert looked.report.extra["speakers"]["brand"] == ["Lamp Shop"]
    assert counts(looked)["files_skipped"] == 1


def test_instagram(look):
    looked = look(fixture("instagram.json"))
    assert looked.report.format == "instagram"
    assert said(looked) == [[("user", "Is it still for sale?"), ("agent", "It is.")]]
    assert looked.report.set_aside == {"attachment_only": 1}
    assert look(fixture("messenger.json"), format="instagram").report.rows_used == 2


def test_text_that_meta_garbles():
    assert repaired("OÃ¹") == "Où"
    assert repaired("Où") == "Où"
    assert repaired("你好") == "你好"


def test_transcripts(look):
    looked = look(fixture("transcript.txt"))
    assert looked.report.format == "transcript"
    assert said(looked) == [
        [("user", "Can I pay by card?"), ("assistant", "You can: here is the link.")],
        [("user", "My lamp arrived broken\nand the box was wet."), ("agent", "I am sorry. We send a new one today."),
         ("user", "Thank you!")],
    ]  # fmt: skip
    assert looked.report.extra["speakers"]["decided_by"] == "roles"
    looked = look(fixture("transcript_names.txt"))
    assert said(looked) == [
        [("user", "Hello"), ("agent", "Good morning"), ("user", "Are you open?")],
        [("user", "Hi, lamp 12 please"), ("agent", "It is packed")],
    ]
    assert looked.report.extra["speakers"]["brand"] == ["Shop"]


def test_blank_lines_between_all_messages_divide_nothing(look):
    looked = look("Lena: Hello\n\nShop: Good morning\n\nLena: Open?\n\nShop: Yes\n")
    assert looked.report.conversations == 1
    looked = look("before\nLena: Hello\nShop:\nLena: Open?\nShop: Yes\n", format="transcript")
    assert looked.report.set_aside == {"malformed_row": 1, "empty_message": 1}


@pytest.mark.parametrize(
    "content",
    ["From: a\nTo: b\nSubject: c\nFrom: a\nTo: b\n", "version: 3.1\nname: x\nversion: 3.1\nname: x\n",
     "Note: one\nNote: two\n", '{"messages": [{"role": "user", "content": "x"}]}', "text,label\na,b\n"],
)  # fmt: skip
def test_what_is_no_transcript(upload, content):
    assert detect(upload(content.encode()), "log").format in ("csv", "jsonl")


@pytest.mark.parametrize("name", ["slack", "whatsapp", "signal", "telegram", "facebook_messenger", "instagram"])
def test_exports_of_others(look, name):
    files = sorted((SHARED / name).glob("*")) if SHARED.is_dir() else []
    if not files:
        pytest.skip("the public exports are not on this machine")
    for path in files:
        report = look(path.read_bytes(), path.name).report
        assert report.format in {name, "telegram_html", "messenger"}
        assert report.rows_used > 0
