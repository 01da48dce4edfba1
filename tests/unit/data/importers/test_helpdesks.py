"""What help desks and live chats export of tickets and chats with customers."""

from __future__ import annotations

import contextlib
import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.errors import ImportRefused
from data.settings import ImportSettings
from tests.unit.data.importers import desk_files as desks
from tests.unit.data.importers.archives import zipped

SHARED = Path(__file__).parents[5] / "shared" / "corpora" / "export_formats"


def written(document: Any) -> bytes:
    return json.dumps(document).encode()


def by_line(entries: list[Any]) -> bytes:
    return b"\n".join(map(written, entries)) + b"\n"


def said(looked):
    return [[(turn.role, turn.text) for turn in one.turns] for one in looked.conversations]


@pytest.mark.parametrize(("name", "document"), desks.DESKS.items())
def test_each_is_told_and_read_in_every_packing(look, name, document):
    looked = look(written(document))
    assert looked.report.format == name
    assert looked.report.rows_used > 0
    pretty = look(json.dumps(document, indent=1, ensure_ascii=False))
    packed = look(zipped({"export/a.json": written(document), "logo.png": b"\x89PNG\0"}))
    assert said(pretty) == said(packed) == said(looked)
    assert packed.report.set_aside == looked.report.set_aside


ENTRIES = {
    "intercom": [desks.INTERCOM, {**desks.INTERCOM, "id": "101", "source": {**desks.INTERCOM["source"], "body": "x"}}],
    "zendesk": desks.TICKETS["tickets"],
    "freshdesk": [desks.FRESHDESK, desks.FRESHDESK_ACCOUNT[0]],
    "zendesk_chat": desks.ZENDESK_CHAT["chats"],
    "livechat": desks.LIVECHAT["chats"],
    "crisp": desks.CRISP["data"],
    "front": desks.FRONT["_results"],
    "hubspot": desks.HUBSPOT["results"],
    "helpscout": desks.HELPSCOUT["_embedded"]["conversations"],
    "chatwoot": desks.CHATWOOT["payload"],
}


@pytest.mark.parametrize(("name", "entries"), ENTRIES.items())
def test_a_list_and_a_line_each_say_the_same(look, name, entries):
    listed, lines = look(written(entries)), look(by_line(entries * 2))
    assert listed.report.format == lines.report.format == name
    assert set(map(str, said(listed))) == set(map(str, said(look(by_line([*entries, entries[0]])))))
    assert lines.report.rows_used == listed.report.rows_used
    broken = look(by_line(entries) + b'{"id": \n' + by_line(entries))
    assert broken.report.set_aside["malformed_json"] == 1
    assert broken.report.rows_in == 2 * listed.report.rows_in + 1


def test_intercom(look):
    looked = look(written(desks.INTERCOM))
    assert said(looked) == [
        [("user", "My lamp flickers & hums"), ("assistant", "Is it a desk lamp?"), ("user", "Yes"),
         ("agent", "Try another bulb:\n- warm\n- cold"), ("user", "It works!"), ("agent", "Glad to hear")]
    ]  # fmt: skip
    assert looked.report.set_aside == {
        "system_notice": 4, "private_note": 2, "deleted_message": 1, "attachment_only": 2,
    }  # fmt: skip
    assert {"attachments_ignored", "extras_ignored", "quotes_cut"} <= looked.codes
    (one,) = looked.conversations
    assert (one.id, one.rating, one.tags) == ("100", 5, ("flicker",))
    assert one.customer.startswith("sha256:")
    assert one.started_at == "2024-03-01T08:00:00+00:00"
    speakers = looked.report.extra["speakers"]
    assert (speakers["decided_by"], speakers["brand"], speakers["customers"]) == ("roles", ["Glow", "Mara"], 1)


def test_intercom_of_the_first_api_and_parts_alone(look):
    first = {
        "type": "conversation_message",
        "subject": "",
        "body": "Plain 2 < 3",
        "author": {"type": "lead", "id": "l"},
    }
    old = {"type": "conversation", "id": "5", "created_at": 1, "conversation_message": first, "user": {"id": "l"},
           "conversation_parts": {"type": "conversation_part.list", "conversation_parts": []}}  # fmt: skip
    looked = look(
        written({"type": "conversation.list", "pages": {"next": None}, "conversations": [old, {**old, "id": "6"}]})
    )
    assert said(looked) == [[("user", "Plain 2 < 3")]]
    assert looked.report.set_aside == {"duplicate_conversation": 1}
    parts = [
        desks.part(3, "comment", desks.MARA, "<p>Second</p>", conversation_id="7"),
        desks.part(2, "comment", desks.ZOE, "<p>First</p>", conversation_id="7"),
        desks.part(4, "comment", desks.ZOE, "<p>Other</p>", conversation_id="8"),
    ]
    looked = look(by_line(parts))
    assert [(one.id, len(one.turns)) for one in looked.conversations] == [("7", 2), ("8", 1)]
    assert said(looked)[0] == [("user", "First"), ("agent", "Second")]
    looked = look(written({**old, "conversation_message": None, "conversation_parts": None}), format="intercom")
    assert looked.report.set_aside == {"empty_conversation": 1}


