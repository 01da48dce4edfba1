"""Small exports of bot platforms, of our own writing: one of each kind, with every construct that is read."""

from __future__ import annotations

import json
from typing import Any

from tests.unit.data.importers.archives import zipped


def packed(files: dict[str, Any]) -> bytes:
    """A zip of files; what is no text is written as JSON."""
    return zipped({name: one if isinstance(one, str | bytes) else json.dumps(one) for name, one in files.items()})


def says(*parts: str | tuple[str, str], template: bool = False, lang: str | None = None) -> dict[str, Any]:
    """A phrase of Dialogflow ES: words, and (words, entity)."""
    data: list[dict[str, Any]] = [
        {"text": one, "userDefined": False}
        if isinstance(one, str)
        else {"text": one[0], "alias": one[1], "meta": f"@{one[1]}", "userDefined": True}
        for one in parts
    ]
    return {"data": data, "isTemplate": template, "count": 0, **({"lang": lang} if lang else {})}


def message(lang: str, *speech: str, **more: Any) -> dict[str, Any]:
    return {"type": 0, "lang": lang, "speech": list(speech) if len(speech) != 1 else speech[0], **more}


def intent(name: str, *messages: dict[str, Any], **more: Any) -> dict[str, Any]:
    response = {
        "resetContexts": False,
        "messages": list(messages),
        "speech": [],
        "parameters": more.pop("parameters", []),
    }
    return {
        "name": name,
        "auto": True,
        "contexts": [],
        "responses": [response],
        "webhookUsed": False,
        "fallbackIntent": False,
        "events": [],
        **more,
    }


DIALOGFLOW: dict[str, Any] = {
    "agent.json": {
        "description": "",
        "language": "en",
        "supportedLanguages": ["de"],
        "customClassifierMode": "use.after",
        "googleAssistant": {"project": "lamps"},
        "mlMinConfidence": 0.3,
    },
    "package.json": {"version": "1.0.0"},
    "entities/shade.json": {"name": "shade", "isOverridable": True, "isEnum": False, "automatedExpansion": False},
    "entities/shade_entries_en.json": [
        {"value": "linen", "synonyms": ["linen", "flax"]},
        {"value": "glass", "synonyms": []},
    ],
    "intents/Default Fallback Intent.json": intent(
        "Default Fallback Intent",
        message("de", "Wie bitte?"),
        message("en", "Sorry, which lamp?", "Say that again?"),
        fallbackIntent=True,
    ),
    "intents/Default Fallback Intent_usersays_en.json": [says("what is the weather")],
    "intents/Default Welcome Intent.json": intent(
        "Default Welcome Intent", message("en", "Welcome to Lamplight!"), events=[{"name": "WELCOME"}]
    ),
    "intents/Default Welcome Intent_usersays_en.json": [says("good morning"), says("hello there")],
    "intents/order shade.json": intent(
        "order shade",
        message("en", "Which shade would you like?"),
        message("en", "A $shade one, noted."),
        message("de", "Welcher Schirm?"),
        {"type": 4, "lang": "en", "payload": {"a": 1}},
        {"type": 2, "platform": "facebook", "lang": "en", "title": "Pick one", "replies": ["linen"]},
        parameters=[{"name": "shade", "dataType": "@shade", "prompts": [{"lang": "en", "value": "Which?"}]}],
    ),
    "intents/order shade_usersays_en.json": [
        says("I want a ", ("linen", "shade"), " shade"),
        says("one @shade:cover please", template=True),
        says("a @size lamp", template=True),
    ],
    "intents/order shade_usersays_de.json": [says("einen Schirm aus ", ("Glas", "shade"))],
    "intents/order shade - yes.json": intent(
        "order shade - yes", message("en", "Ordered."), contexts=["shade-followup"]
    ),
    "intents/order shade - fallback.json": intent(
        "order shade - fallback", message("en", "Linen or glass?"), contexts=["shade-followup"], fallbackIntent=True
    ),
    "intents/person.json": intent("person", message("en", "One moment."), liveAgentHandoff=True),
    "intents/person_usersays_en.json": [says("a human please")],
    "notes.txt": "left over",
}


def cx_says(lang: str, *messages: str) -> dict[str, Any]:
    return {"messages": [{"text": {"text": list(messages)}, "languageCode": lang}]}


