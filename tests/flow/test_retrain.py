"""One retraining from log to release, by the job's handler: what it leaves, how it is refused, what a kill costs."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from data.errors import RecipeError
from data.jobs import JobContext
from data.store import jobs, releases, runs
from data.store.releases import Promotion
from export.predict import Predictor
from export.release import verify_release
from export.runtime import EncoderPool
from tests.brand import FROZEN, INTENTS, TOP, Brand, brand_at, brand_like, log, metrics
from trainer import pipeline
from trainer.judgement import weighing
from trainer.order import Order

# As `python -m trainer` does: torch and the exporter warn of what is none of ours.
pytestmark = pytest.mark.filterwarnings("ignore")

VERDICT = {
    "decision", "reasons", "models", "flips", "parity", "slices", "against", "forgetting", "findings", "feedback",
}  # fmt: skip
RESULT = {"release", "state", "promoted", "verdict", "dataset", "seconds"}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, base: Path) -> tuple[Path, Any]:
    """A home in which one retraining of both tasks has succeeded, and that job. Copied, never changed."""
    home = tmp_path_factory.mktemp("trained") / "home"
    with brand_at(home, base, log(240)) as brand:
        done = brand.retrain(recipe=FROZEN)
        assert done.state == "succeeded", done.error
    return home, done


@pytest.fixture
def again(trained: tuple[Path, Any], base: Path, tmp_path: Path) -> Iterator[Brand]:
    """A home of one's own in which release 1 stands."""
    with brand_like(trained[0], tmp_path / "home", base) as made:
        yield made


@pytest.fixture
def make_brand(base: Path, tmp_path: Path) -> Iterator[Callable[..., Brand]]:
    with ExitStack() as stack:
        yield lambda content=b"": stack.enter_context(brand_at(tmp_path / "home", base, content))


def decided(monkeypatch: pytest.MonkeyPatch, decision: str) -> None:
    """Let the verdict say so, whatever the figures."""
    decide = weighing.decide
    monkeypatch.setattr(weighing, "decide", lambda *given: replace(decide(*given), decision=decision))


def test_a_retraining_leaves_a_release_that_answers(trained: tuple[Path, Any], again: Brand) -> None:
    result = trained[1].result
    assert set(result) == RESULT
    assert set(result["verdict"]) == VERDICT
    assert set(result["seconds"]) == set(pipeline.PHASES)
    assert set(result["verdict"]["models"]) == {"floor", "base", "candidate"}
    for interval in result["verdict"]["models"]["candidate"].values():
        assert set(interval) == {"value", "low", "high"}
    assert (result["release"], result["promoted"]) == (1, False)
    (told,) = [event.data for event in again.events(trained[1]) if event.type == "estimate"]
    assert set(told) == {"seconds", "memory_bytes", "steps", "rows", "suffices", "why"}
    assert told["rows"] > 200
    (row,) = again.releases()
    assert (row.state, row.verdict) == (result["state"], result["verdict"])
    assert json.loads((again.folder(1) / "verdict.json").read_text()) == result["verdict"]
    held = verify_release(again.folder(1), again.settings.home / "encoders")
    assert held.digest == row.digest
    assert set(held.facts.encoders) == {"intent", "reply"}
    assert held.facts.lineage["dataset"] == result["dataset"]
    with Predictor.load(again.folder(1), EncoderPool(again.settings.home / "encoders")) as bot:
        assert set(bot.parts.intent.head.labels) == set(INTENTS)  # type: ignore[union-attr]
        assert bot.reply([("user", "refund money")]).reply
        felt = bot.understand("refund money").sentiment
        assert felt is not None
        assert felt.label in {"positive", "negative", "ambiguous", "neutral"}
    (handed_on,) = [event.data for event in again.events(trained[1]) if event.type == "sentiment"]
    assert handed_on["source"] == "distilled"
    assert held.facts.lineage["sentiment"] == handed_on
    assert again.is_sound()


def test_the_card_is_read_by_machines_and_names_no_path(trained: tuple[Path, Any], base: Path) -> None:
    folder = trained[0] / "releases" / "acme" / "1"
    card = (folder / "README.md").read_text()
    front = yaml.safe_load(card.split("---\n")[1])
    assert front["base_model"] == "tiny"
    assert front["model-index"][0]["name"] == "acme@1"
    for path in folder.rglob("*"):
        if path.is_file():
            assert str(base.parent).encode() not in path.read_bytes(), path.name


