"""Small exports of help desks and live chats, of our own writing: one of each, with every construct that is read."""

from __future__ import annotations

from typing import Any


def part(number: int, kind: str, author: dict[str, Any], body: str | None, **more: Any) -> dict[str, Any]:
    return {"type": "conversation_part", "id": str(number), "part_type": kind, "body": body, "author": author,
            "created_at": 1_709_280_000 + 60 * number, "attachments": [], **more}  # fmt: skip


ZOE = {"type": "user", "id": "u1", "name": "Zoe", "email": "zoe@mail.example"}
MARA = {"type": "admin", "id": "a1", "name": "Mara", "email": "mara@lamplight.example"}
BOT = {"type": "bot", "id": "b1", "name": "Glow"}

INTERCOM = {
    "type": "conversation",
    "id": "100",
    "created_at": 1_709_280_000,
    "source": {
        "type": "conversation", "id": "9", "delivered_as": "customer_initiated", "subject": "",
        "body": "<p>My lamp <b>flickers</b> &amp; hums</p>", "author": ZOE, "attachments": [{"type": "upload"}],
    },
    "contacts": {"type": "contact.list", "contacts": [{"type": "contact", "id": "u1"}]},
    "conversation_parts": {
        "type": "conversation_part.list",
        "conversation_parts": [
            part(2, "comment", BOT, "<p>Is it a desk lamp?</p>"),
            part(3, "quick_reply", {"type": "lead", "id": "u1"}, "<p>Yes</p>"),
            part(4, "assignment", BOT, None, assigned_to=MARA),
            part(5, "note", MARA, "<p>She wrote last week too</p>"),
            part(6, "comment", MARA, "<p>Try another bulb:</p><ul><li>warm</li><li>cold</li></ul>"),
            part(7, "comment", MARA, "<p>This message was deleted</p>", redacted=True),
            part(8, "comment", ZOE, '<p><img src="x.png"></p>'),
            part(9, "comment", ZOE, None, attachments=[{"type": "upload", "name": "film.mp4"}]),
            part(10, "comment", ZOE, '<div>It works!</div><div class="gmail_quote">On Friday Mara wrote</div>'),
            part(11, "close", MARA, "<p>Glad to hear</p>"),
            part(12, "away_mode_assignment", BOT, None),
            part(13, "conversation_rating_changed", ZOE, None),
            part(14, "assignment", MARA, "<p>Over to you</p>"),
            part(15, "fin_guidance", BOT, "<p>internal</p>"),
        ],
        "total_count": 14,
    },
    "conversation_rating": {"rating": 5, "remark": "quick!", "created_at": 1_709_290_000},
    "tags": {"type": "tag.list", "tags": [{"type": "tag", "id": "1", "name": "flicker"}]},
    "statistics": {"type": "conversation_statistics", "time_to_assignment": 3},
}  # fmt: skip


def comment(number: int, author: int, body: str | None, **more: Any) -> dict[str, Any]:
    return {"id": number, "type": "Comment", "author_id": author, "body": body, "html_body": "", "plain_body": "",
            "public": True, "attachments": [], "created_at": f"2024-03-01T10:{number % 60:02}:00Z", **more}  # fmt: skip


def ticket(number: int, **more: Any) -> dict[str, Any]:
    return {
        "id": number, "url": f"https://lamplight.zendesk.example/api/v2/tickets/{number}.json", "requester_id": 7,
        "submitter_id": 7, "assignee_id": 3, "subject": "Lamp", "raw_subject": "Lamp", "organization_id": None,
        "description": f"Question {number} of the lamp", "created_at": "2024-03-01T09:00:00Z", "status": "solved",
        "via": {"channel": "email", "source": {"from": {"name": "Zoe"}, "to": {}, "rel": None}},
        "satisfaction_rating": None, "tags": ["lamp", "hum"], "email_cc_ids": [8], "collaborator_ids": [8, 3],
        "is_public": True, **more,
    }  # fmt: skip


