"""Chats with language models as programs export them, and files to train on, in small: of our own writing."""

from __future__ import annotations

import json
from typing import Any


def dumped(body: Any) -> bytes:
    return json.dumps(body, ensure_ascii=False, indent=1).encode()


def lines(*bodies: Any) -> bytes:
    return b"".join(json.dumps(body, ensure_ascii=False).encode() + b"\n" for body in bodies)


def node(name: str, parent: str | None, message: dict[str, Any] | None, *children: str) -> dict[str, Any]:
    return {"id": name, "parent": parent, "children": list(children), "message": message}


def message(name: str, role: str, *parts: Any, kind: str = "text", at: float | None = None, **more: Any) -> dict:
    body = {"id": name, "author": {"role": role}, "create_time": at, "recipient": "all", "metadata": {}}
    return {**body, "content": {"content_type": kind, "parts": list(parts)}, **more}


def chatgpt() -> list[dict[str, Any]]:
    """A chat with every construct, one that is damaged, and one without a current node."""
    picture = {"content_type": "image_asset_pointer", "asset_pointer": "file-service://x"}
    spoken = {"content_type": "audio_transcription", "text": "and a candle?"}
    hidden = {"is_visually_hidden_from_conversation": True}
    nodes = [
        node("root", None, None, "sys"),
        node("sys", "root", message("sys", "system", "", metadata=hidden), "ctx"),
        node("ctx", "sys", {**message("ctx", "user", kind="user_editable_context"), "metadata": hidden}, "u0", "u1"),
        node("u0", "ctx", message("u0", "user", "how do i clean a lantern"), "a0"),
        node("a0", "u0", message("a0", "assistant", "With water."), ),
        node("u1", "ctx", message("u1", "user", "How do I clean a brass lantern?", at=1750000000.5), "t1"),
        node("t1", "u1", message("t1", "assistant", "search brass", kind="code", recipient="browser"), "t2"),
        node("t2", "t1", message("t2", "tool", "a page", kind="tether_quote"), "t3"),
        node("t3", "t2", {**message("t3", "assistant"), "content": {"content_type": "thoughts", "thoughts": []}}, "a1",
             "a2"),
        node("a1", "t3", message("a1", "assistant", "With polish."), ),
        node("a2", "t3", message("a2", "assistant", "With vinegar and salt \ue200cite\ue202turn0\ue201.",
                                 at=1750000009), "u2"),
        node("u2", "a2", message("u2", "user", picture, spoken, kind="multimodal_text"), "u3"),
        node("u3", "u2", message("u3", "user", picture, kind="multimodal_text"), "a3"),
        node("a3", "u3", message("a3", "assistant", "With warm soap.【4†source】"), ),
    ]  # fmt: skip
    chat = {"title": "Lanterns", "conversation_id": "chat-1", "current_node": "a3",
            "mapping": {one["id"]: one for one in nodes}}  # fmt: skip
    torn = {"title": "Torn", "conversation_id": "chat-2"}
    left = [
        node("r", None, None, "q"),
        node("q", "r", message("q", "user", "Which oil?", at=5.0), "w1", "w2"),
        node("w1", "q", message("w1", "assistant", "Any oil.", at=6.0)),
        node("w2", "q", message("w2", "assistant", "Lamp oil.", at=7.0)),
    ]
    return [chat, torn, {"id": "chat-3", "mapping": {one["id"]: one for one in left}}]


FEEDBACK = [
    {"message_id": "a2", "conversation_id": "chat-1", "rating": "thumbsUp", "content": "{}"},
    {"id": "a3", "conversation_id": "chat-1", "rating": "thumbs_down"},
    {"id": "w2", "conversation_id": "chat-3", "rating": "no thumb"},
]


def open_webui() -> list[dict[str, Any]]:
    """A chat of two models with thoughts, tools, files and thumbs; an old one; and a piece of feedback."""
    thought = '<details type="reasoning" done="true">\n<summary>Thought</summary>\n> wax?\n</details>\n'
    call = '<details type="tool_calls" name="stock">called</details>'
    tree = {
        "u1": {"id": "u1", "parentId": None, "childrenIds": ["a1", "a2"], "role": "user", "timestamp": 1750000000,
               "content": "Do you have beeswax?", "files": [{"type": "file"}]},
        "a1": {"id": "a1", "parentId": "u1", "childrenIds": [], "role": "assistant", "content": "No."},
        "a2": {"id": "a2", "parentId": "u1", "childrenIds": ["u2"], "role": "assistant", "timestamp": 1750000004000,
               "content": thought + "Yes, in blocks.", "annotation": {"rating": 1, "tags": ["kind"]},
               "sources": [{"source": {}}]},
        "u2": {"id": "u2", "parentId": "a2", "childrenIds": ["a3"], "role": "user", "content": "How many?"},
        "a3": {"id": "a3", "parentId": "u2", "childrenIds": ["a4"], "role": "assistant", "content": call},
        "a4": {"id": "a4", "parentId": "a3", "childrenIds": ["a5"], "role": "assistant", "content": "",
               "error": {"content": "out of memory"}},
        "a5": {"id": "a5", "parentId": "a4", "childrenIds": [], "role": "assistant", "content": "Seven blocks."},
    }  # fmt: skip
    old = [{"role": "user", "content": "Are you open?"}, {"role": "assistant", "content": "Until six."}]
    rated = {"u": {"id": "u", "childrenIds": ["a"], "role": "user", "content": "Wicks?"},
             "a": {"id": "a", "parentId": "u", "role": "assistant", "content": "Sold out."}}  # fmt: skip
    return [
        {"id": "w1", "chat": {"history": {"currentId": "a5", "messages": tree}, "tags": ["wax"]},
         "meta": {"tags": ["shop", {"name": "stock"}]}},
        {"id": "w2", "chat": {"messages": old, "history": {}}},
        {"id": "f1", "type": "rating", "data": {"rating": -1}, "meta": {"message_id": "a"},
         "snapshot": {"chat": {"id": "w3", "chat": {"history": {"currentId": "a", "messages": rated}}}}},
    ]  # fmt: skip