def test_the_run_says_how_it_ended_and_keeps_nothing(trained: tuple[Path, Any], again: Brand) -> None:
    with again.store.read() as tx:
        kept = runs.list_for(tx, again.bot_id, trained[1].id)
    assert {(run.task, run.state, run.base) for run in kept} == {
        ("intent", "succeeded", "tiny"),
        ("reply", "succeeded", "tiny"),
    }
    assert not list((again.settings.home / "runs").iterdir())
    assert not list((again.settings.home / "tmp").iterdir())


def test_a_second_retraining_is_compared_with_what_is_live(again: Brand, monkeypatch: pytest.MonkeyPatch) -> None:
    with again.store.begin() as tx:
        override = "for the test"
        releases.promote(tx, again.bot_id, Promotion(1, 0, "someone", "first", override))
    again.take_in(log(60, first=1000))
    again.profile(auto_promote=True)
    decided(monkeypatch, "promote")
    done = again.retrain(tasks=["intent"], recipe={**FROZEN, "seed": 3, "regularisation": 0.5})
    assert done.state == "succeeded", done.error
    assert (done.result["release"], done.result["state"], done.result["promoted"]) == (2, "published", True)
    verdict = done.result["verdict"]
    assert set(verdict["models"]) == set(verdict["slices"][0]["accuracy"]) == {"floor", "base", "live", "candidate"}
    assert {part["value"] for part in verdict["slices"] if part["slice"] == "data"} == {"new", "known"}
    worse = [flip for flip in verdict["flips"] if flip["change"] == "worse"]
    assert verdict["against"]["live"]["lost"] == len(worse)
    assert verdict["forgetting"]["intent"]["forgotten"] is None, "a random base knows nothing that could be forgotten"
    live = again.folder(1)
    with Predictor.load(live, EncoderPool(again.settings.home / "encoders")) as before:
        for flip in done.result["verdict"]["flips"]:
            assert flip["before"] in {*before.parts.intent.head.labels, "oos"}  # type: ignore[union-attr]
            assert flip["before"] != flip["after"]
    with again.store.read() as tx:
        now = releases.live(tx, again.bot_id)
        assert (now.release.number, now.version) == (2, 2)  # type: ignore[union-attr]
    assert again.is_sound()
    # What is live now knows no replies; a candidate that knows only replies is compared all the same.
    replies = again.retrain(tasks=["reply"])
    assert replies.state == "succeeded", replies.error
    assert "recall_at_1" not in replies.result["verdict"]["models"]["live"]


def test_a_damaged_live_release_does_not_stop_a_better_one(again: Brand) -> None:
    with again.store.begin() as tx:
        releases.promote(tx, again.bot_id, Promotion(1, 0, "someone", "first", "for the test"))
    head = again.folder(1) / "intent_head.safetensors"
    head.write_bytes(head.read_bytes()[:-8])
    done = again.retrain(tasks=["intent"], recipe={**FROZEN, "seed": 3})
    assert done.state == "succeeded", done.error
    verdict = done.result["verdict"]
    assert verdict["decision"] in ("hold", "reject")
    assert any("does not load" in reason for reason in verdict["reasons"])
    assert "live" not in verdict["models"]


@pytest.mark.parametrize(
    ("decision", "auto", "state", "promoted"),
    [("reject", True, "rejected", False), ("hold", True, "published", False), ("promote", False, "published", False)],
)
def test_nothing_goes_live_that_was_not_to(
    again: Brand, monkeypatch: pytest.MonkeyPatch, decision: str, auto: bool, state: str, promoted: bool
) -> None:
    again.profile(auto_promote=auto)
    decided(monkeypatch, decision)
    done = again.retrain(tasks=["reply"])
    assert done.state == "succeeded", done.error
    assert (done.result["state"], done.result["promoted"]) == (state, promoted)
    assert again.releases()[-1].state == state
    with again.store.read() as tx:
        assert releases.live(tx, again.bot_id).release is None