def test_intercom_tickets(look):
    one = {"type": "ticket", "id": "9", "contacts": {"contacts": [{"id": "u1"}]},
           "ticket_attributes": {"_default_title_": "Lamp", "_default_description_": "It hums"},
           "ticket_parts": {"type": "ticket_part.list", "ticket_parts": [
               desks.part(2, "ticket_state_updated_by_admin", desks.MARA, None),
               desks.part(3, "comment", desks.MARA, "<p>We look</p>")]}}  # fmt: skip
    looked = look(written({"type": "ticket.list", "tickets": [one]}))
    assert (looked.report.format, said(looked)) == ("intercom", [[("user", "It hums"), ("agent", "We look")]])
    assert looked.report.set_aside == {"system_notice": 1}


def zendesk_zip(**more: Any) -> bytes:
    files = {"comments.json": desks.COMMENTS, "tickets.json": desks.TICKETS, "users.json": desks.USERS, **more}
    return zipped({name.replace("__", "/"): written(document) for name, document in files.items()})


def test_zendesk_tickets_comments_and_users_are_joined(look):
    ratings = {"satisfaction_ratings": [{"id": 1, "ticket_id": 42, "requester_id": 7, "score": "bad", "comment": ""}]}
    looked = look(zendesk_zip(**{"ratings.json": ratings, "organizations.json": {"organizations": [{"id": 1}]}}))
    assert looked.report.format == "zendesk"
    assert [(one.id, one.rating, one.tags) for one in looked.conversations] == [
        ("41", 5, ("lamp", "hum")), ("42", 1, ("lamp", "hum")), ("43", None, ("lamp", "hum")),
    ]  # fmt: skip
    assert said(looked) == [
        [("user", "The lamp hums\na lot\nI am her neighbour: I hear it too"), ("agent", "Which bulb is in it?"),
         ("user", "Warm white")],
        [("assistant", "We got your mail"), ("user", "My card is ▇▇▇▇, charge it")],
        [("user", "Question 43 of the lamp")],
    ]  # fmt: skip
    assert looked.report.set_aside == {
        "private_note": 1, "deleted_message": 1, "system_notice": 1, "attachment_only": 1,
    }  # fmt: skip
    assert {"quotes_cut", "edited_messages", "extras_ignored", "files_skipped"} <= looked.codes
    assert "speakers_guessed" not in looked.codes
    assert looked.report.extra["speakers"]["brand"] == ["Ivo", "Mara"]


def test_zendesk_comments_without_their_ticket(look):
    looked = look(written(desks.COMMENTS))
    assert "speakers_guessed" in looked.codes
    assert looked.report.extra["speakers"]["decided_by"] == "first_answer"
    assert [turn.role for turn in looked.conversations[1].turns] == ["assistant", "user"]
    looked = look(zendesk_zip(), brand=["ivo@lamplight.example"])
    assert looked.report.extra["speakers"]["decided_by"] == "named"
    assert "brand_not_found" in look(zendesk_zip(), brand=["nobody"]).codes


def test_zendesk_files_named_after_their_ticket(look):
    plain = [
        {name: value for name, value in one.items() if name != "ticket_id"} for one in desks.COMMENTS["comments"][:3]
    ]
    looked = look(zipped({"tickets/42/comments.json": written({"comments": plain}),
                          "tickets.json": written(desks.TICKETS)}))  # fmt: skip
    assert sorted(one.id for one in looked.conversations) == ["41", "42", "43"]
    one = {"ticket": desks.ticket(41), "comments": plain, "users": desks.USERS["users"]}
    looked = look(written(one))
    assert [(one.id, len(one.turns)) for one in looked.conversations] == [("41", 2)]


def test_zendesk_tickets_with_their_comments(look):
    inside = [desks.ticket(41, comments=desks.COMMENTS["comments"][:3]), desks.ticket(42), {"ticket": desks.ticket(43)}]
    for content in (by_line(inside), written(inside[:2]), written({"tickets": inside[:2]})):
        looked = look(content)
        assert looked.report.format == "zendesk"
        assert said(looked)[0] == [("user", "The lamp hums\na lot"), ("agent", "Which bulb is in it?")]
    assert looked.report.rows_in == 4