DIALOGFLOW_CX: dict[str, Any] = {
    "agent.json": {"displayName": "Lamplight", "defaultLanguageCode": "en", "startFlow": "Default Start Flow"},
    "intents/opening hours/opening hours.json": {
        "name": "1",
        "displayName": "opening hours",
        "numTrainingPhrases": 2,
        "description": "when the shop is open",
    },
    "intents/opening hours/trainingPhrases/en.json": {
        "trainingPhrases": [
            {
                "id": "a",
                "parts": [{"text": "are you open "}, {"text": "on Monday", "parameterId": "day"}],
                "languageCode": "en",
            },
            {"id": "b", "parts": [{"text": "when do you open"}], "languageCode": "en"},
        ]
    },
    "intents/Default Welcome Intent/Default Welcome Intent.json": {
        "name": "2",
        "displayName": "Default Welcome Intent",
        "numTrainingPhrases": 1,
    },
    "intents/Default Welcome Intent/trainingPhrases/en.json": {"trainingPhrases": [{"parts": [{"text": "hi"}]}]},
    "intents/Default Negative Intent/Default Negative Intent.json": {
        "name": "3",
        "displayName": "Default Negative Intent",
        "isFallback": True,
    },
    "intents/Default Negative Intent/trainingPhrases/en.json": {
        "trainingPhrases": [{"parts": [{"text": "sing a song"}]}]
    },
    "entityTypes/size/size.json": {"displayName": "size", "kind": "KIND_MAP"},
    "flows/Default Start Flow/Default Start Flow.json": {
        "name": "4",
        "displayName": "Default Start Flow",
        "nluSettings": {"modelType": "MODEL_TYPE_STANDARD"},
        "transitionRoutes": [
            {"intent": "Default Welcome Intent", "triggerFulfillment": cx_says("en", "Good day, Lamplight here.")},
            {
                "intent": "opening hours",
                "triggerFulfillment": cx_says("en", "Nine to six.", "On $session.params.day nine to six."),
            },
            {"condition": "true", "triggerFulfillment": cx_says("en", "Anything else?")},
        ],
        "eventHandlers": [
            {"event": "sys.no-match-default", "triggerFulfillment": cx_says("en", "I missed that.", "Once more?")},
            {"event": "sys.no-input-default", "triggerFulfillment": cx_says("en", "Are you there?")},
        ],
    },
    "flows/Default Start Flow/pages/Bye.json": {
        "displayName": "Bye",
        "entryFulfillment": cx_says("en", "Bye."),
        "transitionRoutes": [{"intent": "opening hours", "triggerFulfillment": cx_says("en", "As I said.")}],
    },
}

LUIS: dict[str, Any] = {
    "luis_schema_version": "7.0.0",
    "versionId": "0.1",
    "name": "lamps",
    "culture": "en-us",
    "intents": [{"name": "None"}, {"name": "Buy"}, {"name": "Repair"}],
    "closedLists": [{"name": "room", "subLists": [{"canonicalForm": "kitchen", "list": ["galley"]}]}],
    "phraselists": [{"name": "lights", "words": "lamp,light", "activated": True}],
    "utterances": [
        {
            "text": "a 💡 lamp for the hall",
            "intent": "Buy",
            "entities": [{"entity": "room", "startPos": 18, "endPos": 21}],
        },
        {
            "text": "fix lamp 12",
            "intent": "Repair",
            "entities": [{"entity": "number", "role": "which", "startPos": 9, "endPos": 10}],
        },
        {"text": "tell me a joke", "intent": "None", "entities": [{"entity": "x", "startPos": 90, "endPos": 99}]},
        "no object",
    ],
    "patterns": [
        {"pattern": "[please] sell (me|us) a lamp for the {room:place}", "intent": "Buy"},
        {"pattern": "mend my {device}", "intent": "Repair"},
    ],
}

CLU: dict[str, Any] = {
    "projectFileVersion": "2022-10-01-preview",
    "stringIndexType": "Utf16CodeUnit",
    "metadata": {"projectKind": "Conversation", "language": "en-us", "projectName": "lamps"},
    "assets": {
        "projectKind": "Conversation",
        "intents": [{"category": "Buy"}, {"category": "None"}],
        "entities": [
            {
                "category": "room",
                "list": {"sublists": [{"listKey": "hall", "synonyms": [{"language": "en", "values": ["lobby"]}]}]},
            }
        ],
        "utterances": [
            {
                "text": "🙂 for the hall",
                "language": "en-us",
                "intent": "Buy",
                "dataset": "Train",
                "entities": [{"category": "room", "offset": 11, "length": 4}],
            }
        ],
    },
}

