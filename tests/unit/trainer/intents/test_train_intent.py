"""Training an intent model by every method on a tiny base, from plenty of data down to none."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from data.dedupe import normal_form
from data.errors import AttuneError, Collapsed, DatasetError, JobCancelled
from export import confidence
from trainer.bases.catalogue import LocalBase
from trainer.core.callbacks import Row, best_epoch
from trainer.core.run_folder import MemoryLedger, RunFolder
from trainer.intents import augmentation, fold_training, intent_work
from trainer.intents.augmentation import Augmentation
from trainer.intents.train_intent import IntentData, TrainedIntent, Utterances, check_trainable, readable, train_intent
from trainer.recipes import IntentRecipe

MakeRun = Callable[..., RunFolder]
Say = Callable[..., Any]
METHODS = ("frozen", "top", "full")


@pytest.fixture(autouse=True, scope="module")
def _small_background() -> Iterator[None]:
    """Embedding hundreds of general utterances in every fold is most of the time these tests would take."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(intent_work, "MOST_BACKGROUND", 60)
        yield


by_every_method = pytest.mark.parametrize("method", METHODS)


def recipe_of(method: str, **given: Any) -> IntentRecipe:
    body = {
        "name": "t",
        "method": method,
        "folds": {"frozen": 3, "top": 2, "full": 0}[method],
        "epochs": 2,
        "batch_size": 16,
        "precision": "32-true",
        "max_length": 16,
        "learning_rate": 1e-3,
        "keep_base": 0.3 if method == "top" else 0.0,
    }
    return IntentRecipe(**{**body, **given})


def trained_on(
    some: Any, method: str, base: LocalBase, run: RunFolder, validation: Any = None, **given: Any
) -> TrainedIntent:
    held = None if validation is None else Utterances(validation.texts, validation.labels)
    data = IntentData(Utterances(some.texts, some.labels), held)
    return train_intent(recipe_of(method, **given), base, data, run)


@pytest.fixture(scope="module")
def trained(tiny: LocalBase, said: Say, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, TrainedIntent]:
    """By each method, on four labels of which one is out of scope and one has a single row."""
    some = said(20, ("refund", "delivery", "oos"))
    some.texts.append("open sunday")
    some.labels.append("hours")
    made = {}
    for method in METHODS:
        run = RunFolder(tmp_path_factory.mktemp(method), MemoryLedger(), threads=1, keep=False)
        made[method] = trained_on(some, method, tiny, run)
    return made


def answers(trained: TrainedIntent, texts: list[str]) -> tuple[list[str], Any]:
    with torch.inference_mode():
        ids, mask = map(torch.from_numpy, trained.renderer.pad(trained.renderer.utterances(texts)))
        found = confidence.score(trained.head, trained.encoder(ids, mask).numpy())
    return [trained.head.labels[at] for at in found.best], found


@by_every_method
def test_it_answers_what_it_was_taught(trained: Mapping[str, TrainedIntent], said: Say, method: str) -> None:
    some = said(12, ("refund", "delivery"), start=20)
    got, found = answers(trained[method], some.texts)
    right = [a == b for a, b in zip(got, some.labels, strict=True)]
    assert sum(right) / len(right) > 0.7
    assert ((found.confidence > 0) & (found.confidence < 1)).all()


@by_every_method
def test_what_comes_back_fits_together(trained: Mapping[str, TrainedIntent], method: str) -> None:
    one = trained[method]
    assert one.head.labels == ("delivery", "hours", "oos", "refund")
    assert one.known_labels == set(one.head.labels)
    assert one.head.weight.shape == (4, 32)
    assert one.head.temperature == one.calibration.temperature
    np.testing.assert_array_equal(one.head.scope, one.calibration.scope)
    assert set(one.head.neighbour_labels.tolist()) == {0, 1, 2, 3}
    assert one.encoder_is_base == (method == "frozen")
    assert not one.encoder.training
    assert one.seconds > 0
    assert one.history
    assert all(np.isfinite(row.training_loss) for row in one.history)
    assert 0 <= one.calibration.accuracy <= 1
    assert np.isfinite(one.calibration.oos)


@by_every_method
def test_only_frozen_leaves_the_encoder_alone(
    trained: Mapping[str, TrainedIntent], tiny: LocalBase, method: str
) -> None:
    base = tiny.encoder().state_dict()
    same = [torch.equal(value, base[name]) for name, value in trained[method].encoder.state_dict().items()]
    assert all(same) == (method == "frozen")