TICKETS = {
    "tickets": [
        ticket(41, satisfaction_rating={"score": "good", "comment": "so kind"}),
        ticket(42),
        ticket(43, satisfaction_rating={"score": "offered"}),
    ],
    "next_page": None,
    "count": 3,
}
COMMENTS = {
    "comments": [
        comment(1, 7, "Question 41", ticket_id=41, html_body="<div class='zd-comment'>The lamp hums<br>a lot</div>"),
        comment(2, 3, "Ask the workshop", ticket_id=41, public=False),
        comment(5, 9, "Which bulb is in it?", ticket_id=41),
        comment(4, 8, "I am her neighbour: I hear it too", ticket_id=41),
        comment(6, 7, "Warm white\n\nOn Fri, Mar 1, 2024 at 10:05 Shop <s@lamplight.example> wrote:\n> Which",
                ticket_id=41),
        comment(7, -1, "We got your mail", ticket_id=42),
        comment(8, 7, "▇▇▇▇ ▇▇", ticket_id=42),
        comment(9, 7, "My card is ▇▇▇▇, charge it", ticket_id=42),
        comment(10, 3, None, ticket_id=42, attachments=[{"id": 1}]),
        comment(11, 3, "Call from: +1", ticket_id=42, type="VoiceComment"),
    ],
    "next_page": None,
}  # fmt: skip
USERS = {
    "users": [
        {"id": 7, "name": "Zoe", "email": "zoe@mail.example", "role": "end-user", "role_type": None,
         "restricted_agent": False, "moderator": False, "ticket_restriction": "requested"},
        {"id": 3, "name": "Mara", "email": "mara@lamplight.example", "role": "agent", "role_type": 0,
         "restricted_agent": False, "moderator": True, "ticket_restriction": None},
        {"id": 9, "name": "Ivo", "email": "ivo@lamplight.example", "role": "admin", "role_type": 4,
         "restricted_agent": False, "moderator": True, "ticket_restriction": None},
    ]
}  # fmt: skip
AUDITS = {
    "audits": [
        {"id": 1, "ticket_id": 51, "created_at": "2024-03-01T10:00:00Z", "author_id": 7, "events": [
            {"id": 11, "type": "Comment", "author_id": 7, "body": "Do you sell bulbs?", "public": True},
            {"id": 12, "type": "Create", "field_name": "status", "value": "new"}]},
        {"id": 2, "ticket_id": 51, "created_at": "2024-03-01T11:00:00Z", "author_id": 3, "events": [
            {"id": 13, "type": "Comment", "body": "We do.", "public": True},
            {"id": 14, "type": "Comment", "body": "He asks each week", "public": True},
            {"id": 15, "type": "Change", "field_name": "status", "value": "open", "previous_value": "new"}]},
        {"id": 3, "ticket_id": 51, "created_at": "2024-03-01T12:00:00Z", "author_id": 3, "events": [
            {"id": 16, "type": "CommentPrivacyChange", "comment_id": 14, "public": False}]},
        {"id": 4, "ticket_id": 51, "created_at": "2024-03-01T13:00:00Z", "author_id": 3, "events": [
            {"id": 17, "type": "Change", "field_name": "status", "value": "solved"}]},
        {"id": 5, "ticket_id": 51, "created_at": "2024-03-02T13:00:00Z", "author_id": -1, "events": [
            {"id": 18, "type": "ChatStartedEvent", "value": {"chat_id": "c", "history": [
                {"type": "ChatJoin", "timestamp": 1_709_470_800_000, "actor_type": "end-user", "actor_name": "Zoe"},
                {"type": "ChatMessage", "timestamp": 1_709_470_800_000, "actor_type": "end-user", "actor_id": "7",
                 "message": "Are you there?"},
                {"type": "ChatMessage", "timestamp": 1_709_470_860_000, "actor_type": "agent", "actor_id": "3",
                 "message": "I am."}]}}]},
    ],
    "count": 5,
}  # fmt: skip

TRANSCRIPT = (
    "Chat started: 2024-03-01 10:00 AM UTC\n\n(10:00:12 AM) Zoe: Good morning\n(10:00:20 AM) *** Mara joined"
    " the chat ***\n(10:00:31 AM) Mara: Hello there,\nwhat is it?\n(10:01:00 AM) Zoe: My lamp"
)