def test_zendesk_audits(look):
    looked = look(written(desks.AUDITS))
    assert looked.report.format == "zendesk"
    assert said(looked) == [
        [("user", "Do you sell bulbs?"), ("agent", "We do."), ("user", "Are you there?"), ("agent", "I am.")]
    ]
    assert looked.report.set_aside == {"private_note": 1, "system_notice": 1}
    events = {"ticket_events": [
        {"id": 1, "ticket_id": 9, "timestamp": 1_709_280_000, "updater_id": 7, "event_type": "Audit", "child_events": [
            {"id": 2, "event_type": "Comment", "type": "Comment", "body": "Hello", "public": True},
            {"id": 3, "event_type": "Create", "subject": "Lamp"}]}]}  # fmt: skip
    looked = look(written(events))
    assert (looked.report.rows_in, said(looked)) == (1, [[("user", "Hello")]])


def test_zendesk_chats_in_comments(look):
    one = desks.ticket(41, comments=[desks.comment(1, 7, desks.TRANSCRIPT)])
    looked = look(written({"tickets": [one]}))
    assert said(looked) == [[("user", "Good morning"), ("agent", "Hello there,\nwhat is it?"), ("user", "My lamp")]]
    assert looked.report.set_aside == {"system_notice": 2}
    one = desks.ticket(41, comments=[desks.comment(1, 7, desks.TRANSCRIPT.replace("Zoe:", "Odd:"))])
    assert look(written({"tickets": [one]})).report.set_aside == {"system_notice": 2, "unknown_role": 3}


def test_freshdesk(look):
    looked = look(zipped({"a.json": written(desks.FRESHDESK), "b.json": written(desks.FRESHDESK_RATINGS)}))
    assert looked.report.format == "freshdesk"
    (one,) = looked.conversations
    assert (one.id, one.rating, one.tags) == ("61", 2, ("hum",))
    assert said(looked) == [
        [("user", "The lamp hums"), ("agent", "Which bulb?"), ("user", "Warm white"),
         ("assistant", "Ticket closed by itself"), ("agent", "A public note")]
    ]  # fmt: skip
    assert looked.report.set_aside == {"private_note": 2, "system_notice": 1, "deleted_message": 1}
    assert {"attachments_ignored", "extras_ignored"} <= looked.codes


def test_freshdesk_in_other_shapes(look):
    replies = [{**one, "ticket_id": 61} for one in desks.FRESHDESK["conversations"][:3]]
    assert said(look(written(replies))) == [[("agent", "Which bulb?"), ("user", "Warm white")]]
    whole = {**desks.FRESHDESK["ticket"], "conversations": desks.FRESHDESK["conversations"][:2], "stats": {}}
    assert said(look(written(whole))) == said(look(written([whole])))
    assert said(look(written(desks.FRESHDESK_ACCOUNT))) == [[("user", "Is it back?"), ("agent", "Soon.")]]
    again = copy.deepcopy(desks.FRESHDESK)
    again["conversations"] = [desks.reply(1, "The lamp hums", incoming=True), desks.reply(2, "Oh")]
    looked = look(written(again))
    assert (looked.report.rows_in, said(looked)) == (2, [[("user", "The lamp hums"), ("agent", "Oh")]])