@by_every_method
def test_the_same_seed_gives_the_same_model(tiny: LocalBase, said: Say, make_run: MakeRun, method: str) -> None:
    some = said(8, ("refund", "delivery"))
    models = [
        trained_on(some, method, tiny, make_run(f"{at}", keep=False), seed=seed) for at, seed in enumerate((5, 5, 6))
    ]
    first, second, other = models
    assert all(torch.equal(a, b) for a, b in zip(first.encoder.parameters(), second.encoder.parameters(), strict=True))
    for name in ("weight", "bias", "neighbours", "scope", "correct"):
        np.testing.assert_array_equal(getattr(first.head, name), getattr(second.head, name))
    assert first.history == second.history
    assert (first.calibration.answer, first.calibration.oos) == (second.calibration.answer, second.calibration.oos)
    if method != "frozen":
        assert not np.array_equal(first.head.weight, other.head.weight)


class Power(Exception):
    """The cable, pulled."""


@pytest.mark.parametrize(
    ("method", "at", "refit"),
    [("top", 3, False), ("top", 7, False), ("top", 12, False), ("full", 2, False), ("full", 6, True)],
)
def test_a_training_that_died_ends_as_if_it_had_not(
    tiny: LocalBase, said: Say, make_run: MakeRun, method: str, at: int, refit: bool
) -> None:
    some = said(16, ("refund", "delivery"))
    whole = trained_on(some, method, tiny, make_run("whole", keep=False), refit=refit)
    seen = 0

    def report(event: Mapping[str, Any]) -> None:
        nonlocal seen
        seen += event["type"] == "checkpoint"
        if seen == at:
            raise Power

    ledger = MemoryLedger()
    with pytest.raises(Power):
        trained_on(some, method, tiny, make_run(checkpoint_seconds=0.0, ledger=ledger, report=report), refit=refit)
    resumed = trained_on(some, method, tiny, make_run(checkpoint_seconds=0.0, ledger=ledger), refit=refit)
    for name in ("weight", "bias", "scope", "correct"):
        np.testing.assert_array_equal(getattr(whole.head, name), getattr(resumed.head, name))
    assert all(torch.equal(a, b) for a, b in zip(whole.encoder.parameters(), resumed.encoder.parameters(), strict=True))
    assert whole.history == resumed.history


def test_a_finished_fold_is_not_trained_again(tiny: LocalBase, said: Say, make_run: MakeRun) -> None:
    some, ledger = said(8, ("refund", "delivery")), MemoryLedger()
    first = trained_on(some, "top", tiny, make_run(ledger=ledger, checkpoint_seconds=0.0))
    stages: list[str] = []
    run = make_run(ledger=ledger, report=lambda event: stages.append(event.get("stage", "")), checkpoint_seconds=0.0)
    second = trained_on(some, "top", tiny, run)
    assert not any(stage.startswith("fold") for stage in stages)
    np.testing.assert_array_equal(first.head.weight, second.head.weight)
    assert first.history == second.history


@by_every_method
def test_a_wish_to_stop_is_heard(tiny: LocalBase, said: Say, make_run: MakeRun, method: str) -> None:
    def check() -> None:
        raise JobCancelled("Stop.")

    with pytest.raises(JobCancelled):
        trained_on(said(4), method, tiny, make_run(check=check, keep=False))


# What a business may bring. None: it must train. A kind of error: that, and no other.


def few(rows: int, *labels: str) -> Utterances:
    return Utterances(
        [f"please {label} {at}" for label in labels for at in range(rows)], [x for x in labels for _ in range(rows)]
    )


SAME = Utterances(["refund please"] * 20, ["a", "b"] * 10)
ODD = {
    "two labels": few(6, "refund", "delivery"),
    "two labels, two rows each": few(2, "refund", "delivery"),
    "six labels, two rows each": few(2, *"abcdef"),
    "one intent and out of scope": few(6, "refund", "oos"),
    "a label with a single row": Utterances([*few(6, "a", "b").texts, "x"], [*few(6, "a", "b").labels, "c"]),
    "all duplicates": SAME,
    "texts without a word": Utterances([""] * 12, ["a", "b"] * 6),
    "texts of unknown characters": Utterances(["☃ ☃", "\0\0"] * 6, ["a", "b"] * 6),
    "one very long text": Utterances(["refund " * 20_000, *few(3, "a", "b").texts], ["a", *few(3, "a", "b").labels]),
}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", ODD)
def test_little_or_odd_data_trains_or_is_refused(tiny: LocalBase, make_run: MakeRun, name: str, method: str) -> None:
    folds = {"folds": 5} if method == "frozen" else {}  # as the default recipe has it
    try:
        found = train_intent(recipe_of(method, epochs=1, **folds), tiny, IntentData(ODD[name]), make_run(keep=False))
    except AttuneError:
        return
    assert np.isfinite(found.head.weight).all()
    assert np.isfinite(found.head.scope).all()
    assert np.isfinite(found.calibration.oos)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("rows", [0, 1, 10])