WIT: dict[str, Any] = {
    "lamps/app.json": {"version": 20200513, "name": "lamps", "lang": "en", "timezone": "Europe/Paris"},
    "lamps/intents/repair.json": {"id": "1", "name": "repair"},
    "lamps/entities/lamp.json": {
        "name": "lamp",
        "roles": ["lamp"],
        "keywords": [{"keyword": "Lumo", "synonyms": ["Lumo"]}],
    },
    "lamps/utterances/utterances-1.json": {
        "utterances": [
            {
                "text": "my Lumo is broken",
                "intent": "repair",
                "traits": [{"trait": "wit$sentiment", "value": "negative"}],
                "entities": [{"entity": "lamp:lamp", "start": 3, "end": 7, "body": "Lumo", "entities": []}],
            },
            {
                "text": "swap Lumo for Brix",
                "intent": "repair",
                "traits": [{"trait": "tone", "value": "calm"}],
                "entities": [
                    {"entity": "lamp:from", "start": 5, "end": 9, "body": "Lumo", "entities": []},
                    {"entity": "lamp:to", "start": 1, "end": 5, "body": "Brix", "entities": []},
                ],
            },
            {"text": "who won the cup", "out_of_scope": True, "entities": [], "traits": []},
        ]
    },
}

WIT_OLD: dict[str, Any] = {
    "data": [
        {
            "text": "fly the kite to Rhodes",
            "entities": [
                {"entity": "intent", "value": '"play"', "start": 0, "end": 22},
                {"entity": "place", "role": "goal", "value": '"Rhodes"', "start": 16, "end": 22},
            ],
        },
        {"text": "no label here", "entities": []},
    ]
}


def activity(kind: str, sender: str = "", **more: Any) -> dict[str, Any]:
    known = {"ada": {"id": "u1", "name": "Ada", "role": "user"}, "bot": {"id": "b1", "name": "Lumen", "role": "bot"}}
    base = {"type": kind, "channelId": "webchat", "conversation": {"id": "c1"}}
    return {**base, **({"from": known[sender]} if sender else {}), **more}


TRANSCRIPT: list[dict[str, Any]] = [
    activity("conversationUpdate", membersAdded=[{"id": "b1"}]),
    activity("message", "ada", id="1", text="Does it dim?", timestamp="2024-03-01T10:00:00.000Z"),
    activity("typing", "bot", id="2"),
    activity(
        "message",
        "bot",
        id="3",
        text="It dose.",
        timestamp="2024-03-01T10:00:01.000Z",
        suggestedActions={"actions": [{"title": "Buy"}]},
    ),
    activity("messageUpdate", "bot", id="3", text="It does.", timestamp="2024-03-01T10:00:02.000Z"),
    activity("message", "ada", id="4", text="oh no", timestamp="2024-03-01T10:00:03.000Z"),
    activity("messageDelete", "ada", id="4", timestamp="2024-03-01T10:00:04.000Z"),
    activity("message", "ada", id="5", value={"rawtext": "Buy"}, timestamp="2024-03-01T10:00:05.000Z"),
    activity(
        "message",
        "bot",
        id="6",
        timestamp="2024-03-01T10:00:06.000Z",
        attachments=[
            {
                "contentType": "application/vnd.microsoft.card.hero",
                "content": {"title": "Lumo", "text": "A lamp that dims", "buttons": [{"title": "Pay"}]},
            },
            {
                "contentType": "application/vnd.microsoft.card.adaptive",
                "content": {
                    "type": "AdaptiveCard",
                    "body": [
                        {"type": "ColumnSet", "columns": [{"items": [{"type": "TextBlock", "text": "49 euros"}]}]}
                    ],
                },
            },
        ],
    ),
    activity(
        "message",
        "bot",
        id="7",
        timestamp="2024-03-01T10:00:07.000Z",
        attachments=[{"contentType": "image/png", "contentUrl": "http://lamps.example/a.png"}],
    ),
    activity("message", "ada", id="8", text=""),
    activity("trace", "bot", value={"recognizerResult": {"intents": {"Buy": {"score": 0.9}}}}),
]

