"""The floor learns, bears poor data, and BM25 is the published formula."""

import math
from collections import Counter

import numpy as np
import pytest

from data.errors import DatasetError
from trainer.judgement.floor import Bm25, IntentFloor, terms

TEXTS = ["where is my parcel", "track the parcel please", "refund my money", "money back please", "parcel lost"]
LABELS = ["track", "track", "refund", "refund", "track"]


def test_it_learns_and_its_columns_follow_its_labels() -> None:
    floor = IntentFloor.fit(TEXTS * 3, LABELS * 3)
    table = floor.probabilities(["my parcel", "the money"])
    assert floor.labels == ["refund", "track"]
    assert table.sum(axis=1) == pytest.approx([1, 1])
    assert [floor.labels[column] for column in table.argmax(axis=1)] == ["track", "refund"]
    assert floor.size_bytes() > 100


def test_the_same_data_and_seed_give_the_same_floor() -> None:
    first, second = (IntentFloor.fit(TEXTS, LABELS, seed=1).probabilities(["parcel"]) for _ in range(2))
    assert np.array_equal(first, second)


def test_weights_count_as_repeats() -> None:
    once = IntentFloor.fit([*TEXTS, "parcel"], [*LABELS, "refund"], weights=[1, 1, 1, 1, 1, 50])
    assert once.labels[int(once.probabilities(["parcel"]).argmax())] == "refund"


@pytest.mark.parametrize(
    ("texts", "labels", "expected"),
    [(["a b", "c d"], ["x", "x"], [1.0]), (["!!", "??", "..", ""], ["x", "y", "y", "y"], [0.25, 0.75])],
)
def test_one_label_or_no_letters_give_the_shares(texts: list[str], labels: list[str], expected: list[float]) -> None:
    floor = IntentFloor.fit(texts, labels)
    assert floor.probabilities(["anything", "?"]).tolist() == [expected, expected]
    assert floor.size_bytes() == 8 * len(expected)


def test_no_messages_no_answer_and_no_training() -> None:
    assert IntentFloor.fit(TEXTS, LABELS).probabilities([]).shape == (0, 2)
    with pytest.raises(DatasetError, match="at least one"):
        IntentFloor.fit([], [])


def test_terms_are_words_or_characters_of_scripts_without_spaces() -> None:
    assert terms("Où est-IL? [email 1]") == ["où", "est", "il", "email", "1"]
    assert terms("退款abc") == ["退", "款", "abc"]


REPLIES = ["your parcel is on its way", "we refund the money", "a parcel is a parcel", ""]


def reference_bm25(query: str, replies: list[str]) -> list[float]:
    k1, b = 1.2, 0.75
    documents = [terms(reply) for reply in replies]
    mean = sum(map(len, documents)) / len(documents)
    scores = []
    for document in documents:
        score = 0.0
        for term, times in Counter(terms(query)).items():
            holding = sum(term in other for other in documents)
            rarity = math.log(1 + (len(documents) - holding + 0.5) / (holding + 0.5))
            count = document.count(term)
            score += times * rarity * count * (k1 + 1) / (count + k1 * (1 - b + b * len(document) / mean))
        scores.append(score)
    return scores


@pytest.mark.parametrize("query", ["is my parcel lost", "refund refund money", "zebra", ""])
def test_bm25_is_the_published_formula(query: str) -> None:
    assert Bm25(REPLIES).scores([query])[0].tolist() == pytest.approx(reference_bm25(query, REPLIES), rel=1e-5)


def test_bm25_scores_every_pair_and_bears_nothing() -> None:
    index = Bm25(REPLIES)
    assert index.scores(["parcel", "money"]).shape == (2, 4)
    assert index.scores([]).shape == (0, 4)
    assert index.size_bytes() > 0
    assert Bm25([]).scores(["parcel"]).shape == (1, 0)
    assert Bm25([""]).scores(["parcel"]).tolist() == [[0.0]]