TOOLS = [
    {"role": "system", "content": "You sell lamps."},
    {"role": "developer", "content": "Be brief."},
    {"role": "user", "content": [{"type": "text", "text": "Is lamp 7"}, {"type": "text", "text": "in stock?"},
                                 {"type": "image_url", "image_url": {"url": "https://lamps.example/7.png"}}]},
    {"role": "assistant", "content": None, "tool_calls": [{"id": "1", "type": "function"}]},
    {"role": "tool", "tool_call_id": "1", "content": "7: 3"},
    {"role": "assistant", "content": "Yes, three.", "weight": 0},
    {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://lamps.example/8.png"}}]},
    {"role": "user", "content": "And this one?"},
    {"role": "function", "name": "see", "content": "a lamp"},
    {"role": "assistant", "content": None, "refusal": "I cannot see pictures."},
    {"role": "assistant", "content": "Look at the shelf.", "weight": 1},
]  # fmt: skip
"""Every construct of a line for chat fine-tuning."""

SHAREGPT = [
    {"id": "s1", "system": "You are a florist.", "conversations": [
        {"from": "human", "value": "Roses?"}, {"from": "gpt", "value": "Red ones."},
        {"from": "human", "value": "Price?"}, {"from": "function_call", "value": "{}"},
        {"from": "observation", "value": "4"}, {"from": "gpt", "value": ""}, {"from": "chatgpt", "value": "Four."}]},
    {"id": "s2", "conversations": [
        {"role": "user", "content": "Tulips?"}, {"role": "assistant", "content": "In May."}]},
    {"id": "s3", "conversations": []},
    {"id": "s4", "items": [{"from": "human", "value": "Ferns?"}, {"from": "martian", "value": "No."}]},
]  # fmt: skip

ALPACA = [
    {"instruction": "Name the flower.", "input": "It is yellow.", "output": "A sunflower.", "intent": "naming"},
    {"instruction": "And now?", "input": "", "output": "A daisy.", "system": "You are a florist.",
     "history": [["What is blue?", "A cornflower."]]},
    {"instruction": "Nothing?", "input": "", "output": ""},
]  # fmt: skip

HH = {
    "chosen": "\n\nHuman: Is moss a plant?\n\nAssistant: Yes.\n\nHuman: Sure?\n\nAssistant: It has no flowers.",
    "rejected": "\n\nHuman: Is moss a plant?\n\nAssistant: Yes.\n\nHuman: Sure?\n\nAssistant: Go away.",
}
ASKED = [{"role": "user", "content": "Is ivy toxic?"}]
GOOD, BAD = {"role": "assistant", "content": "Its berries are."}, {"role": "assistant", "content": "Eat some."}
PAIRS = {
    "texts": {"prompt": "Is ivy toxic?", "chosen": "Its berries are.", "rejected": "Eat some."},
    "replies": {"prompt": ASKED, "chosen": [GOOD], "rejected": [BAD]},
    "whole": {"prompt": "Is ivy toxic?", "chosen": [*ASKED, GOOD], "rejected": [*ASKED, BAD]},
    "implicit": {"chosen": [*ASKED, GOOD], "rejected": [*ASKED, BAD]},
    "openai": {"input": {"messages": ASKED, "tools": []}, "preferred_output": [GOOD], "non_preferred_output": [BAD]},
    "azure": {"chosen_messages": [*ASKED, GOOD], "rejected_messages": [*ASKED, BAD]},
    "sharegpt": {"conversations": [{"from": "human", "value": "Is ivy toxic?"}],
                 "chosen": {"from": "gpt", "value": "Its berries are."},
                 "rejected": {"from": "gpt", "value": "Eat some."}},
    "alpaca": {"instruction": "Is ivy toxic?", "input": "", "chosen": "Its berries are.", "rejected": "Eat some."},
}  # fmt: skip
"""One pair in each of its forms."""

COMPLETIONS = [
    {"prompt": "Where is my order?\n\n###\n\n", "completion": " It left on Monday. END"},
    {"prompt": "Customer: Hi\nAgent: Hello\nCustomer: Refund?\nAgent:", "completion": " Sure."},
    {"prompt": ASKED, "completion": [GOOD], "label": True},
    {"prompt": "Is ivy toxic?", "completion": "Eat some.", "label": False},
]