CHATDOWN = """user=Ada
bot=Lumen

> the happy path
Ada: Is the hall lamp back?
bot: [Typing][Delay=2000]
It is.
[Attachment=lamp.png]
user: How much [roughly] is it?
Lumen: [Herocard
    title=Hall lamp
    text=39 euros
    buttons=Buy|Leave]
Lumen: [Delay=1000]
bot: [Attachment=bill.json adaptivecard]
Lumen: [ConversationUpdate:membersadded=Ben]
Ben: Me too
bot->Ben: Two then.
[Suggestions=Yes|No]
"""

LU = """> lamps
> !# @app.name = lamps
> !# @app.culture = en-us

# Buy
- sell me a {lamp=Lumo}
- a lamp for {@room=the {@part=back} hall} please
* [please] sell (me|us) something for the {room:place}
- dim the {device}
- an escaped \\{brace\\}
- [more](./more.lu)

$lamp:simple
@ ml room hasRoles place
@ list color =
    - red :
        - crimson

$room:kitchen=
- galley

# None
- what is love

[others](./others.lu)

# ? Do you deliver?
- is there delivery
```markdown
We do, **daily**.
```
"""

QNA = """> !# @qna.pair.source = own

<a id = "1"></a>
# ? Are you open on Sunday?
- open Sundays?

**Filters:**
- city = Rhodes

```
<p>We are, <b>ten to two</b>.</p><ul><li>ring</li></ul>
```

**Prompts:**
- [And Monday?](#?2) `context-only`

# ! @qna.pair.id = 2
# ? And Monday?
```markdown
Closed.
```
# ? Nobody answers this?
stray words
"""

QNA_TSV = (
    "Question\tAnswer\tSource\tMetadata\tSuggestedQuestions\tIsContextOnly\tPrompts\tQnaId\r\n"
    "Can it dim?\tIt can.\\nTurn the wheel.\tfaq\tlamp:lumo\t[]\tFalse\t[]\t1\r\n"
    "is it dimmable\tIt can.\\nTurn the wheel.\tfaq\tlamp:lumo\t[]\tFalse\t[]\t1\r\n"
    "Yes\tGood.\tfaq\t\t[]\tTrue\t[]\t2\r\n"
    "only a question\r\n"
)

QNA_JSON: dict[str, Any] = {
    "qnaDocuments": [
        {
            "id": 1,
            "answer": "It can.",
            "source": "faq",
            "questions": ["Can it dim?", "is it dimmable"],
            "metadata": [{"name": "lamp", "value": "lumo"}],
            "context": {"isContextOnly": False, "prompts": []},
        },
        {"id": 2, "answer": "Good.", "questions": ["Yes"], "context": {"isContextOnly": True, "prompts": []}},
        "no object",
    ]
}


def rich(*pieces: str | dict[str, Any]) -> str:
    """The payload of a text action of Conversation Learner; what is no text is an entity."""
    nodes = [
        {"kind": "text", "leaves": [{"kind": "leaf", "text": one}]} if isinstance(one, str) else one for one in pieces
    ]
    block = {"kind": "block", "type": "line", "nodes": nodes}
    return json.dumps({"json": {"kind": "value", "document": {"kind": "document", "nodes": [block]}}})


def mention(entity: str) -> dict[str, Any]:
    return {"kind": "inline", "type": "mention-inline-node", "data": {"option": {"id": entity, "name": "lamp"}}}


CONVERSATION_LEARNER: dict[str, Any] = {
    "trainDialogs": [
        {
            "trainDialogId": "d",
            "tags": ["lamps"],
            "description": "a try",
            "rounds": [
                {
                    "extractorStep": {
                        "textVariations": [
                            {
                                "text": "my Lumo hums",
                                "labelEntities": [
                                    {"entityId": "e", "startCharIndex": 3, "endCharIndex": 6, "entityText": "Lumo"}
                                ],
                            },
                            {
                                "text": "the Brix buzzes",
                                "labelEntities": [
                                    {"entityId": "e", "startCharIndex": 4, "endCharIndex": 8, "entityText": "Brix"}
                                ],
                            },
                        ]
                    },
                    "scorerSteps": [
                        {
                            "labelAction": "a1",
                            "input": {"filledEntities": [{"entityId": "e", "values": [{"userText": "Lumo"}]}]},
                        },
                        {"labelAction": "a2"},
                        {"labelAction": "a3"},
                        {"labelAction": "gone"},
                        {"labelAction": "stub", "importText": "Try another bulb."},
                    ],
                }
            ],
        },
        {"rounds": []},
        "no object",
    ],
    "actions": [
        {"actionId": "a1", "actionType": "TEXT", "payload": rich("How old is the ", mention("e"), "?")},
        {"actionId": "a2", "actionType": "API_LOCAL", "payload": '{"payload":"look"}'},
        {"actionId": "a3", "actionType": "TEXT", "payload": rich("Your ", mention("f"))},
    ],
    "entities": [{"entityId": "e", "entityName": "lamp"}],
    "logDialogs": [{"rounds": [{"extractorStep": {"text": "thanks"}, "scorerSteps": [{"predictedAction": "a4"}]}]}],
}