def reply(number: int, words: str, **more: Any) -> dict[str, Any]:
    return {"id": number, "body": f"<div>{words}</div>", "body_text": words, "incoming": False, "private": False,
            "source": 0, "user_id": 3, "from_email": "mara@lamplight.example", "attachments": [],
            "created_at": f"2024-03-01T10:{number % 60:02}:00Z", **more}  # fmt: skip


FRESHDESK = {
    "ticket": {
        "id": 61, "subject": "Lamp", "description": "<div>The lamp hums</div>", "description_text": "The lamp hums",
        "status": 4, "priority": 1, "source": 1, "requester_id": 7, "responder_id": 3, "tags": ["hum"],
        "created_at": "2024-03-01T09:00:00Z", "attachments": [{"id": 1}], "requester": {"id": 7, "name": "Zoe"},
    },
    "conversations": [
        reply(5, "Warm white", incoming=True, user_id=7),
        reply(3, "Which bulb?", attachments=[{"id": 2}]),
        reply(4, "She is nice", private=True, source=2),
        reply(6, "Please look", source=8),
        reply(7, "5 stars", source=6, incoming=True, user_id=7),
        reply(8, "gone", deleted=True),
        reply(9, "Ticket closed by itself", user_id=None),
        reply(10, "A public note", source=2),
    ],
}  # fmt: skip
FRESHDESK_RATINGS = [
    {"id": 1, "survey_id": 1, "ticket_id": 61, "user_id": 7, "feedback": "kind", "created_at": "2024-03-02T10:00:00Z",
     "ratings": {"default_question": -101}}
]  # fmt: skip
FRESHDESK_ACCOUNT = [
    {"helpdesk_ticket": {
        "id": 9, "display_id": 62, "requester_id": 7, "responder_id": 3, "description": "Is it back?",
        "description_html": "<div>Is it back?</div>", "created_at": "2024-03-01T09:00:00+01:00", "notes": [
            {"note": {"id": 1, "body": "Soon.", "body_html": "<p>Soon.</p>", "incoming": False, "private": False,
                      "source": 0, "user_id": 3, "created_at": "2024-03-01T10:00:00+01:00", "deleted": False}}]}}
]  # fmt: skip

