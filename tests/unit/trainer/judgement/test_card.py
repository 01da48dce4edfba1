"""The model card: front matter that parses, every section it promises, no customer's message, the same text twice."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import yaml

from data.profile import Acceptance
from export.label_head import LabelHead
from trainer.intents.augmentation import Augmentation, Gain
from trainer.intents.robustness import Robustness
from trainer.judgement.card import model_card
from trainer.judgement.card_facts import BaseFacts, CardFacts
from trainer.judgement.comparison import Comparison, Exchange, Slice
from trainer.judgement.forgetting import Forgetting
from trainer.judgement.intervals import Interval
from trainer.judgement.verdict import decide
from trainer.labels.sentiment import TrainedSentiment


def front(card: str) -> dict[str, object]:
    return dict(yaml.safe_load(card.split("---\n")[1]))


def test_the_front_matter_is_that_of_the_hub(facts: CardFacts) -> None:
    head = front(model_card(facts))
    assert head["license"] == "apache-2.0"
    assert head["language"] == ["en", "no"]
    assert head["base_model"] == "sentence-transformers/all-MiniLM-L6-v2"
    assert head["metrics"] == ["accuracy", "f1"]
    assert "attune" in head["tags"]  # type: ignore[operator]
    assert head["model-index"] == [
        {
            "name": "acme@7",
            "results": [
                {
                    "task": {"type": "text-classification", "name": "Intent classification"},
                    "dataset": {"type": "private", "name": "attune dataset ffffffffffff", "split": "test"},
                    "metrics": [
                        {"type": "accuracy", "name": "accuracy", "value": 0.9},
                        {"type": "f1", "name": "macro_f1", "value": 0.89},
                    ],
                }
            ],
        }
    ]


@pytest.mark.parametrize(
    "words",
    [
        "# acme@7",
        "**Verdict: promote** – it may go live.",
        "- The candidate is better than the simple word-counting model",
        "## Intended use and limits",
        "300 conversations from 2 uploads",
        "| train | 800 |",
        "| duplicate | 9 |\n| empty | 4 |",
        "| email | 7 |",
        "| learning_rate | 0.0001 |",
        "| Training Loss | Epoch | Step | Validation Loss | F1 |",
        "| 2.5000 | 0.50 | 10 | – | – |",
        "| 1.5000 | 1.00 | 20 | 1.2500 | 0.8123 |",
        "| No log | 2.00 | 40 | – | 0.8800 |",
        "Fitted in one step",
        "|  | floor | candidate |",
        "| Accuracy | 70.0 % (62.0 – 78.0 %) | 90.0 % (85.0 – 95.0 %) |",
        "got 9 right that the untuned base model got wrong, and 5 the other way round; a difference that large",
        "and 5 the other way round; a difference that large comes by chance less than once in 100.",
        "| language | en | 120 | 0.7000 (0.6128 – 0.7747) | 0.9000 (0.8333 – 0.9419) | – | – | – |",
        r"| cancel \| \$order\$ | 60 | 0.9000 | 0.8000 | 0.8500 |",
        r"| cancel \| \$order\$ | 退款 | 12 |",
        "| 0.93 – 1.00 | 100 | 0.9700 | 0.9500 |",
        "| answer | 0.6200 |\n| oos | – |",
        "## Licence of the base model",
        "    attune train acme --seed 0",
        "| torch | 2.13.0 |",
        "![Confusion matrix](confusion.png)",
        "![Calibration](calibration.png)",
        "![Learning curve](learning_curve.png)",
    ],
)
def test_the_card_says_what_it_must(facts: CardFacts, words: str) -> None:
    assert words in model_card(facts)


def test_it_is_the_same_text_every_time_and_holds_no_message(facts: CardFacts) -> None:
    card = model_card(facts)
    assert card == model_card(facts)
    assert "SECRET" not in card
    assert card.endswith("\n")
    assert not card.endswith("\n\n")


def test_a_card_of_almost_nothing_is_still_a_card(facts: CardFacts) -> None:
    bare = replace(
        facts,
        comparison=Comparison(0, 0, 0.9, {}, {}),
        verdict=replace(facts.verdict, models={}),
        tasks=(),
        languages=(),
        thresholds={},
        reproduce=(),
        versions={},
        plots=(),
        bases=[replace(facts.bases[0], digest="", attribution="")],
        data=replace(facts.data, splits={}, set_aside={}, redacted={}),
    )
    card = model_card(bare)
    assert front(card)["model-index"] == [{"name": "acme@7", "results": []}]
    assert "![" not in card
    for absent in ("## Intents", "## Calibration", "## How to reproduce", "SHA-256"):
        assert absent not in card


def test_a_release_that_writes_names_the_terms_of_both_its_bases(facts: CardFacts) -> None:
    writer = BaseFacts("some/chat", "cc-by-nc-4.0", "", "Terms: cc-by-nc-4.0 (non-commercial).")
    card = model_card(replace(facts, bases=[*facts.bases, writer]))
    assert front(card)["license"] == "other"
    assert front(card)["base_model"] == ["sentence-transformers/all-MiniLM-L6-v2", "some/chat"]
    assert "## Licence of the base models" in card
    assert "some/chat: cc-by-nc-4.0. Terms: cc-by-nc-4.0 (non-commercial)." in card


def test_what_got_worse_and_what_was_forgotten_stand_beside_the_results(facts: CardFacts) -> None:
    worse = Slice("language", "de", 40, {"floor": Interval.of_share(38, 40)}, Exchange("floor", 1, 12, 0.003, 0.01))
    comparison = replace(facts.comparison, slices=(worse,), forgetting={"intent": Forgetting(0.97, 0.8, 0.18)})
    verdict = decide(comparison, {"passed": True}, Acceptance(), [])
    card = model_card(replace(facts, comparison=comparison, verdict=verdict))
    for words in (
        "On messages in the language de it is worse than the simple word-counting model: of 40, it got 12 wrong",
        "Of what the base model knows of everyday language, the intent model forgot 18.0 %.",
        "What the comparison shows beside:",
        "| slice_regressed | warning | language de: of 40 messages",
        "| language_forgotten | warning | intent: of the everyday sentences that the base tells apart, 18.0% are lost",
        "| 1 | 12 | 0.010 |",
    ):
        assert words in card
    assert "What the checks of the data say" not in card


def test_perfect_answers_are_confused_with_nothing(facts: CardFacts) -> None:
    perfect = replace(facts.comparison, confusion=[("oos", "oos", 30)], slices=())
    card = model_card(replace(facts, comparison=perfect))
    assert "Most often confused" not in card
    assert "### Slices" not in card


def test_what_was_tried_and_what_is_still_right_stands_in_one_table(facts: CardFacts) -> None:
    clean, perturbed = Gain(400, 0.9, 0.92, 0.001, 0.03, 0.01), Gain(380, 0.8, 0.85, 0.02, 0.08, 0.001)
    tried = Augmentation("kept", "It helped.", 300, {"casing": 300}, clean, perturbed)
    stands = Robustness(380, (0.7, 0.6), (0.93, 0.85))
    task = replace(facts.tasks[0], augmentation=tried, robustness=stands)
    card = model_card(replace(facts, tasks=(task,)))
    for words in (
        "**Variations of the rows: kept.** It helped. Of the rows 300 variations were made.",
        "| the untuned base | 380 | 0.7000 | 0.6000 |\n| this model | 380 | 0.9300 | 0.8500 |",
        "| tried with variations | 400, 380 | 0.9200 | 0.8500 |",
        "| gain, and its p-value | 400, 380 | +0.0200 (0.010) | +0.0500 (0.001) |",
    ):
        assert words in card
    none = replace(task, augmentation=Augmentation("not_tried", "Too dear."), robustness=replace(stands, rows=0))
    card = model_card(replace(facts, tasks=(none,)))
    assert "**Variations of the rows: not tried.** Too dear." in card
    assert "this model" not in card


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("labels", "Learned from 120 messages that the brand has labelled"),
        ("default", "made from GoEmotions"),
        ("distilled", "Handed on to this release's own encoder by 120 general utterances"),
    ],
)
def test_it_says_where_a_sentiment_comes_from(facts: CardFacts, source: Any, words: str) -> None:
    zeros = np.zeros(2, dtype=np.float32)
    head = LabelHead(("good", "b|ad"), np.zeros((2, 3), dtype=np.float32), zeros, zeros, exclusive=False, source=source)
    card = model_card(replace(facts, sentiment=TrainedSentiment(head, 120, 0.75)))
    assert "### sentiment" in card
    assert words in " ".join(card.split())
    assert "### sentiment" not in model_card(facts)
