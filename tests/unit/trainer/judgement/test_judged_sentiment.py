"""What messages sound like by floor, base, live and candidate: what is compared, what holds back, what says nothing."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from data.profile import Acceptance
from trainer.intents.intent_data import Utterances
from trainer.judgement.comparison import Comparison
from trainer.judgement.judged_sentiment import SILENT, compared
from trainer.judgement.verdict import decide

COUNT = 200
TRUTH = ["glad" if at % 2 else "angry" for at in range(COUNT)]


def rows(languages: Sequence[str | None] = ()) -> Utterances:
    texts = ["x" * (1 + at % 60) for at in range(COUNT)]
    return Utterances(texts, TRUTH, languages=list(languages) or ["en"] * COUNT)


def wrong(*at: int) -> list[str]:
    other = {"glad": "angry", "angry": "glad"}
    return [other[label] if place in at else label for place, label in enumerate(TRUTH)]


def test_a_sentiment_told_worse_than_live_by_more_than_chance_holds_the_candidate_back() -> None:
    lost = compared(rows(), rows(), {"live": wrong(*range(10)), "candidate": wrong(*range(60))}, seed=0)
    assert lost.scores["candidate"].value == pytest.approx(0.7, abs=0.01)
    told = lost.findings[0]
    assert (told.code, told.count) == ("sentiment_lost", COUNT)
    comparison = lost.into(Comparison(0, 0, 0.9, {"candidate": {}, "live": {}}, {}))
    assert comparison.models["candidate"]["sentiment_f1"] == lost.scores["candidate"]
    assert told.sample in decide(comparison, {"passed": True}, Acceptance(), lost.findings).reasons
    assert compared(rows(), rows(), {"live": wrong(*range(60)), "candidate": wrong(*range(10))}, seed=0).findings == ()


@pytest.mark.parametrize("count", [1, 4, 5])
def test_a_handful_of_messages_proves_nothing(count: int) -> None:
    few = rows().pick(range(count))
    truth = list(few.labels)
    other = {"glad": "angry", "angry": "glad"}
    assert compared(few, few, {"live": truth, "candidate": [other[one] for one in truth]}, seed=0).findings == ()


def test_a_language_in_which_it_got_worse_is_named_though_the_whole_got_better() -> None:
    languages = ["de" if at < 60 else "en" for at in range(COUNT)]
    said = {"live": wrong(*range(60, 120)), "candidate": wrong(*range(20))}
    (told,) = compared(rows(languages), rows(), said, seed=0).findings
    assert told.sample.startswith("sentiment: language de: of 60 messages it got 20 wrong that live gets right")
    assert told.count == 60


def test_who_says_nothing_is_wrong_and_makes_no_label_of_it() -> None:
    said = {"candidate": [SILENT if at < 20 else label for at, label in enumerate(TRUTH)]}
    found = compared(rows(), rows(), said, seed=0)
    # All that is said is right, and nine tenths of each label are found.
    assert found.scores["candidate"].value == pytest.approx(2 * 0.9 / 1.9)
    assert found.findings == ()


def test_a_sentiment_told_worse_than_by_words_alone_holds_the_candidate_back() -> None:
    behind = compared(rows(), rows(), {"floor": wrong(*range(10)), "candidate": wrong(*range(60))}, seed=0)
    (told,) = behind.findings
    assert (told.code, told.severity, told.count) == ("sentiment_below_floor", "warning", COUNT)
    assert told.sample.startswith("sentiment: the candidate tells it worse than words alone, -25.")
    comparison = behind.into(Comparison(0, 0, 0.9, {"candidate": {}, "floor": {}}, {}))
    verdict = decide(comparison, {"passed": True}, Acceptance(), behind.findings)
    assert told.sample in verdict.reasons
    assert verdict.decision == "hold"


@pytest.mark.parametrize(
    ("floor", "candidate"),
    [(range(60), range(10)), (range(30), range(32)), (range(10), range(10))],
    ids=["better", "by chance", "alike"],
)
def test_a_sentiment_no_worse_than_words_alone_is_not_spoken_of(floor: range, candidate: range) -> None:
    said = {"floor": wrong(*floor), "candidate": wrong(*candidate)}
    assert compared(rows(), rows(), said, seed=0).findings == ()


def test_words_are_no_better_for_messages_of_which_the_candidate_says_nothing() -> None:
    silent = [SILENT if at < 80 else label for at, label in enumerate(TRUTH)]
    assert compared(rows(), rows(), {"floor": TRUTH, "candidate": silent}, seed=0).findings == ()
    assert compared(rows(), rows(), {"floor": TRUTH, "candidate": [SILENT] * COUNT}, seed=0).findings == ()
    off = [SILENT if at < 80 else label for at, label in enumerate(wrong(*range(80, 120)))]
    (told,) = compared(rows(), rows(), {"floor": TRUTH, "candidate": off}, seed=0).findings
    assert (told.code, told.count) == ("sentiment_below_floor", COUNT - 80)