ZENDESK_CHAT = {
    "chats": [
        {"type": "chat", "id": "2403.1", "timestamp": "2024-03-01T10:00:00Z", "rating": "bad", "comment": "slow",
         "visitor": {"id": "v1", "name": "Zoe", "email": "zoe@mail.example"}, "tags": ["hum"], "unread": False,
         "history": [
             {"type": "chat.memberjoin", "name": "Zoe", "nick": "visitor:v1", "timestamp": "2024-03-01T10:00:00Z"},
             {"type": "chat.msg", "name": "Zoe", "nick": "visitor:v1", "msg": "Open today?",
              "sender_type": "Visitor", "timestamp": "2024-03-01T10:00:01Z"},
             {"type": "chat.msg", "name": "Shop", "nick": "agent:trigger", "msg": "One moment",
              "timestamp": "2024-03-01T10:00:02Z"},
             {"type": "chat.msg", "name": "Mara", "nick": "agent:3", "msg": "Until six", "sender_type": "Agent",
              "timestamp": "2024-03-01T10:00:03Z"},
             {"type": "chat.file", "name": "Mara", "nick": "agent:3", "timestamp": "2024-03-01T10:00:04Z"},
             {"type": "chat.rating", "new_rating": "bad", "timestamp": "2024-03-01T10:00:05Z"}]},
        {"type": "offline_msg", "id": "2403.2", "timestamp": "2024-03-02T10:00:00Z", "message": "Call me",
         "visitor": {"id": "v2", "name": "Ivo"}, "unread": True},
        {"type": "chat", "id": "2403.3", "visitor": {"id": "v3"}, "history": []},
    ]
}  # fmt: skip
LIVECHAT = {
    "chats": [
        {"type": "chat", "id": "LC1", "visitor_id": "v1", "visitor": {"id": "v1", "name": "Zoe"},
         "rate": "rated_good", "tags": ["hum"],
         "messages": [
             {"type": "message", "user_type": "agent", "author_name": "Mara", "agent_id": "mara@lamplight.example",
              "text": "Hello", "timestamp": 1_709_280_000, "welcome_message": True}],
         "events": [
             {"type": "message", "user_type": "agent", "author_name": "Mara", "agent_id": "mara@lamplight.example",
              "text": "Hello", "timestamp": 1_709_280_000},
             {"type": "message", "user_type": "visitor", "author_name": "Zoe", "text": "Open today?",
              "timestamp": 1_709_280_060},
             {"type": "message", "user_type": "supervisor", "text": "Be short", "timestamp": 1_709_280_070},
             {"type": "event", "user_type": "agent", "text": "Mara closed the chat.", "timestamp": 1_709_280_080}]},
        {"id": "LC2", "users": [{"id": "c1", "type": "customer", "name": "Ivo"}, {"id": "a1", "type": "agent"}],
         "thread": {"id": "T", "tags": ["card"], "properties": {"rating": {"score": {"value": 0}, "comment": "no"}},
                    "events": [
             {"id": "e1", "type": "message", "text": "Card?", "author_id": "c1", "created_at": "2024-03-01T10:00:00.5Z",
              "visibility": "all"},
             {"id": "e2", "type": "message", "text": "ask Mara", "author_id": "a1", "visibility": "agents",
              "created_at": "2024-03-01T10:00:01Z"},
             {"id": "e3", "type": "rich_message", "author_id": "a1", "created_at": "2024-03-01T10:00:02Z",
              "elements": [{"title": "Yes", "subtitle": "all cards"}]},
             {"id": "e4", "type": "file", "author_id": "a1", "created_at": "2024-03-01T10:00:03Z"},
             {"id": "e5", "type": "system_message", "text": "x", "created_at": "2024-03-01T10:00:04Z"}]}},
    ]
}  # fmt: skip


def crisp(number: int, who: str, content: Any, kind: str = "text", **more: Any) -> dict[str, Any]:
    return {"session_id": f"session_{number % 2}", "type": kind, "from": who, "origin": "chat", "content": content,
            "timestamp": 1_709_280_000_000 + 1000 * number, "fingerprint": number,
            "user": {"nickname": "Mara" if who == "operator" else "Zoe"}, **more}  # fmt: skip


CRISP = {
    "error": False,
    "reason": "listed",
    "data": [
        crisp(2, "user", "Open today?"),
        crisp(3, "user", "Which bulb?"),
        crisp(4, "operator", "One moment", automated=True),
        crisp(5, "operator", {"text": "Which lamp?", "choices": [{"label": "desk"}]}, "picker"),
        crisp(6, "operator", "Until six"),
        crisp(8, "operator", "a regular", "note"),
        crisp(10, "user", {"url": "x", "name": "a.png"}, "file"),
        crisp(12, "operator", {"namespace": "state:resolved"}, "event"),
    ],
}


def front(number: int, words: str, *, is_inbound: bool, **more: Any) -> dict[str, Any]:
    return {"id": f"msg_{number}", "type": "email", "is_inbound": is_inbound, "created_at": 1_709_280_000.5 + number,
            "author": None if is_inbound else {"id": "tea_1", "first_name": "Mara", "email": "mara@lamplight.example"},
            "recipients": [{"handle": "zoe@mail.example" if is_inbound else "shop@lamplight.example", "role": "from"}],
            "body": f"<p>{words}</p>", "text": words, "attachments": [], "is_draft": False, "_links": {
                "related": {"conversation": f"https://api.front.example/conversations/cnv_{number % 2}"}},
            **more}  # fmt: skip


