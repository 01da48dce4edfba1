"""The judge tells manners apart, knows what it is worth, judges nothing it has read, and gives up on little."""

from __future__ import annotations

import json
import math
import random

import numpy as np
import pytest

from trainer.judgement.brand_voice import FEWEST, BrandVoice

SUBJECTS = ["parcel", "refund", "invoice", "account", "delivery", "lamp", "password", "order", "address", "discount"]
VERBS = ["left", "came back", "is open", "is late", "was changed", "is being looked at", "got lost", "is fine"]


def told(draw: random.Random) -> tuple[str, str]:
    return draw.choice(SUBJECTS), f"{draw.choice(VERBS)} on day {draw.randrange(1000)}"


def formal(count: int, seed: int) -> list[str]:
    draw = random.Random(f"formal {seed}")
    pairs = [told(draw) for _ in range(count)]
    return [f"Dear customer, your {thing} {state}. We remain at your disposal." for thing, state in pairs]


def chatty(count: int, seed: int) -> list[str]:
    draw = random.Random(f"chatty {seed}")
    return [f"hey!! so ur {thing} {state} :) lemme know" for thing, state in (told(draw) for _ in range(count))]


JUDGE = BrandVoice.fit(formal(120, 1), chatty(120, 1), seed=0)


def test_the_brands_manner_is_told_from_another_on_the_same_subjects() -> None:
    assert JUDGE is not None
    assert JUDGE.auroc().low > 0.99
    good, bad = JUDGE.judged(formal(40, 2)), JUDGE.judged(chatty(40, 2))
    assert good.replies.value == pytest.approx(good.own, abs=0.05)
    assert bad.replies.high < 0.2 < 0.8 < good.replies.low
    assert bad.others < 0.2
    wire = good.to_wire()
    assert set(wire) == {"brand_voice", "own", "others", "auroc", "rows"}
    assert wire["rows"] == 240
    json.dumps(wire, allow_nan=False)


def test_who_cannot_tell_says_so() -> None:
    same = formal(300, 3)
    judge = BrandVoice.fit(same[:150], same[150:], seed=0)
    assert judge is not None
    assert 0.35 < judge.auroc().value < 0.65
    assert judge.judged(formal(40, 4)).replies.value == pytest.approx(0.5, abs=0.15)


def test_a_copy_is_judged_by_the_model_that_has_not_read_it() -> None:
    draw = random.Random(5)
    noise = ["".join(draw.choices("abcdefghij ", k=40)).strip() + f" {number}" for number in range(200)]
    judge = BrandVoice.fit(noise[:100], noise[100:], seed=0)
    assert judge is not None
    copied = judge.scores([f"  {text.upper()}" for text in noise[:100]])  # the models have read these, all but one each
    assert copied.mean() == pytest.approx(0.5, abs=0.15)
    assert judge.scores(noise[:100]) == pytest.approx(judge._scores[judge._truth])


def test_texts_that_both_sides_say_or_one_says_often_count_once_or_not_at_all() -> None:
    own = formal(80, 6) + ["Thank you."] * 50
    judge = BrandVoice.fit(own, [*chatty(80, 6), "thank YOU."], seed=0)
    assert judge is not None
    assert judge.judged([]).rows == len({text.casefold() for text in own}) - 1 + len(set(chatty(80, 6)))


def test_too_little_makes_no_judge() -> None:
    assert BrandVoice.fit(formal(FEWEST - 1, 1), chatty(120, 1), seed=0) is None
    assert BrandVoice.fit(["Thank you."] * 200, chatty(120, 1), seed=0) is None
    assert BrandVoice.fit(formal(90, 1), formal(90, 1), seed=0) is None
    assert BrandVoice.fit([], [], seed=0) is None


def test_silence_and_no_replies() -> None:
    assert JUDGE is not None
    assert JUDGE.scores(["", " \n"]).tolist() == [0.5, 0.5]
    assert JUDGE.scores([]).shape == (0,)
    assert math.isnan(JUDGE.judged([]).replies.value)


def test_the_same_seed_is_the_same_judge() -> None:
    assert JUDGE is not None
    again = BrandVoice.fit(formal(120, 1), chatty(120, 1), seed=0)
    assert again is not None
    texts = [*formal(5, 9), *chatty(5, 9), "您好 👍"]
    assert np.array_equal(JUDGE.scores(texts), again.scores(texts))
    assert ((JUDGE.scores(texts) >= 0) & (JUDGE.scores(texts) <= 1)).all()
