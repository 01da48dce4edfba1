"""What a release is told of corrections: those that may be learned and said, the newest last."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from data.profile import BotProfile
from data.schema import Example, Split
from export.corrections import Correction
from trainer.material import ROUNDS, Material


def row(name: str, split: Split, text: str = "where is my order [order 1]", **facts) -> Example:
    given = {"reply": f"reply {name}", "corrected": True, **facts}
    return Example(name, name, f"feedback_{name}", split, text, **given)


@dataclass
class Frozen:
    """A dataset in memory."""

    learned: list[Example]
    already_seen: list[Example]

    def rows(self, split: Split) -> Iterator[Example]:
        return (one for one in self.learned if one.split == split)

    def seen(self, split: Split) -> Iterator[Example]:
        return (one for one in self.already_seen if one.split == split)


def material(*learned: Example, seen: tuple[Example, ...] = ()) -> Material:
    return Material.read(Frozen([*learned], [*seen]), BotProfile(name="acme"))  # type: ignore[arg-type]


def test_what_was_corrected_in_train_and_validation_is_told_oldest_first() -> None:
    found = material(
        row("5", "train"),
        row("1", "validation"),
        row("2", "test"),
        row("3", "train", corrected=False),
        seen=(row("4", "validation"), row("6", "test")),
    ).corrections(lambda reply: False)
    assert [one.id for one in found] == ["feedback_1", "feedback_4", "feedback_5"]


def test_a_correction_carries_the_turn_before_and_whether_it_repeats_the_customer() -> None:
    after = row("1", "train", context=(("user", "hi [email 1]"), ("agent", "Yes?")), reply="To [email 1].", intent="a")
    strange = row("2", "train", text="and when", context=(("user", "hi"),), reply="It is [order 1].")
    assert material(after, strange).corrections(lambda reply: False) == (
        Correction("feedback_1", after.text, "Yes?", "To [email 1].", "a", echoes=True),
        Correction("feedback_2", "and when", None, "It is [order 1].", None, echoes=False),
    )


def test_what_may_not_be_said_and_what_has_no_reply_is_left_out() -> None:
    given = material(row("1", "train", reply="never"), row("2", "train", reply=None, intent="a"))
    assert given.corrections(lambda reply: reply == "never") == ()


ASKED = ("where is my parcel now", "please give my money back", "my password does not work", "when do you open today")


def labelled(split: Split, count: int = len(ASKED)) -> list[Example]:
    return [row(f"{split}{at}", split, f"{ASKED[at % 4]} {at}", intent=f"i{at % 4}") for at in range(count)]


def test_few_labelled_texts_are_also_asked_perturbed_under_their_labels() -> None:
    probe = material(*labelled("train", 40), *labelled("test")).probe()
    assert list(probe.texts[:4]) == [f"{ASKED[at]} {at}" for at in range(4)]
    assert 4 + 2 * 4 <= len(probe.texts) <= 4 * (1 + ROUNDS)
    assert len(set(probe.texts)) == len(probe.texts) == len(probe.truth)
    ends = dict(zip(probe.texts, probe.truth, strict=True))
    for text, label in ends.items():
        assert label == f"i{''.join(char for char in text if char.isdigit())[-1:]}"
    assert material(*labelled("train", 40), *labelled("test")).probe() == probe


def test_many_labelled_texts_are_asked_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainer.material.PROBED", 6)
    assert len(material(*labelled("test", 4)).probe().texts) == 6
    assert len(material(*labelled("test", 9)).probe().texts) == 9


def test_a_probe_without_labels_has_no_texts() -> None:
    probe = material(row("1", "test")).probe()
    assert (probe.texts, probe.truth, len(probe.conversations)) == ([], [], 1)