def test_no_rows_one_row_or_one_label_are_refused(tiny: LocalBase, make_run: MakeRun, method: str, rows: int) -> None:
    data = IntentData(few(rows, "a"))
    with pytest.raises(DatasetError):
        train_intent(recipe_of(method), tiny, data, make_run(keep=False))


def test_a_full_training_without_a_row_to_hold_out_is_refused_or_measured(
    tiny: LocalBase, said: Say, make_run: MakeRun
) -> None:
    found = trained_on(said(3), "full", tiny, make_run(keep=False), epochs=1)
    assert np.isfinite(found.calibration.accuracy)


@pytest.mark.parametrize("held", [("login",), ("oos",), ()])
def test_a_full_training_is_measured_whatever_the_validation_rows_are_of(
    tiny: LocalBase, said: Say, make_run: MakeRun, held: tuple[str, ...]
) -> None:
    """None of them has an intent that was learned: some of the training rows take their place."""
    train, given = said(3, ("refund", "delivery", "oos")), said(4, held, start=10)
    found = trained_on(train, "full", tiny, make_run(keep=False), given, epochs=1)
    assert np.isfinite(found.calibration.accuracy)
    assert found.known_labels == {"refund", "delivery", "oos"}


def test_a_refit_learns_the_held_out_rows_too_for_the_epochs_that_they_chose(
    tiny: LocalBase, said: Say, make_run: MakeRun
) -> None:
    train, held = said(8, ("refund", "delivery")), said(4, ("refund", "delivery", "login"), start=10)
    once = trained_on(train, "full", tiny, make_run("once", keep=False), held)
    steps: dict[str, int] = {}

    def report(event: Mapping[str, Any]) -> None:
        if event["type"] == "progress":
            steps[event["stage"]] = event["steps"]

    again = trained_on(train, "full", tiny, make_run("again", keep=False, report=report), held, refit=True)
    assert (len(once.head.neighbours), len(again.head.neighbours)) == (16 + 2, 16 + 8 + 2)
    assert again.known_labels == {"refund", "delivery"}  # a label that only the held-out rows have is not learned
    epochs = best_epoch(again.history, "f1")
    assert (steps["final"], steps["refit"]) == (2 * 2, epochs * 2)  # 18 rows and 26, sixteen a step
    assert again.history == once.history
    assert again.calibration.thresholds() == once.calibration.thresholds()
    assert not torch.equal(next(again.encoder.parameters()), next(once.encoder.parameters()))


def test_a_model_that_is_hardly_ever_right_is_refused(tiny: LocalBase, said: Say, make_run: MakeRun) -> None:
    """Every label is taken for the next one."""
    some = said(10, ("refund", "delivery"))
    swap = {"refund": "delivery", "delivery": "refund"}
    wrong = Utterances(some.texts, [swap[label] for label in some.labels])
    data = IntentData(Utterances(some.texts, some.labels), wrong)
    with pytest.raises(Collapsed) as caught:
        train_intent(recipe_of("full", epochs=1), tiny, data, make_run(keep=False))
    assert caught.value.remedy


def test_a_model_that_answers_one_label_for_all_is_refused(tiny: LocalBase, said: Say, make_run: MakeRun) -> None:
    wild = {"learning_rate": 0.99, "head_learning_rate": 0.99, "clip_norm": 1e30, "warmup_share": 0.0, "keep_base": 0.0}
    with pytest.raises(AttuneError):
        trained_on(said(12), "top", tiny, make_run(keep=False), **wild)
    for method in ("top", "full"):
        with pytest.raises(Collapsed, match="same answer") as caught:
            trained_on(said(12), method, tiny, make_run(method, keep=False), **wild)
        assert caught.value.remedy


def test_a_label_that_is_much_more_frequent_is_no_collapse(tiny: LocalBase, said: Say, make_run: MakeRun) -> None:
    often, seldom = said(28, ("refund",)), said(7, ("delivery",))
    rows = Utterances([*often.texts, *seldom.texts], [*often.labels, *seldom.labels])
    for method in METHODS:
        train_intent(recipe_of(method), tiny, IntentData(rows), make_run(method, keep=False))


def test_general_utterances_may_be_learned_as_out_of_scope(tiny: LocalBase, said: Say, make_run: MakeRun) -> None:
    for method in METHODS:
        found = trained_on(said(6), method, tiny, make_run(method, keep=False), epochs=1, exposure=20)
        assert found.head.labels == ("delivery", "login", "oos", "refund")
        assert found.known_labels == {"delivery", "login", "refund"}