LIVE = {
    "zendesk_chat": (
        [[("user", "Open today?"), ("assistant", "One moment"), ("agent", "Until six")], [("user", "Call me")]],
        {"system_notice": 2, "attachment_only": 1, "empty_conversation": 1},
    ),
    "livechat": (
        [[("agent", "Hello"), ("user", "Open today?")], [("user", "Card?"), ("agent", "Yes\nall cards")]],
        {"private_note": 2, "system_notice": 2, "attachment_only": 1},
    ),
    "crisp": (
        [[("user", "Which bulb?"), ("agent", "Which lamp?")],
         [("user", "Open today?"), ("assistant", "One moment"), ("agent", "Until six")]],
        {"private_note": 1, "attachment_only": 1, "system_notice": 1},
    ),
    "front": ([[("user", "Which bulb?")], [("user", "Open today?"), ("agent", "Until six")]], {"private_note": 2}),
    "hubspot": (
        [[("assistant", "Hello there"), ("user", "Open today?"), ("agent", "Until six")]],
        {"private_note": 1, "system_notice": 1},
    ),
    "helpscout": (
        [[("user", "The lamp hums"), ("agent", "Which bulb?")]],
        {"private_note": 2, "system_notice": 1, "deleted_message": 1},
    ),
    "chatwoot": (
        [[("user", "Open today?"), ("assistant", "We are back at nine"), ("agent", "Until six"),
          ("assistant", "I am a bot")]],
        {"private_note": 1, "system_notice": 1, "deleted_message": 1, "attachment_only": 1},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("name", "expected"), LIVE.items())
def test_live_chats_and_inboxes(look, name, expected):
    looked = look(written(desks.DESKS[name]))
    assert (said(looked), looked.report.set_aside) == expected
    assert looked.report.extra["speakers"]["decided_by"] == "roles"


def test_ratings_and_tags_of_live_chats(look):
    facts = {
        name: [(one.rating, one.tags) for one in look(written(desks.DESKS[name])).conversations]
        for name in ("zendesk_chat", "livechat", "helpscout")
    }
    assert facts == {
        "zendesk_chat": [(1, ("hum",)), (None, ())],
        "livechat": [(5, ("hum",)), (1, ("card",))],
        "helpscout": [(None, ("hum",))],
    }


def test_too_many_and_too_long(look):
    limits = ImportSettings(max_turns=4, max_cell_chars=20)
    looked = look(written(desks.INTERCOM), settings=limits)
    assert looked.report.set_aside["too_many_turns"] == 8
    looked = look(written(desks.HELPSCOUT), settings=ImportSettings(max_cell_chars=11))
    assert looked.report.set_aside["too_long"] == 1


@pytest.mark.parametrize("flaw", [None, 3, "x", [], {"body": 3}, {"type": 3, "body": []}])
@pytest.mark.parametrize("name", ENTRIES)
def test_flawed_messages_and_entries_cost_themselves(look, name, flaw):
    looked = look(written([*ENTRIES[name], flaw]))
    assert looked.report.format == name
    assert looked.report.rows_used == look(written(ENTRIES[name])).report.rows_used
    looked = look(written(flaw), format=name)
    assert looked.report.rows_used == 0


def test_flawed_messages_inside(look):
    one = copy.deepcopy(desks.INTERCOM)
    one["conversation_parts"]["conversation_parts"] += [3, {"part_type": "comment", "body": {}, "author": 1}]
    looked = look(written(one))
    assert looked.report.set_aside["wrong_type"] == 2
    one = copy.deepcopy(desks.LIVECHAT)
    one["chats"][0]["events"].append("x")
    assert look(written(one)).report.set_aside["wrong_type"] == 1
    strange = [desks.comment(1, 7, "a", created_at="soon"), desks.comment(2, 7, "b", created_at=True), {"author_id": 7}]
    looked = look(written({"tickets": [desks.ticket(1, comments=strange)]}))
    assert looked.report.set_aside == {"empty_message": 1}
    assert "timestamp_ignored" in looked.codes


PIECES = st.sampled_from([b"", b'"', b"{", b"]", b"null", b"[", b"1e999", b"\xff", b",", b"\n"])
ALL = [*desks.DESKS.values(), desks.COMMENTS, desks.AUDITS, desks.USERS, desks.FRESHDESK_ACCOUNT]


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_mutation_of_an_export_is_accounted_for(looker, tmp_path_factory, data):
    content = bytearray(written(data.draw(st.sampled_from(ALL))))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content) - 1))
        end = place + data.draw(st.sampled_from([0, 1, 1, 7, len(content)]))
        content[place:end] = data.draw(
            st.sampled_from([b"", b'"', b"{", b"]", b"null", b"[", b"1e999", b"\xff", b",", b"\n"])
        )
        content = content or bytearray(b" ")
    form = data.draw(st.sampled_from([None, None, *desks.DESKS]))
    path = tmp_path_factory.getbasetemp() / "mutated"
    with contextlib.suppress(ImportRefused):
        report = looker(path, bytes(content), format=form).report
        assert report.rows_in == report.rows_used + sum(report.set_aside.values())


@pytest.mark.parametrize("document", ALL, ids=range(len(ALL)))
def test_an_export_that_breaks_off(look, document):
    content = written(document)
    for share in (3, 2, 1):
        cut = content[: len(content) - len(content) * share // 4]
        with contextlib.suppress(ImportRefused):
            assert sum(look(cut).report.set_aside.values()) > 0


@pytest.mark.parametrize("name", ["intercom", "zendesk", "freshdesk"])
def test_exports_of_others(look, name):
    files = sorted((SHARED / name).glob("*")) if SHARED.is_dir() else []
    if not files:
        pytest.skip("the public exports are not on this machine")
    for path in files:
        report = look(path.read_bytes(), path.name).report
        assert report.format == name
        assert report.rows_used > 0 or report.set_aside == {"private_note": 1}