FRONT = {
    "_pagination": {"next": None},
    "_results": [
        front(6, "Until six", is_inbound=False),
        front(4, "Open today?", is_inbound=True, attachments=[{"id": "f"}]),
        front(3, "Which bulb?", is_inbound=True),
        front(8, "never sent", is_inbound=False, is_draft=True),
        {"id": "com_1", "author": {"id": "tea_1"}, "body": "a regular", "posted_at": 1_709_280_000.1},
    ],
}


def hubspot(number: int, kind: str, actor: str, words: str, **more: Any) -> dict[str, Any]:
    incoming = "INCOMING" if actor.startswith("V-") else "OUTGOING"
    return {"id": f"m{number}", "type": kind, "conversationsThreadId": "31", "createdBy": actor,
            "createdAt": f"2024-03-01T10:00:{number:02}.123Z", "text": words, "richText": f"<div>{words}</div>",
            "senders": [{"actorId": actor, "name": actor[2:]}], "direction": incoming, "attachments": [],
            **more}  # fmt: skip


HUBSPOT = {
    "results": [
        hubspot(5, "MESSAGE", "A-3", "Until six"),
        hubspot(3, "MESSAGE", "V-1", "Open today?", attachments=[{"type": "FILE"}]),
        hubspot(2, "WELCOME_MESSAGE", "S-hubspot", "Hello there"),
        hubspot(4, "COMMENT", "A-3", "a regular"),
        hubspot(6, "THREAD_STATUS_CHANGE", "A-3", ""),
    ]
}


def thread(number: int, kind: str, words: str | None, side: str = "user", **more: Any) -> dict[str, Any]:
    return {"id": number, "type": kind, "state": "published", "body": words,
            "createdAt": f"2024-03-01T10:00:{number:02}Z",
            "createdBy": {"id": 3 if side == "user" else 7, "type": side, "first": "Mara", "email": ""},
            "_embedded": {"attachments": []}, **more}  # fmt: skip


HELPSCOUT = {
    "_embedded": {
        "conversations": [
            {"id": 71, "number": 5, "subject": "Lamp", "mailboxId": 1,
             "primaryCustomer": {"id": 7, "email": "z@x.example"}, "tags": [{"id": 1, "tag": "hum"}],
             "_embedded": {"threads": [
                 thread(5, "message", "<p>Which bulb?</p>"),
                 thread(2, "customer", "The lamp hums", "customer", _embedded={"attachments": [{"id": 1}]}),
                 thread(3, "note", "a regular"),
                 thread(4, "lineitem", None),
                 thread(6, "message", "not yet", state="draft"),
                 thread(7, "message", "oops", state="deleted")]}},
        ]
    }
}  # fmt: skip


def chatwoot(number: int, form: int | str, words: str | None, **more: Any) -> dict[str, Any]:
    kind = "contact" if form in (0, "incoming") else "user"
    return {"id": number, "content": words, "message_type": form, "private": False,
            "created_at": 1_709_280_000 + number,
            "conversation_id": 81, "inbox_id": 1, "content_type": "text", "content_attributes": {},
            "sender": {"id": 1, "name": "Zoe" if kind == "contact" else "Mara", "type": kind}, **more}  # fmt: skip


CHATWOOT = {
    "meta": {"labels": []},
    "payload": [
        chatwoot(1, 0, "Open today?"),
        chatwoot(2, 3, "We are back at nine"),
        chatwoot(3, 1, "a regular", private=True),
        chatwoot(4, 2, "Mara self-assigned this conversation"),
        chatwoot(5, "outgoing", "Until six"),
        chatwoot(6, 1, "This message was deleted", content_attributes={"deleted": True}),
        chatwoot(7, "incoming", None, attachments=[{"id": 1}]),
        chatwoot(8, 1, "I am a bot", sender={"id": 2, "type": "agent_bot"}),
    ],
}

DESKS: dict[str, Any] = {
    "intercom": INTERCOM, "zendesk": TICKETS, "freshdesk": FRESHDESK, "zendesk_chat": ZENDESK_CHAT,
    "livechat": LIVECHAT, "crisp": CRISP, "front": FRONT, "hubspot": HUBSPOT, "helpscout": HELPSCOUT,
    "chatwoot": CHATWOOT,
}  # fmt: skip