def test_the_best_epoch_is_the_first_of_the_best_or_the_last_where_none_was_measured() -> None:
    def row(epoch: int, **measured: float) -> Row:
        return Row(1.0, float(epoch), epoch, None, measured)

    assert best_epoch([row(1, f1=0.5), row(2, f1=0.9), row(3, f1=0.9)], "f1") == 2
    assert best_epoch([row(1), row(2)], "f1") == 2


def test_rows_that_weigh_nothing_do_no_harm(tiny: LocalBase, said: Say, make_run: MakeRun) -> None:
    given = {"epochs": 1, "exposure": 60, "exposure_weight": 0.0, "batch_size": 2, "validation_share": 0.3}
    trained_on(said(10), "full", tiny, make_run(keep=False), **given)


def test_validation_rows_are_learned_by_recipes_with_folds_and_scored_by_those_without(
    tiny: LocalBase, said: Say, make_run: MakeRun
) -> None:
    train, held = said(8, ("refund", "delivery")), said(4, ("login",), start=10)
    found = trained_on(train, "frozen", tiny, make_run(keep=False), held)
    assert found.known_labels == {"refund", "delivery", "login"}
    held = said(4, ("refund", "delivery", "login"), start=10)
    found = trained_on(train, "full", tiny, make_run("full", keep=False), held, epochs=1)
    assert found.known_labels == {"refund", "delivery"}
    assert len(found.head.neighbours) == 16 + 2  # the rows learned and two names
    assert found.calibration.outside.sum() > 0


