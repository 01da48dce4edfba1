"""What accepted suggestions make of conversations, and how that is told."""

from __future__ import annotations

import pytest

from data.schema import Conversation, Turn
from data.store.conversations import StoredConversation
from data.store.suggestions import Place
from data.suggested import Outlook, labelled


def stored(key: str, *turns: Turn) -> StoredConversation:
    return StoredConversation(key, Conversation(id=key, turns=turns), f"print-{key}", 0)


def test_turns_get_the_labels_that_name_them_and_nothing_else_changes() -> None:
    one = stored("a", Turn("user", "hi"), Turn("agent", "hello"), Turn("user", "my parcel", intent="own"))
    other = stored("b", Turn("user", "hi"))
    labels = {Place("a", 0): "greeting", Place("a", 2): "parcel"}
    first, second = labelled([one, other], labels)
    assert [turn.intent for turn in first.conversation.turns] == ["greeting", None, "own"]
    assert [turn.text for turn in first.conversation.turns] == ["hi", "hello", "my parcel"]
    assert second is other
    assert list(labelled([one], {})) == [one]


@pytest.mark.parametrize(
    ("outlook", "why"),
    [
        (Outlook("proposed", {}, 1), "Once accepted, it labels 1 message in the next dataset."),
        (Outlook("accepted", {"train": 1200}, 4), "It labels 1,204 messages in the next dataset."),
        (
            Outlook("accepted", {"train": 2, "test": 1}, 0),
            (
                "It labels 3 messages in the next dataset. "
                "1 of them is a test message: it measures the model and never teaches it."
            ),
        ),
        (
            Outlook("proposed", {"test": 2}, 1),
            (
                "Once accepted, it labels 3 messages in the next dataset. "
                "2 of them are test messages: they measure the model and never teach it."
            ),
        ),
        (Outlook("dismissed", {"test": 2}, 1), "It labels no message."),
    ],
)
def test_what_accepting_means_is_said_in_words(outlook: Outlook, why: str) -> None:
    assert outlook.why == why
