"""Chats with language models, and files to train them on: what was said is used, the rest is counted."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.errors import ImportRefused
from data.examples import Origin, examples_of
from data.importers import ImportOptions
from data.importers.ai_chats.marked_text import messages_in
from data.importers.ai_chats.trees import Node, live_branch
from data.settings import ImportSettings
from tests.unit.data.importers import ai_files as ai
from tests.unit.data.importers.archives import zipped
from tests.unit.data.importers.conftest import Looked


def said(looked: Looked) -> list[list[tuple[str, str]]]:
    return [[(turn.role, turn.text) for turn in one.turns] for one in looked.conversations]


def counts(looked: Looked) -> dict[str, int]:
    return {one.code: one.count for one in looked.report.findings}


def accounted(looked: Looked) -> bool:
    report = looked.report
    return report.rows_in == report.rows_used + sum(report.set_aside.values())


LANTERNS = [
    ("user", "How do I clean a brass lantern?"), ("assistant", "With vinegar and salt ."), ("user", "and a candle?"),
    ("assistant", "With warm soap."),
]  # fmt: skip


def test_the_branch_of_a_chatgpt_chat_that_was_shown_last(look):
    looked = look(ai.dumped(ai.chatgpt()))
    assert (looked.report.format, looked.report.format_confidence) == ("chatgpt", 0.97)
    assert said(looked) == [LANTERNS, [("user", "Which oil?"), ("assistant", "Lamp oil.")]]
    assert looked.report.set_aside == {
        "other_branch": 4, "tool_message": 3, "system_notice": 2, "attachment_only": 1, "empty_conversation": 1,
    }  # fmt: skip
    assert accounted(looked)
    assert {"attachments_ignored", "extras_ignored"} <= looked.codes
    assert [one.id for one in looked.conversations] == ["chat-1", "chat-3"]
    assert looked.conversations[0].started_at == "2025-06-15T15:06:40.500000+00:00"
    assert {one.customer for one in looked.conversations} == {None}


def test_a_whole_chatgpt_export_with_thumbs(look):
    first, second, third = ai.chatgpt()
    looked = look(
        zipped(
            {"x/conversations-000.json": ai.dumped([first]), "x/conversations-001.json": ai.dumped([second, third]),
             "x/message_feedback.json": json.dumps(ai.FEEDBACK), "x/user.json": '{"id": "user-1", "email": "a@b.co"}',
             "x/chat.html": "<html><title>ChatGPT Data Export</title></html>", "x/file-1.png": b"\x89PNG\0\0"}
        )
    )  # fmt: skip
    assert said(looked)[0] == LANTERNS
    assert [turn.rating for turn in looked.conversations[0].turns] == [None, 1, None, -1]
    assert counts(looked)["files_skipped"] == 3
    assert accounted(looked)


@pytest.mark.parametrize("form", ["one", "api", "lines"])
def test_chatgpt_chats_by_themselves(look, form):
    first, _, third = ai.chatgpt()
    content = {
        "one": ai.dumped(first),
        "api": ai.dumped({"conversations": [first, third]}),
        "lines": ai.lines(first, third),
    }[form]
    looked = look(content)
    assert (looked.report.format, said(looked)[0]) == ("chatgpt", LANTERNS)


def test_a_chat_of_too_many_turns(look):
    looked = look(ai.dumped(ai.chatgpt()[:1]), settings=ImportSettings(max_turns=3))
    assert looked.report.set_aside == {"too_many_turns": 10, "other_branch": 3}


def test_open_webui(look):
    looked = look(ai.dumped(ai.open_webui()))
    assert (looked.report.format, looked.report.format_confidence) == ("open_webui", 0.97)
    assert said(looked) == [
        [("user", "Do you have beeswax?"), ("assistant", "Yes, in blocks."), ("user", "How many?"),
         ("assistant", "Seven blocks.")],
        [("user", "Are you open?"), ("assistant", "Until six.")],
        [("user", "Wicks?"), ("assistant", "Sold out.")],
    ]  # fmt: skip
    assert looked.report.set_aside == {"other_branch": 1, "tool_message": 1, "system_notice": 1}
    assert accounted(looked)
    first, _, third = looked.conversations
    assert [turn.rating for turn in first.turns] == [None, 1, None, None]
    assert third.turns[1].rating == -1
    assert first.tags == ("shop", "stock")
    assert [turn.ts for turn in first.turns[:2]] == ["2025-06-15T15:06:40+00:00", "2025-06-15T15:06:44+00:00"]
    assert {"attachments_ignored", "extras_ignored"} <= looked.codes


@pytest.mark.parametrize("form", ["jsonl", "openai_chat", "list"])
def test_messages_with_tools_pictures_and_weights(look, form):
    body = {"messages": ai.TOOLS, "tools": [{"type": "function"}], "parallel_tool_calls": False}
    content = {"jsonl": ai.lines(body, body), "openai_chat": ai.dumped([body]), "list": ai.dumped(ai.TOOLS)}[form]
    looked = look(content)
    assert looked.report.format == ("jsonl" if form == "jsonl" else "openai_chat")
    assert said(looked)[0] == [
        ("system", "You sell lamps.\nBe brief."), ("user", "Is lamp 7\nin stock?"), ("assistant", "Yes, three."),
        ("user", "And this one?"), ("assistant", "I cannot see pictures.\nLook at the shelf."),
    ]  # fmt: skip
    aside = {"tool_message": 3, "attachment_only": 1}
    if form == "jsonl":
        aside = {"tool_message": 6, "attachment_only": 2, "duplicate_conversation": 7}
    assert looked.report.set_aside == aside
    assert accounted(looked)
    assert {"not_learned", "attachments_ignored"} <= looked.codes
    assert ("fields_ignored" in looked.codes) is (form != "list")


def test_a_reply_of_weight_zero_is_no_target(look):
    chat = [
        {"role": "user", "content": "Open?"}, {"role": "assistant", "content": "No!", "weight": 0},
        {"role": "user", "content": "Really?"}, {"role": "assistant", "content": "Until six."},
    ]  # fmt: skip
    (one,) = look(ai.lines({"messages": chat})).conversations
    replies = [example.reply for example in examples_of(one, Origin("f", "u", "train"))]
    assert replies == [None, "Until six."]
    assert one.turns[1].text == "No!"


@pytest.mark.parametrize("form", ["list", "lines", "single"])
def test_sharegpt(look, form):
    first = ai.SHAREGPT[0]
    content = {"list": ai.dumped(ai.SHAREGPT), "lines": ai.lines(*ai.SHAREGPT), "single": ai.dumped(first)}[form]
    looked = look(content)
    assert looked.report.format == "sharegpt"
    assert said(looked)[0] == [
        ("system", "You are a florist."), ("user", "Roses?"), ("assistant", "Red ones."), ("user", "Price?"),
        ("assistant", "Four."),
    ]  # fmt: skip
    assert accounted(looked)
    if form != "single":
        assert said(looked)[1:] == [[("user", "Tulips?"), ("assistant", "In May.")], [("user", "Ferns?")]]
        assert looked.report.set_aside == {
            "tool_message": 2, "empty_message": 1, "unknown_shape": 1, "unknown_role": 1,
        }  # fmt: skip


@pytest.mark.parametrize("form", ["list", "lines"])
def test_alpaca(look, form):
    looked = look(ai.dumped(ai.ALPACA) if form == "list" else ai.lines(*ai.ALPACA))
    assert looked.report.format == "alpaca"
    assert said(looked) == [
        [("user", "Name the flower.\nIt is yellow."), ("assistant", "A sunflower.")],
        [("system", "You are a florist."), ("user", "What is blue?"), ("assistant", "A cornflower."),
         ("user", "And now?"), ("assistant", "A daisy.")],
        [("user", "Nothing?")],
    ]  # fmt: skip
    assert looked.report.set_aside == {"empty_message": 1}
    assert looked.report.labels == {"naming": 1}


@pytest.mark.parametrize("form", ai.PAIRS)
@pytest.mark.parametrize("written", ["lines", "list", "jsonl"])
def test_of_a_pair_the_better_reply_is_the_reply(look, form, written):
    body = ai.PAIRS[form]
    content = ai.dumped([body]) if written == "list" else ai.lines(body)
    looked = look(content, format="jsonl" if written == "jsonl" else None)
    assert looked.report.format == ("jsonl" if written == "jsonl" else "preference")
    assert said(looked) == [[("user", "Is ivy toxic?"), ("assistant", "Its berries are.")]]
    assert looked.conversations[0].turns[1].rating == 1
    assert looked.report.set_aside == {"rejected_reply": 1}
    assert accounted(looked)


def test_pairs_of_whole_conversations_in_a_text(look):
    looked = look(ai.lines(ai.HH))
    assert said(looked) == [
        [("user", "Is moss a plant?"), ("assistant", "Yes."), ("user", "Sure?"), ("assistant", "It has no flowers.")]
    ]
    assert looked.report.set_aside == {"rejected_reply": 1}
    assert [turn.rating for turn in looked.conversations[0].turns] == [None, None, None, 1]


def test_a_pair_of_equals_prefers_nothing(look):
    looked = look(ai.lines({"chosen": [*ai.ASKED, ai.GOOD], "rejected": [*ai.ASKED, ai.GOOD]}))
    assert looked.report.set_aside == {}
    assert [turn.rating for turn in looked.conversations[0].turns] == [None, None]


def test_prompts_and_completions(look):
    looked = look(ai.lines(*ai.COMPLETIONS))
    assert looked.report.format == "completions"
    assert said(looked) == [
        [("user", "Where is my order?"), ("assistant", "It left on Monday.")],
        [("user", "Hi"), ("agent", "Hello"), ("user", "Refund?"), ("assistant", "Sure.")],
        [("user", "Is ivy toxic?"), ("assistant", "Its berries are.")],
        [("user", "Is ivy toxic?"), ("assistant", "Eat some.")],
    ]
    assert [one.turns[-1].rating for one in looked.conversations] == [None, None, 1, -1]


def test_lines_of_every_shape_in_one_file(look):
    bodies = [{"messages": [{"role": "user", "content": "one"}]}, ai.PAIRS["texts"], ai.ALPACA[0], ai.COMPLETIONS[0],
              {"text": "two", "label": "x"}, {"question": "three", "answer": "four"}]  # fmt: skip
    looked = look(ai.lines(*bodies), format="jsonl")
    assert len(said(looked)) == 6
    assert said(looked)[-1] == [("user", "three"), ("assistant", "four")]
    assert accounted(looked)


def test_a_printed_conversation(look):
    text = "user: Balance?\nassistant: None\ntool: 12\nassistant: Twelve.\nNo more: really"
    looked = look(ai.lines({"messages_display": text}))
    assert said(looked) == [[("user", "Balance?"), ("assistant", "Twelve.\nNo more: really")]]
    assert looked.report.set_aside == {"tool_message": 2}


@pytest.mark.parametrize(
    ("text", "roles"),
    [
        ("Human: a\nAssistant: b", ["human", "assistant"]),
        ("You are kind.\n### Human: a\n### Assistant: b</s>", ["system", "human", "assistant"]),
        ("<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\nb<|im_end|>", ["user", "assistant"]),
        ("**Customer:** a\n**Agent:** b", ["customer", "agent"]),
        ("Human: a", None), ("Assistant: a", None), ("a note: b", None), ("", None), (None, None), (3, None),
    ],
)  # fmt: skip
def test_conversations_in_texts(text, roles):
    found = messages_in(text)
    assert found is None if roles is None else [one["role"] for one in found] == roles
    assert found is None or found[-1]["content"] == "b"


def test_branches():
    tree = {"a": Node(None, ("b", "c")), "b": Node("a", at=9.0), "c": Node("a", at=3.0)}
    assert live_branch(tree, "c") == ["a", "c"]
    assert live_branch(tree, "gone") == ["a", "b"]
    assert live_branch({}, "a") == []
    assert live_branch({"a": Node("b"), "b": Node("a")}, None) in (["a", "b"], ["b", "a"])
    assert live_branch({"a": Node(None, ("b",)), "b": Node(None)}, "b") == ["a", "b"]


FILES = {
    "chatgpt": ai.dumped(ai.chatgpt()), "open_webui": ai.dumped(ai.open_webui()), "sharegpt": ai.lines(*ai.SHAREGPT),
    "alpaca": ai.dumped(ai.ALPACA), "preference": ai.lines(*ai.PAIRS.values(), ai.HH),
    "completions": ai.lines(*ai.COMPLETIONS), "openai_chat": ai.dumped([{"messages": ai.TOOLS}]),
}  # fmt: skip


@pytest.mark.parametrize("kind", FILES)
def test_a_file_that_breaks_off_keeps_what_came_before(look, kind):
    content = FILES[kind]
    for share in (0.3, 0.6, 0.9):
        looked = look(content[: int(len(content) * share)], format=kind)
        assert accounted(looked)
        assert looked.report.set_aside


SWAPS = st.sampled_from([b"null", b"[]", b"{}", b'"x"', b"7", b"true", b'""', b"1e999", b'"\\ud800"'])


@settings(max_examples=80, deadline=None)
@given(kind=st.sampled_from(sorted(FILES)), data=st.data())
def test_any_mutation_ends_in_items_or_a_refusal(looker, tmp_path_factory, kind, data):
    tokens = FILES[kind].split(b" ") if kind in ("chatgpt", "open_webui") else FILES[kind].split(b", ")
    joint = b" " if kind in ("chatgpt", "open_webui") else b", "
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(tokens) - 1))
        head, colon, _ = tokens[at].rpartition(b": ")
        tokens[at] = data.draw(st.sampled_from([head + colon + data.draw(SWAPS), b"", tokens[at] * 2]))
    path = tmp_path_factory.mktemp("any") / "upload"
    for name in (kind, None):
        refused = None
        try:
            assert accounted(looker(path, joint.join(tokens), format=name))
        except ImportRefused as error:
            refused = error.ids["reason"]
        assert refused != ""


def test_every_kind_can_be_named():
    for kind in FILES:
        assert ImportOptions(format=kind).format == kind