LEX_V1: dict[str, Any] = {
    "metadata": {"schemaVersion": "1.0", "importType": "LEX", "importFormat": "JSON"},
    "resource": {
        "name": "Lamps",
        "locale": "en-GB",
        "childDirected": False,
        "clarificationPrompt": {"messages": [{"contentType": "PlainText", "content": "Which lamp do you mean?"}]},
        "abortStatement": {"messages": [{"contentType": "PlainText", "content": "I give up."}]},
        "intents": [
            {
                "name": "Rent",
                "description": "lamps for a day",
                "sampleUtterances": ["rent a {Kind} lamp", "rent on {Day}"],
                "slots": [{"name": "Kind", "slotType": "Kinds"}, {"name": "Day", "slotType": "AMAZON.DATE"}],
                "conclusionStatement": {
                    "messages": [
                        {"contentType": "PlainText", "content": "It is yours for a day."},
                        {"contentType": "PlainText", "content": "A {Kind} lamp, noted."},
                        {"contentType": "SSML", "content": "<speak>x</speak>"},
                    ]
                },
            }
        ],
        "slotTypes": [{"name": "Kinds", "enumerationValues": [{"value": "tall", "synonyms": ["high"]}]}],
    },
}

LEX_V2: dict[str, Any] = {
    "Manifest.json": {"metaData": {"schemaVersion": "1", "resourceType": "BOT"}},
    "Lamps/Bot.json": {"name": "Lamps", "identifier": "B"},
    "Lamps/BotLocales/en_GB/BotLocale.json": {"name": "English (GB)", "identifier": "en_GB"},
    "Lamps/BotLocales/en_GB/SlotTypes/Kinds/SlotType.json": {
        "name": "Kinds",
        "identifier": "K",
        "slotTypeValues": [{"sampleValue": {"value": "tall"}, "synonyms": [{"value": "high"}]}],
    },
    "Lamps/BotLocales/en_GB/Intents/Rent/Intent.json": {
        "name": "Rent",
        "identifier": "R",
        "parentIntentSignature": None,
        "sampleUtterances": [{"utterance": "rent a {Kind} lamp"}, {"utterance": "lamps for a day"}],
        "intentClosingSetting": {
            "closingResponse": {
                "messageGroupList": [
                    {
                        "message": {"plainTextMessage": {"value": "It is yours."}},
                        "variations": [{"plainTextMessage": {"value": "Enjoy."}}],
                    }
                ]
            }
        },
    },
    "Lamps/BotLocales/en_GB/Intents/Rent/Slots/Kind/Slot.json": {
        "name": "Kind",
        "identifier": "S",
        "slotTypeName": "Kinds",
    },
    "Lamps/BotLocales/en_GB/Intents/FallbackIntent/Intent.json": {
        "name": "FallbackIntent",
        "identifier": "F",
        "parentIntentSignature": "AMAZON.FallbackIntent",
        "intentClosingSetting": {
            "closingResponse": {"messageGroupList": [{"message": {"plainTextMessage": {"value": "Which lamp?"}}}]}
        },
    },
}

LEX_LOGS: list[dict[str, Any]] = [
    {
        "messageVersion": "2.0",
        "botName": "Lamps",
        "botId": "B",
        "sessionId": "s1",
        "timestamp": "2024-03-01T10:00:00Z",
        "inputTranscript": "rent a lamp",
        "messages": [
            {"contentType": "PlainText", "content": "Which one?"},
            {"contentType": "ImageResponseCard", "imageResponseCard": {}},
        ],
        "interpretations": [{"intent": {"name": "Rent"}, "nluConfidence": "0.9"}],
    },
    {
        "messageVersion": "1.0",
        "botName": "Lamps",
        "botAlias": "live",
        "userId": "u2",
        "timestamp": "2024-03-01T10:01:00Z",
        "inputTranscript": "hello",
        "botResponse": "Hello yourself.",
        "intent": "Hi",
        "missedUtterance": False,
    },
    {
        "botName": "Lamps",
        "sessionId": "s1",
        "timestamp": "2024-03-01T10:02:00Z",
        "inputTranscript": "",
        "botResponse": "",
    },
]