def test_thresholds_come_from_rows_that_were_not_learned(
    tiny: LocalBase, said: Say, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No text that is scored lies at cosine 1 to a neighbour of the head that scores it."""
    seen: list[float] = []
    real = intent_work.calibrate

    def watch(held: Any, **given: Any) -> Any:
        for part in held:
            near = part.head.neighbours.astype(np.float32)
            seen.extend((part.embeddings @ near.T).max(axis=1).tolist())
        return real(held, **given)

    monkeypatch.setattr(intent_work, "calibrate", watch)
    some = said(10, ("refund", "delivery", "login"))
    assert len(set(some.texts)) == len(some.texts)
    for method in METHODS:
        trained_on(some, method, tiny, make_run(method, keep=False), epochs=1)
    assert seen
    assert max(seen) < 0.9999


def test_neighbours_are_thinned(tiny: LocalBase, said: Say, make_run: MakeRun) -> None:
    found = trained_on(said(10), "frozen", tiny, make_run(keep=False), neighbours=7)
    assert len(found.head.neighbours) == 7


@pytest.mark.parametrize(
    ("label", "given", "expected"),
    [
        ("card_lost", {}, ["card lost"]),
        ("Card-Lost.Stolen", {}, ["card lost stolen"]),
        ("a", {"a": ["I lost it", " "]}, ["I lost it"]),
        ("a", {"a": [" "]}, ["a"]),
        ("oos", {"oos": ["anything"]}, []),
    ],
)
def test_labels_are_read_aloud(label: str, given: dict[str, list[str]], expected: list[str]) -> None:
    assert readable(label, given) == expected


def test_descriptions_are_examples_and_may_be_left_out(tiny: LocalBase, said: Say, make_run: MakeRun) -> None:
    some = said(6, ("refund", "delivery"))
    rows = Utterances(some.texts, some.labels)
    told = IntentData(rows, descriptions={"refund": ["give me my money", "pay me back"]})
    counts = []
    for data, describe in ((told, True), (told, False), (IntentData(rows), True)):
        recipe = recipe_of("frozen", describe_labels=describe)
        counts.append(len(train_intent(recipe, tiny, data, make_run(keep=False)).head.neighbours))
    assert counts == [12 + 3, 12, 12 + 2]


@pytest.mark.parametrize("labels", [[], ["a"], ["a", "a"], ["a", "a", "b"], ["a", "a", "oos", "oos"], list("abc")])
def test_what_cannot_be_trained_is_said_beforehand(labels: list[str]) -> None:
    with pytest.raises(DatasetError, match="two intents") as caught:
        check_trainable(labels)
    assert caught.value.remedy


def test_two_intents_of_two_messages_can() -> None:
    check_trainable(["a", "a", "b", "b"])


def test_weights_are_kept_when_rows_are_picked() -> None:
    rows = Utterances(["x", "y", "z"], ["a", "b", "c"], [1.0, 0.5, 0.25])
    picked = rows.pick([2, 0])
    assert (picked.texts, picked.labels) == (["z", "x"], ["c", "a"])
    assert picked.weight().tolist() == [0.25, 1.0]
    assert Utterances(["x"], ["a"]).weight().tolist() == [1.0]


# Variations of the rows


def weights_of(trained: TrainedIntent) -> Any:
    return trained.head.weight


@pytest.mark.parametrize("method", ["frozen", "top"])
@pytest.mark.parametrize(("kept", "like"), [(True, "on"), (False, "off")])
def test_what_a_trial_decides_is_what_is_learned(
    tiny: LocalBase, said: Say, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch, method: str, kept: bool, like: str
) -> None:
    """Kept, the model is the one that a recipe which insists would give; left out, the one without."""
    some = said(8, ("refund", "delivery", "login"))
    real = fold_training.decide

    def decided(*given: Any) -> Augmentation:
        return replace(real(*given), decision="kept" if kept else "left_out")

    monkeypatch.setattr(fold_training, "decide", decided)
    # So that what is affordable is what a recipe that insists would make.
    monkeypatch.setattr(augmentation, "FREE", 10**6)
    tried = trained_on(some, method, tiny, make_run("tried", keep=False))
    plain = trained_on(some, method, tiny, make_run("plain", keep=False), augment=like)
    assert tried.augmentation.clean is not None
    assert tried.augmentation.rows > 0
    np.testing.assert_array_equal(weights_of(tried), weights_of(plain))
    np.testing.assert_array_equal(tried.head.neighbours, plain.head.neighbours)
    assert tried.calibration.answer == plain.calibration.answer
    other = trained_on(some, method, tiny, make_run("other", keep=False), augment="off" if kept else "on")
    assert not np.array_equal(weights_of(tried), weights_of(other))


def test_full_tries_where_it_has_the_time(
    tiny: LocalBase, said: Say, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    some = said(16, ("refund", "delivery"))
    monkeypatch.setattr(augmentation, "FREE", 0)
    assert trained_on(some, "full", tiny, make_run("a", keep=False)).augmentation.decision == "not_tried"
    monkeypatch.setattr(augmentation, "FREE", 10**6)
    tried = trained_on(some, "full", tiny, make_run("b", keep=False))
    assert tried.augmentation.decision in ("kept", "left_out")
    assert tried.augmentation.clean is not None


@by_every_method
@pytest.mark.parametrize("augment", ["auto", "on"])
def test_variations_are_scored_nowhere_and_are_nobody_s_neighbours(
    tiny: LocalBase, said: Say, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch, method: str, augment: str
) -> None:
    """What thresholds come from is every row that was given, once, whatever was made of the rows."""
    scored: list[int] = []
    real = intent_work.calibrate

    def watch(held: Any, **given: Any) -> Any:
        scored.append(sum(len(part.labels) for part in held))
        return real(held, **given)

    monkeypatch.setattr(intent_work, "calibrate", watch)
    monkeypatch.setattr(augmentation, "FREE", 10**6)
    some = said(10, ("refund", "delivery"))
    found = trained_on(some, method, tiny, make_run(method, keep=False), augment=augment, epochs=1)
    assert found.augmentation.rows > 0
    plain = trained_on(some, method, tiny, make_run("plain", keep=False), augment="off", epochs=1)
    assert scored[0] == scored[1]
    assert len(found.head.neighbours) == len(plain.head.neighbours)
    assert found.known_labels == {"refund", "delivery"}
    assert found.robustness.rows == plain.robustness.rows > 0


def test_a_variation_belongs_to_the_fold_of_its_origin(tiny: LocalBase, said: Say, make_run: MakeRun) -> None:
    some = said(12, ("refund", "delivery", "login", "hours", "warranty"))
    data = IntentData(Utterances(some.texts, some.labels), held_out=["Please refund, money!"])
    work = intent_work.Work(recipe_of("frozen"), tiny, tiny.renderer(16), data, make_run(keep=False))
    folded = fold_training.Folded.of(work)
    assert folded.varied.more
    for fold in folded.plan:
        learned = folded.varied.coming_of(fold.learn)
        assert {folded.varied.more[at].origin for at in learned} <= set(fold.learn)
        texts = {normal_form(some.texts[row]) for row in fold.score}
        own = {normal_form(some.texts[row]) for row in fold.learn}
        said_anew = {normal_form(text) for text in folded.varied.learned(fold.learn).texts}
        assert not (said_anew - own) & texts
        assert normal_form("please refund money") not in said_anew
    assert all("casing" not in one.operators for one in folded.varied.more)  # this base reads none