@pytest.mark.parametrize("phase", ["train", "evaluate", "publish"])
def test_a_cancelled_retraining_leaves_nothing_half(again: Brand, phase: str) -> None:
    job = again.order(recipe=TOP, tasks=["intent"])

    def handler(context: JobContext) -> dict[str, Any]:
        def emit(event: Mapping[str, Any]) -> None:
            if event.get("phase") == phase:
                with again.store.begin() as tx:
                    jobs.cancel(tx, job.id)
                context.beat()

        return pipeline.retrain(context, again.settings, emit)

    done = again.work(job, handler)
    if phase == "publish":  # its only check is the fence: either it stands whole or it never was
        assert done.state in ("cancelled", "succeeded")
    else:
        assert done.state == "cancelled"
    published = [row.number for row in again.releases() if row.state != "reserved"]
    assert sorted(int(path.name) for path in again.folder(0).parent.iterdir()) == published
    with again.store.read() as tx:
        assert all(run.state != "running" for run in runs.list_for(tx, again.bot_id))
    assert not list((again.settings.home / "tmp").iterdir())
    assert again.is_sound()


def test_a_bot_without_labels_learns_replies(make_brand: Callable[..., Brand]) -> None:
    brand = make_brand(log(200, labelled=False))
    done = brand.retrain()
    assert done.state == "succeeded", done.error
    assert set(done.result["verdict"]) == VERDICT
    assert done.result["verdict"]["decision"] == "hold"
    assert metrics(done.result["verdict"])["recall_at_1"]["value"] is not None
    assert verify_release(brand.folder(1), brand.settings.home / "encoders").facts.encoders.keys() == {"reply"}
    assert brand.is_sound()
    asked = brand.retrain(tasks=["intent"])
    assert (asked.state, asked.error["code"]) == ("failed", "dataset_unfit")


def test_a_bot_without_replies_learns_intents(make_brand: Callable[..., Brand]) -> None:
    brand = make_brand(log(200, answered=False))
    done = brand.retrain(recipe=FROZEN)
    assert done.state == "succeeded", done.error
    assert "recall_at_1" not in done.result["verdict"]["models"]["candidate"]
    assert verify_release(brand.folder(1), brand.settings.home / "encoders").facts.encoders.keys() == {"intent"}
    assert brand.is_sound()
    asked = brand.retrain(tasks=["reply"])
    assert (asked.state, asked.error["code"]) == ("failed", "dataset_unfit")


def test_a_handful_of_messages_trains(make_brand: Callable[..., Brand]) -> None:
    brand = make_brand(log(12, intents=("refund", "hours")))
    done = brand.retrain()
    assert done.state == "succeeded", done.error
    assert done.result["verdict"]["decision"] in ("hold", "reject")
    assert brand.is_sound()


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "nothing to train on"),
        (log(3), "intents"),
        (log(40, intents=("refund",)), "two intents"),
        (log(40, intents=("refund", "oos")), "two intents"),
        (log(40, labelled=False, answered=False), "nothing to train on"),
    ],
)
def test_too_little_data_is_said_in_words(make_brand: Callable[..., Brand], content: bytes, why: str) -> None:
    brand = make_brand(content)
    done = brand.retrain()
    assert (done.state, done.error["code"]) == ("failed", "dataset_unfit"), done.error
    assert done.attempt == 1
    assert why in done.error["message"]
    assert brand.releases() == []


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        ({"seed": 2**70}, "usage_invalid"),
        ({"seed": -1}, "usage_invalid"),
        ({"seed": "0"}, "usage_invalid"),
        ({"seed": True}, "usage_invalid"),
        ({"tasks": ["cooking"]}, "usage_invalid"),
        ({"tasks": "intent"}, "usage_invalid"),
        ({"tasks": [1, None]}, "usage_invalid"),
        ({"base": "no-such-base"}, "base_refused"),
        ({"base": 7}, "usage_invalid"),
        ({"recipe": "fast"}, "recipe_invalid"),
        ({"recipe": {"name": "x"}}, "recipe_invalid"),
        ({"tasks": ["reply"], "recipe": TOP}, "recipe_invalid"),
        ({"recipe": {**TOP, "batch_size": 0}}, "recipe_invalid"),
        ({"recipe": {**TOP, "epochs": 1e9}}, "recipe_invalid"),
        ({"recipe": {**TOP, "epochs": 10**9}}, "recipe_invalid"),
        ({"recipe": {**TOP, "made_up": 1}}, "recipe_invalid"),
    ],
)
def test_a_senseless_order_fails_once_with_its_reason(again: Brand, payload: dict[str, Any], code: str) -> None:
    done = again.retrain(**payload)
    assert (done.state, done.attempt, done.error["code"]) == ("failed", 1, code), done.error
    assert done.error["message"]
    assert len(again.releases()) == 1


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_no_number_is_no_learning_rate(value: float) -> None:
    """Not through the store: its JSON holds no such number."""
    with pytest.raises(RecipeError):
        Order.from_payload({"recipe": {**TOP, "learning_rate": value}})