CONTACT_LENS: dict[str, Any] = {
    "Version": "1.1.0",
    "LanguageCode": "en-GB",
    "CustomerMetadata": {"ContactId": "k1"},
    "ContentMetadata": {"Output": "Redacted", "RedactionTypes": ["PII"]},
    "Categories": {"MatchedCategories": ["repairs"]},
    "Participants": [
        {"ParticipantId": "A", "ParticipantRole": "AGENT"},
        {"ParticipantId": "C", "ParticipantRole": "CUSTOMER"},
    ],
    "Transcript": [
        {
            "ParticipantId": "A",
            "Id": "1",
            "Content": "Lamplight, good day.",
            "BeginOffsetMillis": 0,
            "EndOffsetMillis": 900,
            "Sentiment": "NEUTRAL",
            "LoudnessScore": [60.1, 61.2],
        },
        {
            "ParticipantId": "C",
            "Id": "2",
            "Content": "I am [NAME] and it is broken.",
            "BeginOffsetMillis": 1000,
            "EndOffsetMillis": 2000,
            "Sentiment": "NEGATIVE",
            "Redaction": {"RedactionTimestamps": []},
        },
        {"ParticipantId": "X", "Id": "3", "Content": "who am I", "BeginOffsetMillis": 3000, "EndOffsetMillis": 3100},
    ],
}

CONNECT: dict[str, Any] = {
    "Version": "2019-08-26",
    "ContactId": "k2",
    "InstanceId": "i",
    "Participants": [{"ParticipantId": "C"}],
    "Transcript": [
        {
            "Id": "1",
            "Type": "EVENT",
            "ContentType": "application/vnd.amazonaws.connect.event.participant.joined",
            "ParticipantRole": "CUSTOMER",
            "AbsoluteTime": "2024-03-01T10:00:00.000Z",
        },
        {
            "Id": "2",
            "Type": "MESSAGE",
            "ContentType": "text/plain",
            "ParticipantRole": "SYSTEM",
            "Content": "You are number two.",
            "ParticipantId": "S",
            "DisplayName": "BOT",
            "AbsoluteTime": "2024-03-01T10:00:01.000Z",
        },
        {
            "Id": "3",
            "Type": "MESSAGE",
            "ContentType": "text/plain",
            "ParticipantRole": "CUSTOMER",
            "Content": "Fine.",
            "ParticipantId": "C",
            "AbsoluteTime": "2024-03-01T10:00:02.000Z",
        },
        {"Id": "4", "Type": "ATTACHMENT", "ParticipantRole": "CUSTOMER", "Attachments": [{"AttachmentId": "x"}]},
        {
            "Id": "5",
            "Type": "MESSAGE",
            "ContentType": "application/vnd.amazonaws.connect.message.interactive",
            "ParticipantRole": "AGENT",
            "Content": json.dumps({"templateType": "ListPicker", "data": {"content": {"title": "Which lamp?"}}}),
        },
    ],
}

FILES: dict[str, list[bytes]] = {
    "dialogflow": [packed(DIALOGFLOW), *(json.dumps(one).encode() for one in DIALOGFLOW.values())],
    "dialogflow_cx": [packed(DIALOGFLOW_CX), *(json.dumps(one).encode() for one in DIALOGFLOW_CX.values())],
    "luis": [json.dumps(LUIS).encode(), json.dumps(CLU).encode()],
    "wit": [packed(WIT), json.dumps(WIT_OLD).encode()],
    "bot_transcript": [json.dumps(TRANSCRIPT).encode(), json.dumps({"activities": TRANSCRIPT}).encode()],
    "chatdown": [CHATDOWN.encode()],
    "lu": [LU.encode(), QNA.encode()],
    "qna_maker": [QNA_TSV.encode(), json.dumps(QNA_JSON).encode()],
    "conversation_learner": [json.dumps(CONVERSATION_LEARNER).encode()],
    "lex": [json.dumps(LEX_V1).encode(), packed(LEX_V2)],
    "lex_logs": ["\n".join(map(json.dumps, LEX_LOGS)).encode(), json.dumps(LEX_LOGS).encode()],
    "contact_lens": [json.dumps(CONTACT_LENS).encode(), json.dumps(CONNECT).encode()],
}
"""Of each kind, whole files and parts."""
