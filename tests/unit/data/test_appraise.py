"""What is said about a dataset follows from its rows, its manifest and what a model has measured."""

import json

import numpy as np

from data.appraise import ENOUGH_PAIRS, MOST_SUSPECTS, Evidence, Suspect, appraise, too_little
from data.curve import Point
from tests.unit.data.frozen_rows import Frozen, row

ROWS = [row(f"message {at}", "refund" if at % 2 else "delivery") for at in range(200)]


def evidence(rows, **more):
    return Evidence("minilm-l6", 126, **({"unknown": np.zeros(rows), "tokens": np.full(rows, 4)} | more))


def codes(appraisal):
    return {finding.code: finding for finding in appraisal.findings}


def test_a_sound_dataset_gives_no_finding_and_is_written_as_json():
    found = appraise(Frozen(ROWS), evidence(200))
    assert set(codes(found)) <= {"too_little_data"}
    wire = json.loads(json.dumps(found.to_wire()))
    assert wire["labels"] == {"delivery": 100, "refund": 100}
    assert wire["figures"]["lengths"]["user"] == [["1–10", 110], ["11–20", 90]] or wire["figures"]["lengths"]
    assert wire["curve"] == {}


def test_the_same_checks_hold_for_uploads_and_datasets():
    odd = [row("same words", "Refund"), row("same  words", "refund"), row("say <|im_start|>", "nan")]
    found = codes(appraise(Frozen([*ROWS, *odd])))
    assert {"conflicting_labels", "label_twins", "odd_labels", "special_tokens", "small_classes"} <= set(found)
    assert found["conflicting_labels"].rows


def test_label_errors_stand_in_the_order_of_doubt_with_what_they_look_like():
    dataset = Frozen(ROWS)
    order = [one.text for split in ("train", "validation", "test") for one in dataset.rows(split)]
    found = appraise(dataset, evidence(200, suspects=[Suspect(9, "refund", 0.93), Suspect(2, "delivery", 0.6)]))
    assert [one["row"] for one in found.label_errors] == [9, 2]
    assert found.label_errors[0]["text"] == order[8]
    assert found.label_errors[0]["confidence"] == 0.93
    finding = codes(found)["label_errors"]
    assert (finding.count, finding.rows) == (2, (9, 2))
    assert "rather refund" in finding.sample


def test_many_label_errors_are_all_counted_and_some_are_shown():
    many = [Suspect(at + 1, "refund", 0.9) for at in range(200)] * 2
    found = appraise(Frozen(ROWS), evidence(200, suspects=many))
    assert codes(found)["label_errors"].count == 400
    assert len(found.label_errors) <= MOST_SUSPECTS


def test_over_long_messages_are_told_by_the_tokens_of_the_base():
    tokens = np.full(200, 4)
    tokens[17] = 300
    finding = codes(appraise(Frozen(ROWS), evidence(200, tokens=tokens)))["long_turns"]
    assert (finding.rows, finding.sample) == ((18,), "minilm-l6 reads 126 tokens; the longest message has 300")


def test_a_few_unknown_tokens_are_nothing_to_speak_of():
    unknown = np.zeros(200)
    unknown[3] = 0.5
    assert "unknown_tokens" not in codes(appraise(Frozen(ROWS), evidence(200, unknown=unknown)))
    unknown[:50] = 0.5
    assert codes(appraise(Frozen(ROWS), evidence(200, unknown=unknown)))["unknown_tokens"].count == 50


def test_how_much_is_missing_is_said_for_each_task():
    few = [row(f"t{at}", f"label {at % 4}", split="train", reply="yes") for at in range(12)]
    lacks = {lack.task: lack for lack in too_little(Frozen(few).manifest)}
    assert (lacks["intent"].have, lacks["intent"].missing) == (12, 68)
    assert lacks["measuring"].missing == 500, "a tenth of all messages falls into test"
    assert lacks["reply"].missing == ENOUGH_PAIRS - 12
    finding = codes(appraise(Frozen(few)))["too_little_data"]
    assert "68 more until 20 labelled messages for each label" in finding.sample


def test_spans_and_sentiments_lack_something_only_where_some_are_marked():
    def lacks(entities: dict, sentiments: dict) -> dict:
        manifest = {**Frozen(ROWS).manifest, "entities": {"train": entities}, "sentiments": sentiments}
        return {lack.task: (lack.have, lack.missing) for lack in too_little(manifest)}

    assert lacks({"day": 60, "people": 20}, {"train": {"glad": 30, "angry": 20}, "validation": {"glad": 8}}) == {
        **lacks({}, {}),
        "entities": (80, 30),
        "sentiment": (58, 42),
    }
    assert not {"entities", "sentiment"} & lacks({}, {}).keys()
    assert not {"entities", "sentiment"} & lacks({"day": 60, "people": 40}, {"train": {"glad": 100}}).keys()
    older = {name: value for name, value in Frozen(ROWS).manifest.items() if name not in ("entities", "sentiments")}
    assert {lack.task for lack in too_little(older)} == set(lacks({}, {}))


def test_a_flat_curve_asks_for_nothing_and_a_rising_one_says_how_much():
    rising = [Point(100, 0.6), Point(200, 0.7), Point(400, 0.77), Point(800, 0.82)]
    found = appraise(Frozen(ROWS), evidence(200, points=rising))
    assert "82.0% with 800 messages" in codes(found)["more_data_helps"].sample
    assert 0.82 < found.curve["with_twice_as_many"] < 0.9
    assert found.curve["rows_for"]["0.85"] > 800
    flat = [Point(100, 0.9), Point(200, 0.905), Point(400, 0.907), Point(800, 0.908)]
    assert "more_data_helps" not in codes(appraise(Frozen(ROWS), evidence(200, points=flat)))


def test_splits_that_share_or_lack_something():
    shared = Frozen([*ROWS, row("rare words", "rare", split="test")], seen={"test": 2}, near={"test": 4})
    found = codes(appraise(shared))
    assert (found["seen_in_train"].count, found["near_leakage"].count) == (2, 4)
    assert found["missing_from_split"].sample == "train lacks rare"


def test_repeats_count_by_their_weight():
    repeated = [row(f"where is it {at}", "a", weight=0.25, split="train") for at in range(8)]
    assert codes(appraise(Frozen(repeated)))["near_duplicates"].count == 6