def test_an_attempt_killed_after_its_release_only_ends_the_job(again: Brand, trained: tuple[Path, Any]) -> None:
    """The release of an attempt that died between publishing and ending is neither made again nor touched."""
    job = again.order(recipe=FROZEN, tasks=["intent"])

    class Killed(BaseException):
        pass

    def handler(context: JobContext) -> dict[str, Any]:
        pipeline.retrain(context, again.settings, lambda event: None)
        raise Killed

    with pytest.raises(Killed):
        again.work(job, handler)
    before = {path: path.read_bytes() for path in again.folder(2).rglob("*") if path.is_file()}
    done = again.work(again.job(job), lambda context: pipeline.retrain(context, again.settings, lambda event: None))
    assert done.state == "succeeded", done.error
    assert (done.result["release"], set(done.result)) == (2, RESULT)
    assert {path: path.read_bytes() for path in again.folder(2).rglob("*") if path.is_file()} == before
    assert len(again.releases()) == 2
    assert again.is_sound()


def test_a_worker_that_lost_its_job_touches_no_release(again: Brand) -> None:
    """One held up before publishing finds, when it wakes, that its heir has published: and leaves all as it is."""
    job = again.order(recipe=FROZEN, tasks=["intent"])
    found: dict[str, Any] = {}

    def handler(context: JobContext) -> dict[str, Any]:
        def emit(event: Mapping[str, Any]) -> None:
            if event.get("phase") == "publish" and not found:
                found["started"] = True
                with again.store.begin() as tx:
                    jobs.release_lease(tx, context.job)
                found["heir"] = again.work(
                    again.job(job), lambda c: pipeline.retrain(c, again.settings, lambda _: None)
                )
                found["files"] = {p: p.read_bytes() for p in again.folder(2).rglob("*") if p.is_file()}

        return pipeline.retrain(context, again.settings, emit)

    done = again.work(job, handler)
    assert found["heir"].state == done.state == "succeeded"
    assert {p: p.read_bytes() for p in again.folder(2).rglob("*") if p.is_file()} == found["files"]
    assert [event.type for event in again.events(job)].count("published") == 1
    assert again.is_sound()


def test_a_killed_worker_costs_nothing_but_time(again: Brand) -> None:
    """Killed once in the middle of a fit, taken up by the next worker: the metrics of the undisturbed job."""
    undisturbed = again.retrain(recipe=TOP, tasks=["intent"])
    job = again.order(recipe=TOP, tasks=["intent"])
    settings = {"JOBS__LEASE_SECONDS": 1, "JOBS__HEARTBEAT_SECONDS": 0.3, "TRAIN__CHECKPOINT_SECONDS": 0.2}
    more = {"JOBS__POLL_SECONDS": 0.1, "TRAIN__THREADS": 1, "TRAIN__ACCELERATOR": "cpu"}
    environment = {**os.environ, **{f"ATTUNE_{name}": str(value) for name, value in {**settings, **more}.items()}}
    command = [sys.executable, "-m", "trainer", "worker", "--home", str(again.settings.home), "--until-idle"]
    first = subprocess.Popen(command, env=environment, start_new_session=True)
    while first.poll() is None and not any(event.type == "progress" for event in again.events(job)):
        time.sleep(0.02)
    time.sleep(random.Random(0).uniform(0, 1))
    first.send_signal(signal.SIGKILL)  # the worker alone: its child must end by itself
    first.wait()
    assert subprocess.run(command, env=environment, timeout=280).returncode == 0
    done = again.job(job)
    assert done.state == "succeeded", done.error
    assert metrics(done.result["verdict"]) == metrics(undisturbed.result["verdict"])
    assert [row.number for row in again.releases()] == [1, 2, 3]
    assert again.is_sound()
